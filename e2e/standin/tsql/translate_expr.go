package tsql

import (
	"strconv"
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// value translates an expression that is no condition.
func (t *translator) value(e expr, s *scope) val {
	t.enter()
	defer func() { t.depth-- }()
	if v, ok := t.groupKey(e, s); ok {
		return v
	}
	switch x := e.(type) {
	case *literal:
		return t.literal(x)
	case *nullLiteral:
		return val{untyped: true, null: true}
	case *defaultWord:
		panic(refuse("DEFAULT"))
	case *parameter:
		return t.param(x.name)
	case *columnRef:
		return t.column(x, s)
	case *negative:
		return t.negative(x, s)
	case *arithmetic:
		return t.arithmetic(x, s)
	case *caseOf:
		return t.caseOf(x, s)
	case *castTo:
		if c, ok := x.x.(*call); ok && c.name == "SERVERPROPERTY" {
			return t.convert(t.serverProperty(c, s, x.to), x.to, modeCast)
		}
		return t.convert(t.value(x.x, s), x.to, modeCast)
	case *call:
		return t.call(x, s)
	case *scalarQuery:
		return t.scalar(x.query, s)
	}
	panic(fail(102, "Incorrect syntax: a condition stands where a value belongs."))
}

// groupKey recognises an expression of GROUP BY where it is used again.
func (t *translator) groupKey(e expr, s *scope) (val, bool) {
	if s == nil || s.phase != outputPhase || s.within || !s.deep || hasAggregate(e) {
		return val{}, false
	}
	switch e.(type) {
	case *castTo, *caseOf, *call, *arithmetic, *negative:
	default:
		return val{}, false
	}
	plain := *s
	plain.phase = rowPhase
	v := t.value(e, &plain)
	return v, !v.constant && s.groups[v.sql]
}

func (t *translator) literal(l *literal) val {
	switch l.kind {
	case tokText, tokNText:
		national := l.kind == tokNText
		if !national {
			t.check(inCodePage(l.text))
		}
		v := val{constant: true, stored: l.text, typ: sqltype.Type{Kind: sqltype.VarChar, Length: max(1, units(l.text, national))}}
		limit := 8000
		if national {
			v.typ.Kind, limit = sqltype.NVarChar, 4000
		}
		if v.typ.Length > limit {
			v.typ.Length = sqltype.Max
		}
		return v
	case tokWhole:
		return wholeLiteral(l)
	case tokDecimal:
		return decimalLiteral(l)
	case tokFloat:
		f, err := strconv.ParseFloat(l.text, 64)
		if err != nil {
			panic(fail(168, "The floating point value '%s' is out of the range of computer representation (8 bytes).", l.text))
		}
		if l.minus {
			f = -f
		}
		return val{constant: true, stored: f, typ: sqltype.Type{Kind: sqltype.Float}}
	}
	return binaryLiteral(l)
}

// wholeLiteral is an int where it fits and else, as in T-SQL, a decimal.
func wholeLiteral(l *literal) val {
	text := l.text
	if l.minus {
		text = "-" + text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	// -2147483648 is minus applied to a decimal in T-SQL.
	if low, high := wholeBounds(sqltype.Int); err == nil && n > low && n <= high {
		return val{constant: true, stored: n, typ: wholeInt}
	}
	return decimalLiteral(l)
}

func decimalLiteral(l *literal) val {
	whole, fraction, _ := strings.Cut(l.text, ".")
	whole = strings.TrimLeft(whole, "0")
	typ := sqltype.Type{Kind: sqltype.Decimal, Precision: max(1, len(whole)+len(fraction)), Scale: len(fraction)}
	if typ.Precision > 38 {
		panic(fail(1007, "The number '%.50s' is out of the range for numeric representation (maximum precision 38).", l.text))
	}
	text := l.text
	if l.minus {
		text = "-" + text
	}
	stored, err := toDecimal(text, typ)
	if err != nil {
		panic(refuse("the number %.50s", l.text))
	}
	return val{constant: true, stored: stored, typ: typ}
}

func binaryLiteral(l *literal) val {
	hex := l.text[2:]
	if len(hex)%2 == 1 {
		hex = "0" + hex
	}
	b := make([]byte, len(hex)/2)
	for i := range b {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		b[i] = byte(n)
	}
	v := val{constant: true, stored: b, typ: sqltype.Type{Kind: sqltype.VarBinary, Length: max(1, len(b))}}
	if len(b) > 8000 {
		v.typ.Length = sqltype.Max
	}
	return v
}

func (t *translator) negative(x *negative, s *scope) val {
	v := t.value(x.x, s)
	if familyOf(v.typ) != famWhole || v.untyped || v.typ.Kind == sqltype.TinyInt {
		panic(refuse("minus before %s", describe(v)))
	}
	v.sql = t.inRange("-("+t.text(v)+")", v.typ)
	return val{sql: v.sql, typ: v.typ, null: v.null}
}

// inRange makes SQLite's 64-bit arithmetic overflow where the type does.
func (t *translator) inRange(sql string, typ sqltype.Type) string {
	return "mssql_range(" + sql + ", '" + string(typ.Kind) + "')"
}

func (t *translator) arithmetic(x *arithmetic, s *scope) val {
	l, r := t.value(x.l, s), t.value(x.r, s)
	if l.untyped || r.untyped {
		panic(refuse("arithmetic with the word NULL"))
	}
	if x.op == "+" && isText(l.typ) && isText(r.typ) {
		return t.joined(l, r)
	}
	if familyOf(l.typ) != famWhole || familyOf(r.typ) != famWhole {
		panic(refuse("%s %s %s", describe(l), x.op, describe(r)))
	}
	typ, _ := unify(l.typ, r.typ)
	sql := "(" + t.text(l) + ") " + x.op + " (" + t.text(r) + ")"
	return val{sql: t.inRange(sql, typ), typ: typ, null: l.null || r.null}
}

// joined is + on text, which is translated for names made with QUOTENAME only.
func (t *translator) joined(l, r val) val {
	if !l.national && !r.national || l.typ.Length < 0 || r.typ.Length < 0 {
		panic(refuse("+ on text, except to put a name together from QUOTENAME(…)"))
	}
	return val{
		sql: "(" + t.text(l) + ") || (" + t.text(r) + ")", null: l.null || r.null, national: true,
		typ: sqltype.Type{Kind: sqltype.NVarChar, Length: min(4000, l.typ.Length+r.typ.Length)},
	}
}

func describe(v val) string {
	if v.untyped {
		return "NULL"
	}
	return v.typ.String()
}

func (t *translator) caseOf(c *caseOf, s *scope) val {
	var branches []val
	var conditions []string
	for _, w := range c.whens {
		if c.operand == nil {
			conditions = append(conditions, t.condition(w.when, s))
		} else {
			conditions = append(conditions, t.compare("=", t.value(c.operand, s), t.value(w.when, s)))
		}
		branches = append(branches, t.value(w.then, s))
	}
	if c.orElse != nil {
		branches = append(branches, t.value(c.orElse, s))
	} else {
		branches = append(branches, val{untyped: true, null: true})
	}
	typ, ok := t.unifyTyped(branches, "CASE")
	if !ok {
		panic(fail(8133, "At least one of the result expressions in a CASE specification must be an expression other than the NULL constant."))
	}
	out := val{typ: typ}
	var sql strings.Builder
	sql.WriteString("CASE")
	for i, b := range branches {
		if b.null {
			out.null = true
		}
		text := t.text(t.convert(b, typ, modeCast))
		if i < len(conditions) {
			sql.WriteString(" WHEN " + conditions[i] + " THEN " + text)
		} else {
			sql.WriteString(" ELSE " + text)
		}
	}
	sql.WriteString(" END")
	out.sql = sql.String()
	return out
}

// unifyTyped is the one type of several branches; ok is false if all are the
// word NULL.
func (t *translator) unifyTyped(branches []val, what string) (typ sqltype.Type, ok bool) {
	for _, b := range branches {
		if b.untyped {
			continue
		}
		if !ok {
			typ, ok = b.typ, true
			continue
		}
		both, can := unify(typ, b.typ)
		if !can {
			panic(refuse("%s with results of %s and %s; CAST them to one type", what, typ, b.typ))
		}
		typ = both
	}
	if ok && familyOf(typ) == famDecimal {
		for _, b := range branches {
			if b.constant && !b.untyped && b.typ != typ {
				panic(refuse("%s with decimal numbers of several types", what))
			}
		}
	}
	return typ, ok
}

func (t *translator) unifyAll(branches []val, what string) sqltype.Type {
	typ, ok := t.unifyTyped(branches, what)
	if !ok {
		return wholeInt
	}
	return typ
}

// scalar translates a sub-select as a value. SQL Server fails when it gives
// more than one row, where SQLite would take the first.
func (t *translator) scalar(q *Select, s *scope) val {
	if s != nil && s.within {
		panic(fail(130, "Cannot perform an aggregate function on an expression containing an aggregate or a subquery."))
	}
	text, columns := t.query(q, s, inValue)
	if len(columns) != 1 {
		panic(fail(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS."))
	}
	v := val{typ: columns[0].Type, null: true}
	if c := q.cores[0]; len(q.cores) == 1 && len(c.group) == 0 && c.having == nil && hasAggregate(c.items[0].value) {
		v.sql = "(" + text + ")"
		v.null = columns[0].Nullable
		return v
	}
	v.sql = "(SELECT CASE WHEN COUNT(*) > 1 THEN mssql_several() ELSE MAX(v) END FROM (SELECT v FROM (" + text + ") LIMIT 2))"
	return v
}

// hasAggregate says whether an expression has an aggregate function of its
// own SELECT in it.
func hasAggregate(e expr) bool {
	switch x := e.(type) {
	case *call:
		if aggregates[x.name] {
			return true
		}
		return anyAggregate(x.args...)
	case *negative:
		return hasAggregate(x.x)
	case *arithmetic:
		return anyAggregate(x.l, x.r)
	case *castTo:
		return hasAggregate(x.x)
	case *caseOf:
		for _, w := range x.whens {
			if anyAggregate(w.when, w.then) {
				return true
			}
		}
		return anyAggregate(x.operand, x.orElse)
	case *comparison:
		return anyAggregate(x.l, x.r)
	case *logic:
		return anyAggregate(x.terms...)
	case *negation:
		return hasAggregate(x.x)
	case *between:
		return anyAggregate(x.x, x.low, x.high)
	case *inList:
		return hasAggregate(x.x) || anyAggregate(x.list...)
	case *isNull:
		return hasAggregate(x.x)
	}
	return false
}

func anyAggregate(list ...expr) bool {
	for _, e := range list {
		if hasAggregate(e) {
			return true
		}
	}
	return false
}
