package demoschool

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// rowsAtOnce is as many rows as SQL Server takes after one VALUES.
const rowsAtOnce = 1000

// Load makes the tables in a SQL Server database hold these rows and no
// others. It creates each schema and table that is missing; then one
// transaction deletes what was there and writes what is, so that a reader sees
// the old contents or the new ones. On an error the old ones stay. db may use
// more than one connection.
func Load(ctx context.Context, db *sql.DB, tables []Table) error {
	if err := create(ctx, db, tables); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("write the school's tables: %w", err)
	}
	defer tx.Rollback() // after Commit this does nothing
	for _, t := range tables {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.Name); err != nil {
			return fmt.Errorf("empty %s: %w", t.Name, err)
		}
		err := t.inserts(func(statement string) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		})
		if err != nil {
			return fmt.Errorf("fill %s: %w", t.Name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("write the school's tables: %w", err)
	}
	return nil
}

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

// inserts gives run one INSERT after the other. It stops at run's error.
func (t Table) inserts(run func(string) error) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	head := "INSERT INTO " + t.Name + " (" + strings.Join(names, ", ") + ") VALUES\n"
	text, rows := []byte(head), 0
	for row := range t.Rows {
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
