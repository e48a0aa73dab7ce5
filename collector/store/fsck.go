package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Finding is one thing that is not as it must be. It names no pupil.
type Finding struct {
	School string
	// Check is which rule was broken, Text what was found.
	Check, Text string
}

// The rules that Fsck proves.
const (
	CheckPosition   = "position"   // the position is a batch that was applied
	CheckDigest     = "digest"     // the position's state is the sum of the counted tags
	CheckBodies     = "bodies"     // every record, version and quarantined record opens
	CheckOnce       = "once"       // each applied batch is in one delivery
	CheckKeys       = "keys"       // each pupil with a key has records or history, and each record its owner's key
	CheckQuarantine = "quarantine" // refused records and quarantine are the same set
	CheckHistory    = "history"    // versions of a key have no gap, and begin with 1 unless some were forgotten
	CheckInbox      = "inbox"      // what waits has a body that is its digest's; what is decided has none
	CheckStop       = "stop"       // what a stopped school sent waits under its hold key, and is gone when it should be
	CheckRoster     = "roster"     // every roster entry opens, and stands under its child's blind index
	CheckCalls      = "calls"      // every call that is not hidden opens, and only a school that stopped has hidden ones
)

// Fsck proves what the package comment guarantees, school by school, and opens
// every record; v may be nil, and then contents are not opened. No findings
// means all is well. It only reads.
func (s *Store) Fsck(ctx context.Context, v *vault.Vault) (found []Finding, err error) {
	ids, err := s.SchoolIDs(ctx)
	if err != nil {
		return nil, err
	}
	for _, school := range ids {
		err := s.Read(ctx, func(tx *Tx) error {
			f := &fsck{tx: tx, school: school, vault: v}
			err := f.run(ctx)
			if err == nil {
				found = append(found, f.found...)
			}
			return err
		})
		if err != nil {
			return found, wrap(err, "check %s", school)
		}
	}
	return found, nil
}

type fsck struct {
	tx     *Tx
	school string
	vault  *vault.Vault
	found  []Finding
	// stop is the stop that hid the school's data, nil if none did.
	stop *Stop
	// from is from when on nothing of the history was forgotten; 0 if nothing was.
	from int64
}

func (f *fsck) add(check, text string, args ...any) {
	f.found = append(f.found, Finding{f.school, check, fmt.Sprintf(text, args...)})
}

