package tds

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// prepared are the statements that a connection keeps, by handle.
type prepared struct {
	statements map[int64]statement
	last       int64
	bytes      int
}

// A statement is T-SQL with the parameters that it declares.
type statement struct {
	text     string
	declared []Param // without values
}

// call carries out a procedure call: the system procedures that carry T-SQL
// are unwrapped, everything else is the session's.
func (c *conn) call(ctx context.Context, k call, w *Response) error {
	switch name := systemName(k.name); name {
	case "sp_executesql":
		if len(k.params) == 0 {
			return missing(name, "@statement")
		}
		text, err := textOf(k.params[0], name, "@statement")
		if err != nil {
			return err
		}
		var declaration callParam
		values := k.params[1:]
		if len(values) > 0 {
			declaration, values = values[0], values[1:]
		}
		s, err := newStatement(text, declaration, name)
		if err != nil {
			return err
		}
		return c.execute(ctx, s, values, w)
	case "sp_prepare", "sp_prepexec":
		return c.prepare(ctx, k, name, w)
	case "sp_execute", "sp_unprepare":
		if len(k.params) == 0 {
			return missing(name, "@handle")
		}
		handle, _ := k.params[0].Value.(int64)
		s, ok := c.prepared.statements[handle]
		if !ok {
			return &Error{Number: numberNoHandle, Message: fmt.Sprintf("Could not find prepared statement with handle %d.", handle)}
		}
		if name == "sp_execute" {
			return c.execute(ctx, s, k.params[1:], w)
		}
		c.prepared.drop(handle)
		return nil
	default:
		if strings.HasPrefix(name, "sp_cursor") || name == "sp_prepexecrpc" {
			return &Error{Number: numberNoProcedure, Message: "Could not find stored procedure '" + name + "'. (The stand-in has no cursors.)"}
		}
	}
	q := Request{Procedure: k.name}
	for _, p := range k.params {
		q.Params = append(q.Params, p.Param)
	}
	return c.session.Run(ctx, q, w)
}

// systemName is the bare name of a system procedure however it is written.
func systemName(name string) string {
	bare := strings.ToLower(strings.NewReplacer("[", "", "]", "").Replace(name))
	for _, prefix := range []string{"master.", "sys.", "dbo.", "."} {
		bare = strings.TrimPrefix(bare, prefix)
	}
	return bare
}

func missing(procedure, param string) *Error {
	return &Error{Number: 201, Message: fmt.Sprintf("Procedure or function '%s' expects parameter '%s', which was not supplied.", procedure, param)}
}

// textOf is the T-SQL in a parameter of a system procedure.
func textOf(p callParam, procedure, name string) (string, error) {
	text, ok := p.Value.(string)
	if !ok {
		return "", &Error{Number: 214, Message: fmt.Sprintf("Procedure expects parameter '%s' of type 'ntext/nchar/nvarchar'.", name), Procedure: procedure}
	}
	return text, nil
}

// prepare keeps a statement and hands out its handle; sp_prepexec also runs it.
func (c *conn) prepare(ctx context.Context, k call, name string, w *Response) error {
	if len(k.params) < 3 {
		return missing(name, "@stmt")
	}
	text, err := textOf(k.params[2], name, "@stmt")
	if err != nil {
		return err
	}
	s, err := newStatement(text, k.params[1], name)
	if err != nil {
		return err
	}
	handle, err := c.prepared.add(s)
	if err != nil {
		return err
	}
	w.results = appendHandle(nil, k.params[0].Name, handle)
	if name == "sp_prepare" {
		return nil
	}
	return c.execute(ctx, s, k.params[3:], w)
}

func (p *prepared) add(s statement) (int64, error) {
	if len(p.statements) >= maxPrepared || p.bytes+len(s.text) > maxPreparedBytes {
		return 0, &Error{Number: 701, Class: 17, Message: "There is insufficient system memory to keep another prepared statement."}
	}
	if p.statements == nil {
		p.statements = map[int64]statement{}
	}
	p.last++
	p.statements[p.last] = s
	p.bytes += len(s.text)
	return p.last, nil
}

func (p *prepared) drop(handle int64) {
	p.bytes -= len(p.statements[handle].text)
	delete(p.statements, handle)
}

