package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/stack"
)

// TestSilentForADay lets a school's MIS be away for longer than a day: the
// school's status, its log and the collector say so in words, and that it goes
// again.
func TestSilentForADay(t *testing.T) {
	t.Parallel()
	clock := filepath.Join(t.TempDir(), "clock")
	ahead := func(d time.Duration) {
		t.Helper()
		if err := os.WriteFile(clock, []byte(d.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ahead(0)
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	code := w.setUpCollector(stack.CollectorOptions{Clock: clock})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{Clock: clock})
	w.sync()
	_, err := w.agent.Start(w.ctx)
	w.must(err)
	w.must(stack.Await(w.ctx, "the service to have the school open", func() (bool, error) {
		r, err := w.agent.Try(w.ctx, "fsck")
		return r.Code == 0, err
	}))
	w.must(os.Rename(w.folder(), w.folder()+".away"))
	ahead(30 * time.Hour)
	w.says("Nothing sent", "status")
	logged := func(what string) func() (bool, error) {
		return func() (bool, error) {
			text, err := os.ReadFile(w.agent.LogFile())
			return strings.Count(string(text), what) == 1, err
		}
	}
	w.must(stack.Await(w.ctx, "the log to say so", logged("event=2100")))
	r, err := w.agent.Try(w.ctx, "sync") // whose check-in takes it to the collector
	w.must(err)
	if r.Code == 0 {
		t.Fatal("a sync without a MIS went well")
	}
	r, err = w.agent.Try(w.ctx, "sync")
	w.must(err)
	w.must(stack.Await(w.ctx, "the collector to say so", func() (bool, error) {
		out, err := w.collector.Try(w.ctx, "status")
		return strings.Contains(out.Stdout, "Nothing could be sent from the school since") && strings.Contains(out.Stdout, "cannot be read as they should be"), err
	}))
	w.must(w.agent.Close())
	_, err = w.agent.Start(w.ctx)
	w.must(err)
	w.must(os.Rename(w.folder()+".away", w.folder()))
	w.must(stack.Await(w.ctx, "a sync to go through", func() (bool, error) {
		r, err := w.agent.Try(w.ctx, "sync")
		return r.Code == 0, err
	}))
	w.must(stack.Await(w.ctx, "the log to say that it goes again", logged("event=2101")))
	if once, err := logged("event=2100")(); err != nil || !once {
		t.Error("the silence was announced again after a restart")
	}
}
