package tsql

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"rollbridge/e2e/standin/sqltype"
)

// condition translates a condition to SQL in brackets. NULL in it means
// unknown on both sides, so that it needs no care.
func (t *translator) condition(e expr, s *scope) string {
	t.enter()
	defer func() { t.depth-- }()
	switch x := e.(type) {
	case *comparison:
		return t.compare(x.op, t.value(x.l, s), t.value(x.r, s))
	case *logic:
		terms := make([]string, len(x.terms))
		for i, term := range x.terms {
			terms[i] = t.condition(term, s)
		}
		return "(" + strings.Join(terms, " "+x.op+" ") + ")"
	case *negation:
		return "(NOT " + t.condition(x.x, s) + ")"
	case *between:
		v := t.value(x.x, s)
		both := "(" + t.compare(">=", v, t.value(x.low, s)) + " AND " + t.compare("<=", v, t.value(x.high, s)) + ")"
		return not(x.not, both)
	case *inList:
		if x.query != nil {
			return not(x.not, t.inQuery(x, s))
		}
		return not(x.not, t.inValues(x, s))
	case *exists:
		text, _ := t.query(x.query, s, inExists)
		return "(EXISTS (" + text + "))"
	case *isNull:
		v := t.value(x.x, s)
		if x.not {
			return "((" + t.text(v) + ") IS NOT NULL)"
		}
		return "((" + t.text(v) + ") IS NULL)"
	}
	panic(fail(4145, "An expression of non-boolean type specified in a context where a condition is expected."))
}

func not(is bool, condition string) string {
	if is {
		return "(NOT " + condition + ")"
	}
	return condition
}

// compare translates one comparison.
func (t *translator) compare(op string, l, r val) string {
	if l.untyped || r.untyped {
		return "(NULL)" // never true and never false
	}
	l, r = t.matched(l, r)
	ordered := op != "=" && op != "<>"
	lt, rt := t.text(l), t.text(r)
	switch familyOf(l.typ) {
	case famText:
		t.certainText(l)
		t.certainText(r)
		if ordered {
			lt, rt = "mssql_sortable("+lt+")", "mssql_sortable("+rt+")"
		}
		return "((" + lt + ") " + op + " (" + rt + ") COLLATE mssql)"
	case famGUID:
		if ordered {
			lt, rt = "mssql_guidkey("+lt+")", "mssql_guidkey("+rt+")"
		}
	case famDecimal, famBinary:
		if ordered {
			panic(refuse("the order of %s", l.typ))
		}
	}
	return "((" + lt + ") " + op + " (" + rt + "))"
}

// matched converts two values to one type as a comparison does: the one whose
// type ranks lower gives way.
func (t *translator) matched(l, r val) (val, val) {
	fl, fr := familyOf(l.typ), familyOf(r.typ)
	switch {
	case fl == famOffset || fr == famOffset:
	case isWholeOrBit(l.typ) && isWholeOrBit(r.typ):
		return l, r
	case fl == famText && fr == famText, fl == famGUID && fr == famGUID, fl == famDate && fr == famDate:
		return l, r
	case fl == famFloat && fr == famFloat && l.typ == r.typ:
		return l, r
	case fl == famText:
		return t.fromText(l, r), r
	case fr == famText:
		return l, t.fromText(r, l)
	case fl == famDecimal || fr == famDecimal:
		return t.decimals(l, r)
	case fl == famFloat && fl != fr && isWholeOrBit(r.typ) && l.typ.Kind == sqltype.Float:
		return l, t.convert(r, l.typ, modeCompare)
	case fr == famFloat && fl != fr && isWholeOrBit(l.typ) && r.typ.Kind == sqltype.Float:
		return t.convert(l, r.typ, modeCompare), r
	case fl == famDate && fr == famMoment:
		return t.convert(l, r.typ, modeCompare), r
	case fl == famMoment && fr == famDate:
		return l, t.convert(r, l.typ, modeCompare)
	case fl == fr && l.typ == r.typ && fl != famBinary:
		return l, r
	case fl == famMoment && fr == famMoment || fl == famTime && fr == famTime:
		if convertible(l.typ, r.typ, modeCompare) {
			return t.convert(l, r.typ, modeCompare), r
		}
		if convertible(r.typ, l.typ, modeCompare) {
			return l, t.convert(r, l.typ, modeCompare)
		}
	case l.typ.Kind == sqltype.VarBinary && r.typ.Kind == sqltype.VarBinary:
		return l, r
	case isWholeOrBit(l.typ) && (fr == famDate || fr == famTime), isWholeOrBit(r.typ) && (fl == famDate || fl == famTime):
		panic(fail(206, "Operand type clash: %s is incompatible with %s", l.typ.Kind, r.typ.Kind))
	}
	panic(refuse("a comparison of %s with %s", l.typ, r.typ))
}

