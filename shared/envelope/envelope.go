package envelope

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits, checked before anything is allocated.
const (
	// MaxBytes is the largest envelope: design.md §4 caps a batch at 4 MB sealed.
	MaxBytes = 4 << 20
	// MaxEnc bounds the encapsulated key (1,120 bytes in suite 1).
	MaxEnc = 2048
	// MaxPlain is the largest plaintext that Seal takes; it leaves room for
	// padding and header within MaxBytes.
	MaxPlain = 3_600_000
)

const (
	magic        = "RBE1"
	domainBatch  = "rollbridge/batch/v1\x00"
	infoBatch    = "rollbridge/batch/v1"
	signatureLen = ed25519.SignatureSize
)

// ErrSignature is returned where a signature does not match its key.
var ErrSignature = errors.New("signature does not match")

// ErrOpen is returned where a ciphertext does not open with the key given.
var ErrOpen = errors.New("cannot be opened with this key")

// An Envelope is a parsed, not yet verified and not yet opened message.
type Envelope struct {
	Header     Header
	headerRaw  []byte
	enc        []byte
	ciphertext []byte
	signature  []byte
	digest     Digest
}

// Digest names the envelope: SHA-256 of all its bytes.
func (e *Envelope) Digest() Digest { return e.digest }

// Seal pads plaintext, encrypts it to the sealing key with the header as
// associated data, signs, and returns the envelope's bytes and digest.
// plaintext is at most MaxPlain bytes and already compressed.
func Seal(h Header, plaintext []byte, to hpke.PublicKey, sign ed25519.PrivateKey) ([]byte, Digest, error) {
	if len(plaintext) > MaxPlain {
		return nil, Digest{}, fmt.Errorf("seal batch: body of %d bytes is over the limit of %d", len(plaintext), MaxPlain)
	}
	head, err := h.encode()
	if err != nil {
		return nil, Digest{}, fmt.Errorf("seal batch: %w", err)
	}
	enc, ciphertext, err := encrypt(to, infoBatch, head, pad(plaintext))
	if err != nil {
		return nil, Digest{}, fmt.Errorf("seal batch: %w", err)
	}
	b := make([]byte, 0, len(magic)+2+len(head)+2+len(enc)+4+len(ciphertext)+signatureLen)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(head)))
	b = append(b, head...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(enc)))
	b = append(b, enc...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(ciphertext)))
	b = append(b, ciphertext...)
	b = append(b, ed25519.Sign(sign, toSign(head, enc, ciphertext))...)
	return b, sha256.Sum256(b), nil
}

func toSign(head, enc, ciphertext []byte) []byte {
	body := sha256.New()
	body.Write(enc)
	body.Write(ciphertext)
	b := make([]byte, 0, len(domainBatch)+len(head)+sha256.Size)
	b = append(b, domainBatch...)
	b = append(b, head...)
	return body.Sum(b)
}

// Parse splits an envelope without copying it and checks its form; data must
// not change while the Envelope is in use. It proves nothing about the sender:
// Verify does. Errors wrap ErrMalformed or ErrVersion.
func Parse(data []byte) (*Envelope, error) {
	if len(data) > MaxBytes {
		return nil, malformed(fmt.Sprintf("%d bytes is over the limit of %d", len(data), MaxBytes))
	}
	rest := data
	take := func(n int) []byte {
		if n < 0 || n > len(rest) {
			return nil
		}
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	if string(take(len(magic))) != magic {
		return nil, malformed("it does not begin like one")
	}
	head := take(int(be16(take(2))))
	if head == nil {
		return nil, malformed("it is cut short in the header")
	}
	h, err := decodeHeader(head)
	if err != nil {
		return nil, err
	}
	encLen := int(be16(take(2)))
	if encLen == 0 || encLen > MaxEnc {
		return nil, malformed("the encapsulated key has a wrong length")
	}
	enc := take(encLen)
	ctLen := be32(take(4))
	if enc == nil || ctLen == 0 || int64(ctLen) != int64(len(rest))-signatureLen {
		return nil, malformed("it is cut short or too long")
	}
	e := &Envelope{Header: h, headerRaw: head, enc: enc, digest: sha256.Sum256(data)}
	e.ciphertext = take(int(ctLen))
	e.signature = take(signatureLen)
	return e, nil
}

func be16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func be32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// Verify returns nil if the holder of key's private part signed the envelope
// and the header's agent is that key's, else ErrSignature.
func (e *Envelope) Verify(key ed25519.PublicKey) error {
	if AgentOf(key) != e.Header.Agent || !ed25519.Verify(key, toSign(e.headerRaw, e.enc, e.ciphertext), e.signature) {
		return fmt.Errorf("verify batch: %w", ErrSignature)
	}
	return nil
}

// Open decrypts the body and takes the padding off. Errors wrap ErrOpen.
func (e *Envelope) Open(key hpke.PrivateKey) ([]byte, error) {
	padded, err := decrypt(key, infoBatch, e.headerRaw, e.enc, e.ciphertext)
	if err != nil {
		return nil, fmt.Errorf("open batch: %w", err)
	}
	plain, err := unpad(padded)
	if err != nil {
		return nil, fmt.Errorf("open batch: %w: %w", ErrOpen, err)
	}
	return plain, nil
}

// AgentOf is the agent id of a signing key.
func AgentOf(key ed25519.PublicKey) AgentID {
	sum := sha256.Sum256(key)
	return AgentID(sum[:16])
}

// KeyIDOf is the id of a public key, whatever its kind.
func KeyIDOf(public []byte) KeyID {
	sum := sha256.Sum256(public)
	return KeyID(sum[:8])
}
