package identity

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"
	"log/slog"

	"rollbridge/shared/envelope"
)

// An Identity is the agent's keys. It never changes after Load, except that a
// re-enrolled agent gets its school's old id key back (ReplaceIDKey).
type Identity struct {
	// Sign signs batches, attempts and check-ins.
	Sign ed25519.PrivateKey
	// Receive opens what only this agent may read.
	Receive hpke.PrivateKey
	// IDKey makes pupil ids and tags; 32 bytes.
	IDKey []byte
	// LocalKey makes the hashes of the local state; 32 bytes.
	LocalKey []byte
	// Logbook signs the logbook and nothing else.
	Logbook ed25519.PrivateKey
}

// ErrMissing is returned where there is no identity: this school is not
// enrolled on this machine, or its keys were destroyed.
var ErrMissing = errors.New("this school has no keys on this machine")

// ErrExists is returned by Create where there is an identity already.
var ErrExists = errors.New("this school already has keys on this machine")

// Agent is the id that the collector knows this agent by.
func (i *Identity) Agent() envelope.AgentID {
	return envelope.AgentOf(i.Sign.Public().(ed25519.PublicKey))
}

// Format prints an identity as its agent id, so that no log can hold a key.
func (i *Identity) Format(s fmt.State, _ rune) { fmt.Fprint(s, "agent ", i.Agent()) }

// LogValue is what Format prints.
func (i *Identity) LogValue() slog.Value { return slog.StringValue(i.Agent().String()) }
