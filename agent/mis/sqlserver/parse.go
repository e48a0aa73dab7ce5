package sqlserver

import (
	"fmt"
	"slices"
	"strings"
)

// maxDepth bounds parentheses within parentheses.
const maxDepth = 40

// A parser walks over the tokens of one query. It knows where tables stand and
// where the result's columns stand; of expressions it only knows which words
// they cannot hold.
type parser struct {
	tokens []token
	at     int
	depth  int
	found  Select
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) after() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// accept takes the next token if it is the word or symbol.
func (p *parser) accept(value string) bool {
	if p.peek().is(value) {
		p.at++
		return true
	}
	return false
}

func (p *parser) errorf(t token, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", t.line, fmt.Sprintf(format, args...))
}

func (p *parser) statement() error {
	if !p.peek().is("SELECT") {
		return p.errorf(p.peek(), "the query begins with %s: it must begin with SELECT", p.peek().show())
	}
	for _, t := range p.tokens {
		if err := p.allowed(t); err != nil {
			return err
		}
	}
	if err := p.query(true); err != nil {
		return err
	}
	if t := p.peek(); t.kind != end {
		return p.errorf(t, "%s stands after the end of the query: take it and what follows out", t.show())
	}
	p.findParameters()
	return nil
}

// allowed refuses the words that a reading query has no use for, wherever they
// stand outside quotes.
func (p *parser) allowed(t token) error {
	if t.kind != word {
		return nil
	}
	p.found.words[t.raw] = true
	if why, found := forbidden(t.value); found {
		return p.errorf(t, "%s is not allowed: %s (if it is the name of a table or column, write [%s])", t.raw, why, t.raw)
	}
	return nil
}

// query reads SELECT … [UNION [ALL] SELECT …] [ORDER BY …].
func (p *parser) query(outermost bool) error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf(p.peek(), "more than %d parentheses within each other: write the query more simply", maxDepth)
	}
	defer func() { p.depth-- }()
	first := outermost
	for {
		if err := p.core(first); err != nil {
			return err
		}
		first = false
		if !p.accept("UNION") && !p.accept("EXCEPT") && !p.accept("INTERSECT") {
			break
		}
		p.accept("ALL")
		if !p.peek().is("SELECT") {
			return p.errorf(p.peek(), "SELECT must follow here, not %s", p.peek().show())
		}
	}
	if p.accept("ORDER") {
		if !p.accept("BY") {
			return p.errorf(p.peek(), "BY must follow ORDER")
		}
		return p.expressions()
	}
	return nil
}

// core reads one SELECT with its clauses, up to what ends it.
func (p *parser) core(outermost bool) error {
	p.take() // SELECT, which the caller saw
	if !p.accept("DISTINCT") {
		p.accept("ALL")
	}
	if err := p.top(); err != nil {
		return err
	}
	for {
		if err := p.item(outermost); err != nil {
			return err
		}
		if !p.accept(",") {
			break
		}
	}
	if p.accept("FROM") {
		if err := p.from(); err != nil {
			return err
		}
	}
	for {
		switch {
		case p.accept("WHERE"), p.accept("HAVING"):
		case p.accept("GROUP"):
			if !p.accept("BY") {
				return p.errorf(p.peek(), "BY must follow GROUP")
			}
		default:
			return nil
		}
		if err := p.expressions(); err != nil {
			return err
		}
	}
}

// top reads TOP n or TOP (n).
func (p *parser) top() error {
	if !p.accept("TOP") {
		return nil
	}
	p.found.limited = p.found.limited || p.depth == 1 // of the outermost query
	bracketed := p.accept("(")
	if t := p.take(); t.kind != literal || !digit(t.raw[0]) {
		return p.errorf(t, "TOP must be followed by a number: write TOP (1)")
	}
	if bracketed && !p.accept(")") {
		return p.errorf(p.peek(), "TOP ( is not closed: write TOP (1)")
	}
	return nil
}

