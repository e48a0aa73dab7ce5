package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
)

// snapshot copies a directory as a nightly backup would, rights included.
func (w *world) snapshot(dir string) (copied string) {
	w.t.Helper()
	copied = dir + ".yesterday"
	w.must(exec.CommandContext(w.ctx, "cp", "-a", dir, copied).Run())
	return copied
}

// restore puts a copy in the place of what is there now.
func (w *world) restore(dir, copied string) {
	w.t.Helper()
	w.must(os.RemoveAll(dir))
	w.must(exec.CommandContext(w.ctx, "cp", "-a", copied, dir).Run())
}

// anotherMark makes one difference in the MIS, which every n makes in another
// place or way.
func (w *world) anotherMark(n int) {
	w.t.Helper()
	cared := w.school.LookedAfter()
	days := slices.DeleteFunc(w.school.SchoolDays(), func(d time.Time) bool { return d.After(w.school.Today()) })
	code := []string{"I", "C", "L", "N"}[n%4]
	w.must(w.school.ChangeMark(cared[n%len(cared)].ID, days[n%min(5, len(days))], demoschool.PM, code))
	w.write()
}

// TestRestoreCollector restores the collector from yesterday's copy after it
// has acknowledged more: the agent notices the older head and gives it
// everything again (design.md §4, "a head older than the agent's").
func TestRestoreCollector(t *testing.T) {
	t.Parallel()
	t.Run("what waits for its outcome is sent again", func(t *testing.T) {
		w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
		w.sync()
		w.must(w.collector.Close())
		copied := w.snapshot(w.collector.Dir)
		// Today intake takes two batches that nobody applies, so the agent keeps
		// their envelopes.
		_, err := w.collector.Start(w.ctx, "intake")
		w.must(err)
		for n := range 2 {
			w.anotherMark(n)
			_, err := w.agent.Command(w.ctx, "sync")
			w.must(err)
		}
		before, _, _ := inboxRows(t, w)
		w.must(w.collector.Close())
		w.restore(w.collector.Dir, copied)
		_, err = w.collector.Start(w.ctx, "")
		w.must(err)
		w.anotherMark(2)
		w.sync()
		w.sync()
		after, _, types := inboxRows(t, w)
		for i, digest := range before {
			if !containsDigest(after, digest) {
				t.Errorf("batch %d, which the agent kept, was not sent again", i+1)
			}
		}
		for i, kind := range types[1:] {
			if kind == int(envelope.TypeFull) {
				t.Errorf("batch %d is a full one, though everything was kept", i+2)
			}
		}
		w.sound()
	})
	t.Run("what has its outcome comes in a full batch", func(t *testing.T) {
		w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
		w.sync()
		w.must(w.collector.Close())
		copied := w.snapshot(w.collector.Dir)
		_, err := w.collector.Start(w.ctx, "")
		w.must(err)
		for n := range 3 {
			w.anotherMark(n)
			w.sync()
		}
		w.outcomesHeard()
		w.must(w.collector.Close())
		w.restore(w.collector.Dir, copied)
		_, err = w.collector.Start(w.ctx, "")
		w.must(err)
		w.anotherMark(3)
		w.eventuallySame()
		_, _, types := inboxRows(t, w)
		if types[len(types)-1] != int(envelope.TypeFull) && types[len(types)-2] != int(envelope.TypeFull) {
			t.Errorf("no full batch was sent: types %v", types)
		}
		w.sync()
		w.sound()
		appliedOnce(t, w, "")
	})
}

// TestRestoreCollectorFromBefore restores the collector from a copy that does
// not know the agent: it is told so, keeps what it has queued, and a new code
// brings everything back.
func TestRestoreCollectorFromBefore(t *testing.T) {
	t.Parallel()
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	w.must(w.collector.Close())
	copied := w.snapshot(w.collector.Dir)
	_, err := w.collector.Start(w.ctx, "")
	w.must(err)
	w.enrolAt(w.source(), code, stack.AgentOptions{})
	w.sync()
	w.must(w.collector.Close())
	w.restore(w.collector.Dir, copied)
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	w.anotherMark(0)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "does not know this agent") {
		t.Errorf("sync to a collector that does not know the agent ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	w.says("new code", "status")
	_, err = w.agent.Command(w.ctx, "fsck")
	w.must(err)
	renewed, err := w.collector.Command(w.ctx, "code", "create", schoolID)
	w.must(err)
	phrase, err := w.agent.Enrol(w.ctx, codeOf(t, renewed))
	w.must(err)
	w.confirm(phrase)
	w.eventuallySame()
	w.anotherMark(1)
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}

// TestRestoreSweep puts one of several copies of the collector back at random,
// with batches applied, waiting or forgotten on either side, and looks each
// time that a few syncs bring everything back.
func TestRestoreSweep(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	var copies []string
	for n := range 8 {
		w.must(w.collector.Close())
		kept := fmt.Sprintf("%s.copy%d", w.collector.Dir, n)
		w.must(exec.CommandContext(w.ctx, "cp", "-a", w.collector.Dir, kept).Run())
		copies = append(copies, kept)
		roles := []string{"", "intake"}[random.IntN(2)]
		_, err := w.collector.Start(w.ctx, roles)
		w.must(err)
		for range random.IntN(4) {
			w.anotherMark(random.IntN(1000))
			args := []string{"sync"}
			if random.IntN(4) == 0 {
				args = append(args, "--full")
			}
			_, err := w.agent.Try(w.ctx, args...)
			w.must(err)
		}
		w.must(w.collector.Close())
		if random.IntN(4) > 0 {
			w.restore(w.collector.Dir, copies[random.IntN(len(copies))])
		}
		_, err = w.collector.Start(w.ctx, "")
		w.must(err)
		w.anotherMark(random.IntN(1000))
		w.eventuallySame()
		w.sound()
	}
	appliedOnce(t, w, "")
}

// outcomesHeard runs empty syncs until the agent has heard what became of
// everything before.
func (w *world) outcomesHeard() {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, "sync")
	w.must(err)
}

