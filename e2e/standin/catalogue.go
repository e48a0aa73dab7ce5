package standin

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tsql"
)

var (
	sysname = sqltype.Type{Kind: sqltype.NVarChar, Length: 128}
	whole   = sqltype.Type{Kind: sqltype.Int}
	small   = sqltype.Type{Kind: sqltype.SmallInt}
	tiny    = sqltype.Type{Kind: sqltype.TinyInt}
	flag    = sqltype.Type{Kind: sqltype.Bit}
)

func text(n int) sqltype.Type   { return sqltype.Type{Kind: sqltype.NVarChar, Length: n} }
func narrow(n int) sqltype.Type { return sqltype.Type{Kind: sqltype.VarChar, Length: n} }

// catalogue are the catalogue views that there are, each with the columns of
// SQL Server's that can be filled here.
var catalogue = map[string]*tsql.Object{}

func system(schemaName, name string, columns ...tsql.Column) {
	catalogue[key(schemaName, name)] = &tsql.Object{Schema: schemaName, Name: name, View: true, Columns: columns}
}

func must(name string, t sqltype.Type) tsql.Column { return tsql.Column{Name: name, Type: t} }
func may(name string, t sqltype.Type) tsql.Column {
	return tsql.Column{Name: name, Type: t, Nullable: true}
}

func init() {
	system("sys", "databases", must("name", sysname), must("database_id", whole), must("compatibility_level", tiny),
		may("collation_name", sysname), must("is_read_only", flag), must("state", tiny), may("state_desc", text(60)),
		must("snapshot_isolation_state", tiny), may("snapshot_isolation_state_desc", text(60)),
		must("is_read_committed_snapshot_on", flag))
	system("sys", "server_principals", must("name", sysname), must("type", sqltype.Type{Kind: sqltype.Char, Length: 1}),
		may("type_desc", text(60)), may("is_disabled", flag))
	system("sys", "schemas", must("name", sysname), must("schema_id", whole), must("principal_id", whole))
	objects := []tsql.Column{must("name", sysname), must("object_id", whole), may("principal_id", whole), must("schema_id", whole),
		must("type", sqltype.Type{Kind: sqltype.Char, Length: 2}), may("type_desc", text(60)), must("is_ms_shipped", flag)}
	for _, name := range []string{"objects", "tables", "views", "procedures"} {
		system("sys", name, objects...)
	}
	system("sys", "columns", must("object_id", whole), must("name", sysname), must("column_id", whole),
		may("is_nullable", flag), must("max_length", small), must("precision", tiny), must("scale", tiny))
	// Row-level security is not made here: the view is there and empty.
	system("sys", "security_policies", must("name", sysname), must("object_id", whole), must("is_enabled", flag))
	system("INFORMATION_SCHEMA", "TABLES", may("TABLE_CATALOG", sysname), may("TABLE_SCHEMA", sysname),
		must("TABLE_NAME", sysname), may("TABLE_TYPE", narrow(10)))
	system("INFORMATION_SCHEMA", "COLUMNS", may("TABLE_CATALOG", sysname), may("TABLE_SCHEMA", sysname),
		must("TABLE_NAME", sysname), may("COLUMN_NAME", sysname), must("ORDINAL_POSITION", whole),
		may("COLUMN_DEFAULT", text(4000)), may("IS_NULLABLE", narrow(3)), may("DATA_TYPE", sysname),
		may("CHARACTER_MAXIMUM_LENGTH", whole), may("CHARACTER_OCTET_LENGTH", whole), may("NUMERIC_PRECISION", tiny),
		may("NUMERIC_PRECISION_RADIX", small), may("NUMERIC_SCALE", whole), may("DATETIME_PRECISION", small),
		may("COLLATION_NAME", sysname))
}

// collation is what the databases say that they have.
const collation = "Latin1_General_CI_AS"

