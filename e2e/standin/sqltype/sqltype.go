// Package sqltype names the types of T-SQL that the stand-in for SQL Server
// knows, and the Go values that stand for their values.
//
// It is shared by the wire (tds), the translation (tsql) and the server
// (standin), so that all of them mean the same by nvarchar(40). It is not a
// type system: it converts nothing and compares nothing.
//
// Values on their way between the parts are
//
//	nil                       NULL of any type
//	int64                     tinyint smallint int bigint
//	bool                      bit
//	float64                   float real
//	string                    char varchar nchar nvarchar; decimal and money as decimal text
//	time.Time                 date time datetime datetime2 smalldatetime (UTC as a label: the
//	                          clock on the wall), datetimeoffset (with its offset)
//	[]byte                    binary varbinary
//	GUID                      uniqueidentifier
//
// Start at Parse.
package sqltype

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is a type's name in T-SQL, in lower case and without its length.
type Kind string

// The kinds of type that the stand-in knows.
const (
	TinyInt          Kind = "tinyint"
	SmallInt         Kind = "smallint"
	Int              Kind = "int"
	BigInt           Kind = "bigint"
	Bit              Kind = "bit"
	Decimal          Kind = "decimal"
	Money            Kind = "money"
	Float            Kind = "float"
	Real             Kind = "real"
	Char             Kind = "char"
	VarChar          Kind = "varchar"
	NChar            Kind = "nchar"
	NVarChar         Kind = "nvarchar"
	Binary           Kind = "binary"
	VarBinary        Kind = "varbinary"
	Date             Kind = "date"
	Time             Kind = "time"
	DateTime         Kind = "datetime"
	DateTime2        Kind = "datetime2"
	SmallDateTime    Kind = "smalldatetime"
	DateTimeOffset   Kind = "datetimeoffset"
	UniqueIdentifier Kind = "uniqueidentifier"
)

// Max is the Length of varchar(max), nvarchar(max) and varbinary(max).
const Max = -1

// A Type is a kind with its measures; only the measures that the kind has are
// set, so that two equal types are == to each other.
type Type struct {
	Kind Kind
	// Length is in characters for text (UTF-16 units for nchar and nvarchar),
	// in bytes for binary, and Max for (max). Other kinds have 0.
	Length int
	// Precision and Scale are of decimal; Scale is also the number of digits
	// of a second of time, datetime2 and datetimeoffset.
	Precision, Scale int
}

// shape says which measures a kind is written with and what they default to.
type shape struct {
	measures  int // most numbers in brackets
	length    int // longest Length, 0 when the kind has none
	max       bool
	precision int // greatest Precision
	scale     int // greatest Scale where it stands without a precision
}

var shapes = map[Kind]shape{
	TinyInt: {}, SmallInt: {}, Int: {}, BigInt: {}, Bit: {}, Money: {}, Real: {}, Float: {measures: 1},
	Decimal: {measures: 2, precision: 38},
	Char:    {measures: 1, length: 8000}, VarChar: {measures: 1, length: 8000, max: true},
	NChar: {measures: 1, length: 4000}, NVarChar: {measures: 1, length: 4000, max: true},
	Binary: {measures: 1, length: 8000}, VarBinary: {measures: 1, length: 8000, max: true},
	Date: {}, DateTime: {}, SmallDateTime: {},
	Time: {measures: 1, scale: 7}, DateTime2: {measures: 1, scale: 7}, DateTimeOffset: {measures: 1, scale: 7},
	UniqueIdentifier: {},
}

// synonyms are other names that T-SQL has for the kinds.
var synonyms = map[string]Kind{
	"integer": Int, "numeric": Decimal, "dec": Decimal, "character": Char,
	"char varying": VarChar, "character varying": VarChar,
	"national char": NChar, "national character": NChar,
	"national char varying": NVarChar, "national character varying": NVarChar,
	"binary varying": VarBinary, "double precision": Float,
}

