package school

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

// quietSchool is an open school that never had a receipt.
func quietSchool(t *testing.T, log *bytes.Buffer) *School {
	t.Helper()
	set := settings.Defaults()
	set.DataDir = t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	id, err := identity.Create(set.DataDir)
	must(err)
	book, err := logbook.Create(set.DataDir, id.Logbook, id.Agent(), protocol.Fingerprint{})
	must(err)
	must(book.Close())
	return openQuiet(t, set, log)
}

func openQuiet(t *testing.T, set settings.Settings, log *bytes.Buffer) *School {
	t.Helper()
	lock, err := LockState(t.Context(), set.DataDir, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenLocked(set, lock, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *School) facts(t *testing.T, change func(*outbox.Facts)) {
	t.Helper()
	if err := s.box.Update(func(f *outbox.Facts) error { change(f); return nil }); err != nil {
		t.Fatal(err)
	}
}

func (s *School) look(t *testing.T, after time.Duration) *Silence {
	t.Helper()
	time.Sleep(after) // synctest's: it passes at once
	if _, err := s.condition(); err != nil {
		t.Fatal(err)
	}
	f, err := s.box.Facts()
	if err != nil {
		t.Fatal(err)
	}
	_, paused := Paused(s.dir)
	return s.silence(f, paused, 0)
}

// Nothing sent for a day is said once when it begins and once when it ends, not
// again after a restart, and not of a school that has paused; what a check-in
// says agrees.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := quietSchool(t, &log)
		announced := func(silent, flowing int) {
			t.Helper()
			if a, b := strings.Count(log.String(), "event=2100"), strings.Count(log.String(), "event=2101"); a != silent || b != flowing {
				t.Fatalf("announced %d times silent, %d times flowing; want %d and %d:\n%s", a, b, silent, flowing, log.String())
			}
		}
		if s.look(t, 50*time.Hour) != nil {
			t.Error("silent before the enrolment")
		}
		s.facts(t, func(f *outbox.Facts) { f.Enrolled, f.Confirmed = true, true })
		if s.look(t, 0) != nil || s.look(t, 23*time.Hour) != nil {
			t.Error("silent within a day after the enrolment")
		}
		announced(0, 0)
		s.facts(t, func(f *outbox.Facts) {
			f.LastRead = &outbox.ReadResult{Problem: protocol.ProblemMISDown, Text: "the folder is not there"}
		})
		q := s.look(t, 3*time.Hour)
		if q == nil || q.Cause != protocol.ProblemMISDown || q.Why != "the folder is not there" {
			t.Fatalf("after 26 hours: %+v", q)
		}
		for range 5 {
			s.look(t, 2*time.Hour)
		}
		announced(1, 0)
		f, _ := s.box.Facts()
		if p := s.silentProblem(f, false, 0); len(p) != 1 || p[0].Code != protocol.ProblemSilent || p[0].Cause != protocol.ProblemMISDown || p[0].Since.IsZero() {
			t.Errorf("a check-in says %+v", p)
		}
		set := s.set
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openQuiet(t, set, &log)
		s.look(t, 0)
		s.look(t, time.Hour)
		announced(1, 0)
		if err := SetPause(s.dir, clock.Now().Add(72*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s.look(t, 0) != nil || s.look(t, 71*time.Hour) != nil {
			t.Error("a school that has paused is silent")
		}
		if s.look(t, 2*time.Hour) != nil || s.look(t, 22*time.Hour) != nil {
			t.Error("silent within a day after a pause")
		}
		announced(1, 0)
		if s.look(t, 5*time.Hour) == nil {
			t.Error("not silent although the pause is over for a day")
		}
		announced(2, 0)
		s.facts(t, func(f *outbox.Facts) {
			f.LastRead.Problem = ""
			f.LastReceipt = &outbox.ReceiptResult{Received: clock.Now()}
		})
		if s.look(t, 0) != nil {
			t.Error("silent after a receipt")
		}
		announced(2, 1)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// The reasons, and what is none.
func TestSilenceReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			facts  func(s *School, f *outbox.Facts)
			why    string
			silent bool
		}{
			"the way": {func(_ *School, f *outbox.Facts) { f.Trouble = &outbox.Trouble{Text: "the proxy could not be reached"} }, "the proxy could not be reached", true},
			"the MIS first": {func(_ *School, f *outbox.Facts) {
				f.Trouble = &outbox.Trouble{Text: "x"}
				f.LastRead = &outbox.ReadResult{Problem: protocol.ProblemMISData, Text: "the file is cut"}
			}, "the file is cut", true},
			"unknown":  {func(_ *School, f *outbox.Facts) { f.Unknown = true }, "does not know this agent", true},
			"the disk": {func(s *School, _ *outbox.Facts) { s.diskFull.Store(true) }, "disk", true},
			"a refusal of a read": {func(s *School, _ *outbox.Facts) { s.noteFailed(refused("nothing may leave")) },
				"nothing may leave", true},
			"no service": {func(*School, *outbox.Facts) {}, "did not run", true},
			"held is not it": {func(_ *School, f *outbox.Facts) {
				f.Holds = []protocol.Hold{{Code: "X"}}
				f.LastReceipt = &outbox.ReceiptResult{Received: clock.Now().Add(-time.Hour)}
			}, "", false},
			"stopped is not it": {func(_ *School, f *outbox.Facts) {
				f.Refusal = &protocol.Refusal{Reason: protocol.RefusalUpgradeRequired}
			}, "", false},
			"not yet looked at": {func(_ *School, f *outbox.Facts) { f.ExpectedFrom = time.Time{} }, "", false},
			"a clock set back": {func(_ *School, f *outbox.Facts) {
				f.LastReceipt = &outbox.ReceiptResult{Received: clock.Now().Add(9000 * time.Hour)}
			}, "", false},
			"nothing due so far": {func(s *School, _ *outbox.Facts) { s.set.Schedule.Times = nil }, "", false},
		} {
			var log bytes.Buffer
			s := quietSchool(t, &log)
			f := outbox.Facts{Enrolled: true, Confirmed: true, ExpectedFrom: clock.Now().Add(-30 * time.Hour)}
			c.facts(s, &f)
			q := s.silence(f, false, 0)
			if (q != nil) != c.silent || q != nil && !strings.Contains(q.Why, c.why) {
				t.Errorf("%s: %+v", name, q)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
