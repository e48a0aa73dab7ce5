package outbox

import (
	"encoding/json"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A Journal is where events go: the logbook. It is an interface because the
// logbook is a file of its own that can fail, or be lost, by itself, and tests
// must show that nothing else is lost with it. *logbook.Book is one.
type Journal interface {
	// Next is the number that the next entry will get.
	Next() uint64
	// Append writes one entry and returns when it is on disk.
	Append(at time.Time, event Event, data json.RawMessage) error
	// Holds says whether entry n is this one.
	Holds(n uint64, at time.Time, event Event, data json.RawMessage) (bool, error)
}

// An Event names what an entry of the logbook is about.
type Event string

// The events. Their data never holds a pupil's id or anything of a pupil.
const (
	EventEnrolled  Event = "enrolled"  // data protocol.Signed, the statement
	EventKeyring   Event = "keyring"   // data protocol.Signed, the keyring
	EventScope     Event = "scope"     // data scope.Allowed: what the school allows from now on
	EventSealed    Event = "sealed"    // data Sealed
	EventAttempted Event = "attempted" // data envelope.Link; the first attempt only
	EventReceipted Event = "receipted" // data Receipted
	EventOutcome   Event = "outcome"   // data protocol.Signed, the statement
	EventWithdrawn Event = "withdrawn" // data Withdrawn
	EventReleased  Event = "released"  // data Released
	EventRoster    Event = "roster"    // data RosterChange
	EventPaused    Event = "paused"
	EventResumed   Event = "resumed"
	EventRevoked   Event = "revoked"
	EventDestroyed Event = "destroyed"
)

// An Entry is one event to log; Data is marshalled to JSON, nil is an empty
// object.
type Entry struct {
	Event Event
	Data  any
}

// Sealed is the data of EventSealed; one per batch (part).
type Sealed struct {
	envelope.Link
	Full  bool   `json:"full"`
	Part  int    `json:"part"`
	Parts int    `json:"parts"`
	Bytes int    `json:"bytes"`
	Scope string `json:"scope"`
	// Counts stand with the first part, and so does what the authorities' rosters
	// were used for.
	Counts []delta.Count        `json:"counts,omitempty"`
	Roster []protocol.RosterUse `json:"roster,omitempty"`
}

// RosterChange is the data of EventRoster: how many pupils a person at the
// school accepted or withdrew, of which authority's roster, and how many
// acceptances ended because no roster has the child any more.
type RosterChange struct {
	Authority string `json:"authority,omitempty"`
	Accepted  int    `json:"accepted,omitempty"`
	Withdrawn int    `json:"withdrawn,omitempty"`
	Ended     int    `json:"ended,omitempty"`
}

// Receipted is the data of EventReceipted.
type Receipted struct {
	envelope.Link
	Receipt protocol.Signed `json:"receipt"`
}

// Withdrawn is the data of EventWithdrawn: By takes back Batches.
type Withdrawn struct {
	By      envelope.Link   `json:"by"`
	Reason  string          `json:"reason"`
	Batches []envelope.Link `json:"batches"`
}

// Released is the data of EventReleased.
type Released struct {
	Codes []string `json:"codes"`
}