// makeCatalogue makes the views' tables, empty, for one SQLite connection.
func makeCatalogue(ctx context.Context, file *sql.Conn) error {
	for _, o := range catalogue {
		var columns []string
		for _, c := range o.Columns {
			t := "INTEGER"
			switch c.Type.Kind {
			case sqltype.Char, sqltype.VarChar, sqltype.NVarChar:
				t = "TEXT COLLATE mssql"
			}
			columns = append(columns, `"`+c.Name+`" `+t)
		}
		q := fmt.Sprintf("CREATE TEMP TABLE %s (%s)", tsql.Identifier(o.Schema, o.Name), strings.Join(columns, ", "))
		if _, err := file.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("make the catalogue: %w", err)
		}
	}
	return nil
}

// fillCatalogue writes what the session may see at this moment.
func (ss *session) fillCatalogue(ctx context.Context) error {
	for k, rows := range ss.seen() {
		o := catalogue[k]
		name := tsql.Identifier(o.Schema, o.Name)
		if _, err := ss.file.ExecContext(ctx, "DELETE FROM temp."+name); err != nil {
			return fmt.Errorf("empty the catalogue: %w", err)
		}
		marks := strings.TrimSuffix(strings.Repeat("?,", len(o.Columns)), ",")
		for _, row := range rows {
			for i, c := range o.Columns {
				v, err := tsql.Store(c.Type, row[i])
				if err != nil {
					return fmt.Errorf("fill the catalogue: %s.%s: %w", o.Name, c.Name, err)
				}
				row[i] = v
			}
			if _, err := ss.file.ExecContext(ctx, "INSERT INTO temp."+name+" VALUES ("+marks+")", row...); err != nil {
				return fmt.Errorf("fill the catalogue: %w", err)
			}
		}
	}
	return nil
}

// seen are the rows of the catalogue views by their key.
func (ss *session) seen() map[string][][]any {
	s := ss.server
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, d := ss.reader(), ss.d
	rows := map[string][][]any{}
	for k := range catalogue {
		rows[k] = nil
	}
	put := func(schemaName, name string, row ...any) {
		rows[key(schemaName, name)] = append(rows[key(schemaName, name)], row)
	}
	for _, o := range s.databases {
		state, word := int64(0), "OFF"
		if o.snapshot {
			state, word = 1, "ON"
		}
		put("sys", "databases", o.name, int64(o.id), int64(160), collation, false, int64(0), "ONLINE", state, word, o.versioned)
	}
	for _, l := range slices.SortedFunc(maps.Values(s.logins), func(a, b *login) int { return cmp.Compare(a.name, b.name) }) {
		if !ss.login.sysadmin && l != ss.login {
			continue
		}
		kind, word := "S", "SQL_LOGIN"
		if l.windows {
			kind, word = "U", "WINDOWS_LOGIN"
		}
		put("sys", "server_principals", l.name, kind, word, l.disabled)
	}
	for _, sc := range d.schemas {
		put("sys", "schemas", sc.name, int64(sc.id), int64(sc.owner.id))
	}
	for _, o := range slices.SortedFunc(maps.Values(d.objects), func(a, b *object) int { return cmp.Compare(a.id, b.id) }) {
		if !r.visible(o) {
			continue
		}
		d.describe(o, put)
	}
	return rows
}

// describe gives the rows that are about one object.
func (d *database) describe(o *object, put func(schemaName, name string, row ...any)) {
	described := map[kind][3]string{table: {"USER_TABLE", "tables", "BASE TABLE"}, view: {"VIEW", "views", "VIEW"}, procedure: {"SQL_STORED_PROCEDURE", "procedures", ""}}[o.kind]
	row := []any{o.Name, int64(o.id), nil, int64(o.schema.id), string(o.kind), described[0], false}
	put("sys", "objects", row...)
	put("sys", described[1], slices.Clone(row)...)
	if o.kind == procedure {
		return
	}
	put("INFORMATION_SCHEMA", "TABLES", d.name, o.Schema, o.Name, described[2])
	for i, c := range o.Columns {
		m := measure(c.Type)
		nullable := "NO"
		if c.Nullable {
			nullable = "YES"
		}
		put("sys", "columns", int64(o.id), c.Name, int64(i+1), c.Nullable, m.bytes, m.digits, m.scale)
		put("INFORMATION_SCHEMA", "COLUMNS", d.name, o.Schema, o.Name, c.Name, int64(i+1), nil, nullable, string(c.Type.Kind),
			m.characters, m.octets, m.precision, m.radix, m.numericScale, m.moment, m.collation)
	}
}

