package supervise

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// What fails here in the version before as well is not the new one's fault: that
// is tried again after a day, and may then fail in what the one before fails in.
func TestWhatLiesInThisComputer(t *testing.T) {
	var broken atomic.Bool
	behaviours := map[string]func(*fake){
		"self-test": func(f *fake) {
			if broken.Load() {
				f.say(SelfTest + " store")
			}
			_ = f.works(forever, 0)
		},
		"ends": func(f *fake) {
			if !broken.Load() {
				_ = f.works(forever, 0)
			}
		},
		"slow": func(f *fake) {
			if broken.Load() {
				select {
				case <-time.After(2 * time.Minute):
				case <-f.killed:
				case <-f.stopped:
				}
			}
			_ = f.works(forever, 0)
		},
	}
	for name, behave := range behaviours {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
				broken.Store(false)
				w.served("1.1.0")
				w.stage("1.2.0")
				w.behave["1.1.0"], w.behave["1.2.0"] = behave, behave
				go func() {
					time.Sleep(time.Minute)
					broken.Store(true)
					w.wish(slot.Wish{Version: "1.2.0"})
				}()
				w.runFor(10 * time.Minute)
				w.is("1.1.0", "", "1.2.0 here")
				if s := w.state(); name == "self-test" && fmt.Sprint(s.Failing) != "[store]" {
					t.Errorf("the state is %+v", s)
				}
				time.Sleep(24 * time.Hour)
				if name != "self-test" {
					broken.Store(false)
				}
				w.stage("1.2.0")
				w.wish(slot.Wish{Version: "1.2.0"})
				w.runFor(20 * time.Minute)
				w.is("1.2.0", "")
			})
		})
	}
}

// A self-test that fails in more than before is the new version's fault.
func TestSelfTestGetsWorse(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		said := []string{`store "oakmere"`}
		speaking := func(more ...string) func(*fake) {
			return func(f *fake) {
				for _, s := range append(more, said...) {
					f.say(SelfTest + " " + s)
				}
				_ = f.works(forever, 0)
			}
		}
		w.behave["1.0.0"], w.behave["1.1.0"] = speaking(), speaking()
		w.behave["1.2.0"] = speaking(`store "elmfield"`)
		w.served("1.1.0")
		w.stage("1.2.0")
		w.wish(slot.Wish{Version: "1.2.0"})
		w.runFor(20 * time.Minute)
		w.is("1.1.0", "", "1.2.0 self_test")
	})
}

// An old supervisor runs a new worker: what it does not know it passes over,
// whatever comes before, after and in between.
func TestUnknownLines(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.stage("1.1.0")
		w.behave["1.1.0"] = func(f *fake) {
			for _, line := range []string{"hello", Ready + " in 2031", Ready, Alive + " 12 ms", "staged 2.0.0", Checked + " nothing", "", " "} {
				f.say(line)
			}
			_ = f.goesOn(forever, 0)
		}
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(11 * time.Minute)
		w.is("1.1.0", "")
	})
}

// A version in force that can no more start is helped by a newer one, also while
// it waits for its next try; one that deadlocks is started again.
func TestAVersionInForceFails(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.behave["1.0.0"] = func(*fake) {}
		w.stage("1.1.0")
		go func() {
			time.Sleep(10 * time.Minute)
			w.wish(slot.Wish{Version: "1.1.0"})
		}()
		w.runFor(10*time.Minute + 10*time.Second)
		if starts := w.starts(); starts[len(starts)-1] != "1.1.0*" {
			t.Errorf("started were %q", starts)
		}
		log.Reset()
		w.runFor(12 * time.Minute)
		w.is("1.1.0", "")
		w.starts()
		w.behave["1.1.0"] = func(f *fake) {
			f.say(Ready)
			f.hangs()
		}
		w.runFor(10 * time.Minute)
		w.started("1.1.0", "1.1.0", "1.1.0", "1.1.0")
		w.behave["1.1.0"] = (*fake).hangs
		w.runFor(time.Hour)
		if n := len(w.starts()); n != 6 {
			t.Errorf("one that is never ready was started %d times within an hour", n)
		}
		w.is("1.1.0", "")
		if strings.Contains(log.String(), "event=4110") {
			t.Error("a version in force was left")
		}
	})
}

// An updater that has turned and turns no more has its worker started again.
func TestUpdaterStopsTurning(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.behave["1.0.0"] = func(f *fake) {
			f.say(Ready)
			f.say(Checked)
			for {
				select {
				case <-f.stopped:
					return
				case <-time.After(30 * time.Second):
					f.say(Alive)
				}
			}
		}
		w.limits.look = time.Minute
		w.runFor(51 * time.Hour)
		w.started("1.0.0", "1.0.0", "1.0.0")
	})
}

// Versions that were in force are kept for a week, and one at least for ever;
// staged ones and what is asked for stay; the rest goes.
func TestWhatIsKept(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.limits.look = time.Minute
		for _, v := range []string{"1.1.0", "1.2.0", "1.3.0"} {
			w.served(v)
		}
		w.stage("1.4.0")
		w.stage("1.0.5")
		w.runFor(time.Hour)
		for v, want := range map[string]bool{"1.0.5": false, "1.1.0": true, "1.2.0": true, "1.3.0": true, "1.4.0": true} {
			if w.there(v) != want {
				t.Errorf("version %s: %v", v, !want)
			}
		}
		w.runFor(8 * 24 * time.Hour)
		for v, want := range map[string]bool{"1.1.0": false, "1.2.0": true, "1.3.0": true, "1.4.0": true} {
			if w.there(v) != want {
				t.Errorf("after a week, version %s: %v", v, !want)
			}
		}
		if s := w.state(); len(s.Previous) != 1 || s.Back() != "1.2.0" {
			t.Errorf("the state is %+v", s)
		}
	})
}
