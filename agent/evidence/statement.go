package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A Statement sums up what the logbook says of a term, in counts. It holds
// nothing that the logbook does not: anybody with a copy can draw it again.
// Its JSON is a contract with scripts.
type Statement struct {
	Format string    `json:"format"`
	Term   Term      `json:"term"`
	Made   time.Time `json:"made"`
	// Agent, Root and Key are those of the logbook's first line.
	Agent string `json:"agent"`
	Root  string `json:"root"`
	Key   []byte `json:"key"`
	// Begun is when the logbook was; End its last entry within the term, Drawn
	// its last entry when the statement was made.
	Begun time.Time `json:"begun"`
	End   Place     `json:"end,omitzero"`
	Drawn Place     `json:"drawn"`

	Weeks   []Week   `json:"weeks"`
	Batches Batches  `json:"batches"`
	Pauses  []Pause  `json:"pauses"`
	Scope   []Scoped `json:"scope"`
	// ScopeHashes and Profiles are the fingerprints of what might leave and of
	// the MIS profile with its settings, each with its first batch of the term.
	ScopeHashes []Fingerprint `json:"scope_hashes"`
	Profiles    []Fingerprint `json:"profiles"`
	Roster      []RosterUse   `json:"roster"`
	// Events are what else happened: enrolled, revoked, certificate …
	Events []Happening `json:"events"`
	// TextHash is the SHA-256 of Text.
	TextHash string `json:"text_sha256"`
}

// A Place is an entry of the logbook and the hash of its line.
type Place struct {
	N    uint64    `json:"n"`
	At   time.Time `json:"at"`
	Hash string    `json:"hash"`
}

// A Week is what was sent in one week.
type Week struct {
	Monday record.Date `json:"monday"`
	Sent   []WeekCount `json:"sent"`
}

// A WeekCount is of one dataset to one authority. Pupils are those of the
// batch with the most: batches do not say who is in them.
type WeekCount struct {
	Authority string         `json:"authority,omitempty"`
	Dataset   record.Dataset `json:"dataset"`
	Pupils    int            `json:"pupils,omitempty"`
	Upserts   int            `json:"upserts,omitempty"`
	Removals  int            `json:"removals,omitempty"`
}

// Batches counts those sealed in the term, by what became of them until the
// statement was made.
type Batches struct {
	Sealed    int `json:"sealed"`
	Receipted int `json:"receipted"` // every part has its receipt
	Settled   int `json:"settled"`   // with the collector's outcome
	Withdrawn int `json:"withdrawn"` // taken back by a later full batch
	Waiting   int `json:"waiting"`   // neither receipted nor withdrawn
	// Refused are records that outcomes within the term refused.
	Refused int `json:"refused"`
}

// A Pause is one that touches the term; Until is zero while it goes on.
type Pause struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

// A Scoped is what the school allowed from a time on.
type Scoped struct {
	Since time.Time `json:"since"`
	// Before says that it was so before the term.
	Before bool              `json:"before,omitempty"`
	Cause  outbox.ScopeCause `json:"cause,omitempty"`
	// From and To are the fingerprints of what might leave.
	From    string        `json:"hash_before,omitempty"`
	To      string        `json:"hash_after,omitempty"`
	Allowed scope.Allowed `json:"allowed"`
	Denied  scope.Denied  `json:"denied,omitempty"`
}

// A Fingerprint is a hash and when a batch first named it.
type Fingerprint struct {
	Since time.Time `json:"since"`
	Hash  string    `json:"hash"`
}

// A RosterUse says what an authority's roster was used for in the term.
type RosterUse struct {
	Authority string `json:"authority,omitempty"`
	Accepted  int    `json:"accepted,omitempty"`  // by a person at the school
	Withdrawn int    `json:"withdrawn,omitempty"` // by a person at the school
	Ended     int    `json:"ended,omitempty"`
	// Sent are the pupils of the batch with the most whom the roster had sent.
	Sent int `json:"sent,omitempty"`
}

// A Happening is an event by its name.
type Happening struct {
	At    time.Time    `json:"at"`
	Event outbox.Event `json:"event"`
}

const statementFormat = "rollbridge/statement/v1"

// Draw sums up a term from a logbook that was verified (sum is of Verify). It
// reads up to the entry upTo, 0 for all.
func Draw(r io.Reader, sum logbook.Summary, t Term, made time.Time, upTo uint64) (Statement, error) {
	s := Statement{Format: statementFormat, Term: t, Made: made.UTC().Truncate(time.Second), Agent: sum.Agent.String(), Root: sum.Root,
		Key: sum.Key, Begun: sum.Created, Weeks: []Week{}, Pauses: []Pause{}, Scope: []Scoped{}, ScopeHashes: []Fingerprint{},
		Profiles: []Fingerprint{}, Roster: []RosterUse{}, Events: []Happening{}}
	story := Story{parts: map[uint64]*Batch{}}
	span := t.Span()
	err := logbook.Read(r, func(l logbook.Line) error {
		if upTo > 0 && l.N > upTo {
			return nil
		}
		s.Drawn = Place{l.N, l.Time, l.Hash}
		if l.Time.Before(span.Until) && !l.Time.Before(span.Since) {
			s.End = s.Drawn
		}
		return story.take(l)
	})
	if err != nil {
		return s, fmt.Errorf("draw the statement: %w", err)
	}
	for _, b := range story.Batches {
		if span.Has(b.Sealed) {
			s.batch(b)
		}
	}
	s.refused(story, span)
	for _, e := range story.Events {
		if e.Batch == nil {
			s.event(e, span)
		}
	}
	s.sort()
	s.TextHash = s.textHash()
	return s, nil
}

