package linux

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tools are what a small machine has: what dpkg and its scripts call.
var tools = []string{
	"sh", "dpkg", "dpkg-deb", "dpkg-query", "dpkg-split", "tar", "diff", "ldconfig", "start-stop-daemon",
	"useradd", "userdel", "groupdel", "getent", "id", "stat", "chmod", "chown", "install", "rm", "rmdir", "find", "cat", "systemctl",
}

// skeleton is what is on every machine, and so is not a package's to remove.
var skeleton = []string{
	"dev", "proc", "tmp", "run", "opt", "root", "etc/systemd/system/multi-user.target.wants", "etc/default", "usr/bin", "usr/sbin", "usr/local/sbin",
	"usr/lib/systemd/system", "usr/share/doc", "var/lib", "var/log", "var/cache", "var/lib/dpkg/info", "var/lib/dpkg/updates",
}

var etc = map[string]string{
	"passwd": "root:x:0:0:root:/root:/bin/sh\n", "group": "root:x:0:\n", "shadow": "root:*:20000:0:99999:7:::\n", "gshadow": "root:*::\n",
	"nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
	"login.defs":    "SYS_UID_MIN 100\nSYS_UID_MAX 999\nSYS_GID_MIN 100\nSYS_GID_MAX 999\nUSERGROUPS_ENAB yes\nENCRYPT_METHOD SHA512\n",
}

// A root is a machine of its own, as far as packages see: a directory with a few
// programs of this machine, users and a database of packages.
type root struct {
	t   *testing.T
	dir string
}

// needRoot skips where nobody may have a root of their own.
func needRoot(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("dpkg is not installed") //ci:needs dpkg
	}
	if os.Geteuid() != 0 {
		t.Skip("packages are installed as root") //ci:needs dpkg
	}
}

func newRoot(t *testing.T) *root {
	t.Helper()
	needRoot(t)
	r := &root{t, t.TempDir()}
	r.must(os.Chmod(r.dir, 0o755))
	for _, dir := range skeleton {
		r.must(os.MkdirAll(r.path(dir), 0o755))
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		r.must(os.MkdirAll(r.path("usr", dir), 0o755))
		r.must(os.Symlink("usr/"+dir, r.path(dir)))
	}
	r.must(os.Symlink("/lib/systemd/system/getty@.service", r.path("etc/systemd/system/multi-user.target.wants/getty.service")))
	for name, text := range etc {
		r.write("etc/"+name, text)
	}
	r.must(os.Chmod(r.path("etc/shadow"), 0o640))
	for _, name := range tools {
		r.takeOver(name)
	}
	// passwd is on every Debian; base-files owns the directories that are on every machine.
	stanza := "Package: %s\nStatus: install ok installed\nMaintainer: nobody\nArchitecture: all\nVersion: 1\nDescription: made for a test\n\n"
	r.write("var/lib/dpkg/status", fmt.Sprintf(stanza, "passwd")+fmt.Sprintf(stanza, "base-files"))
	r.write("var/lib/dpkg/info/passwd.list", "/.\n")
	list := "/.\n/usr\n/usr/share\n/usr/lib\n/usr/lib/systemd\n/etc\n/var\n/etc/systemd\n/etc/systemd/system\n"
	for _, dir := range skeleton {
		list += "/" + dir + "\n"
	}
	r.write("var/lib/dpkg/info/base-files.list", list)
	return r
}

func (r *root) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *root) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

