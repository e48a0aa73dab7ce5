package sqlserver

// findParameters notes the parameters, and which of them can be lists: those
// whose query may be asked for a part of the list at a time, and gives no row
// that is not of the list.
func (p *parser) findParameters() {
	uses, outer := map[string]int{}, p.outerWhere()
	p.found.lists = map[string]span{}
	for i, t := range p.tokens {
		switch t.kind {
		case quoted:
			p.found.words[t.value] = true
		case parameter:
			if uses[t.value]++; uses[t.value] == 1 {
				p.found.parameters = append(p.found.parameters, t.value)
			}
			if p.narrows(i, outer) {
				p.found.lists[t.value] = t.at
			}
		}
	}
	for name, n := range uses {
		if n > 1 {
			delete(p.found.lists, name)
		}
	}
}

// outerWhere marks the tokens of the WHERE that all rows of the result pass,
// without those within parentheses or a CASE. It marks none where an OR stands
// beside them, or where another SELECT adds rows of its own.
func (p *parser) outerWhere() []bool {
	marked := make([]bool, len(p.tokens))
	depth, where := 0, false
	for i, t := range p.tokens {
		switch {
		case t.is("("), t.is("CASE"):
			depth++
		case t.is(")"), t.is("END"):
			depth--
		case depth != 0:
		case t.is("WHERE"):
			where = true
		case t.is("GROUP"), t.is("HAVING"), t.is("ORDER"):
			where = false
		case t.is("UNION"), t.is("EXCEPT"), t.is("INTERSECT"), where && t.is("OR"):
			return make([]bool, len(p.tokens))
		}
		marked[i] = where && depth == 0
	}
	return marked
}

// narrows reports whether the parameter at i stands in WHERE name IN (@i), or
// the same after AND, where outer has the IN marked.
func (p *parser) narrows(i int, outer []bool) bool {
	if i < 4 || !p.tokens[i-1].is("(") || !p.tokens[i-2].is("IN") || !outer[i-2] || !p.tokens[i+1].is(")") {
		return false
	}
	i -= 3
	for i > 2 && isName(p.tokens[i]) && p.tokens[i-1].is(".") {
		i -= 2
	}
	before := p.tokens[i-1]
	return isName(p.tokens[i]) && (before.is("WHERE") || before.is("AND"))
}
