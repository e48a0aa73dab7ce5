package outbox

import (
	"encoding/json"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/scope"
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
	EventScope     Event = "scope"     // data ScopeChange
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

	// What follows the end of a school on this machine; written by whoever has
	// the logbook then.
	EventRevokeReceived Event = "revoke_received" // data protocol.Signed, the receipt of the revoke
	EventCertificate    Event = "certificate"     // data protocol.CertificateFile
	EventMoved          Event = "moved"           // data Moved: the agent goes on on another machine
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
	// Profile is the hash of the MIS profile with the school's settings; absent
	// in entries of earlier versions, as are the pupils in Counts.
	Profile string `json:"profile,omitempty"`
	// Counts stand with the first part, and so does what the authorities' rosters
	// were used for.
	Counts []delta.Count        `json:"counts,omitempty"`
	Roster []protocol.RosterUse `json:"roster,omitempty"`
}

// A ScopeCause says what changed what may leave.
type ScopeCause string

// The causes.
const (
	ScopeEnrolled ScopeCause = "enrolled" // the school's first yes
	ScopeAllowed  ScopeCause = "allowed"
	ScopeDenied   ScopeCause = "denied"
	ScopeAccepted ScopeCause = "accepted" // a yes to all that waited
	ScopeAsked    ScopeCause = "asked"    // the authorities ask for something else
	ScopeProfile  ScopeCause = "profile"  // the profile gives more, which waits
)

// ScopeChange is the data of EventScope. Before and After are scope.Scope.Hash
// of what may leave; Before is "" at the first yes.
type ScopeChange struct {
	Cause   ScopeCause    `json:"cause"`
	Before  string        `json:"before,omitempty"`
	After   string        `json:"after"`
	Allowed scope.Allowed `json:"allowed"`
	Denied  scope.Denied  `json:"denied,omitempty"`
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

// Moved is the data of EventMoved, once as the last entry of the machine that
// the agent left and once as the first of the one that it came to.
type Moved struct {
	// To names the key that the new machine showed.
	To   envelope.KeyID `json:"to"`
	Here bool           `json:"here"` // true on the new machine
}

// Released is the data of EventReleased.
type Released struct {
	Codes []string `json:"codes"`
}
