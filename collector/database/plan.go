package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"
)

// Plans says how SQLite runs each statement that it was given since it was
// opened, as EXPLAIN QUERY PLAN does, one line for each step. Tests prove with
// it that no statement of a hot path walks a whole table. It is empty for
// PostgreSQL.
func (d *DB) Plans(ctx context.Context) (map[string][]string, error) {
	plans := map[string][]string{}
	if d.Dialect != SQLite {
		return plans, nil
	}
	for _, pool := range []*sql.DB{d.writer, d.reader} {
		if err := poolPlans(ctx, pool, plans); err != nil {
			return nil, fmt.Errorf("explain statements: %w", err)
		}
	}
	return plans, nil
}

// poolPlans holds every connection of a pool at once, so that it sees them all.
func poolPlans(ctx context.Context, pool *sql.DB, plans map[string][]string) (err error) {
	var held []*sql.Conn
	defer func() {
		for _, c := range held {
			err = errors.Join(err, c.Close())
		}
	}()
	for range pool.Stats().OpenConnections {
		c, err := pool.Conn(ctx)
		if err != nil {
			return err
		}
		held = append(held, c)
		var kept []string
		if err := c.Raw(func(driverConn any) error {
			p, ok := driverConn.(*preparedConn)
			if !ok {
				return fmt.Errorf("a %T keeps no statements", driverConn)
			}
			for query := range p.kept {
				if reads(query) {
					kept = append(kept, query)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		for _, query := range kept {
			if plans[query], err = explain(ctx, c, query); err != nil {
				return err
			}
		}
	}
	return nil
}

// reads says whether a statement looks for rows; goose's own do not count.
func reads(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, strings.ToUpper(verb)) &&
		!strings.Contains(query, goose.DefaultTablename) && !strings.Contains(query, "sqlite_master")
}

func explain(ctx context.Context, c *sql.Conn, query string) (steps []string, err error) {
	rows, err := c.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}
