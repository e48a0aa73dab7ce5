package mis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
)

// jqVariables are what every expression may name. $pupil and $key are what a
// request was made for, null where it was made for neither.
var jqVariables = []string{"$today", "$since", "$names", "$pupil", "$key"}

// jqRefused are functions that would let an expression see or do more than turn
// one value into others.
var jqRefused = []string{"env", "$ENV", "input", "inputs", "input_filename", "input_line_number", "debug", "stderr", "halt", "halt_error", "modulemeta", "get_search_list"}

// maxSteps bounds what gojq does for one row: far more than any mapping needs.
const maxSteps = 2_000_000

var (
	errEndless = errors.New("an expression takes too many steps")
	errSeveral = errors.New("more than one value")
	errShape   = errors.New("neither a text, a number, true, false nor a list of texts and numbers")
)

// A jq compiles the expressions of one profile.
type jq struct {
	define string
	// lookup finds a value by the name of a lookup and the text of a key.
	lookup func(name string, key any) any
}

// An expression is one piece of jq, ready to run.
type expression struct {
	text string
	// path of members, where the expression says no more than that: it is then
	// followed without gojq, with the same result. nil otherwise.
	path    []string
	code    *gojq.Code
	lookups []string // names, each once
}

var simplePath = regexp.MustCompile(`^\s*(?:\.[A-Za-z_][A-Za-z0-9_]*)+\s*$`)

// compile is the expression of a text. Its errors speak of the text only, since
// nothing else is there yet.
func (j jq) compile(text string) (*expression, error) {
	x := &expression{text: text}
	q, err := gojq.Parse(text)
	if err != nil {
		return nil, err
	}
	if q.Meta != nil || len(q.Imports) > 0 {
		return nil, errors.New("modules cannot be read here: give what is needed under define")
	}
	if x.lookups, err = lookupsOf(q); err != nil {
		return nil, err
	}
	if simplePath.MatchString(text) {
		x.path = strings.Split(strings.TrimSpace(text), ".")[1:]
		return x, nil
	}
	more, err := gojq.Parse(j.define + "\n" + text)
	if err != nil {
		return nil, err
	}
	slices.Sort(x.lookups)
	x.lookups = slices.Compact(x.lookups)
	x.code, err = gojq.Compile(more,
		gojq.WithVariables(jqVariables),
		gojq.WithEnvironLoader(func() []string { return nil }),
		gojq.WithFunction("lookup", 2, 2, func(_ any, args []any) any {
			name, _ := args[0].(string) // lookupsOf saw that it is one
			return j.lookup(name, args[1])
		}))
	return x, err
}

// checkDefine says what is wrong with what define holds.
func (j jq) checkDefine() error {
	q, err := gojq.Parse(j.define + "\n.")
	if _, bad := gojq.Parse(j.define); err != nil && bad != nil {
		return err
	}
	if err != nil || len(q.Imports) > 0 || len(q.FuncDefs) == 0 || q.Term == nil || q.Term.Type != gojq.TermTypeIdentity || len(q.Term.SuffixList) > 0 {
		return errors.New("define holds functions and nothing else: def name: expression;")
	}
	names, err := lookupsOf(q)
	if err == nil && len(names) > 0 {
		err = errors.New("lookup cannot be used in define: write it in the expression itself, and hand what it finds to the function")
	}
	return err
}

// lookupsOf are the lookups that a query names, and refuses what no expression
// may use.
func lookupsOf(q *gojq.Query) ([]string, error) {
	var names []string
	var found error
	walkQuery(reflect.ValueOf(q), func(v any) {
		switch v := v.(type) {
		case gojq.FuncDef:
			if v.Name == "lookup" || slices.Contains(jqRefused, v.Name) {
				found = errors.Join(found, fmt.Errorf("%s is a name of its own: call the function something else", v.Name))
			}
		case gojq.Func:
			switch {
			case slices.Contains(jqRefused, v.Name):
				found = errors.Join(found, fmt.Errorf("%s cannot be used here: an expression sees the row and nothing else", v.Name))
			case v.Name != "lookup":
			case len(v.Args) != 2:
				found = errors.Join(found, errors.New(`lookup takes a name and a key: lookup("name"; .key)`))
			default:
				name, ok := literal(v.Args[0])
				if !ok {
					found = errors.Join(found, errors.New(`the name of a lookup is written as a text: lookup("name"; .key)`))
				}
				names = append(names, name)
			}
		}
	})
	return names, found
}

func literal(q *gojq.Query) (string, bool) {
	t := q.Term
	if t == nil || t.Type != gojq.TermTypeString || t.Str == nil || len(t.Str.Queries) > 0 || len(t.SuffixList) > 0 {
		return "", false
	}
	return t.Str.Str, true
}

// walkQuery visits every part of a parsed expression.
func walkQuery(v reflect.Value, visit func(any)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			walkQuery(v.Elem(), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walkQuery(v.Index(i), visit)
		}
	case reflect.Struct:
		visit(v.Interface())
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walkQuery(v.Field(i), visit)
			}
		}
	}
}

// A bound ends an expression that takes too many steps: gojq asks Done before
// each. The context itself is looked at now and then.
type bound struct {
	context.Context
	left int
}

var always = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (b *bound) Done() <-chan struct{} {
	b.left--
	switch {
	case b.left < 0:
		return always
	case b.left%1024 == 0:
		return b.Context.Done()
	}
	return nil
}

func (b *bound) Err() error {
	if b.left < 0 {
		return errEndless
	}
	return b.Context.Err()
}

// run gives every value that an expression makes of one. An error of gojq quotes
// values, so it must not be shown.
func (x *expression) run(ctx context.Context, value any, vars []any, use func(any) error) error {
	if x.path != nil {
		v, err := follow(value, x.path)
		if err != nil {
			return err
		}
		return use(v)
	}
	iter := x.code.RunWithContext(&bound{Context: ctx, left: maxSteps}, value, vars...)
	for {
		v, ok := iter.Next()
		if !ok {
			return nil
		}
		if err, bad := v.(error); bad {
			return err
		}
		if err := use(v); err != nil {
			return err
		}
	}
}

// one is the one value that an expression makes, nil if it makes none.
func (x *expression) one(ctx context.Context, value any, vars []any) (any, error) {
	if x.path != nil {
		return follow(value, x.path)
	}
	var made any
	n := 0
	err := x.run(ctx, value, vars, func(v any) error {
		if n++; n > 1 {
			return errSeveral
		}
		made = v
		return nil
	})
	return made, err
}

var errNoObject = errors.New("expected an object")

// follow is .a.b without gojq: null where a member is missing.
func follow(v any, path []string) (any, error) {
	for _, name := range path {
		switch o := v.(type) {
		case nil:
			return nil, nil
		case map[string]any:
			v = o[name]
		default:
			return nil, errNoObject
		}
	}
	return v, nil
}

// textOf is a value as files would have it: null is empty, a list its entries on
// lines of their own.
func textOf(v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		return scalarText(v)
	}
	var lines []string
	for _, entry := range list {
		s, err := scalarText(entry)
		if _, flag := entry.(bool); err != nil || flag {
			return "", errShape
		}
		if s = strings.TrimSpace(s); s != "" {
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n"), nil
}

func scalarText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case *big.Int:
		return v.String(), nil
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		}
	case json.Number:
		return v.String(), nil
	}
	return "", errShape
}
