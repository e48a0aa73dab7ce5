package evidence

import (
	"fmt"
	"log/slog"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Shown is a preview as `preview --json` prints it: what the table says, for a
// program that shows it to a person. Its JSON is a contract with scripts.
type Shown struct {
	// Full says that everything is sent, and not only what has changed.
	Full bool `json:"full"`
	// Masked says that the values are shortened.
	Masked bool `json:"masked"`
	// Changes stand authority by authority and pupil by pupil.
	Changes []ShownChange   `json:"changes"`
	Holds   []protocol.Hold `json:"holds,omitempty"`
	// Withheld is of how many rows of a dataset the school keeps something back.
	Withheld map[record.Dataset]int `json:"withheld,omitempty"`
}

// A ShownChange is one record that is sent or taken away.
type ShownChange struct {
	Authority string `json:"authority"` // its code; empty where nobody has one
	// Of is what the record is about; Name and UPN are a pupil's, ID begins that of
	// a pupil who is not read any more.
	Of      ShownOf        `json:"of"`
	Name    string         `json:"name,omitempty"`
	UPN     string         `json:"upn,omitempty"`
	ID      string         `json:"id,omitempty"`
	Dataset record.Dataset `json:"dataset"`
	What    string         `json:"what"`          // new, changed, again or removed
	Why     string         `json:"why,omitempty"` // of a removal, as the batch says it
	Values  []ShownValue   `json:"values,omitempty"`
}

// A ShownOf is what a record is about.
type ShownOf string

// What records are about.
const (
	OfPupil ShownOf = "pupil"
	OfGone  ShownOf = "gone" // a pupil who is not read any more
	OfStaff ShownOf = "staff"
)

// A ShownValue is one field as a person reads it.
type ShownValue struct {
	Field string `json:"field"`
	Text  string `json:"text"`
}

// Format is one fixed word for every verb.
func (s Shown) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, hidden) }

// LogValue is one fixed word.
func (s Shown) LogValue() slog.Value { return slog.StringValue(hidden) }

// whatCodes are the words of a change that are not their own code.
var whatCodes = map[string]string{Again: "again"}

// Show is the preview for a program.
func (p Preview) Show(reveal bool) (Shown, error) {
	manifest, changes, err := p.Changes()
	if err != nil {
		return Shown{}, err
	}
	s := Shown{Full: manifest.Full, Masked: !reveal, Changes: []ShownChange{}, Holds: manifest.Holds}
	for _, d := range manifest.Datasets {
		if d.Withheld > 0 {
			if s.Withheld == nil {
				s.Withheld = map[record.Dataset]int{}
			}
			s.Withheld[d.Dataset] = d.Withheld
		}
	}
	for _, c := range p.sorted(changes) {
		s.Changes = append(s.Changes, p.show(c, reveal))
	}
	return s, nil
}

func (p Preview) show(c Change, reveal bool) ShownChange {
	shown := func(text string) string { return text }
	if !reveal {
		shown = Mask
	}
	made := ShownChange{Authority: c.Authority, Dataset: c.Dataset, What: c.What, Why: c.Removed}
	if code, other := whatCodes[c.What]; other {
		made.What = code
	}
	switch person, read := p.People[c.Pupil]; {
	case c.Pupil == "":
		made.Of = OfStaff
	case !read:
		made.Of, made.ID = OfGone, string(c.Pupil[:8])
	default:
		made.Of, made.Name = OfPupil, shown(person.Forename)+" "+shown(person.Surname)
		if person.UPN != "" {
			made.UPN = shown(person.UPN)
		}
	}
	for _, v := range c.Values {
		if !isID(c.Dataset, v.Field) {
			made.Values = append(made.Values, ShownValue{v.Field.Name, v.Text(reveal)})
		}
	}
	return made
}
