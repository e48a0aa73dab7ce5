package standin

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"rollbridge/e2e/standin/tds"
	"rollbridge/e2e/standin/tsql"
)

// statement carries out one statement of a batch.
func (ss *session) statement(ctx context.Context, st tsql.Statement, r request) error {
	switch st := st.(type) {
	case *tsql.Select:
		q, err := st.Translate(ss, r.params)
		if err != nil {
			return err
		}
		return ss.read(ctx, q, r)
	case *tsql.Insert:
		return ss.write(ctx, st, r)
	case *tsql.Update:
		return ss.write(ctx, st, r)
	case *tsql.Delete:
		return ss.write(ctx, st, r)
	case *tsql.SetOption:
		return ss.done(r.w, ss.option(st))
	case *tsql.Transaction:
		return ss.done(r.w, ss.transact(ctx, st.Action, r.w))
	case *tsql.UseDatabase:
		return ss.use(ctx, st.Database, r.w)
	}
	// SQL Server can undo these too; here they are not part of a transaction.
	if ss.tx != nil {
		return notTranslated("a change of the schema, of rights or of databases within a transaction; do it outside.")
	}
	return ss.done(r.w, ss.define(ctx, st))
}

// done ends a statement that counts no rows.
func (ss *session) done(w *tds.Response, err error) error {
	if err != nil {
		return err
	}
	return w.Done(-1)
}

// counted ends one that does.
func (ss *session) counted(w *tds.Response, rows int64) error {
	if ss.set.nocount {
		rows = -1
	}
	return w.Done(rows)
}

// read carries out a SELECT and streams its rows.
func (ss *session) read(ctx context.Context, q tsql.Query, r request) error {
	reach, err := ss.allowed(q.Uses)
	if err != nil {
		return err
	}
	if err := ss.beforeRead(ctx, reach); err != nil {
		return err
	}
	defer ss.afterStatement()
	if reach.catalogue {
		if err := ss.fillCatalogue(ctx); err != nil {
			return err
		}
	}
	rows, err := ss.file.QueryContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns := make([]tds.Column, len(q.Columns))
	for i, c := range q.Columns {
		columns[i] = tds.Column(c)
	}
	if err := r.w.Columns(columns); err != nil {
		return err
	}
	n, err := ss.stream(ctx, rows, q.Columns, r)
	if err != nil {
		return err
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return ss.counted(r.w, n)
}

// stream sends the rows, and lets a staged fault strike between two of them.
func (ss *session) stream(ctx context.Context, rows *sql.Rows, columns []tsql.Column, r request) (n int64, err error) {
	stored, values, into := make([]any, len(columns)), make([]any, len(columns)), make([]any, len(columns))
	for i := range stored {
		into[i] = &stored[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return n, fmt.Errorf("read a row: %w", err)
		}
		for i, c := range columns {
			if values[i], err = tsql.Value(c.Type, stored[i]); err != nil {
				return n, fmt.Errorf("read column %s: %w", c.Name, err)
			}
		}
		if err := r.w.Row(values); err != nil {
			return n, err
		}
		n++
		if f := r.fault; f != nil && n == int64(max(f.AtRow, 1)) {
			if err := ss.server.strike(ctx, f, r.w, func() error { return r.w.Row(values) }); err != nil {
				return n, err
			}
		}
	}
	return n, rows.Err()
}

// A change is what write carries out.
type change interface {
	Translate(c tsql.Catalogue, params []tsql.Param) (tsql.Query, error)
}

// write carries out INSERT, UPDATE and DELETE.
func (ss *session) write(ctx context.Context, st change, r request) error {
	q, err := st.Translate(ss, r.params)
	if err != nil {
		return err
	}
	reach, err := ss.allowed(q.Uses)
	if err != nil {
		return err
	}
	if reach.catalogue {
		return notTranslated("a change that reads the catalogue.")
	}
	if err := ss.beforeRead(ctx, reach); err != nil {
		return err
	}
	if err := ss.beforeWrite(ctx); err != nil {
		return err
	}
	defer ss.afterStatement()
	for _, t := range reach.written {
		ss.d.lock.mark(t)
	}
	result, err := ss.file.ExecContext(ctx, q.SQL, q.Args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	return ss.counted(r.w, n)
}

// use goes to another database.
func (ss *session) use(ctx context.Context, name string, w *tds.Response) error {
	s := ss.server
	s.mu.RLock()
	d, ok := s.databases[fold(name)]
	open := ok && (d.single == ss || d.open(ss.login))
	old := ss.d.name
	s.mu.RUnlock()
	switch {
	case !ok:
		return fault(911, 16, "Database '%s' does not exist. Make sure that the name is entered correctly.", name)
	case !open:
		return fault(916, 14, "The server principal \"%s\" is not able to access the database \"%s\" under the current security context.", ss.login.name, name)
	case ss.tx != nil:
		return notTranslated("USE within a transaction.")
	}
	if err := ss.enter(ctx, d); err != nil {
		return err
	}
	if err := w.Database(old, d.name); err != nil {
		return err
	}
	return w.Done(-1)
}

// A reach is what a statement touches, views resolved.
type reach struct {
	tables    []string // keys, read or written
	written   []string
	catalogue bool  // some catalogue view
	versioned bool  // READ_COMMITTED_SNAPSHOT
	snapshot  bool  // ALLOW_SNAPSHOT_ISOLATION
	changed   int64 // the newest DDL of what it touches
	changes   int64 // the newest DDL of the database
}

// allowed checks the rights that a statement needs at this moment, and that
// what its views read is still there.
func (ss *session) allowed(uses []tsql.Use) (reach, error) {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	d := ss.d
	r := reach{versioned: d.versioned, snapshot: d.snapshot, changes: d.changes}
	for _, u := range uses {
		k := key(u.Schema, u.Object)
		o, ok := d.objects[k]
		if !ok {
			if u.Right != tsql.RightSelect {
				return r, fault(259, 16, "Ad hoc updates to system catalogs are not allowed.")
			}
			r.catalogue = true
			continue
		}
		if u.Right != tsql.RightSelect {
			if o.kind == view {
				return r, notTranslated("a change through a view.")
			}
			r.written = append(r.written, k)
		}
		if err := d.resolve(o, &r); err != nil {
			return r, err
		}
	}
	if err := ss.reader().check(uses); err != nil {
		return r, err
	}
	return r, nil
}

// resolve adds what an object stands for to a reach.
func (d *database) resolve(o *object, r *reach) error {
	r.changed = max(r.changed, o.changed)
	if o.kind == table && !slices.Contains(r.tables, o.key()) {
		r.tables = append(r.tables, o.key())
	}
	for _, u := range o.uses {
		below, ok := d.objects[key(u.Schema, u.Object)]
		if !ok {
			return fault(208, 16, "Invalid object name '%s'.", u.Schema+"."+u.Object)
		}
		for _, c := range u.Columns {
			if !slices.ContainsFunc(below.Columns, func(b tsql.Column) bool { return strings.EqualFold(b.Name, c) }) {
				return fault(207, 16, "Invalid column name '%s'.", c)
			}
		}
		if err := d.resolve(below, r); err != nil {
			return err
		}
	}
	return nil
}
