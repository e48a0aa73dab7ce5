package supervise

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// What is gone when it is asked for is not asked for again at every check, which
// would fetch it each time: an antivirus takes it each time.
func TestGoneWhenAskedFor(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.stage("1.1.0")
		w.must(os.Remove(w.dir.Program("1.1.0")))
		w.wish(slot.Wish{Version: "1.1.0"})
		w.runFor(time.Minute)
		w.started("1.0.0")
		w.is("1.0.0", "", "1.1.0 vanished")
		if h := w.state().Heard; h.Refused != slot.Vanished {
			t.Errorf("the answer is %+v", h)
		}
		w.stage("1.1.0")
		w.wish(slot.Wish{Version: "1.1.0", Insist: true})
		w.runFor(12 * time.Minute)
		w.is("1.1.0", "")
	})
}

// A package's copy that a newer package has overwritten is nothing to go back to,
// and no version that has vanished.
func TestNoWayBackToAPackage(t *testing.T) {
	inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
		w.runFor(time.Minute)
		w.own = "1.2.0"
		w.runFor(time.Minute)
		w.started("1.0.0", "1.2.0")
		if back := w.state().Back(); back != "" {
			t.Errorf("the version to go back to is %q", back)
		}
		w.wish(slot.Wish{Back: true})
		w.runFor(time.Minute)
		if h := w.state().Heard; h.Refused != slot.NoPrevious || strings.Contains(log.String(), "event=4111") {
			t.Errorf("the answer is %+v\n%s", h, log)
		}
	})
}

// A self-test that says things without end neither fills the memory nor makes a
// state that cannot be read.
func TestSelfTestWithoutEnd(t *testing.T) {
	m := &machine{limits: released}
	l := &life{machine: m}
	for n := range 20_000 {
		l.hears(SelfTest + " " + fmt.Sprint(n) + strings.Repeat("x", maxLine-20))
	}
	w := newWorld(t, nil)
	w.must(w.dir.Save(slot.State{Current: "1.0.0", Failing: l.said}))
	if s, err := w.dir.State(); err != nil || len(s.Failing) == 0 {
		t.Errorf("the state cannot be read any more: %v", err)
	}
}
