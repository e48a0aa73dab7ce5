package tsql

import (
	"fmt"

	"rollbridge/e2e/standin/sqltype"
)

// A Catalogue knows the objects of one database. Object finds a table or a
// view without regard to case; an empty schema means dbo. The catalogue views
// (sys.objects, INFORMATION_SCHEMA.COLUMNS) are objects like others.
type Catalogue interface {
	Object(schema, name string) (*Object, bool)
}

// An Object is a table or a view, in the spelling in which it was created.
type Object struct {
	Schema, Name string
	View         bool
	Columns      []Column
}

// A Column is one column of an object or of a result.
type Column struct {
	Name     string
	Type     sqltype.Type
	Nullable bool // of a result: whether NULL can occur; true where SQL Server may know better
}

// An Environment answers the functions that depend on the session. A Catalogue
// given to Translate may also be one; where it is not, such functions are
// refused.
type Environment interface {
	// Session is the number that Enter gave.
	Session() int64
	// Call answers one function of SessionFunctions; arguments and answer are
	// nil, int64, bool, string or time.Time (GETDATE, SYSDATETIME). NULL arguments are
	// passed on. It must answer a value of the function's type.
	// @@VERSION and its like are called by that name, without arguments.
	Call(function string, args []any) (any, error)
}

// A Param is a parameter of a batch, as sp_executesql passes it. It has the
// same fields as tds.Param so that one converts to the other.
type Param struct {
	Name  string // with @
	Type  sqltype.Type
	Value any
}

// A Right is a permission as GRANT writes it, in upper case.
type Right string

// The rights that a translated statement can need.
const (
	RightSelect Right = "SELECT"
	RightInsert Right = "INSERT"
	RightUpdate Right = "UPDATE"
	RightDelete Right = "DELETE"
)

// A Use is one right that a statement needs of an object. Columns are those
// that it touches, each once and in no order; none means the object as a whole
// (COUNT(*)).
type Use struct {
	Schema, Object string
	Columns        []string
	Right          Right
}

// A Query is a statement for SQLite: to be run once, with Args in order.
type Query struct {
	SQL     string
	Args    []any
	Columns []Column // of the result; empty for what gives no rows
	Uses    []Use    // in the order in which the statement names the objects
}

// NotTranslated is the number of every refusal of T-SQL that may well be
// right, but that the stand-in does not translate with certainty.
const NotTranslated = 49999

// An Error is a refusal under SQL Server's number for it, or NotTranslated.
type Error struct {
	Number  int32
	Message string
}

// Error gives number and message.
func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Number, e.Message) }

// Class is the severity that SQL Server gives the number: 15 for syntax, 14
// for a broken constraint, 16 for the rest.
func (e *Error) Class() uint8 {
	switch e.Number {
	case 102, 105, 111, 113, 156, 137, 104, 145, 1033:
		return 15
	case 2627, 2601:
		return 14
	}
	return 16
}

func fail(number int32, format string, args ...any) *Error {
	return &Error{Number: number, Message: fmt.Sprintf(format, args...)}
}

// refuse is the error for what is not translated; what is a noun phrase.
func refuse(format string, args ...any) *Error {
	return fail(NotTranslated, "the stand-in for SQL Server does not translate %s", fmt.Sprintf(format, args...))
}
