package school

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/outbox"
)

// A self-test says what every version needs and cannot use, and nothing of what
// is merely not there, in use, or over.
func TestSelfTest(t *testing.T) {
	fresh := func(t *testing.T) string {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	enrolled := func(t *testing.T) string {
		dir := fresh(t)
		if _, err := identity.Create(dir); err != nil {
			t.Fatal(err)
		}
		box, err := outbox.Open(dir, &nowhere{}, outbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := box.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key := func(dir string) string { return filepath.Join(dir, "identity", "sign.key") }
	for name, c := range map[string]struct {
		make func(t *testing.T) string
		want string
	}{
		"not enrolled": {fresh, ""},
		"no directory": {func(t *testing.T) string { return filepath.Join(fresh(t), "none") }, ""},
		"all is well":  {enrolled, ""},
		"no state yet": {func(t *testing.T) string { d := enrolled(t); must(t, os.Remove(statePath(d))); return d }, ""},
		"in use": {func(t *testing.T) string {
			d := enrolled(t)
			lock, err := LockState(t.Context(), d, time.Second)
			must(t, err)
			t.Cleanup(lock.Release)
			must(t, os.Truncate(statePath(d), 10))
			return d
		}, ""},
		"a key is cut off":     {func(t *testing.T) string { d := enrolled(t); must(t, os.Truncate(key(d), 3)); return d }, TestKey},
		"the state is cut off": {func(t *testing.T) string { d := enrolled(t); must(t, os.Truncate(statePath(d), 5000)); return d }, TestStore},
		"revoked, and the keys are going": {func(t *testing.T) string {
			d := enrolled(t)
			must(t, errors.Join(SetRevoked(d, ""), os.Truncate(key(d), 3)))
			return d
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed, err := SelfTest(c.make(t))
			if failed != c.want || (err != nil) != (c.want != "") {
				t.Errorf("%q, %v; want %q", failed, err, c.want)
			}
		})
	}
}

// nowhere is a journal that keeps nothing.
type nowhere struct{ n uint64 }

func (j *nowhere) Next() uint64 { return j.n + 1 }

func (j *nowhere) Append(time.Time, outbox.Event, json.RawMessage) error {
	j.n++
	return nil
}

func (j *nowhere) Holds(uint64, time.Time, outbox.Event, json.RawMessage) (bool, error) {
	return true, nil
}

// A loop that neither looks nor does anything is not well; a long duty is.
func TestPace(t *testing.T) {
	var p pace
	if !p.good() {
		t.Error("a loop that does not run is not well")
	}
	p.turn(true, true)
	p.turned = p.turned.Add(-time.Hour)
	if !p.good() {
		t.Error("a long duty is not well")
	}
	p.turn(true, false)
	if !p.good() {
		t.Error("a loop that goes on is not well")
	}
	p.turned = p.turned.Add(-stuck)
	if p.good() {
		t.Error("a loop that no longer looks is well")
	}
}
