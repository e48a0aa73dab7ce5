package sqlserver

import (
	"slices"
	"strings"
)

// A Select is one checked SELECT statement. Only [ParseSelect] makes one; the
// zero value is refused wherever it is used.
type Select struct {
	text       string
	columns    []string
	objects    []Object
	parameters []string
	lists      map[string]span // parameters that stand once, and alone, in the outer WHERE's IN (@name)
	limited    bool
	words      map[string]bool // every identifier in the text
}

// A span is a place in the text, in bytes.
type span struct{ from, to int }

// An Object is a table or view.
type Object struct{ Schema, Name string }

// String is the object's full name in brackets, as T-SQL takes it.
func (o Object) String() string { return bracket(o.Schema) + "." + bracket(o.Name) }

// bracket quotes an identifier.
func bracket(name string) string { return "[" + strings.ReplaceAll(name, "]", "]]") + "]" }

// Text is the statement as it was given, without the white space around it.
func (q Select) Text() string { return q.text }

// Columns are the names of the result's columns, in order.
func (q Select) Columns() []string { return slices.Clone(q.columns) }

// Objects are the tables and views that are read, each once, in the order of
// their first appearance.
func (q Select) Objects() []Object { return slices.Clone(q.objects) }

// Parameters are the names of the parameters without @, each once, in the order
// of their first appearance.
func (q Select) Parameters() []string { return slices.Clone(q.parameters) }

// Narrows reports whether the parameter can be a list: it stands once, in the
// WHERE of the outermost SELECT, as column IN (@name), joined to the rest by AND.
// No row can then come whose column is not of the list.
func (q Select) Narrows(parameter string) bool {
	_, ok := q.lists[parameter]
	return ok
}

// Limited reports whether the outermost SELECT has a TOP, so that a part of the
// rows looks like all of them.
func (q Select) Limited() bool { return q.limited }

// ParseSelect checks that text is one SELECT that only reads, and reads only
// what it names:
//   - no semicolon, no comment, no second statement, and none of the words with
//     which T-SQL writes, runs, waits or reaches elsewhere;
//   - every object after FROM or JOIN is schema.object or a SELECT in
//     parentheses; no lists with commas, no functions, no other database;
//   - no table hint, no SELECT *, and every column of the result has a name of
//     its own: a column's, or one given with AS;
//   - parameters are @name, of letters and digits.
//
// Names in brackets or double quotes and texts ('…' in ASCII, N'…' else) may hold
// anything. Not everything it accepts is T-SQL: what a server makes of it is the
// server's to say. An error says in which line what is not allowed and what to
// write instead.
func ParseSelect(text string) (Select, error) {
	text = strings.Trim(text, " \t\r\n")
	tokens, err := lex(text)
	if err != nil {
		return Select{}, err
	}
	p := &parser{tokens: tokens, found: Select{text: text, words: map[string]bool{}}}
	if err := p.statement(); err != nil {
		return Select{}, err
	}
	return p.found, nil
}

// expand is the text with the list parameter replaced by count parameters
// name_1, name_2, …
func (q Select) expand(list string, count int) string {
	at := q.lists[list]
	var b strings.Builder
	b.WriteString(q.text[:at.from])
	for i := range count {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("@" + listName(list, i))
	}
	b.WriteString(q.text[at.to:])
	return b.String()
}
