package database_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"rollbridge/collector/database"
)

// numbers opens a database of its own with a table n of one column.
func numbers(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Connect(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "n.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close with kept statements: %v", err)
		}
	})
	exec(t, db, "CREATE TABLE n (i INTEGER NOT NULL PRIMARY KEY)")
	return db
}

func exec(t *testing.T, db *database.DB, query string, args ...any) {
	t.Helper()
	if err := try(t, db, query, args...); err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, db *database.DB, query string, args ...any) error {
	return db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), query, args...)
		return err
	})
}

const all = "SELECT i FROM n ORDER BY i"

func count(t *testing.T, db *database.DB) (n int) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *database.Tx) error {
		n = 0
		rows, err := tx.Query(t.Context(), all)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			n++
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A statement is used again after a failure as if there had been none.
func TestStatementAfterAnError(t *testing.T) {
	db := numbers(t)
	const insert = "INSERT INTO n (i) VALUES (?)"
	exec(t, db, insert, 1)
	if try(t, db, insert, 1) == nil {
		t.Fatal("the same key twice was taken")
	}
	exec(t, db, insert, 2)
	if got := count(t, db); got != 2 {
		t.Errorf("there are %d rows, want 2", got)
	}
}

// The same query may run while the rows of another run of it are read.
func TestSameQueryInsideItself(t *testing.T) {
	db := numbers(t)
	for i := range 5 {
		exec(t, db, "INSERT INTO n (i) VALUES (?)", i)
	}
	pairs := 0
	err := db.Write(t.Context(), func(tx *database.Tx) error {
		pairs = 0
		outer, err := tx.Query(t.Context(), all)
		if err != nil {
			return err
		}
		defer outer.Close()
		for outer.Next() {
			inner, err := tx.Query(t.Context(), all)
			if err != nil {
				return err
			}
			for inner.Next() {
				pairs++
			}
			if err := inner.Close(); err != nil {
				return err
			}
		}
		return outer.Err()
	})
	if err != nil || pairs != 25 {
		t.Errorf("counted %d pairs, want 25 (%v)", pairs, err)
	}
}

// Rows that were not read to their end leave nothing for the next run.
func TestRowsLeftUnread(t *testing.T) {
	db := numbers(t)
	for i := range 3 {
		exec(t, db, "INSERT INTO n (i) VALUES (?)", i)
	}
	for range 2 {
		err := db.Write(t.Context(), func(tx *database.Tx) error {
			rows, err := tx.Query(t.Context(), all)
			if err != nil {
				return err
			}
			rows.Next()
			return rows.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := count(t, db); got != 3 {
			t.Errorf("there are %d rows, want 3", got)
		}
	}
	exec(t, db, "INSERT INTO n (i) VALUES (?)", 3) // an open read would be in its way
}

// A statement that was parsed before the schema changed sees the change.
func TestStatementAfterASchemaChange(t *testing.T) {
	db := numbers(t)
	exec(t, db, "INSERT INTO n (i) VALUES (?)", 1)
	if got := count(t, db); got != 1 {
		t.Fatalf("there are %d rows, want 1", got)
	}
	exec(t, db, "DROP TABLE n")
	exec(t, db, "CREATE TABLE n (i INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL DEFAULT '')")
	exec(t, db, "INSERT INTO n (i) VALUES (?)", 1)
	exec(t, db, "INSERT INTO n (i) VALUES (?)", 2)
	if got := count(t, db); got != 2 {
		t.Errorf("there are %d rows, want 2", got)
	}
}

// More different statements than are kept run all the same, and scripts run
// to their end.
func TestManyStatementsAndScripts(t *testing.T) {
	db := numbers(t)
	for i := range 300 {
		exec(t, db, fmt.Sprintf("INSERT INTO n (i) VALUES (%d)", i))
	}
	for range 2 {
		exec(t, db, "INSERT INTO n (i) SELECT MAX(i) + 1 FROM n; INSERT INTO n (i) SELECT MAX(i) + 1 FROM n;")
	}
	if got := count(t, db); got != 304 {
		t.Errorf("there are %d rows, want 304", got)
	}
}
