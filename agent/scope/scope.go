package scope

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Scope is what may leave in one read; make a new one for each read. It is
// not safe for concurrent use.
type Scope struct {
	on       time.Time
	grants   grants
	admitted map[record.PupilID]string // current code of the pupil's authority
}

// ErrUnknown is returned where it cannot be decided whether a pupil is looked
// after, or by whom: the pupil is not sent and nothing is removed for it.
var ErrUnknown = errors.New("not known whether this pupil is looked after")

// New is the intersection of what is asked and what is allowed, as authorities
// stand today. Anything of an authority leaves only if its dataset pupil is in
// it: every other dataset hangs on the pupils, and who is given no pupils has
// nobody to ask the school's staff about.
func New(ask protocol.Ask, allowed Allowed) *Scope {
	on := clock.Now()
	both := asked(ask, on).and(allowed.grants(on))
	for code, datasets := range both {
		if _, ok := datasets[record.DatasetPupil]; !ok {
			delete(both, code)
		}
	}
	return &Scope{on: on, grants: both, admitted: map[record.PupilID]string{}}
}

// Admit says whether anything of this pupil may be kept. Errors wrap
// ErrUnknown and name the place, not the pupil.
func (s *Scope) Admit(c mis.Candidate) (bool, error) {
	switch {
	case c.Roster || c.Care == mis.MarkerInCare:
	case c.Care == mis.MarkerNotInCare:
		return false, nil
	default:
		return false, fmt.Errorf("%s: the marker says neither yes nor no: %w", c.Place, ErrUnknown)
	}
	authority, err := codes.ResolveAuthority(c.Authority, s.on)
	if err != nil {
		return false, fmt.Errorf("%s: %w: %w", c.Place, ErrUnknown, err)
	}
	return s.Covers(authority.Code, record.DatasetPupil), nil
}

// Trim returns the row as it may leave, or false if it may not. It changes the
// row's record. Rows of a pupil come after the pupil's own. What belongs to the
// school leaves once, for all authorities that are given it (Given).
func (s *Scope) Trim(r mis.Row) (mis.Row, bool) {
	if d := r.Record.Dataset(); !d.OfPupils() {
		return s.trimOfSchool(r, s.Given(d))
	}
	id := r.Record.Pupil()
	if p, ok := r.Record.(*record.Pupil); ok {
		if !s.own(p, r.Authority) {
			return mis.Row{}, false
		}
		s.admitted[id] = r.Authority
	}
	code, ok := s.admitted[id]
	if !ok || code != r.Authority {
		return mis.Row{}, false
	}
	fields, ok := s.grants[code][r.Record.Dataset()]
	if !ok {
		return mis.Row{}, false
	}
	record.Keep(r.Record, func(field string) bool { return fields[field] })
	return r, true
}

// trimOfSchool keeps the fields that any authority is given: the collector
// shows each its own.
func (s *Scope) trimOfSchool(r mis.Row, given map[string][]string) (mis.Row, bool) {
	if len(given) == 0 {
		return mis.Row{}, false
	}
	record.Keep(r.Record, func(field string) bool {
		for _, fields := range given {
			if slices.Contains(fields, field) {
				return true
			}
		}
		return false
	})
	r.Authority = ""
	return r, true
}

// Given says, of a dataset that belongs to the school, which authorities
// (current codes) may have which of its fields, sorted; nil of pupils' datasets.
func (s *Scope) Given(d record.Dataset) map[string][]string {
	if d.OfPupils() {
		return nil
	}
	given := map[string][]string{}
	for code, datasets := range s.grants {
		if fields, ok := datasets[d]; ok {
			given[code] = slices.AppendSeq([]string{}, maps.Keys(fields))
			slices.Sort(given[code])
		}
	}
	return given
}

// own says whether the record itself, and not only what the reader says of it,
// is of a pupil in the care of an authority in scope, by the MIS or by the
// authority's roster.
func (s *Scope) own(p *record.Pupil, authority string) bool {
	if !p.InCare && !p.ByRoster {
		return false
	}
	written, err := codes.ResolveAuthority(p.CareAuthority, s.on)
	return err == nil && written.Code == authority && s.Covers(authority, record.DatasetPupil)
}

// Datasets lists what must be read, pupils first; empty if nothing may leave.
func (s *Scope) Datasets() []record.Dataset {
	var list []record.Dataset
	for _, d := range record.Datasets() {
		for code := range s.grants {
			if s.Covers(code, d) {
				list = append(list, d)
				break
			}
		}
	}
	return list
}

// Authorities lists the current codes of the authorities in scope, sorted.
func (s *Scope) Authorities() []string { return slices.Sorted(maps.Keys(s.grants)) }

// Covers says whether a dataset of an authority (current code) may leave.
func (s *Scope) Covers(authority string, d record.Dataset) bool {
	_, ok := s.grants[authority][d]
	return ok
}

// Hash is the SHA-256, hexadecimal, of the canonical JSON of what may leave:
// authorities, datasets and fields, each sorted.
func (s *Scope) Hash() string {
	plain := map[string]map[record.Dataset][]string{}
	for code, datasets := range s.grants {
		plain[code] = map[record.Dataset][]string{}
		for d, fields := range datasets {
			plain[code][d] = slices.AppendSeq([]string{}, maps.Keys(fields))
			slices.Sort(plain[code][d])
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		// Maps of strings always encode; if they ever do not, no hash is right.
		panic("scope: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