// fromText converts a text to the type of what it is compared with.
func (t *translator) fromText(text, other val) val {
	to := other.typ
	switch familyOf(to) {
	case famDecimal, famFloat, famBinary:
		if familyOf(to) == famDecimal && text.constant {
			v := t.convert(text, to, modeCompare)
			if sameNumber(text, v) {
				return v
			}
		}
		panic(refuse("a comparison of %s with %s", text.typ, to))
	case famMoment, famTime:
		// The text would become a moment of the finest scale.
		if !text.constant || to.Kind == sqltype.SmallDateTime {
			break
		}
		s, _ := text.stored.(string)
		if _, fraction, _ := strings.Cut(s, "."); to.Kind != sqltype.DateTime && len(strings.TrimRight(fraction, " ")) > to.Scale {
			panic(refuse("a comparison of %s with a text of more digits", to))
		}
	}
	if !convertible(text.typ, to, modeCompare) {
		panic(refuse("a comparison of %s with %s", text.typ, to))
	}
	return t.convert(text, to, modeCompare)
}

// decimals compares decimal numbers where one is a constant that the type of
// the other holds without rounding, or both have one type.
func (t *translator) decimals(l, r val) (val, val) {
	if l.typ == r.typ {
		return l, r
	}
	if r.constant {
		if v, ok := t.exactly(r, l.typ); ok {
			return l, v
		}
	}
	if l.constant {
		if v, ok := t.exactly(l, r.typ); ok {
			return v, r
		}
	}
	panic(refuse("a comparison of %s with %s", l.typ, r.typ))
}

func (t *translator) exactly(v val, to sqltype.Type) (val, bool) {
	if v.stored == nil {
		return val{typ: to, constant: true, null: true}, true
	}
	if familyOf(v.typ) == famDecimal && familyOf(to) == famWhole {
		// A number beyond int, as against a bigint.
		if s, _ := v.stored.(string); v.typ.Scale == 0 {
			n, err := textToWhole(s, v.typ, sqltype.Type{Kind: sqltype.BigInt})
			return val{typ: to, constant: true, stored: n}, err == nil
		}
		return v, false
	}
	if familyOf(to) != famDecimal || to.Kind == sqltype.Money || !convertible(v.typ, to, modeCompare) {
		return v, false
	}
	stored, err := convertStored(v.stored, v.typ, to, modeCompare)
	if err != nil {
		return v, false
	}
	out := val{typ: to, constant: true, stored: stored}
	return out, sameNumber(v, out)
}

// sameNumber says whether two constants are one number, however written.
func sameNumber(a, b val) bool { return number(a.stored) == number(b.stored) }

func number(stored any) string {
	s, err := render(stored)
	if err != nil {
		return ""
	}
	s = strings.TrimLeft(strings.Trim(s, "' "), "+")
	minus := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(strings.TrimPrefix(s, "-"), "0")
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if minus && s != "" {
		return "-" + s
	}
	return s
}

// certainText refuses constants that collations compare differently.
func (t *translator) certainText(v val) {
	s, ok := v.stored.(string)
	if !v.constant || !ok {
		return
	}
	for _, r := range s {
		if !certainRune(r) {
			panic(refuse("comparing text with the character U+%04X, which not every collation compares alike", r))
		}
	}
}

// certainRune says whether the usual collations agree on what a character
// equals: ASCII, and Latin letters that are an ASCII letter with an accent.
func certainRune(r rune) bool {
	switch {
	case r < 0x20 || r == 0x7F:
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0x80:
		return true
	case r > 0x17F:
		return false
	}
	d := norm.NFD.String(string(r))
	return len(d) > 1 && d[0] < 0x80
}

// inValues translates x IN (a, b, …): as one list where all are constants of
// the type of x, else as one comparison each.
func (t *translator) inValues(x *inList, s *scope) string {
	v := t.value(x.x, s)
	if v.untyped {
		return "(NULL)"
	}
	items := make([]val, len(x.list))
	plain := true
	for i, e := range x.list {
		items[i] = t.value(e, s)
		if !items[i].untyped {
			// Converting may fail and then has to, as in each comparison.
			l, r := t.matched(v, items[i])
			plain = plain && l.sql == v.sql && l.typ == v.typ && r.constant
			items[i] = r
			t.certainText(r)
		}
		plain = plain && !v.constant
	}
	if !plain {
		if len(items) > maxTerms {
			panic(refuse("IN with more than %d values that are not of the type of %s", maxTerms, describe(v)))
		}
		terms := make([]string, len(items))
		for i, e := range x.list {
			terms[i] = t.compare("=", v, t.value(e, s))
		}
		return "(" + strings.Join(terms, " OR ") + ")"
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = t.text(item)
	}
	return "((" + t.collated(v) + ") IN (" + strings.Join(texts, ", ") + "))"
}

// inQuery translates x IN (SELECT …), of one type on both sides.
func (t *translator) inQuery(x *inList, s *scope) string {
	v := t.value(x.x, s)
	text, columns := t.query(x.query, s, inValue)
	if len(columns) != 1 {
		panic(fail(116, "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS."))
	}
	if v.untyped {
		return "(NULL)"
	}
	to := columns[0].Type
	alike := v.typ == to || isWholeOrBit(v.typ) && isWholeOrBit(to) || isText(v.typ) && isText(to)
	if f := familyOf(to); !alike || f == famOffset || f == famBinary {
		panic(refuse("%s IN (SELECT … of %s)", v.typ, to))
	}
	t.certainText(v)
	return "((" + t.collated(v) + ") IN (" + text + "))"
}
