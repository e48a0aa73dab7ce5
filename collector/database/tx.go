package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A Tx is a running transaction. It is good only inside the function that got
// it, and for one goroutine at a time. Queries use ? for parameters.
type Tx struct {
	dialect Dialect
	tx      *sql.Tx
}

// Dialect says which SQL the database speaks, for the rare query that cannot
// be the same in both.
func (t *Tx) Dialect() Dialect { return t.dialect }

// Exec runs a statement and returns how many rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(ctx, t.dialect.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Query runs a query; the caller closes the rows before its next statement.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.dialect.rebind(query), args...)
}

// Each runs a query and calls f for every row; f only scans it. The first error ends it.
func (t *Tx) Each(ctx context.Context, query string, args []any, f func(*sql.Rows) error) (err error) {
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

// QueryRow runs a query of at most one row; Scan returns sql.ErrNoRows where
// there is none.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.dialect.rebind(query), args...)
}

// maxTries bounds how often a transaction that others got in the way of is
// run; the waits between grow to about a second in all.
const maxTries = 8

// Write runs f in a transaction and commits it. When Write returns nil, what f
// wrote is on durable storage. f runs again from the start after a conflict
// with another transaction, so it must not change anything outside the
// database that a second run would not set again. f's own error rolls back and
// is returned, classified (ErrFull, ErrReadOnly, ErrUnavailable) if the
// database made it.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.writer, nil, f)
}

// Read runs f in a transaction that can change nothing and sees one state of
// the database. What Write says of repeats and errors holds.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if d.Dialect == Postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	return d.run(ctx, d.reader, o, f)
}

func (d *DB) run(ctx context.Context, pool *sql.DB, o *sql.TxOptions, f func(*Tx) error) error {
	for try := 1; ; try++ {
		err := once(ctx, d.Dialect, pool, o, f)
		if err == nil {
			return nil
		}
		if try == maxTries || !isConflict(err) || ctx.Err() != nil {
			return classify(err)
		}
		wait := time.Duration(rand.Int64N(int64(4*time.Millisecond) << try))
		select {
		case <-ctx.Done():
			return classify(err)
		case <-time.After(wait):
		}
	}
}

func once(ctx context.Context, dialect Dialect, pool *sql.DB, o *sql.TxOptions, f func(*Tx) error) (err error) {
	tx, err := pool.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	done := false
	defer func() {
		if !done { // f failed or panicked; Rollback's own error adds nothing
			_ = tx.Rollback()
		}
	}()
	if err := f(&Tx{dialect: dialect, tx: tx}); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

// rebind turns ? into $1, $2 … for PostgreSQL, except inside quoted text.
func (d Dialect) rebind(query string) string {
	if d != Postgres || !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n, quoted := 0, false
	for _, r := range query {
		switch {
		case r == '\'':
			quoted = !quoted
			b.WriteRune(r)
		case r == '?' && !quoted:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
