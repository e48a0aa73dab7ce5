package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
)

// TestMove carries an agent to a new machine while the service of the old one
// runs and a batch waits: the new one delivers it and goes on with changes only,
// and the old one sends nothing more.
func TestMove(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	gateway.Always(fault.CutRequest)
	w.anotherMark(1)
	r, err := w.agent.Try(w.ctx, "sync")
	w.must(err)
	if r.Code == 0 {
		t.Fatal("a batch was delivered without a line")
	}
	old := w.agent
	ids := func() map[string]bool { return w.pupilIDs() }
	before := ids()
	_, err = old.Start(w.ctx)
	w.must(err)
	fresh, err := stack.NewAgent(programs, filepath.Join(w.dir, "fresh"), w.source(), stack.AgentOptions{})
	w.must(err)
	_, err = fresh.Start(w.ctx)
	w.must(err)
	t.Cleanup(func() { _ = fresh.Close() })
	key, err := fresh.Command(w.ctx, "move", "import")
	w.must(err)
	keyFile, file := filepath.Join(w.dir, "key.txt"), filepath.Join(w.dir, "oakmere.move")
	w.must(os.WriteFile(keyFile, []byte(key), 0o600))
	out, err := old.Command(w.ctx, "move", "export", "--to", file, "--key-file", keyFile)
	w.must(err)
	if !strings.Contains(out, "mis.profile") || strings.Contains(out, "sql-views") || strings.Contains(out, w.mis.Server().Password) {
		t.Errorf("the settings to take over are not named, or shown:\n%s", out)
	}
	var st struct{ State string }
	w.must(old.Status(w.ctx, &st))
	if st.State != "moved" {
		t.Errorf("the old machine's state is %q", st.State)
	}
	again, err := old.Try(w.ctx, "move", "export", "--to", file, "--key-file", keyFile)
	w.must(err)
	if again.Code != 0 {
		t.Errorf("the same export again: %s", again.Stderr)
	}
	for _, args := range [][]string{{"sync"}, {"revoke", "--yes"}, {"preview"}} {
		if r, err := old.Try(w.ctx, args...); err != nil || r.Code == 0 || !strings.Contains(r.Stderr, "another computer") {
			t.Errorf("%v on the old machine ended with %d: %s", args, r.Code, r.Stderr)
		}
	}
	_, err = fresh.Command(w.ctx, "move", "import", file)
	w.must(err)
	sent := gateway.Requests()
	gateway.Always(fault.Pass)
	w.agent = fresh
	w.must(stack.Await(w.ctx, "the new machine's service to have the school", func() (bool, error) {
		w.must(fresh.Status(w.ctx, &st))
		return st.State == "active", nil
	}))
	w.sync()
	w.anotherMark(2)
	w.sync()
	w.must(old.Close())
	w.must(fresh.Close())
	if gateway.Requests() == sent {
		t.Error("the gateway saw nothing")
	}
	_, _, types := inboxRows(t, w)
	if slices.Contains(types[1:], int(envelope.TypeFull)) || len(types) < 3 {
		t.Errorf("batches %v: the new machine began anew", types)
	}
	if !same(before, ids()) {
		t.Error("pupils have other ids after the move")
	}
	for _, a := range []*stack.Agent{old, fresh} {
		_, err := a.Command(w.ctx, "log", "--verify")
		w.must(err)
	}
	w.sound()
	appliedOnce(t, w, "")
}

// TestOldMachineComesBack restores the old machine from a backup of before the
// move: the collector finds it out, and the new one goes on.
func TestOldMachineComesBack(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	old := w.agent
	copied := w.snapshot(old.Dir)
	fresh, err := stack.NewAgent(programs, filepath.Join(w.dir, "fresh"), w.source(), stack.AgentOptions{})
	w.must(err)
	key, err := fresh.Command(w.ctx, "move", "import")
	w.must(err)
	file := filepath.Join(w.dir, "oakmere.move")
	_, err = stack.Must(w.ctx, old.Programs.Agent, key, old.Env(), "move", "export", "--to", file)
	w.must(err)
	_, err = fresh.Command(w.ctx, "move", "import", file)
	w.must(err)
	w.agent = fresh
	w.anotherMark(1)
	w.sync()
	w.restore(old.Dir, copied)
	w.anotherMark(2)
	w.superseded(old)
	w.anotherMark(3)
	w.sync()
	w.sound()
	appliedOnce(t, w, "")
}
