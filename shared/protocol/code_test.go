package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func testCode(pin []byte) Code {
	c := Code{URL: "https://collector.example.org:8443", Pin: pin}
	copy(c.Seed[:], bytes.Repeat([]byte{7}, 32))
	copy(c.Root[:], bytes.Repeat([]byte{9}, 32))
	return c
}

// The form is published: an agent of any age reads a code of this version.
func TestCodeForm(t *testing.T) {
	const want = "RB1-040"
	text := testCode(nil).String()
	if !strings.HasPrefix(text, want) || len(text) > 250 {
		t.Errorf("the code is %q", text)
	}
	for name, pasted := range map[string]string{
		"as made": text, "in lower case": strings.ToLower(text), "without hyphens": strings.ReplaceAll(text, "-", ""),
		"in lines": strings.ReplaceAll(text, "-", "\r\n "), "in quotes": `"` + text + `"`,
		"with letters read for digits": strings.NewReplacer("0", "O", "1", "l").Replace(text[3:]),
	} {
		if name == "with letters read for digits" {
			pasted = "RB1" + pasted
		}
		c, err := ParseCode(pasted)
		if err != nil || !cmp.Equal(c, testCode(nil)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCodeIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := testCode(nil)
		if rapid.Bool().Draw(t, "pinned") {
			c.Pin = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "pin")
		}
		copy(c.Seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		text := c.String()
		if back, err := ParseCode(text); err != nil || !cmp.Equal(back, c) {
			t.Fatalf("%v", err)
		}
		// One character typed wrongly is noticed.
		i := rapid.IntRange(4, len(text)-1).Draw(t, "place")
		for _, r := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			typed := text[:i] + string(r) + text[i+1:]
			if text[i] == '-' || typed == text {
				continue
			}
			if back, err := ParseCode(typed); err == nil && !cmp.Equal(back, c) {
				t.Fatalf("a wrong character at %d gives another code", i)
			}
		}
	})
}

func TestNotACode(t *testing.T) {
	good := testCode(nil).String()
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"nothing":           {"", ErrCodeForm},
		"something else":    {"https://collector.example.org", ErrCodeForm},
		"no prefix":         {good[4:], ErrCodeForm},
		"the prefix only":   {"RB1", ErrCodeForm},
		"cut short":         {good[:len(good)-9], ErrCodeCheck},
		"a strange letter":  {good[:10] + "U" + good[11:], ErrCodeForm},
		"very long":         {good + strings.Repeat("0", 2000), ErrCodeForm},
		"a changed letter":  {good[:20] + swapped(good[20]) + good[21:], ErrCodeCheck},
		"two parts swapped": {good[:10] + good[16:21] + "-" + good[10:15] + good[21:], ErrCodeCheck},
	} {
		_, err := ParseCode(c.text)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && len(c.text) > 20 && strings.Contains(err.Error(), c.text[10:20]) {
			t.Errorf("%s: the error repeats the code", name)
		}
	}
	for _, address := range []string{
		"", "http://x.example", "collector.example.org", "https://", "https://:443", "https://x.example/path", "https://x.example?q=1", "https://x.example?",
		"https://x.example#f", "https://user:word@x.example", "https://" + strings.Repeat("x", 300) + ".example",
	} {
		if _, err := NewCode(address, Fingerprint{}, nil); !errors.Is(err, ErrCodeForm) {
			t.Errorf("a code was made for %q: %v", address, err)
		}
	}
}

func swapped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestCodeKeepsItsSecret(t *testing.T) {
	c, err := NewCode("https://x.example", Fingerprint{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewCode("https://x.example", Fingerprint{1}, nil)
	if err != nil || c.ID() == other.ID() || c.Seed == other.Seed {
		t.Errorf("two codes are alike (%v)", err)
	}
	if text := fmt.Sprintf("%#v", c); strings.Contains(text, fmt.Sprintf("%x", c.Seed[:4])) || !strings.Contains(text, c.ID().String()) {
		t.Errorf("printed as %s", text)
	}
	var back CodeID
	text, err := c.ID().MarshalText()
	if err != nil || back.UnmarshalText(text) != nil || back != c.ID() {
		t.Errorf("id %s came back as %s", c.ID(), back)
	}
	if back.UnmarshalText([]byte("12")) == nil {
		t.Error("a short id was read")
	}
}

func TestPhrase(t *testing.T) {
	root, sign := Fingerprint{1}, publicOf(testKey(1))
	phrase := Phrase(root, sign, []byte("receive"))
	if phrase != Phrase(root, sign, []byte("receive")) || len(phrase) != 17 || strings.Count(phrase, "-") != 2 {
		t.Errorf("phrase %q", phrase)
	}
	for name, other := range map[string]string{
		"root": Phrase(Fingerprint{2}, sign, []byte("receive")), "sign": Phrase(root, publicOf(testKey(2)), []byte("receive")),
		"receive": Phrase(root, sign, []byte("another")), "the border between the keys": Phrase(root, append(sign, 'r'), []byte("eceive")),
	} {
		if other == phrase {
			t.Errorf("another %s gives the same phrase", name)
		}
	}
}

// FuzzCode: what is read is what String makes, and errors are of two kinds.
func FuzzCode(f *testing.F) {
	f.Add(testCode(nil).String())
	f.Add(testCode(bytes.Repeat([]byte{3}, 32)).String())
	f.Add("RB1-")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCode(text)
		if err != nil {
			if !errors.Is(err, ErrCodeForm) && !errors.Is(err, ErrCodeCheck) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		back, err := ParseCode(c.String())
		if err != nil || !cmp.Equal(back, c) {
			t.Fatalf("not read back: %v", err)
		}
	})
}
