package hosted

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Scope is what is asked of a school, what it has allowed and what waits.
type Scope struct {
	Ask protocol.Ask `json:"ask"`
	// Allowed has the datasets and fields that may leave, by authority.
	Allowed map[string]map[record.Dataset][]string `json:"allowed"`
	// NotGiven is asked and does not leave.
	NotGiven []Gap  `json:"not_given"`
	News     []News `json:"news"`
	// Hash is of what may leave now; it stands in each batch and in the logbook. Shown is
	// of what waits for a yes.
	Hash  string `json:"hash"`
	Shown string `json:"shown"`
}

// Waiting is what a yes would let leave: not what was denied by name.
func (s Scope) Waiting() []Gap {
	return slices.DeleteFunc(slices.Clone(s.NotGiven), func(g Gap) bool { return g.Denied })
}

// Denied is what the school said no to by name.
func (s Scope) Denied() []Gap {
	return slices.DeleteFunc(slices.Clone(s.NotGiven), func(g Gap) bool { return !g.Denied })
}

// A Part is a part of what is asked: a field, a whole dataset (no Field), or everything of
// an authority (no Dataset either).
type Part struct {
	Authority string
	Dataset   record.Dataset
	Field     string
}

// String is the part as the agent's commands take it.
func (p Part) String() string {
	words := []string{p.Authority}
	if p.Dataset != "" {
		words = append(words, string(p.Dataset))
	}
	if p.Field != "" {
		words = append(words, p.Field)
	}
	return strings.Join(words, ".")
}

var (
	authorityForm = regexp.MustCompile(`^[0-9A-Z]{3,9}$`)
	hashForm      = regexp.MustCompile(`^[0-9a-f]{8,64}$`)
)

// ParsePart reads what String wrote; false for what cannot be a part.
func ParsePart(text string) (Part, bool) {
	words := strings.Split(text, ".")
	if len(words) > 3 || !authorityForm.MatchString(words[0]) {
		return Part{}, false
	}
	p := Part{Authority: words[0]}
	if len(words) > 1 {
		p.Dataset = record.Dataset(words[1])
		if !slices.Contains(record.Datasets(), p.Dataset) {
			return Part{}, false
		}
	}
	if len(words) > 2 {
		p.Field = words[2]
		if !slices.ContainsFunc(record.Fields(p.Dataset), func(f record.Field) bool { return f.Name == p.Field }) {
			return Part{}, false
		}
	}
	return p, true
}

// Parts are a gap field by field: so that a yes to it is to no field that the authority has
// asked for since.
func (g Gap) Parts() []Part {
	if len(g.Fields) == 0 {
		return []Part{{Authority: g.Authority, Dataset: g.Dataset}}
	}
	parts := make([]Part, 0, len(g.Fields))
	for _, f := range g.Fields {
		parts = append(parts, Part{g.Authority, g.Dataset, f})
	}
	return parts
}

// Scope is what is asked of a school and what it has allowed. It reads no MIS.
func (a *Agents) Scope(ctx context.Context, school string) (Scope, error) {
	c := command{args: []string{"scope", "show", "--json"}, limit: askTime, most: maxAnswer}
	text, err := a.own(ctx, school, c)
	if err != nil {
		return Scope{}, err
	}
	var s Scope
	if err := c.decode(text, &s); err != nil {
		return Scope{}, err
	}
	if !hashForm.MatchString(s.Shown) {
		return Scope{}, &Fault{Version, "a hosted agent does not say what waits for a yes: is hosted.program of another version?"}
	}
	return s, nil
}

// Accept says yes to exactly what waited when shown was Scope.Shown.
func (a *Agents) Accept(ctx context.Context, school, shown string) error {
	if !hashForm.MatchString(shown) {
		return &Fault{Changed, "what was shown has no hash"}
	}
	err := a.do(ctx, school, askTime, "scope", "accept", "--hash", shown)
	if KindOf(err) != Refused {
		return err
	}
	// The agent refuses for other reasons too, and says which in words only.
	if s, failed := a.Scope(ctx, school); failed == nil && s.Shown != shown {
		return &Fault{Changed, "what waits for a yes is not what was shown"}
	}
	return err
}

// Allow says yes to parts of what is asked. A part that nobody asks for is refused, and
// then nothing is changed.
func (a *Agents) Allow(ctx context.Context, school string, parts []Part) error {
	return a.decide(ctx, school, "allow", parts)
}

// Deny says no to parts of what is asked or was allowed. What was sent of it is taken back
// with the next sync.
func (a *Agents) Deny(ctx context.Context, school string, parts []Part) error {
	return a.decide(ctx, school, "deny", parts)
}

// maxParts is how many the agent takes at once.
const maxParts = 100

func (a *Agents) decide(ctx context.Context, school, what string, parts []Part) error {
	if len(parts) == 0 {
		return &Fault{Changed, "nothing was chosen"}
	}
	args := []string{"scope", what}
	for _, p := range parts {
		text := p.String()
		if again, good := ParsePart(text); !good || again != p {
			return &Fault{Changed, "what was chosen is no part of anything that is asked"}
		}
		args = append(args, text)
	}
	if len(parts) > maxParts {
		return &Fault{Changed, "too much was chosen at once"}
	}
	return a.do(ctx, school, askTime, args...)
}
