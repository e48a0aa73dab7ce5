package protocol

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"rollbridge/shared/envelope"
)

// A Fingerprint is SHA-256 of the root public key: what an enrolment code
// carries, so that a school trusts exactly one collector.
type Fingerprint [32]byte

// FingerprintOf is the fingerprint of a root key.
func FingerprintOf(root ed25519.PublicKey) Fingerprint { return sha256.Sum256(root) }

// String is the fingerprint as 64 hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// A PublicKey is an Ed25519 public key; JSON holds it as base64.
type PublicKey []byte

// A Keyring says which keys the collector uses in which role. The root key
// signs it; agents refuse one with a lower epoch than the one they hold.
type Keyring struct {
	Root    PublicKey   `json:"root"`
	Epoch   uint32      `json:"epoch"`
	Issued  time.Time   `json:"issued"`
	Expires time.Time   `json:"expires"`
	Intake  []PublicKey `json:"intake"`
	Control []PublicKey `json:"control"`
}

// KeyringLife is how long a keyring is good for.
const KeyringLife = 365 * 24 * time.Hour

// KeyringAlarms are the times before expiry at which an operator is told.
var KeyringAlarms = []time.Duration{90 * 24 * time.Hour, 60 * 24 * time.Hour, 30 * 24 * time.Hour}

// ErrKeyringEpoch is returned for a keyring older than the one held.
var ErrKeyringEpoch = errors.New("keyring of a lower epoch")

// ErrRoot is returned for a keyring of another root key than the trusted one.
var ErrRoot = errors.New("keyring of another collector")

// VerifyKeyring checks that s is a keyring signed by the root key with that
// fingerprint and not older than epoch held (0 for none). It does not look at
// the expiry: an expired keyring is still the right collector's (Expired).
func VerifyKeyring(s Signed, root Fingerprint, held uint32) (Keyring, error) {
	var claimed Keyring
	// The key is inside the payload: read it unverified only to learn which
	// key to verify with, and only if its fingerprint is the trusted one.
	if err := decodeUnverified(s.Payload, &claimed); err != nil || FingerprintOf(ed25519.PublicKey(claimed.Root)) != root {
		return Keyring{}, fmt.Errorf("verify keyring: %w", ErrRoot)
	}
	var k Keyring
	if err := Verify(s, DomainKeyring, []PublicKey{claimed.Root}, &k); err != nil {
		return Keyring{}, err
	}
	if k.Epoch < held {
		return Keyring{}, fmt.Errorf("verify keyring: %w: epoch %d, held is %d", ErrKeyringEpoch, k.Epoch, held)
	}
	if len(k.Intake) == 0 || len(k.Control) == 0 {
		return Keyring{}, fmt.Errorf("verify keyring: it names no intake or no control key: %w", ErrSignature)
	}
	return k, nil
}

// Expired says whether the keyring may no longer be relied on at now.
func (k Keyring) Expired(now time.Time) bool { return !now.Before(k.Expires) }

// A SealingKey is the body of a sealing-key statement: what agents seal to.
type SealingKey struct {
	ID     envelope.KeyID `json:"id"`
	Public []byte         `json:"public"`
	// Created and Retires bound the time in which agents seal to it; Destroyed
	// is when its private part ceases to exist.
	Created   time.Time `json:"created"`
	Retires   time.Time `json:"retires"`
	Destroyed time.Time `json:"destroyed"`
}

// Lives of a sealing key (design.md §4): a new one each week, the old one
// destroyed 14 days later.
const (
	SealingKeyLife  = 7 * 24 * time.Hour
	SealingKeyGrace = 14 * 24 * time.Hour
)
