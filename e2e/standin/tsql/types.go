package tsql

import (
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// family groups the types whose values lie alike in SQLite.
type family uint8

const (
	famWhole family = iota // tinyint to bigint
	famBit
	famDecimal // decimal and money
	famFloat
	famText
	famDate
	famTime
	famMoment // datetime, datetime2, smalldatetime
	famOffset
	famGUID
	famBinary
)

func familyOf(t sqltype.Type) family {
	switch t.Kind {
	case sqltype.TinyInt, sqltype.SmallInt, sqltype.Int, sqltype.BigInt:
		return famWhole
	case sqltype.Bit:
		return famBit
	case sqltype.Decimal, sqltype.Money:
		return famDecimal
	case sqltype.Float, sqltype.Real:
		return famFloat
	case sqltype.Date:
		return famDate
	case sqltype.Time:
		return famTime
	case sqltype.DateTime, sqltype.DateTime2, sqltype.SmallDateTime:
		return famMoment
	case sqltype.DateTimeOffset:
		return famOffset
	case sqltype.UniqueIdentifier:
		return famGUID
	case sqltype.Binary, sqltype.VarBinary:
		return famBinary
	}
	return famText
}

func isText(t sqltype.Type) bool { return familyOf(t) == famText }

// isNational says whether a text type is counted in UTF-16 units.
func isNational(t sqltype.Type) bool {
	return t.Kind == sqltype.NChar || t.Kind == sqltype.NVarChar
}

// isPadded says whether a text type has one length only.
func isPadded(t sqltype.Type) bool { return t.Kind == sqltype.Char || t.Kind == sqltype.NChar }

// units is the length of a text as its type counts it.
func units(s string, national bool) int {
	n := 0
	for _, r := range s {
		n++
		if national && r > 0xFFFF {
			n++
		}
	}
	return n
}

// wholeBounds are the least and greatest value of a kind of whole number.
func wholeBounds(k sqltype.Kind) (low, high int64) {
	switch k {
	case sqltype.TinyInt:
		return 0, 255
	case sqltype.SmallInt:
		return -1 << 15, 1<<15 - 1
	case sqltype.Int:
		return -1 << 31, 1<<31 - 1
	}
	return -1 << 63, 1<<63 - 1
}

// wholeWidth is the length of the longest text of a kind of whole number.
func wholeWidth(k sqltype.Kind) int {
	switch k {
	case sqltype.Bit:
		return 1
	case sqltype.TinyInt:
		return 3
	case sqltype.SmallInt:
		return 6
	case sqltype.Int:
		return 11
	}
	return 20
}

var wholeOrder = []sqltype.Kind{sqltype.Bit, sqltype.TinyInt, sqltype.SmallInt, sqltype.Int, sqltype.BigInt}

func rank(k sqltype.Kind) int {
	for i, o := range wholeOrder {
		if o == k {
			return i
		}
	}
	return -1
}

func isWholeOrBit(t sqltype.Type) bool { return rank(t.Kind) >= 0 }

// unify is the type that CASE, COALESCE and UNION give to branches of two
// types; ok is false where SQL Server's rule is not translated.
func unify(a, b sqltype.Type) (t sqltype.Type, ok bool) {
	if a == b {
		return a, true
	}
	fa, fb := familyOf(a), familyOf(b)
	switch {
	case isWholeOrBit(a) && isWholeOrBit(b):
		if rank(a.Kind) > rank(b.Kind) {
			return a, true
		}
		return b, true
	case fa == famText && fb == famText:
		return unifyText(a, b)
	case fa == famFloat && fb == famFloat:
		return sqltype.Type{Kind: sqltype.Float}, true
	}
	return t, false
}

// unifyText: the national type wins, then the one of varying length; the
// longer length counts. Two padded types of different length would pad.
func unifyText(a, b sqltype.Type) (sqltype.Type, bool) {
	if isPadded(a) && isPadded(b) || isPadded(a) != isPadded(b) && isNational(a) != isNational(b) && !varyingNational(a, b) {
		return sqltype.Type{}, false
	}
	t := sqltype.Type{Kind: sqltype.VarChar, Length: max(a.Length, b.Length)}
	if isNational(a) || isNational(b) {
		t.Kind = sqltype.NVarChar
		if t.Length > 4000 {
			t.Length = 4000
		}
	}
	if a.Length == sqltype.Max || b.Length == sqltype.Max {
		t.Length = sqltype.Max
	}
	return t, true
}

// varyingNational says whether one of the types is nvarchar, which wins over
// every other type of text.
func varyingNational(a, b sqltype.Type) bool {
	return a.Kind == sqltype.NVarChar || b.Kind == sqltype.NVarChar
}

// declaration is the type of a column in SQLite. SQLite's driver gives a
// meaning of its own to DATE, BOOLEAN and so on, so only plain names are used.
func declaration(t sqltype.Type) string {
	switch familyOf(t) {
	case famWhole, famBit:
		return "INTEGER"
	case famFloat:
		return "REAL"
	case famBinary:
		return "BLOB"
	case famText:
		return "TEXT COLLATE mssql"
	}
	return "TEXT"
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
