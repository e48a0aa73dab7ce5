package database_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

func TestTransactions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		now := time.Date(2026, 11, 21, 9, 30, 0, 123456000, time.UTC)
		insert := func(tx *database.Tx, code string) error {
			n, err := tx.Exec(ctx, "INSERT INTO authorities (code, name, why, created_at) VALUES (?, 'What?', ?, ?)", code, "why", database.Micros(now))
			if err == nil && n != 1 {
				t.Errorf("Exec says %d rows, want 1", n)
			}
			return err
		}
		if err := db.Write(ctx, func(tx *database.Tx) error { return insert(tx, "301") }); err != nil {
			t.Fatal(err)
		}
		mine := errors.New("mine")
		if err := db.Write(ctx, func(tx *database.Tx) error {
			return errors.Join(insert(tx, "302"), mine)
		}); !errors.Is(err, mine) {
			t.Fatalf("Write returned %v, want the function's own error", err)
		}
		var codes []string
		err := db.Read(ctx, func(tx *database.Tx) error {
			rows, err := tx.Query(ctx, "SELECT code, name, created_at FROM authorities WHERE name = 'What?' AND created_at >= ?", 0)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var code, name string
				var at int64
				if err := rows.Scan(&code, &name, &at); err != nil {
					return err
				}
				if got := database.FromMicros(at); !got.Equal(now) {
					t.Errorf("time came back as %v, want %v", got, now)
				}
				codes = append(codes, code)
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(codes) != 1 || codes[0] != "301" {
			t.Errorf("stored codes are %q: what was rolled back must not be there", codes)
		}
		if err := db.Read(ctx, func(tx *database.Tx) error { return insert(tx, "303") }); err == nil {
			t.Error("Read let a transaction write")
		}
	})
}

