package tsql

import "strings"

// value reads an expression that is no condition.
func (p *parser) value() expr {
	e := p.additive()
	if isCondition(e) {
		p.unexpected()
	}
	return e
}

// condition reads what WHERE, ON, HAVING and WHEN take.
func (p *parser) condition() expr {
	e := p.or()
	if !isCondition(e) {
		near := p.peek()
		panic(fail(4145, "An expression of non-boolean type specified in a context where a condition is expected, near '%s'.", near.value))
	}
	return e
}

func (p *parser) or() expr {
	p.enter()
	defer func() { p.depth-- }()
	return p.chain("OR", func() expr { return p.chain("AND", p.not) })
}

func (p *parser) chain(op string, next func() expr) expr {
	first := next()
	if !p.is(op) {
		return first
	}
	terms := []expr{first}
	for p.words(op) {
		terms = append(terms, next())
	}
	if len(terms) > maxTerms {
		panic(refuse("more than %d conditions joined by %s", maxTerms, op))
	}
	for _, t := range terms {
		if !isCondition(t) {
			panic(fail(4145, "An expression of non-boolean type specified in a context where a condition is expected, near '%s'.", op))
		}
	}
	return &logic{op, terms}
}

func (p *parser) not() expr {
	if !p.words("NOT") {
		return p.predicate()
	}
	p.enter()
	defer func() { p.depth-- }()
	x := p.not()
	if !isCondition(x) {
		p.unexpected()
	}
	return &negation{x}
}

func (p *parser) predicate() expr {
	if p.words("EXISTS") {
		p.needSymbol("(")
		q := p.query()
		p.needSymbol(")")
		return &exists{q}
	}
	left := p.additive()
	if isCondition(left) {
		return left
	}
	t := p.peek()
	if t.kind == tokSymbol {
		op := t.value
		switch op {
		case "!=":
			op = "<>"
		case "!<", "!>":
			panic(refuse("the comparison %s", op))
		case "=", "<>", "<", ">", "<=", ">=":
		default:
			return left
		}
		p.at++
		if p.is("ALL") || p.is("ANY") || p.is("SOME") {
			panic(refuse("a comparison with %s", p.peek().upper))
		}
		return &comparison{op, left, p.value()}
	}
	if p.words("IS") {
		not := p.words("NOT")
		if p.is("DISTINCT") {
			panic(refuse("IS DISTINCT FROM"))
		}
		p.need("NULL")
		return &isNull{left, not}
	}
	return p.predicateWord(left)
}

func (p *parser) predicateWord(left expr) expr {
	not := p.is("NOT") && (p.isAt(1, "IN") || p.isAt(1, "BETWEEN") || p.isAt(1, "LIKE"))
	if not {
		p.at++
	}
	switch {
	case p.words("BETWEEN"):
		low := p.value()
		p.need("AND")
		return &between{left, low, p.value(), not}
	case p.words("IN"):
		p.needSymbol("(")
		in := &inList{x: left, not: not}
		if p.is("SELECT") {
			in.query = p.query()
		} else {
			in.list = p.values()
		}
		p.needSymbol(")")
		return in
	case p.is("LIKE"):
		panic(refuse("LIKE: whether trailing blanks count in it depends on the type; compare with = or IN"))
	case p.is("COLLATE"):
		panic(refuse("COLLATE: the stand-in has one collation"))
	}
	return left
}

func (p *parser) values() []expr {
	list := []expr{p.value()}
	for p.symbol(",") {
		list = append(list, p.value())
	}
	return list
}

func (p *parser) additive() expr {
	p.enter()
	defer func() { p.depth-- }()
	left := p.multiplicative()
	for n := 0; p.isSymbol("+") || p.isSymbol("-") || p.isSymbol("&") || p.isSymbol("|") || p.isSymbol("^"); n++ {
		op := p.take().value
		if op != "+" && op != "-" {
			panic(refuse("the operator %s", op))
		}
		left = p.operation(op, left, p.multiplicative(), n)
	}
	return left
}

func (p *parser) multiplicative() expr {
	left := p.unary()
	for n := 0; p.isSymbol("*") || p.isSymbol("/") || p.isSymbol("%"); n++ {
		op := p.take().value
		if op == "/" {
			panic(refuse("division"))
		}
		if op == "%" {
			panic(refuse("the operator %%"))
		}
		left = p.operation(op, left, p.unary(), n)
	}
	return left
}

func (p *parser) operation(op string, l, r expr, n int) expr {
	if n > maxDepth {
		panic(refuse("more than %d operators in a row", maxDepth))
	}
	if isCondition(l) || isCondition(r) {
		p.unexpected()
	}
	return &arithmetic{op, l, r}
}

