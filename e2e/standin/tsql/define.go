package tsql

import "strings"

// Translate translates CREATE TABLE. A table with a primary key lies in its
// order, without a rowid of SQLite's.
func (s *CreateTable) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	var lines []string
	for _, col := range s.Columns {
		line := quoteName(col.Name) + " " + declaration(col.Type)
		if !col.Nullable {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	tail := ")"
	if len(s.Key) > 0 {
		keys := make([]string, len(s.Key))
		for i, k := range s.Key {
			col := s.Columns[indexOf(s.Columns, k)]
			if f := familyOf(col.Type); f == famOffset || f == famBinary || col.Type.Length < 0 {
				panic(refuse("a key of %s", col.Type))
			}
			keys[i] = quoteName(col.Name)
		}
		lines = append(lines, "PRIMARY KEY ("+strings.Join(keys, ", ")+")")
		tail = ") WITHOUT ROWID"
	}
	sql := "CREATE TABLE " + Identifier(schemaOr(s.Table), s.Table.Name) + " (" + strings.Join(lines, ", ") + tail
	return Query{SQL: sql, Columns: s.Columns}, nil
}

// schemaOr is the schema of a name, dbo where it has none.
func schemaOr(n Name) string {
	if n.Schema == "" {
		return "dbo"
	}
	return n.Schema
}

// Translate translates CREATE INDEX. In SQLite the index is called
// Identifier(schema, table.index). Uses and Columns are empty.
func (s *CreateIndex) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, params)
	o, _ := t.object(s.Table, RightSelect)
	if o.View {
		panic(refuse("an index of a view"))
	}
	names := make([]string, len(s.Columns))
	for i, name := range s.Columns {
		at := indexOf(o.Columns, name)
		if at < 0 {
			panic(fail(1911, "Column name '%s' does not exist in the target table or view.", name))
		}
		if s.Unique && o.Columns[at].Nullable {
			panic(refuse("UNIQUE over a column that can be NULL, of which SQL Server lets one be")) // SQLite any number
		}
		names[i] = quoteName(o.Columns[at].Name)
	}
	sql := "CREATE INDEX "
	if s.Unique {
		sql = "CREATE UNIQUE INDEX "
	}
	sql += Identifier(o.Schema, o.Name+"."+s.Name) + " ON " + Identifier(o.Schema, o.Name) + " (" + strings.Join(names, ", ") + ")"
	return Query{SQL: sql}, nil
}

// Translate translates CREATE VIEW; for ALTER VIEW the caller drops the old
// one first. Columns are the view's, Uses what its owner must be able to read.
func (s *CreateView) Translate(c Catalogue, params []Param) (q Query, err error) {
	defer caught(&err)
	t := newTranslator(c, nil)
	t.session, t.noParams = nil, true
	text, columns := t.query(s.Query, nil, nested)
	columns = append([]Column(nil), columns...)
	if s.Names != nil {
		if len(s.Names) != len(columns) {
			panic(fail(8158, "'%s' has more columns than were specified in the column list.", s.View.Name))
		}
		for i, n := range s.Names {
			columns[i].Name = n
		}
	}
	for i, col := range columns {
		if col.Name == "" {
			panic(fail(4511, "Create View or Function failed because no column name was specified for column %d.", i+1))
		}
		if indexOf(columns[:i], col.Name) >= 0 {
			panic(fail(4506, "Column names in each view or function must be unique. Column name '%s' in view or function '%s' is specified more than once.", col.Name, s.View.Name))
		}
	}
	names := make([]string, len(columns))
	for i, col := range columns {
		names[i] = quoteName(col.Name)
	}
	sql := "CREATE VIEW " + Identifier(schemaOr(s.View), s.View.Name) + " (" + strings.Join(names, ", ") + ") AS " + text
	return Query{SQL: sql, Columns: columns, Uses: t.uses}, nil
}