func (r *root) write(name, text string) {
	r.t.Helper()
	r.must(os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	r.must(os.WriteFile(r.path(name), []byte(text), 0o644))
}

// takeOver brings a program of this machine into the root, with its libraries.
func (r *root) takeOver(name string) {
	r.t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		program, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if name == "systemctl" && err != nil {
		return // then it is like a machine without
	}
	r.must(err)
	r.link(program, filepath.Join("usr/bin", name))
	out, _ := exec.Command("ldd", program).Output() // fails for what needs no library
	for word := range strings.FieldsSeq(string(out)) {
		if filepath.IsAbs(word) {
			r.link(word, strings.TrimPrefix(word, "/"))
		}
	}
	// An older libc asks for users by a library that no program names.
	for _, pattern := range []string{"/lib/*/libnss_files.so.2", "/lib64/libnss_files.so.2"} {
		found, _ := filepath.Glob(pattern)
		for _, f := range found {
			r.link(f, strings.TrimPrefix(f, "/"))
		}
	}
}

// link copies a file, following links, once.
func (r *root) link(from, to string) {
	r.t.Helper()
	if _, err := os.Stat(r.path(to)); err == nil {
		return
	}
	content, err := os.ReadFile(from)
	r.must(err)
	r.must(os.MkdirAll(filepath.Dir(r.path(to)), 0o755))
	r.must(os.WriteFile(r.path(to), content, 0o755))
}

// enter is a shell's way into the root $0, with devices and processes to see; what it
// mounts ends with it.
const enter = `mount --rbind /dev "$0/dev"
mount -t proc proc "$0/proc" 2>/dev/null || mount --rbind /proc "$0/proc"
`

// inside is the command line that runs another in the root.
func (r *root) inside(args ...string) []string {
	return append([]string{"unshare", "--mount", "--propagation", "private", "sh", "-ec", enter + `exec chroot "$0" "$@"`, r.dir}, args...)
}

// try runs a command in the root and returns what it said.
func (r *root) try(env []string, args ...string) (string, error) {
	r.t.Helper()
	line := r.inside(args...)
	c := exec.Command(line[0], line[1:]...)
	c.Env = append([]string{"PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}, env...)
	// What kills a whole group is not to find this test in it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := c.CombinedOutput()
	return string(out), err
}

func (r *root) run(args ...string) string {
	r.t.Helper()
	out, err := r.try(nil, args...)
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// put lays a package where the root can read it.
func (r *root) put(pkg string) string {
	r.t.Helper()
	r.link(pkg, "tmp/"+filepath.Base(pkg))
	return "/tmp/" + filepath.Base(pkg)
}

func (r *root) install(pkg string) string { r.t.Helper(); return r.run("dpkg", "-i", r.put(pkg)) }

// recorded puts a systemctl there that writes down what it is asked, on a machine that
// runs systemd; asked returns and forgets it.
func (r *root) recorded() {
	r.t.Helper()
	r.must(os.MkdirAll(r.path("run/systemd/system"), 0o755))
	r.must(os.RemoveAll(r.path("usr/bin/systemctl")))
	r.write("usr/bin/systemctl", "#!/bin/sh\necho \"$*\" >>/tmp/asked\n")
	r.must(os.Chmod(r.path("usr/bin/systemctl"), 0o755))
}

func (r *root) asked() []string {
	r.t.Helper()
	text, err := os.ReadFile(r.path("tmp/asked"))
	if err != nil {
		return nil
	}
	r.must(os.Remove(r.path("tmp/asked")))
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// own are the records that dpkg, rpm and the programs that make users keep of what they
// did; the users themselves are in the files without the dash.
func own(name string) bool {
	return slices.ContainsFunc([]string{"var/lib/dpkg", "var/lib/rpm", "var/log", "tmp", "dev", "proc", "run", "etc/.pwd.lock", "root/.rpmdb", "var/tmp"}, func(p string) bool {
		return name == p || strings.HasPrefix(name, p+"/")
	}) || strings.HasPrefix(name, "etc/") && strings.HasSuffix(name, "-")
}

// tree is every file of the root: kind, rights, owner and content.
func (r *root) tree() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	r.must(filepath.WalkDir(r.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p, r.dir), "/")
		if own(name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		what := fmt.Sprintf("%v %d:%d", info.Mode(), st.Uid, st.Gid)
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			what += fmt.Sprintf(" %x", sha256.Sum256(content))
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(p)
			if err != nil {
				return err
			}
			what += " " + to
		}
		found[name] = what
		return nil
	}))
	return found
}

// same fails the test for each file that only one of two trees has, or that differs.
func same(t *testing.T, when string, got, want map[string]string) {
	t.Helper()
	for name, what := range got {
		if want[name] != what {
			t.Errorf("%s: %s is %q, want %q", when, name, what, want[name])
		}
	}
	for name := range want {
		if _, there := got[name]; !there {
			t.Errorf("%s: %s is gone", when, name)
		}
	}
}

func (r *root) read(name string) string {
	r.t.Helper()
	content, err := os.ReadFile(r.path(name))
	r.must(err)
	return string(bytes.TrimSpace(content))
}

// owner is the user's name.
func (r *root) owner(name string) string {
	r.t.Helper()
	return strings.TrimSpace(r.run("stat", "-c", "%U:%G %a", "/"+name))
}
