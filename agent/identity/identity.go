package identity

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"

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
// Create makes a new identity below dataDir (directory "identity") and returns
// it. A crash leaves all of it or nothing. Errors wrap ErrExists.
func Create(dataDir string) (*Identity, error) { panic("follows") }

// Load reads the identity below dataDir. Errors wrap ErrMissing when there is
// none; any other error names the file and what to do.
func Load(dataDir string) (*Identity, error) { panic("follows") }

// ReplaceIDKey stores the school's old id key (32 bytes), which a re-enrolled
// agent receives with its confirmation. Pupil ids change with it, so nothing
// may have been sealed before. Load again afterwards.
func ReplaceIDKey(dataDir string, key []byte) error { panic("follows") }

// Destroy deletes every key below dataDir for good; doing it twice is no
// error. It removes files and does not overwrite them: on the storage of today
// overwriting erases nothing (see design.md §10 on bbolt for the same reason).
func Destroy(dataDir string) error { panic("follows") }
