package protocol

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// A RevocationCode stops a school without its machine: the agent makes it for
// the head teacher's safe, and only its Hash is sent. It prints as one fixed
// word; Reveal is for the places that show it to the person whose it is.
type RevocationCode struct{ text string }

// The reasons why a typed text is not a revocation code. They hold nothing of
// it.
var (
	ErrRevocationForm  = errors.New("a revocation code is 25 letters and digits in five groups, such as 0000A-0000B-0000C-0000D-0000E; type it as it stands on the paper from the head teacher's safe")
	ErrRevocationCheck = errors.New("the code has a slip in it: its last two characters do not match the others; compare it with the paper, character by character")
)

const (
	revocationLen   = 25
	revocationCheck = 2 // the last characters: a slip is noticed 1023 times of 1024
	revocationGroup = 5
	maxTyped        = 200
)

// NewRevocationCode makes a code with 115 bits.
func NewRevocationCode() RevocationCode {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // it never fails: crypto/rand ends the program first
	text := codeEncoding.EncodeToString(raw[:])[:revocationLen-revocationCheck]
	return RevocationCode{text + revocationSum(text)}
}

func revocationSum(text string) string {
	sum := sha256.Sum256([]byte("rollbridge/revocation/v1\x00" + text))
	return codeEncoding.EncodeToString(sum[:])[:revocationCheck]
}

// ParseRevocationCode reads a typed code: case, spaces and hyphens do not
// matter, nor O for 0 and I or L for 1. Errors are ErrRevocationForm or
// ErrRevocationCheck.
func ParseRevocationCode(typed string) (RevocationCode, error) {
	if len(typed) > maxTyped {
		return RevocationCode{}, ErrRevocationForm
	}
	text := strings.ToUpper(plainCode(typed))
	if len(text) != revocationLen {
		return RevocationCode{}, ErrRevocationForm
	}
	if _, err := codeEncoding.DecodeString(text[:revocationLen-1]); err != nil { // 24 characters are whole bytes
		return RevocationCode{}, ErrRevocationForm
	}
	body := text[:revocationLen-revocationCheck]
	if text != body+revocationSum(body) {
		return RevocationCode{}, ErrRevocationCheck
	}
	return RevocationCode{text}, nil
}

// Reveal is the code as a person reads it, in groups of five.
func (c RevocationCode) Reveal() string {
	groups := make([]string, 0, revocationLen/revocationGroup)
	for i := 0; i+revocationGroup <= len(c.text); i += revocationGroup {
		groups = append(groups, c.text[i:i+revocationGroup])
	}
	return strings.Join(groups, "-")
}

// Hash is what the collector knows of the code.
func (c RevocationCode) Hash() [sha256.Size]byte { return sha256.Sum256([]byte(c.text)) }

// LogValue is one fixed word.
func (c RevocationCode) LogValue() slog.Value { return slog.StringValue("[revocation code]") }

// Format is one fixed word for every verb.
func (c RevocationCode) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[revocation code]") }
