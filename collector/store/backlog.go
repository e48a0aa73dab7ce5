package store

import (
	"context"
	"database/sql"
	"time"

	"rollbridge/collector/database"
)

// A Backlog is what has arrived from schools and was not decided yet, apart from
// what waits for an agent to be confirmed.
type Backlog struct {
	Schools int
	// Since is when the oldest of it arrived; zero if there is none.
	Since time.Time
}

// Backlog counts what waits of the schools that an authority asks.
func (s *Store) Backlog(ctx context.Context, authority string) (b Backlog, err error) {
	err = s.Read(ctx, func(tx *Tx) error {
		var since sql.NullInt64
		err := tx.QueryRow(ctx, `SELECT COUNT(DISTINCT i.school), MIN(i.received_at) FROM provisions q
			JOIN inbox i ON i.school = q.school AND i.state = 'waiting'
			JOIN agents a ON a.school = i.school AND a.agent = i.agent AND a.state = 'confirmed' WHERE q.authority = ?`, authority).Scan(&b.Schools, &since)
		b.Since = database.FromNullMicros(since)
		return err
	})
	return b, wrap(err, "count what waits of authority %s", authority)
}

// RosterSizes counts the children on an authority's roster by school: the only
// thing that is known of a school which has stopped or never sent anything.
func (s *Store) RosterSizes(ctx context.Context, authority string) (sizes map[string]int, err error) {
	sizes = map[string]int{}
	err = s.Read(ctx, func(tx *Tx) error {
		clear(sizes)
		return tx.Each(ctx, `SELECT r.school, COUNT(*) FROM authorities a JOIN roster r ON r.authority = a.code AND r.edition = a.roster_edition
			WHERE a.code = ? GROUP BY r.school`, []any{authority}, func(r *sql.Rows) error {
			var school string
			var n int
			err := r.Scan(&school, &n)
			sizes[school] = n
			return err
		})
	})
	return sizes, wrap(err, "count the roster of authority %s", authority)
}
