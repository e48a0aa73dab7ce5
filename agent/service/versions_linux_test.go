package service

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The versions directory is made and given to the account with what an
// administrator's command, or the account before, made in it; a second time
// changes nothing, and nothing outside is reached by what was planted in it.
func TestGiveVersions(t *testing.T) {
	uid, gid := os.Geteuid(), os.Getegid()
	root := uid == 0
	if root {
		uid, gid = 1234, 1234
	}
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "versions")
	if err := giveVersions(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	slot := filepath.Join(dir, "1.1.0")
	program := filepath.Join(slot, "rollbridge-agent")
	for _, err := range []error{
		os.Mkdir(slot, 0o700), os.WriteFile(program, nil, 0o755),
		os.Symlink(outside, filepath.Join(dir, "link")), os.Symlink(victim, filepath.Join(slot, "link")),
		os.Link(victim, filepath.Join(slot, "second")), os.Chmod(dir, 0o777),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if root { // as the account before would have left it
		if err := os.Lchown(slot, 4321, 4321); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := giveVersions(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, slot, program} {
		if owner, _ := ownerOf(t, path); int(owner) != uid {
			t.Errorf("%s belongs to %d", path, owner)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	info, err := os.Stat(victim)
	if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		t.Errorf("a file outside was given away: %v", err)
	}
	if err := giveVersions(program, uid, gid); err == nil {
		t.Error("a file was taken for the directory")
	}
}
