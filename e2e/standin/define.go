package standin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollbridge/e2e/standin/tsql"
)

// define carries out DDL and what is about rights.
func (ss *session) define(ctx context.Context, st tsql.Statement) error {
	switch st := st.(type) {
	case *tsql.CreateTable:
		return ss.createTable(ctx, st)
	case *tsql.CreateIndex:
		return ss.createIndex(ctx, st)
	case *tsql.CreateView:
		return ss.createView(ctx, st)
	case *tsql.CreateProcedure:
		return ss.createProcedure(st)
	case *tsql.CreateSchema:
		return ss.createSchema(st)
	case *tsql.Drop:
		return ss.drop(ctx, st)
	}
	s := ss.server
	s.mu.Lock()
	defer s.mu.Unlock()
	switch st := st.(type) {
	case *tsql.CreateDatabase:
		return ss.createDatabase(st)
	case *tsql.AlterDatabase:
		return ss.alterDatabase(st)
	case *tsql.DropDatabase:
		return ss.dropDatabase(st)
	case *tsql.CreateLogin:
		return ss.createLogin(st)
	case *tsql.AlterLogin:
		return ss.alterLogin(st)
	case *tsql.DropLogin:
		return ss.dropLogin(st)
	case *tsql.CreateUser:
		return ss.createUser(st)
	case *tsql.DropUser:
		return ss.dropUser(st)
	case *tsql.AlterRole:
		return ss.alterRole(st)
	case *tsql.Permission:
		return ss.permission(st)
	}
	return notTranslated("a statement of this kind (%T).", st)
}

// alone runs DDL on the file while nobody else changes the database, and then
// puts it into the catalogue.
func (ss *session) alone(ctx context.Context, catalogue func(), statements ...string) error {
	if err := ss.d.lock.hold(ctx, ss, ss.set.lockTimeout); err != nil {
		return err
	}
	defer ss.d.lock.release(ss)
	if err := inOne(ctx, ss.file, statements); err != nil {
		return err
	}
	ss.server.mu.Lock()
	defer ss.server.mu.Unlock()
	ss.d.changes++
	catalogue()
	return nil
}

// inOne runs statements so that others see all of them or none.
func inOne(ctx context.Context, file *sql.Conn, statements []string) error {
	tx, err := file.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to change the schema: %w", err)
	}
	for _, q := range statements {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("change the schema: %w", err)
	}
	return nil
}

// place finds where an object of a name can be made. right is what its maker
// needs of the database, beside ALTER of the schema.
func (ss *session) place(n tsql.Name, right string) (*schema, error) {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	d, r := ss.d, ss.reader()
	if r.onDatabase(right) != granted {
		return nil, fault(262, 14, "%s permission denied in database '%s'.", right, d.name)
	}
	name := n.Schema
	if name == "" {
		name = "dbo"
	}
	sc, ok := d.schemas[fold(name)]
	if !ok || slices.Contains(systemSchemas, sc.name) ||
		(r.onSchema(sc, "ALTER") != granted && r.onSchema(sc, "CONTROL") != granted) {
		return nil, fault(2760, 16, "The specified schema name \"%s\" either does not exist or you do not have permission to use it.", name)
	}
	return sc, nil
}

func (ss *session) exists(n tsql.Name) (*object, bool) {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	o, ok := ss.d.objects[key(n.Schema, n.Name)]
	return o, ok
}

func alreadyThere(name string) error {
	return fault(2714, 16, "There is already an object named '%s' in the database.", name)
}

// add makes an object known; the server's mutex is held.
func (d *database) add(o *object) {
	if o.id = d.next(); d.objects[o.key()] != nil { // ALTER keeps it
		o.id = d.objects[o.key()].id
	}
	o.changed = d.changes
	d.objects[o.key()] = o
}

func (ss *session) createTable(ctx context.Context, st *tsql.CreateTable) error {
	sc, err := ss.place(st.Table, "CREATE TABLE")
	if err != nil {
		return err
	}
	if _, ok := ss.exists(st.Table); ok {
		return alreadyThere(st.Table.Name)
	}
	q, err := st.Translate(ss, nil)
	if err != nil {
		return err
	}
	return ss.alone(ctx, func() {
		ss.d.add(&object{kind: table, schema: sc, Object: tsql.Object{Schema: sc.name, Name: st.Table.Name, Columns: st.Columns}})
	}, q.SQL)
}

func (ss *session) createIndex(ctx context.Context, st *tsql.CreateIndex) error {
	if _, err := ss.place(st.Table, "ALTER"); err != nil {
		return fault(1088, 16, "Cannot find the object \"%s\" because it does not exist or you do not have permissions.", st.Table)
	}
	q, err := st.Translate(ss, nil)
	if err != nil {
		return err
	}
	return ss.alone(ctx, func() {}, q.SQL)
}

