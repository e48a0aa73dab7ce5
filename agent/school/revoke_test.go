package school_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/enrol"
	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/shared/protocol"
)

// A revoke without a network destroys keys and queue at once and still
// delivers its one message later; the logbook tells the whole of it.
func TestRevoke(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	w.down = true
	must(t, w.school.Revoke(t.Context(), false))
	if school.HasState(w.set.DataDir) || !school.RevokeWaits(w.set.DataDir) {
		t.Fatal("state is left, or no message")
	}
	quiet := slog.New(slog.DiscardHandler)
	for range 3 {
		wantKind(t, school.DeliverRevoke(t.Context(), w.set.DataDir, quiet), school.Unreachable)
	}
	w.down = false
	must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, quiet))
	must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, quiet))
	if w.posts[protocol.MessageRevoke] != 1 || school.RevokeWaits(w.set.DataDir) {
		t.Errorf("posts %v", w.posts)
	}
	if _, err := w.school.Sync(t.Context(), school.SyncRequest{}); err == nil {
		t.Error("a sync after a revoke went well")
	}
	f, err := os.Open(filepath.Join(w.set.DataDir, logbook.FileName))
	must(t, err)
	defer f.Close()
	if _, err := logbook.Verify(f); err != nil {
		t.Error(err)
	}
	events := w.events()
	want := []outbox.Event{outbox.EventRevoked, outbox.EventDestroyed, outbox.EventRevokeReceived}
	if n := len(events); n < 3 || !slices.Equal(events[n-3:], want) {
		t.Errorf("the logbook ends with %v", events)
	}
}

// A revoke waits for no other school of its process: neither for a turn of its
// own nor for that of the read that it ends.
func TestRevokeWaitsForNoOtherSchool(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Close())
	s, err := school.Open(t.Context(), w.set, school.Options{Turns: school.NewTurns(0, time.Hour)}) // nobody's turn ever comes
	must(t, err)
	synced := make(chan error, 1)
	go func() { _, err := s.Sync(t.Context(), school.SyncRequest{}); synced <- err }()
	for w.posted(protocol.MessageCheckin) == 0 {
		time.Sleep(time.Millisecond)
	}
	must(t, s.Revoke(t.Context(), false))
	if err := <-synced; err == nil || school.HasState(w.set.DataDir) {
		t.Errorf("the read ended with %v, state is left: %v", err, school.HasState(w.set.DataDir))
	}
}

// The service closes the school as soon as it sees the marker, while the command
// that wrote it still revokes: whoever comes first, the revoke is made whole.
func TestRevokeBesideClose(t *testing.T) {
	for range 8 {
		w := enrolledWorld(t)
		w.sync()
		must(t, school.SetRevoked(w.set.DataDir, ""))
		closed := make(chan error, 1)
		go func() { closed <- w.school.Close() }()
		if err := w.school.Revoke(t.Context(), false); err != nil {
			must(t, <-closed)
			must(t, school.FinishRevoke(t.Context(), w.set, false, 10*time.Second))
		} else {
			must(t, <-closed)
		}
		if school.HasState(w.set.DataDir) || !school.RevokeWaits(w.set.DataDir) {
			t.Fatal("state is left, or no message")
		}
		if n := len(w.events()); n < 2 || w.events()[n-2] != outbox.EventRevoked || w.events()[n-1] != outbox.EventDestroyed {
			t.Fatalf("the logbook ends with %v", w.events())
		}
	}
}

func TestRevokeWithoutLogbook(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Revoke(t.Context(), true))
	if _, err := os.Stat(filepath.Join(w.set.DataDir, logbook.FileName)); err == nil {
		t.Error("the logbook is left")
	}
}

