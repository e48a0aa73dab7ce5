package sqlserver

import "strings"

// from reads the tables of a SELECT: a source, then joins.
func (p *parser) from() error {
	if err := p.source(); err != nil {
		return err
	}
	for {
		joined, conditioned, err := p.join()
		if err != nil || !joined {
			return err
		}
		if err := p.source(); err != nil {
			return err
		}
		if !conditioned {
			continue
		}
		if !p.accept("ON") {
			return p.errorf(p.peek(), "ON must follow the joined table, not %s", p.peek().show())
		}
		if err := p.expression(); err != nil {
			return err
		}
	}
}

// join reads the words of a join, if one follows, and says whether it has a
// condition.
func (p *parser) join() (joined, conditioned bool, err error) {
	t, cross := p.peek(), false
	switch {
	case t.is(","):
		return false, false, p.errorf(t, "tables are separated by a comma: write JOIN … ON …")
	case p.accept("JOIN"):
		return true, true, nil
	case p.accept("INNER"):
	case p.accept("CROSS"):
		cross = true
	case p.accept("LEFT"), p.accept("RIGHT"), p.accept("FULL"):
		p.accept("OUTER")
	default:
		return false, false, nil
	}
	if !p.accept("JOIN") {
		return false, false, p.errorf(p.peek(), "JOIN must follow %s, not %s: join hints and APPLY are not allowed", t.raw, p.peek().show())
	}
	return true, !cross, nil
}

// source reads one table, view or SELECT in parentheses, with its alias.
func (p *parser) source() error {
	t := p.peek()
	switch {
	case t.is("("):
		if !p.after().is("SELECT") {
			return p.errorf(t, "after FROM or JOIN a parenthesis must hold a SELECT, not %s", p.after().show())
		}
		if err := p.parentheses(); err != nil {
			return err
		}
	case isName(t):
		if err := p.object(); err != nil {
			return err
		}
	default:
		return p.errorf(t, "a table or view must stand here as schema.name, not %s", t.show())
	}
	if p.accept("AS") && !isName(p.peek()) {
		return p.errorf(p.peek(), "AS must be followed by a name, not %s", p.peek().show())
	}
	if isName(p.peek()) {
		p.take()
	}
	if t := p.peek(); t.is("(") {
		return p.errorf(t, "a parenthesis after a table: table hints, functions and lists of column names are not allowed")
	}
	return nil
}

// object reads schema.name.
func (p *parser) object() error {
	start := p.take()
	parts := []string{start.name()}
	for p.accept(".") {
		t := p.take()
		if t.is(".") {
			return p.errorf(t, "two dots: write schema.name; another database cannot be read")
		}
		if !isName(t) {
			return p.errorf(t, "a name must follow the dot, not %s", t.show())
		}
		parts = append(parts, t.name())
	}
	switch {
	case p.peek().is("("):
		return p.errorf(start, "%s is used as a table function, which is not allowed: put it into a view", strings.Join(parts, "."))
	case len(parts) == 1:
		return p.errorf(start, "%s has no schema: write schema.%s", parts[0], parts[0])
	case len(parts) > 2:
		return p.errorf(start, "%s names another database or server: only schema.name of this database can be read; put it into a view", strings.Join(parts, "."))
	}
	o := Object{Schema: parts[0], Name: parts[1]}
	for _, have := range p.found.objects {
		if strings.EqualFold(have.Schema, o.Schema) && strings.EqualFold(have.Name, o.Name) {
			return nil
		}
	}
	p.found.objects = append(p.found.objects, o)
	return nil
}
