package vault

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/shared/envelope"
)

func TestHold(t *testing.T) {
	v, dir := made(t)
	_, w, err := v.NewKey(owner)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	h, err := v.NewHold(Hold{School: owner.School, Generation: 3, Created: now})
	if err != nil {
		t.Fatal(err)
	}
	k, err := v.Keeper(h)
	if err != nil {
		t.Fatal(err)
	}
	held, err := k.Hold(owner, w)
	if err != nil || held.Epoch != 0 {
		t.Fatalf("epoch %d, %v", held.Epoch, err)
	}
	if _, err := v.Unwrap(owner, held); !errors.Is(err, ErrHeld) {
		t.Errorf("a held key opens: %v", err)
	}
	// Another process on the same directory knows of it.
	other := opened(t, dir)
	if _, err := other.Held(h.ID, owner, held.Key); err != nil {
		t.Error(err)
	}
	for _, o := range []Owner{{"ash", owner.Pupil}, {owner.School, ""}} {
		if _, err := other.Held(h.ID, o, held.Key); !errors.Is(err, ErrOpen) {
			t.Errorf("it opens for %+v: %v", o, err)
		}
	}
	// Neither epochs nor their end touch it.
	for range 3 {
		if err := v.New(now); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := other.Holds(); err != nil || len(list) != 1 || list[0] != h {
		t.Errorf("listed %+v, %v", list, err)
	}
	for range 2 {
		if err := v.DestroyHold(h); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.Held(h.ID, owner, held.Key); !errors.Is(err, ErrMissing) {
		t.Errorf("a destroyed hold key opens: %v", err)
	}
	h.Live = false
	if list, err := other.Holds(); err != nil || len(list) != 1 || list[0] != h {
		t.Errorf("listed %+v, %v", list, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "hold-*.key*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
	// What comes under a destroyed one opens never again.
	if k, err = v.Keeper(h); err != nil {
		t.Fatal(err)
	}
	if gone, err := k.Hold(owner, w); err != nil || gone.Epoch != 0 || len(gone.Key) != 0 {
		t.Errorf("%+v, %v", gone, err)
	}
}

func TestCrashWhileDestroyingAHold(t *testing.T) {
	v, dir := made(t)
	h, err := v.NewHold(Hold{School: "oak", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "hold-"+h.ID.String()+".key")
	// After the note, before the key.
	if err := createHoldFile(v.holdPath(h.ID, goneSuffix), holdFile{Hold: h}); err != nil {
		t.Fatal(err)
	}
	if list, err := v.Holds(); err != nil || len(list) != 1 || !list[0].Live {
		t.Errorf("listed %+v, %v", list, err)
	}
	// Between overwriting and removing.
	if err := os.Rename(name, name+destroyedSuffix); err != nil {
		t.Fatal(err)
	}
	if list, err := v.Holds(); err != nil || len(list) != 1 || list[0].Live {
		t.Errorf("listed %+v, %v", list, err)
	}
	if _, err := v.Expired(time.Now()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(name + "*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDamagedHold(t *testing.T) {
	v, dir := made(t)
	h, err := v.NewHold(Hold{School: "oak", Generation: 1})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "hold-"+h.ID.String()+".key")
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Keeper(h); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("a damaged hold key: %v", err)
	}
	if _, err := v.Holds(); err == nil {
		t.Error("a damaged hold key is listed")
	}
	if _, err := v.Held(envelope.KeyID{9}, owner, nil); !errors.Is(err, ErrMissing) {
		t.Errorf("no hold key: %v", err)
	}
}
