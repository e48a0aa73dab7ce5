package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
)

// What the operator's pages read of all schools at once. Nothing here is about a child.

// AskedBy is which authorities ask which school, by the school.
func (s *Store) AskedBy(ctx context.Context) (found map[string][]string, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		found = map[string][]string{}
		return tx.Each(ctx, "SELECT school, authority FROM provisions ORDER BY school, authority", nil, func(r *sql.Rows) error {
			var school, authority string
			err := r.Scan(&school, &authority)
			found[school] = append(found[school], authority)
			return err
		})
	})
	return found, wrap(err, "read who asks which school")
}

// OpenCodes lists the enrolment codes that nobody has used and that were good at a time or
// later, those that expire first at the top.
func (s *Store) OpenCodes(ctx context.Context, since time.Time) (list []Code, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		return tx.Each(ctx, codeColumns+"WHERE used_by IS NULL AND expires_at > ? ORDER BY expires_at, school", []any{database.Micros(since)}, func(r *sql.Rows) error {
			c, err := scanCode(r)
			list = append(list, c)
			return err
		})
	})
	return list, wrap(err, "list open codes")
}

// An Unapplied is what of a school's batches is not applied.
type Unapplied struct {
	School            string
	Waiting, SetAside int
	// WaitingSince and SetAsideSince are when the oldest arrived.
	WaitingSince, SetAsideSince time.Time
	Bytes                       int64 // of what waits
}

// Unapplied lists the schools of which a batch waits or was set aside.
func (s *Store) Unapplied(ctx context.Context) (list []Unapplied, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		list = nil
		return tx.Each(ctx, `SELECT school, MAX(waiting), MAX(aside), MAX(waiting_since), MAX(aside_since), MAX(bytes) FROM (
			SELECT school, COUNT(*) AS waiting, 0 AS aside, MIN(received_at) AS waiting_since, NULL AS aside_since, CAST(SUM(bytes) AS BIGINT) AS bytes
				FROM inbox WHERE state = 'waiting' GROUP BY school
			UNION ALL SELECT school, 0, COUNT(*), NULL, MIN(received_at), 0 FROM inbox WHERE state = 'set_aside' GROUP BY school) b
			GROUP BY school ORDER BY school`, nil, func(r *sql.Rows) error {
			var b Unapplied
			var waiting, aside sql.NullInt64
			err := r.Scan(&b.School, &b.Waiting, &b.SetAside, &waiting, &aside, &b.Bytes)
			b.WaitingSince, b.SetAsideSince = database.FromNullMicros(waiting), database.FromNullMicros(aside)
			list = append(list, b)
			return err
		})
	})
	return list, wrap(err, "list what is not applied")
}
