package supervise

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// served brings a version into force.
func (w *world) served(version string) {
	w.t.Helper()
	w.stage(version)
	w.wish(slot.Wish{Version: version})
	w.runFor(13 * time.Minute)
	if s := w.state(); s.Current != version {
		w.t.Fatalf("version %s is not in force: %+v", version, s)
	}
	w.starts()
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// Power that goes during a probation counts: after three starts the version is
// left. An orderly stop of one that works does not.
func TestAttempts(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		for range 5 {
			w.runFor(5 * time.Minute)
		}
		w.started("1.0.0", "1.1.0*", "1.1.0*", "1.1.0*", "1.1.0*", "1.1.0*")
		for range 3 {
			w.powerFails(5 * time.Minute)
		}
		w.started("1.1.0*", "1.1.0*", "1.1.0*")
		w.is("1.0.0", "1.1.0")
		w.runFor(time.Hour)
		w.started("1.0.0")
		w.is("1.0.0", "", "1.1.0 attempts")
	})
}

// A version that never becomes ready and takes the computer with it is left too,
// also where the supervisor is stopped in order each time.
func TestStoppedBeforeItWasReady(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.stage("1.1.0")
		w.behave["1.1.0"] = (*fake).hangs
		w.wish(slot.Wish{Version: "1.1.0"})
		for range 3 {
			w.runFor(time.Minute)
		}
		w.started("1.0.0", "1.1.0*", "1.1.0*", "1.1.0*")
		w.runFor(time.Minute)
		w.started("1.0.0")
		w.is("1.0.0", "", "1.1.0 attempts")
	})
}

// The time of day may be anything, and change: nothing is hurried or delayed.
func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{24 * time.Hour, -24 * time.Hour, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
			w.served("1.1.0")
			w.stage("1.2.0")
			w.wish(slot.Wish{Version: "1.2.0"})
			go func() {
				time.Sleep(5 * time.Minute)
				w.set(func() { w.wrong = step })
			}()
			w.runFor(10 * time.Minute)
			w.is("1.1.0", "1.2.0")
			w.runFor(10*time.Minute + 10*time.Second)
			w.is("1.2.0", "")
			w.started("1.1.0", "1.2.0*", "1.2.0*")
			if w.state().Back() != "1.1.0" || !w.there("1.1.0") {
				t.Errorf("the version before is gone: %+v", w.state())
			}
		})
	}
}

// A computer that sleeps for hours, and the worker with it, has neither served a
// probation meanwhile nor been silent.
func TestSleep(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		go func() {
			time.Sleep(5 * time.Minute)
			w.set(func() { w.asleep = 30 * time.Hour })
		}()
		w.runFor(30*time.Hour + 9*time.Minute)
		w.is("1.0.0", "1.1.0")
		w.started("1.0.0", "1.1.0*")
		w.runFor(11 * time.Minute)
		w.is("1.1.0", "")
	})
}

func (w *world) there(version string) bool {
	_, err := os.Stat(w.dir.Program(version))
	return err == nil
}