// Parse reads a type as T-SQL declares it: "nvarchar(40)", "DECIMAL (9, 2)",
// "[varchar](max)". What a declaration leaves out gets T-SQL's default, as in
// a CREATE TABLE: char is char(1), decimal is decimal(18,0), time is time(7).
// A kind that the stand-in does not know and a measure out of range are errors.
func Parse(declaration string) (Type, error) {
	name, measures, err := split(declaration)
	if err != nil {
		return Type{}, err
	}
	if name == "sysname" && len(measures) == 0 {
		return Type{Kind: NVarChar, Length: 128}, nil
	}
	kind := Kind(name)
	if k, ok := synonyms[name]; ok {
		kind = k
	}
	s, ok := shapes[kind]
	if !ok {
		return Type{}, fmt.Errorf("the stand-in does not know the type %q", name)
	}
	if len(measures) > s.measures {
		return Type{}, fmt.Errorf("%s takes %d numbers in brackets, not %d", kind, s.measures, len(measures))
	}
	t, err := measured(kind, s, measures)
	if err != nil {
		return Type{}, err
	}
	return t, t.Valid()
}

// split separates the name of a type from the numbers in its brackets.
func split(declaration string) (name string, measures []string, err error) {
	text := strings.ToLower(strings.TrimSpace(declaration))
	name, rest, bracketed := strings.Cut(text, "(")
	name = strings.Join(strings.Fields(name), " ")
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	if !bracketed {
		return name, nil, nil
	}
	inner, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return "", nil, fmt.Errorf("the brackets of the type %q do not close", declaration)
	}
	for _, m := range strings.Split(inner, ",") {
		measures = append(measures, strings.TrimSpace(m))
	}
	return name, measures, nil
}

// measured gives a kind its measures, or T-SQL's defaults for them.
func measured(kind Kind, s shape, measures []string) (Type, error) {
	t := Type{Kind: kind}
	switch {
	case s.length > 0:
		t.Length = 1
	case kind == Decimal:
		t.Precision = 18
	case s.scale > 0:
		t.Scale = s.scale
	}
	for i, m := range measures {
		n, err := strconv.Atoi(m)
		switch {
		case m == "max" && s.max:
			n = Max
		case err != nil || n < 0:
			return Type{}, fmt.Errorf("%q is no measure of %s", m, kind)
		}
		switch {
		case s.length > 0:
			t.Length = n
		case kind == Decimal && i == 0:
			t.Precision = n
		case kind == Float && n >= 1 && n <= 24:
			t.Kind = Real
		case kind == Float && (n == 0 || n > 53):
			return Type{}, fmt.Errorf("float takes 1 to 53, not %d", n)
		case kind != Float:
			t.Scale = n
		}
	}
	return t, nil
}

// Valid says why a type is none of T-SQL's: a kind that is not known, or a
// measure out of range or given where the kind has none. It is nil for a
// type from Parse.
func (t Type) Valid() error {
	s, ok := shapes[t.Kind]
	switch {
	case !ok:
		return fmt.Errorf("the stand-in does not know the type %q", string(t.Kind))
	case s.length == 0 && t.Length != 0:
		return fmt.Errorf("%s has no length", t.Kind)
	case s.length > 0 && !(s.max && t.Length == Max) && (t.Length < 1 || t.Length > s.length):
		return fmt.Errorf("%s can be 1 to %d long, not %d", t.Kind, s.length, t.Length)
	case s.precision == 0 && t.Precision != 0:
		return fmt.Errorf("%s has no precision", t.Kind)
	case s.precision > 0 && (t.Precision < 1 || t.Precision > s.precision):
		return fmt.Errorf("%s has 1 to %d digits, not %d", t.Kind, s.precision, t.Precision)
	case s.precision > 0 && (t.Scale < 0 || t.Scale > t.Precision):
		return fmt.Errorf("%s(%d) has 0 to %d digits after the point, not %d", t.Kind, t.Precision, t.Precision, t.Scale)
	case s.precision == 0 && (t.Scale < 0 || t.Scale > s.scale):
		return fmt.Errorf("%s has 0 to %d digits of a second, not %d", t.Kind, s.scale, t.Scale)
	}
	return nil
}

// String writes the type in full, as Parse reads it: "decimal(18,0)",
// "varchar(max)", "time(7)".
func (t Type) String() string {
	s := shapes[t.Kind]
	switch {
	case s.length > 0 && t.Length == Max:
		return string(t.Kind) + "(max)"
	case s.length > 0:
		return fmt.Sprintf("%s(%d)", t.Kind, t.Length)
	case t.Kind == Decimal:
		return fmt.Sprintf("%s(%d,%d)", t.Kind, t.Precision, t.Scale)
	case s.scale > 0:
		return fmt.Sprintf("%s(%d)", t.Kind, t.Scale)
	}
	return string(t.Kind)
}
