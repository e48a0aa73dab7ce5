package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"rollbridge/agent/evidence"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestEvidence asks a real agent what a head teacher, a data protection officer
// and a parent would ask: what would leave, what has left, what of it was about
// this child; and takes the proof to another computer.
func TestEvidence(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	write := func() { w.must(w.school.WriteCSV(w.folder())) }
	write()
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	child, other := w.twoChildren()
	w.previews(child)
	w.sync()

	// The child's mark changes, then the child gets a permanent UPN, then leaves;
	// the other is only in what everybody is in.
	temporary := child.UPN
	w.must(w.school.ChangeMark(child.ID, w.school.Today(), demoschool.AM, "I"))
	write()
	w.sync()
	w.must(w.school.GivePermanentUPN(child.ID))
	write()
	w.sync()
	w.sync("--full")
	w.must(w.school.LeaveCare(child.ID, w.school.Today()))
	write()
	w.sync()

	asked := func(text string) evidence.Answer {
		t.Helper()
		var a evidence.Answer
		out := w.agentCommand(text+"\n", "log", "--pupil", "--json")
		w.must(json.Unmarshal([]byte(out), &a))
		return a
	}
	for how, text := range map[string]string{"the MIS's id": child.ID, "the UPN": child.UPN, "the UPN before": temporary, "the UPN, badly written": " " + strings.ToLower(child.UPN)} {
		a := asked(text)
		batches, removed := map[uint64]bool{}, 0
		for _, s := range a.Sent {
			batches[s.Batch] = true
			removed += s.Removals
			if !strings.HasPrefix(s.State, "receipt held") {
				t.Errorf("by %s: batch %d: %s", how, s.Batch, s.State)
			}
		}
		if !a.Known || len(batches) != 5 || removed < 2 {
			t.Errorf("by %s: known %v, %d batches, %d removed", how, a.Known, len(batches), removed)
		}
	}
	if a := asked(other.ID); len(a.Sent) == 0 || a.Sent[len(a.Sent)-1].Batch != 4 {
		t.Errorf("the other child was sent in the first and the full batch: %+v", a.Sent)
	}
	if a := asked(w.school.NotLookedAfter()[0].ID); a.Known {
		t.Error("a pupil who is not looked after is known")
	}
	service, err := w.agent.Start(w.ctx)
	w.must(err)
	if a := asked(child.UPN); !a.Known {
		t.Error("the running service does not know the child")
	}
	w.must(service.Stop())
	w.noTrace(child, other)

	w.counts()
	w.toAnotherComputer()
	w.nothingAfterRevoke(child)
}

// twoChildren are looked after, the first with a temporary UPN.
func (w *world) twoChildren() (child, other *demoschool.Pupil) {
	w.t.Helper()
	for _, p := range w.school.LookedAfter() {
		switch {
		case demoschool.IsTemporaryUPN(p.UPN) && child == nil:
			child = p
		case p.UPN != "" && !demoschool.IsTemporaryUPN(p.UPN):
			other = p
		}
	}
	if child == nil || other == nil {
		w.t.Fatal("the school has no such children")
	}
	return child, other
}

// previews looks at what would leave in every form.
func (w *world) previews(child *demoschool.Pupil) {
	w.t.Helper()
	table, lines := w.agentCommand("", "preview"), w.agentCommand("", "preview", "--format", "jsonl")
	full, revealed := w.agentCommand("", "preview", "--reveal"), w.agentCommand("", "preview", "--reveal", "--format", "jsonl")
	for _, p := range w.school.LookedAfter() {
		for _, masked := range []string{table, lines} {
			if p.UPN != "" && strings.Contains(masked, p.UPN) || strings.Contains(masked, p.DOB.Format(time.DateOnly)) {
				w.t.Error("a preview shows a pupil without being asked to")
			}
		}
	}
	for _, shown := range []string{full, revealed} {
		if !strings.Contains(shown, child.UPN) || !strings.Contains(shown, child.LegalSurname) {
			w.t.Error("--reveal does not show the child")
		}
	}
	if strings.Count(lines, "\n") != strings.Count(revealed, "\n") || !strings.Contains(table, "registration details, new") {
		w.t.Error("the masked preview has another shape")
	}
	book := filepath.Join(w.dir, "preview.xlsx")
	w.agentCommand("", "preview", "--format", "xlsx", "--reveal", "--out", book)
	if info, err := os.Stat(book); err != nil || info.Mode().Perm() != 0o600 {
		w.t.Errorf("the workbook: %v, %v", info.Mode(), err)
	}
	f, err := excelize.OpenFile(book)
	w.must(err)
	defer f.Close()
	rows, err := f.GetRows(evidence.DatasetName(record.DatasetPupil))
	w.must(err)
	if len(rows)-1 != len(w.school.LookedAfter()) {
		w.t.Errorf("the workbook has %d pupils, the school %d", len(rows)-1, len(w.school.LookedAfter()))
	}
	if r, err := w.agent.Try(w.ctx, "preview", "--format", "xlsx", "--out", book); err != nil || r.Code != 2 {
		w.t.Errorf("a file is overwritten: code %d, %v", r.Code, err)
	}
}

