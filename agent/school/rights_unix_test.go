//go:build unix

package school

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollbridge/agent/settings"
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

// A process without a file to spare sees no revoke where there is none.
func TestNoFileToSpareIsNoRevoke(t *testing.T) {
	dir := t.TempDir()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, openErr := os.Open(dir)
	_, revoked := Revoked(dir)
	_, paused := Paused(dir)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(openErr, unix.EMFILE) {
		t.Fatalf("a file could be opened: %v", openErr)
	}
	if revoked || paused {
		t.Errorf("revoked %v, paused %v", revoked, paused)
	}
}

// Why a school stops decides what is destroyed and who is told: where that
// cannot be read, as that of an agent which was moved, nothing is.
func TestNothingIsDestroyedForAnUnknownReason(t *testing.T) {
	set := settings.Defaults()
	set.DataDir = t.TempDir()
	if err := os.WriteFile(statePath(set.DataDir), []byte("state"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(revokedName, filepath.Join(set.DataDir, revokedName)); err != nil {
		t.Fatal(err)
	}
	if _, revoked := Revoked(set.DataDir); !revoked {
		t.Error("a marker that cannot be read does not stop")
	}
	if err := FinishRevoke(t.Context(), set, false, 0); err == nil || !HasState(set.DataDir) {
		t.Errorf("the state was destroyed: %v", err)
	}
}
