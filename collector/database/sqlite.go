package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

const (
	busyTimeoutMillis = 10_000
	sqliteReaders     = 8
)

// connectSQLite opens one connection that writes, because SQLite lets only one
// write at a time and waiting in Go is fair, and several that only read.
func connectSQLite(ctx context.Context, path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	writer, err := openSQLite(sqliteURI(path, "_txlock=immediate"))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	writer.SetMaxOpenConns(1)
	reader, err := openSQLite(sqliteURI(path, "_pragma=query_only(1)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), writer.Close())
	}
	reader.SetMaxOpenConns(sqliteReaders)
	reader.SetMaxIdleConns(sqliteReaders)
	db := &DB{Dialect: SQLite, writer: writer, reader: reader}
	// The first connection turns the file to WAL mode, which readers cannot.
	if err := writer.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, classify(err)), db.Close())
	}
	return db, nil
}

func openSQLite(uri string) (*sql.DB, error) {
	c, err := sqlite.NewConnector(uri)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparer{c}), nil
}

func sqliteURI(path, extra string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/… on Windows
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", Path: slashed}
	u.RawQuery = fmt.Sprintf("_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&%s",
		busyTimeoutMillis, extra)
	return u.String()
}

// createPrivate makes the file before SQLite does, so that it and the files
// that SQLite puts beside it are nobody else's to read.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("open database %s: its directory does not exist; make it, or run rollbridge-collector init", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("open database %s: %w: this user may not read and write it", path, ErrReadOnly)
	case err != nil:
		return fmt.Errorf("open database: %w", err)
	}
	return f.Close()
}