func (p *parser) unary() expr {
	minus := false
	for n := 0; p.isSymbol("-") || p.isSymbol("+"); n++ {
		if n > maxDepth {
			panic(refuse("more than %d signs in a row", maxDepth))
		}
		minus = minus != (p.take().value == "-")
	}
	if p.isSymbol("~") {
		panic(refuse("the operator ~"))
	}
	x := p.primary()
	if p.is("COLLATE") {
		panic(refuse("COLLATE: the stand-in has one collation"))
	}
	if !minus {
		return x
	}
	if l, ok := x.(*literal); ok && l.kind >= tokWhole && l.kind <= tokFloat {
		l.minus = true
		return l
	}
	if isCondition(x) {
		p.unexpected()
	}
	return &negative{x}
}

func (p *parser) primary() expr {
	t := p.peek()
	switch t.kind {
	case tokText, tokNText, tokWhole, tokDecimal, tokFloat, tokBinary:
		p.at++
		return &literal{kind: t.kind, text: t.value}
	case tokVariable:
		p.at++
		return &parameter{t.value}
	case tokGlobal:
		p.at++
		return &call{name: strings.ToUpper(t.value)}
	case tokSymbol:
		if t.value != "(" {
			p.unexpected()
		}
		p.at++
		if p.is("SELECT") {
			q := p.query()
			p.needSymbol(")")
			return &scalarQuery{q}
		}
		e := p.or()
		p.needSymbol(")")
		return e
	case tokWord:
		if e, ok := p.keyword(t); ok {
			return e
		}
	}
	if !p.isIdentifier() {
		p.unexpected()
	}
	if t.kind == tokWord && p.peekAt(1).kind == tokSymbol && p.peekAt(1).value == "(" {
		return p.function()
	}
	return p.column()
}

// keyword reads the expressions that begin with a reserved word.
func (p *parser) keyword(t *token) (expr, bool) {
	switch t.upper {
	case "NULL":
		p.at++
		return &nullLiteral{}, true
	case "CASE":
		p.at++
		return p.caseOf(), true
	case "COALESCE", "NULLIF":
		return p.function(), true
	case "CURRENT_USER", "SYSTEM_USER", "SESSION_USER", "USER":
		p.at++
		name := t.upper
		if name == "USER" || name == "SESSION_USER" {
			name = "CURRENT_USER"
		}
		return &call{name: name}, true
	case "CURRENT_TIMESTAMP":
		p.at++
		return &call{name: "GETDATE"}, true
	case "CONVERT", "TRY_CONVERT", "LEFT", "RIGHT", "IDENTITY", "CONTAINS", "FREETEXT":
		panic(refuse("%s", t.upper))
	}
	return nil, false
}

func (p *parser) column() expr {
	parts := []string{p.identifier()}
	for p.symbol(".") {
		parts = append(parts, p.identifier())
	}
	if p.isSymbol("(") {
		panic(refuse("the function %s", strings.Join(parts, ".")))
	}
	c := &columnRef{name: parts[len(parts)-1]}
	switch len(parts) {
	case 3:
		c.schema = parts[0]
		fallthrough
	case 2:
		c.table = parts[len(parts)-2]
	case 1:
	default:
		panic(refuse("a column's name of four parts"))
	}
	return c
}

func (p *parser) caseOf() expr {
	c := &caseOf{}
	if !p.is("WHEN") {
		c.operand = p.value()
	}
	for p.words("WHEN") {
		var w when
		if c.operand == nil {
			w.when = p.condition()
		} else {
			w.when = p.value()
		}
		p.need("THEN")
		w.then = p.value()
		c.whens = append(c.whens, w)
	}
	if len(c.whens) == 0 {
		p.unexpected()
	}
	if p.words("ELSE") {
		c.orElse = p.value()
	}
	p.need("END")
	return c
}

func (p *parser) function() expr {
	c := &call{name: p.take().upper}
	if _, ok := SessionFunctions[c.name]; !ok && !functions[c.name] && !aggregates[c.name] {
		panic(refuse("the function %s", c.name))
	}
	p.needSymbol("(")
	switch c.name {
	case "CAST":
		x := p.value()
		p.need("AS")
		to := p.typeName(true)
		p.needSymbol(")")
		return &castTo{x, to}
	case "DATEPART":
		c.part = strings.ToUpper(p.identifier())
		p.needSymbol(",")
	case "COUNT", "MIN", "MAX":
		if c.distinct = p.words("DISTINCT"); !c.distinct {
			p.words("ALL")
		}
		if c.name == "COUNT" && !c.distinct && p.symbol("*") {
			c.star = true
		}
	}
	if !c.star && !p.isSymbol(")") {
		c.args = p.values()
	}
	p.needSymbol(")")
	if p.is("OVER") {
		panic(refuse("window functions (OVER)"))
	}
	if p.is("WITHIN") {
		panic(refuse("WITHIN GROUP"))
	}
	return c
}
