package scope

import (
	"errors"

	"rollbridge/agent/mis"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Allowed is what a person at the school said yes to: authority code, dataset,
// field names (record.Fields; fields marked Always come with the dataset). Its
// JSON is what is stored and shown.
type Allowed map[string]map[record.Dataset][]string

// FromAsk is a yes to all of an ask.
func FromAsk(ask protocol.Ask) Allowed { panic("follows") }

// A Scope is what may leave in one read; make a new one for each read. It is
// not safe for concurrent use.
type Scope struct{}

// ErrUnknown is returned where it cannot be decided whether a pupil is looked
// after, or by whom: the pupil is not sent and nothing is removed for it.
var ErrUnknown = errors.New("not known whether this pupil is looked after")

// New is the intersection of what is asked and what is allowed, as authorities
// stand today. An authority's pupils leave only if its dataset pupil is in it:
// every other dataset hangs on the pupil.
func New(ask protocol.Ask, allowed Allowed) *Scope { panic("follows") }

// Admit says whether anything of this pupil may be kept. Errors wrap
// ErrUnknown and name the place, not the pupil.
func (s *Scope) Admit(c mis.Candidate) (bool, error) { panic("follows") }

// Trim returns the row as it may leave, or false if it may not. It changes the
// row's record. Rows of a pupil come after the pupil's own.
func (s *Scope) Trim(r mis.Row) (mis.Row, bool) { panic("follows") }

// Datasets lists what must be read, pupils first; empty if nothing may leave.
func (s *Scope) Datasets() []record.Dataset { panic("follows") }

// Authorities lists the current codes of the authorities in scope, sorted.
func (s *Scope) Authorities() []string { panic("follows") }

// Covers says whether a dataset of an authority (current code) may leave.
func (s *Scope) Covers(authority string, d record.Dataset) bool { panic("follows") }

// Hash is the SHA-256, hexadecimal, of the canonical JSON of what may leave.
func (s *Scope) Hash() string { panic("follows") }

// A Gap is a dataset that an authority asks for and the school has not, or not
// wholly, allowed.
type Gap struct {
	Authority string         `json:"authority"` // code as asked
	Name      string         `json:"name"`
	Dataset   record.Dataset `json:"dataset"`
	// Fields that are asked for and not allowed; empty when the whole dataset
	// is not allowed and it has no fields to name.
	Fields []string `json:"fields"`
}

// Wider lists what is asked but not allowed, in the order of the ask.
func Wider(ask protocol.Ask, allowed Allowed) []Gap { panic("follows") }
