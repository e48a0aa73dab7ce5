package rest

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// The bounds of what is held in memory, in bytes of JSON, and of nesting.
const (
	maxRow      = 4 << 20
	maxEnvelope = 1 << 20
	maxDepth    = 100
	maxDigits   = 100
)

// A decoder reads one answer: the rows at a path are given out one by one, the
// rest is the envelope. encoding/json says whether it is JSON; what it would let
// pass (a member twice, any depth, any size) is refused here.
type decoder struct {
	json    *json.Decoder
	from    *bounded
	anyCase bool
	emit    func(row any) error

	found    bool  // the rows were there
	inRow    bool  // between the first and the last token of a row
	rowStart int64 // offset after the row before
	outside  int64 // bytes of all rows so far
	rows     int
	hash     maphash.Hash // of all rows so far
}

// newDecoder reads body, of at most limit bytes; hashes under one seed can be
// compared.
func newDecoder(body io.Reader, limit int64, anyCase bool, seed maphash.Seed) *decoder {
	from := &bounded{from: body, max: limit, ahead: maxRow + 4*bufferBytes}
	d := &decoder{json: json.NewDecoder(text(from)), from: from, anyCase: anyCase}
	d.json.UseNumber()
	d.hash.SetSeed(seed)
	return d
}

// answer reads the whole answer. If the answer itself is the one row (path is
// empty), it is returned as the envelope and not given to emit: alone is then
// true.
func (d *decoder) answer(path []string) (envelope any, alone bool, err error) {
	t, err := d.token()
	if err != nil {
		return nil, false, err
	}
	switch {
	case len(path) > 0 && t == json.Delim('{'):
		envelope, err = d.object(path, 1)
	case len(path) == 0 && t == json.Delim('['):
		d.found, err = true, d.array()
	case len(path) == 0 && t == json.Delim('{'):
		d.found, alone = true, true
		envelope, err = d.one(t)
	default:
		_, err = d.value(t, 1)
	}
	if err != nil {
		return nil, false, err
	}
	switch _, err := d.token(); err {
	case io.EOF:
		return envelope, alone, nil
	case nil:
		return nil, false, formError("something follows its end")
	default:
		return nil, false, err
	}
}

// token is the next one, within the bounds.
func (d *decoder) token() (json.Token, error) {
	d.from.used = d.json.InputOffset()
	t, err := d.json.Token()
	if err != nil {
		return nil, err
	}
	offset := d.json.InputOffset()
	switch {
	case d.inRow && offset-d.rowStart > maxRow:
		return nil, formError(fmt.Sprintf("row %d of it is over %d MiB", d.rows+1, maxRow>>20))
	case !d.inRow && offset-d.outside > maxEnvelope:
		return nil, formError(fmt.Sprintf("it holds over %d MiB beside its rows", maxEnvelope>>20))
	}
	if d.inRow {
		d.note(t)
	}
	return t, nil
}

// note adds a token to the hash, so that no two rows are written alike.
func (d *decoder) note(t json.Token) {
	kind, text := byte('0'), ""
	switch v := t.(type) {
	case json.Delim:
		kind = byte(v)
	case bool:
		kind = 'f'
		if v {
			kind = 't'
		}
	case json.Number:
		kind, text = 'n', string(v)
	case string:
		kind, text = 's', v
	}
	_ = d.hash.WriteByte(kind)
	if kind == 'n' || kind == 's' {
		_, _ = d.hash.WriteString(strconv.Itoa(len(text)))
		_ = d.hash.WriteByte(':')
		_, _ = d.hash.WriteString(text)
	}
}

// value reads what begins with t.
func (d *decoder) value(t json.Token, depth int) (any, error) {
	if depth > maxDepth {
		return nil, formError("it is nested too deeply")
	}
	switch v := t.(type) {
	case json.Delim:
		if v == '{' {
			return d.object(nil, depth)
		}
		return d.list(depth)
	case json.Number:
		return number(string(v))
	}
	return t, nil
}

func (d *decoder) list(depth int) (any, error) {
	out := []any{}
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		if t == json.Delim(']') {
			return out, nil
		}
		v, err := d.value(t, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

// object reads the members of an object; the rows at path are given out and are
// no member of what is returned.
func (d *decoder) object(path []string, depth int) (any, error) {
	out := map[string]any{}
	rows := false
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		if t == json.Delim('}') {
			return out, nil
		}
		name, _ := t.(string) // encoding/json lets nothing else pass
		if d.anyCase {
			name = strings.ToLower(name)
		}
		onPath := len(path) > 0 && name == path[0]
		if _, twice := out[name]; twice || onPath && rows {
			return nil, formError("an object in it has two members of one name")
		}
		if t, err = d.token(); err != nil {
			return nil, err
		}
		if onPath && len(path) == 1 && isOpen(t) {
			if rows, err = true, d.openRows(t); err != nil {
				return nil, err
			}
			continue
		}
		if onPath && t == json.Delim('{') {
			out[name], err = d.object(path[1:], depth+1)
		} else {
			out[name], err = d.value(t, depth+1)
		}
		if err != nil {
			return nil, err
		}
	}
}

func isOpen(t json.Token) bool { return t == json.Delim('[') || t == json.Delim('{') }

// openRows gives out the rows of the array, or the one row, that begins with t.
func (d *decoder) openRows(t json.Token) error {
	d.found = true
	start := d.json.InputOffset()
	defer func() { d.outside += d.json.InputOffset() - start }()
	if t == json.Delim('[') {
		return d.array()
	}
	row, err := d.one(t)
	if err != nil {
		return err
	}
	return d.emit(row)
}

// array gives out the rows of an array whose beginning was read.
func (d *decoder) array() error {
	for {
		d.rowStart = d.json.InputOffset()
		d.inRow = true
		t, err := d.token()
		if err != nil {
			return err
		}
		if t == json.Delim(']') {
			d.inRow = false
			return nil
		}
		row, err := d.value(t, 1)
		if err != nil {
			return err
		}
		d.inRow = false
		d.rows++
		if err := d.emit(row); err != nil {
			return err
		}
	}
}

// one reads the row that begins with t.
func (d *decoder) one(t json.Token) (any, error) {
	d.rowStart = d.json.InputOffset()
	d.inRow = true
	d.note(t)
	row, err := d.value(t, 1)
	d.inRow = false
	d.rows++
	return row, err
}

// number keeps whole numbers exact, as gojq takes them.
func number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, formError("a number in it is too large")
		}
		return f, nil
	}
	if i, err := strconv.Atoi(text); err == nil {
		return i, nil
	}
	if len(text) > maxDigits {
		return nil, formError("a number in it is too large")
	}
	i, _ := new(big.Int).SetString(text, 10)
	return i, nil
}
