package sqlserver

// findParameters notes the parameters, and which of them can be lists: those
// whose query may be asked for a part of the list at a time, because the list
// narrows the rows (… WHERE a.b IN (@name), … AND a.b IN (@name)).
func (p *parser) findParameters() {
	uses := map[string]int{}
	p.found.lists = map[string]span{}
	for i, t := range p.tokens {
		switch t.kind {
		case quoted:
			p.found.words[t.value] = true
		case parameter:
			if uses[t.value]++; uses[t.value] == 1 {
				p.found.parameters = append(p.found.parameters, t.value)
			}
			if p.narrows(i) {
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

// narrows reports whether the parameter at i stands in WHERE name IN (@i), or
// the same after AND or ON.
func (p *parser) narrows(i int) bool {
	if i < 4 || !p.tokens[i-1].is("(") || !p.tokens[i-2].is("IN") || !p.tokens[i+1].is(")") {
		return false
	}
	i -= 3
	for i > 2 && isName(p.tokens[i]) && p.tokens[i-1].is(".") {
		i -= 2
	}
	before := p.tokens[i-1]
	return isName(p.tokens[i]) && (before.is("WHERE") || before.is("AND") || before.is("ON"))
}
