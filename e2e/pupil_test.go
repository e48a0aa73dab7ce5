package e2e

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestPupilLife follows pupils through what happens to identities: a temporary
// UPN becomes permanent and the history follows; a name changes; a pupil leaves
// care and comes back.
func TestPupilLife(t *testing.T) {
	t.Parallel()
	config := small()
	config.Pupils = 400
	w := enrolled(t, config, stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	var temporary *demoschool.Pupil
	for _, p := range w.school.LookedAfter() {
		if demoschool.IsTemporaryUPN(p.UPN) {
			temporary = p
		}
	}
	if temporary == nil {
		t.Fatal("the demo school has no looked-after pupil with a temporary UPN")
	}
	before := w.idOf(temporary.AdmissionNo)
	w.must(w.school.GivePermanentUPN(temporary.ID))
	w.must(w.school.Rename(w.school.LookedAfter()[0].ID, demoschool.NewName{Surname: "Newname"}))
	w.write()
	w.sync()
	after := w.idOf(temporary.AdmissionNo)
	if after == before {
		t.Error("a permanent UPN did not give the pupil a new id")
	}

	returning := w.school.LookedAfter()[1]
	authority, day := returning.CareAuthority, w.school.Today()
	w.must(w.school.LeaveCare(returning.ID, day))
	w.write()
	w.sync()
	if got := w.status().Left; got != 1 {
		t.Errorf("%d children are shown as having left the list, want 1: the renamed one has not left", got)
	}
	w.must(w.school.EnterCare(returning.ID, authority, day))
	w.write()
	w.sync()
	if got := w.status(); got.Left != 0 || got.Children != len(w.school.LookedAfter()) {
		t.Errorf("%d children and %d who left are shown, want %d and 0", got.Children, got.Left, len(w.school.LookedAfter()))
	}
	w.sound()
}

// idOf is the pupil id that the collector knows an admission number by.
func (w *world) idOf(admission string) record.PupilID {
	w.t.Helper()
	out, err := w.collector.Command(w.ctx, "compare", schoolID, "--reveal", "--json")
	w.must(err)
	lines := bufio.NewScanner(strings.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Dataset record.Dataset `json:"dataset"`
			Record  record.Pupil   `json:"record"`
		}
		if json.Unmarshal(lines.Bytes(), &l) == nil && l.Dataset == record.DatasetPupil && l.Record.AdmissionNumber == admission {
			return l.Record.ID
		}
	}
	w.t.Fatal("the collector does not hold the pupil")
	return ""
}
