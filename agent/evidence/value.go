package evidence

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// plainFields are shown whatever is masked: they say what a line is about and
// nothing of the pupil beyond that the pupil is in care.
var plainFields = map[string]bool{"week": true, "InCare": true, "ByRoster": true, "CareAuthority": true}

// isID says whether a field is a keyed hash, which nobody can read.
func isID(d record.Dataset, f record.Field) bool { return f.Name == "pupil" || f.Name == string(d) }

// Text is the value for people.
func (v Value) Text(reveal bool) string {
	if reveal || plainFields[v.Field.Name] {
		return plainText(v.raw)
	}
	return plainText(v.masked())
}

// masked is the value with every text in it masked; what is a code, a number or
// a yes or no is only a dot.
func (v Value) masked() json.RawMessage {
	if plainFields[v.Field.Name] {
		return v.raw
	}
	// Marks are codes, although of no list.
	coded := v.Field.Codeset != "" || v.Field.Always
	return remake(v.raw, func(text string) string {
		if coded {
			return dot
		}
		return Mask(text)
	})
}

// remake gives a JSON value in which every text is what text makes of it and
// every other single value a dot. What cannot be read is a dot as a whole.
func remake(raw json.RawMessage, text func(string) string) json.RawMessage {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	var s string
	var made any = dot
	switch {
	case json.Unmarshal(raw, &list) == nil && list != nil:
		for i := range list {
			list[i] = remake(list[i], text)
		}
		made = list
	case json.Unmarshal(raw, &object) == nil && object != nil:
		for k := range object {
			object[k] = remake(object[k], text)
		}
		made = object
	case json.Unmarshal(raw, &s) == nil && !bytes.Equal(raw, []byte("null")):
		made = ""
		if s != "" {
			made = text(s)
		}
	}
	out, err := json.Marshal(made)
	if err != nil {
		return json.RawMessage(`"` + dot + `"`)
	}
	return out
}

// plainText writes a JSON value as a person reads it.
func plainText(raw json.RawMessage) string {
	var list []json.RawMessage
	var object map[string]json.RawMessage
	var s string
	var yes bool
	switch {
	case json.Unmarshal(raw, &s) == nil:
		if s == "" {
			return "–"
		}
		return s
	case json.Unmarshal(raw, &yes) == nil:
		if yes {
			return "yes"
		}
		return "no"
	case json.Unmarshal(raw, &list) == nil:
		parts := make([]string, len(list))
		short := true
		for i, v := range list {
			parts[i] = plainText(v)
			short = short && len([]rune(parts[i])) <= 2
		}
		if short {
			return strings.Join(parts, " ")
		}
		return strings.Join(parts, ", ")
	case json.Unmarshal(raw, &object) == nil:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(object)) {
			parts = append(parts, plainText(object[k]))
		}
		return strings.Join(parts, " ")
	}
	return string(raw)
}

// MaskedLines are the JSON lines with the values of records masked; manifests,
// keys and ids, in which nobody can read a pupil, are as they would leave.
func (p Preview) MaskedLines() ([]byte, error) {
	var out bytes.Buffer
	for _, body := range p.Bodies {
		for i, line := range bytes.SplitAfter(body, []byte("\n")) {
			if i > 0 && len(line) > 0 {
				masked, err := maskedLine(line)
				if err != nil {
					return nil, err
				}
				line = masked
			}
			out.Write(line)
		}
	}
	return out.Bytes(), nil
}

func maskedLine(line []byte) ([]byte, error) {
	var op struct {
		Dataset record.Dataset             `json:"dataset"`
		Key     record.Key                 `json:"key"`
		Record  map[string]json.RawMessage `json:"record,omitempty"`
		Was     record.PupilID             `json:"was,omitempty"`
		Remove  string                     `json:"remove,omitempty"`
	}
	if json.Unmarshal(line, &op) != nil {
		return nil, errPreview
	}
	known := map[string]record.Field{}
	for _, f := range record.Fields(op.Dataset) {
		known[f.Name] = f
	}
	for name, raw := range op.Record {
		if f := known[name]; !isID(op.Dataset, f) {
			op.Record[name] = Value{f, raw}.masked()
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(op); err != nil {
		return nil, errPreview
	}
	return b.Bytes(), nil
}
