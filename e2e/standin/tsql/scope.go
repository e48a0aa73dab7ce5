package tsql

import (
	"fmt"
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// A translator translates one statement. It panics with an *Error to give up;
// the Translate methods catch that.
type translator struct {
	catalogue Catalogue
	session   Environment // nil where the catalogue is none
	params    []Param
	noParams  bool // within a view
	tables    int  // for the aliases t1, t2, …
	depth     int
	uses      []Use
	args      []any // texts that have no literal
}

func newTranslator(c Catalogue, params []Param) *translator {
	t := &translator{catalogue: c, params: params}
	t.session, _ = c.(Environment)
	return t
}

// table is one entry of a FROM: an object or a derived table.
type table struct {
	alias   string // in SQLite
	exposed string // the name that qualifies its columns in T-SQL
	schema  string // where the exposed name is the object's own
	columns []Column
	use     int // index in uses, -1 for a derived table
	outer   bool
}

// scope is what the names of one SELECT can mean.
type scope struct {
	parent *scope
	tables []table
	phase  phase
	groups map[string]bool // SQL of the keys of GROUP BY, when grouped
	deep   bool            // some key is more than a column
	within bool            // an aggregate function
}

type phase uint8

const (
	rowPhase    phase = iota // ON, WHERE, and everything of a SELECT that does not group
	outputPhase              // what may hold aggregate functions and only grouped columns
)

// val is a translated value.
type val struct {
	sql      string // without meaning for a constant
	typ      sqltype.Type
	null     bool // can be NULL
	untyped  bool // the word NULL
	constant bool
	stored   any    // of a constant
	name     string // of a column
	national bool   // made of QUOTENAME: may be joined by +
}

// text gives the SQL of a value.
func (t *translator) text(v val) string {
	if v.untyped {
		return "NULL"
	}
	if !v.constant {
		return v.sql
	}
	s, err := render(v.stored)
	if err != nil {
		text, ok := v.stored.(string)
		if !ok || t.noParams {
			t.give(err)
		}
		t.args = append(t.args, text)
		return fmt.Sprintf("?%d", len(t.args))
	}
	return s
}

// give gives up with an error of this package.
func (t *translator) give(err error) {
	if e, ok := err.(*Error); ok {
		panic(e)
	}
	panic(refuse("a value (%v)", err))
}

func (t *translator) enter() {
	if t.depth++; t.depth > 4*maxDepth {
		panic(fail(191, "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries."))
	}
}

// object finds an object and notes that it is used.
func (t *translator) object(n Name, right Right) (*Object, int) {
	o, ok := t.catalogue.Object(n.Schema, n.Name)
	if !ok {
		panic(fail(208, "Invalid object name '%s'.", n))
	}
	for i, u := range t.uses {
		if u.Schema == o.Schema && u.Object == o.Name && u.Right == right {
			return o, i
		}
	}
	t.uses = append(t.uses, Use{Schema: o.Schema, Object: o.Name, Right: right})
	return o, len(t.uses) - 1
}

func (t *translator) usesColumn(use int, column string) {
	if use < 0 {
		return
	}
	u := &t.uses[use]
	for _, c := range u.Columns {
		if c == column {
			return
		}
	}
	u.Columns = append(u.Columns, column)
}

func (t *translator) alias() string {
	t.tables++
	return fmt.Sprintf("t%d", t.tables)
}

// find resolves a column's name. level counts the scopes that it lies above.
func (s *scope) find(c *columnRef) (found *table, column int, level int) {
	bound := false
	for at := s; at != nil; at, level = at.parent, level+1 {
		found = nil
		for i := range at.tables {
			tb := &at.tables[i]
			if !tb.answers(c) {
				continue
			}
			bound = true
			j := indexOf(tb.columns, c.name)
			if j < 0 {
				continue
			}
			if found != nil {
				panic(fail(209, "Ambiguous column name '%s'.", c.name))
			}
			found, column = tb, j
		}
		if found != nil {
			return found, column, level
		}
		if bound && c.table != "" {
			break
		}
	}
	if c.table != "" && !bound {
		parts := c.table + "." + c.name
		if c.schema != "" {
			parts = c.schema + "." + parts
		}
		panic(fail(4104, "The multi-part identifier \"%s\" could not be bound.", parts))
	}
	panic(fail(207, "Invalid column name '%s'.", c.name))
}

func (tb *table) answers(c *columnRef) bool {
	switch {
	case c.table == "":
		return true
	case !strings.EqualFold(c.table, tb.exposed):
		return false
	}
	return c.schema == "" || strings.EqualFold(c.schema, tb.schema)
}

// column translates a reference to a column.
func (t *translator) column(c *columnRef, s *scope) val {
	tb, i, level := s.find(c)
	col := tb.columns[i]
	t.usesColumn(tb.use, col.Name)
	v := val{
		sql: tb.alias + "." + quoteName(col.Name), typ: col.Type,
		null: col.Nullable || tb.outer, name: col.Name,
	}
	owner := s
	for range level {
		owner = owner.parent
	}
	if level > 0 && s.inAggregate() {
		panic(refuse("an aggregate function over a column of an outer query"))
	}
	if owner.phase != rowPhase && !owner.within && !owner.groups[v.sql] {
		panic(fail(8120, "Column '%s.%s' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.",
			tb.exposed, col.Name))
	}
	return v
}

func (s *scope) inAggregate() bool {
	for ; s != nil; s = s.parent {
		if s.within {
			return true
		}
	}
	return false
}

// param finds a parameter by its name, which is like names without case.
func (t *translator) param(name string) val {
	if t.noParams {
		panic(fail(137, "Must declare the scalar variable \"%s\".", name))
	}
	for _, p := range t.params {
		if !strings.EqualFold(p.Name, name) {
			continue
		}
		stored, err := Store(p.Type, p.Value)
		t.check(err)
		return val{typ: p.Type, null: stored == nil, constant: true, stored: stored}
	}
	panic(fail(137, "Must declare the scalar variable \"%s\".", name))
}

// check gives up if there is an error.
func (t *translator) check(err error) {
	if err != nil {
		t.give(err)
	}
}
