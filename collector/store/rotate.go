package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rollbridge/collector/vault"
	"rollbridge/shared/record"
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
	for _, table := range []keyTable{pupilKeys, schoolKeys, authorityKeys} {
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

// A keyTable is a table of wrapped keys: whose each is.
type keyTable struct {
	name         string
	owner, pupil string // columns; pupil is an empty text where there is none
	of           func(owner string, pupil record.PupilID) vault.Owner
}

func ofSchoolOrPupil(school string, pupil record.PupilID) vault.Owner {
	return vault.Owner{School: school, Pupil: pupil}
}

var (
	pupilKeys     = keyTable{"pupils", "school", "pupil", ofSchoolOrPupil}
	schoolKeys    = keyTable{"school_keys", "school", "''", ofSchoolOrPupil}
	authorityKeys = keyTable{"authority_keys", "authority", "''", func(code string, _ record.PupilID) vault.Owner { return authorityOwner(code) }}
)

// rewrap re-wraps one batch of a table's keys and says how many.
func (s *Store) rewrap(ctx context.Context, v *vault.Vault, table keyTable, newest vault.Epoch) (n int, err error) {
	err = s.Write(ctx, func(tx *Tx) error {
		n = 0
		type old struct {
			owner string
			pupil record.PupilID
			vault.Wrapped
		}
		var found []old
		err := tx.Each(ctx, fmt.Sprintf("SELECT %s, %s, key, epoch FROM %s WHERE epoch > 0 AND epoch < ? LIMIT %d", table.owner, table.pupil, table.name, rewrapBatch),
			[]any{int64(newest)}, func(r *sql.Rows) error {
				var o old
				err := r.Scan(&o.owner, (*string)(&o.pupil), &o.Key, &o.Epoch)
				found = append(found, o)
				return err
			})
		for _, o := range found {
			if err != nil {
				return err
			}
			var w vault.Wrapped
			if w, err = v.Rewrap(table.of(o.owner, o.pupil), o.Wrapped); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, fmt.Sprintf("UPDATE %s SET key = ?, epoch = ? WHERE epoch = ? AND %s = ? AND %s = ?", table.name, table.owner, table.pupil),
				w.Key, int64(w.Epoch), int64(o.Epoch), o.owner, string(o.pupil))
			n++
		}
		return err
	})
	return n, err
}

func (s *Store) wraps(ctx context.Context, n vault.Epoch) (count int, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM pupils WHERE epoch = ?) + (SELECT COUNT(*) FROM school_keys WHERE epoch = ?)
			+ (SELECT COUNT(*) FROM authority_keys WHERE epoch = ?)`, int64(n), int64(n), int64(n)).Scan(&count)
	})
	return count, wrap(err, "look for keys of epoch %d", n)
}
