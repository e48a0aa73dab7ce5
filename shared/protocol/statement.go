package protocol

import (
	"encoding/json"
	"fmt"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// decodeUnverified exists so that each place that reads before verifying can
// be found by name.
func decodeUnverified(payload []byte, v any) error {
	if len(payload) > MaxSignedBytes {
		return ErrSignature
	}
	return json.Unmarshal(payload, v)
}

// A StatementKind names what a statement decides.
type StatementKind string

// The kinds of statement. Each has serials of its own.
const (
	// KindOffer is made with a code; body Ask. It is addressed to no agent.
	KindOffer StatementKind = "offer"
	// KindEnrolled accepts an agent; body Enrolled.
	KindEnrolled StatementKind = "enrolled"
	// KindConfirmed follows the operator's look at the phrase; body Confirmed.
	KindConfirmed StatementKind = "confirmed"
	// KindProvision is what the authorities ask for; body Ask.
	KindProvision StatementKind = "provision"
	// KindSealingKey is the key to seal to; body SealingKey; to all agents.
	KindSealingKey StatementKind = "sealing_key"
	// KindOutcome says what became of batches; body Outcome.
	KindOutcome StatementKind = "outcome"
	// KindRefusal stops an agent or sends it back; body Refusal.
	KindRefusal StatementKind = "refusal"
	// KindRoster is the school's part of the authorities' rosters; body
	// RosterStatement.
	KindRoster StatementKind = "roster"
)

// A Statement is something control has decided. Intake relays it and cannot
// change it. An agent obeys one only if it is addressed to it (or to all, zero
// Agent), of its generation (or 0) and its serial is above the last of its
// kind that the agent obeyed, so none can be replayed.
type Statement struct {
	Kind       StatementKind    `json:"kind"`
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation,omitempty"`
	Serial     uint64           `json:"serial"`
	Issued     time.Time        `json:"issued"`
	Body       json.RawMessage  `json:"body"`
}

// VerifyStatement checks s against the control keys of a keyring and decodes
// it. The caller still compares agent, generation and serial (see Fresh).
func VerifyStatement(s Signed, k Keyring) (Statement, error) {
	var st Statement
	if err := Verify(s, DomainStatement, k.Control, &st); err != nil {
		return Statement{}, err
	}
	return st, nil
}

// Fresh says whether an agent that obeyed last as the newest serial of this
// kind must obey st.
func (st Statement) Fresh(agent envelope.AgentID, generation uint32, last uint64) bool {
	mine := st.Agent == agent || (st.Agent.IsZero() && (st.Kind == KindSealingKey || st.Kind == KindOffer))
	current := st.Generation == 0 || generation == 0 || st.Generation == generation
	return mine && current && st.Serial > last
}

// Decode reads the body into the type that the kind has.
func (st Statement) Decode(v any) error {
	// An absent body would read as one that says nothing, such as a request for nothing.
	if err := json.Unmarshal(st.Body, v); err != nil || string(st.Body) == "null" {
		return fmt.Errorf("read %s statement %d: its body is not understood; a newer version may be needed", st.Kind, st.Serial)
	}
	return nil
}

// An Ask is what authorities want of one school: the body of offers and
// provisions. What leaves is the part of it that the school allowed.
type Ask struct {
	// School is the collector's id of the school (a slug), SchoolName for people.
	School     string         `json:"school"`
	SchoolName string         `json:"school_name"`
	Operator   string         `json:"operator"`
	Requests   []AuthorityAsk `json:"requests"`
	// Handling is nil from a collector that is older than it.
	Handling *Handling `json:"handling,omitempty"`
}

// An AuthorityAsk is what one authority asks for.
type AuthorityAsk struct {
	Code string `json:"code"`
	Name string `json:"name"`
	// Why is shown to the school: purpose and lawful basis, in a sentence.
	Why string `json:"why"`
	// Datasets maps each dataset asked for to its fields (record.Fields names);
	// fields marked Always come with the dataset and need not be listed.
	Datasets map[record.Dataset][]string `json:"datasets"`
}

// Enrolled is the body of KindEnrolled.
type Enrolled struct {
	School string `json:"school"`
	// Wait tells a re-enrolled agent to send nothing until it is confirmed and
	// has its old id key back.
	Wait bool `json:"wait"`
}

// Confirmed is the body of KindConfirmed.
type Confirmed struct {
	// IDKey, for a re-enrolled agent, is the school's old id key sealed to the
	// agent (envelope.SealTo, PurposeIDKey, context the agent id).
	IDKey []byte `json:"id_key,omitempty"`
}

// Purposes of envelope.SealTo.
const (
	PurposeIDKey   = "id-key"
	PurposeRefused = "refused"
	PurposeRoster  = "roster"
)

// An Outcome says that all batches of an agent up to Last are decided.
type Outcome struct {
	First   uint64          `json:"first"`
	Last    uint64          `json:"last"`
	Digest  envelope.Digest `json:"digest"` // of batch Last
	Applied int             `json:"applied"`
	Removed int             `json:"removed"`
	Refused int             `json:"refused"`
	// Details is a JSON list of RefusedRecord sealed to the agent (PurposeRefused,
	// context the digest), left out when nothing was refused: statements about
	// single pupils pass intake only sealed.
	Details []byte `json:"details,omitempty"`
	// Holds lists removals that wait for a person's yes at the school.
	Holds []Hold `json:"holds,omitempty"`
}

// A RefusedRecord is one quarantined record and why.
type RefusedRecord struct {
	Dataset record.Dataset `json:"dataset"`
	Key     record.Key     `json:"key"`
	Reasons []string       `json:"reasons"`
}

// A RefusalReason is a code from a closed list; agents branch on it.
type RefusalReason string

// The refusals. Revoked and Ended make an agent stop and erase its own state,
// Superseded stop and ask for a new code, UpgradeRequired wait for a newer
// program, Resync send everything again.
const (
	RefusalRevoked         RefusalReason = "revoked"
	RefusalEnded           RefusalReason = "ended"
	RefusalSuperseded      RefusalReason = "superseded"
	RefusalUpgradeRequired RefusalReason = "upgrade_required"
	RefusalResync          RefusalReason = "resync"
)

// A Refusal is the body of KindRefusal.
type Refusal struct {
	Reason RefusalReason `json:"reason"`
	// Behind, of Superseded, names the batch of the copy that must stop: the
	// copy that is ahead never sealed it and takes no notice.
	Behind *envelope.Link `json:"behind,omitempty"`
	// After, of Resync, is the newest sequence the collector has seen: an agent
	// that has already sealed a full batch above it has obeyed.
	After uint64 `json:"after,omitempty"`
	// Why is a code for people and logs: digest_mismatch, cannot_open, restored,
	// operator, key_destroyed.
	Why string `json:"why,omitempty"`
}