// Where the logbook is to go too, and the revoke is cut off anywhere, whoever
// comes next deletes it without being told again.
func TestRevokeWithoutLogbookCutOff(t *testing.T) {
	gone := func(w *world) {
		t.Helper()
		for _, name := range []string{logbook.FileName, identity.LogbookKeyName} {
			if _, err := os.Lstat(filepath.Join(w.set.DataDir, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left: %v", name, err)
			}
		}
		if school.Unfinished(w.set.DataDir) || school.RevokeWaits(w.set.DataDir) || w.posts[protocol.MessageRevoke] != 1 {
			t.Errorf("unfinished %v, posts %v", school.Unfinished(w.set.DataDir), w.posts)
		}
	}
	deliver := func(w *world) { school.DeliverRemains(t.Context(), w.set, slog.New(slog.DiscardHandler)) }
	t.Run("before anything is destroyed", func(t *testing.T) {
		w := enrolledWorld(t)
		must(t, w.school.Close())
		must(t, school.SetOwnRevoke(w.set.DataDir, true))
		deliver(w)
		gone(w)
	})
	t.Run("said when the rest is done", func(t *testing.T) {
		w := enrolledWorld(t)
		must(t, w.school.Revoke(t.Context(), false))
		deliver(w)
		must(t, school.SetOwnRevoke(w.set.DataDir, true))
		if !school.Unfinished(w.set.DataDir) {
			t.Fatal("nobody notices that the logbook is to go")
		}
		deliver(w)
		gone(w)
	})
	t.Run("said while another process has the state", func(t *testing.T) {
		w := enrolledWorld(t)
		must(t, w.school.Revoke(t.Context(), false))
		lock, err := school.LockState(t.Context(), w.set.DataDir, 0)
		must(t, err)
		must(t, school.SetOwnRevoke(w.set.DataDir, true))
		wantKind(t, school.FinishRevoke(t.Context(), w.set, true, 0), school.Refused)
		lock.Release()
		deliver(w)
		gone(w)
	})
	t.Run("and enrolled anew", func(t *testing.T) {
		w := enrolledWorld(t)
		must(t, w.school.Revoke(t.Context(), false))
		deliver(w)
		must(t, school.SetOwnRevoke(w.set.DataDir, true))
		offer, err := enrol.Ask(t.Context(), w.set, code(t, w.collector))
		must(t, err)
		e, err := offer.Accept(t.Context(), w.set, nil)
		must(t, err)
		defer e.Close()
		old, err := filepath.Glob(filepath.Join(w.set.DataDir, school.OldLogbooks))
		must(t, err)
		if len(old) > 0 {
			t.Errorf("the old logbook is kept as %v", old)
		}
	})
}

// A marker of which only the name could be written, or that has other words, says
// what is added to it, and what it said before.
func TestWishIsAddedToTheMarker(t *testing.T) {
	for name, marker := range map[string]string{
		"the name alone": "", "made by hand": "stop", "cut off": `{"at":"2026-11-`,
		"of the collector": `{"at":"2026-11-02T09:00:00Z","reason":"ended"}` + "\n",
		"a wish cut off":   `{"at":"2026-11-02T09:00:00Z","reason":"ended"}` + "\n\n" + `{"delete_log`,
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "revoked"), []byte(marker), 0o600))
		before, _ := school.Revoked(dir)
		for range 2 {
			must(t, school.SetOwnRevoke(dir, true))
		}
		after, there := school.Revoked(dir)
		if !there || !after.DeleteLogbook || after.Reason != before.Reason || !after.At.Equal(before.At) {
			t.Errorf("%s: %+v became %+v", name, before, after)
		}
		text, err := os.ReadFile(filepath.Join(dir, "revoked"))
		must(t, err)
		if n := strings.Count(string(text), `"delete_logbook":true`); n != 1 {
			t.Errorf("%s: the wish stands there %d times", name, n)
		}
	}
	dir := t.TempDir()
	must(t, school.SetOwnRevoke(dir, true))
	if stop, there := school.Revoked(dir); !there || !stop.DeleteLogbook || stop.At.IsZero() {
		t.Errorf("the first word: %+v", stop)
	}
}

// A crash after the marker was written is made good by whoever comes next.
func TestRevokeCutOff(t *testing.T) {
	w := enrolledWorld(t)
	w.sync()
	must(t, w.school.Close())
	must(t, school.SetRevoked(w.set.DataDir, ""))
	if !school.Unfinished(w.set.DataDir) {
		t.Fatal("nobody notices that the revoke was cut off")
	}
	school.DeliverRemains(t.Context(), w.set, slog.New(slog.DiscardHandler))
	if school.HasState(w.set.DataDir) || school.RevokeWaits(w.set.DataDir) || w.posts[protocol.MessageRevoke] != 1 {
		t.Errorf("posts %v", w.posts)
	}
}

// The service stops by itself when somebody else writes the marker.
func TestMarkerStopsTheService(t *testing.T) {
	w := enrolledWorld(t)
	done := make(chan error, 1)
	go func() { done <- w.school.Run(t.Context(), nil) }()
	must(t, school.SetRevoked(w.set.DataDir, ""))
	select {
	case err := <-done:
		if !errors.Is(err, school.ErrOver) {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the service goes on")
	}
}

func code(t *testing.T, c *collector) protocol.Code {
	t.Helper()
	k, err := protocol.NewCode(c.server.URL, protocol.FingerprintOf(c.root.Public().(ed25519Public)), keyOf(c.server))
	must(t, err)
	return k
}

func TestEnrolmentGoesOn(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Close())
	other := code(t, w.collector)
	if _, err := enrol.Find(t.Context(), w.set, other, nil); !errors.Is(err, enrol.ErrEnrolled) {
		t.Errorf("another code on an enrolled machine: %v", err)
	}
	before, err := identity.Load(w.set.DataDir)
	must(t, err)
	if before.Agent() != w.agent {
		t.Error("a refused code changed the keys")
	}
}

