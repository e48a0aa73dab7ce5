package tsql

import (
	"strings"

	"rollbridge/e2e/standin/sqltype"
)

// Limits that keep a batch from exhausting the stand-in; SQL Server's own are
// higher or depend on memory.
const (
	maxDepth = 100     // of brackets and sub-selects
	maxTerms = 500     // of one AND, OR, + or UNION chain
	maxRows  = 1000    // of VALUES, as SQL Server's
	maxBatch = 8 << 20 // bytes
)

// Parse reads the statements of a batch (one script between two lines GO). The
// error is an *Error: 102, 105, 156 and their like for what is no T-SQL,
// NotTranslated for what the stand-in leaves out. Nothing is looked up yet.
func Parse(batch string) (statements []Statement, err error) {
	if len(batch) > maxBatch {
		return nil, refuse("a batch of more than %d bytes", maxBatch)
	}
	tokens, err := lex(batch)
	if err != nil {
		return nil, err
	}
	p := &parser{text: batch, tokens: tokens}
	defer caught(&err)
	for {
		for p.symbol(";") {
		}
		if p.peek().kind == tokEnd {
			return statements, nil
		}
		statements = append(statements, p.statement(len(statements) == 0)...)
	}
}

// caught turns the *Error that parser and translator panic with to give up
// into an error; any other panic goes on.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
}

func (p *parser) peek() *token { return &p.tokens[p.at] }

func (p *parser) peekAt(n int) *token { return &p.tokens[min(p.at+n, len(p.tokens)-1)] }

func (p *parser) take() *token {
	t := &p.tokens[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

// unexpected gives up at the next token, with the number SQL Server uses.
func (p *parser) unexpected() {
	t := p.peek()
	switch {
	case t.kind == tokEnd:
		before := "the end of the batch"
		if p.at > 0 {
			last := p.tokens[p.at-1]
			before = p.text[last.start:last.end]
		}
		panic(fail(102, "Incorrect syntax near '%s'.", before))
	case t.kind == tokWord && reserved[t.upper]:
		panic(fail(156, "Incorrect syntax near the keyword '%s'.", t.value))
	}
	panic(fail(102, "Incorrect syntax near '%s'.", t.value))
}

// enter counts a level of nesting; the caller leaves with p.depth--.
func (p *parser) enter() {
	if p.depth++; p.depth > maxDepth {
		panic(fail(191, "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up into smaller queries."))
	}
}

func (p *parser) is(word string) bool {
	t := p.peek()
	return t.kind == tokWord && t.upper == word
}

func (p *parser) isAt(n int, word string) bool {
	t := p.peekAt(n)
	return t.kind == tokWord && t.upper == word
}

// words takes a sequence of words if all of it stands there.
func (p *parser) words(sequence ...string) bool {
	for i, w := range sequence {
		if !p.isAt(i, w) {
			return false
		}
	}
	p.at += len(sequence)
	return true
}

func (p *parser) need(sequence ...string) {
	for _, w := range sequence {
		if !p.words(w) {
			p.unexpected()
		}
	}
}

// choice takes one of the words and gives it.
func (p *parser) choice(options ...string) string {
	for _, o := range options {
		if p.words(o) {
			return o
		}
	}
	p.unexpected()
	return ""
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.kind == tokSymbol && t.value == s
}

func (p *parser) symbol(s string) bool {
	if p.isSymbol(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) needSymbol(s string) {
	if !p.symbol(s) {
		p.unexpected()
	}
}

func (p *parser) isIdentifier() bool {
	t := p.peek()
	return t.kind == tokQuoted || t.kind == tokWord && !reserved[t.upper]
}

func (p *parser) identifier() string {
	if !p.isIdentifier() {
		p.unexpected()
	}
	t := p.take()
	if len(t.value) > 128 {
		panic(fail(103, "The identifier that starts with '%.20s' is too long. Maximum length is 128.", t.value))
	}
	if t.value[0] == '#' {
		panic(refuse("temporary tables (%s)", t.value))
	}
	return t.value
}

// identifiers reads a list in brackets: (a, b).
func (p *parser) identifiers() []string {
	p.needSymbol("(")
	names := []string{p.identifier()}
	for p.symbol(",") {
		names = append(names, p.identifier())
	}
	p.needSymbol(")")
	return names
}

// name reads an object's name of one or two parts.
func (p *parser) name() Name {
	first := p.identifier()
	if !p.symbol(".") {
		return Name{Name: first}
	}
	if p.isSymbol(".") {
		panic(refuse("a name that leaves out the schema (%s..)", first))
	}
	n := Name{Schema: first, Name: p.identifier()}
	if p.isSymbol(".") {
		panic(refuse("a name of three or four parts (%s.…)", n))
	}
	return n
}

func (p *parser) whole() string {
	if p.peek().kind != tokWhole {
		p.unexpected()
	}
	return p.take().value
}

func (p *parser) textLiteral() string {
	if k := p.peek().kind; k != tokText && k != tokNText {
		p.unexpected()
	}
	return p.take().value
}

// typeName reads a type; cast says whether a text without a length has the 30
// of CAST instead of the 1 of a declaration.
func (p *parser) typeName(cast bool) sqltype.Type {
	first := p.take()
	if first.kind != tokWord && first.kind != tokQuoted {
		p.at--
		p.unexpected()
	}
	declared := first.value
	if p.isSymbol(".") {
		panic(refuse("the type %s.…", declared))
	}
	for p.is("VARYING") || p.is("PRECISION") || strings.EqualFold(declared, "national") && p.isIdentifier() {
		declared += " " + p.take().value
	}
	bracketed := p.isSymbol("(")
	if bracketed {
		for !p.symbol(")") {
			if p.peek().kind == tokEnd {
				p.unexpected()
			}
			declared += p.take().value
		}
		declared += ")"
	}
	t, err := sqltype.Parse(declared)
	if err != nil {
		panic(refuse("the type %s (%v)", declared, err))
	}
	if cast && !bracketed && t.Length == 1 {
		t.Length = 30
	}
	return t
}

// end demands that a statement which must be alone in its batch ends it.
func (p *parser) end() {
	for p.symbol(";") {
	}
	if p.peek().kind != tokEnd {
		p.unexpected()
	}
}
