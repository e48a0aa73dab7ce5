package store

import (
	"context"
	"crypto/ed25519"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An AgentState says what an agent may do.
type AgentState string

// The states of an agent.
const (
	AgentPending    AgentState = "pending"    // waits for the operator to compare the phrase
	AgentConfirmed  AgentState = "confirmed"  // its batches are applied
	AgentSuperseded AgentState = "superseded" // another took its place
	AgentRevoked    AgentState = "revoked"    // stopped
	AgentEnded      AgentState = "ended"      // the authority ended the provision
)

// An Agent is one enrolled agent.
type Agent struct {
	School     string
	ID         envelope.AgentID
	Generation uint32
	Sign       ed25519.PublicKey
	Receive    []byte
	Revocation []byte
	// Phrase is what both sides show before the agent is confirmed.
	Phrase string
	State  AgentState
	// Reenrolled: the school had a confirmed agent before, so this one waits
	// for its old id key.
	Reenrolled         bool
	Created, Confirmed time.Time
	// Heard is when it last spoke.
	Heard time.Time
}

// A Code is an enrolment code as the collector knows it: without its secret.
type Code struct {
	School           string
	ID               protocol.CodeID
	Public           ed25519.PublicKey
	Created, Expires time.Time
	// UsedBy is the agent that it enrolled, zero if none.
	UsedBy envelope.AgentID
}

// Agents lists the agents of a school, or of all with an empty school, by
// school and generation.
func (s *Store) Agents(ctx context.Context, school string) ([]Agent, error) { panic("written next") }

// Codes lists the codes of a school, newest first.
func (s *Store) Codes(ctx context.Context, school string) ([]Code, error) { panic("written next") }

// PutKeyring stores a keyring that the root key signed.
func (s *Store) PutKeyring(ctx context.Context, k protocol.Keyring, signed protocol.Signed) error {
	panic("written next")
}

// Keyring is the newest keyring as it was signed; ErrNotFound before init.
func (s *Store) Keyring(ctx context.Context) (protocol.Signed, error) { panic("written next") }
