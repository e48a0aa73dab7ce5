package linux

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// The packages that the tests install, each made once: the real programs as 1.0.0, and
// as 1.0.1 and 1.0.2 a small script in their place, whose packages are quick to unpack.
var (
	scratch string
	built   = sync.OnceValue(func() error {
		return makePackages("../..", "DIST="+dist("1.0.0"))
	})
	small = sync.OnceValue(func() error {
		for _, version := range []string{"1.0.1", "1.0.2"} {
			if err := pack(version, "#!/bin/sh\necho "+version+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
)

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "rollbridge-packages-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// makePackages is `make packages-linux` for this machine's processor, in a checkout that
// has its stylesheet or goes without.
func makePackages(checkout string, variables ...string) error {
	args := []string{"-C", checkout, "-o", "style-if-npm", "packages-linux", "PLATFORMS=linux-" + runtime.GOARCH, "VERSION=1.0.0"}
	c := exec.Command("make", append(args, variables...)...)
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("make packages-linux: %w\n%s", err, out)
	}
	return nil
}

func dist(version string) string { return filepath.Join(scratch, version) }

// pack makes packages of programs that are only a text.
func pack(version, text string) error {
	platform := "linux-" + runtime.GOARCH
	for _, dir := range []string{platform, "packages"} {
		if err := os.MkdirAll(filepath.Join(dist(version), dir), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"rollbridge-agent", "rollbridge-collector"} {
		if err := os.WriteFile(filepath.Join(dist(version), platform, name), []byte(text), 0o755); err != nil {
			return err
		}
	}
	c := exec.Command("./build", platform)
	c.Env = append(os.Environ(), "DIST="+dist(version), "VERSION="+version, "SOURCE_DATE_EPOCH=1767225600")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// again packs the real programs as another version.
func again(version string) error {
	program := filepath.Join(dist("1.0.0"), "linux-"+runtime.GOARCH, "rollbridge-agent")
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	return pack(version, string(content))
}

// real are the packages of the programs; little those of a script as 1.0.1 or 1.0.2.
func real(t *testing.T, pattern string) string {
	t.Helper()
	if err := built(); err != nil {
		t.Fatal(err)
	}
	return one(t, "1.0.0", pattern)
}

func little(t *testing.T, version, pattern string) string {
	t.Helper()
	if err := small(); err != nil {
		t.Fatal(err)
	}
	return one(t, version, pattern)
}

func one(t *testing.T, version, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dist(version), "packages", pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found[0]
}
