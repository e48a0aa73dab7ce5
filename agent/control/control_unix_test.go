//go:build unix

package control

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// What is left of a killed service must not keep the next from starting.
func TestDeadSocketIsReplaced(t *testing.T) {
	dir := privateDir(t)
	l, err := net.Listen("unix", filepath.Join(dir, socketName))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if err := NewClient(dir).Call(t.Context(), "status", 0, nil, nil); !errors.Is(err, ErrNoService) {
		t.Errorf("dead socket: %v, want ErrNoService", err)
	}
	start(t, dir, nil)
	info, err := os.Stat(filepath.Join(dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOnlySocketsAreReplaced(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"file": func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
		"link": func(path string) error { return os.Symlink(filepath.Join(filepath.Dir(path), "elsewhere"), path) },
	} {
		dir := privateDir(t)
		path := filepath.Join(dir, socketName)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(dir); err == nil {
			t.Errorf("%s: was replaced", name)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: is gone: %v", name, err)
		}
		if err := NewClient(dir).Call(t.Context(), "status", 0, nil, nil); err == nil || errors.Is(err, ErrNoService) {
			t.Errorf("%s: a command takes it for no service: %v", name, err)
		}
	}
}

func TestOpenDirectoryIsRefused(t *testing.T) {
	dir := privateDir(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dir); err == nil {
		t.Error("a directory open to others was taken")
	}
}
