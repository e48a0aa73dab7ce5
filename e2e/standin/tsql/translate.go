package tsql

import "rollbridge/e2e/standin/sqltype"

var errTodo = refuse("anything yet")

func Parse(batch string) ([]Statement, error) { return nil, errTodo }

func (s *Select) Translate(c Catalogue, params []Param) (Query, error)      { return Query{}, errTodo }
func (s *Insert) Translate(c Catalogue, params []Param) (Query, error)      { return Query{}, errTodo }
func (s *Update) Translate(c Catalogue, params []Param) (Query, error)      { return Query{}, errTodo }
func (s *Delete) Translate(c Catalogue, params []Param) (Query, error)      { return Query{}, errTodo }
func (s *CreateTable) Translate(c Catalogue, params []Param) (Query, error) { return Query{}, errTodo }
func (s *CreateView) Translate(c Catalogue, params []Param) (Query, error)  { return Query{}, errTodo }
func (s *CreateIndex) Translate(c Catalogue, params []Param) (Query, error) { return Query{}, errTodo }

// Value gives the Go value (see sqltype) of what SQLite stores or answers for the type.
func Value(t sqltype.Type, stored any) (any, error) { return nil, errTodo }

// Store gives what SQLite stores for a Go value of the type; the inverse of Value.
func Store(t sqltype.Type, value any) (any, error) { return nil, errTodo }

// Enter registers an Environment's session; leave forgets it. Environment.Session must give number from then on.
func Enter(e Environment) (number int64, leave func()) { return 0, func() {} }

// Identifier gives the SQLite identifier of an object: "schema.name", quoted.
func Identifier(schema, name string) string { return "" }

// ErrorOf finds the Error in an error that SQLite's driver returned.
func ErrorOf(err error) (*Error, bool) { return nil, false }

type expr interface{}
type core struct{}
type orderItem struct{}
