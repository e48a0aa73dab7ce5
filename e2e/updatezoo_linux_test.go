package e2e

import (
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/clock"
)

// apply has a version fetched, verified and started, as a person at the school
// asks for it.
func (i *installation) apply(version string) {
	i.t.Helper()
	if _, err := i.agent.Command(i.ctx, "update", "apply", version); err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
}

// TestUpdateZoo takes a school's agent through the signed repository to a good
// version, to each that goes wrong, and back: it is on the good one again each
// time, says why, asks for the bad one no more, and goes on sending.
func TestUpdateZoo(t *testing.T) {
	t.Parallel()
	i := installed(t)
	i.ctx = boundedBy(t, 20*time.Minute)
	// What gets stuck has to be found while it is on probation.
	i.limited("silence=5s probation=8s")
	i.start()
	i.runs(packaged)
	i.publish("1.1.0", zoo.Good)
	i.apply("1.1.0")
	i.inForce("1.1.0")
	// A worker that has served its probation and ends is started again, by the
	// supervisor that saw it through.
	for _, pid := range childrenOf(i.process.PID()) {
		i.must(syscall.Kill(pid, syscall.SIGKILL))
	}
	i.runs("1.1.0")
	i.anotherMark(0)
	i.sync()
	for n, bad := range []struct {
		version string
		kind    zoo.Kind
		why     slot.Reason
	}{
		{"1.2.0", zoo.Foreign, slot.Unstartable},
		{"1.2.1", zoo.Exits, slot.Ended},
		{"1.2.2", zoo.Hangs, slot.NotReady},
		{"1.2.3", zoo.Unfit, slot.SelfTest},
		{"1.2.4", zoo.Crashes, slot.Crashed},
		{"1.2.5", zoo.Deadlocks, slot.Silent},
		{"1.2.6", zoo.Floods, slot.Flooding},
	} {
		i.publish(bad.version, bad.kind)
		i.apply(bad.version)
		s := i.until("version "+bad.version+", which "+string(bad.kind)+", to be left", func(s slot.State) bool {
			return s.Candidate == nil && skippedFor(s, bad.version) != ""
		})
		if why := skippedFor(s, bad.version); why != bad.why || s.Current != "1.1.0" {
			t.Errorf("a version that %s was left because it %s: %+v", bad.kind, why, s)
		}
		i.runs("1.1.0")
		i.anotherMark(n + 1)
		i.eventuallySame()
		i.nothingUnfinished()
		// The newest that there is goes on being the bad one, and is left alone.
		if r, err := i.agent.Try(i.ctx, "update", "apply"); err != nil || r.Code != 3 {
			t.Errorf("asking for the newest ended with %d, %v:\n%s%s", r.Code, err, r.Stdout, r.Stderr)
		}
	}
	_, err := i.agent.Command(i.ctx, "update", "rollback")
	i.must(err)
	i.inForce(packaged)
	i.publish("1.3.0", zoo.Good)
	i.apply("1.3.0")
	i.inForce("1.3.0")
	i.anotherMark(10)
	i.sync()
	i.sound()
	appliedOnce(t, i.world, "")
}

// TestUpdateByItself lets the agent find a release: nobody asks, the afternoon
// comes, and it runs.
func TestUpdateByItself(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	now := time.Now()
	london, err := time.LoadLocation(clock.Location)
	w.must(err)
	day := now.In(london)
	afternoon := time.Date(day.Year(), day.Month(), day.Day(), 15, 0, 0, 0, london)
	if afternoon.Before(now) {
		afternoon = afternoon.AddDate(0, 0, 1)
	}
	file := w.dir + "/clock"
	setClock(t, file, afternoon.Sub(now))
	i := install(w, stack.Folder("csv", w.dir), stack.AgentOptions{Clock: file, Env: []string{"ROLLBRIDGE_UPDATES_HOLD_DAYS=0"}})
	i.publish("1.1.0", zoo.Good)
	i.start()
	i.inForce("1.1.0")
	i.runs("1.1.0")
}