// item reads one column of a SELECT. One of the outermost SELECT must have a name.
func (p *parser) item(outermost bool) error {
	start, from := p.peek(), p.at
	if err := p.noStar(); err != nil {
		return err
	}
	if start.kind == parameter && p.after().is("=") {
		return p.errorf(start, "@%s would be assigned: a query may only read", start.value)
	}
	if err := p.expression(); err != nil {
		return err
	}
	tokens := p.tokens[from:p.at]
	name, named := "", false
	if p.accept("AS") {
		t := p.take()
		if !isName(t) {
			return p.errorf(t, "AS must be followed by a name, not %s: put reserved words into [brackets]", t.show())
		}
		name, named = t.name(), true
	} else {
		name, named = columnName(tokens)
	}
	if !outermost {
		return nil
	}
	if !named {
		return p.errorf(start, "column %d of the result has no name: write … AS name", len(p.found.columns)+1)
	}
	if slices.ContainsFunc(p.found.columns, func(c string) bool { return strings.EqualFold(c, name) }) {
		return p.errorf(start, "the result has two columns %s: give one of them another name with AS", name)
	}
	p.found.columns = append(p.found.columns, name)
	return nil
}

// noStar refuses * and name.* as a column.
func (p *parser) noStar() error {
	i := p.at
	for isName(p.tokens[i]) && p.tokens[i+1].is(".") {
		i += 2
	}
	if p.tokens[i].is("*") {
		return p.errorf(p.tokens[i], "SELECT * is not allowed: name each column (in EXISTS write SELECT 1)")
	}
	return nil
}

// columnName is the name of a column that is nothing but a column: name,
// alias.name or schema.table.name.
func columnName(tokens []token) (string, bool) {
	if len(tokens)%2 == 0 || len(tokens) > 5 {
		return "", false
	}
	for i, t := range tokens {
		if i%2 == 0 && !isName(t) || i%2 == 1 && !t.is(".") {
			return "", false
		}
	}
	return tokens[len(tokens)-1].name(), true
}

// expressions reads one or more, with commas.
func (p *parser) expressions() error {
	for {
		if err := p.expression(); err != nil {
			return err
		}
		if !p.accept(",") {
			return nil
		}
	}
}

// expression reads up to a comma, a closing parenthesis or the word that begins
// the next clause.
func (p *parser) expression() error {
	start := p.at
	for {
		t := p.peek()
		switch {
		case t.kind == end, t.is(","), t.is(")"), p.endsExpression(t):
			if p.at == start {
				return p.errorf(t, "something is missing before %s", t.show())
			}
			return nil
		case t.is("("):
			if err := p.parentheses(); err != nil {
				return err
			}
		case isName(t) && p.after().is("."):
			if err := p.path(); err != nil {
				return err
			}
		case t.is("."):
			return p.errorf(t, "a dot that does not stand between two names: methods are not allowed")
		default:
			p.take()
		}
	}
}

// path reads a.b or a.b.c, which must not be a call.
func (p *parser) path() error {
	start := p.take()
	for p.accept(".") {
		if t := p.take(); !isName(t) {
			return p.errorf(t, "a name must follow the dot, not %s", t.show())
		}
	}
	if p.peek().is("(") {
		return p.errorf(start, "%s… is a function or method of the database, which cannot be checked: use SQL Server's own functions, or put it into a view", start.raw)
	}
	return nil
}

// parentheses reads ( … ), which is a query of its own or expressions.
func (p *parser) parentheses() error {
	if p.depth++; p.depth > maxDepth {
		return p.errorf(p.peek(), "more than %d parentheses within each other: write the query more simply", maxDepth)
	}
	defer func() { p.depth-- }()
	open := p.take()
	if p.peek().is("SELECT") {
		if err := p.query(false); err != nil {
			return err
		}
	} else {
		for !p.peek().is(")") && p.peek().kind != end {
			// AS of CAST, BY of OVER (PARTITION BY … ORDER BY …) and COUNT(*).
			if t := p.peek(); t.is(",") || t.is("AS") || t.is("ORDER") || t.is("*") {
				p.take()
			} else if err := p.expression(); err != nil {
				return err
			} else if t := p.peek(); p.endsExpression(t) && !t.is("AS") && !t.is("ORDER") {
				return p.errorf(t, "%s cannot stand within these parentheses", t.show())
			}
		}
	}
	if !p.accept(")") {
		return p.errorf(open, "( is not closed before %s", p.peek().show())
	}
	return nil
}

// endsExpression reports whether t begins something new: a clause or a join.
// LEFT and RIGHT are functions too.
func (p *parser) endsExpression(t token) bool {
	if t.kind != word {
		return false
	}
	if (t.value == "LEFT" || t.value == "RIGHT") && p.after().is("(") {
		return false
	}
	return structural[t.value]
}
