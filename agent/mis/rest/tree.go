package rest

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxDepth  = 100
	maxDigits = 100
	maxNames  = 1000 // kept; a list of rows repeats its own
)

const (
	errTwice  = formError("an object in it has two members of one name")
	errDeep   = formError("it is nested too deeply")
	errNumber = formError("a number in it is too large")
	errHalf   = formError("a text in it holds half a character")
)

// A tree makes values of JSON that encoding/json has found well-formed, and
// refuses what that package lets pass: a member twice, any depth, numbers that
// are not kept exact, half characters.
type tree struct {
	anyCase bool
	names   map[string]string // of members, as written: as given out
	text    []byte
	at      int
}

func newTree(anyCase bool) tree { return tree{anyCase: anyCase, names: map[string]string{}} }

// of is the value of one well-formed text, which is at a depth of its answer. It
// holds nothing of text.
func (t *tree) of(text []byte, depth int) (any, error) {
	t.text, t.at = text, 0
	return t.value(depth)
}

// name is the name of a member as it is given out.
func (t *tree) name(written string) string {
	if t.anyCase {
		return strings.ToLower(written)
	}
	return written
}

// next passes over spaces and is the byte behind them.
func (t *tree) next() byte {
	for {
		switch c := t.text[t.at]; c {
		case ' ', '\t', '\r', '\n':
			t.at++
		default:
			return c
		}
	}
}

func (t *tree) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	switch t.next() {
	case '{':
		return t.object(depth)
	case '[':
		return t.list(depth)
	case '"':
		return unquoted(t.quoted())
	case 't':
		t.at += len("true")
		return true, nil
	case 'f':
		t.at += len("false")
		return false, nil
	case 'n':
		t.at += len("null")
		return nil, nil
	}
	start := t.at
	for t.at < len(t.text) && strings.IndexByte("+-.0123456789eE", t.text[t.at]) >= 0 {
		t.at++
	}
	return number(string(t.text[start:t.at]))
}

func (t *tree) object(depth int) (any, error) {
	t.at++
	out := map[string]any{}
	for {
		switch t.next() {
		case '}':
			t.at++
			return out, nil
		case ',':
			t.at++
			continue
		}
		name, err := t.member()
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, errTwice
		}
		t.next()
		t.at++ // the colon
		if out[name], err = t.value(depth + 1); err != nil {
			return nil, err
		}
	}
}

// member is the name of the member that begins here.
func (t *tree) member() (string, error) {
	quoted := t.quoted()
	if name, known := t.names[string(quoted)]; known {
		return name, nil
	}
	written, err := unquoted(quoted)
	if err != nil {
		return "", err
	}
	name := t.name(written)
	if len(t.names) < maxNames && len(quoted) < 100 {
		t.names[string(quoted)] = name
	}
	return name, nil
}

func (t *tree) list(depth int) (any, error) {
	t.at++
	out := []any{}
	for {
		switch t.next() {
		case ']':
			t.at++
			return out, nil
		case ',':
			t.at++
			continue
		}
		v, err := t.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

// quoted is the text that begins here, in its quotation marks.
func (t *tree) quoted() []byte {
	start := t.at
	for t.at++; t.text[t.at] != '"'; t.at++ {
		if t.text[t.at] == '\\' {
			t.at++
		}
	}
	t.at++
	return t.text[start:t.at]
}

// unquoted is what a quoted text says. A half character is written as an escape
// (\ud800) that encoding/json replaces.
func unquoted(quoted []byte) (string, error) {
	plain := string(quoted[1 : len(quoted)-1])
	if strings.IndexByte(plain, '\\') < 0 {
		return plain, nil
	}
	var said string
	if err := json.Unmarshal(quoted, &said); err != nil {
		return "", err
	}
	replaced := string(utf8.RuneError)
	if strings.Count(said, replaced) > strings.Count(plain, replaced)+strings.Count(strings.ToLower(plain), `\ufffd`) {
		return "", errHalf
	}
	return said, nil
}

// number keeps whole numbers exact, as gojq takes them.
func number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errNumber
		}
		return f, nil
	}
	if i, err := strconv.Atoi(text); err == nil {
		return i, nil
	}
	if len(text) > maxDigits {
		return nil, errNumber
	}
	i, _ := new(big.Int).SetString(text, 10)
	return i, nil
}
