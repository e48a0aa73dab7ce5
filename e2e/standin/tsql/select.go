package tsql

import (
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// Translate translates a query. Its Columns are in the order of the list.
func (s *Select) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, params)
	text, columns := t.query(s, nil, topLevel)
	return Query{SQL: text, Args: t.args, Columns: columns, Uses: t.uses}, nil
}

// place says where a query stands.
type place uint8

const (
	topLevel place = iota
	nested         // derived table, view, INSERT: columns are named, ORDER BY only with TOP
	inValue        // IN and a scalar sub-select: one column
	inExists
)

// query translates a SELECT with its UNIONs.
func (t *translator) query(s *Select, outer *scope, at place) (string, []Column) {
	t.enter()
	defer func() { t.depth-- }()
	if len(s.order) > 0 && at != topLevel && s.cores[0].top == nil {
		panic(fail(1033, "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table expressions, unless TOP, OFFSET or FOR XML is also specified."))
	}
	if len(s.cores) == 1 {
		c := t.core(s.cores[0], s.order, outer, at)
		return c.sql(), c.columns
	}
	return t.union(s, outer, at)
}

// built is a translated core, before its parts are put together.
type built struct {
	items   []val
	columns []Column
	head    string   // SELECT [DISTINCT]
	list    []string // SQL of the items with their names
	tail    string   // FROM … HAVING
	order   string
	limit   string
	at      place
}

func (b *built) sql() string {
	return b.head + strings.Join(b.list, ", ") + b.tail + b.order + b.limit
}

func (t *translator) core(c *core, order []orderItem, outer *scope, at place) *built {
	s := &scope{parent: outer}
	b := &built{head: "SELECT ", at: at}
	if c.distinct {
		b.head = "SELECT DISTINCT "
	}
	var tail strings.Builder
	t.from(c.from, s, &tail)
	if c.where != nil {
		tail.WriteString(" WHERE " + t.condition(c.where, s))
	}
	t.groupBy(c, order, s, &tail)
	t.items(c, s, b, at)
	if c.having != nil {
		tail.WriteString(" HAVING " + t.condition(c.having, s))
	}
	b.tail = tail.String()
	if len(order) > 0 {
		b.order = t.orderBy(c, order, s, b)
	}
	if c.top != nil {
		b.limit = " LIMIT " + t.top(c.top, s)
	}
	return b
}

func (t *translator) top(e expr, s *scope) string {
	v := t.value(e, s)
	n, ok := v.stored.(int64)
	if !v.constant || !ok || familyOf(v.typ) != famWhole {
		panic(refuse("TOP with something else than a whole number"))
	}
	if n < 0 {
		panic(fail(1060, "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer."))
	}
	return t.text(v)
}

// from translates the tables and their joins, and fills the scope with them.
func (t *translator) from(list []source, s *scope, out *strings.Builder) {
	for i, src := range list {
		tb, text := t.source(src, s)
		for _, other := range s.tables {
			if strings.EqualFold(other.exposed, tb.exposed) && strings.EqualFold(other.schema, tb.schema) {
				panic(fail(1011, "The correlation name '%s' is specified multiple times in a FROM clause.", tb.exposed))
			}
		}
		tb.outer = src.join == "LEFT JOIN"
		s.tables = append(s.tables, tb)
		if i == 0 {
			out.WriteString(" FROM ")
		} else {
			out.WriteString(" " + src.join + " ")
		}
		out.WriteString(text + " AS " + tb.alias)
		if src.on != nil {
			out.WriteString(" ON " + t.condition(src.on, s))
		}
	}
}

func (t *translator) source(src source, s *scope) (table, string) {
	if src.query == nil {
		o, use := t.object(src.name, RightSelect)
		tb := table{alias: t.alias(), exposed: src.alias, columns: o.Columns, use: use}
		if src.alias == "" {
			tb.exposed, tb.schema = o.Name, o.Schema
		}
		return tb, Identifier(o.Schema, o.Name)
	}
	// A derived table does not see the tables beside it, only those outside.
	text, columns := t.query(src.query, s.parent, nested)
	columns = append([]Column(nil), columns...)
	if src.names != nil {
		if len(src.names) != len(columns) {
			panic(fail(8158, "'%s' has more columns than were specified in the column list.", src.alias))
		}
		for i, n := range src.names {
			columns[i].Name = n
		}
	}
	checkNames(columns, src.alias)
	tb := table{alias: t.alias(), exposed: src.alias, columns: columns, use: -1}
	if src.names != nil {
		return tb, "(" + t.renamed(text, columns) + ")"
	}
	return tb, "(" + text + ")"
}

// renamed wraps a query so that its columns have other names.
func (t *translator) renamed(text string, columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoteName(c.Name)
	}
	n := t.alias()
	return "WITH " + n + "(" + strings.Join(names, ", ") + ") AS (" + text + ") SELECT * FROM " + n
}

// checkNames: a view or derived table needs names, each once.
func checkNames(columns []Column, of string) {
	for i, c := range columns {
		if c.Name == "" {
			panic(fail(8155, "No column name was specified for column %d of '%s'.", i+1, of))
		}
		if indexOf(columns[:i], c.Name) >= 0 {
			panic(fail(8156, "The column '%s' was specified multiple times for '%s'.", c.Name, of))
		}
	}
}

