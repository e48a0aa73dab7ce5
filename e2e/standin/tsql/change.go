package tsql

import (
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// Translate translates an INSERT. Values are checked against their columns
// now as far as they are constants, and when the SQL runs as far as not.
func (s *Insert) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, params)
	o := t.changed(s.Table, RightInsert)
	columns := t.insertColumns(s, o)
	var out strings.Builder
	out.WriteString("INSERT INTO " + Identifier(o.Schema, o.Name) + " (")
	for i, col := range columns {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(quoteName(col.Name))
	}
	out.WriteString(") ")
	if s.query != nil {
		t.insertQuery(s, o, columns, &out)
	} else {
		t.insertRows(s, o, columns, &out)
	}
	return Query{SQL: out.String(), Args: t.args, Uses: t.uses}, nil
}

// changed finds the table that a statement changes.
func (t *translator) changed(n Name, right Right) *Object {
	o, _ := t.object(n, right)
	if o.View {
		panic(refuse("changing rows through a view (%s)", n))
	}
	return o
}

func (t *translator) insertColumns(s *Insert, o *Object) []Column {
	if s.Columns == nil {
		return o.Columns
	}
	columns := make([]Column, len(s.Columns))
	given := make([]bool, len(o.Columns))
	for i, name := range s.Columns {
		at := indexOf(o.Columns, name)
		if at < 0 {
			panic(fail(207, "Invalid column name '%s'.", name))
		}
		if given[at] {
			panic(fail(264, "The column name '%s' is specified more than once in the SET clause or column list of an INSERT.", name))
		}
		given[at], columns[i] = true, o.Columns[at]
	}
	for i, col := range o.Columns {
		if !given[i] && !col.Nullable {
			panic(nullInto(col.Name, o, "INSERT"))
		}
	}
	return columns
}

func nullInto(column string, o *Object, statement string) *Error {
	return fail(515, "Cannot insert the value NULL into column '%s', table '%s.%s'; column does not allow nulls. %s fails.",
		column, o.Schema, o.Name, statement)
}

func (t *translator) insertRows(s *Insert, o *Object, columns []Column, out *strings.Builder) {
	families := make([]family, len(columns))
	seen := make([]bool, len(columns))
	for i, row := range s.rows {
		checkWidth(s, len(row), len(columns))
		if i == 0 {
			out.WriteString("VALUES (")
		} else {
			out.WriteString(", (")
		}
		for j, e := range row {
			v := t.value(e, nil)
			if !v.untyped && len(s.rows) > 1 {
				// The rows of VALUES are one table, whose columns have one type each.
				f := rowFamily(v.typ, columns[j].Type)
				if seen[j] && families[j] != f {
					panic(refuse("VALUES with rows of different types for the column %s", columns[j].Name))
				}
				families[j], seen[j] = f, true
			}
			if j > 0 {
				out.WriteString(", ")
			}
			out.WriteString(t.assigned(v, columns[j], o, "INSERT"))
		}
		out.WriteByte(')')
	}
}

// rowFamily is a family within which rows of VALUES may mix: whole and decimal
// numbers come to the same in the end, and with floats do in a float column.
func rowFamily(typ, column sqltype.Type) family {
	f := familyOf(typ)
	if f == famBit || f == famDecimal || f == famFloat && familyOf(column) == famFloat {
		return famWhole
	}
	return f
}

func checkWidth(s *Insert, values, columns int) {
	switch {
	case values == columns:
	case s.Columns == nil:
		panic(fail(213, "Column name or number of supplied values does not match table definition."))
	case values > columns:
		panic(fail(110, "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement."))
	default:
		panic(fail(109, "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement."))
	}
}

func (t *translator) insertQuery(s *Insert, o *Object, columns []Column, out *strings.Builder) {
	text, given := t.query(s.query, nil, topLevel)
	if len(given) != len(columns) {
		if s.Columns == nil {
			panic(fail(213, "Column name or number of supplied values does not match table definition."))
		}
		panic(fail(120, "The select list for the INSERT statement does not have as many items as the insert list."))
	}
	named := make([]Column, len(given))
	values := make([]string, len(given))
	for i, g := range given {
		named[i].Name = "c" + string(rune('a'+i/26%26)) + string(rune('a'+i%26)) + string(rune('a'+i/676))
		v := val{sql: quoteName(named[i].Name), typ: g.Type, null: g.Nullable}
		values[i] = t.assigned(v, columns[i], o, "INSERT")
	}
	names := make([]string, len(named))
	for i, n := range named {
		names[i] = quoteName(n.Name)
	}
	out.WriteString("WITH given(" + strings.Join(names, ", ") + ") AS (" + text + ") SELECT " +
		strings.Join(values, ", ") + " FROM given")
}

