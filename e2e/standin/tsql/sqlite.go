package tsql

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"modernc.org/sqlite"

	"rollbridge/e2e/standin/sqltype"
)

// The driver's registry of functions and collations is its own and global:
// they are there for every connection opened after this package is loaded.
func init() {
	sqlite.MustRegisterCollationUtf8("mssql", collate)
	for name, f := range map[string]func([]driver.Value) (driver.Value, error){
		"mssql_convert":  runConvert,
		"mssql_range":    runRange,
		"mssql_sortable": runSortable,
		"mssql_guidkey":  runGUIDKey,
		"mssql_len":      runLen,
		"mssql_upper":    func(a []driver.Value) (driver.Value, error) { return runCase(a, unicode.ToUpper) },
		"mssql_lower":    func(a []driver.Value) (driver.Value, error) { return runCase(a, unicode.ToLower) },
	} {
		sqlite.MustRegisterDeterministicScalarFunction(name, -1, marked(f))
	}
	sqlite.MustRegisterScalarFunction("mssql_session", -1, marked(runSession))
	sqlite.MustRegisterScalarFunction("mssql_several", -1, marked(func([]driver.Value) (driver.Value, error) {
		return nil, fail(512, "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.")
	}))
}

// mark stands around an Error in the text of SQLite's error, the only way out
// of a function.
const mark = "\x02tsql\x02"

func marked(f func([]driver.Value) (driver.Value, error)) func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
	return func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		v, err := f(args)
		if e, ok := err.(*Error); ok {
			return nil, fmt.Errorf("%s%d%s%s%s", mark, e.Number, mark, e.Message, mark)
		}
		return v, err
	}
}

// ErrorOf finds the Error in an error that SQLite's driver returned while a
// Query ran: what a function failed with, or a constraint that was broken.
// It is false for every other error.
func ErrorOf(err error) (*Error, bool) {
	if err == nil {
		return nil, false
	}
	if own := (*Error)(nil); errors.As(err, &own) {
		return own, true
	}
	text := err.Error()
	if parts := strings.Split(text, mark); len(parts) >= 4 {
		if n, err := strconv.ParseInt(parts[1], 10, 32); err == nil {
			return &Error{Number: int32(n), Message: parts[2]}, true
		}
	}
	var broken *sqlite.Error
	if !errors.As(err, &broken) {
		return nil, false
	}
	const notNull, primaryKey, unique = 1299, 1555, 2067 // extended codes of SQLITE_CONSTRAINT
	_, object, _ := strings.Cut(text, "constraint failed: ")
	_, object, _ = strings.Cut(object, "constraint failed: ")
	object, _, _ = strings.Cut(object, " (")
	object, _, _ = strings.Cut(object, ", ")
	dot := max(strings.LastIndexByte(object, '.'), 0)
	table, column := object[:dot], strings.TrimPrefix(object[dot:], ".")
	switch broken.Code() {
	case notNull:
		return fail(515, "Cannot insert the value NULL into column '%s', table '%s'; column does not allow nulls. The statement fails.", column, table), true
	case primaryKey:
		return fail(2627, "Violation of PRIMARY KEY constraint. Cannot insert duplicate key in object '%s'.", table), true
	case unique:
		return fail(2601, "Cannot insert duplicate key row in object '%s' with a unique index.", table), true
	}
	return nil, false
}

var parsedTypes sync.Map // string to sqltype.Type

func parsedType(v driver.Value) (sqltype.Type, error) {
	text, _ := v.(string)
	if t, ok := parsedTypes.Load(text); ok {
		return t.(sqltype.Type), nil
	}
	t, err := sqltype.Parse(text)
	if err == nil {
		parsedTypes.Store(text, t)
	}
	return t, err
}

// runConvert is mssql_convert(value, from, to, mode [, table, column]).
func runConvert(a []driver.Value) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	from, err := parsedType(a[1])
	if err != nil {
		return nil, err
	}
	to, err := parsedType(a[2])
	if err != nil {
		return nil, err
	}
	m, _ := a[3].(int64)
	v, err := convertStored(a[0], from, to, mode(m))
	if err != nil && len(a) == 6 {
		table, _ := a[4].(string)
		column, _ := a[5].(string)
		err = named(err, table, column)
	}
	return v, err
}

// runRange is mssql_range(value, kind): 8115 where the value, a REAL where 64
// bits did not suffice, is outside the kind.
func runRange(a []driver.Value) (driver.Value, error) {
	if a[0] == nil {
		return nil, nil
	}
	kind, _ := a[1].(string)
	low, high := wholeBounds(sqltype.Kind(kind))
	if n, ok := a[0].(int64); ok && n >= low && n <= high {
		return n, nil
	}
	return nil, fail(8115, "Arithmetic overflow error converting expression to data type %s.", kind)
}

// runSortable gives a text back if its order is certain.
func runSortable(a []driver.Value) (driver.Value, error) {
	s, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	for _, r := range s {
		if r >= 0x80 || !sortable[r] {
			return nil, refuse("the order of text with the character U+%04X: collations differ on it", r)
		}
	}
	return s, nil
}

// sortable are the ASCII characters on whose order collations agree.
var sortable = func() (t [128]bool) {
	for _, r := range " _0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		t[r] = true
	}
	return t
}()

// runGUIDKey turns a GUID into a text that is ordered as SQL Server orders
// GUIDs: the last group first, and the first three byte by byte backwards.
func runGUIDKey(a []driver.Value) (driver.Value, error) {
	s, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	g, err := sqltype.ParseGUID(s)
	if err != nil {
		return nil, err
	}
	order := [16]int{10, 11, 12, 13, 14, 15, 8, 9, 7, 6, 5, 4, 3, 2, 1, 0}
	var key strings.Builder
	for _, i := range order {
		fmt.Fprintf(&key, "%02X", g[i])
	}
	return key.String(), nil
}

// runLen counts UTF-16 units without the blanks at the end.
func runLen(a []driver.Value) (driver.Value, error) {
	s, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	return int64(units(strings.TrimRight(s, " "), true)), nil
}

func runCase(a []driver.Value, to func(rune) rune) (driver.Value, error) {
	s, ok := a[0].(string)
	if !ok {
		return a[0], nil
	}
	for _, r := range s {
		if r >= 0x80 && unicode.IsLetter(r) && !certainRune(r) {
			return nil, refuse("the case of the character U+%04X", r)
		}
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && !unicode.IsLetter(r) || r == 'ı' || r == 'İ' {
			return r
		}
		return to(r)
	}, s), nil
}

// runSession is mssql_session(session, function, arguments…).
func runSession(a []driver.Value) (driver.Value, error) {
	function, _ := a[1].(string)
	e, ok := sessions.Load(a[0])
	if !ok {
		return nil, fmt.Errorf("answer %s: the session has ended", function)
	}
	args := make([]any, len(a)-2)
	for i, v := range a[2:] {
		args[i] = v
	}
	return answer(e.(Environment), function, args)
}