// counts demands of the logbook that it says of the first batch how many pupils
// it carried, and nothing of any of them.
func (w *world) counts() {
	w.t.Helper()
	text := w.agentCommand("", "log")
	if !strings.Contains(text, "receipt held; taken into the records") || !strings.Contains(text, "Everything that may leave: ") {
		w.t.Errorf("the log in words:\n%s", text)
	}
	first := true
	for _, line := range strings.Split(strings.TrimSpace(w.agentCommand("", "log", "--json")), "\n") {
		var l logbook.Line
		w.must(json.Unmarshal([]byte(line), &l))
		var s outbox.Sealed
		if l.Event != outbox.EventSealed || !first {
			continue
		}
		w.must(json.Unmarshal(l.Data, &s))
		first = false
		pupils := 0
		for _, c := range s.Counts {
			if c.Dataset == record.DatasetPupil {
				pupils += c.Pupils
			}
		}
		if pupils < 3 || pupils > len(w.school.LookedAfter())+1 || len(s.Profile) != 64 {
			w.t.Errorf("the first entry counts %d pupils, profile %q", pupils, s.Profile)
		}
	}
}

// toAnotherComputer verifies a copy of the logbook, and a statement with it,
// where there is nothing else.
func (w *world) toAnotherComputer() {
	w.t.Helper()
	day := time.Now().UTC()
	from, to := day.AddDate(0, 0, -2).Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly)
	away := w.t.TempDir()
	w.agentCommand("", "log", "--from", from, "--to", to, "--out", away)
	text, err := os.ReadFile(filepath.Join(w.agent.Dir, logbook.FileName))
	w.must(err)
	book := filepath.Join(away, "copy.jsonl")
	w.must(os.WriteFile(book, text, 0o600))
	elsewhere := []string{"ROLLBRIDGE_DATA_DIR=" + filepath.Join(away, "none")}
	statement := filepath.Join(away, "rollbridge-statement-"+from+"-to-"+to+".json")
	for _, args := range [][]string{{"log", "--verify", book}, {"log", "--verify-statement", statement, book}} {
		out, err := stack.Must(w.ctx, w.agent.Programs.Agent, "", elsewhere, args...)
		w.must(err)
		if !strings.Contains(out, "as it was written") {
			w.t.Errorf("%v says\n%s", args, out)
		}
	}
	out, err := os.ReadFile(statement[:len(statement)-len("json")] + "txt")
	w.must(err)
	if !strings.Contains(string(out), "5 batches sealed: 5 with the collector's signed receipt") {
		w.t.Errorf("the statement says\n%s", out)
	}
}

// nothingAfterRevoke demands that what led to a child goes with the state.
func (w *world) nothingAfterRevoke(child *demoschool.Pupil) {
	w.t.Helper()
	w.agentCommand("", "revoke", "--yes")
	if _, err := os.Stat(filepath.Join(w.agent.Dir, outbox.FileName)); err == nil {
		w.t.Error("the state outlived the revoke")
	}
	r, err := stack.Run(w.ctx, w.agent.Programs.Agent, child.UPN+"\n", w.agent.Env(), "log", "--pupil")
	w.must(err)
	if r.Code != 3 || r.Stdout != "" || strings.Contains(r.Stderr, child.UPN) {
		w.t.Errorf("after the revoke: code %d, %s", r.Code, r.Stderr)
	}
	w.noTrace(child)
	w.agentCommand("", "log", "--verify")
}
