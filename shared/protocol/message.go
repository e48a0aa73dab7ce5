package protocol

import (
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// Have is the newest of each thing that an agent holds, so that a reply brings
// only what is newer.
type Have struct {
	Epoch   uint32                   `json:"epoch"`
	Serials map[StatementKind]uint64 `json:"serials,omitempty"`
}

// An OfferRequest (DomainOffer, by the code's key) asks who wants what, and
// burns nothing.
type OfferRequest struct {
	Code CodeID `json:"code"`
}

// An EnrolRequest (DomainEnrol, by the code's key) makes an agent known. The
// same request again gets the same answer.
type EnrolRequest struct {
	Code CodeID `json:"code"`
	// Root is the fingerprint that the agent trusts.
	Root []byte `json:"root"`
	// Sign is the agent's Ed25519 key, Receive its HPKE key.
	Sign    PublicKey `json:"sign"`
	Receive []byte    `json:"receive"`
	// IDKey is the agent's id key sealed to the sealing key (PurposeIDKey,
	// context the agent id), SealingKey which key that is.
	IDKey      []byte         `json:"id_key"`
	SealingKey envelope.KeyID `json:"sealing_key"`
	// Revocation is SHA-256 of the revocation code in the head teacher's safe.
	Revocation []byte `json:"revocation"`
	// Accepted is SHA-256 of the Ask that the school said yes to.
	Accepted []byte `json:"accepted"`
	Version  string `json:"version"`
}

// A Checkin (DomainCheckin) says that an agent is alive and how it is.
type Checkin struct {
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation"`
	Time       time.Time        `json:"time"`
	Version    string           `json:"version"`
	Have       Have             `json:"have"`
	// Head is the newest batch the agent sealed, Waiting how many have no
	// receipt yet.
	Head    envelope.Link `json:"head"`
	Waiting int           `json:"waiting"`
	// Paused is set while the school pauses, PausedUntil if it said how long.
	Paused      bool      `json:"paused,omitempty"`
	PausedUntil time.Time `json:"paused_until,omitzero"`
	// Problems are typed; they hold no text from the MIS.
	Problems []Problem `json:"problems,omitempty"`
	// Update is how the program itself stands; agents before releases leave it out.
	Update *Update `json:"update,omitempty"`
}

// A ProblemCode is one of a closed list.
type ProblemCode string

// The problems an agent reports.
const (
	ProblemMISDown        ProblemCode = "mis_down"
	ProblemMISData        ProblemCode = "mis_data"        // missing, empty, half-written, renamed column, unknown marker …
	ProblemRightMissing   ProblemCode = "right_missing"   // nothing was read; of one dataset it is a Hold
	ProblemIdentifier     ProblemCode = "identifier"      // the pupils' ids are empty in every row: nothing was read
	ProblemHeld           ProblemCode = "held"            // a safety stop keeps something back (Why)
	ProblemScopeNotGiven  ProblemCode = "scope_not_given" // the authority asks for more than the school allowed
	ProblemIntercepted    ProblemCode = "intercepted"     // TLS is opened on the way, by a trusted CA
	ProblemKeyringExpired ProblemCode = "keyring_expired" //
	ProblemDiskFull       ProblemCode = "disk_full"       //
	ProblemClock          ProblemCode = "clock"           // the school's clock is far from the collector's
	ProblemWarnings       ProblemCode = "warnings"        // optional values were not understood
	ProblemSilent         ProblemCode = "silent"          // no batch got its receipt for a day (Cause)
	ProblemUnreachable    ProblemCode = "unreachable"     // the collector takes nothing; only as a Cause
	ProblemNoAccess       ProblemCode = "no_access"       // the MIS refuses the grant that a hosted agent reads by; Count reads in a row
)

// A Problem is one thing that is not as it should be, since when.
type Problem struct {
	Code    ProblemCode    `json:"code"`
	Dataset record.Dataset `json:"dataset,omitempty"`
	// Why is the stop of a ProblemHeld; older agents leave it out.
	Why Why `json:"why,omitempty"`
	// Cause is what is behind a ProblemSilent, empty where it is none of the list.
	Cause ProblemCode `json:"cause,omitempty"`
	Count int         `json:"count,omitempty"`
	Since time.Time   `json:"since,omitzero"`
}

// A Revoke (DomainRevoke) is the school's last word.
type Revoke struct {
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation"`
	Time       time.Time        `json:"time"`
	// Head is the last batch that was sealed.
	Head envelope.Link `json:"head"`
}

// A Posted is the content of every message but batch: one signed request. For
// batch the content is the envelope itself.
type Posted struct {
	Request Signed `json:"request"`
	Have    Have   `json:"have"`
}
