package codes

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// checkAlphabet holds the letters of a UPN in the order of their values, 0 to 22. I, O and S are never used.
const checkAlphabet = "ABCDEFGHJKLMNPQRTUVWXYZ"

const upnLength = 13

// UPN is a unique pupil number: a check letter, the three digits of the authority that gave it out, then eight digits and
// a last digit (permanent) or letter (temporary). One from [ParseUPN] or [MakeUPN] is well formed; one converted from a string or
// read from JSON is not checked.
//
// Every formatting verb and slog print the fixed word "[upn]"; [UPN.Reveal] and encoders (JSON among them, for sealed bodies)
// give the number. Package fmt cannot call methods on an unexported field and slog's JSON handler encodes a struct as JSON, so
// a struct that holds a UPN needs a LogValue of its own.
type UPN string

// upnWord stands for any UPN wherever one is printed.
const upnWord = "[upn]"

// UPNFault says what is wrong with a UPN; the list is closed.
type UPNFault string

// The faults of a UPN, in the order in which they are looked for.
const (
	UPNEmpty            UPNFault = "empty"
	UPNLength           UPNFault = "length"
	UPNAlphabet         UPNFault = "alphabet"
	UPNCheckLetter      UPNFault = "check letter"
	UPNUnknownAuthority UPNFault = "unknown authority"
)

var upnFaultText = map[UPNFault]string{
	UPNEmpty:    "the UPN is empty: leave out the UPN of a pupil who has none",
	UPNLength:   "the UPN does not have 13 characters: correct it in the MIS",
	UPNAlphabet: "the UPN has a character that is not allowed where it stands (a letter, eleven digits, then a digit or a letter; never I, O or S): correct it in the MIS",
	UPNCheckLetter: "the check letter of the UPN does not fit its digits, so at least one character is mistyped: " +
		"correct it in the MIS",
	UPNUnknownAuthority: "characters 2 to 4 of the UPN are not the code of an authority that gives out UPNs: " +
		"check it in the MIS; the UPN is otherwise well formed",
}

// UPNError is what [ParseUPN] and [MakeUPN] return. Its text never contains the value. Two are equal to errors.Is when their
// Kind is.
type UPNError struct{ Kind UPNFault }

// ErrUnknownAuthority matches, through errors.Is, a UPN that is well formed but carries an authority code that is not in
// the list. Validation warns of it and keeps the UPN (the list may be older than the code).
var ErrUnknownAuthority error = &UPNError{Kind: UPNUnknownAuthority}

func (e *UPNError) Error() string {
	if text, ok := upnFaultText[e.Kind]; ok {
		return text
	}
	return "the UPN is not valid: correct it in the MIS"
}

// Is makes errors.Is compare kinds.
func (e *UPNError) Is(target error) bool {
	t, ok := target.(*UPNError)
	return ok && t.Kind == e.Kind
}

// ParseUPN reads a UPN, trimming spaces and upper-casing first (DfE Common Basic Data Set item 100001). An error is always
// a *[UPNError] and the UPN is then empty, with one exception: with [ErrUnknownAuthority] the UPN is returned too, since all
// else about it is right and the caller only warns.
func ParseUPN(s string) (UPN, error) {
	t, err := normalise(s, upnLength)
	if err != nil {
		return "", err
	}
	want, ok := checkLetter(t[1:])
	if !ok || strings.IndexByte(checkAlphabet, t[0]) < 0 {
		return "", &UPNError{Kind: UPNAlphabet}
	}
	if t[0] != want {
		return "", &UPNError{Kind: UPNCheckLetter}
	}
	u := UPN(t)
	if a, known := LookupAuthority(u.Authority()); !known || !a.UPNOK {
		return u, &UPNError{Kind: UPNUnknownAuthority}
	}
	return u, nil
}

// MakeUPN puts the check letter before the twelve characters that follow it (eleven digits, then a digit or, for a temporary
// UPN, a letter). It is for making test data; the errors are those of [ParseUPN], and so is the treatment of an unknown authority.
func MakeUPN(digits12 string) (UPN, error) {
	t, err := normalise(digits12, upnLength-1)
	if err != nil {
		return "", err
	}
	letter, ok := checkLetter(t)
	if !ok {
		return "", &UPNError{Kind: UPNAlphabet}
	}
	return ParseUPN(string(letter) + t)
}

// normalise trims, upper-cases and checks the length in characters. The length comes before the upper-casing so that a
// megabyte in the wrong column costs nothing; only ASCII is upper-cased because no other letter may become a valid one.
func normalise(s string, length int) (string, error) {
	t := strings.TrimSpace(s)
	if t == "" {
		return "", &UPNError{Kind: UPNEmpty}
	}
	if len(t) > length*utf8.UTFMax || utf8.RuneCountInString(t) != length {
		return "", &UPNError{Kind: UPNLength}
	}
	if len(t) != length {
		return "", &UPNError{Kind: UPNAlphabet}
	}
	upper := []byte(t)
	for i, c := range upper {
		if 'a' <= c && c <= 'z' {
			upper[i] = c - 'a' + 'A'
		}
	}
	return string(upper), nil
}

// checkLetter computes the letter for characters 2 to 13: each times its position, summed, modulo 23. ok is false when a
// character is not allowed where it stands.
func checkLetter(rest string) (letter byte, ok bool) {
	sum := 0
	for i := range len(rest) {
		value := int(rest[i]) - '0'
		if value < 0 || value > 9 {
			value = strings.IndexByte(checkAlphabet, rest[i])
			if value < 0 || i != len(rest)-1 {
				return 0, false
			}
		}
		sum += value * (i + 2)
	}
	return checkAlphabet[sum%len(checkAlphabet)], true
}

// Temporary reports whether the UPN ends in a letter: legal, but to be replaced by a permanent one. It is false for a UPN
// that is not 13 characters long.
func (u UPN) Temporary() bool {
	if len(u) != upnLength {
		return false
	}
	last := u[upnLength-1]
	return last < '0' || last > '9'
}

// Authority is the code of the authority that gave the UPN out, which says nothing about where the pupil lives, learns or is
// cared for now. It is empty for a UPN that is not 13 characters long.
func (u UPN) Authority() string {
	if len(u) != upnLength {
		return ""
	}
	return string(u[1:4])
}

// Reveal is the number itself. Never pass it to a log, an error, a file name or a URL.
func (u UPN) Reveal() string { return string(u) }

// String is the fixed word "[upn]".
func (u UPN) String() string { return upnWord }

// GoString is the fixed word "[upn]".
func (u UPN) GoString() string { return upnWord }

// Format writes the fixed word "[upn]" for every verb: %x and %q would otherwise print the number.
func (u UPN) Format(s fmt.State, _ rune) {
	_, _ = s.Write([]byte(upnWord)) // fmt.State keeps its own error
}

// LogValue is the fixed word "[upn]".
func (u UPN) LogValue() slog.Value { return slog.StringValue(upnWord) }
