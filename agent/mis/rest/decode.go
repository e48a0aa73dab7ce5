package rest

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
)

// The bounds of what is held in memory, in bytes of JSON.
const (
	maxRow      = 4 << 20
	maxEnvelope = 1 << 20
)

// A decoder reads one answer: the rows at a path are given out one by one, the
// rest is the envelope. encoding/json finds where each value ends and refuses
// what is no JSON; a tree makes a value of it.
type decoder struct {
	json *json.Decoder
	from *bounded
	tree tree
	emit func(row any) error

	found   bool // the rows were there
	rows    int
	hash    maphash.Hash // of all rows so far
	outside int          // bytes of the envelope so far
	raw     json.RawMessage
}

// newDecoder reads body, of at most limit bytes; hashes under one seed can be
// compared.
func newDecoder(body io.Reader, limit int64, anyCase bool, seed maphash.Seed) *decoder {
	from := &bounded{from: body, max: limit, ahead: maxRow + 4*bufferBytes}
	d := &decoder{json: json.NewDecoder(text(from)), from: from, tree: newTree(anyCase)}
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
		envelope, err = d.object(path)
	case len(path) == 0 && t == json.Delim('['):
		err = d.array()
	case len(path) == 0 && t == json.Delim('{'):
		alone = true
		envelope, err = d.one()
	default:
		_, err = d.rest(t, 1)
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

// token is the next one of the way to the rows.
func (d *decoder) token() (json.Token, error) {
	d.from.used = d.json.InputOffset()
	return d.json.Token()
}

// next reads the next value into d.raw.
func (d *decoder) next() error {
	d.from.used = d.json.InputOffset()
	return d.json.Decode(&d.raw)
}

// aside is the next value, as a part of the envelope.
func (d *decoder) aside(depth int) (any, error) {
	if err := d.next(); err != nil {
		return nil, err
	}
	if err := d.weigh(len(d.raw)); err != nil {
		return nil, err
	}
	return d.tree.of(d.raw, depth)
}

func (d *decoder) weigh(bytes int) error {
	if d.outside += bytes; d.outside > maxEnvelope {
		return formError(fmt.Sprintf("it holds over %d MiB beside its rows", maxEnvelope>>20))
	}
	return nil
}

// rest is the value that begins with t and does not hold the rows.
func (d *decoder) rest(t json.Token, depth int) (any, error) {
	switch v := t.(type) {
	case json.Number:
		return number(string(v))
	case json.Delim:
		if v == '{' {
			return d.object(nil)
		}
		list := []any{}
		for d.json.More() {
			item, err := d.aside(depth + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.token()
		return list, err
	}
	return t, nil
}

// object reads the members of an object on the way to the rows, which are given
// out and are no member of what is returned.
func (d *decoder) object(path []string) (any, error) {
	out := map[string]any{}
	first := len(path) == 1 && path[0] == FirstArray
	var rows *string // the member that was the rows
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		if t == json.Delim('}') {
			return out, nil
		}
		written, _ := t.(string) // encoding/json lets nothing else pass
		if err := d.weigh(len(written)); err != nil {
			return nil, err
		}
		name := d.tree.name(written)
		if _, twice := out[name]; twice || rows != nil && *rows == name {
			return nil, errTwice
		}
		if rows != nil || len(path) == 0 || !first && name != path[0] {
			if out[name], err = d.aside(2); err != nil {
				return nil, err
			}
			continue
		}
		value, here, err := d.step(path)
		if err != nil {
			return nil, err
		}
		if here {
			rows = &name
		} else {
			out[name] = value
		}
	}
}

// step reads the value of the member that path begins with: the rows, if here, or
// else what is returned.
func (d *decoder) step(path []string) (value any, here bool, err error) {
	t, err := d.token()
	if err != nil {
		return nil, false, err
	}
	switch {
	case len(path) > 1 && t == json.Delim('{'):
		value, err = d.object(path[1:])
	case len(path) == 1 && t == json.Delim('['):
		return nil, true, d.array()
	case path[0] != FirstArray && len(path) == 1 && t == json.Delim('{'):
		row, err := d.one()
		if err != nil {
			return nil, true, err
		}
		return nil, true, d.emit(row)
	default:
		value, err = d.rest(t, 2)
	}
	return value, false, err
}

// array gives out the rows of an array whose beginning was read.
func (d *decoder) array() error {
	d.found = true
	for d.json.More() {
		if err := d.next(); err != nil {
			return err
		}
		d.rows++
		if len(d.raw) > maxRow {
			return d.tooLarge()
		}
		_, _ = d.hash.Write(d.raw)
		_ = d.hash.WriteByte('\n')
		row, err := d.tree.of(d.raw, 1)
		if err != nil {
			return err
		}
		if err := d.emit(row); err != nil {
			return err
		}
	}
	_, err := d.token()
	return err
}

// one reads the row that is an object whose beginning was read.
func (d *decoder) one() (any, error) {
	d.found = true
	d.rows++
	row, size := map[string]any{}, 0
	for {
		t, err := d.token()
		if err != nil {
			return nil, err
		}
		if t == json.Delim('}') {
			return row, nil
		}
		written, _ := t.(string)
		name := d.tree.name(written)
		if _, twice := row[name]; twice {
			return nil, errTwice
		}
		if err := d.next(); err != nil {
			return nil, err
		}
		if size += len(written) + len(d.raw); size > maxRow {
			return nil, d.tooLarge()
		}
		_, _ = d.hash.WriteString(written)
		_ = d.hash.WriteByte('\n')
		_, _ = d.hash.Write(d.raw)
		if row[name], err = d.tree.of(d.raw, 2); err != nil {
			return nil, err
		}
	}
}

func (d *decoder) tooLarge() error {
	return formError(fmt.Sprintf("row %d of it is over %d MiB", d.rows, maxRow>>20))
}
