package mis

import (
	"errors"
	"strings"
	"testing"
)

// A damaged answer, cut or flipped anywhere, is a fault or another answer; it is
// never a panic, and no error quotes it.
func TestRESTDamagedAnswers(t *testing.T) {
	c := newCloud()
	p, at := restProfile(t, restYAML), c.start(t)
	good := strings.ReplaceAll(c.answers["contacts"].(string), "Carer", "Zqjx")
	c.answers["contacts"] = good
	whole := mustRead(t, p, at)
	try := func(text string, mayPass bool) {
		t.Helper()
		c.answers["contacts"] = text
		got, err := readAll(t, p, at, everybody)
		noCanary(t, err)
		var ours *Error
		if err != nil && !errors.As(err, &ours) {
			t.Fatalf("%T: %v", err, err)
		}
		if err == nil && !mayPass && len(got.Lines) == len(whole.Lines) {
			t.Errorf("read as if whole: %s", text)
		}
	}
	for i := range len(good) {
		try(good[:i], false)
		flipped := []byte(good)
		flipped[i] ^= 1 << (i % 8)
		try(string(flipped), true)
	}
}

// Whatever profile is accepted can be laid out; what it still asks of the school
// is said in the words of an *Error.
func FuzzRESTProfile(f *testing.F) {
	f.Add(restYAML)
	f.Add(gateYAML)
	f.Add(feedYAML)
	f.Add(strings.Replace(restYAML, "Surname: .surname", "Surname: '[.. | strings] | .[0:3]'", 1))
	f.Add(strings.Replace(gateYAML, "define: |", "define: >", 1))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProfile("test.yaml", []byte(text))
		if err != nil || p.Driver != driverREST {
			return
		}
		if err := Lint(p, Site{}); err != nil {
			t.Errorf("a profile that was accepted cannot be laid out: %v", err)
		}
		if _, err := Open(p, somewhere(p)); err != nil {
			var ours *Error
			if !errors.As(err, &ours) {
				t.Errorf("%T: %v", err, err)
			}
		}
	})
}
