package protocol_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollbridge/shared/protocol"
)

func TestRevocationCode(t *testing.T) {
	code := protocol.NewRevocationCode()
	text := code.Reveal()
	if len(text) != 29 || strings.Count(text, "-") != 4 || code == protocol.NewRevocationCode() {
		t.Fatal("it is not 25 characters in five groups, or always the same")
	}
	for _, typed := range []string{text, strings.ToLower(text), strings.ReplaceAll(text, "-", ""), " " + strings.ReplaceAll(text, "-", " ") + "\r\n",
		strings.ReplaceAll(strings.ReplaceAll(text, "0", "o"), "1", "l")} {
		if got, err := protocol.ParseRevocationCode(typed); err != nil || got != code || got.Hash() != code.Hash() {
			t.Errorf("another way to type it: %v", err)
		}
	}
	for _, typed := range []string{"", text[1:], text + "0", strings.Replace(text, text[3:4], "U", 1), strings.Repeat("0", 1000)} {
		if _, err := protocol.ParseRevocationCode(typed); !errors.Is(err, protocol.ErrRevocationForm) {
			t.Errorf("%d characters: %v", len(typed), err)
		}
	}
	if shown := fmt.Sprintf("%v %s %+v %q", code, code, code, code); strings.Count(shown, "[revocation code]") != 4 {
		t.Errorf("it prints as %s", shown)
	}
}

// A slip of one character, or two neighbours changed about, is noticed (nearly)
// always.
func TestRevocationCodeNoticesSlips(t *testing.T) {
	const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	missed, tried := 0, 0
	for range 20 {
		text := strings.ReplaceAll(protocol.NewRevocationCode().Reveal(), "-", "")
		try := func(slip string) {
			if slip == text {
				return
			}
			tried++
			if _, err := protocol.ParseRevocationCode(slip); err == nil {
				missed++
			} else if !errors.Is(err, protocol.ErrRevocationCheck) {
				t.Errorf("a slip is called %v", err)
			}
		}
		for i := range text {
			for _, c := range alphabet {
				try(text[:i] + string(c) + text[i+1:])
			}
			if i > 0 {
				try(text[:i-1] + text[i:i+1] + text[i-1:i] + text[i+1:])
			}
		}
	}
	if missed > tried/200 {
		t.Errorf("%d of %d slips are not noticed", missed, tried)
	}
}