func (ss *session) createView(ctx context.Context, st *tsql.CreateView) error {
	sc, err := ss.place(st.View, "CREATE VIEW")
	if err != nil {
		return err
	}
	old, there := ss.exists(st.View)
	switch {
	case there && !st.Alter:
		return alreadyThere(st.View.Name)
	case st.Alter && (!there || old.kind != view):
		return fault(208, 16, "Invalid object name '%s'.", st.View)
	}
	q, err := st.Translate(ss, nil)
	if err != nil {
		return err
	}
	reach, err := ss.allowed(q.Uses)
	if err != nil {
		return err
	}
	if reach.catalogue {
		return notTranslated("a view of the catalogue.")
	}
	statements := []string{q.SQL}
	if there {
		statements = []string{"DROP VIEW " + tsql.Identifier(old.Schema, old.Name), q.SQL}
	}
	return ss.alone(ctx, func() {
		ss.d.add(&object{kind: view, schema: sc, uses: q.Uses,
			Object: tsql.Object{Schema: sc.name, Name: st.View.Name, View: true, Columns: q.Columns}})
	}, statements...)
}

func (ss *session) createProcedure(st *tsql.CreateProcedure) error {
	sc, err := ss.place(st.Procedure, "CREATE PROCEDURE")
	if err != nil {
		return err
	}
	old, there := ss.exists(st.Procedure)
	switch {
	case there && !st.Alter:
		return alreadyThere(st.Procedure.Name)
	case st.Alter && (!there || old.kind != procedure):
		return fault(208, 16, "Invalid object name '%s'.", st.Procedure)
	}
	ss.server.mu.Lock()
	defer ss.server.mu.Unlock()
	ss.d.changes++
	ss.d.add(&object{kind: procedure, schema: sc, Object: tsql.Object{Schema: sc.name, Name: st.Procedure.Name}})
	return nil
}

func (ss *session) createSchema(st *tsql.CreateSchema) error {
	s, d := ss.server, ss.d
	s.mu.Lock()
	defer s.mu.Unlock()
	if ss.reader().onDatabase("CREATE SCHEMA") != granted {
		return fault(2759, 16, "CREATE SCHEMA failed due to previous errors.")
	}
	if _, ok := d.schemas[fold(st.Name)]; ok {
		return alreadyThere(st.Name)
	}
	owner := ss.user()
	if st.Owner != "" {
		owner = d.principals[fold(st.Owner)]
	}
	if owner == nil {
		return noSuch("user", st.Owner)
	}
	d.addSchema(st.Name, owner)
	return nil
}

// drop is DROP of what is in a schema, or of a schema.
func (ss *session) drop(ctx context.Context, st *tsql.Drop) error {
	for _, n := range st.Names {
		var err error
		switch st.Kind {
		case "SCHEMA":
			err = ss.dropSchema(n.Name, st.IfExists)
		case "INDEX":
			if _, placed := ss.place(st.Table, "ALTER"); placed != nil {
				return cannotDrop("index", st.Table.String()+"."+n.Name)
			}
			err = notTranslated("DROP INDEX; drop the table.")
		default:
			err = ss.dropObject(ctx, st.Kind, n, st.IfExists)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var kinds = map[string]kind{"TABLE": table, "VIEW": view, "PROCEDURE": procedure}

func (ss *session) dropObject(ctx context.Context, what string, n tsql.Name, ifExists bool) error {
	o, ok := ss.exists(n)
	if !ok && ifExists {
		return nil
	}
	if ok {
		ss.server.mu.RLock()
		r := ss.reader()
		ok = r.on(o, "CONTROL") == granted || r.onSchema(o.schema, "ALTER") == granted
		ss.server.mu.RUnlock()
	}
	if !ok || o.kind != kinds[what] {
		return cannotDrop(strings.ToLower(what), n.String())
	}
	var statements []string
	if o.kind != procedure {
		statements = []string{fmt.Sprintf("DROP %s %s", what, tsql.Identifier(o.Schema, o.Name))}
	}
	return ss.alone(ctx, func() {
		delete(ss.d.objects, o.key())
		ss.d.grants = slices.DeleteFunc(ss.d.grants, func(g grant) bool {
			return (g.class == onObject || g.class == onColumn) && g.target == o.key()
		})
	}, statements...)
}

func (ss *session) dropSchema(name string, ifExists bool) error {
	s, d := ss.server, ss.d
	s.mu.Lock()
	defer s.mu.Unlock()
	sc, ok := d.schemas[fold(name)]
	switch {
	case !ok && ifExists:
		return nil
	case !ok, ss.reader().onSchema(sc, "CONTROL") != granted, slices.Contains(systemSchemas, sc.name), fold(name) == "dbo":
		return noSuch("schema", name)
	}
	for _, o := range d.objects {
		if o.schema == sc {
			return fault(3729, 16, "Cannot drop schema '%s' because it is being referenced by object '%s'.", name, o.Name)
		}
	}
	delete(d.schemas, fold(name))
	d.grants = slices.DeleteFunc(d.grants, func(g grant) bool { return g.class == onSchema && g.target == fold(name) })
	return nil
}