// A state that is cut off, zeroed, of a newer program or no state at all is made
// anew: what has served its probation is in force, what had not is left, and it
// is said once.
func TestLostState(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "zeroed": strings.Repeat("\x00", 400), "cut off": `{"schema":1,"current":"1.2.0","cand`,
		"from the future": `{"schema":2,"current":"9.0.0"}`, "no version": `{"schema":1,"current":"../../bin/sh"}`,
		"no candidate": `{"schema":1,"current":"1.0.0","candidate":{}}`, "a list": `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
				w.served("1.1.0")
				w.served("1.2.0")
				w.stage("1.3.0")
				w.behave["1.3.0"] = (*fake).hangs
				w.wish(slot.Wish{Version: "1.3.0"})
				w.runFor(time.Minute)
				w.started("1.2.0", "1.3.0*")
				log.Reset()
				w.must(os.WriteFile(filepath.Join(w.dir.Path, "state.json"), []byte(text), 0o600))
				w.runFor(time.Minute)
				w.started("1.2.0")
				w.is("1.2.0", "")
				if s := w.state(); s.Back() != "1.1.0" {
					t.Errorf("there is nothing to go back to: %+v", s)
				}
				if n := strings.Count(log.String(), "event=4111"); n != 1 {
					t.Errorf("the loss is said %d times", n)
				}
				if _, err := os.Stat(filepath.Join(w.dir.Path, "state.json.unusable")); err != nil {
					t.Error("what was lost cannot be looked at")
				}
			})
		})
	}
}

// A state that is lost together with the newest programs leaves the package's own.
func TestNothingLeft(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.put("1.1.0", "something else")
		w.must(os.WriteFile(filepath.Join(w.dir.Path, "state.json"), nil, 0o600))
		w.runFor(time.Minute)
		w.started("1.0.0")
		w.is("1.0.0", "")
	})
}

// A program in force that vanishes, or is altered, is not started again: the
// newest before it is, which nobody has to look for, and that is an event. It may
// be fetched again, after a day.
func TestAltered(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(w *world)
		reason slot.Reason
	}{
		"vanished": {func(w *world) { w.must(os.Remove(w.dir.Program("1.2.0"))) }, slot.Vanished},
		"altered":  {func(w *world) { w.put("1.2.0", "virus") }, slot.Altered},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
				w.served("1.1.0")
				w.served("1.2.0")
				c.do(w)
				w.runFor(time.Minute)
				w.started("1.1.0")
				w.is("1.1.0", "", "1.2.0 "+string(c.reason))
				if n := strings.Count(log.String(), "event=4111"); n != 1 {
					t.Errorf("it is said %d times", n)
				}
				w.stage("1.2.0")
				w.wish(slot.Wish{Version: "1.2.0"})
				w.runFor(time.Minute)
				w.is("1.1.0", "", "1.2.0 "+string(c.reason))
				time.Sleep(24 * time.Hour)
				w.stage("1.2.0")
				w.wish(slot.Wish{Version: "1.2.0"})
				w.runFor(12 * time.Minute)
				w.is("1.2.0", "")
			})
		})
	}
}

// What vanishes while it is on probation, after it was verified and asked for, is
// left as well.
func TestVanishedOnProbation(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.stage("1.1.0")
		w.behave["1.1.0"] = func(f *fake) {
			w.must(os.Remove(w.dir.Program("1.1.0")))
			_ = f.works(time.Minute, 0)
		}
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(10 * time.Minute)
		w.started("1.0.0", "1.1.0*", "1.0.0")
		w.is("1.0.0", "", "1.1.0 vanished")
		if strings.Count(log.String(), "event=4111") != 1 {
			t.Error("it is not said once")
		}
	})
}

// It is looked at before every start: what was altered between two starts on
// probation is left, and what takes the place of a program is looked at too.
func TestAlteredBetweenStarts(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.served("1.2.0")
		w.stage("1.3.0")
		w.wish(slot.Wish{Version: "1.3.0"})
		w.runFor(time.Minute)
		w.started("1.2.0", "1.3.0*")
		w.put("1.3.0", "virus")
		w.put("1.2.0", "virus")
		w.put("1.1.0", "virus")
		w.runFor(time.Minute)
		w.started("1.0.0")
		w.is("1.0.0", "", "1.3.0 altered", "1.2.0 altered")
	})
}

// A disk that can no more be written keeps what is on probation from being
// started: a start that is not counted could go on for ever.
func TestAttemptThatCannotBeCounted(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(time.Minute)
		w.started("1.0.0", "1.1.0*")
		w.fault = func(int, string) act { return fails }
		w.runFor(time.Hour)
		w.started("1.0.0")
		w.fault = nil
		w.runFor(11 * time.Minute)
		w.started("1.1.0*")
		w.is("1.1.0", "")
	})
}

// What is asked for while another is on probation waits for the end of that, and
// is not forgotten.
func TestOneAtATime(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.stage("1.1.0")
		w.stage("1.2.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		go func() {
			time.Sleep(time.Minute)
			w.wish(slot.Wish{Version: "1.2.0"})
		}()
		w.runFor(9 * time.Minute)
		w.started("1.0.0", "1.1.0*")
		w.runFor(21 * time.Minute)
		w.started("1.1.0*", "1.2.0*")
		w.is("1.2.0", "")
	})
}

// A version that has served its time while nothing could be written is in force
// as soon as that can be.
func TestServedOnAFullDisk(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		go func() {
			time.Sleep(9 * time.Minute)
			w.set(func() { w.fault = func(_ int, what string) act { return map[bool]act{true: fails}[what == "save"] } })
			time.Sleep(6 * time.Minute)
			w.set(func() { w.fault = nil })
		}()
		w.runFor(16 * time.Minute)
		w.started("1.0.0", "1.1.0*")
		w.is("1.1.0", "")
		if n := strings.Count(log.String(), "event=4100"); n != 1 {
			t.Errorf("it is said %d times", n)
		}
	})
}

// Where nothing can be shown any more to be released, the package's own copy
// stands in, and what was in force comes back when it can.
func TestNoProof(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		was := w.signed
		w.signed = map[string]string{}
		w.runFor(time.Minute)
		w.started("1.0.0")
		if s := w.state(); s.Current != "1.1.0" || s.Running != "1.0.0" {
			t.Errorf("the state is %+v", s)
		}
		go func() {
			time.Sleep(30 * time.Second)
			w.set(func() { w.signed = was })
			w.wish(slot.Wish{Version: "1.1.0"}) // as the updater does that finds it there
		}()
		w.runFor(time.Minute)
		w.started("1.0.0", "1.1.0")
		w.is("1.1.0", "")
	})
}

// A directory that cannot be written, from the first moment or from any: what is
// in force runs, nothing is tried that could not be counted, and it is said once.
func TestNotWritable(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.fault = func(int, string) act { return fails }
		w.runFor(time.Hour)
		w.started("1.0.0")
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0"})
		log.Reset()
		w.runFor(time.Hour)
		w.started("1.0.0")
		if n := strings.Count(log.String(), "cannot be written"); n != 1 {
			t.Errorf("it is said %d times:\n%s", n, log)
		}
		w.fault = nil
		w.runFor(12 * time.Minute)
		w.started("1.0.0", "1.1.0*")
		w.is("1.1.0", "")
	})
}

// A newer package is in force at once, whatever was on probation; an older one
// changes nothing.
func TestPackages(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.stage("1.3.0")
		w.behave["1.3.0"] = (*fake).hangs
		w.wish(slot.Wish{Version: "1.3.0"})
		w.runFor(time.Minute)
		w.starts()
		w.own = "1.2.0"
		w.runFor(time.Minute)
		w.started("1.3.0*") // it is newer still, and goes on
		w.own = "1.4.0"
		w.runFor(time.Hour)
		w.started("1.4.0")
		w.is("1.4.0", "")
		if back := w.state().Back(); back != "1.1.0" { // of 1.2.0 there is nothing any more
			t.Errorf("the version to go back to is %q", back)
		}
		w.own = "1.0.0"
		w.runFor(time.Minute)
		if s := w.state(); s.Current == "1.0.0" {
			t.Errorf("an older package took the place of a newer version: %+v", s)
		}
	})
}

// Going back is granted once, by whatever name it is repeated; what was left is
// not tried again until somebody insists, nor by a package that is there already.
func TestBack(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.served("1.1.0")
		w.served("1.2.0")
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		w.started("1.2.0", "1.1.0")
		w.is("1.1.0", "", "1.2.0 asked")
		w.wish(slot.Wish{Back: true, From: "1.2.0"})
		w.runFor(time.Minute)
		w.started("1.1.0")
		w.is("1.1.0", "", "1.2.0 asked")
		w.wish(slot.Wish{Version: "1.2.0", Insist: true})
		w.runFor(time.Minute)
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		w.is("1.1.0", "", "1.2.0 asked")
		if n := strings.Count(log.String(), "event=4110"); n != 2 {
			t.Errorf("going back is said %d times", n)
		}
		w.starts()
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		w.started("1.1.0", "1.0.0")
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		w.started("1.0.0")
		if h := w.state().Heard; h.Refused != slot.NoPrevious {
			t.Errorf("the answer is %+v", h)
		}
	})
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.own = "1.2.0"
		w.runFor(time.Minute)
		w.starts()
		w.wish(slot.Wish{Back: true})
		for range 3 {
			w.runFor(time.Minute)
		}
		w.started("1.2.0", "1.1.0", "1.1.0", "1.1.0")
		w.is("1.1.0", "", "1.2.0 asked")
	})
}

// Nothing below the security floor is started but what is in force while its
// successor is tried, and the package's own copy in the last resort.
func TestFloor(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.stage("1.2.0")
		w.stage("1.3.0")
		w.floor = "1.3.0"
		w.behave["1.3.0"] = func(f *fake) { _ = f.works(time.Minute, 1) }
		w.wish(slot.Wish{Version: "1.2.0"})
		w.runFor(time.Minute)
		w.started("1.1.0")
		if h := w.state().Heard; h.Refused != slot.Below {
			t.Errorf("the answer is %+v", h)
		}
		w.wish(slot.Wish{Version: "1.3.0"})
		w.runFor(10 * time.Minute)
		w.started("1.1.0", "1.3.0*", "1.3.0*", "1.3.0*", "1.1.0")
		delete(w.behave, "1.3.0")
		w.stage("1.3.0")
		w.wish(slot.Wish{Version: "1.3.0", Insist: true})
		w.runFor(12 * time.Minute)
		w.is("1.3.0", "")
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		w.is("1.3.0", "")
		if h := w.state().Heard; h.Refused != slot.Below {
			t.Errorf("the answer is %+v", h)
		}
		w.starts()
		w.floor = "" // a list that is older does not lower it
		w.must(os.Remove(w.dir.Program("1.3.0")))
		w.runFor(time.Minute)
		w.started("1.0.0")
	})
}

// The service that is taken out, or installed anew, takes what is on probation
// with it: nothing that began before undoes what is installed then.
func TestUninstalledOnProbation(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.served("1.1.0")
		w.stage("1.2.0")
		w.behave["1.2.0"] = func(f *fake) { _ = f.works(2*time.Minute, 1) }
		w.wish(slot.Wish{Version: "1.2.0"})
		w.runFor(time.Minute)
		w.wish(slot.Wish{Version: "1.2.0"})
		w.must(w.dir.EndProbation())
		w.must(w.dir.EndProbation())
		w.starts()
		w.own = "1.2.0" // the package of what was tried
		delete(w.behave, "1.2.0")
		w.runFor(time.Hour)
		w.started("1.2.0")
		w.is("1.2.0", "")
		w.own = "1.1.0"
		w.runFor(time.Minute)
	})
}
