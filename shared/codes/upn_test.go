package codes

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type vector struct{ kind, value, expected, why string }

// vectors reads testdata/upn_uln_vectors.csv. The values are made up, so failures may print them.
func vectors(t testing.TB, kind string) []vector {
	t.Helper()
	f, err := os.Open("testdata/upn_uln_vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	for _, r := range rows[1:] {
		if r[0] == kind {
			list = append(list, vector{r[0], r[1], r[2], r[3]})
		}
	}
	if len(list) == 0 {
		t.Fatalf("no vectors of kind %s", kind)
	}
	return list
}

func TestUPNVectors(t *testing.T) {
	for _, v := range vectors(t, "UPN") {
		u, err := ParseUPN(v.value)
		switch v.expected {
		case "valid":
			if err != nil || u.Reveal() != v.value {
				t.Errorf("%s (%s): got %s, %v", v.value, v.why, u.Reveal(), err)
			}
			if want := strings.HasPrefix(v.why, "temporary"); u.Temporary() != want {
				t.Errorf("%s: temporary is %t, want %t", v.value, u.Temporary(), want)
			}
			made, err := MakeUPN(v.value[1:])
			if err != nil || made != u {
				t.Errorf("MakeUPN of %s: got %s, %v", v.value[1:], made.Reveal(), err)
			}
		case "valid_after_normalising":
			if err != nil || u.Reveal() != strings.ToUpper(v.value) {
				t.Errorf("%s (%s): got %s, %v", v.value, v.why, u.Reveal(), err)
			}
		case "invalid":
			if err == nil {
				t.Errorf("%s (%s): accepted", v.value, v.why)
			}
		default:
			t.Errorf("%s: unknown expectation %s", v.value, v.expected)
		}
	}
}

func TestUPNFaults(t *testing.T) {
	for value, want := range map[string]UPNFault{
		"":                       UPNEmpty,
		" \t\u00a0":              UPNEmpty,
		"B80120000500":           UPNLength,
		"B8012000050011":         UPNLength,
		strings.Repeat("1", 1e6): UPNLength,
		"I801200005001":          UPNAlphabet,
		"X80120000A001":          UPNAlphabet,
		"Y33030011900O":          UPNAlphabet,
		"1801200005001":          UPNAlphabet,
		"B80120000500\u0661":     UPNAlphabet, // thirteen characters, one an Arabic digit
		"\u212a33030011900Z":     UPNAlphabet, // the Kelvin sign looks like K
		"A801200005001":          UPNCheckLetter,
		"Q207000016049":          UPNCheckLetter,
		"E000200005001":          UPNUnknownAuthority,
	} {
		u, err := ParseUPN(value)
		var fault *UPNError
		if !errors.As(err, &fault) || fault.Kind != want {
			t.Errorf("%.20q: got %v, want the fault %q", value, err, want)
			continue
		}
		if errors.Is(err, ErrUnknownAuthority) != (want == UPNUnknownAuthority) {
			t.Errorf("%.20q: errors.Is(ErrUnknownAuthority) is wrong", value)
		}
		if (u != "") != (want == UPNUnknownAuthority) {
			t.Errorf("%.20q: the UPN is returned with the fault %q", value, want)
		}
	}
	// Well formed but from an authority that never gave out UPNs: a Scottish council and a county before 1999.
	for _, digits := range []string{"601200005001", "901200005001"} {
		u, err := MakeUPN(digits)
		if !errors.Is(err, ErrUnknownAuthority) || u.Authority() != digits[:3] {
			t.Errorf("%s: got authority %q and %v", digits, u.Authority(), err)
		}
	}
	// A former authority stays in UPNs for ever.
	if u, err := MakeUPN("909200005001"); err != nil || u.Authority() != "909" {
		t.Errorf("Cumbria: %v", err)
	}
	for _, digits := range []string{"", "80120000500", "8012000050011", "80120000500O", "80120000A001"} {
		if u, err := MakeUPN(digits); err == nil || u != "" {
			t.Errorf("MakeUPN(%q) was accepted", digits)
		}
	}
}

func TestUPNOfTheWrongLengthDoesNotPanic(t *testing.T) {
	for _, u := range []UPN{"", "A", "A8012000050012"} {
		if u.Temporary() || u.Authority() != "" {
			t.Errorf("a UPN of %d characters has a form", len(u))
		}
	}
}

// Every verb, and slog in both formats, must print the word and never the number.
func TestUPNIsNeverPrinted(t *testing.T) {
	u, err := ParseUPN("B801200005001")
	if err != nil {
		t.Fatal(err)
	}
	type holder struct{ Number UPN }
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%20s", "%.3s"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", u, &u, holder{u})
		if got := fmt.Sprintf(verb, u); got != upnWord {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	fmt.Fprintln(&out, u, []UPN{u}, map[UPN]UPN{u: u}, fmt.Errorf("read pupil: %v", u), u.String(), u.GoString())
	slog.New(slog.NewTextHandler(&out, nil)).Info("read", "upn", u)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("read", "upn", u)
	printed := out.String()
	for _, secret := range []string{"B801200005001", "801200", fmt.Sprintf("%x", "B801"), fmt.Sprintf("%X", "B801")} {
		if strings.Contains(printed, secret) {
			t.Errorf("a UPN was printed (as %s)", secret)
		}
	}
}

