package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/agent/update"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// refused has a person ask for the newest version, which cannot be had for this
// reason, and sees that nothing has come of it: the same worker runs on.
func (i *installation) refused(what string, want protocol.UpdateProblem, wait protocol.UpdateWait) {
	i.t.Helper()
	workers := childrenOf(i.process.PID())
	r, err := i.agent.Try(i.ctx, "update", "apply", "--json")
	i.must(err)
	var st update.Status
	if err := json.Unmarshal([]byte(r.Stdout), &st); err != nil || r.Code == 0 {
		i.t.Fatalf("%s: `update apply` ended with %d, %v:\n%s%s", what, r.Code, err, r.Stdout, r.Stderr)
	}
	var got protocol.UpdateProblem
	if st.Problem != nil {
		got = st.Problem.Kind
	}
	if got != want || wait != "" && st.Wait != wait {
		i.t.Errorf("%s: the problem is %q, not %q, and %q is waited for:\n%s%s", what, got, want, st.Wait, r.Stdout, r.Stderr)
	}
	if now := childrenOf(i.process.PID()); !slices.Equal(now, workers) {
		i.t.Errorf("%s: another worker runs", what)
	}
	if _, err := os.Stat(i.versions.Program("1.1.0")); err == nil {
		i.t.Errorf("%s: there is a program all the same", what)
	}
	i.nothingUnfinished()
}

// TestUpdateMirror puts everything wrong between the operator's signatures and
// the school: each is one sentence, nothing is started, the agent goes on, and
// takes the version once it is right.
func TestUpdateMirror(t *testing.T) {
	t.Parallel()
	i := alone(t)
	i.start()
	i.runs(packaged)
	i.publish("1.1.0", zoo.Good)
	for _, m := range []struct {
		name string
		mood zoo.Mood
		want protocol.UpdateProblem
	}{
		{"everything is forbidden", zoo.Closed, protocol.UpdateRefused},
		{"the mirror is out of order", zoo.Fails, protocol.UpdateUnreachable},
		{"a web filter's page", zoo.Blocks, protocol.UpdateNotMetadata},
		{"a truncated program", zoo.Truncates, protocol.UpdateAltered},
		{"a download that is cut off", zoo.CutsOff, protocol.UpdateUnreachable},
		{"one bit of the program is turned", zoo.Flips, protocol.UpdateAltered},
	} {
		i.mirror.Feel(m.mood)
		i.refused(m.name, m.want, "")
	}
	i.mirror.Feel(zoo.Fine)
	for _, s := range []struct {
		name string
		slip zoo.Slip
		want protocol.UpdateProblem
	}{
		{"one signature short", zoo.Slip{Short: true}, protocol.UpdateSignature},
		{"signed by nobody who is trusted", zoo.Slip{Forged: true}, protocol.UpdateSignature},
		{"an expired timestamp", zoo.Slip{Expired: true}, protocol.UpdateExpired},
	} {
		i.repository.Slip = s.slip
		i.must(i.repository.Publish())
		i.refused(s.name, s.want, "")
	}
	asked := len(i.mirror.Asked())
	i.publish("1.1.0", zoo.Good, func(d *release.Release) { d.State = update.StateReads + 1 })
	i.refused("a state that the version before could not read", "", protocol.UpdateWaitState)
	for _, name := range i.mirror.Asked()[asked:] {
		if strings.HasPrefix(name, "targets/agent/") {
			t.Errorf("%s was fetched", name)
		}
	}

	i.readOnly()
	i.replayed()

	// What is missing is forbidden, as stores of objects have it: that is no fault.
	i.mirror.Feel(zoo.Forbids)
	i.publish("1.1.0", zoo.Good)
	i.apply("1.1.0")
	i.inForce("1.1.0")
}

// readOnly lets nobody write where the slots are.
func (i *installation) readOnly() {
	i.t.Helper()
	i.publish("1.1.0", zoo.Good)
	restore, err := fault.ReadOnly(i.versions.Path)
	i.must(err)
	restored := false
	defer func() {
		if !restored {
			_ = restore()
		}
	}()
	asked := len(i.mirror.Asked())
	r, err := i.agent.Try(i.ctx, "update", "apply")
	i.must(err)
	if r.Code == 0 || !strings.Contains(r.Stderr, "versions") {
		i.t.Errorf("where nothing can be written `update apply` ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	for _, name := range i.mirror.Asked()[asked:] {
		if strings.HasPrefix(name, "targets/agent/") {
			i.t.Errorf("%s was fetched, and there was nowhere to put it", name)
		}
	}
	i.must(restore())
	restored = true
	i.runs(packaged)
}

// replayed shows the agent what was there before, and then a list on which only
// an older version stands: it stays where it is.
func (i *installation) replayed() {
	i.t.Helper()
	old := filepath.Join(i.dir, "old")
	i.must(i.repository.Copy(old))
	i.must(i.repository.Publish())
	check := func() (st update.Status) {
		i.t.Helper()
		out, err := i.agent.Command(i.ctx, "update", "check", "--json")
		i.must(err)
		i.must(json.Unmarshal([]byte(out), &st))
		return st
	}
	now := check()
	i.mirror.Serve(old)
	if st := check(); st.Metadata != now.Metadata || st.Problem != nil {
		i.t.Errorf("after an old repository was shown: %+v", st)
	}
	i.mirror.Serve(i.repository.Dir)

	i.repository.Withdraw(zoo.Describe("1.1.0"))
	i.must(i.repository.Add(i.built("1.1.0", zoo.Good), zoo.Describe("0.9.0")))
	i.must(i.repository.Publish())
	if st := check(); st.Offered != nil {
		i.t.Errorf("an older version is offered: %+v", st.Offered)
	}
	r, err := i.agent.Try(i.ctx, "update", "apply", "0.9.0")
	i.must(err)
	if r.Code != 3 {
		i.t.Errorf("asking for an older version ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	i.runs(packaged)
}

// TestUpdateRotatedKeys replaces all keys while a school is away for long: its
// agent walks from its first root to the last, and starts what is signed by the
// last without a network.
func TestUpdateRotatedKeys(t *testing.T) {
	t.Parallel()
	i := alone(t)
	i.start()
	i.runs(packaged)
	for _, role := range []string{metadata.TARGETS, metadata.ROOT, metadata.ROOT, metadata.SNAPSHOT, metadata.TIMESTAMP} {
		i.must(i.repository.Rotate(role))
	}
	i.publish("1.1.0", zoo.Good)
	i.apply("1.1.0")
	i.inForce("1.1.0")
	i.must(i.mirror.Close())
	i.must(i.process.Stop())
	i.start()
	i.inForce("1.1.0")
	// One root of the chain is lost: nothing can be proved, and the package's copy
	// runs.
	i.must(i.process.Stop())
	i.must(os.Remove(filepath.Join(i.versions.Metadata(), "3.root.json")))
	i.start()
	i.runs(packaged)
	if _, err := i.versions.State(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(i.process.Stop()); err != nil {
		t.Error(err)
	}
}