// The identity made before the first enrol was sent is used again by the same
// code; until then asking for the offer leaves nothing behind.
func TestEnrolmentSurvivesACrash(t *testing.T) {
	w := newWorld(t)
	k := code(t, w.collector)
	offer, err := enrol.Ask(t.Context(), w.set, k)
	must(t, err)
	if _, err := os.Stat(w.set.DataDir); err == nil {
		t.Error("asking for the offer left something behind")
	}
	e, err := offer.Accept(t.Context(), w.set, nil)
	must(t, err)
	made, err := identity.Load(w.set.DataDir)
	must(t, err)
	shown, err := e.RevocationCode()
	must(t, err)
	must(t, e.Close()) // the crash: nothing was sent
	again, err := enrol.Find(t.Context(), w.set, k, nil)
	must(t, err)
	if again == nil {
		t.Fatal("the enrolment is forgotten")
	}
	if code, err := again.RevocationCode(); err != nil || code != shown || len(code) != 29 {
		t.Errorf("the revocation code changed or is lost: %v", err)
	}
	must(t, again.Shown())
	if decided, err := again.Await(t.Context(), func() error { return nil }); !decided || err != nil {
		t.Fatalf("%v, %v", decided, err)
	}
	must(t, again.Close())
	if w.agent != made.Agent() {
		t.Error("another identity was enrolled")
	}
	if code, err := again.RevocationCode(); code != "" || err != nil {
		t.Errorf("the revocation code is still here: %v", err)
	}
	// The service repeats the request without the code, too.
	if _, err := os.Stat(filepath.Join(w.set.DataDir, "enrol.json")); err == nil {
		t.Error("the request is kept after it was answered")
	}
}

// events are what the logbook tells, in order.
func (w *world) events() (events []outbox.Event) {
	w.t.Helper()
	f, err := os.Open(filepath.Join(w.set.DataDir, logbook.FileName))
	must(w.t, err)
	defer f.Close()
	must(w.t, logbook.Read(f, func(l logbook.Line) error { events = append(events, l.Event); return nil }))
	return events
}

// A logbook that somebody has changed does not keep the collector from hearing
// of the revoke, nor the school from enrolling anew.
func TestRevokeIsDeliveredBesideABrokenLogbook(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"a line that is none": func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, append(text, "not a line\n"...), 0o600)
		},
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"a key that is cut off": func(path string) error {
			return secret.Write(filepath.Join(filepath.Dir(path), identity.LogbookKeyName), []byte("short"))
		},
		"an empty key": func(path string) error {
			return os.Truncate(filepath.Join(filepath.Dir(path), identity.LogbookKeyName), 0)
		},
		"a key of something else": func(path string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(path), identity.LogbookKeyName), make([]byte, 2*secret.MaxBytes), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := enrolledWorld(t)
			w.sync()
			must(t, w.school.Revoke(t.Context(), false))
			must(t, change(filepath.Join(w.set.DataDir, logbook.FileName)))
			for range 2 {
				must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, slog.New(slog.DiscardHandler)))
			}
			if w.posts[protocol.MessageRevoke] != 1 || school.RevokeWaits(w.set.DataDir) {
				t.Errorf("posts %v, waits %v", w.posts, school.RevokeWaits(w.set.DataDir))
			}
		})
	}
}

// A fault of the logbook that a person can put right is named with what to do, and
// the collector is not told again afterwards.
func TestRevokeWaitsForItsLogbook(t *testing.T) {
	w := enrolledWorld(t)
	must(t, w.school.Revoke(t.Context(), false))
	key := filepath.Join(w.set.DataDir, identity.LogbookKeyName)
	must(t, os.Remove(key))
	must(t, os.Mkdir(key, 0o700)) // by a clumsy restore
	for range 2 {
		err := school.DeliverRevoke(t.Context(), w.set.DataDir, slog.New(slog.DiscardHandler))
		if !errors.Is(err, school.ErrNotEntered) || !strings.Contains(err.Error(), "take logbook.key away") {
			t.Errorf("it is not said what to do: %v", err)
		}
	}
	must(t, os.Remove(key))
	must(t, school.DeliverRevoke(t.Context(), w.set.DataDir, slog.New(slog.DiscardHandler)))
	if w.posts[protocol.MessageRevoke] != 1 || school.RevokeWaits(w.set.DataDir) {
		t.Errorf("posts %v, waits %v", w.posts, school.RevokeWaits(w.set.DataDir))
	}
}
