//go:build unix

package identity

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"rollbridge/agent/secret"
)

func TestLoadNamesTheProtection(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, dirName, fileSign), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, secret.ErrUnprotected) {
		t.Fatalf("Load = %v; want ErrUnprotected", err)
	}
}

// TestAdopted shows that what root makes in the service's directory belongs to
// the service. Without root there is nothing to adopt, and Create must work.
func TestAdopted(t *testing.T) {
	dir := t.TempDir()
	want := os.Geteuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Create(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{dirName, dirName + "/" + fileSign} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil || int(st.Uid) != want {
			t.Errorf("%s belongs to %d, %v; want %d", name, st.Uid, err, want)
		}
	}
}
