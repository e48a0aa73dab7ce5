package protocol

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"rollbridge/shared/envelope"
)

// A Message names what is posted: the last part of /v1/<message>.
type Message string

// The messages.
const (
	MessageOffer   Message = "offer"
	MessageEnrol   Message = "enrol"
	MessageBatch   Message = "batch"
	MessageCheckin Message = "checkin"
	MessageRevoke  Message = "revoke"
)

var messageNumbers = map[Message]byte{
	MessageOffer: 1, MessageEnrol: 2, MessageBatch: 3, MessageCheckin: 4, MessageRevoke: 5,
}

// MaxFrameBytes bounds a posted message with its attempt header.
const MaxFrameBytes = envelope.MaxBytes + AttemptBytes

// A Sender is an envelope.AgentID, or a CodeID for offer and enrol.
type Sender [16]byte

// An Attempt is the header of one try to deliver a message.
type Attempt struct {
	Message Message
	Sender  Sender
	Nonce   [16]byte
	// Counter rises with every attempt of a sender and survives restarts.
	Counter uint64
	Time    time.Time
	// Content is SHA-256 of the message's bytes.
	Content envelope.Digest
}

// A Frame is a parsed post: attempt header, message bytes, not yet verified.
type Frame struct {
	Attempt
	Body      []byte
	signed    []byte
	signature []byte
}

// AttemptBytes is the length of a signed attempt header.
const AttemptBytes = signedLen + ed25519.SignatureSize

const (
	frameMagic = "RBA1"
	signedLen  = 4 + 1 + 16 + 16 + 8 + 8 + 32
)

// ErrFrame is returned for bytes that are not a frame.
var ErrFrame = errors.New("not a well-formed message")

// Encode signs the attempt and puts the message behind it. Content is set from
// body.
func (a Attempt) Encode(body []byte, key ed25519.PrivateKey) []byte {
	a.Content = sha256.Sum256(body)
	head := a.header()
	b := make([]byte, 0, AttemptBytes+len(body))
	b = append(b, head...)
	b = append(b, ed25519.Sign(key, message(DomainAttempt, head))...)
	return append(b, body...)
}

func (a Attempt) header() []byte {
	b := make([]byte, 0, signedLen)
	b = append(b, frameMagic...)
	b = append(b, messageNumbers[a.Message])
	b = append(b, a.Sender[:]...)
	b = append(b, a.Nonce[:]...)
	b = binary.BigEndian.AppendUint64(b, a.Counter)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Time.Unix()))
	return append(b, a.Content[:]...)
}

// Digest of an attempt is what an Answer names.
func (a Attempt) Digest(body []byte) envelope.Digest {
	a.Content = sha256.Sum256(body)
	return sha256.Sum256(a.header())
}

// ParseAttempt reads the attempt header that the first AttemptBytes of a posted
// body are, without its message: a receiver can so prove the sender before it
// makes room for the rest.
func ParseAttempt(data []byte, want Message) (*Frame, error) {
	if len(data) < AttemptBytes || !bytes.HasPrefix(data, []byte(frameMagic)) {
		return nil, fmt.Errorf("%w: it does not begin with an attempt header", ErrFrame)
	}
	if number, known := messageNumbers[want]; !known || data[4] != number {
		return nil, fmt.Errorf("%w: it is not a %s message", ErrFrame, want)
	}
	f := &Frame{signed: data[:signedLen], signature: data[signedLen:AttemptBytes]}
	f.Message = want
	r := bytes.NewBuffer(data[5:signedLen])
	copy(f.Sender[:], r.Next(16))
	copy(f.Nonce[:], r.Next(16))
	f.Counter = binary.BigEndian.Uint64(r.Next(8))
	f.Time = time.Unix(int64(binary.BigEndian.Uint64(r.Next(8))), 0).UTC()
	copy(f.Content[:], r.Next(32))
	return f, nil
}

// ParseFrame splits a posted body without copying it and checks that the
// content matches the header; Verify proves the sender. want is the message
// that the address named.
func ParseFrame(data []byte, want Message) (*Frame, error) {
	f, err := ParseAttempt(data, want)
	if err != nil {
		return nil, err
	}
	f.Body = data[AttemptBytes:]
	if sha256.Sum256(f.Body) != f.Content {
		return nil, fmt.Errorf("%w: the content was changed on the way", ErrFrame)
	}
	return f, nil
}

// Verify returns nil if the holder of key made this attempt.
func (f *Frame) Verify(key ed25519.PublicKey) error {
	if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, message(DomainAttempt, f.signed), f.signature) {
		return fmt.Errorf("verify attempt: %w", ErrSignature)
	}
	return nil
}

// Digest is what an Answer to this attempt names.
func (f *Frame) Digest() envelope.Digest { return sha256.Sum256(f.signed) }
