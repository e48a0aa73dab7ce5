package sqlserver

import (
	"fmt"
	"slices"
	"strings"
)

// KindID is the kind, in a [Need] only, of a column that identifies a row: text,
// a whole number or a uniqueidentifier.
const KindID Kind = "id"

// KindAny is the kind, in a [Need] only, of a column whose type nobody has seen
// and whose value is taken as text, whatever it is: a number kept as text at one
// school may be a number at another. It may be empty, unlike one of KindID.
const KindAny Kind = "any"

// A Need is one table or view that queries read, with every column of it that
// they name.
type Need struct {
	Object  Object
	Columns map[string]Kind
	// Evidence says how the names are known: documented, seen or site. It chooses
	// the advice if they are not there.
	Evidence string
}

// A described is one column as INFORMATION_SCHEMA describes it.
type described struct {
	name  string
	base  string // nvarchar
	typed string // nvarchar(40)
	whole bool   // a decimal without places
}

// accepted are the types that each kind of a Need may have.
var accepted = map[Kind][]string{
	KindText:   {"char", "varchar", "nchar", "nvarchar"},
	KindWhole:  {"tinyint", "smallint", "int", "bigint", "decimal", "numeric"},
	KindNumber: {"tinyint", "smallint", "int", "bigint", "decimal", "numeric", "money", "smallmoney", "real", "float"},
	KindFlag:   {"bit"},
	KindDate:   {"date", "datetime", "datetime2", "smalldatetime"},
	KindTime:   {"datetime", "datetime2", "smalldatetime"},
	KindGUID:   {"uniqueidentifier"},
	KindID: {"char", "varchar", "nchar", "nvarchar", "tinyint", "smallint", "int", "bigint", "decimal", "numeric",
		"uniqueidentifier"},
	KindAny: {"char", "varchar", "nchar", "nvarchar", "tinyint", "smallint", "int", "bigint", "decimal", "numeric",
		"bit", "uniqueidentifier"},
}

// fits says whether a column can be read as a kind.
func (c described) fits(k Kind) bool {
	if (c.base == "decimal" || c.base == "numeric") && (k == KindWhole || k == KindID) && !c.whole {
		return false
	}
	return slices.Contains(accepted[k], c.base)
}

// misfit says what is wrong with a column that does not fit.
func (c described) misfit(k Kind) string {
	if c.base == "datetimeoffset" {
		return fmt.Sprintf("column %s is %s, which counts from a time zone, while a school's days and times are the clock on its wall: give a date or a datetime2 in London's time", bracket(c.name), c.typed)
	}
	return fmt.Sprintf("column %s is %s where one of these is needed: %s", bracket(c.name), c.typed, strings.Join(accepted[k], ", "))
}

// isText says whether a column may hold blanks in place of nothing.
func (c described) isText() bool { return slices.Contains(accepted[KindText], c.base) }

// typed writes a type as T-SQL does. Absent numbers are empty.
func typed(base, length, precision, scale string) string {
	switch base {
	case "char", "varchar", "nchar", "nvarchar", "binary", "varbinary":
		if length == "-1" {
			length = "max"
		}
		return base + "(" + length + ")"
	case "decimal", "numeric":
		return base + "(" + precision + "," + scale + ")"
	}
	return base
}

// A shape is a table or view, by the spelling that the server has for its
// columns.
type shape []described

// find is the column that a query means by name: SQL Server's usual collations
// do not tell case apart, so one that differs in case only will do.
func (c shape) find(name string) (described, bool) {
	for _, same := range []func(a, b string) bool{func(a, b string) bool { return a == b }, strings.EqualFold} {
		for _, one := range c {
			if same(one.name, name) {
				return one, true
			}
		}
	}
	return described{}, false
}
