package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Dialect is the kind of SQL that a database speaks.
type Dialect string

// The dialects.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// A DB is an open database. It may be used by many goroutines.
type DB struct {
	// Dialect says which database this is.
	Dialect Dialect
	writer  *sql.DB
	reader  *sql.DB // the same pool as writer on PostgreSQL
}

// ErrDSN is returned for an address that names no database.
var ErrDSN = errors.New("a database is sqlite:/path/to/file.db or postgres://user@host/name")

// Open connects to the database that dsn names, sqlite:/path/to/file.db or
// postgres://…, and checks that its schema is the program's: an older one is
// refused with the command to run, a newer one with the advice to install the
// newer program. The caller closes the DB.
func Open(ctx context.Context, dsn string) (*DB, error) {
	db, err := Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if err := db.Check(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Connect is Open without the check of the schema: for Migrate. It makes a
// SQLite file (mode 0600) that does not exist, but no directory.
func Connect(ctx context.Context, dsn string) (*DB, error) {
	kind, rest, found := strings.Cut(dsn, ":")
	switch {
	case found && kind == "sqlite" && rest != "":
		return connectSQLite(ctx, rest)
	case found && (kind == "postgres" || kind == "postgresql"):
		return connectPostgres(ctx, dsn)
	default:
		// The address may hold a password: do not repeat it.
		return nil, fmt.Errorf("open database: %w", ErrDSN)
	}
}

// Close closes all connections.
func (d *DB) Close() error {
	err := d.writer.Close()
	if d.reader != d.writer {
		err = errors.Join(err, d.reader.Close())
	}
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Ping says whether the database answers. Errors wrap ErrUnavailable where it
// does not.
func (d *DB) Ping(ctx context.Context) error {
	return d.Read(ctx, func(tx *Tx) error {
		var one int
		return tx.QueryRow(ctx, "SELECT 1").Scan(&one)
	})
}

// Micros is a time as it stands in a column.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros reads what Micros wrote, in UTC.
func FromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// NullMicros is Micros for a column that may be NULL: the zero time is NULL.
func NullMicros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

// FromNullMicros reads what NullMicros wrote; NULL is the zero time.
func FromNullMicros(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return FromMicros(n.Int64)
}
