//go:build unix

package school

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What an administrator's command makes in the service's directory belongs to
// the service: it must be able to read how long a pause lasts, and to lock.
func TestMarkersAndLocksAreTheServices(t *testing.T) {
	dir := t.TempDir()
	want := os.Geteuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := SetPause(dir, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := SetRevoked(dir, ""); err != nil {
		t.Fatal(err)
	}
	lock, err := LockState(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	for _, name := range []string{pausedName, revokedName, stateLock} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(dir, name), &st); err != nil || int(st.Uid) != want {
			t.Errorf("%s belongs to %d, %v; want %d", name, st.Uid, err, want)
		}
	}
}

// Whoever owns the directory cannot have an administrator's command empty
// another file.
func TestMarkersAndLocksFollowNoLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{pausedName, stateLock} {
		if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := SetPause(dir, time.Time{}); err == nil {
		t.Error("a marker was written through a link")
	}
	if lock, err := LockState(t.Context(), dir, 0); err == nil {
		lock.Release()
		t.Error("a lock was taken through a link")
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "mine" {
		t.Errorf("the link's target holds %q, %v", got, err)
	}
	// The link is there, so the school pauses all the same.
	if _, paused := Paused(dir); !paused {
		t.Error("a marker that cannot be trusted does not pause")
	}
}