func TestUPNJSONIsTheNumber(t *testing.T) {
	body, err := json.Marshal(map[string]UPN{"upn": "B801200005001"})
	if err != nil || string(body) != `{"upn":"B801200005001"}` {
		t.Fatalf("got %s, %v", body, err)
	}
	var back map[string]UPN
	if err := json.Unmarshal(body, &back); err != nil || back["upn"] != "B801200005001" {
		t.Fatalf("read back %s, %v", back["upn"].Reveal(), err)
	}
}

// upnDigits draws the twelve characters after a check letter, of an authority that gives out UPNs.
func upnDigits(t *rapid.T) string {
	var giving []string
	for _, a := range Authorities() {
		if a.UPNOK {
			giving = append(giving, a.Code)
		}
	}
	return rapid.SampledFrom(giving).Draw(t, "authority") +
		rapid.StringMatching(`[0-9]{8}[0-9A-HJ-NP-RT-Z]`).Draw(t, "rest")
}

// The check letter is for this: one wrong character, or two neighbours swapped, must be noticed.
func TestUPNMistypedIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, err := MakeUPN(upnDigits(t))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseUPN("  " + strings.ToLower(u.Reveal()) + "\n"); err != nil || back != u {
			t.Fatalf("%s does not survive spaces and case: %v", u.Reveal(), err)
		}
		spoiled := []byte(u.Reveal())
		i := rapid.IntRange(1, upnLength-2).Draw(t, "position")
		if rapid.Bool().Draw(t, "swap") && i < upnLength-2 {
			spoiled[i], spoiled[i+1] = spoiled[i+1], spoiled[i]
		} else {
			spoiled[i] = byte(rapid.IntRange('0', '9').Draw(t, "digit"))
		}
		if string(spoiled) == u.Reveal() {
			return // nothing was changed
		}
		_, err = ParseUPN(string(spoiled))
		var fault *UPNError
		if !errors.As(err, &fault) || fault.Kind != UPNCheckLetter {
			t.Fatalf("%s spoiled to %s: got %v", u.Reveal(), spoiled, err)
		}
	})
}

func TestULNVectors(t *testing.T) {
	for _, v := range vectors(t, "ULN") {
		got, err := ParseULN(v.value)
		if (err == nil) != (v.expected == "valid") || errors.Is(err, ErrReservedULN) != (v.expected == "reserved") {
			t.Errorf("%s (%s): got %v", v.value, v.why, err)
		}
		if (err == nil && got != v.value) || (err != nil && got != "") {
			t.Errorf("%s: returned %q", v.value, got)
		}
	}
}

func TestULNFaults(t *testing.T) {
	for value, want := range map[string]ULNFault{
		"":            ULNEmpty,
		"  ":          ULNEmpty,
		"123456789":   ULNLength,
		"12345678999": ULNLength,
		"0123456789":  ULNDigits,
		"12345A7899":  ULNDigits,
		"1234567890":  ULNCheckDigit,
		"9876543210":  ULNCheckDigit,
		"9999999999":  ULNReserved,
	} {
		_, err := ParseULN(value)
		var fault *ULNError
		if !errors.As(err, &fault) || fault.Kind != want {
			t.Errorf("%q: got %v, want the fault %q", value, err, want)
		} else if value != "" && strings.Contains(err.Error(), value) && strings.TrimSpace(value) != "" {
			t.Errorf("%q is in the error text", value)
		}
	}
	if got, err := ParseULN(" 1234567899\t"); err != nil || got != "1234567899" {
		t.Errorf("spaces: got %q, %v", got, err)
	}
}

// Of the ten last digits at most one fits, and none does where the remainder is 0.
func TestULNHasOneCheckDigitAtMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.StringMatching(`[1-9][0-9]{8}`).Draw(t, "first nine")
		sum := 0
		for i, c := range first {
			sum += int(c-'0') * (10 - i)
		}
		accepted := 0
		for last := '0'; last <= '9'; last++ {
			if _, err := ParseULN(first + string(last)); err == nil {
				accepted++
			}
		}
		want := 1
		if sum%11 == 0 {
			want = 0
		}
		if accepted != want {
			t.Fatalf("%s accepts %d check digits, want %d", first, accepted, want)
		}
	})
}

func FuzzParseUPN(f *testing.F) {
	for _, v := range vectors(f, "UPN") {
		f.Add(v.value)
	}
	f.Add("\u212a33030011900Z")
	f.Add(strings.Repeat("B801200005001", 100))
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseUPN(s)
		if err != nil {
			var fault *UPNError
			if !errors.As(err, &fault) || upnFaultText[fault.Kind] != err.Error() {
				t.Fatal("the error is not from the closed list")
			}
			if !errors.Is(err, ErrUnknownAuthority) {
				if u != "" {
					t.Fatal("a UPN came with its error")
				}
				return
			}
		}
		if !upnForm.MatchString(u.Reveal()) {
			t.Fatal("accepted a UPN that does not have the form of the standard")
		}
		again, errAgain := ParseUPN(u.Reveal())
		if again != u || !errors.Is(errAgain, err) {
			t.Fatal("reading a UPN again gives another answer")
		}
		made, errMade := MakeUPN(u.Reveal()[1:])
		if made != u || !errors.Is(errMade, err) {
			t.Fatal("making the UPN again gives another one")
		}
	})
}
