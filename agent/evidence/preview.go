package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"rollbridge/agent/delta"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Preview is what a sync would seal, for people to look at. It prints as one
// fixed word, as a record does.
type Preview struct {
	// Bodies are the JSON lines of each part as they would be sealed, and Notes
	// say of each line but the manifests' what the line does not.
	Bodies [][]byte     `json:"bodies"`
	Notes  []delta.Note `json:"notes"`
	// People are the pupils of the read by their id, so that a person at the
	// school knows whom a line is about; it is not part of what leaves.
	People map[record.PupilID]Person `json:"people"`
}

// A Person is enough to tell pupils apart who are known anyway.
type Person struct {
	Forename string `json:"forename"`
	Surname  string `json:"surname"`
	UPN      string `json:"upn,omitempty"`
}

const hidden = "[pupil data]"

// Format is one fixed word for every verb.
func (p Preview) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, hidden) }

// LogValue is one fixed word.
func (p Preview) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format is one fixed word for every verb.
func (p Person) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, hidden) }

// LogValue is one fixed word.
func (p Person) LogValue() slog.Value { return slog.StringValue(hidden) }

// Name is "J. S., UPN …345", or the whole of it.
func (p Person) Name(reveal bool) string {
	shown := Mask
	if reveal {
		shown = func(text string) string { return text }
	}
	name := shown(p.Forename) + " " + shown(p.Surname)
	if p.UPN != "" {
		name += ", UPN " + shown(p.UPN)
	}
	return name
}

// Lines are the JSON lines, byte for byte.
func (p Preview) Lines() []byte { return slices.Concat(p.Bodies...) }

// A Change is one line of a preview: a record that is sent, or one taken away.
type Change struct {
	Authority string
	Dataset   record.Dataset
	Pupil     record.PupilID // empty of staff
	What      string         // one of the words below
	Why       string         // of a removal
	Removed   string         // the same as protocol's code
	Values    []Value        // of what is sent, in the order of record.Fields
}

// The words for what happens to a record.
const (
	New     = "new"
	Changed = "changed"
	Again   = "sent again"
	Removed = "removed"
)

// A Value is one field of a record as it would leave.
type Value struct {
	Field record.Field
	raw   json.RawMessage
}

var errPreview = errors.New("the preview is not understood: the command may be of another version than the service")

// Changes reads the lines; manifest is that of the first part.
func (p Preview) Changes() (manifest protocol.Manifest, changes []Change, err error) {
	for i, body := range p.Bodies {
		lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
		if i == 0 && json.Unmarshal(lines[0], &manifest) != nil {
			return manifest, nil, errPreview
		}
		for _, line := range lines[1:] {
			if len(changes) == len(p.Notes) {
				return manifest, nil, errPreview
			}
			c, err := change(line, p.Notes[len(changes)], manifest.Full)
			if err != nil {
				return manifest, nil, err
			}
			changes = append(changes, c)
		}
	}
	if len(changes) != len(p.Notes) {
		return manifest, nil, errPreview
	}
	return manifest, changes, nil
}

func change(line []byte, note delta.Note, full bool) (Change, error) {
	var op protocol.Op
	if json.Unmarshal(line, &op) != nil {
		return Change{}, errPreview
	}
	c := Change{Authority: note.Authority, Dataset: op.Dataset, What: Removed, Why: removedWhy[op.Remove], Removed: op.Remove}
	if op.Dataset.OfPupils() {
		c.Pupil = op.Key.Pupil()
	}
	if op.Remove != "" {
		return c, nil
	}
	switch {
	case note.New:
		c.What = New
	case full:
		c.What = Again
	default:
		c.What = Changed
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(op.Record, &fields) != nil {
		return Change{}, errPreview
	}
	for _, f := range record.Fields(op.Dataset) {
		if raw, there := fields[f.Name]; there {
			c.Values = append(c.Values, Value{f, raw})
		}
	}
	return c, nil
}

var removedWhy = map[string]string{
	protocol.RemovedLeft:    "no longer in the MIS, or no longer in care",
	protocol.RemovedScope:   "it may not leave any more",
	protocol.RemovedRenamed: "sent under the pupil's new id from now on",
}

// name is whom a change is about.
func (p Preview) name(c Change, reveal bool) string {
	person, read := p.People[c.Pupil]
	switch {
	case c.Pupil == "":
		return "staff of the school"
	case !read:
		return "a pupil who is not read any more (id " + string(c.Pupil[:8]) + "…)"
	}
	return person.Name(reveal)
}
