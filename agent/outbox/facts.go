package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/agent/mis"
	"rollbridge/agent/mis/rest"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/agent/scope"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Facts is everything small that the agent knows of its enrolment and of how
// things stand. Change it only through Update.
type Facts struct {
	Collector Collector `json:"collector"`
	// EnrolRequest is the signed request, repeated as it is until it is
	// answered; it stays, so that the same code is known again.
	EnrolRequest protocol.Signed `json:"enrol_request,omitzero"`
	// School is the collector's slug for this school.
	School     string `json:"school,omitempty"`
	Generation uint32 `json:"generation,omitempty"`
	Enrolled   bool   `json:"enrolled,omitempty"`
	Confirmed  bool   `json:"confirmed,omitempty"`
	// Wait is set while a re-enrolled agent may send nothing.
	Wait bool `json:"wait,omitempty"`

	Keyring    protocol.Signed                   `json:"keyring,omitzero"`
	Serials    map[protocol.StatementKind]uint64 `json:"serials,omitempty"`
	SealingKey protocol.SealingKey               `json:"sealing_key,omitzero"`
	// Ask is what is asked now, Agreed as it was when a person at the school last
	// read it and said yes; nil where that was before it was kept. Decision is what
	// the school has said about it.
	Ask    protocol.Ask  `json:"ask,omitzero"`
	Agreed *protocol.Ask `json:"agreed,omitempty"`
	scope.Decision
	// KeptBack says that nothing that is sealed may be sent: the school has denied
	// since what it may hold. The next full batch takes it back.
	KeptBack bool `json:"kept_back,omitempty"`

	// RosterAccepted are the pupils whom a person at the school has accepted: of
	// each a keyed hash of UPN and authority, and nothing else. The roster itself
	// is never here.
	RosterAccepted [][]byte `json:"roster_accepted,omitempty"`

	// Refusal is the newest refusal obeyed, nil if none stands; RefusedVersion
	// is the program that heard it, since a newer one lifts upgrade_required.
	Refusal        *protocol.Refusal `json:"refusal,omitempty"`
	RefusedVersion string            `json:"refused_version,omitempty"`
	// Full says that the next batch must be a full one, and why; nil otherwise.
	Full *FullRequest `json:"full,omitempty"`

	// Lacking are datasets that the last full batch could not have all of.
	Lacking []record.Dataset `json:"lacking,omitempty"`

	// Holds are what the last read kept back here, CollectorHolds the removals
	// that the last outcome named.
	Holds          []protocol.Hold `json:"holds,omitempty"`
	CollectorHolds []protocol.Hold `json:"collector_holds,omitempty"`
	// Form is what was last sealed of the MIS's columns.
	Form delta.Form `json:"form,omitzero"`

	LastRead    *ReadResult        `json:"last_read,omitempty"`
	LastReceipt *ReceiptResult     `json:"last_receipt,omitempty"`
	LastOutcome *OutcomeResult     `json:"last_outcome,omitempty"`
	LastHeard   time.Time          `json:"last_heard,omitzero"`
	Problems    []protocol.Problem `json:"problems,omitempty"`
	// ExpectedFrom is since when batches are expected: the enrolment, or the end of
	// a pause; zero while none are. SilentSaid is since when nothing could be sent,
	// once that was announced.
	ExpectedFrom time.Time `json:"expected_from,omitzero"`
	SilentSaid   time.Time `json:"silent_said,omitzero"`
	// Trouble is why the newest attempts proved nothing; nil after one that did.
	Trouble *Trouble `json:"trouble,omitempty"`
	// Unknown says that the collector, signed by intake, knows no such agent: it
	// was restored from a copy made before the enrolment. It ends nothing by
	// itself; a new code of the same collector may then replace the enrolment.
	Unknown bool `json:"unknown,omitempty"`
	// Intercepted names the issuer of the certificate by which TLS is opened on
	// the way, "" for none.
	Intercepted string `json:"intercepted,omitempty"`
}

// A Trouble is what is in the way to the collector, since when, in words for
// people.
type Trouble struct {
	Since time.Time `json:"since"`
	Text  string    `json:"text"`
}

// Collector is where the agent sends to and whom it trusts.
type Collector struct {
	URL string `json:"url"`
	// Pin is SHA-256 of the only TLS key to accept, empty for system roots.
	Pin []byte `json:"pin,omitempty"`
	// Root is the fingerprint of the collector's root key.
	Root protocol.Fingerprint `json:"root"`
}

