package tsql

import (
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

var aggregates = set("COUNT MIN MAX SUM AVG COUNT_BIG STDEV VAR STRING_AGG CHECKSUM_AGG GROUPING")

var functions = set("CAST COALESCE ISNULL NULLIF UPPER LOWER LTRIM RTRIM LEN DATEPART QUOTENAME")

// call translates a function.
func (t *translator) call(c *call, s *scope) val {
	if aggregates[c.name] {
		return t.aggregate(c, s)
	}
	if _, ok := SessionFunctions[c.name]; ok {
		if c.name == "SERVERPROPERTY" {
			panic(refuse("SERVERPROPERTY outside of CAST(… AS …): its type is sql_variant"))
		}
		return t.ofSession(c, s)
	}
	switch c.name {
	case "COALESCE":
		return t.coalesce(c, s)
	case "ISNULL":
		return t.isNullFunction(c, s)
	case "NULLIF":
		return t.nullIf(c, s)
	case "UPPER", "LOWER", "LTRIM", "RTRIM", "LEN":
		return t.textFunction(c, s)
	case "DATEPART":
		return t.datePart(c, s)
	case "QUOTENAME":
		return t.quoteNameFunction(c, s)
	}
	panic(refuse("%s", c.name)) // @@ and something
}

func (t *translator) arguments(c *call, s *scope, least, most int) []val {
	if len(c.args) < least || len(c.args) > most {
		panic(fail(174, "The %s function requires %d argument(s).", strings.ToLower(c.name), least))
	}
	out := make([]val, len(c.args))
	for i, a := range c.args {
		out[i] = t.value(a, s)
	}
	return out
}

func (t *translator) aggregate(c *call, s *scope) val {
	switch {
	case s != nil && s.inAggregate():
		panic(fail(130, "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."))
	case s == nil || s.phase != outputPhase:
		panic(fail(147, "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference."))
	case c.star:
		return val{sql: "COUNT(*)", typ: wholeInt}
	case c.name != "COUNT" && c.name != "MIN" && c.name != "MAX":
		panic(refuse("the function %s", c.name))
	}
	s.within = true
	v := t.arguments(c, s, 1, 1)[0]
	s.within = false
	lower := strings.ToLower(c.name)
	if v.untyped {
		panic(fail(8117, "Operand data type NULL is invalid for %s operator.", lower))
	}
	if c.name == "COUNT" {
		if !c.distinct {
			return val{sql: "COUNT(" + t.text(v) + ")", typ: wholeInt}
		}
		t.comparable(v)
		return val{sql: "COUNT(DISTINCT " + t.collated(v) + ")", typ: wholeInt}
	}
	switch familyOf(v.typ) {
	case famBit:
		panic(fail(8117, "Operand data type bit is invalid for %s operator.", lower))
	case famDecimal, famOffset, famBinary, famGUID:
		panic(refuse("%s of %s", c.name, v.typ))
	case famText:
		return val{sql: c.name + "(mssql_sortable(" + t.text(v) + ") COLLATE mssql)", typ: v.typ, null: true}
	}
	return val{sql: c.name + "(" + t.text(v) + ")", typ: v.typ, null: true}
}

func (t *translator) coalesce(c *call, s *scope) val {
	args := t.arguments(c, s, 2, 100)
	typ, ok := t.unifyTyped(args, "COALESCE")
	if !ok {
		panic(fail(4127, "At least one of the arguments to COALESCE must be an expression that is not the NULL constant."))
	}
	out := val{typ: typ, null: true}
	texts := make([]string, len(args))
	for i, a := range args {
		texts[i] = t.text(t.convert(a, typ, modeCast))
		out.null = out.null && a.null
	}
	out.sql = "COALESCE(" + strings.Join(texts, ", ") + ")"
	return out
}

// isNullFunction: ISNULL has the type of its first argument, to whose length
// the second is cut.
func (t *translator) isNullFunction(c *call, s *scope) val {
	args := t.arguments(c, s, 2, 2)
	if args[0].untyped {
		panic(refuse("ISNULL(NULL, …)"))
	}
	typ := args[0].typ
	if !args[1].untyped && familyOf(typ) != familyOf(args[1].typ) && !(isWholeOrBit(typ) && isWholeOrBit(args[1].typ)) ||
		familyOf(typ) == famDecimal && typ != args[1].typ {
		panic(refuse("ISNULL of %s and %s", typ, describe(args[1])))
	}
	second := t.convert(args[1], typ, modeCast)
	return val{sql: "COALESCE(" + t.text(args[0]) + ", " + t.text(second) + ")", typ: typ, null: args[1].null && args[0].null}
}

func (t *translator) nullIf(c *call, s *scope) val {
	args := t.arguments(c, s, 2, 2)
	if args[0].untyped {
		panic(fail(4151, "The type of the first argument to NULLIF cannot be the NULL constant because the type of the first argument has to be known."))
	}
	return val{
		sql: "CASE WHEN " + t.compare("=", args[0], args[1]) + " THEN NULL ELSE " + t.text(args[0]) + " END",
		typ: args[0].typ, null: true,
	}
}

func (t *translator) textFunction(c *call, s *scope) val {
	v := t.arguments(c, s, 1, 1)[0]
	if v.untyped || !isText(v.typ) {
		panic(refuse("%s of %s", c.name, describe(v)))
	}
	typ := sqltype.Type{Kind: sqltype.VarChar, Length: v.typ.Length}
	if isNational(v.typ) {
		typ.Kind = sqltype.NVarChar
	}
	out := val{typ: typ, null: v.null}
	switch c.name {
	case "LTRIM", "RTRIM": // both trim blanks (U+0020) only, as SQLite does
		out.sql = strings.ToLower(c.name) + "(" + t.text(v) + ")"
	case "LEN":
		if v.typ.Length == sqltype.Max {
			panic(refuse("LEN of %s", v.typ))
		}
		out.sql, out.typ = "mssql_len("+t.text(v)+")", wholeInt
	default:
		out.sql = "mssql_" + strings.ToLower(c.name) + "(" + t.text(v) + ")"
	}
	return out
}

// dateParts are where the parts lie in the text of a date and of a time,
// counted from 1; a part of the clock follows 11 signs of a date.
var dateParts = map[string]struct {
	at, length int
	clock      bool
}{
	"YEAR": {1, 4, false}, "YY": {1, 4, false}, "YYYY": {1, 4, false},
	"MONTH": {6, 2, false}, "MM": {6, 2, false}, "M": {6, 2, false},
	"DAY": {9, 2, false}, "DD": {9, 2, false}, "D": {9, 2, false},
	"HOUR": {1, 2, true}, "HH": {1, 2, true},
	"MINUTE": {4, 2, true}, "MI": {4, 2, true}, "N": {4, 2, true},
}

func (t *translator) datePart(c *call, s *scope) val {
	part, ok := dateParts[c.part]
	if !ok {
		panic(refuse("DATEPART(%s, …)", c.part))
	}
	v := t.arguments(c, s, 1, 1)[0]
	if v.untyped {
		panic(refuse("DATEPART of NULL"))
	}
	at := part.at
	switch f := familyOf(v.typ); {
	case f == famDate && part.clock, f == famTime && !part.clock:
		panic(fail(9810, "The datepart %s is not supported by date function datepart for data type %s.", strings.ToLower(c.part), v.typ.Kind))
	case f == famMoment && part.clock:
		at += 11
	case f != famMoment && f != famDate && f != famTime:
		panic(refuse("DATEPART of %s", v.typ))
	}
	n, err := render(int64(at))
	t.check(err)
	length := string(rune('0' + part.length))
	return val{sql: "CAST(substr(" + t.text(v) + ", " + n + ", " + length + ") AS INTEGER)", typ: wholeInt, null: v.null}
}

// quoteNameFunction: QUOTENAME(x) with the brackets it has by default.
func (t *translator) quoteNameFunction(c *call, s *scope) val {
	if len(c.args) == 2 {
		panic(refuse("QUOTENAME with a sign of its own"))
	}
	v := t.arguments(c, s, 1, 1)[0]
	if v.untyped || !isText(v.typ) || v.typ.Length == sqltype.Max || v.typ.Length > 128 {
		panic(refuse("QUOTENAME of %s", describe(v)))
	}
	return val{
		sql: "'[' || replace(" + t.text(v) + ", ']', ']]') || ']'", null: v.null, national: true,
		typ: sqltype.Type{Kind: sqltype.NVarChar, Length: 258},
	}
}
