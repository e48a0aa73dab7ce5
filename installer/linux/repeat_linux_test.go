package linux

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTwoBuildsAreTheSame makes the packages once more in a copy of this checkout: another
// directory, other times of the files, other rights, another time zone, and nothing of
// version control.
func TestTwoBuildsAreTheSame(t *testing.T) {
	here := filepath.Dir(real(t, agentDeb))
	copied := filepath.Join(t.TempDir(), "a copy", "of it")
	clone(t, "../..", copied)
	t.Setenv("TZ", "Pacific/Kiritimati")
	old := syscall.Umask(0o077)
	err := makePackages(copied, "DIST=dist")
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join(copied, "dist", "packages")
	first, second := sums(t, here), sums(t, there)
	if n := strings.Count(first, "\n"); n != 6 { // deb, rpm and tarball of two programs
		t.Errorf("%d packages:\n%s", n, first)
	}
	if first != second {
		t.Errorf("the packages differ:\n%s\n%s", first, second)
	}

	// The checksums notice one bit of one byte.
	check := func() error {
		c := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
		c.Dir = there
		return c.Run()
	}
	if err := check(); err != nil {
		t.Errorf("the checksums are not those of the packages: %v", err)
	}
	found, err := filepath.Glob(filepath.Join(there, agentDeb))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	content, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(found[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	if check() == nil {
		t.Error("a changed byte is not noticed")
	}
}

// sums writes and returns the checksums of a directory.
func sums(t *testing.T, dir string) string {
	t.Helper()
	if out, err := exec.Command("go", "run", "../pack", "sums", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// clone copies what is source, and the stylesheet that it may have.
func clone(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == ".git" || name == "dist" || name == "bin" || d.Name() == "node_modules" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}