func (s *Statement) batch(b *Batch) {
	n := &s.Batches
	n.Sealed++
	switch {
	case b.WithdrawnBy != nil:
		n.Withdrawn++
	case b.Receipts < b.Parts:
		n.Waiting++
	}
	if b.Receipts == b.Parts {
		n.Receipted++
	}
	if b.Outcome != nil && b.WithdrawnBy == nil {
		n.Settled++
	}
	monday := record.DateOf(b.Sealed.In(london)).Monday()
	if len(s.Weeks) == 0 || s.Weeks[len(s.Weeks)-1].Monday != monday {
		s.Weeks = append(s.Weeks, Week{Monday: monday, Sent: []WeekCount{}})
	}
	week := &s.Weeks[len(s.Weeks)-1]
	for _, c := range b.Counts {
		if c.Upserts+c.Removals == 0 {
			continue
		}
		of := week.of(c.Authority, c.Dataset)
		of.Pupils, of.Upserts, of.Removals = max(of.Pupils, c.Pupils), of.Upserts+c.Upserts, of.Removals+c.Removals
	}
	s.ScopeHashes = named(s.ScopeHashes, b.Scope, b.Sealed)
	s.Profiles = named(s.Profiles, b.Profile, b.Sealed)
	for _, u := range b.Roster {
		if u.Sent > 0 {
			use := s.roster(u.Authority)
			use.Sent = max(use.Sent, u.Sent)
		}
	}
}

func (w *Week) of(authority string, d record.Dataset) *WeekCount {
	at := slices.IndexFunc(w.Sent, func(c WeekCount) bool { return c.Authority == authority && c.Dataset == d })
	if at < 0 {
		w.Sent, at = append(w.Sent, WeekCount{Authority: authority, Dataset: d}), len(w.Sent)
	}
	return &w.Sent[at]
}

func named(list []Fingerprint, hash string, at time.Time) []Fingerprint {
	if hash == "" || slices.ContainsFunc(list, func(f Fingerprint) bool { return f.Hash == hash }) {
		return list
	}
	return append(list, Fingerprint{at, hash})
}

func (s *Statement) roster(authority string) *RosterUse {
	at := slices.IndexFunc(s.Roster, func(u RosterUse) bool { return u.Authority == authority })
	if at < 0 {
		s.Roster, at = append(s.Roster, RosterUse{Authority: authority}), len(s.Roster)
	}
	return &s.Roster[at]
}

// refused adds up the outcomes of the term; several batches may share one.
func (s *Statement) refused(story Story, span Span) {
	seen := map[*protocol.Outcome]bool{}
	for _, b := range story.Batches {
		if b.Outcome != nil && !seen[b.Outcome] && span.Has(b.Settled) {
			seen[b.Outcome] = true
			s.Batches.Refused += b.Outcome.Refused
		}
	}
}

func (s *Statement) event(e Event, span Span) {
	if !e.At.Before(span.Until) {
		return
	}
	within := span.Has(e.At)
	switch e.Kind {
	case outbox.EventPaused:
		s.Pauses = append(s.Pauses, Pause{From: e.At})
	case outbox.EventResumed:
		s.resumed(e.At, within)
	case outbox.EventScope:
		c, _ := scopeChange(e.data) // an entry that cannot be read allows nothing that is known
		now := Scoped{e.At, !within, c.Cause, c.Before, c.After, c.Allowed, c.Denied}
		if !within {
			s.Scope = nil // only the last before the term was in force in it
		}
		s.Scope = append(s.Scope, now)
	case outbox.EventRoster:
		var c outbox.RosterChange
		if within && json.Unmarshal(e.data, &c) == nil {
			use := s.roster(c.Authority)
			use.Accepted, use.Withdrawn, use.Ended = use.Accepted+c.Accepted, use.Withdrawn+c.Withdrawn, use.Ended+c.Ended
		}
	case outbox.EventKeyring, outbox.EventReleased:
	default:
		if within {
			s.Events = append(s.Events, Happening{e.At, e.Kind})
		}
	}
}

// resumed ends a pause; one that ended before the term is not of it.
func (s *Statement) resumed(at time.Time, within bool) {
	for i := range s.Pauses {
		if s.Pauses[i].Until.IsZero() {
			s.Pauses[i].Until = at
		}
	}
	if !within {
		s.Pauses = []Pause{}
	}
}

func (s *Statement) sort() {
	order := record.Datasets()
	for _, w := range s.Weeks {
		slices.SortFunc(w.Sent, func(a, b WeekCount) int {
			return cmp.Or(cmp.Compare(a.Authority, b.Authority), cmp.Compare(slices.Index(order, a.Dataset), slices.Index(order, b.Dataset)))
		})
	}
	slices.SortFunc(s.Roster, func(a, b RosterUse) int { return cmp.Compare(a.Authority, b.Authority) })
}
