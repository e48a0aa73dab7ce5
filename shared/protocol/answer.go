package protocol

import (
	"time"

	"rollbridge/shared/envelope"
)

// MaxReplyBytes bounds what an agent reads of a reply.
const MaxReplyBytes = 4 << 20

// A Reply is the body of every HTTP 200 answer: parts that are each signed by
// whoever may say them. The wrapper itself is not signed and says nothing.
type Reply struct {
	// Receipt or Answer, by intake; exactly one is set.
	Receipt *Signed `json:"receipt,omitempty"`
	Answer  *Signed `json:"answer,omitempty"`
	// Keyring is set when it is newer than the agent's or asked for.
	Keyring *Signed `json:"keyring,omitempty"`
	// Statements are those above the serials that the agent said it has.
	Statements []Signed `json:"statements,omitempty"`
}

// A Receipt (DomainReceipt) says: the message with this digest is on durable
// storage. A repeat of the message gets the same bytes.
type Receipt struct {
	Message    Message          `json:"message"`
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation,omitempty"`
	Sequence   uint64           `json:"sequence,omitempty"`
	// Digest is of the envelope, or SHA-256 of the message's bytes.
	Digest   envelope.Digest `json:"digest"`
	Received time.Time       `json:"received"`
	// TLSKey is SHA-256 of the public key (SubjectPublicKeyInfo) that intake
	// serves: an agent that saw another one is being intercepted.
	TLSKey []byte `json:"tls_key,omitempty"`
}

// An AnswerKind is what intake may say by itself, besides a receipt. None of
// them erases, stops or widens anything.
type AnswerKind string

// The answers.
const (
	// AnswerLater: not taken now; Why says the cause, Head where the chain stands.
	AnswerLater AnswerKind = "later"
	// AnswerStaleKey: sealed to a key that no longer exists; counts only beside
	// a statement of a newer one.
	AnswerStaleKey AnswerKind = "stale_key"
	// AnswerUnknown: intake knows neither this agent nor this code.
	AnswerUnknown AnswerKind = "unknown"
)

// Why codes of AnswerLater.
const (
	LaterBusy     = "busy"    // overloaded or the disk is full: try again
	LaterChain    = "chain"   // does not follow Head
	LaterWait     = "wait"    // enrolment not yet decided, or not yet confirmed
	LaterRefused  = "refused" // a refusal statement is beside this answer
	LaterCounter  = "counter" // the attempt counter did not rise: a replay or a copy
	LaterTooLarge = "large"   // over a limit
	LaterBad      = "bad"     // signed by the right key but not understood
	LaterExpired  = "expired" // the code is past its 72 hours or already used by other keys
)

// An Answer (DomainAnswer) answers one attempt.
type Answer struct {
	Kind AnswerKind `json:"kind"`
	// Attempt is the digest of the attempt header answered (Frame.Digest), so an
	// answer cannot be replayed to another attempt.
	Attempt    envelope.Digest `json:"attempt"`
	Why        string          `json:"why,omitempty"`
	Head       *envelope.Link  `json:"head,omitempty"`
	RetryAfter int             `json:"retry_after,omitempty"` // seconds
	Time       time.Time       `json:"time"`
}
