package secret

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign.key")
	for _, want := range []string{"the first secret", "the second is longer"} {
		if err := Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path); err != nil || string(got) != want {
			t.Fatalf("Read = %q, %v; want %q", got, err, want)
		}
		if stored, err := os.ReadFile(path); err != nil || bytes.Contains(stored, []byte(want)) {
			t.Fatalf("the file holds the secret as it is, or cannot be read: %v", err)
		}
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 1 {
		t.Errorf("%d files in the directory, %v; want the secret alone", len(names), err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := Write(at("good"), []byte("a secret")); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(at("good"))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(stored)
	changed[len(changed)-1] ^= 1
	for name, content := range map[string][]byte{
		"changed": changed, "short": stored[:len(stored)-1], "plain": []byte("a secret"), "empty": nil,
		"large": bytes.Repeat([]byte("k"), 2*MaxBytes+1),
	} {
		if err := os.WriteFile(at(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(at("dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"changed": nil, "short": nil, "plain": nil, "empty": nil, "large": nil, "dir": ErrUnprotected, "missing": fs.ErrNotExist,
	} {
		data, err := Read(at(name))
		switch {
		case err == nil || data != nil:
			t.Errorf("%s was read", name)
		case want != nil && !errors.Is(err, want):
			t.Errorf("%s: %v; want %v", name, err, want)
		case strings.Contains(err.Error(), "a secret"):
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

// Whichever byte of a file is changed, no other secret is read from it.
func TestChangedByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign.key")
	if err := Write(path, []byte("a secret")); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range stored {
		changed := bytes.Clone(stored)
		changed[i] ^= 1
		data, err := unprotect(changed)
		switch {
		case err != nil:
			refused++
		case string(data) != "a secret":
			t.Errorf("byte %d of %d changed: read as another secret", i, len(stored))
		}
	}
	if refused < len(stored)/4 {
		t.Errorf("%d of %d changes are found", refused, len(stored))
	}
}

// A blob that another program sealed to this machine is not opened.
func TestAnotherProgramsBlob(t *testing.T) {
	var out windows.DataBlob
	if err := windows.CryptProtectData(blobOf([]byte("theirs")), nil, blobOf([]byte("another")), 0, nil,
		windows.CRYPTPROTECT_LOCAL_MACHINE|windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		t.Fatal(err)
	}
	theirs, err := taken(out)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := unprotect(theirs); err == nil {
		t.Errorf("opened: %q", data)
	}
}

// TestClosed looks at what Windows is given for what is made: SYSTEM,
// administrators and this account, nobody else, and nothing from above.
func TestClosed(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range []string{"", "OICI"} {
		sa, err := closed(flags, filepath.Join(t.TempDir(), "made"))
		if err != nil {
			t.Fatal(err)
		}
		control, _, err := sa.SecurityDescriptor.Control()
		if err != nil || control&windows.SE_DACL_PROTECTED == 0 {
			t.Errorf("%q: what the directory above allows counts too (%v)", flags, err)
		}
		want := ""
		for _, who := range []string{"SY", "BA", user.User.Sid.String()} {
			want += "(A;" + flags + ";FA;;;" + who + ")"
		}
		if got := sa.SecurityDescriptor.String(); !strings.HasSuffix(got, want) || strings.Count(got, "(") != 3 {
			t.Errorf("%q: the access list is %s, want %s", flags, got, want)
		}
	}
}

func TestMakeDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := MakeDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MakeDir(file); err == nil {
		t.Error("a file was taken for a directory")
	}
}
