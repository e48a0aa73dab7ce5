package identity

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestCreateLoadDestroy(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, ErrMissing) {
		t.Fatalf("Load before Create: %v; want ErrMissing", err)
	}
	// What a crash in the middle of an earlier Create leaves.
	if err := os.Mkdir(filepath.Join(dir, ".identity-123"), 0o700); err != nil {
		t.Fatal(err)
	}
	made, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%d entries after Create, %v; want the identity alone", len(names), err)
	}
	if _, err := Create(dir); !errors.Is(err, ErrExists) {
		t.Fatalf("second Create: %v; want ErrExists", err)
	}
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	same := made.Sign.Equal(loaded.Sign) && made.Logbook.Equal(loaded.Logbook) && bytes.Equal(made.IDKey, loaded.IDKey) &&
		bytes.Equal(made.LocalKey, loaded.LocalKey) && bytes.Equal(made.Receive.PublicKey().Bytes(), loaded.Receive.PublicKey().Bytes())
	if !same || bytes.Equal(made.IDKey, made.LocalKey) || made.Sign.Equal(made.Logbook) {
		t.Fatal("the loaded keys are not the made ones, or two of them are the same")
	}
	for range 2 {
		if err := Destroy(dir); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("%d entries left, %v", len(left), err)
	}
}

func TestReplaceIDKey(t *testing.T) {
	dir := t.TempDir()
	made, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	old := bytes.Repeat([]byte{7}, 32)
	if err := ReplaceIDKey(dir, old[:31]); err == nil {
		t.Fatal("a key of the wrong length was taken")
	}
	if err := ReplaceIDKey(dir, old); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(dir)
	if err != nil || !bytes.Equal(loaded.IDKey, old) || !loaded.Sign.Equal(made.Sign) {
		t.Fatalf("Load = %v; want the old id key and the other keys as they were", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, name := range []string{fileSign, fileReceive, fileID, fileLocal, fileLogbook} {
		for fault, spoil := range map[string]func(string) error{
			"gone":       os.Remove,
			"cut":        func(p string) error { return os.Truncate(p, 5) },
			"empty":      func(p string) error { return os.Truncate(p, 0) },
			"unreadable": func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) },
		} {
			dir := t.TempDir()
			if _, err := Create(dir); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(dir, dirName, name)); err != nil {
				t.Fatal(err)
			}
			i, err := Load(dir)
			if i != nil || err == nil || errors.Is(err, ErrMissing) {
				t.Errorf("%s %s: Load = %v; want an error of its own", name, fault, err)
			}
		}
	}
}

func TestPrintsNoKey(t *testing.T) {
	i, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := "agent " + i.Agent().String()
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(format, i); got != want {
			t.Errorf("%s prints %q; want %q", format, got, want)
		}
	}
}
