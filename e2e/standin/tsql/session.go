package tsql

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"rollbridge/e2e/standin/sqltype"
)

// SessionFunctions are the functions that an Environment answers, with the
// type of their answer.
var SessionFunctions = map[string]sqltype.Type{
	"DB_NAME":           name128,  // () or (id)
	"DB_ID":             smallInt, // () or (name)
	"OBJECT_ID":         wholeInt, // (name) or (name, type)
	"OBJECT_NAME":       name128,
	"SCHEMA_ID":         wholeInt, // () or (name)
	"SCHEMA_NAME":       name128,  // () or (id)
	"SUSER_SNAME":       name128,
	"SUSER_NAME":        name128,
	"ORIGINAL_LOGIN":    name128,
	"SYSTEM_USER":       name128,
	"USER_NAME":         name128,
	"CURRENT_USER":      name128,
	"APP_NAME":          name128,
	"HOST_NAME":         name128,
	"HAS_PERMS_BY_NAME": wholeInt, // (securable, class, right)
	"HAS_DBACCESS":      wholeInt,
	"IS_SRVROLEMEMBER":  wholeInt, // (role)
	"IS_MEMBER":         wholeInt,
	"IS_ROLEMEMBER":     wholeInt,
	"SERVERPROPERTY":    name128, // only within CAST; text, or int64 where it is a number
	"GETDATE":           {Kind: sqltype.DateTime},
	"SYSDATETIME":       {Kind: sqltype.DateTime2, Scale: 7},
	"@@VERSION":         {Kind: sqltype.NVarChar, Length: 300},
	"@@SERVERNAME":      name128,
	"@@SPID":            smallInt,
	"@@TRANCOUNT":       wholeInt,
	"@@LOCK_TIMEOUT":    wholeInt,
}

var (
	name128  = sqltype.Type{Kind: sqltype.NVarChar, Length: 128}
	wholeInt = sqltype.Type{Kind: sqltype.Int}
	smallInt = sqltype.Type{Kind: sqltype.SmallInt}
)

var (
	sessions      sync.Map // int64 to Environment
	sessionNumber atomic.Int64
)

// Enter makes an Environment known to mssql_session; leave forgets it and may
// be called twice. From then on the Environment's Session must be number.
func Enter(e Environment) (number int64, leave func()) {
	number = sessionNumber.Add(1)
	sessions.Store(number, e)
	return number, func() { sessions.Delete(number) }
}

// ofSession translates a function that an Environment answers.
func (t *translator) ofSession(c *call, s *scope) val {
	if t.session == nil {
		panic(refuse("%s in a view", c.name))
	}
	args := t.arguments(c, s, 0, 5)
	out := val{typ: SessionFunctions[c.name], null: true}
	given := make([]any, len(args))
	texts := []string{strconv.FormatInt(t.session.Session(), 10), "'" + c.name + "'"}
	constant := true
	for i, a := range args {
		if !a.untyped && !isText(a.typ) && !isWholeOrBit(a.typ) {
			panic(refuse("%s of %s", c.name, a.typ))
		}
		constant = constant && (a.constant || a.untyped)
		given[i] = a.stored
		texts = append(texts, t.text(a))
	}
	if !constant {
		out.sql = "mssql_session(" + strings.Join(texts, ", ") + ")"
		return out
	}
	stored, err := answer(t.session, c.name, given)
	t.check(err)
	out.constant, out.stored, out.null = true, stored, stored == nil
	return out
}

// answer asks the Environment and stores what it says.
func answer(e Environment, function string, args []any) (any, error) {
	v, err := e.Call(function, args)
	if err != nil {
		return nil, err
	}
	return Store(SessionFunctions[function], v)
}

// serverProperty is SERVERPROPERTY within CAST, where its type does not matter.
func (t *translator) serverProperty(c *call, s *scope, to sqltype.Type) val {
	if t.session == nil {
		panic(refuse("SERVERPROPERTY in a view"))
	}
	args := t.arguments(c, s, 1, 1)
	if !args[0].constant {
		panic(refuse("SERVERPROPERTY of something else than a constant"))
	}
	v, err := t.session.Call(c.name, []any{args[0].stored})
	t.check(err)
	switch v.(type) {
	case int64:
		return val{typ: wholeInt, constant: true, stored: v}
	case string:
		return val{typ: name128, constant: true, stored: v}
	case nil:
		return val{typ: to, constant: true, null: true}
	}
	panic(refuse("this property of the server"))
}
