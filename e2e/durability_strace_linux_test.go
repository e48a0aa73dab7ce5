package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
)

// kill -9 keeps the page cache, so a sweep cannot show that anything was synced
// to disk. These tests read it off the system calls.

func needStrace(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not installed") //ci:needs strace
	}
}

// TestIntakeSyncsBeforeTheReceipt traces a process with role intake alone.
func TestIntakeSyncsBeforeTheReceipt(t *testing.T) {
	t.Parallel()
	needStrace(t)
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.must(w.collector.Close())
	trace := filepath.Join(w.dir, "intake.trace")
	p, err := stack.Start("strace", w.collector.LogFile(), w.collector.Env(),
		fault.TraceArguments(trace, 32, w.collector.Programs.Collector, "serve", "--role", "intake")...)
	w.must(err)
	// strace itself takes no signal while it has a child: the group does.
	stop := func() {
		_ = syscall.Kill(-p.PID(), syscall.SIGTERM)
		<-p.Exited()
	}
	defer stop()
	w.await("the traced intake to be ready", func() error {
		r, err := http.Get(w.collector.PrivateURL + "/readyz")
		if err != nil {
			return err
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return errNotYet
		}
		return nil
	})
	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	stop()
	calls := readTrace(t, trace)
	check := func(calls []fault.Call) error {
		return fault.SyncedBeforeReply(calls, w.collector.IntakeAddress(), "collector.db")
	}
	if err := check(calls); err != nil {
		t.Error(err)
	}
	if err := check(fault.Without(calls, "fsync", "fdatasync")); err == nil {
		t.Error("the check does not notice that the syncs are missing")
	}
}

// TestAgentSyncsBeforeThePost traces a first sync.
func TestAgentSyncsBeforeThePost(t *testing.T) {
	t.Parallel()
	needStrace(t)
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	trace := filepath.Join(w.dir, "agent.trace")
	_, err := stack.Must(w.ctx, "strace", "", w.agent.Env(), fault.TraceArguments(trace, 1<<20, w.agent.Programs.Agent, "sync")...)
	w.must(err)
	w.same()
	calls := readTrace(t, trace)
	check := func(calls []fault.Call) error {
		return fault.SyncedBeforePost(calls, "state.db", w.collector.IntakeAddress())
	}
	if err := check(calls); err != nil {
		t.Error(err)
	}
	if err := check(fault.Without(calls, "fsync", "fdatasync")); err == nil {
		t.Error("the check does not notice that the syncs are missing")
	}
}

func readTrace(t *testing.T, name string) []fault.Call {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := fault.ReadTrace(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return calls
}
