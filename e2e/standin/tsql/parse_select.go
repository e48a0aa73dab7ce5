package tsql

// query reads a SELECT with its UNIONs and its ORDER BY.
func (p *parser) query() *Select {
	p.enter()
	defer func() { p.depth-- }()
	s := &Select{cores: []*core{p.core()}}
	for p.words("UNION") {
		s.all = append(s.all, p.words("ALL"))
		if p.isSymbol("(") {
			panic(refuse("brackets around a part of UNION"))
		}
		s.cores = append(s.cores, p.core())
		if len(s.cores) > maxDepth {
			panic(refuse("more than %d parts of UNION", maxDepth))
		}
	}
	for _, word := range [...]string{"EXCEPT", "INTERSECT"} {
		if p.is(word) {
			panic(refuse("%s", word))
		}
	}
	if p.words("ORDER") {
		p.need("BY")
		s.order = p.orderItems()
	}
	for _, word := range [...]string{"OFFSET", "FETCH", "FOR", "OPTION", "COMPUTE"} {
		if p.is(word) {
			panic(refuse("%s after a SELECT", word))
		}
	}
	return s
}

func (p *parser) orderItems() []orderItem {
	var items []orderItem
	for {
		item := orderItem{value: p.value()}
		if p.words("DESC") {
			item.desc = true
		} else {
			p.words("ASC")
		}
		items = append(items, item)
		if !p.symbol(",") {
			return items
		}
	}
}

func (p *parser) core() *core {
	p.need("SELECT")
	c := &core{}
	if c.distinct = p.words("DISTINCT"); !c.distinct {
		p.words("ALL")
	}
	if p.words("TOP") {
		c.top = p.top()
	}
	c.items = append(c.items, p.selectItem())
	for p.symbol(",") {
		c.items = append(c.items, p.selectItem())
	}
	if p.is("INTO") {
		panic(refuse("SELECT … INTO"))
	}
	if p.words("FROM") {
		c.from = p.sources()
	}
	if p.words("WHERE") {
		c.where = p.condition()
	}
	if p.words("GROUP") {
		p.need("BY")
		c.group = p.values()
		if p.is("WITH") {
			panic(refuse("GROUP BY … WITH"))
		}
	}
	if p.words("HAVING") {
		c.having = p.condition()
	}
	return c
}

func (p *parser) top() expr {
	var n expr
	if p.symbol("(") {
		n = p.value()
		p.needSymbol(")")
	} else {
		n = &literal{kind: tokWhole, text: p.whole()}
	}
	if p.is("PERCENT") {
		panic(refuse("TOP … PERCENT"))
	}
	if p.is("WITH") {
		panic(refuse("TOP … WITH TIES"))
	}
	return n
}

func (p *parser) selectItem() selectItem {
	if p.symbol("*") {
		return selectItem{star: true}
	}
	if item, ok := p.tableStar(); ok {
		return item
	}
	if p.peek().kind == tokVariable && p.peekAt(1).value == "=" {
		panic(refuse("SELECT @variable = …"))
	}
	item := selectItem{value: p.value()}
	if p.isSymbol("=") {
		panic(refuse("SELECT alias = …; write … AS alias"))
	}
	switch {
	case p.words("AS"):
		if k := p.peek().kind; k == tokText || k == tokNText {
			panic(refuse("an alias in quotes; write it in [brackets]"))
		}
		item.alias = p.identifier()
	case p.isIdentifier():
		item.alias = p.identifier()
	case p.peek().kind == tokText || p.peek().kind == tokNText:
		panic(refuse("an alias in quotes; write it in [brackets]"))
	}
	return item
}

// tableStar takes t.* or schema.t.* if it stands there.
func (p *parser) tableStar() (selectItem, bool) {
	dot := func(n int) bool { t := p.peekAt(n); return t.kind == tokSymbol && t.value == "." }
	star := func(n int) bool { t := p.peekAt(n); return t.kind == tokSymbol && t.value == "*" }
	if !p.isIdentifier() || !dot(1) {
		return selectItem{}, false
	}
	if star(2) {
		item := selectItem{star: true, table: columnRef{table: p.identifier()}}
		p.at += 2
		return item, true
	}
	if dot(3) && star(4) {
		schema := p.identifier()
		p.at++
		item := selectItem{star: true, table: columnRef{schema: schema, table: p.identifier()}}
		p.at += 2
		return item, true
	}
	return selectItem{}, false
}

func (p *parser) sources() []source {
	list := []source{p.source("")}
	for {
		join := ""
		switch {
		case p.words("INNER", "JOIN"), p.words("JOIN"):
			join = "INNER JOIN"
		case p.words("LEFT", "OUTER", "JOIN"), p.words("LEFT", "JOIN"):
			join = "LEFT JOIN"
		case p.words("CROSS", "JOIN"):
			join = "CROSS JOIN"
		case p.is("RIGHT"), p.is("FULL"):
			panic(refuse("%s JOIN; write it as LEFT JOIN", p.peek().upper))
		case p.is("CROSS"), p.is("OUTER"):
			panic(refuse("%s APPLY", p.peek().upper))
		case p.is("INNER"), p.is("LEFT"):
			panic(refuse("a hint for a join"))
		case p.isSymbol(","):
			panic(refuse("a comma between tables; write JOIN … ON"))
		default:
			return list
		}
		s := p.source(join)
		if join != "CROSS JOIN" {
			p.need("ON")
			s.on = p.condition()
		}
		list = append(list, s)
		if len(list) > 60 {
			panic(refuse("more than 60 tables in one FROM"))
		}
	}
}

func (p *parser) source(join string) source {
	s := source{join: join}
	if p.symbol("(") {
		if !p.is("SELECT") {
			panic(refuse("brackets around a join"))
		}
		s.query = p.query()
		p.needSymbol(")")
	} else {
		for _, word := range [...]string{"OPENROWSET", "OPENQUERY", "OPENDATASOURCE", "OPENXML"} {
			if p.is(word) {
				panic(refuse("%s", word))
			}
		}
		if p.peek().kind == tokVariable {
			panic(refuse("a table in a variable"))
		}
		s.name = p.name()
		if p.isSymbol("(") {
			panic(refuse("the table function %s", s.name))
		}
	}
	if p.words("AS") {
		s.alias = p.identifier()
	} else if p.isIdentifier() && !p.is("OFFSET") {
		s.alias = p.identifier()
	}
	if s.query != nil {
		if s.alias == "" {
			p.unexpected()
		}
		if p.isSymbol("(") {
			s.names = p.identifiers()
		}
	}
	for _, word := range [...]string{"WITH", "TABLESAMPLE", "PIVOT", "UNPIVOT"} {
		if p.is(word) && !(word == "WITH" && p.isAt(1, "CHECK")) {
			panic(refuse("%s after a table", word))
		}
	}
	if p.isSymbol("(") {
		panic(refuse("a hint after a table"))
	}
	return s
}
