package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/stack"
)

// TestForget makes an image of a machine that was enrolled: with the collector
// away and the service running, nothing of the enrolment is left anywhere in the
// data directory, and a new code starts clean.
func TestForget(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	w.enrolAt(stack.Folder("csv", w.folder()), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	w.sync()
	var st struct {
		Agent, Phrase, State string
	}
	w.must(w.agent.Status(w.ctx, &st))
	secrets := []string{st.Agent, st.Phrase}
	keyFiles, err := filepath.Glob(filepath.Join(w.agent.Dir, "identity", "*"))
	w.must(err)
	for _, path := range append(keyFiles, filepath.Join(w.agent.Dir, "state.db"), filepath.Join(w.agent.Dir, "logbook.jsonl")) {
		text, err := os.ReadFile(path)
		w.must(err)
		secrets = append(secrets, string(text[:min(len(text), 32)]), string(text[max(0, len(text)-24):]))
	}
	if len(secrets) < 14 {
		t.Fatalf("only %d secrets to look for", len(secrets))
	}
	w.must(os.WriteFile(filepath.Join(w.agent.Dir, "logbook-until-20260101-000000.jsonl"), []byte(st.Agent), 0o600))
	w.must(os.WriteFile(filepath.Join(w.agent.Dir, "notes.txt"), []byte("the school's own"), 0o600))

	w.must(w.collector.Close())
	service, err := w.agent.Start(w.ctx)
	w.must(err)
	if out := w.try(3, "forget"); !strings.Contains(out, "see silence") || !strings.Contains(out, "revoke") || !strings.Contains(out, "move") {
		t.Errorf("the refusal does not say what else to do:\n%s", out)
	}
	w.must(stack.Await(w.ctx, "the service to have its school again", func() (bool, error) {
		err := w.agent.Status(w.ctx, &st)
		return st.State == "active", err
	}))
	w.try(0, "forget", "--yes")
	w.mustBeGone(w.agent.Dir, secrets...)
	entries, err := os.ReadDir(w.agent.Dir)
	w.must(err)
	for _, e := range entries {
		if known := []string{"agent.yaml", "notes.txt", "control.sock"}; !slices.Contains(known, e.Name()) && !strings.HasSuffix(e.Name(), "lock") {
			t.Errorf("%s is left", e.Name())
		}
	}
	w.try(0, "forget") // there is nothing, which is no error

	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	out, err := w.collector.Command(w.ctx, "code", "create", schoolID)
	w.must(err)
	phrase, err := w.agent.Enrol(w.ctx, codeOf(t, out))
	w.must(err)
	w.confirm(phrase)
	w.must(stack.Await(w.ctx, "the service to go on with the new enrolment", func() (bool, error) {
		err := w.agent.Status(w.ctx, &st)
		return st.State == "active" && st.Agent != secrets[0], err
	}))
	w.sync()
	select {
	case <-service.Exited():
		t.Error("the service has ended")
	default:
	}
}
