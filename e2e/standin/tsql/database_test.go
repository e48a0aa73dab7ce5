package tsql

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// database is a database of this package's own making: SQLite, and a
// catalogue kept by the statements that define things.
type database struct {
	t       *testing.T
	db      *sql.DB
	objects map[string]*Object
	number  int64
}

func (d *database) Object(schema, name string) (*Object, bool) {
	if schema == "" {
		schema = "dbo"
	}
	o, ok := d.objects[strings.ToLower(schema+"."+name)]
	return o, ok
}

func (d *database) Session() int64 { return d.number }

func (d *database) Call(function string, args []any) (any, error) {
	switch function {
	case "DB_NAME":
		return "School", nil
	case "SUSER_SNAME":
		return "rollbridge_agent", nil
	case "GETDATE":
		return time.Date(2026, 3, 4, 9, 30, 0, 0, time.UTC), nil
	case "@@VERSION":
		return "Microsoft SQL Server", nil
	case "SERVERPROPERTY":
		return "15.0.2000.5", nil
	case "IS_SRVROLEMEMBER":
		return int64(0), nil
	case "HAS_PERMS_BY_NAME":
		if args[0] == nil {
			return nil, nil
		}
		if args[0] == "[mis].[Student]" && args[2] == "SELECT" {
			return int64(1), nil
		}
		return int64(0), nil
	}
	return nil, nil
}

func open(t *testing.T, script string) *database {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	d := &database{t: t, db: db, objects: map[string]*Object{}}
	var leave func()
	d.number, leave = Enter(d)
	t.Cleanup(func() { leave(); db.Close() })
	for _, batch := range strings.Split(script, "\nGO\n") {
		if _, err := d.run(batch); err != nil {
			t.Fatalf("%v in\n%s", err, batch)
		}
	}
	return d
}

// add keeps an object in the catalogue.
func (d *database) add(n Name, columns []Column, view bool) {
	o := &Object{Schema: schemaOr(n), Name: n.Name, Columns: columns, View: view}
	d.objects[strings.ToLower(o.Schema+"."+o.Name)] = o
}

// result is what the last statement of a batch gave.
type result struct {
	query Query
	rows  [][]any
}

func (d *database) run(batch string, params ...Param) (result, error) {
	d.t.Helper()
	var last result
	statements, err := Parse(batch)
	if err != nil {
		return last, err
	}
	for _, s := range statements {
		if last, err = d.one(s, params); err != nil {
			return last, err
		}
	}
	return last, nil
}

func (d *database) one(s Statement, params []Param) (result, error) {
	var q Query
	var err error
	done := func() {}
	switch s := s.(type) {
	case *Select:
		q, err = s.Translate(d, params)
	case *Insert:
		q, err = s.Translate(d, params)
	case *Update:
		q, err = s.Translate(d, params)
	case *Delete:
		q, err = s.Translate(d, params)
	case *CreateIndex:
		q, err = s.Translate(d, nil)
	case *CreateTable:
		q, err = s.Translate(d, nil)
		done = func() { d.add(s.Table, q.Columns, false) }
	case *CreateView:
		q, err = s.Translate(d, nil)
		done = func() { d.add(s.View, q.Columns, true) }
	default:
		return result{}, nil
	}
	if err != nil {
		return result{}, err
	}
	rows, err := d.rows(q)
	if err != nil {
		if e, ok := ErrorOf(err); ok {
			return result{}, e
		}
		d.t.Fatalf("SQLite refuses what came of the translation: %v\n%s", err, q.SQL)
	}
	done()
	return result{q, rows}, nil
}

func (d *database) rows(q Query) ([][]any, error) {
	rows, err := d.db.Query(q.SQL, q.Args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]any
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	if _, isRows := any(q.Columns).([]Column); isRows && len(names) > 0 && len(names) != len(q.Columns) {
		d.t.Fatalf("SQLite gives %d columns, the translation %d:\n%s", len(names), len(q.Columns), q.SQL)
	}
	for rows.Next() {
		cells := make([]any, len(names))
		pointers := make([]any, len(names))
		for i := range cells {
			pointers[i] = &cells[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		for i, c := range q.Columns {
			v, err := Value(c.Type, cells[i])
			if err != nil {
				d.t.Fatalf("%v\n%s", err, q.SQL)
			}
			cells[i] = v
		}
		out = append(out, cells)
	}
	return out, rows.Err()
}

func text(name, value string) Param {
	return Param{Name: name, Type: sqltype.Type{Kind: sqltype.VarChar, Length: max(1, len(value))}, Value: value}
}

func date(name string, y, m, d int) Param {
	return Param{Name: name, Type: sqltype.Type{Kind: sqltype.Date}, Value: time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)}
}
