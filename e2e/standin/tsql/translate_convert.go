package tsql

import "rollbridge/e2e/standin/sqltype"

// convert translates a conversion. One that fails for a constant fails now,
// except in CAST, which may stand where no row is met.
func (t *translator) convert(v val, to sqltype.Type, m mode) val {
	if v.untyped {
		return val{typ: to, constant: true, null: true}
	}
	if v.typ == to {
		return v
	}
	if !convertible(v.typ, to, m) {
		panic(refuse("%s as %s", v.typ, to))
	}
	if v.constant {
		stored, err := convertStored(v.stored, v.typ, to, m)
		if e, ok := err.(*Error); err == nil {
			return val{typ: to, constant: true, stored: stored, null: stored == nil}
		} else if m != modeCast || ok && e.Number == NotTranslated {
			t.give(err)
		}
	}
	out := val{typ: to, null: v.null, name: v.name}
	if out.sql = t.plainConversion(v, to); out.sql == "" {
		out.sql = "mssql_convert(" + t.text(v) + ", '" + v.typ.String() + "', '" + to.String() + "', " + string('0'+rune(m)) + ")"
	}
	return out
}

// plainConversion is the SQL of conversions that cannot fail and need no
// function of our own; empty for the others.
func (t *translator) plainConversion(v val, to sqltype.Type) string {
	sql := t.text(v)
	f := familyOf(v.typ)
	switch familyOf(to) {
	case famText:
		if isPadded(to) {
			return ""
		}
		switch f {
		case famWhole, famBit:
			if to.Length == sqltype.Max || to.Length >= wholeWidth(v.typ.Kind) {
				return "CAST(" + sql + " AS TEXT)"
			}
		case famText:
			roomy := to.Length == sqltype.Max || v.typ.Length != sqltype.Max && to.Length >= v.typ.Length
			if roomy && (isNational(to) || !isNational(v.typ)) {
				return sql
			}
		default:
			return sql // as wide as it lies there, which convertible has made sure of
		}
	case famWhole:
		if isWholeOrBit(v.typ) && rank(to.Kind) >= rank(v.typ.Kind) {
			return sql
		}
	case famBit:
		if f == famWhole {
			return "(" + sql + ") <> 0"
		}
	case famFloat:
		if isWholeOrBit(v.typ) {
			return "CAST(" + sql + " AS REAL)"
		}
		if f == famFloat {
			return sql
		}
	case famDate:
		if f == famMoment {
			return "substr(" + sql + ", 1, 10)"
		}
	}
	return ""
}
