package protocol

import (
	"cmp"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// A RosterStatement is the body of KindRoster: the whole of what an agent may
// know of its authorities' rosters, in place of what it was told before.
type RosterStatement struct {
	// Sealed is a Roster sealed to the agent (SealRoster).
	Sealed []byte `json:"sealed"`
}

// A Roster holds the children whom an authority looks after at one school and
// of whom the school may know. An agent keeps it in memory only. It prints as
// one fixed word, as an entry does.
type Roster struct {
	Entries []RosterEntry `json:"entries"`
}

// A RosterEntry is one child of one authority (current code). UPN is
// normalised as codes.ParseUPN gives it.
type RosterEntry struct {
	Authority string      `json:"authority"`
	UPN       string      `json:"upn"`
	DOB       record.Date `json:"dob"`
}

// Sort puts the entries in the order of authority, UPN and date of birth, in
// which they are sealed.
func (r Roster) Sort() {
	slices.SortFunc(r.Entries, func(a, b RosterEntry) int {
		return cmp.Or(cmp.Compare(a.Authority, b.Authority), cmp.Compare(a.UPN, b.UPN), cmp.Compare(a.DOB, b.DOB))
	})
}

// MaxRosterBytes bounds a roster before it is sealed, so that its statement
// stays below MaxSignedBytes; that is room for some 8,000 children.
const MaxRosterBytes = 640 << 10

// rosterBlock is what a roster is padded to, so that its length tells an
// onlooker little about how many children there are.
const rosterBlock = 8 << 10

// ErrRoster is returned for a roster that is too large, or is not understood.
var ErrRoster = errors.New("not a roster that can be used")

// SealRoster sorts r, pads it with blanks and seals it to an agent's key. An
// empty roster is one too: it takes back what the agent was told before.
func SealRoster(to hpke.PublicKey, agent envelope.AgentID, r Roster) (RosterStatement, error) {
	sorted := Roster{Entries: slices.Clone(r.Entries)}
	sorted.Sort()
	text, err := json.Marshal(sorted)
	if err != nil {
		return RosterStatement{}, fmt.Errorf("encode a roster: %w", err)
	}
	if len(text) > MaxRosterBytes {
		return RosterStatement{}, fmt.Errorf("%w: %d children are too many for one school", ErrRoster, len(r.Entries))
	}
	for len(text)%rosterBlock != 0 {
		text = append(text, ' ')
	}
	sealed, err := envelope.SealTo(to, PurposeRoster, agent[:], text)
	return RosterStatement{Sealed: sealed}, err
}

// OpenRoster opens what SealRoster made. Errors wrap envelope.ErrOpen or
// ErrRoster and hold nothing of it.
func OpenRoster(key hpke.PrivateKey, agent envelope.AgentID, s RosterStatement) (Roster, error) {
	text, err := envelope.OpenFrom(key, PurposeRoster, agent[:], s.Sealed)
	if err != nil {
		return Roster{}, err
	}
	var r Roster
	if err := json.Unmarshal(text, &r); err != nil {
		return Roster{}, fmt.Errorf("%w: a newer version may be needed", ErrRoster)
	}
	return r, nil
}

// A RosterUse says what the roster of one authority did in one read, in counts
// only. Waiting, Accepted, Sent and NotFound do not overlap in meaning: a child
// on the roster is not found, or found. Of those found, Waiting are not marked
// by the MIS and nobody at the school has accepted them; Sent left by reason of
// the roster, because the MIS does not say whose they are or because they were
// accepted; Accepted are how many of Sent were accepted. The others the MIS
// marks itself.
type RosterUse struct {
	Authority string `json:"authority"`
	Waiting   int    `json:"waiting"`
	Accepted  int    `json:"accepted"`
	Sent      int    `json:"sent"`
	NotFound  int    `json:"not_found"`
}

const rosterWord = "[roster]"

// LogValue is one fixed word.
func (r Roster) LogValue() slog.Value { return slog.StringValue(rosterWord) }

// Format is one fixed word for every verb.
func (r Roster) Format(s fmt.State, _ rune) { fmt.Fprint(s, rosterWord) }

// LogValue is one fixed word.
func (e RosterEntry) LogValue() slog.Value { return slog.StringValue(rosterWord) }

// Format is one fixed word for every verb.
func (e RosterEntry) Format(s fmt.State, _ rune) { fmt.Fprint(s, rosterWord) }