// Counting in two transactions at once loses nothing: a conflict is run again.
func TestConflictsRunAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		for _, code := range []string{"301", "302"} {
			if err := db.Write(ctx, func(tx *database.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO authorities (code, name, why, created_at) VALUES (?, '', '', 0)", code)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		var wg sync.WaitGroup
		for i := range 2 {
			order := []string{"301", "302"}
			if i%2 == 1 { // the other order: a deadlock in PostgreSQL
				order[0], order[1] = order[1], order[0]
			}
			wg.Go(func() {
				for range 10 {
					err := db.Write(ctx, func(tx *database.Tx) error {
						for _, code := range order {
							if _, err := tx.Exec(ctx, "UPDATE authorities SET created_at = created_at + 1 WHERE code = ?", code); err != nil {
								return err
							}
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		err := db.Read(ctx, func(tx *database.Tx) error {
			var lowest, highest int64
			if err := tx.QueryRow(ctx, "SELECT MIN(created_at), MAX(created_at) FROM authorities").Scan(&lowest, &highest); err != nil {
				return err
			}
			if lowest != 20 || highest != 20 {
				t.Errorf("counted %d and %d, want 20 each", lowest, highest)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestSchemaOfAnotherVersion(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx, address := t.Context(), dsn(t)
			if _, err := database.Open(ctx, address); !errors.Is(err, database.ErrSchemaOld) || !strings.Contains(err.Error(), "rollbridge-collector migrate") {
				t.Errorf("an empty database opened with %v, want ErrSchemaOld and the command to run", err)
			}
			db := dbtest.Migrated(t, address)
			if err := db.Migrate(ctx); err != nil {
				t.Errorf("migrating twice: %v", err)
			}
			opened, err := database.Open(ctx, address)
			if err != nil {
				t.Fatal(err)
			}
			if err := opened.Ping(ctx); err != nil {
				t.Error(err)
			}
			if err := opened.Close(); err != nil {
				t.Error(err)
			}
			if err := db.Write(ctx, func(tx *database.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, ?)", true)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := database.Open(ctx, address); !errors.Is(err, database.ErrSchemaNew) {
				t.Errorf("a newer schema opened with %v, want ErrSchemaNew", err)
			}
			if err := db.Migrate(ctx); !errors.Is(err, database.ErrSchemaNew) {
				t.Errorf("a newer schema migrated with %v, want ErrSchemaNew", err)
			}
		})
	}
}

// Both dialects have the same tables with the same columns.
func TestDialectsAgree(t *testing.T) {
	columns := func(dsn, query string) string {
		db := dbtest.Migrated(t, dsn)
		var all []string
		if err := db.Read(t.Context(), func(tx *database.Tx) error {
			rows, err := tx.Query(t.Context(), query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var table, column string
				var required bool
				if err := rows.Scan(&table, &column, &required); err != nil {
					return err
				}
				if required {
					column += "!"
				}
				all = append(all, table+"."+column)
			}
			return rows.Err()
		}); err != nil {
			t.Fatal(err)
		}
		return strings.Join(all, "\n")
	}
	lite := columns(dbtest.SQLite(t), `SELECT m.name, c.name, c."notnull" FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%' ORDER BY m.name, c.name`)
	pg := columns(dbtest.Postgres(t), `SELECT table_name, column_name, is_nullable = 'NO' FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' ORDER BY table_name COLLATE "C", column_name COLLATE "C"`)
	if lite != pg || !strings.Contains(lite, "inbox.digest!") {
		t.Errorf("the schemas differ.\nsqlite:\n%s\npostgres:\n%s", lite, pg)
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := t.Context()
	for name, dsn := range map[string]string{"nothing": "", "no kind": "/tmp/x.db", "another kind": "mysql://localhost/x", "no path": "sqlite:",
		"a broken address": "postgres://user:geheim@host:notaport/x"} {
		_, err := database.Open(ctx, dsn)
		if !errors.Is(err, database.ErrDSN) {
			t.Errorf("%s: got %v, want ErrDSN", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error repeats the password", name)
		}
	}
	if _, err := database.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "missing", "x.db")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("a missing directory: got %v", err)
	}
	if _, err := database.Open(ctx, "postgres://nobody@127.0.0.1:1/x"); !errors.Is(err, database.ErrUnavailable) {
		t.Errorf("nobody listens: got %v, want ErrUnavailable", err)
	}
}

// max_page_count stands in for a full disk: SQLite gives the same code.
func TestFullDisk(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	ctx := t.Context()
	err := db.Write(ctx, func(tx *database.Tx) error {
		var pages int
		return tx.QueryRow(ctx, "PRAGMA max_page_count = 1").Scan(&pages)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO keyrings (epoch, signed) VALUES (1, ?)", make([]byte, 1<<20))
		return err
	})
	if !errors.Is(err, database.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
}

func TestSQLiteIsDurableAndPrivate(t *testing.T) {
	dsn := dbtest.SQLite(t)
	db := dbtest.Migrated(t, dsn)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := db.Write(t.Context(), func(tx *database.Tx) error {
			return tx.QueryRow(t.Context(), "PRAGMA "+pragma).Scan(&got)
		}); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("PRAGMA %s is %s, want %s", pragma, got, want)
		}
	}
	path := strings.TrimPrefix(dsn, "sqlite:")
	for _, ending := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + ending)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want nobody else to read it", info.Name(), info.Mode())
		}
	}
}

func TestPostgresIsDurable(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.Postgres(t))
	var got string
	if err := db.Read(t.Context(), func(tx *database.Tx) error {
		return tx.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&got)
	}); err != nil {
		t.Fatal(err)
	}
	if got != "on" {
		t.Errorf("synchronous_commit is %s, want on", got)
	}
}

// Intake's role can do what its grants say and nothing else: every right that
// PostgreSQL knows is tried on every column of every table.
func TestIntakeRole(t *testing.T) {
	dsn := dbtest.Postgres(t)
	db := dbtest.Migrated(t, dsn)
	ctx := t.Context()
	const role = "intake_test"
	if err := db.GrantIntake(ctx, `x"; DROP TABLE users; --`); err == nil {
		t.Error("a role name with a quote was accepted")
	}
	exec := func(query string) {
		t.Helper()
		if err := db.Write(ctx, func(tx *database.Tx) error { _, err := tx.Exec(ctx, query); return err }); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE ROLE " + role + " LOGIN")
	t.Cleanup(func() {
		for _, q := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if err := db.Write(context.Background(), func(tx *database.Tx) error { _, err := tx.Exec(context.Background(), q); return err }); err != nil {
				t.Error(err)
			}
		}
	})
	exec("GRANT ALL ON pupils TO " + role)              // an earlier mistake
	exec("GRANT SELECT (envelope) ON inbox TO " + role) // and another
	for range 2 {
		if err := db.GrantIntake(ctx, role); err != nil {
			t.Fatal(err)
		}
	}
	allowed := map[string]string{
		"inbox": "school agent generation sequence digest previous type sealed_at received_at bytes receipt state", "requests": "school digest message sender receipt state",
		"codes": "school code_id public_key offer expires_at used_by", "agents": "school agent generation sign_key revocation state reenrolled",
		"stop_requests": "school agent received_at", "stops": "school generation hidden_at destroy_at destroyed_at", "certificates": "*",
		"statements": "*", "keyrings": "*", "attempts": "school agent counter conflict", "goose_db_version": "*",
	}
	type column struct{ table, name string }
	var all []column
	if err := db.Read(ctx, func(tx *database.Tx) error {
		rows, err := tx.Query(ctx, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c column
			if err := rows.Scan(&c.table, &c.name); err != nil {
				return err
			}
			all = append(all, c)
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if len(all) < 80 {
		t.Fatalf("only %d columns found", len(all))
	}
	for _, c := range all {
		readable := strings.Fields(allowed[c.table])
		want := map[string]bool{
			"SELECT":     len(readable) > 0 && (readable[0] == "*" || slices.Contains(readable, c.name)),
			"INSERT":     (c.table == "inbox" || c.table == "requests" || c.table == "stop_requests") && c.name != "state",
			"UPDATE":     c.table == "attempts" && slices.Contains([]string{"counter", "heard_at", "checkin", "conflict"}, c.name),
			"REFERENCES": false,
		}
		for right, expected := range want {
			var got bool
			if err := db.Read(ctx, func(tx *database.Tx) error {
				return tx.QueryRow(ctx, "SELECT has_column_privilege(?, ?, ?, ?)", role, c.table, c.name, right).Scan(&got)
			}); err != nil {
				t.Fatal(err)
			}
			if got != expected {
				t.Errorf("%s of %s.%s: the role may: %t, want %t", right, c.table, c.name, got, expected)
			}
		}
	}
	opened, err := database.Open(ctx, strings.Replace(dsn, "user=postgres", "user="+role, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	for _, query := range []string{
		"DELETE FROM inbox", "SELECT envelope FROM inbox", "SELECT * FROM records", "SELECT frame FROM requests", "UPDATE inbox SET state = 'applied'",
		"UPDATE agents SET state = 'confirmed'", "INSERT INTO statements (school, agent, kind, serial, generation, issued_at, signed) VALUES ('', '', '', 1, 1, 1, '')",
		"CREATE TABLE mine (a INT)", "TRUNCATE attempts", "SELECT password FROM users", "DELETE FROM attempts",
	} {
		if err := opened.Write(ctx, func(tx *database.Tx) error { _, err := tx.Exec(ctx, query); return err }); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: got %v, want permission denied", query, err)
		}
	}
}
