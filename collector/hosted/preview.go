package hosted

import (
	"context"
	"fmt"
	"log/slog"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Preview is what the next sync would send: of children. It prints as one fixed word.
type Preview struct {
	// Full says that everything is sent, and not only what has changed. Masked says that
	// the values are shortened.
	Full     bool                   `json:"full"`
	Masked   bool                   `json:"masked"`
	Changes  []Change               `json:"changes"`
	Holds    []protocol.Hold        `json:"holds"`
	Withheld map[record.Dataset]int `json:"withheld"`
}

// A Change is one record that would be sent or taken away.
type Change struct {
	Authority string         `json:"authority"`
	Of        string         `json:"of"` // pupil, gone or staff
	Name      string         `json:"name"`
	UPN       string         `json:"upn"`
	ID        string         `json:"id"`
	Dataset   record.Dataset `json:"dataset"`
	What      string         `json:"what"` // new, changed, again or removed
	Why       string         `json:"why"`
	Values    []Value        `json:"values"`
}

// What a change is about.
const (
	OfPupil = "pupil"
	OfGone  = "gone"
	OfStaff = "staff"
)

// A Value is one field as a person reads it.
type Value struct {
	Field string `json:"field"`
	Text  string `json:"text"`
}

const hidden = "[pupil data]"

// Format is one fixed word for every verb.
func (p Preview) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, hidden) }

// LogValue is one fixed word.
func (p Preview) LogValue() slog.Value { return slog.StringValue(hidden) }

// Format is one fixed word for every verb.
func (c Change) Format(s fmt.State, _ rune) { _, _ = fmt.Fprint(s, hidden) }

// LogValue is one fixed word.
func (c Change) LogValue() slog.Value { return slog.StringValue(hidden) }

// Preview reads the school's MIS and says what the next sync would send. Without reveal
// the agent shortens every value before it leaves the agent.
// With a code it is what would be sent if what is held under it were released.
func (a *Agents) Preview(ctx context.Context, school string, reveal bool, code string) (Preview, error) {
	if code != "" && !GoodHold(code) {
		return Preview{}, &Fault{Changed, "what was shown has no code"}
	}
	done, err := a.readOnce(school)
	if err != nil {
		return Preview{}, err
	}
	defer done()
	c := command{args: []string{"preview", "--json"}, limit: readTime, most: maxPreview, secret: true}
	if reveal {
		c.args = append(c.args, "--reveal")
	}
	if code != "" {
		c.args = append(c.args, "--release", code)
	}
	text, err := a.own(ctx, school, c)
	if err != nil {
		return Preview{}, err
	}
	var p Preview
	if err := c.decode(text, &p); err != nil {
		return Preview{}, err
	}
	if p.Masked == reveal {
		return Preview{}, &Fault{Version, "a hosted agent does not say whether a preview is shortened: is hosted.program of another version?"}
	}
	return p, nil
}

// readOnce lets one preview of a school be made at a time: each reads its MIS.
func (a *Agents) readOnce(school string) (done func(), err error) {
	if !a.on() {
		return nil, &Fault{Off, "no agents are hosted here"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reading[school] {
		return nil, &Fault{Busy, "a preview of this school is being made"}
	}
	a.reading[school] = true
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.reading, school)
	}, nil
}