// appendHandle appends RETURNVALUE with the handle of a statement, under the
// name that the caller gave the parameter.
func appendHandle(b []byte, name string, handle int64) []byte {
	b = append(b, tokenReturnValue, 0, 0)
	b = appendShortText(b, name)
	b = append(b, 1)                // of an output parameter
	b = append(b, 0, 0, 0, 0, 0, 0) // user type, flags
	b = append(b, wireIntN, 4, 4)   // type, length of the value
	b = binary.LittleEndian.AppendUint32(b, uint32(handle))
	return b
}

// newStatement reads what a statement declares: "@p1 int, @p2 nvarchar(40)".
func newStatement(text string, declaration callParam, procedure string) (statement, error) {
	s := statement{text: text}
	if declaration.Value == nil {
		return s, nil
	}
	list, err := textOf(declaration, procedure, "@params")
	if err != nil {
		return s, err
	}
	for _, one := range splitDeclarations(list) {
		name, kind, _ := strings.Cut(strings.TrimSpace(one), " ")
		kind = strings.TrimSpace(kind)
		for _, word := range []string{" output", " out"} {
			if n := len(kind) - len(word); n > 0 && strings.EqualFold(kind[n:], word) {
				kind = kind[:n]
			}
		}
		t, err := sqltype.Parse(kind)
		if err != nil || !strings.HasPrefix(name, "@") || len(name) < 2 {
			return s, notTaken("the declaration of parameter %d: want @name and a type that it knows", len(s.declared)+1)
		}
		s.declared = append(s.declared, Param{Name: name, Type: t})
	}
	return s, nil
}

// splitDeclarations splits at the commas that are in no bracket.
func splitDeclarations(list string) []string {
	var all []string
	depth, from := 0, 0
	for i := range len(list) {
		switch list[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				all = append(all, list[from:i])
				from = i + 1
			}
		}
	}
	if strings.TrimSpace(list) == "" {
		return nil
	}
	return append(all, list[from:])
}

// execute runs a statement with values for what it declares, which a call
// gives by place or by name.
func (c *conn) execute(ctx context.Context, s statement, values []callParam, w *Response) error {
	if len(values) > len(s.declared) {
		return &Error{Number: numberTooMany, Message: "Procedure or function has too many arguments specified."}
	}
	q := Request{Text: s.text, Params: append([]Param{}, s.declared...)}
	given := make([]bool, len(q.Params))
	for i, v := range values {
		at := i
		if v.Name != "" {
			at = place(q.Params, v.Name)
		}
		if at < 0 || given[at] {
			return &Error{Number: 8145, Message: fmt.Sprintf("%s is not a parameter for the statement, or is given twice.", v.Name)}
		}
		if !holds(q.Params[at].Type.Kind, v.Value) {
			return &Error{Number: numberNotConverted, Message: fmt.Sprintf("Error converting data type %s to %s. (The stand-in converts no parameters.)", v.Type.Kind, q.Params[at].Type.Kind)}
		}
		q.Params[at].Value, given[at] = v.Value, true
	}
	for i, ok := range given {
		if !ok {
			return &Error{Number: numberNotSupplied, Message: fmt.Sprintf("The parameterized query expects the parameter '%s', which was not supplied.", q.Params[i].Name)}
		}
	}
	return c.session.Run(ctx, q, w)
}

func place(params []Param, name string) int {
	for i, p := range params {
		if strings.EqualFold(p.Name, name) {
			return i
		}
	}
	return -1
}

// holds says whether a value is one of a kind as package sqltype has it.
func holds(k sqltype.Kind, v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case int64:
		r, ok := wholeRange[k]
		return ok && v >= r[0] && v <= r[1]
	case bool:
		return k == sqltype.Bit
	case float64:
		return k == sqltype.Float || k == sqltype.Real && float64(float32(v)) == v && !math.IsNaN(v)
	case string:
		switch k {
		case sqltype.Char, sqltype.VarChar, sqltype.NChar, sqltype.NVarChar, sqltype.Decimal, sqltype.Money:
			return true
		}
	case time.Time:
		switch k {
		case sqltype.Date, sqltype.Time, sqltype.DateTime, sqltype.DateTime2, sqltype.SmallDateTime, sqltype.DateTimeOffset:
			return true
		}
	case []byte:
		return k == sqltype.Binary || k == sqltype.VarBinary
	case sqltype.GUID:
		return k == sqltype.UniqueIdentifier
	}
	return false
}