// eventuallySame syncs until the collector holds what the MIS holds: a second
// sync and a third may be needed where the two sides first have to find out
// about each other, and control's word has to travel.
func (w *world) eventuallySame() {
	w.t.Helper()
	const most = 4
	var err error
	for n := range most {
		r, tried := w.agent.Try(w.ctx, "sync")
		w.must(tried)
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		err = stack.Await(ctx, "the collector to hold what the MIS holds", func() (bool, error) {
			err := w.holds()
			return err == nil, err
		})
		cancel()
		if err == nil {
			return
		}
		w.t.Logf("sync %d was not enough: code %d, %s%s", n+1, r.Code, r.Stdout, r.Stderr)
	}
	w.t.Fatalf("%d syncs were not enough: %v", most, err)
}

// TestRestoreAgent restores the school's machine from yesterday's copy: the
// copy finds that it is behind, stops and asks for a new code; with one, and
// the operator's look at the phrase, the school's old id key comes back and
// nobody is renamed.
func TestRestoreAgent(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	copied := w.snapshot(w.agent.Dir)
	for n := range 3 {
		w.anotherMark(n)
		w.sync()
	}
	before := w.pupilIDs()
	w.restore(w.agent.Dir, copied)
	w.anotherMark(3)
	w.superseded(w.agent)

	code, err := w.collector.Command(w.ctx, "code", "create", schoolID)
	w.must(err)
	phrase, err := w.agent.Enrol(w.ctx, codeOf(t, code))
	w.must(err)
	// Until the operator has looked, it may send nothing.
	batches, _, _ := inboxRows(t, w)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if now, _, _ := inboxRows(t, w); len(now) != len(batches) {
		t.Errorf("a re-enrolled agent sent a batch before it was confirmed: %s", r.Stdout)
	}
	w.confirm(phrase)
	w.eventuallySame()
	if after := w.pupilIDs(); !same(before, after) {
		t.Error("pupils have other ids after the machine was enrolled again")
	}
	w.anotherMark(4)
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
	out, err := w.agent.Command(w.ctx, "log", "--verify")
	w.must(err)
	if out == "" {
		t.Error("log --verify says nothing")
	}
}

// superseded syncs until the agent knows that it must stop, and checks that it
// says so and sends nothing more.
func (w *world) superseded(a *stack.Agent) {
	w.t.Helper()
	w.await("the agent that is behind to stop", func() error {
		if _, err := a.Try(w.ctx, "sync"); err != nil {
			return err
		}
		var status struct{ State, Reason, Next string }
		if err := a.Status(w.ctx, &status); err != nil {
			return err
		}
		if status.Reason != "superseded" {
			return errNotYet
		}
		if status.State != "stopped" || !strings.Contains(status.Next, "a new code") {
			w.t.Errorf("the agent's status is %q and says: %s", status.State, status.Next)
		}
		return nil
	})
	batches, _, _ := inboxRows(w.t, w)
	r, err := a.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 {
		w.t.Error("an agent that must stop says that its sync went well")
	}
	if now, _, _ := inboxRows(w.t, w); len(now) != len(batches) {
		w.t.Error("an agent that must stop sent a batch")
	}
}

// TestTwoCopies runs two copies of one agent: the one that falls behind stops,
// the one that is ahead goes on and takes no notice.
func TestTwoCopies(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	twin, err := stack.NewAgent(programs, w.snapshot(w.agent.Dir), w.source(), stack.AgentOptions{})
	w.must(err)
	w.anotherMark(0)
	w.sync()
	w.anotherMark(1)
	w.superseded(twin)
	for n := range 2 {
		w.anotherMark(n + 2)
		w.sync()
	}
	w.sound()
	appliedOnce(t, w, "")
}

func codeOf(t *testing.T, out string) string {
	t.Helper()
	for word := range strings.FieldsSeq(out) {
		if strings.HasPrefix(word, "RB1-") {
			return word
		}
	}
	t.Fatal("`code create` printed no code")
	return ""
}

// pupilIDs are the ids that the collector knows the pupils by.
func (w *world) pupilIDs() map[string]bool {
	w.t.Helper()
	out, err := w.collector.Command(w.ctx, "compare", schoolID, "--reveal", "--json")
	w.must(err)
	ids := map[string]bool{}
	scan := bufio.NewScanner(strings.NewReader(out))
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		var line struct {
			Dataset string `json:"dataset"`
			Record  struct {
				ID string `json:"pupil"`
			} `json:"record"`
		}
		w.must(json.Unmarshal(scan.Bytes(), &line))
		if line.Dataset == "pupil" {
			ids[line.Record.ID] = true
		}
	}
	w.must(scan.Err())
	if len(ids) == 0 || ids[""] {
		w.t.Fatal("no pupil ids were shown")
	}
	return ids
}

func same(a, b map[string]bool) bool {
	for id := range a {
		if !b[id] {
			return false
		}
	}
	return len(a) == len(b)
}
