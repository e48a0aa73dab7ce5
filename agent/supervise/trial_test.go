package supervise

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollbridge/agent/slot"
)

// inTime runs a test in a world of its own and in time that costs nothing.
func inTime(t *testing.T, test func(t *testing.T, w *world, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		test(t, newWorld(t, &log), &log)
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// A version that is asked for serves ten minutes and is in force then; the one
// before is kept.
func TestANewVersion(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(9 * time.Minute)
		w.started("1.0.0", "1.1.0*")
		w.is("1.0.0", "1.1.0")
		if s := w.state(); s.Candidate.Attempts != 0 || s.Back() != "1.0.0" {
			t.Errorf("a start that ended in order stands in the state: %+v", s)
		}
		w.runFor(11 * time.Minute)
		w.started("1.1.0*")
		w.is("1.1.0", "")
		s := w.state()
		if s.Back() != "1.0.0" || s.Running != "1.1.0" || !w.dir.Served("1.1.0") || strings.Count(log.String(), "event=4100") != 1 {
			t.Errorf("the state is %+v", s)
		}
		w.runFor(time.Hour)
		w.started("1.1.0")
	})
}

// Each way of failing is left for the version before, within its time, and is not
// tried again unasked.
func TestWhatFailsIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		behave func(*fake)
		starts int
		within time.Duration
		reason slot.Reason
	}{
		"ends at once":             {func(*fake) {}, 1, 20 * time.Second, slot.Ended},
		"hangs before it is ready": {(*fake).hangs, 1, 110 * time.Second, slot.NotReady},
		"ready and then deadlocks": {func(f *fake) { f.say(Ready); f.hangs() }, 1, 200 * time.Second, slot.Silent},
		"deadlocks after a while": {func(f *fake) {
			f.say(Ready)
			f.say(Checked)
			for range 10 {
				f.say(Alive)
				time.Sleep(30 * time.Second)
			}
			f.hangs()
		}, 1, 10 * time.Minute, slot.Silent},
		"crashes after a while": {func(f *fake) { _ = f.works(3*time.Minute, 2) }, 3, 10 * time.Minute, slot.Crashed},
		"fails its self-test": {func(f *fake) {
			f.say(SelfTest + " store")
			_ = f.works(forever, 0)
		}, 1, 20 * time.Second, slot.SelfTest},
		"never looks for updates": {func(f *fake) {
			f.say(Ready)
			for {
				select {
				case <-f.stopped:
					return
				case <-time.After(30 * time.Second):
					f.say(Alive)
				}
			}
		}, 1, 26 * time.Hour, slot.Unchecked},
		"floods": {func(f *fake) {
			f.say(Ready)
			for {
				select {
				case <-f.killed:
					return
				case <-time.After(time.Second):
					f.mu.Lock()
					f.wrote += 5 << 20
					f.mu.Unlock()
					f.say(Alive)
				}
			}
		}, 1, time.Minute, slot.Flooding},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
				if c.within > time.Hour {
					w.limits.look = time.Minute
				}
				w.stage("1.1.0")
				w.behave["1.1.0"] = c.behave
				w.wish(slot.Wish{Version: "1.1.0"})
				w.runFor(c.within)
				starts := w.starts()
				if n := strings.Count(strings.Join(starts, " "), "1.1.0*"); n != c.starts || starts[len(starts)-1] != "1.0.0" {
					t.Errorf("started were %q", starts)
				}
				w.is("1.0.0", "", "1.1.0 "+string(c.reason))
				if n := strings.Count(log.String(), "event=4110"); n != 1 {
					t.Errorf("the return is said %d times", n)
				}
				if _, err := w.dir.Slots(); err != nil || w.dir.Served("1.1.0") {
					t.Error("the version counts as one that served")
				}
				w.wish(slot.Wish{Version: "1.1.0"})
				w.runFor(10 * time.Minute)
				w.started("1.0.0")
				if h := w.state().Heard; h.Refused != slot.Skipped {
					t.Errorf("the answer is %+v", h)
				}
			})
		})
	}
}
