package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// EachRecord calls f with every record of one dataset of the children in sight,
// in no order; of attendance, with those of the weeks from one on (all without
// one). What left the list with a child, or waits to, is among them. Each record
// is opened by its own child's key. All of it is one state of the database: f
// must not wait for anybody.
func (s *Store) EachRecord(ctx context.Context, v *vault.Vault, sight Sight, d record.Dataset, from record.Date, f func(Listing, Stored) error) error {
	err := s.Read(ctx, func(tx *Tx) error {
		c, err := tx.cohort(ctx, v, sight)
		if err != nil {
			return err
		}
		err = tx.Each(ctx, "SELECT p.school, p.pupil, "+storedColumns+inSight+
			`JOIN records r ON r.school = p.school AND r.pupil = p.pupil AND r.dataset = ?
			WHERE q.authority = ? AND r.body IS NOT NULL AND r.week >= ?`, []any{string(d), sight.Authority, string(from)}, c.reader(f))
		if err != nil {
			return err
		}
		return tx.Each(ctx, `SELECT p.school, p.pupil, h.dataset, h.key, h.version, h.body, FALSE, '', 0, 0`+inSight+
			`JOIN record_history h ON h.school = p.school AND h.replaced_at = p.left_at AND h.pupil = p.pupil AND h.dataset = ?
			WHERE q.authority = ? AND h.why = 'left' AND h.body IS NOT NULL AND (? = '' OR substr(h.key, length(h.key) - 9) >= ?)`,
			[]any{string(d), sight.Authority, string(from), string(from)}, c.reader(f))
	})
	return wrap(err, "read the %s of the children of authority %s", d, sight.Authority)
}

// A cohort are the children in sight, with their keys as they are opened.
type cohort struct {
	vault    *vault.Vault
	children map[Child]Listing
	keys     map[Child]vault.Key
}

func (t *Tx) cohort(ctx context.Context, v *vault.Vault, sight Sight) (*cohort, error) {
	found, err := t.listings(ctx, sight, "", nil)
	c := &cohort{vault: v, children: make(map[Child]Listing, len(found)), keys: map[Child]vault.Key{}}
	for _, f := range found {
		c.children[f.Child] = f.Listing
	}
	return c, err
}

func (c *cohort) key(l Listing) (vault.Key, error) {
	if key, ok := c.keys[l.Child]; ok {
		return key, nil
	}
	key, err := c.vault.Unwrap(vault.Owner{School: l.School, Pupil: l.Child.Pupil}, l.wrapped)
	c.keys[l.Child] = key
	return key, err
}

// reader opens the rows of children in sight.
func (c *cohort) reader(f func(Listing, Stored) error) func(*sql.Rows) error {
	return func(r *sql.Rows) error {
		var row storedRow
		if err := r.Scan(append([]any{&row.child.School, (*string)(&row.child.Pupil)}, row.fields()...)...); err != nil {
			return err
		}
		l, ok := c.children[row.child]
		if !ok {
			return nil
		}
		key, err := c.key(l)
		if err != nil {
			return err
		}
		stored, err := row.open(key, row.child.School)
		if err != nil {
			return err
		}
		return f(l, stored)
	}
}

// newFor bounds how long before its arrival a new exclusion may have begun: what
// a school's first delivery brings of earlier years is no news.
const newFor = 28 * 24 * time.Hour

// A NewExclusion is an exclusion that arrived lately, or became another kind. It
// prints as one fixed word.
type NewExclusion struct {
	Listing
	Exclusion *record.Exclusion
	Received  time.Time
	// Was is the category that it had before; empty of one that is new.
	Was string
}

// NewExclusions lists the suspensions and exclusions of the children in sight
// that first arrived, or changed their category, at since or later. One that
// began more than four weeks before it arrived is not new.
func (s *Store) NewExclusions(ctx context.Context, v *vault.Vault, sight Sight, since time.Time) (list []NewExclusion, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list, err = tx.newExclusions(ctx, v, sight, since)
		return err
	})
	return list, wrap(err, "look for new exclusions of the children of authority %s", sight.Authority)
}

func (t *Tx) newExclusions(ctx context.Context, v *vault.Vault, sight Sight, since time.Time) (list []NewExclusion, err error) {
	var rows []storedRow
	err = t.Each(ctx, "SELECT p.school, p.pupil, "+storedColumns+inSight+
		`JOIN records r ON r.school = p.school AND r.pupil = p.pupil AND r.dataset = 'exclusion'
		WHERE q.authority = ? AND r.received_at >= ? AND r.body IS NOT NULL`, []any{sight.Authority, database.Micros(since)}, func(r *sql.Rows) error {
		var row storedRow
		err := r.Scan(append([]any{&row.child.School, (*string)(&row.child.Pupil)}, row.fields()...)...)
		rows = append(rows, row)
		return err
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	c, err := t.cohort(ctx, v, sight)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		l, ok := c.children[row.child]
		if !ok {
			continue
		}
		key, err := c.key(l)
		if err != nil {
			return nil, err
		}
		stored, err := row.open(key, row.child.School)
		if err != nil {
			return nil, err
		}
		n := NewExclusion{Listing: l, Exclusion: stored.Record.(*record.Exclusion), Received: stored.Received}
		fresh, err := t.isNew(ctx, key, row, &n)
		if err != nil {
			return nil, err
		}
		if fresh {
			list = append(list, n)
		}
	}
	return list, nil
}

// isNew says whether an exclusion that arrived is news: the first version of a
// late one, or one that is of another kind than before.
func (t *Tx) isNew(ctx context.Context, key vault.Key, row storedRow, n *NewExclusion) (bool, error) {
	if row.version == 1 {
		began := n.Exclusion.StartDate.Time()
		return began.IsZero() || n.Received.Sub(began) <= newFor, nil
	}
	fresh := false
	err := t.Each(ctx, "SELECT body FROM record_history WHERE school = ? AND dataset = ? AND key = ? AND version = ? AND body IS NOT NULL",
		[]any{row.child.School, string(row.ref.Dataset), string(row.ref.Key), row.version - 1}, func(r *sql.Rows) error {
			var body []byte
			if err := r.Scan(&body); err != nil {
				return err
			}
			before, err := openRecord(key, row.child.School, row.ref, uint64(row.version-1), body)
			if err != nil {
				return err
			}
			n.Was = before.(*record.Exclusion).Category
			fresh = n.Was != n.Exclusion.Category
			return nil
		})
	return fresh, err
}
