package outbox_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/agent/delta"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
)

// A stuck journal is a logbook that cannot be written for a while.
type stuck struct {
	outbox.Journal
	fails bool
}

func (s *stuck) Append(at time.Time, event outbox.Event, data json.RawMessage) error {
	if s.fails {
		return errors.New("no")
	}
	return s.Journal.Append(at, event, data)
}

// While the logbook cannot be written one batch may be sealed, whose entry
// waits; no more pile up behind it, and nothing is lost.
func TestBatchesDoNotPileUpBehindTheLogbook(t *testing.T) {
	dir := t.TempDir()
	enrolled(t, dir).close(t)
	book, err := logbook.Open(dir, bookKey)
	ok(t, err)
	journal := &stuck{Journal: book, fails: true}
	box, err := outbox.Open(dir, journal, outbox.Options{})
	ok(t, err)
	a := &agent{box, book, dir}
	items, err := a.trySeal(true, 0, 1, 1)
	if !errors.Is(err, outbox.ErrJournal) || len(items) != 1 {
		t.Fatalf("%d batches, %v; want one sealed beside ErrJournal", len(items), err)
	}
	for range 3 {
		if items, err := a.trySeal(false, 0, 1, 2); !errors.Is(err, outbox.ErrJournal) || len(items) > 0 {
			t.Fatalf("%d batches, %v; want none", len(items), err)
		}
	}
	if head, err := a.Head(); err != nil || head.Sequence != 1 {
		t.Errorf("head %d, %v; want 1", head.Sequence, err)
	}
	journal.fails = false
	a.seal(t, false, 0, 1, 2)
	if sum := a.healthy(t); len(sum.Sealed) != 2 {
		t.Errorf("the logbook shows %d batches, want 2", len(sum.Sealed))
	}
	a.close(t)
}

// A person's yes to removals is logged in the transaction that seals them.
func TestReleaseIsSealedWithItsEntry(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	a.seal(t, true, 0, 1, 1)
	s, err := a.Snapshot()
	ok(t, err)
	r := delta.Result{Base: s.Base}
	r.Manifest.State, r.Manifest.Released = s.Digest, []string{"ABCD"}
	next := a.book.Next()
	_, err = a.Seal(r, agentKey)
	ok(t, err)
	ok(t, logbookLine(a, next+1, func(l logbook.Line) {
		var released outbox.Released
		ok(t, json.Unmarshal(l.Data, &released))
		if l.Event != outbox.EventReleased || len(released.Codes) != 1 || released.Codes[0] != "ABCD" {
			t.Errorf("%s %s; want the release", l.Event, l.Data)
		}
	}))
	a.healthy(t)
	a.close(t)
}

func logbookLine(a *agent, n uint64, look func(logbook.Line)) error {
	f, err := os.Open(filepath.Join(a.dir, logbook.FileName))
	if err != nil {
		return err
	}
	defer f.Close()
	found := false
	err = logbook.Read(f, func(l logbook.Line) error {
		if l.N == n {
			found = true
			look(l)
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("there is no such entry")
	}
	return err
}

func TestALinkIsNoStateFile(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "made")
	ok(t, os.Symlink(elsewhere, filepath.Join(dir, outbox.FileName)))
	if _, err := outbox.Open(dir, nil, outbox.Options{}); !errors.Is(err, outbox.ErrDamaged) {
		t.Errorf("Open = %v; want ErrDamaged", err)
	}
	if _, err := os.Lstat(elsewhere); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link's target was made: %v", err)
	}
}
