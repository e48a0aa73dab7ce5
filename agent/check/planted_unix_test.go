//go:build unix

package check

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rollbridge/agent/logbook"
)

// A bundle holds nothing of a file that somebody has put in the logbook's place.
func TestEventsOfAPlantedLogbook(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(`{"n":7,"time":"2026-01-01T12:00:00Z","event":"taken"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(dir, logbook.FileName)
	for kind, plant := range map[string]func() error{
		"symbolic link": func() error { return os.Symlink(outside, book) },
		"hard link":     func() error { return os.Link(outside, book) },
		"pipe":          func() error { return syscall.Mkfifo(book, 0o600) },
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		if got := eventsOf(dir); got != nil {
			t.Errorf("%s: the bundle holds %v", kind, got)
		}
		if err := os.Remove(book); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(outside, book); err != nil {
		t.Fatal(err)
	}
	if eventsOf(dir) == nil {
		t.Error("of a logbook that is one the bundle holds nothing")
	}
}
