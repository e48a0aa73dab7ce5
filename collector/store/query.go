package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// each runs a query and calls f for every row.
func (t *Tx) each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) (err error) {
	rows, err := t.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// wrap says what was being done when err came; nil stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