// groupBy translates GROUP BY and sets the scope's phase for what follows.
func (t *translator) groupBy(c *core, order []orderItem, s *scope, out *strings.Builder) {
	s.groups = make(map[string]bool)
	var keys []string
	for _, g := range c.group {
		v := t.value(g, s)
		if v.constant || v.untyped {
			panic(fail(164, "Each GROUP BY expression must contain at least one column that is not an outer reference."))
		}
		if _, isColumn := g.(*columnRef); !isColumn {
			s.deep = true
		}
		t.comparable(v)
		s.groups[v.sql] = true
		keys = append(keys, t.collated(v))
	}
	if len(keys) > 0 {
		out.WriteString(" GROUP BY " + strings.Join(keys, ", "))
	}
	grouped := len(keys) > 0 || c.having != nil
	for _, item := range c.items {
		grouped = grouped || hasAggregate(item.value)
	}
	for _, item := range order {
		grouped = grouped || hasAggregate(item.value)
	}
	if grouped {
		s.phase = outputPhase
	}
}

// items translates the select list.
func (t *translator) items(c *core, s *scope, b *built, at place) {
	for _, item := range c.items {
		if item.star {
			t.star(item, s, b, at)
			continue
		}
		v := t.value(item.value, s)
		name := item.alias
		if _, isColumn := item.value.(*columnRef); isColumn && name == "" {
			name = v.name
		}
		t.addItem(b, v, name, c.distinct)
	}
}

func (t *translator) star(item selectItem, s *scope, b *built, at place) {
	if at == inExists {
		b.list = append(b.list, "1")
		b.items = append(b.items, val{typ: wholeInt, constant: true, stored: int64(1)})
		b.columns = append(b.columns, Column{Type: wholeInt})
		return
	}
	any := false
	for _, tb := range s.tables {
		if item.table.table != "" && !tb.answers(&item.table) {
			continue
		}
		any = true
		for _, col := range tb.columns {
			ref := &columnRef{table: tb.exposed, name: col.Name}
			t.addItem(b, t.column(ref, s), col.Name, strings.HasPrefix(b.head, "SELECT DISTINCT"))
		}
	}
	if !any && item.table.table != "" {
		panic(fail(107, "The column prefix '%s' does not match with a table name or alias name used in the query.", item.table.table))
	}
	if !any {
		panic(fail(263, "Must specify table to select from."))
	}
}

func (t *translator) addItem(b *built, v val, name string, distinct bool) {
	text := t.text(v)
	if distinct && !v.untyped {
		t.comparable(v)
		text = t.collated(v)
	}
	if b.at == inValue {
		text += " AS v"
	} else if name != "" {
		text += " AS " + quoteName(name)
	}
	b.items = append(b.items, v)
	b.list = append(b.list, text)
	if v.untyped {
		v.typ = wholeInt // what the word NULL alone is in a result
	}
	b.columns = append(b.columns, Column{Name: name, Type: v.typ, Nullable: v.null})
}

// orderBy translates ORDER BY of a single SELECT: aliases of the list first,
// then places in it, then expressions over the tables.
func (t *translator) orderBy(c *core, order []orderItem, s *scope, b *built) string {
	var keys []string
	for _, item := range order {
		v, listed := orderItemOf(item.value, b)
		if !listed {
			v = t.value(item.value, s)
			if v.constant || v.untyped {
				panic(fail(408, "A constant expression was encountered in the ORDER BY list, position %d.", len(keys)+1))
			}
			if c.distinct && !contains(b.items, v) {
				panic(fail(145, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified."))
			}
		}
		keys = append(keys, t.sortKey(v)+direction(item))
	}
	return " ORDER BY " + strings.Join(keys, ", ")
}

func direction(item orderItem) string {
	if item.desc {
		return " DESC"
	}
	return ""
}

func contains(items []val, v val) bool {
	for _, i := range items {
		if !i.constant && i.sql == v.sql {
			return true
		}
	}
	return false
}

// orderItemOf finds what an ORDER BY means by an alias or a place.
func orderItemOf(e expr, b *built) (val, bool) {
	switch x := e.(type) {
	case *literal:
		if x.kind != tokWhole || x.minus {
			break
		}
		n := wholeLiteral(x)
		if at, ok := n.stored.(int64); ok && at >= 1 && at <= int64(len(b.items)) {
			return b.items[at-1], true
		}
		panic(fail(108, "The ORDER BY position number %s is out of range of the number of items in the select list.", x.text))
	case *columnRef:
		if x.table != "" {
			break
		}
		found := -1
		for i, c := range b.columns {
			if !strings.EqualFold(c.Name, x.name) {
				continue
			}
			if found >= 0 && b.items[found].sql != b.items[i].sql {
				panic(fail(209, "Ambiguous column name '%s'.", x.name))
			}
			found = i
		}
		if found >= 0 {
			return b.items[found], true
		}
	}
	return val{}, false
}

// sortKey is the SQL to order by a value as SQL Server does.
func (t *translator) sortKey(v val) string {
	if v.untyped {
		return "NULL"
	}
	switch familyOf(v.typ) {
	case famText:
		return "mssql_sortable(" + t.text(v) + ") COLLATE mssql"
	case famGUID:
		return "mssql_guidkey(" + t.text(v) + ")"
	case famDecimal, famOffset, famBinary:
		panic(refuse("the order of %s", v.typ))
	}
	if v.constant {
		return "(" + t.text(v) + ") + 0"
	}
	return v.sql
}

// collated is the SQL of a value for GROUP BY and DISTINCT.
func (t *translator) collated(v val) string {
	if isText(v.typ) {
		return t.text(v) + " COLLATE mssql"
	}
	return t.text(v)
}

// comparable refuses types whose equality is not that of what SQLite stores.
func (t *translator) comparable(v val) {
	if familyOf(v.typ) == famOffset || v.typ.Length == sqltype.Max && familyOf(v.typ) == famBinary {
		panic(refuse("telling values of %s apart", v.typ))
	}
}
