package protocol

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"

	"rollbridge/shared/envelope"
)

// A Domain separates the kinds of signature from one another. Its text begins
// with the role that may sign it.
type Domain string

// The domains. A key of one role never signs in another role's domain.
const (
	DomainKeyring   Domain = "root/keyring"
	DomainStatement Domain = "control/statement"
	DomainReceipt   Domain = "intake/receipt"
	DomainAnswer    Domain = "intake/answer"
	DomainAttempt   Domain = "agent/attempt"
	DomainCheckin   Domain = "agent/checkin"
	DomainRevoke    Domain = "agent/revoke"
	DomainOffer     Domain = "code/offer"
	DomainEnrol     Domain = "code/enrol"
)

// MaxSignedBytes bounds the payload of one Signed.
const MaxSignedBytes = 1 << 20

// ErrSignature is returned where a signature is missing, is by an unknown key,
// or was made in another role. Whatever carried it must change nothing.
var ErrSignature = errors.New("not signed by whom it should be")

// A Signed is a payload exactly as it was signed. The payload is JSON, and is
// only ever read after Verify.
type Signed struct {
	Key       envelope.KeyID `json:"key"`
	Payload   []byte         `json:"payload"`
	Signature []byte         `json:"signature"`
}

// IsZero says whether s holds nothing.
func (s Signed) IsZero() bool { return len(s.Payload) == 0 }

// Sign encodes v and signs it in a domain.
func Sign(key ed25519.PrivateKey, d Domain, v any) (Signed, error) {
	payload, err := json.Marshal(v)
	if err != nil {
		return Signed{}, fmt.Errorf("sign %s: %w", d, err)
	}
	return Signed{
		Key:       envelope.KeyIDOf(key.Public().(ed25519.PublicKey)),
		Payload:   payload,
		Signature: ed25519.Sign(key, message(d, payload)),
	}, nil
}

// Verify checks s in a domain against the keys of the role that may sign
// there and decodes the payload into v. Errors wrap ErrSignature unless the
// signature is good and the payload is not of v's type.
func Verify[K ~[]byte](s Signed, d Domain, keys []K, v any) error {
	if len(s.Payload) > MaxSignedBytes {
		return fmt.Errorf("verify %s: payload of %d bytes is over the limit: %w", d, len(s.Payload), ErrSignature)
	}
	for _, k := range keys {
		public := ed25519.PublicKey(k)
		if len(public) != ed25519.PublicKeySize || envelope.KeyIDOf(public) != s.Key {
			continue
		}
		if !ed25519.Verify(public, message(d, s.Payload), s.Signature) {
			break
		}
		if err := json.Unmarshal(s.Payload, v); err != nil {
			return fmt.Errorf("verify %s: the signature is good but the content is not understood; a newer version may be needed", d)
		}
		return nil
	}
	return fmt.Errorf("verify %s: %w", d, ErrSignature)
}

func message(d Domain, payload []byte) []byte {
	m := make([]byte, 0, len("rollbridge//v1\x00")+len(d)+len(payload))
	m = append(m, "rollbridge/"...)
	m = append(m, d...)
	m = append(m, "/v1\x00"...)
	return append(m, payload...)
}