// Measures of a type as the catalogue has them: nil where the type has none.
type measures struct {
	bytes, digits, scale                              int64 // sys.columns
	characters, octets                                any
	precision, radix, numericScale, moment, collation any
}

// plain are the types whose measures do not depend on the declaration
// (sys.types: max_length, precision).
var plain = map[sqltype.Kind][2]int64{
	sqltype.TinyInt: {1, 3}, sqltype.SmallInt: {2, 5}, sqltype.Int: {4, 10}, sqltype.BigInt: {8, 19}, sqltype.Bit: {1, 1},
	sqltype.Money: {8, 19}, sqltype.Float: {8, 53}, sqltype.Real: {4, 24}, sqltype.UniqueIdentifier: {16, 0},
	sqltype.Date: {3, 10}, sqltype.DateTime: {8, 23}, sqltype.SmallDateTime: {4, 16},
}

func measure(t sqltype.Type) measures {
	m := measures{bytes: plain[t.Kind][0], digits: plain[t.Kind][1], scale: int64(t.Scale)}
	n := int64(t.Length)
	switch t.Kind {
	case sqltype.Char, sqltype.VarChar:
		m.bytes, m.characters, m.octets, m.collation = n, n, n, collation
	case sqltype.NChar, sqltype.NVarChar:
		m.bytes, m.characters, m.octets, m.collation = 2*n, n, 2*n, collation
		if t.Length == sqltype.Max {
			m.bytes, m.octets = -1, int64(-1)
		}
	case sqltype.Binary, sqltype.VarBinary:
		m.bytes, m.characters, m.octets = n, n, n
	case sqltype.TinyInt, sqltype.SmallInt, sqltype.Int, sqltype.BigInt:
		m.precision, m.radix, m.numericScale = m.digits, int64(10), int64(0)
	case sqltype.Money:
		m.scale = 4
		m.precision, m.radix, m.numericScale = m.digits, int64(10), m.scale
	case sqltype.Decimal:
		m.digits = int64(t.Precision)
		m.bytes = decimalBytes(t.Precision)
		m.precision, m.radix, m.numericScale = m.digits, int64(10), m.scale
	case sqltype.Float, sqltype.Real:
		m.precision, m.radix = m.digits, int64(2)
	case sqltype.Date, sqltype.SmallDateTime:
		m.moment = int64(0)
	case sqltype.DateTime:
		m.scale, m.moment = 3, int64(3)
	case sqltype.Time, sqltype.DateTime2, sqltype.DateTimeOffset:
		m.moment = m.scale
		m.bytes, m.digits = momentBytes(t)
	}
	return m
}

// decimalBytes is the storage of decimal (documented under decimal and numeric).
func decimalBytes(precision int) int64 {
	switch {
	case precision <= 9:
		return 5
	case precision <= 19:
		return 9
	case precision <= 28:
		return 13
	}
	return 17
}

// momentBytes is the storage and the precision of the types with fractions of
// a second (documented under time, datetime2 and datetimeoffset).
func momentBytes(t sqltype.Type) (bytes, digits int64) {
	bytes, digits = 3, 8
	if t.Scale > 2 {
		bytes++
	}
	if t.Scale > 4 {
		bytes++
	}
	if t.Scale > 0 {
		digits += 1 + int64(t.Scale)
	}
	switch t.Kind {
	case sqltype.DateTime2:
		return bytes + 3, digits + 11
	case sqltype.DateTimeOffset:
		return bytes + 5, digits + 18
	}
	return bytes, digits
}

// Object finds an object for a statement of the session (tsql.Catalogue). It
// finds what the session may not see too: that is refused with 229, not 208.
func (ss *session) Object(schemaName, name string) (*tsql.Object, bool) {
	ss.server.mu.RLock()
	defer ss.server.mu.RUnlock()
	if o, ok := ss.d.objects[key(schemaName, name)]; ok && o.kind != procedure {
		return &o.Object, true
	}
	o, ok := catalogue[key(schemaName, name)]
	return o, ok
}
