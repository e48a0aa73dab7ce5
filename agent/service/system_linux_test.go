package service

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// exposure is the greatest that `systemd-analyze security` may find; 10 is a
// service that is not hardened at all.
const exposure = "15" // tenths

func needSystemd(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed") //ci:needs systemd-analyze
	}
}

// written is a unit for this test program, in a file that systemd takes for one.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), Name+".service")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// systemd understands every word of the unit: it only warns of what it does not,
// and ends with 0.
func TestSystemdKnowsTheUnit(t *testing.T) {
	needSystemd(t)
	for name, s := range map[string]Setup{
		"one school":   {Program: os.Args[0], Dir: "/var/lib/rollbridge", Account: "daemon"},
		"many schools": {Program: os.Args[0], Dir: "/srv/the schools/100%", Schools: true, Account: "daemon"},
	} {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", written(t, unit(s))).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", written(t, strings.Replace(unit(someSetup()), "ProtectClock=", "ProtectClocks=", 1))).CombinedOutput()
	if !strings.Contains(string(out), "ProtectClocks") {
		t.Errorf("a misspelt word is not found:\n%s", out)
	}
}

// The unit is about as closed as a service with a network can be.
func TestTheUnitIsHardened(t *testing.T) {
	needSystemd(t)
	check := func(text string) (string, error) {
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposure, written(t, text)).CombinedOutput()
		return string(out), err
	}
	if out, err := check(unit(someSetup())); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := check(strings.Replace(unit(someSetup()), "SystemCallFilter=", "#", 2)); err == nil {
		t.Errorf("a unit without a filter of system calls passes:\n%s", out)
	}
}

// servant is a user and a group that are not root's, where this test may give
// files away.
func servant(t *testing.T) (uid, gid int) {
	t.Helper()
	if os.Geteuid() == 0 {
		return 65534, 65534
	}
	return os.Getuid(), os.Getgid()
}

func ownerOf(t *testing.T, path string) (uid int, mode os.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid), info.Mode()
}

// A data directory is made, or given with all that root made in it, closed to
// others; a link in it is given, not what it leads to.
func TestGive(t *testing.T) {
	uid, gid := servant(t)
	top := t.TempDir()
	outside := filepath.Join(top, "outside")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "lib", "rollbridge")
	if err := give(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	enrolled := filepath.Join(top, "enrolled")
	if err := os.MkdirAll(filepath.Join(enrolled, "identity"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(enrolled, "identity", "sign.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(enrolled, "link")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := give(enrolled, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, enrolled, filepath.Join(enrolled, "identity"), filepath.Join(enrolled, "identity", "sign.key"), filepath.Join(enrolled, "link")} {
		if owner, _ := ownerOf(t, path); owner != uid {
			t.Errorf("%s belongs to %d", path, owner)
		}
	}
	for _, path := range []string{dir, enrolled} {
		if _, mode := ownerOf(t, path); mode.Perm() != 0o700 {
			t.Errorf("%s has the mode %v", path, mode)
		}
	}
	if owner, _ := ownerOf(t, outside); owner != os.Geteuid() {
		t.Errorf("what a link leads to was given to %d", owner)
	}
}

// Where others may have put something into a directory, or it is another's,
// nothing is done.
func TestGiveRefuses(t *testing.T) {
	uid, gid := servant(t)
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{open: "open to other users", file: "not a directory", link: "not a directory"}
	if os.Geteuid() == 0 {
		foreign := t.TempDir()
		if err := os.Chown(foreign, 1234, 1234); err != nil {
			t.Fatal(err)
		}
		cases[foreign] = "belongs to another user"
	}
	for path, want := range cases {
		before, mode := ownerOf(t, path)
		account, err := user.LookupId(strconv.Itoa(os.Geteuid()))
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{give(path, uid, gid), acceptable(Setup{Account: account.Username, Dir: path})} {
			var refusal Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want one with %q", path, err, want)
			}
		}
		if after, modeAfter := ownerOf(t, path); after != before || modeAfter != mode {
			t.Errorf("%s was changed although it was refused", path)
		}
	}
}

// A program that somebody else could replace would run as the service.
func TestSafeProgram(t *testing.T) {
	var refusal Refusal
	if err := safe("/tmp/rollbridge-agent"); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "/opt/rollbridge") {
		t.Errorf("a program below /tmp: %v", err)
	}
	dir := t.TempDir() // below /tmp, but by its real path perhaps not
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "rollbridge-agent")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := safe(program); !errors.As(err, &refusal) {
		t.Errorf("a program in a directory that everybody may write to: %v", err)
	}
	sh, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := safe(sh); err != nil {
		t.Errorf("a program of the system: %v", err)
	}
}
