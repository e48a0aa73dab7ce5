package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func opened(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func made(t *testing.T) (*Vault, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "vault")
	if err := Init(dir); err != nil {
		t.Fatal(err)
	}
	return opened(t, dir), dir
}

var owner = Owner{School: "oak", Pupil: "00112233445566778899aabbccddeeff"}

func TestOnlyTheOwnersRowOpens(t *testing.T) {
	v, _ := made(t)
	key, w, err := v.NewKey(owner)
	if err != nil {
		t.Fatal(err)
	}
	name := Name{"oak", "pupil", "k", 1}
	sealed, err := key.Seal(name, []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := v.Unwrap(owner, w)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := again.Open(name, sealed); err != nil || string(plain) != "content" {
		t.Errorf("%q, %v", plain, err)
	}
	for _, n := range []Name{{"ash", "pupil", "k", 1}, {"oak", "contact", "k", 1}, {"oak", "pupil", "l", 1}, {"oak", "pupil", "k", 2}, {"oakp", "upil", "k", 1}} {
		if _, err := key.Open(n, sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("it opens as %+v: %v", n, err)
		}
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := key.Open(name, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("changed bytes open: %v", err)
	}
	if _, err := key.Open(name, sealed[:5]); !errors.Is(err, ErrOpen) {
		t.Errorf("cut bytes open: %v", err)
	}
	for _, o := range []Owner{{"ash", owner.Pupil}, {"oak", ""}} {
		if _, err := v.Unwrap(o, w); !errors.Is(err, ErrOpen) {
			t.Errorf("the key opens for %+v: %v", o, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %x %s", key, key, key, key); strings.Count(text, "[vault key]") != 4 {
		t.Errorf("a key prints as %q", text)
	}
}

func TestEpochs(t *testing.T) {
	v, dir := made(t)
	other := opened(t, dir)
	_, w, err := v.NewKey(owner)
	if err != nil {
		t.Fatal(err)
	}
	_, begun := v.Newest()
	if did, err := v.Advance(begun.Add(EpochLife - time.Second)); err != nil || did {
		t.Errorf("a new epoch on the first day: %v, %v", did, err)
	}
	if did, err := v.Advance(begun.Add(EpochLife)); err != nil || !did {
		t.Fatalf("no new epoch on the second day: %v, %v", did, err)
	}
	// Another process takes it over instead of making a third.
	if did, err := other.Advance(begun.Add(EpochLife)); err != nil || did {
		t.Errorf("a second epoch of the same day: %v, %v", did, err)
	}
	if n, _ := other.Newest(); n != 2 {
		t.Errorf("the newest is %d", n)
	}
	next, err := v.Rewrap(owner, w)
	if err != nil || next.Epoch != 2 {
		t.Fatalf("epoch %d, %v", next.Epoch, err)
	}
	if old, err := v.Expired(begun.Add(EpochLife + EpochGrace - time.Second)); err != nil || len(old) != 0 {
		t.Errorf("expired too early: %v, %v", old, err)
	}
	old, err := v.Expired(begun.Add(EpochLife + EpochGrace))
	if err != nil || len(old) != 1 || old[0] != 1 {
		t.Fatalf("expired %v, %v", old, err)
	}
	if err := v.Destroy(2); err == nil {
		t.Error("the newest was destroyed")
	}
	for range 2 {
		if err := v.Destroy(1); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Epochs(); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Unwrap(owner, w); !errors.Is(err, ErrMissing) {
		t.Errorf("a destroyed epoch opens: %v", err)
	}
	if _, err := other.Unwrap(owner, next); err != nil {
		t.Error(err)
	}
}

// A clock that was a year ahead for a moment delays neither new epochs nor the
// end of old ones.
func TestClockThatWasAhead(t *testing.T) {
	v, _ := made(t)
	_, begun := v.Newest()
	if did, err := v.Advance(begun.AddDate(1, 0, 0)); err != nil || !did {
		t.Fatalf("no epoch of the wrong clock: %v, %v", did, err)
	}
	right := begun.Add(time.Hour)
	if did, err := v.Advance(right); err != nil || !did {
		t.Fatalf("the epoch of the wrong clock stays the newest: %v, %v", did, err)
	}
	if did, err := v.Advance(right.Add(time.Minute)); err != nil || did {
		t.Errorf("an epoch of the right clock is not enough: %v, %v", did, err)
	}
	old, err := v.Expired(right.Add(EpochGrace))
	if err != nil || len(old) != 2 || old[0] != 1 || old[1] != 2 {
		t.Errorf("expired %v, %v", old, err)
	}
	if old, err := v.Expired(right.Add(EpochGrace - time.Second)); err != nil || len(old) != 0 {
		t.Errorf("expired too early: %v, %v", old, err)
	}
}

// A process that opened nothing for weeks must not wrap by an epoch key that
// another process has destroyed meanwhile.
func TestIdleProcessWrapsByTheNewestEpoch(t *testing.T) {
	v, dir := made(t)
	idle := opened(t, dir)
	_, begun := v.Newest()
	if did, err := v.Advance(begun.Add(EpochLife)); err != nil || !did {
		t.Fatalf("no new epoch: %v, %v", did, err)
	}
	if err := v.Destroy(1); err != nil {
		t.Fatal(err)
	}
	_, w, err := idle.NewKey(owner)
	if err != nil || w.Epoch != 2 {
		t.Fatalf("wrapped by epoch %d, %v", w.Epoch, err)
	}
	if _, err := v.Unwrap(owner, w); err != nil {
		t.Error(err)
	}
}

func TestCrashWhileDestroying(t *testing.T) {
	v, dir := made(t)
	if err := v.New(time.Now()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "epoch-1.key")
	if err := os.Rename(name, name+destroyedSuffix); err != nil {
		t.Fatal(err)
	}
	w := opened(t, dir)
	if _, err := w.Expired(time.Now()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(name + "*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestInitTwiceAndDamage(t *testing.T) {
	_, dir := made(t)
	if err := Init(dir); err == nil {
		t.Error("a second Init was accepted")
	}
	opened(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, name := range []string{"kek.key", "index.key", "epoch-1.key"} {
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("damaged %s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); !errors.Is(err, ErrMissing) {
			t.Errorf("missing %s: %v", name, err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opened(t, dir)
}

func TestBlindIndex(t *testing.T) {
	v, dir := made(t)
	other, _ := made(t)
	a := string(v.BlindIndex("A"))
	if a != string(opened(t, dir).BlindIndex("A")) || a == string(v.BlindIndex("B")) || a == string(other.BlindIndex("A")) {
		t.Error("the index is not a function of key and UPN")
	}
}
