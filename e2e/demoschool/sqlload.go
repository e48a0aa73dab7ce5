package demoschool

import (
	"context"
	"database/sql"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// rowsAtOnce is as many rows as SQL Server takes after one VALUES.
const rowsAtOnce = 1000

// idsAtOnce is how many keys one DELETE names.
const idsAtOnce = 500

// Load makes the tables in a SQL Server database hold these rows and no
// others. It creates each schema and table that is missing; then one
// transaction deletes what was there and writes what is, so that a reader sees
// the old contents or the new ones. On an error the old ones stay. db may use
// more than one connection.
func Load(ctx context.Context, db *sql.DB, tables []Table) error {
	return new(Loader).Load(ctx, db, tables)
}

// A Loader loads into one database again and again, which nobody else writes
// to. It remembers what it has written and writes only what has changed since.
// The zero Loader has written nothing. One goroutine at a time may use it.
type Loader struct {
	written map[string]sums // by table
}

// sums are hashes of all rows that share a value of their table's first
// column, which says whose they are, by that value's literal.
type sums map[string]uint64

// Forget makes the next Load write everything: somebody else has written.
func (l *Loader) Forget() { l.written = nil }

// Load is the function of that name.
func (l *Loader) Load(ctx context.Context, db *sql.DB, tables []Table) error {
	if l.written == nil {
		if err := create(ctx, db, tables); err != nil {
			return err
		}
	}
	before := l.written
	l.written = nil // until all is committed
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the school's tables: %w", err)
	}
	defer tx.Rollback() // after Commit this does nothing
	run := func(statement string) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	}
	now := map[string]sums{}
	for _, t := range tables {
		now[t.Name] = t.sums()
		if before == nil {
			err = t.replace(run)
		} else {
			err = t.update(before[t.Name], now[t.Name], run)
		}
		if err != nil {
			return fmt.Errorf("fill %s: %w", t.Name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the school's tables: %w", err)
	}
	l.written = now
	return nil
}

// replace empties the table and fills it.
func (t Table) replace(run func(string) error) error {
	if err := run("DELETE FROM " + t.Name); err != nil {
		return err
	}
	return t.inserts(nil, run)
}

// update writes again the rows of those who have changed, have come or gone.
func (t Table) update(before, now sums, run func(string) error) error {
	changed := map[string]bool{}
	for key, sum := range now {
		if was, there := before[key]; !there || was != sum {
			changed[key] = true
		}
	}
	for key := range before {
		if _, there := now[key]; !there {
			changed[key] = true
		}
	}
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(changed)), idsAtOnce) {
		if err := run("DELETE FROM " + t.Name + " WHERE " + t.Columns[0].Name + " IN (" + strings.Join(keys, ", ") + ")"); err != nil {
			return err
		}
	}
	if len(changed) == 0 {
		return nil
	}
	return t.inserts(changed, run)
}

// seed of all sums, since they are compared with each other.
var seed = maphash.MakeSeed()

func (t Table) sums() sums {
	all := sums{}
	var text []byte
	for row := range t.Rows {
		text = t.appendRow(text[:0], row)
		key := t.key(row)
		all[key] = all[key]*31 + maphash.Bytes(seed, text)
	}
	return all
}

func (t Table) key(row []any) string { return string(appendLiteral(nil, row[0], t.Columns[0])) }

func create(ctx context.Context, db *sql.DB, tables []Table) error {
	for _, t := range tables {
		schema, name, _ := strings.Cut(t.Name, ".")
		for _, c := range []struct{ thing, count, create string }{
			{schema, "SELECT COUNT(*) FROM sys.schemas WHERE name = '" + schema + "'", "CREATE SCHEMA " + schema},
			{t.Name, "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = '" + schema + "' AND TABLE_NAME = '" + name + "'", t.Create()},
		} {
			var there int
			if err := db.QueryRowContext(ctx, c.count).Scan(&there); err != nil {
				return fmt.Errorf("look for %s: %w", c.thing, err)
			}
			if there > 0 {
				continue
			}
			if _, err := db.ExecContext(ctx, c.create); err != nil {
				return fmt.Errorf("make %s: %w", c.thing, err)
			}
		}
	}
	return nil
}

// inserts gives run one INSERT after the other, with the rows of those in only,
// or all for nil. It stops at run's error.
func (t Table) inserts(only map[string]bool, run func(string) error) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	head := "INSERT INTO " + t.Name + " (" + strings.Join(names, ", ") + ") VALUES\n"
	text, rows := []byte(head), 0
	for row := range t.Rows {
		if only != nil && !only[t.key(row)] {
			continue
		}
		if rows > 0 {
			text = append(text, ",\n"...)
		}
		text = t.appendRow(text, row)
		if rows++; rows == rowsAtOnce {
			if err := run(string(text)); err != nil {
				return err
			}
			text, rows = append(text[:0], head...), 0
		}
	}
	if rows == 0 {
		return nil
	}
	return run(string(text))
}

func (t Table) appendRow(b []byte, row []any) []byte {
	b = append(b, '(')
	for i, value := range row {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLiteral(b, value, t.Columns[i])
	}
	return append(b, ')')
}
