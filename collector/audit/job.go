package audit

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/durable"
	"rollbridge/shared/protocol"
)

// A Keeper is what role jobs keeps the checkpoints with.
type Keeper struct {
	Log   *Log
	Shelf Shelf
	// Key is a control key that Keyring lists.
	Key     ed25519.PrivateKey
	Keyring protocol.Signed
}

// verifyEvery is how often everything is read anew; in between only what is new is.
const verifyEvery = 24 * time.Hour

// A Verified is the result of the last time that everything was read.
type Verified struct {
	At time.Time `json:"at"`
	Report
}

const verifiedFile = "verified.json"

// Verified is the last full verification; its time is zero where there was none.
func (s Shelf) Verified() (v Verified, err error) {
	text, err := os.ReadFile(filepath.Join(s.dir, verifiedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("read the result of the last `audit verify`: %w", err)
	}
	return v, nil
}

// PutVerified keeps the result of a full verification for `status`.
func (s Shelf) PutVerified(v Verified) error {
	text, err := json.Marshal(v)
	if err == nil {
		err = durable.Write(filepath.Join(s.dir, verifiedFile), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep the result of `audit verify`: %w", err)
	}
	return nil
}

// Run checks what is new, signs how far the chains are, and deletes what is past its
// time: what was written before a day. Once a day it reads everything. Chains with a
// fault keep the mark that they had, so that the fault goes on to show.
func (k Keeper) Run(ctx context.Context, now, before time.Time) (Report, error) {
	newest, err := k.Shelf.Newest()
	if err != nil {
		return Report{}, err
	}
	last, err := k.Shelf.Verified()
	if err != nil {
		return Report{}, err
	}
	full := now.Sub(last.At).Abs() >= verifyEvery
	var report Report
	if full {
		report, err = k.Log.Verify(ctx, newest)
	} else {
		report, err = k.Log.Check(ctx, newest)
	}
	if err != nil {
		return report, err
	}
	if full {
		if err := k.Shelf.PutVerified(Verified{now.UTC(), report}); err != nil {
			return report, err
		}
	}
	next, err := k.next(ctx, newest, report, now, before, full)
	if err != nil {
		return report, err
	}
	if next.Number > newest.Number {
		if err := k.Shelf.put(next, k.Key, k.Keyring); err != nil {
			return report, err
		}
	}
	// Only what a checkpoint allows is deleted, so that whoever deletes more is found.
	return report, k.Log.prune(ctx, next, report)
}

// next is the checkpoint that follows newest, or newest itself where nothing has changed.
func (k Keeper) next(ctx context.Context, newest Checkpoint, report Report, now, before time.Time, full bool) (Checkpoint, error) {
	next := Checkpoint{Number: newest.Number + 1, At: now.UTC(), Marks: maps.Clone(newest.Marks)}
	if next.Marks == nil {
		next.Marks = map[Chain]Mark{}
	}
	changed := false
	for c, e := range report.ends {
		if !report.whole(c) {
			continue
		}
		was, known := newest.Marks[c]
		m := Mark{Seq: e.seq, Hash: e.hash, From: was.From, FromHash: was.FromHash}
		if !known {
			m.From, m.FromHash = e.from, e.fromHash
		}
		if full {
			var err error
			if m.From, m.FromHash, err = k.Log.past(ctx, c, m, before); err != nil {
				return newest, err
			}
		}
		changed = changed || !known || was.Seq != m.Seq || was.From != m.From
		next.Marks[c] = m
	}
	if !changed {
		return newest, nil
	}
	return next, nil
}

// piece bounds the entries that one statement reads or deletes.
const piece = 500

// past finds the last entry of the beginning of a chain that is past its time.
func (l *Log) past(ctx context.Context, c Chain, m Mark, before time.Time) (int64, []byte, error) {
	cutoff, seq, hash := database.Micros(before), m.From, m.FromHash
	for {
		var rows []row
		err := l.db.Read(ctx, func(tx *database.Tx) (err error) {
			rows, err = readRows(ctx, tx, rowColumns+"WHERE chain = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?", string(c), seq, m.Seq, piece)
			return err
		})
		if err != nil {
			return m.From, m.FromHash, fmt.Errorf("look for audit entries past their time: %w", err)
		}
		for _, r := range rows {
			if r.at >= cutoff {
				return seq, hash, nil
			}
			seq, hash = r.seq, r.hash
		}
		if len(rows) < piece {
			return seq, hash, nil
		}
	}
}

// prune deletes what a checkpoint allows.
func (l *Log) prune(ctx context.Context, c Checkpoint, r Report) (err error) {
	for chain, e := range r.ends {
		m := c.Marks[chain]
		for from := e.from; from < m.From && r.whole(chain); {
			if from, err = l.pruneTo(ctx, chain, min(from+piece, m.From)); err != nil {
				return fmt.Errorf("delete audit entries past their time: %w", err)
			}
		}
	}
	return nil
}

// pruneTo moves the beginning of a chain behind an entry and deletes it with those before
// it. It returns where the chain begins then.
func (l *Log) pruneTo(ctx context.Context, c Chain, seq int64) (from int64, err error) {
	err = l.db.Write(ctx, func(tx *database.Tx) error {
		// Another process may have been faster.
		_, err := tx.Exec(ctx, `UPDATE audit_chains SET from_seq = ?, from_hash = (SELECT hash FROM audit WHERE chain = ? AND seq = ?)
			WHERE chain = ? AND from_seq < ?`, seq, string(c), seq, string(c), seq)
		if err == nil {
			_, err = tx.Exec(ctx, "DELETE FROM audit WHERE chain = ? AND seq <= ?", string(c), seq)
		}
		if err == nil {
			err = tx.QueryRow(ctx, "SELECT from_seq FROM audit_chains WHERE chain = ?", string(c)).Scan(&from)
		}
		return err
	})
	return from, err
}
