package envelope

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Version is the format that this package writes and the only one it reads.
const Version = 1

// Suite is MLKEM768-X25519 (0x647a), HKDF-SHA-256 (1), AES-256-GCM (2) as this
// project numbers it; the only suite of version 1.
const Suite = 1

// Type says what an envelope holds.
type Type uint8

// The types of batch. A delta holds what changed since the batch before it; a
// full batch holds everything and withdraws the batches its header lists.
const (
	TypeDelta Type = 1
	TypeFull  Type = 2
)

// An AgentID is the first 16 bytes of SHA-256 of the agent's signing key.
type AgentID [16]byte

// String is the id as 32 hexadecimal digits; it is no secret and names no one.
func (a AgentID) String() string { return hex.EncodeToString(a[:]) }

// IsZero says whether a is no agent's id.
func (a AgentID) IsZero() bool { return a == AgentID{} }

// MarshalText writes String.
func (a AgentID) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *AgentID) UnmarshalText(t []byte) error { return unhex(a[:], t, "agent id") }

// A Digest is SHA-256 of a whole envelope, signature included: the name of a
// message in receipts and in the chain.
type Digest [32]byte

// String is the digest as 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero says whether d stands for no message (before the first batch).
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(t []byte) error { return unhex(d[:], t, "digest") }

// A KeyID is the first 8 bytes of SHA-256 of a public key.
type KeyID [8]byte

// String is the id as 16 hexadecimal digits.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

// MarshalText writes String.
func (k KeyID) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *KeyID) UnmarshalText(t []byte) error { return unhex(k[:], t, "key id") }

func unhex(dst, text []byte, what string) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(dst) {
		return fmt.Errorf("a %s is %d hexadecimal digits", what, 2*len(dst))
	}
	copy(dst, b)
	return nil
}

// A Link is one batch in an agent's chain.
type Link struct {
	Sequence uint64 `json:"sequence"`
	Digest   Digest `json:"digest"`
}

// MaxWithdrawn bounds the list of a full batch's header.
const MaxWithdrawn = 1024

// A Header is what anybody on the way may read of a batch.
type Header struct {
	Type       Type
	Agent      AgentID
	Generation uint32
	// Sequence counts an agent's batches of one generation from 1.
	Sequence uint64
	// Previous is the digest of the batch with the sequence before, zero for 1.
	Previous Digest
	// KeyringEpoch and SealingKey name what the agent sealed to.
	KeyringEpoch uint32
	SealingKey   KeyID
	// Time is when the batch was sealed, in whole seconds.
	Time time.Time
	// Withdrawn, of a full batch only, lists the batches it takes back, in
	// rising sequence.
	Withdrawn []Link
}

const headerFixed = 1 + 1 + 1 + 16 + 4 + 8 + 32 + 4 + 8 + 8 + 2

func (h *Header) encode() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, headerFixed+40*len(h.Withdrawn))
	b = append(b, Version, Suite, byte(h.Type))
	b = append(b, h.Agent[:]...)
	b = binary.BigEndian.AppendUint32(b, h.Generation)
	b = binary.BigEndian.AppendUint64(b, h.Sequence)
	b = append(b, h.Previous[:]...)
	b = binary.BigEndian.AppendUint32(b, h.KeyringEpoch)
	b = append(b, h.SealingKey[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Time.Unix()))
	b = binary.BigEndian.AppendUint16(b, uint16(len(h.Withdrawn)))
	for _, l := range h.Withdrawn {
		b = binary.BigEndian.AppendUint64(b, l.Sequence)
		b = append(b, l.Digest[:]...)
	}
	return b, nil
}

func decodeHeader(b []byte) (Header, error) {
	var h Header
	if len(b) < headerFixed {
		return h, malformed("header is cut short")
	}
	if b[0] != Version {
		return h, fmt.Errorf("%w: version %d, this program reads version %d", ErrVersion, b[0], Version)
	}
	if b[1] != Suite {
		return h, fmt.Errorf("%w: suite %d, this program reads suite %d", ErrVersion, b[1], Suite)
	}
	h.Type = Type(b[2])
	r := bytes.NewBuffer(b[3:])
	copy(h.Agent[:], r.Next(16))
	h.Generation = binary.BigEndian.Uint32(r.Next(4))
	h.Sequence = binary.BigEndian.Uint64(r.Next(8))
	copy(h.Previous[:], r.Next(32))
	h.KeyringEpoch = binary.BigEndian.Uint32(r.Next(4))
	copy(h.SealingKey[:], r.Next(8))
	h.Time = time.Unix(int64(binary.BigEndian.Uint64(r.Next(8))), 0).UTC()
	n := int(binary.BigEndian.Uint16(r.Next(2)))
	if n > MaxWithdrawn || r.Len() != 40*n {
		return h, malformed("header has a wrong length")
	}
	for range n {
		var l Link
		l.Sequence = binary.BigEndian.Uint64(r.Next(8))
		copy(l.Digest[:], r.Next(32))
		h.Withdrawn = append(h.Withdrawn, l)
	}
	return h, h.check()
}

func (h *Header) check() error {
	switch {
	case h.Type != TypeDelta && h.Type != TypeFull:
		return malformed("unknown batch type")
	case h.Type == TypeDelta && len(h.Withdrawn) > 0:
		return malformed("a delta withdraws nothing")
	case len(h.Withdrawn) > MaxWithdrawn:
		return malformed("too many withdrawn batches")
	case h.Agent.IsZero() || h.Generation == 0 || h.Sequence == 0:
		return malformed("agent, generation and sequence must be set")
	case h.Sequence == 1 != h.Previous.IsZero():
		return malformed("only the first batch has no batch before it")
	}
	var last uint64
	for _, l := range h.Withdrawn {
		if l.Sequence <= last || l.Sequence >= h.Sequence {
			return malformed("withdrawn batches must rise and come before this one")
		}
		last = l.Sequence
	}
	return nil
}

// ErrMalformed is returned for bytes that are not an envelope.
var ErrMalformed = errors.New("not a well-formed envelope")

// ErrVersion is returned for an envelope of a version or suite that this
// program does not read.
var ErrVersion = errors.New("envelope of another version")

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }
