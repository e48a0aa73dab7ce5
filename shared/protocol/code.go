package protocol

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A CodeID is the first 16 bytes of SHA-256 of the code's public key.
type CodeID [16]byte

// String is the id as 32 hexadecimal digits; it is no secret.
func (c CodeID) String() string { return hex.EncodeToString(c[:]) }

// MarshalText writes String.
func (c CodeID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (c *CodeID) UnmarshalText(t []byte) error {
	b, err := hex.DecodeString(string(t))
	if err != nil || len(b) != len(c) {
		return errors.New("a code id is 32 hexadecimal digits")
	}
	copy(c[:], b)
	return nil
}

// CodeLife is how long an enrolment code may be used.
const CodeLife = 72 * time.Hour

// A Code is the content of an enrolment code: one string that an operator
// makes for one school and a school pastes once (design.md §4). The seed is a
// secret that never travels; the collector keeps only the public key.
type Code struct {
	URL  string // https, no path
	Seed [32]byte
	Root Fingerprint
	// Pin, if not nil, is SHA-256 of the only TLS public key to accept.
	Pin []byte
}

// NewCode makes a code with a fresh seed.
func NewCode(address string, root Fingerprint, pin []byte) (Code, error) {
	c := Code{URL: address, Root: root, Pin: pin}
	if _, err := rand.Read(c.Seed[:]); err != nil {
		return Code{}, fmt.Errorf("make an enrolment code: %w", err)
	}
	return c, c.check()
}

// Key is the code's signing key.
func (c Code) Key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(c.Seed[:]) }

// ID is the code's id.
func (c Code) ID() CodeID { return CodeIDOf(c.Key().Public().(ed25519.PublicKey)) }

// CodeIDOf is the id of the code with this public key.
func CodeIDOf(key ed25519.PublicKey) CodeID {
	sum := sha256.Sum256(key)
	return CodeID(sum[:16])
}

// The reasons why a pasted string is not a code.
var (
	ErrCodeForm  = errors.New("this is not a Rollbridge enrolment code; copy the whole line that the operator sent, from RB1 to the end")
	ErrCodeCheck = errors.New("this enrolment code was changed on the way (its check characters do not match); copy it again from the operator's message")
)

const (
	codePrefix   = "RB1"
	codeVersion  = 1
	codeCheckLen = 5
	maxCodeURL   = 200
	maxCodeText  = 1000
)

// No I, L, O or U, as in Crockford's base 32, so that a code survives being
// read aloud.
var codeEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// String is the code to paste: "RB1-" and groups of five characters.
func (c Code) String() string {
	b := []byte{codeVersion, byte(len(c.Pin))}
	b = append(b, c.Seed[:]...)
	b = append(b, c.Root[:]...)
	b = append(b, c.Pin...)
	b = append(b, c.URL...)
	sum := sha256.Sum256(b)
	text := codeEncoding.EncodeToString(append(b, sum[:codeCheckLen]...))
	var s strings.Builder
	s.WriteString(codePrefix)
	for len(text) > 0 {
		n := min(5, len(text))
		s.WriteString("-" + text[:n])
		text = text[n:]
	}
	return s.String()
}

// ParseCode reads a pasted code: case, spaces, line breaks and hyphens do not
// matter. Errors are ErrCodeForm or ErrCodeCheck and hold nothing of the code.
func ParseCode(text string) (Code, error) {
	if len(text) > maxCodeText {
		return Code{}, ErrCodeForm
	}
	compact, found := strings.CutPrefix(strings.ToUpper(plainCode(text)), codePrefix)
	if !found {
		return Code{}, ErrCodeForm
	}
	b, err := codeEncoding.DecodeString(compact)
	if err != nil || len(b) < 2+32+32+codeCheckLen {
		return Code{}, ErrCodeForm
	}
	content, check := b[:len(b)-codeCheckLen], b[len(b)-codeCheckLen:]
	if sum := sha256.Sum256(content); string(sum[:codeCheckLen]) != string(check) {
		return Code{}, ErrCodeCheck
	}
	return decodeCode(content)
}

// plainCode takes away what does not matter in a code that a person typed.
func plainCode(text string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '\t', '\r', '\n', '-', '"', '\'':
			return -1
		case 'o', 'O':
			return '0'
		case 'i', 'I', 'l', 'L':
			return '1'
		}
		return r
	}, text)
}

func decodeCode(b []byte) (Code, error) {
	pinLen := int(b[1])
	if b[0] != codeVersion || (pinLen != 0 && pinLen != sha256.Size) || len(b) < 2+64+pinLen {
		return Code{}, fmt.Errorf("%w; a newer program may be needed", ErrCodeForm)
	}
	var c Code
	rest := b[2:]
	rest = rest[copy(c.Seed[:], rest):]
	rest = rest[copy(c.Root[:], rest):]
	if pinLen > 0 {
		c.Pin = append([]byte(nil), rest[:pinLen]...)
	}
	c.URL = string(rest[pinLen:])
	return c, c.check()
}

func (c Code) check() error {
	u, err := url.Parse(c.URL)
	bare := err == nil && u.Scheme == "https" && u.Hostname() != "" && (u.Path == "" || u.Path == "/") &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
	if !bare || len(c.URL) > maxCodeURL {
		return fmt.Errorf("%w: its collector address must be https://host[:port]", ErrCodeForm)
	}
	return nil
}

// A code prints as its id, so that no log can hold the secret; String is for
// the one place that shows it to the operator.
func (c Code) GoString() string { return "code " + c.ID().String() }

const (
	consonants = "bdfghjklmnprstvz"
	vowels     = "aiou"
)

// Phrase is what both sides show and a person compares before the operator
// confirms an agent: 48 bits of SHA-256 over the root key and the agent's two
// public keys, as three pronounceable words (proquints).
func Phrase(root Fingerprint, sign PublicKey, receive []byte) string {
	h := sha256.New()
	writePart := func(b []byte) {
		h.Write([]byte{byte(len(b) >> 8), byte(len(b))})
		h.Write(b)
	}
	writePart([]byte("rollbridge/phrase/v1"))
	writePart(root[:])
	writePart(sign)
	writePart(receive)
	sum := h.Sum(nil)
	words := make([]string, 3)
	for i := range words {
		n := uint16(sum[2*i])<<8 | uint16(sum[2*i+1])
		words[i] = string([]byte{
			consonants[n>>12&15], vowels[n>>10&3], consonants[n>>6&15], vowels[n>>4&3], consonants[n&15],
		})
	}
	return strings.Join(words, "-")
}
