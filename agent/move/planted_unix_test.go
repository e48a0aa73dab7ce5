//go:build unix

package move

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rollbridge/agent/logbook"
	"rollbridge/agent/secret"
)

// What somebody has planted in the data directory is not carried off by an
// administrator who moves the agent, and the agent goes on here.
func TestExportRefusesWhatWasPlanted(t *testing.T) {
	p := newPair(t)
	outside := filepath.Join(filepath.Dir(p.old), "outside")
	must(t, os.WriteFile(outside, []byte("only for root"), 0o600))
	plant := map[string]func(string) error{
		"symbolic link": func(path string) error { return os.Symlink(outside, path) },
		"hard link":     func(path string) error { return os.Link(outside, path) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
	}
	for _, name := range []string{"paused", "logbook-until-20260101-120000.jsonl"} {
		for kind, put := range plant {
			path := filepath.Join(p.old, name)
			must(t, put(path))
			if err := p.export(); !errors.Is(err, secret.ErrUnprotected) || !runs(p.old) {
				t.Fatalf("%s as a %s: %v, the agent goes on: %v", name, kind, err, runs(p.old))
			}
			must(t, os.Remove(path))
		}
	}
	book := filepath.Join(p.old, logbook.FileName)
	must(t, os.Rename(book, book+".moved"))
	must(t, os.Symlink(book+".moved", book))
	if err := p.export(); !errors.Is(err, secret.ErrUnprotected) || !runs(p.old) {
		t.Fatalf("the logbook as a link: %v", err)
	}
	must(t, os.Rename(book+".moved", book))
	must(t, p.export())
	_, err := p.takeOver()
	must(t, err)
	p.moved()
}
