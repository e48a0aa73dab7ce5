package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rollbridge/collector/vault"
)

// A Rotation says what Rotate did.
type Rotation struct {
	Advanced  bool // there is a new epoch
	Rewrapped int  // data keys
	Destroyed []vault.Epoch
}

// rewrapBatch is how many keys one transaction re-wraps, so that it never keeps
// intake waiting for long.
const rewrapBatch = 200

// Rotate is the daily job of the vault: a new epoch key when the newest is a
// day old, every live data key re-wrapped by it in small transactions, and old
// epoch keys that wrap nothing destroyed. Keys under a hold key (epoch 0) stay
// there. Called again, it goes on where it
// stopped.
func (s *Store) Rotate(ctx context.Context, v *vault.Vault, now time.Time) (done Rotation, err error) {
	if done.Advanced, err = v.Advance(now); err != nil {
		return done, err
	}
	newest, _ := v.Newest()
	for _, table := range []string{"pupils", "school_keys"} {
		for {
			n, err := s.rewrap(ctx, v, table, newest)
			done.Rewrapped += n
			if err != nil {
				return done, wrap(err, "re-wrap keys under epoch %d", newest)
			}
			if n == 0 {
				break
			}
		}
	}
	old, err := v.Expired(now)
	if err != nil {
		return done, err
	}
	for _, n := range old {
		wraps, err := s.wraps(ctx, n)
		if err != nil {
			return done, err
		}
		if wraps > 0 {
			continue
		}
		if err := v.Destroy(n); err != nil {
			return done, err
		}
		done.Destroyed = append(done.Destroyed, n)
	}
	return done, nil
}

// rewrap re-wraps one batch of a table's keys and says how many.
func (s *Store) rewrap(ctx context.Context, v *vault.Vault, table string, newest vault.Epoch) (n int, err error) {
	pupil, at := "''", "school = ?"
	if table == "pupils" {
		pupil, at = "pupil", "school = ? AND pupil = ?"
	}
	err = s.Write(ctx, func(tx *Tx) error {
		n = 0
		type old struct {
			vault.Owner
			vault.Wrapped
		}
		var found []old
		err := tx.each(ctx, fmt.Sprintf("SELECT school, %s, key, epoch FROM %s WHERE epoch > 0 AND epoch < ? LIMIT %d", pupil, table, rewrapBatch),
			[]any{int64(newest)}, func(r *sql.Rows) error {
				var o old
				err := r.Scan(&o.School, (*string)(&o.Pupil), &o.Key, &o.Epoch)
				found = append(found, o)
				return err
			})
		for _, o := range found {
			if err != nil {
				return err
			}
			var w vault.Wrapped
			if w, err = v.Rewrap(o.Owner, o.Wrapped); err != nil {
				return err
			}
			args := []any{w.Key, int64(w.Epoch), int64(o.Epoch), o.School}
			if table == "pupils" {
				args = append(args, string(o.Pupil))
			}
			_, err = tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET key = ?, epoch = ? WHERE epoch = ? AND %s", table, at), args...)
			n++
		}
		return err
	})
	return n, err
}

func (s *Store) wraps(ctx context.Context, n vault.Epoch) (count int, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, "SELECT (SELECT COUNT(*) FROM pupils WHERE epoch = ?) + (SELECT COUNT(*) FROM school_keys WHERE epoch = ?)",
			int64(n), int64(n)).Scan(&count)
	})
	return count, wrap(err, "look for keys of epoch %d", n)
}