// assigned is the SQL of a value on its way into a column.
func (t *translator) assigned(v val, col Column, o *Object, statement string) string {
	if v.untyped || v.constant && v.stored == nil {
		if !col.Nullable {
			panic(nullInto(col.Name, o, statement))
		}
		return "NULL"
	}
	if !convertible(v.typ, col.Type, modeAssign) {
		panic(refuse("%s into the column %s of %s", v.typ, col.Name, col.Type))
	}
	if v.constant {
		stored, err := convertStored(v.stored, v.typ, col.Type, modeAssign)
		if err == nil && v.typ == col.Type {
			stored, err = fitted(stored, col.Type)
		}
		t.check(named(err, o.Schema+"."+o.Name, col.Name))
		return t.text(val{constant: true, stored: stored})
	}
	if v.typ == col.Type {
		return t.text(v)
	}
	if sql := t.plainConversion(v, col.Type); sql != "" {
		return sql
	}
	place, err := render(o.Schema + "." + o.Name)
	t.check(err)
	column, err := render(col.Name)
	t.check(err)
	return "mssql_convert(" + t.text(v) + ", '" + v.typ.String() + "', '" + col.Type.String() + "', " +
		string('0'+rune(modeAssign)) + ", " + place + ", " + column + ")"
}

// fitted checks a value that has the column's type already: a parameter may
// claim a type that its value does not keep to.
func fitted(stored any, typ sqltype.Type) (any, error) {
	if s, ok := stored.(string); ok && isText(typ) {
		if !isNational(typ) {
			if err := inCodePage(s); err != nil {
				return nil, err
			}
		}
		return fitText(s, typ, modeAssign)
	}
	return stored, nil
}

// named tells which column an error about too long a text is about.
func named(err error, table, column string) error {
	if e, ok := err.(*Error); ok && e.Number == 2628 {
		return fail(2628, "String or binary data would be truncated in table '%s', column '%s'.", table, column)
	}
	return err
}

// Translate translates an UPDATE. A change of key columns that leaves two
// rows alike for a moment only is an error in SQLite and none in SQL Server.
func (s *Update) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, params)
	o := t.changed(s.Table, RightUpdate)
	sc := t.changeScope(s.Table, o)
	var sets []string
	done := make(map[string]bool)
	for _, item := range s.set {
		i := indexOf(o.Columns, item.column)
		if i < 0 {
			panic(fail(207, "Invalid column name '%s'.", item.column))
		}
		col := o.Columns[i]
		if done[col.Name] {
			panic(fail(264, "The column name '%s' is specified more than once in the SET clause or column list of an INSERT.", col.Name))
		}
		done[col.Name] = true
		t.usesColumn(0, col.Name)
		sets = append(sets, quoteName(col.Name)+" = "+t.assigned(t.value(item.value, sc), col, o, "UPDATE"))
	}
	sql := "UPDATE " + Identifier(o.Schema, o.Name) + " AS " + sc.tables[0].alias + " SET " + strings.Join(sets, ", ")
	if s.where != nil {
		sql += " WHERE " + t.condition(s.where, sc)
	}
	return Query{SQL: sql, Args: t.args, Uses: t.needed()}, nil
}

// Translate translates a DELETE.
func (s *Delete) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, params)
	o := t.changed(s.Table, RightDelete)
	sc := t.changeScope(s.Table, o)
	sql := "DELETE FROM " + Identifier(o.Schema, o.Name) + " AS " + sc.tables[0].alias
	if s.where != nil {
		sql += " WHERE " + t.condition(s.where, sc)
	}
	return Query{SQL: sql, Args: t.args, Uses: t.needed()}, nil
}

// changeScope lets WHERE and SET see the table that is changed. Its use for
// SELECT is the second; needed drops it if no column was read.
func (t *translator) changeScope(n Name, o *Object) *scope {
	_, use := t.object(n, RightSelect)
	return &scope{tables: []table{{alias: t.alias(), exposed: o.Name, schema: o.Schema, columns: o.Columns, use: use}}}
}

func (t *translator) needed() []Use {
	if len(t.uses[1].Columns) == 0 {
		return append(t.uses[:1:1], t.uses[2:]...)
	}
	return t.uses
}
