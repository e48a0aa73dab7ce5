// Package dbtest runs a test against both databases that the collector can
// use: SQLite in the test's directory, and a private PostgreSQL that the test
// binary starts once, on a unix socket in a directory of its own, as an
// ordinary user. The server ends and its directory goes when the test binary
// ends, however it ends.
//
// It never touches a database that it did not make. A machine without
// PostgreSQL fails the test with the name of the package to install. Start
// reading at Each.
package dbtest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"rollbridge/collector/database"
)

// Each runs f as a subtest on a fresh, migrated database of each dialect.
func Each(t *testing.T, f func(t *testing.T, db *database.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, Migrated(t, SQLite(t))) })
	t.Run("postgres", func(t *testing.T) { f(t, Migrated(t, Postgres(t))) })
}

// Migrated opens a database and brings its schema up to the program's. It is
// closed when the test ends.
func Migrated(t *testing.T, dsn string) *database.DB {
	t.Helper()
	db, err := database.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// SQLite is the address of a database that does not exist yet.
func SQLite(t *testing.T) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "collector.db")
}

var (
	server = sync.OnceValues(start)
	made   atomic.Int64
)

// Postgres is the address of a fresh, empty database. Its owner is the
// server's superuser, whom the server believes without a password, like any
// other role: replace user= in the address.
func Postgres(t *testing.T) string {
	t.Helper()
	dir, err := server()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", made.Add(1))
	create := exec.CommandContext(t.Context(), program("createdb"), "-h", dir, "-U", superuser, name)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("create test database: %v: %s", err, out)
	}
	t.Cleanup(func() {
		// The context of t has ended here.
		drop := exec.CommandContext(context.Background(), program("dropdb"), "--force", "-h", dir, "-U", superuser, name)
		if out, err := drop.CombinedOutput(); err != nil {
			t.Errorf("drop test database: %v: %s", err, out)
		}
	})
	return address(dir, superuser, name)
}

const superuser = "postgres"

func address(dir, user, name string) string {
	return "postgres:///" + name + "?host=" + dir + "&user=" + user
}
