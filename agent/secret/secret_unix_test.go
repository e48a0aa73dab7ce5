//go:build unix

package secret

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign.key")
	for _, want := range []string{"first", "the second is longer"} {
		if err := Write(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := Read(path)
		if err != nil || string(got) != want {
			t.Fatalf("Read = %q, %v; want %q", got, err, want)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	alone(t, filepath.Dir(path))
}

// alone fails if anything but the secret is left in its directory.
func alone(t *testing.T, dir string) {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Fatalf("%d files in the directory, %v; want the secret alone", len(names), err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, mode os.FileMode, size int) {
		if err := os.WriteFile(at(name), bytes.Repeat([]byte("k"), size), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", 0o600, 32)
	write("group", 0o640, 32)
	write("world", 0o604, 32)
	write("empty", 0o600, 0)
	write("large", 0o600, MaxBytes+1)
	if err := errors.Join(os.Symlink(at("good"), at("link")), syscall.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("dir"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"group": ErrUnprotected, "world": ErrUnprotected, "link": ErrUnprotected, "pipe": ErrUnprotected,
		"dir": ErrUnprotected, "missing": fs.ErrNotExist, "empty": nil, "large": nil,
	} {
		data, err := Read(at(name))
		if err == nil || data != nil {
			t.Errorf("%s was read", name)
		} else if want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", name, err, want)
		} else if strings.Contains(err.Error(), "kkk") {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
}

func TestWriteDoesNotFollowALink(t *testing.T) {
	dir := t.TempDir()
	victim, path := filepath.Join(dir, "victim"), filepath.Join(dir, "sign.key")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), os.Symlink(victim, path)); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "mine" {
		t.Fatalf("the link's target holds %q, %v", got, err)
	}
	if got, err := Read(path); err != nil || string(got) != "secret" {
		t.Fatalf("Read = %q, %v", got, err)
	}
}

// TestWriteToAFullDisk runs a child whose files may not grow past 16 bytes.
func TestWriteToAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sign.key")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestChildWritesTooMuch$")
	child.Env = append(os.Environ(), "SECRET_TEST_PATH="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	if got, err := Read(path); err != nil || string(got) != "old" {
		t.Fatalf("Read = %q, %v; want the old secret", got, err)
	}
	alone(t, filepath.Dir(path))
}

func TestChildWritesTooMuch(t *testing.T) {
	path := os.Getenv("SECRET_TEST_PATH")
	if path == "" {
		return // not the child
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 16, Max: 16}); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, bytes.Repeat([]byte("n"), 32)); !errors.Is(err, unix.EFBIG) {
		t.Fatalf("Write = %v; want the limit's error", err)
	}
}

func TestMakeDirIsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := MakeDir(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
}

// What another user has linked into the directory is neither opened to be
// written nor given away, and stays as it is.
func TestOpenAndAdoptRefuseLinks(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Symlink(victim, at("symbolic")), os.Link(victim, at("hard")), syscall.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("dir"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"symbolic", "hard", "pipe"} {
		if f, err := Open(at(name), true); !errors.Is(err, ErrUnprotected) {
			t.Errorf("%s was opened: %v, %v", name, f, err)
		}
		if f, err := OpenRead(at(name)); !errors.Is(err, ErrUnprotected) {
			t.Errorf("%s was opened to be read: %v, %v", name, f, err)
		}
	}
	if f, err := OpenRead(at("dir")); !errors.Is(err, ErrUnprotected) {
		t.Errorf("a directory was opened to be read: %v, %v", f, err)
	}
	if f, err := Open(at("dir"), true); err == nil {
		t.Errorf("a directory was opened: %v", f)
	}
	if f, err := Open(at("new"), true); err != nil {
		t.Error(err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(at("missing"), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := Adopt(at("hard"), dir); !errors.Is(err, ErrUnprotected) {
			t.Errorf("a hard link was given away: %v", err)
		}
		if err := Adopt(at("symbolic"), dir); err != nil {
			t.Error(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(victim, &st); err != nil || int(st.Uid) != os.Geteuid() {
		t.Errorf("the victim belongs to %d, %v", st.Uid, err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "mine" {
		t.Errorf("the victim holds %q, %v", got, err)
	}
}

// What is read is this user's, root's, or the service's whose directory it is.
func TestOpenReadLooksWhoseItIs(t *testing.T) {
	if os.Geteuid() != 0 {
		return // there is no other user to give a file to
	}
	const service, somebody = 65534, 1234
	dir := t.TempDir()
	path := filepath.Join(dir, "logbook.jsonl")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, file int
		good      bool
	}{{0, 0, true}, {service, 0, true}, {service, service, true}, {service, somebody, false}, {0, somebody, false}} {
		if err := errors.Join(os.Chown(dir, c.dir, c.dir), os.Chown(path, c.file, c.file)); err != nil {
			t.Fatal(err)
		}
		f, err := OpenRead(path)
		if c.good != (err == nil) || err != nil && !errors.Is(err, ErrUnprotected) {
			t.Errorf("a file of %d in a directory of %d: %v", c.file, c.dir, err)
		}
		if err == nil {
			err = f.Close()
		}
		if c.good && err != nil {
			t.Error(err)
		}
	}
}

// A directory whose name holds what patterns are made of is cleared all the same.
func TestClearUnfinished(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b*")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{Temporary + "1", "kept"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("k"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := ClearUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	alone(t, dir)
}

// What root makes for one school more is the service's, as its neighbours are;
// a directory that was there already keeps its owner.
func TestMakeDirIsTheServices(t *testing.T) {
	parent := t.TempDir()
	want := os.Geteuid()
	there := filepath.Join(parent, "there")
	if err := os.Mkdir(there, 0o700); err != nil {
		t.Fatal(err)
	}
	if want == 0 {
		want = 65534
		if err := os.Chown(parent, want, want); err != nil {
			t.Fatal(err)
		}
	}
	for path, uid := range map[string]int{filepath.Join(parent, "oakmere"): want, there: os.Geteuid()} {
		if err := MakeDir(path); err != nil {
			t.Fatal(err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || int(st.Uid) != uid || st.Mode&0o777 != 0o700 {
			t.Errorf("%s belongs to %d with mode %o, %v; want %d", path, st.Uid, st.Mode, err, uid)
		}
	}
}
