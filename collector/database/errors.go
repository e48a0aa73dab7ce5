package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What callers branch on. The driver's error stays in the chain.
var (
	// ErrFull: the disk under the database is full. Nothing was written.
	ErrFull = errors.New("the database's disk is full")
	// ErrReadOnly: the database or its directory cannot be written.
	ErrReadOnly = errors.New("the database cannot be written")
	// ErrUnavailable: the database does not answer, is overloaded, or another
	// program holds it; whether the last commit was kept is not known.
	ErrUnavailable = errors.New("the database is not available (check that it runs and can be reached, and what the setting database names)")
)

// classify puts a sentinel before an error that the database made.
func classify(err error) error {
	for _, s := range []error{ErrFull, ErrReadOnly, ErrUnavailable} {
		if errors.Is(err, s) {
			return err
		}
	}
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%w: %w", kind, err)
	}
	return err
}

func kindOf(err error) error {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &lite):
		return sqliteKind(lite.Code())
	case errors.As(err, &pg):
		return postgresKind(pg.Code)
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return ErrUnavailable
	default:
		return nil
	}
}

// Extended result codes keep the primary code in the low byte.
func sqliteKind(code int) error {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
		return ErrUnavailable
	default:
		return nil
	}
}

// Codes: PostgreSQL documentation, appendix A.
func postgresKind(code string) error {
	switch {
	case code == "53100":
		return ErrFull
	case code == "25006":
		return ErrReadOnly
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57P"),
		strings.HasPrefix(code, "58"), code == "40001", code == "40P01", code == "55P03":
		return ErrUnavailable
	default:
		return nil
	}
}

// isConflict says whether another transaction got in the way, so that running
// this one again may help.
func isConflict(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		primary := lite.Code() & 0xff
		return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_LOCKED
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
