package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// TestCodes pastes every kind of wrong code: each is refused with what to do,
// and the school's data directory holds no identity afterwards.
func TestCodes(t *testing.T) {
	t.Parallel()
	clock := filepath.Join(t.TempDir(), "clock")
	setClock(t, clock, 0)
	w, code := newWorld(t, small(), stack.CollectorOptions{Clock: clock})
	good, err := protocol.ParseCode(code)
	w.must(err)

	otherRoot := good
	otherRoot.Root[0] ^= 1
	stranger, err := protocol.NewCode(good.URL, good.Root, good.Pin)
	w.must(err)
	nobody := good
	address, err := stack.FreeAddress()
	w.must(err)
	nobody.URL = "https://" + address
	mistyped := []byte(code)
	mistyped[40] = map[bool]byte{true: 'A', false: 'B'}[mistyped[40] == 'B']

	for _, c := range []struct{ name, code, says string }{
		{"mistyped", string(mistyped), "check characters"},
		{"half", code[:len(code)/2], "copy"},
		{"empty", "", "code"},
		{"another collector's", otherRoot.String(), "collector"},
		{"not made by this collector", stranger.String(), "code"},
		{"nobody there", nobody.String(), "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.refusedCode(t, c.code, c.says, clock)
		})
	}
	t.Run("expired", func(t *testing.T) {
		setClock(t, clock, protocol.CodeLife+time.Hour)
		w.refusedCode(t, code, "72 hours", clock)
		setClock(t, clock, 0)
	})
	t.Run("used", func(t *testing.T) {
		first, err := stack.NewAgent(programs, filepath.Join(t.TempDir(), "first"), w.source(), stack.AgentOptions{Clock: clock})
		w.must(err)
		phrase, err := first.Enrol(w.ctx, code)
		w.must(err)
		w.confirm(phrase)
		w.refusedCode(t, code, "used", clock)
		// The machine that used it may paste it again and hears the same.
		again, err := first.Enrol(w.ctx, code)
		w.must(err)
		if again != phrase {
			t.Errorf("the same code on the same machine showed another phrase")
		}
	})
}

func setClock(t *testing.T, file string, ahead time.Duration) {
	t.Helper()
	// Written beside and renamed, so that no program reads half a file.
	if err := os.WriteFile(file+".new", []byte(ahead.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func (w *world) refusedCode(t *testing.T, code, says, clock string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "agent")
	a, err := stack.NewAgent(programs, dir, w.source(), stack.AgentOptions{Clock: clock})
	w.must(err)
	r, err := a.Try(w.ctx, "enrol", code, "--accept")
	w.must(err)
	if r.Code == 0 {
		t.Fatalf("the code was taken:\n%s", r.Stdout)
	}
	text := r.Stdout + r.Stderr
	if !strings.Contains(text, says) {
		t.Errorf("the refusal does not say %q:\n%s", says, text)
	}
	if code != "" && strings.Contains(text, code) {
		t.Error("the refusal repeats the code, which is a secret")
	}
	s, err := a.Try(w.ctx, "status")
	w.must(err)
	if !strings.Contains(strings.ToLower(s.Stdout+s.Stderr), "not enrolled") && !strings.Contains(s.Stdout+s.Stderr, "Not set up yet") {
		t.Errorf("after a refused code the agent does not say that it is not enrolled:\n%s%s", s.Stdout, s.Stderr)
	}
}
