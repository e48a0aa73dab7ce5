package instance_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	mssql "github.com/microsoft/go-mssqldb"

	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// These tests say what SQL Server does; they run on a real one as well.

const password = "Plainly-Fictional-1"

// database starts a server with one database.
func database(t *testing.T) (*instance.Instance, *instance.Database) {
	t.Helper()
	i, err := instance.New(t.Context(), t.TempDir(), standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Errorf("close the instance: %v", err)
		}
	})
	d, err := i.NewDatabase(t.Context(), "School")
	if err != nil {
		t.Fatal(err)
	}
	return i, d
}

func run(t *testing.T, d *instance.Database, script string) {
	t.Helper()
	if err := d.Run(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}

// user makes a login with a user of the same name, and a pool of its connections.
func user(t *testing.T, d *instance.Database) (name string, db *sql.DB) {
	t.Helper()
	name = "reader_" + strings.ToLower(rand.Text()[:8])
	run(t, d, "CREATE LOGIN ["+name+"] WITH PASSWORD = N'"+password+"'\nGO\nCREATE USER ["+name+"] FOR LOGIN ["+name+"]")
	return name, signOn(t, d, name)
}

func signOn(t *testing.T, d *instance.Database, name string) *sql.DB {
	t.Helper()
	db, err := d.Open(t.Context(), name, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close a pool: %v", err)
		}
	})
	return db
}

// number is the number of an error of the server, 0 for none of its.
func number(err error) int32 {
	var e mssql.Error
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

func wantNumber(t *testing.T, err error, want int32) {
	t.Helper()
	if got := number(err); got != want {
		t.Errorf("error %d (%v), want %d", got, err, want)
	}
}

// column is the first column of a query's rows as text, NULL as NULL.
func column(t *testing.T, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args ...any) []string {
	t.Helper()
	got, err := tryColumn(t.Context(), db, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return got
}

func tryColumn(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args ...any) (got []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v sql.NullString
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		if !v.Valid {
			v.String = "NULL"
		}
		got = append(got, v.String)
	}
	return got, rows.Err()
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScript(t *testing.T) {
	_, d := database(t)
	run(t, d, "CREATE TABLE dbo.Pupil (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL)\r\n go \r\nINSERT INTO dbo.Pupil (id, name) VALUES (1, N'Ada')\nGO\n\nGO\nINSERT INTO dbo.Pupil (id, name) VALUES (2, NULL)")
	want(t, column(t, d.Admin(), "SELECT name FROM dbo.Pupil ORDER BY id"), "Ada", "NULL")
	err := d.Run(t.Context(), "SELECT 1 AS one\nGO\n\nSELECT nothing FROM dbo.Pupil\nGO\n")
	wantNumber(t, err, 207)
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("the error does not name the line of the batch: %v", err)
	}
}

func TestTwoDatabases(t *testing.T) {
	i, first := database(t)
	second, err := i.NewDatabase(t.Context(), "Other")
	if err != nil {
		t.Fatal(err)
	}
	run(t, first, "CREATE TABLE dbo.T (a int NOT NULL)\nGO\nINSERT INTO dbo.T (a) VALUES (1)")
	run(t, second, "CREATE TABLE dbo.T (a int NOT NULL)\nGO\nINSERT INTO dbo.T (a) VALUES (2)")
	want(t, column(t, first.Admin(), "SELECT a FROM dbo.T"), "1")
	want(t, column(t, second.Admin(), "SELECT a FROM dbo.T"), "2")
	name, db := user(t, first)
	want(t, column(t, db, "SELECT DB_NAME() AS n"), first.Name())
	_, err = second.Open(t.Context(), name, password)
	wantNumber(t, err, 4060)
	_, err = db.ExecContext(t.Context(), "USE ["+second.Name()+"]")
	wantNumber(t, err, 916)
	_, err = db.ExecContext(t.Context(), "USE [no_such_database]")
	wantNumber(t, err, 911)
	c, err := first.Admin().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "USE ["+second.Name()+"]"); err != nil {
		t.Fatal(err)
	}
	want(t, column(t, c, "SELECT a FROM dbo.T"), "2")
}

func TestRename(t *testing.T) {
	_, d := database(t)
	name, db := user(t, d)
	db.SetMaxIdleConns(0) // the next connection is a new one
	old := d.Name()
	if err := d.Rename(t.Context(), "Renamed"); err != nil {
		t.Fatal(err)
	}
	if d.Name() == old {
		t.Error("the name is the old one")
	}
	wantNumber(t, db.PingContext(t.Context()), 4060)
	want(t, column(t, signOn(t, d, name), "SELECT DB_NAME() AS n"), d.Name())
}