// A FullRequest says why the next batch must be full. Head, if set, is where
// the collector's chain stands; it is withdrawn too.
type FullRequest struct {
	Reason string         `json:"reason"`
	Since  time.Time      `json:"since"`
	Head   *envelope.Link `json:"head,omitempty"`
}

// Reasons of a full batch that outbox itself finds.
const (
	FullFirst    = "first"     // nothing was ever sealed
	FullTooOld   = "too_old"   // a batch is without an outcome for KeepFor
	FullStaleKey = "stale_key" // the sealing key no longer exists
	FullRestored = "restored"  // the collector is older and what follows is not kept
	FullResync   = "resync"    // control asks for it
	FullAsked    = "asked"     // sync --full
	FullScope    = "scope"     // the school denied something that may be in the queue
	FullLacking  = "lacking"   // the last full batch could not have all of a dataset that can be read again
)

// A ReadResult is how the last read of the MIS went.
type ReadResult struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Problem is empty when the read was good, with Text for people; neither
	// holds a value of a pupil.
	Problem  protocol.ProblemCode   `json:"problem,omitempty"`
	Text     string                 `json:"text,omitempty"`
	Datasets []protocol.DatasetRead `json:"datasets,omitempty"`
	Unknown  int                    `json:"unknown,omitempty"`
	Sealed   envelope.Link          `json:"sealed,omitzero"`
	Full     bool                   `json:"full,omitempty"`
	Upserts  int                    `json:"upserts"`
	Removals int                    `json:"removals"`
	// Roster is what became of the children on the authorities' rosters, by
	// authority; RosterAway says that none was held although there is one, so that
	// nobody was taken for gone.
	Roster     []protocol.RosterUse `json:"roster,omitempty"`
	RosterAway bool                 `json:"roster_away,omitempty"`
	// Stops are datasets that could not be read, with what to do.
	Stops []mis.Stop `json:"stops,omitempty"`
	// Cost is what the MIS's database was asked; nil where files were read.
	Cost *sqlserver.Cost `json:"cost,omitempty"`
	// Requests is what a web interface was asked; absent for others.
	Requests *rest.Cost `json:"requests,omitempty"`
}

// A ReceiptResult is the newest receipt.
type ReceiptResult struct {
	envelope.Link
	Received time.Time       `json:"received"`
	Receipt  protocol.Signed `json:"receipt"`
}

// An OutcomeResult is the newest outcome, without its details.
type OutcomeResult struct {
	At      time.Time `json:"at"`
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	Applied int       `json:"applied"`
	Removed int       `json:"removed"`
	Refused int       `json:"refused"`
}

// Facts is a copy of the facts.
func (b *Outbox) Facts() (Facts, error) {
	var f Facts
	err := b.read(func(tx *bbolt.Tx) (err error) {
		f, err = readFacts(tx)
		return err
	})
	if err != nil {
		return Facts{}, fmt.Errorf("read what is known of the collector: %w", err)
	}
	return f, nil
}

// Change is the number of the last change to the state: while it stays the same
// so does everything here that does not go by the clock. It costs next to nothing.
func (b *Outbox) Change() (n int, err error) {
	err = b.read(func(tx *bbolt.Tx) error {
		n = tx.ID()
		return nil
	})
	return n, err
}

// Update changes the facts and logs the entries in one transaction; change's
// error undoes it and is returned as it is. Other errors may wrap ErrJournal.
func (b *Outbox) Update(change func(*Facts) error, entries ...Entry) error {
	return b.commit(func(tx *bbolt.Tx) ([]Entry, error) {
		return entries, updateFacts(tx, change)
	})
}

// Log logs entries that go with no change.
func (b *Outbox) Log(entries ...Entry) error {
	return b.commit(func(*bbolt.Tx) ([]Entry, error) { return entries, nil })
}

func readFacts(tx *bbolt.Tx) (Facts, error) {
	var f Facts
	bucket, err := part(tx, bucketFacts)
	if err != nil {
		return f, err
	}
	value := bucket.Get(keyFacts)
	if value == nil {
		return f, nil
	}
	if err := json.Unmarshal(value, &f); err != nil {
		return f, fmt.Errorf("%w: what is known of the collector cannot be read", ErrDamaged)
	}
	return f, nil
}

func updateFacts(tx *bbolt.Tx, change func(*Facts) error) error {
	f, err := readFacts(tx)
	if err != nil {
		return err
	}
	if err := change(&f); err != nil {
		return err
	}
	value, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode what is known of the collector: %w", err)
	}
	return tx.Bucket(bucketFacts).Put(keyFacts, value)
}
