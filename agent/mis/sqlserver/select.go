package sqlserver

import "errors"

// A Select is one checked SELECT statement. Only [ParseSelect] makes one; the
// zero value is refused wherever it is used.
type Select struct {
	text       string
	columns    []string
	objects    []Object
	parameters []string
}

// An Object is a table or view.
type Object struct{ Schema, Name string }

// Text is the statement as it was given.
func (q Select) Text() string { return q.text }

// Columns are the names of the result's columns, in order.
func (q Select) Columns() []string { return q.columns }

// Objects are the tables and views that are read, each once, in the order of
// their first appearance.
func (q Select) Objects() []Object { return q.objects }

// Parameters are the names of the parameters without @, each once, in the order
// of their first appearance.
func (q Select) Parameters() []string { return q.parameters }

// ParseSelect checks that text is one SELECT that only reads named columns of
// named tables and views. An error says in which line what is not allowed and
// what to write instead.
func ParseSelect(text string) (Select, error) {
	return Select{}, errors.New("queries cannot be checked yet")
}