func (f *fsck) run(ctx context.Context) error {
	err := f.tx.QueryRow(ctx, "SELECT history_from FROM positions WHERE school = ?", f.school).Scan(&f.from)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	readable, err := f.stopped(ctx)
	if err != nil {
		return err
	}
	checks := []func(context.Context) error{f.inbox}
	if readable {
		checks = append(checks, f.position, f.counts, f.history)
	}
	if f.vault != nil && readable {
		checks = append(checks, f.bodies)
	}
	if f.vault != nil {
		checks = append(checks, f.roster, f.calls)
	}
	for _, check := range checks {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *fsck) position(ctx context.Context) error {
	var sum record.Digest
	err := f.tx.Each(ctx, "SELECT tag FROM records WHERE school = ? AND counted", []any{f.school}, func(r *sql.Rows) error {
		var tag []byte
		if err := r.Scan(&tag); err != nil {
			return err
		}
		if len(tag) != len(record.Tag{}) {
			f.add(CheckDigest, "a tag of %d bytes", len(tag))
			return nil
		}
		sum.Add(record.Tag(tag))
		return nil
	})
	if err != nil {
		return err
	}
	var has int
	if err := f.tx.QueryRow(ctx, "SELECT COUNT(*) FROM positions WHERE school = ?", f.school).Scan(&has); err != nil || has == 0 {
		if err == nil && sum != (record.Digest{}) {
			f.add(CheckDigest, "records count, but there is no position")
		}
		return err
	}
	p, err := f.tx.Position(ctx, f.school)
	if err != nil {
		return err
	}
	if sum != p.State {
		f.add(CheckDigest, "the position's state is not the sum of the counted tags")
	}
	if p.Link.Sequence == 0 {
		return nil
	}
	var n int
	err = f.tx.QueryRow(ctx, "SELECT COUNT(*) FROM inbox WHERE school = ? AND agent = ? AND generation = ? AND sequence = ? AND digest = ? AND state = 'applied'",
		f.school, p.Agent[:], int64(p.Generation), int64(p.Link.Sequence), p.Link.Digest[:]).Scan(&n)
	if err == nil && n == 0 {
		f.add(CheckPosition, "the position is at batch %d of generation %d, which the inbox does not know as applied", p.Link.Sequence, p.Generation)
	}
	return err
}

func (f *fsck) inbox(ctx context.Context) error {
	err := f.tx.Each(ctx, "SELECT sequence, digest, envelope, state FROM inbox WHERE school = ?", []any{f.school}, func(r *sql.Rows) error {
		var sequence int64
		var digest, body []byte
		var state string
		if err := r.Scan(&sequence, &digest, &body, &state); err != nil {
			return err
		}
		kept := state == "waiting" || state == "set_aside"
		switch sum := sha256.Sum256(body); {
		case kept && string(sum[:]) != string(digest):
			f.add(CheckInbox, "batch %d is %s, but its body is not the one that got the receipt", sequence, state)
		case !kept && body != nil:
			f.add(CheckInbox, "batch %d is %s, but its body is still there", sequence, state)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = f.tx.Each(ctx, `SELECT i.generation, i.sequence, (SELECT COUNT(*) FROM deliveries d WHERE d.school = i.school AND d.generation = i.generation
		AND i.sequence BETWEEN d.first_sequence AND d.sequence) FROM inbox i WHERE i.school = ? AND i.state = 'applied'`, []any{f.school}, func(r *sql.Rows) error {
		var generation, sequence, n int64
		err := r.Scan(&generation, &sequence, &n)
		if err == nil && n != 1 {
			f.add(CheckOnce, "batch %d of generation %d was delivered %d times", sequence, generation, n)
		}
		return err
	})
	return err
}

// ofSchool lists the datasets that belong to the school, for a query.
func ofSchool() string {
	var names []string
	for _, d := range record.Datasets() {
		if (Ref{Dataset: d}).OfSchool() {
			names = append(names, "'"+string(d)+"'")
		}
	}
	return strings.Join(names, ", ")
}

// counts runs the rules that are one count each.
func (f *fsck) counts(ctx context.Context) error {
	for _, c := range []struct{ check, text, query string }{
		{CheckKeys, "%d pupils have a key but neither records nor history", `SELECT COUNT(*) FROM pupils p WHERE p.school = ?
			AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = p.school AND r.pupil = p.pupil)
			AND NOT EXISTS (SELECT 1 FROM record_history h WHERE h.school = p.school AND h.pupil = p.pupil)`},
		{CheckKeys, "%d records have no key to open them", `SELECT COUNT(*) FROM records r WHERE r.school = ? AND r.body IS NOT NULL
			AND r.pupil <> '' AND NOT EXISTS (SELECT 1 FROM pupils p WHERE p.school = r.school AND p.pupil = r.pupil)`},
		{CheckKeys, "%d records of the school have no key to open them", `SELECT COUNT(*) FROM records r WHERE r.school = ? AND r.body IS NOT NULL
			AND r.pupil = '' AND NOT EXISTS (SELECT 1 FROM school_keys k WHERE k.school = r.school)
			AND NOT EXISTS (SELECT 1 FROM stops k WHERE k.school = r.school AND k.key IS NOT NULL)`},
		{CheckKeys, "%d records stand under the wrong owner, a pupil or the school", `SELECT COUNT(*) FROM records r WHERE r.school = ?
			AND (r.pupil = '') <> (r.dataset IN (` + ofSchool() + `))`},
		{CheckQuarantine, "%d refused records are not in quarantine", `SELECT COUNT(*) FROM records r WHERE r.school = ? AND r.refused
			AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.school = r.school AND q.dataset = r.dataset AND q.key = r.key)`},
		{CheckQuarantine, "%d quarantined records are not refused", `SELECT COUNT(*) FROM quarantine q WHERE q.school = ?
			AND NOT EXISTS (SELECT 1 FROM records r WHERE r.school = q.school AND r.dataset = q.dataset AND r.key = q.key AND r.refused)`},
		{CheckQuarantine, "%d records have neither a good version nor a refused one", "SELECT COUNT(*) FROM records r WHERE r.school = ? AND r.body IS NULL AND NOT r.refused"},
	} {
		var n int
		if err := f.tx.QueryRow(ctx, c.query, f.school).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			f.add(c.check, c.text, n)
		}
	}
	return nil
}

func (f *fsck) history(ctx context.Context) error {
	last := map[Ref]int64{}
	err := f.tx.Each(ctx, "SELECT dataset, key, COUNT(*), MIN(version), MAX(version) FROM record_history WHERE school = ? GROUP BY dataset, key", []any{f.school}, func(r *sql.Rows) error {
		var ref Ref
		var n, lowest, highest int64
		err := r.Scan((*string)(&ref.Dataset), (*string)(&ref.Key), &n, &lowest, &highest)
		if err == nil && (n != highest-lowest+1 || lowest != 1 && f.from == 0) {
			f.add(CheckHistory, "a %s record has %d old versions of %d", ref.Dataset, n, highest)
		}
		last[ref] = highest
		return err
	})
	if err != nil {
		return err
	}
	return f.tx.Each(ctx, rowColumns, []any{f.school}, func(r *sql.Rows) error {
		row, err := scanRow(r)
		want, old := last[row.Ref]
		if row.HasBody {
			want++
		}
		forgotten := !old && f.from > 0 && int64(row.Version) >= want
		if err == nil && int64(row.Version) != want && !forgotten {
			f.add(CheckHistory, "a %s record is at version %d, its history ends at %d", row.Dataset, row.Version, last[row.Ref])
		}
		return err
	})
}

func (f *fsck) bodies(ctx context.Context) error {
	open := func() (keys, error) { return f.tx.openKeys(ctx, f.school, f.vault) }
	if f.stop != nil {
		open = func() (keys, error) { return f.tx.heldKeys(ctx, *f.stop, f.vault) }
	}
	keys, err := open()
	if err != nil {
		f.add(CheckBodies, "a key does not open: %s", err)
		return nil
	}
	for _, query := range []string{
		"SELECT dataset, key, version, body FROM records WHERE school = ? AND body IS NOT NULL",
		"SELECT dataset, key, version, body FROM record_history WHERE school = ? AND body IS NOT NULL",
	} {
		err := f.tx.Each(ctx, query, []any{f.school}, func(r *sql.Rows) error {
			var ref Ref
			var version int64
			var body []byte
			if err := r.Scan((*string)(&ref.Dataset), (*string)(&ref.Key), &version, &body); err != nil {
				return err
			}
			key, ok := keys.of(ref)
			if !ok {
				f.add(CheckKeys, "a %s record has no key to open it", ref.Dataset)
				return nil
			}
			if _, err := openRecord(key, f.school, ref, uint64(version), body); err != nil {
				f.add(CheckBodies, "%s", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return f.quarantine(ctx, keys.school)
}

// roster looks at every edition: also what an import left behind is sealed.
func (f *fsck) roster(ctx context.Context) error {
	rows, err := f.tx.listedRows(ctx, f.vault, "WHERE r.school = ?", f.school)
	if err != nil {
		f.add(CheckRoster, "a roster entry does not open: %s", err)
	}
	for _, r := range rows {
		if !r.sameChild(f.vault) {
			f.add(CheckRoster, "a roster entry stands under another child's index")
		}
	}
	if _, err := f.tx.Told(ctx, f.vault, f.school); err != nil {
		f.add(CheckRoster, "what the agent was told of rosters does not open: %s", err)
	}
	return nil
}

// calls looks at what the authorities did by telephone.
func (f *fsck) calls(ctx context.Context) error {
	if _, err := f.tx.visibleCalls(ctx, f.vault, f.school); err != nil {
		f.add(CheckCalls, "a call does not open: %s", err)
	}
	var hidden int
	err := f.tx.QueryRow(ctx, "SELECT COUNT(*) FROM calls WHERE school = ? AND hidden", f.school).Scan(&hidden)
	if err == nil && hidden > 0 && (f.stop == nil || !f.stop.Destroyed.IsZero()) {
		f.add(CheckCalls, "%d calls are hidden, but the school has not stopped or its data are destroyed", hidden)
	}
	return err
}

func (f *fsck) quarantine(ctx context.Context, key *vault.Key) error {
	return f.tx.Each(ctx, "SELECT dataset, key, sequence, body, at FROM quarantine WHERE school = ?", []any{f.school}, func(r *sql.Rows) error {
		var ref Ref
		var sequence, at int64
		var body []byte
		if err := r.Scan((*string)(&ref.Dataset), (*string)(&ref.Key), &sequence, &body, &at); err != nil {
			return err
		}
		if len(body) == 0 && at < f.from {
			return nil // forgotten
		}
		if key == nil {
			f.add(CheckKeys, "a quarantined record has no key to open it")
			return nil
		}
		if _, err := key.Open(quarantineName(f.school, ref, uint64(sequence)), body); err != nil {
			f.add(CheckBodies, "a quarantined record does not open: %s", err)
		}
		return nil
	})
}
