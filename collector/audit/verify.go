package audit

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rollbridge/collector/database"
)

// A Fault is one thing that is not as it was written.
type Fault struct {
	Chain Chain `json:"chain"`
	// Seq is the entry at which it shows.
	Seq  int64  `json:"entry"`
	Text string `json:"text"`
	// Outside says that the chain itself is whole and only differs from what was kept
	// outside the database: so it is after a backup was restored.
	Outside bool `json:"differs_from_checkpoint"`
}

// A Report is what Verify and Check found.
type Report struct {
	Chains  int     `json:"chains"`
	Entries int64   `json:"entries_read"`
	Faults  []Fault `json:"faults"`

	// ends are those up to which it was read.
	ends map[Chain]end
}

// whole says whether nothing is wrong with a chain.
func (r Report) whole(c Chain) bool {
	return !slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Chain == c })
}

// An end is one row of audit_chains.
type end struct {
	seq, from      int64
	hash, fromHash []byte
}

// Verify reads every entry of every chain and proves each hash, and that the chains go on
// from each of the checkpoints, of which the last is the newest. It only reads.
func (l *Log) Verify(ctx context.Context, known ...Checkpoint) (Report, error) {
	return l.verify(ctx, known, func(e end, _ *Mark) (int64, []byte) { return e.from, e.fromHash })
}

// Check is Verify of only what was written since the newest checkpoint, and of how the
// chains join it: cheap enough for every look at the collector's state.
func (l *Log) Check(ctx context.Context, newest Checkpoint) (Report, error) {
	return l.verify(ctx, []Checkpoint{newest}, func(e end, m *Mark) (int64, []byte) {
		if m == nil || m.Seq <= e.from || m.Seq > e.seq {
			return e.from, e.fromHash
		}
		return m.Seq - 1, nil // the marked entry itself is compared with its mark
	})
}

// verify walks each chain from where begin says; a hash that is nil is not known.
func (l *Log) verify(ctx context.Context, known []Checkpoint, begin func(end, *Mark) (int64, []byte)) (Report, error) {
	report := Report{Faults: []Fault{}, ends: map[Chain]end{}}
	chains, err := l.chains(ctx)
	if err != nil {
		return report, fmt.Errorf("verify the audit log: %w", err)
	}
	for _, c := range allChains(chains, known) {
		w := walk{chain: c, known: marksOf(c, known)}
		err := l.db.Read(ctx, func(tx *database.Tx) error {
			w.read, w.faults, w.end = 0, nil, nil
			return w.run(ctx, tx, begin)
		})
		if err != nil {
			return report, fmt.Errorf("verify the audit chain %s: %w", c, err)
		}
		report.Chains++
		report.Entries += w.read
		report.Faults = append(report.Faults, w.faults...)
		if w.end != nil {
			report.ends[c] = *w.end
		}
	}
	return report, nil
}

// chains lists those that the database has, also those of which only entries are left.
func (l *Log) chains(ctx context.Context) (list []Chain, err error) {
	err = l.db.Read(ctx, func(tx *database.Tx) error {
		list = nil
		return tx.Each(ctx, "SELECT chain FROM audit_chains ORDER BY chain", nil, func(rows *sql.Rows) error {
			var c Chain
			if err := rows.Scan((*string)(&c)); err != nil {
				return err
			}
			list = append(list, c)
			return nil
		})
	})
	return list, err
}

func allChains(here []Chain, known []Checkpoint) []Chain {
	all := map[Chain]bool{}
	for _, c := range here {
		all[c] = true
	}
	for _, k := range known {
		for c := range k.Marks {
			all[c] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func marksOf(c Chain, known []Checkpoint) (list []Mark) {
	for _, k := range known {
		if m, ok := k.Marks[c]; ok {
			list = append(list, m)
		}
	}
	return list
}

// A walk goes along one chain.
type walk struct {
	chain  Chain
	known  []Mark // the newest last
	read   int64
	faults []Fault
	end    *end // nil where the chain is gone
}

func (w *walk) fault(outside bool, seq int64, text string, args ...any) {
	w.faults = append(w.faults, Fault{w.chain, seq, fmt.Sprintf(text, args...), outside})
}

func (w *walk) run(ctx context.Context, tx *database.Tx, begin func(end, *Mark) (int64, []byte)) error {
	var e end
	err := tx.QueryRow(ctx, "SELECT seq, hash, from_seq, from_hash FROM audit_chains WHERE chain = ?", string(w.chain)).Scan(&e.seq, &e.hash, &e.from, &e.fromHash)
	if errors.Is(err, sql.ErrNoRows) {
		w.fault(true, 0, "the chain is gone: it had %d entries", w.known[len(w.known)-1].Seq)
		return nil
	}
	if err != nil {
		return err
	}
	w.end = &e
	if e.from == 0 && !bytes.Equal(e.fromHash, first(w.chain)) {
		w.fault(false, 0, "the chain does not begin with its own name")
	}
	w.ends(e)
	var newest *Mark
	if len(w.known) > 0 {
		newest = &w.known[len(w.known)-1]
	}
	seq, hash := begin(e, newest)
	if seq, hash, err = w.entries(ctx, tx, seq, hash); err != nil {
		return err
	}
	switch {
	case seq < e.seq:
		w.fault(false, e.seq, "the last %d entries are missing", e.seq-seq)
	case seq > e.seq:
		w.fault(false, seq, "there are %d entries more than the chain has", seq-e.seq)
	case !bytes.Equal(hash, e.hash):
		w.fault(false, e.seq, "the last entry is not the one that the chain ends with")
	}
	return nil
}

// ends compares the two ends of the chain with what was kept outside.
func (w *walk) ends(e end) {
	for i, m := range w.known {
		if m.Seq > e.seq {
			w.fault(true, m.Seq, "the last %d entries were cut off: there were %d", m.Seq-e.seq, m.Seq)
		}
		w.compare(e.from, e.fromHash, m)
		if i == len(w.known)-1 && e.from > m.From {
			w.fault(true, e.from, "entries up to %d were deleted before their time", e.from)
		}
	}
}

// compare says that an entry is another one than it was.
func (w *walk) compare(seq int64, hash []byte, m Mark) {
	if seq == m.Seq && !bytes.Equal(hash, m.Hash) || seq == m.From && !bytes.Equal(hash, m.FromHash) {
		w.fault(true, seq, "entry %d and those before it are not the ones that were there", seq)
	}
}

// entries walks along what follows an entry and returns the last.
func (w *walk) entries(ctx context.Context, tx *database.Tx, seq int64, hash []byte) (int64, []byte, error) {
	known := hash != nil // the hash of the entry before
	err := eachRow(ctx, tx, func(r row) error {
		w.read++
		if r.seq != seq+1 {
			w.fault(false, r.seq, "%d entries before it are missing", r.seq-seq-1)
			known = false
		}
		if known && !bytes.Equal(r.hash, r.sum(hash)) {
			w.fault(false, r.seq, "the entry was changed, or the one before it")
		}
		for _, m := range w.known {
			w.compare(r.seq, r.hash, m)
		}
		seq, hash, known = r.seq, r.hash, true
		return nil
	}, rowColumns+"WHERE chain = ? AND seq > ? ORDER BY seq", string(w.chain), seq)
	return seq, hash, err
}
