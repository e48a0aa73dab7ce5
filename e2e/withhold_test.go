package e2e

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// TestAMarkedAddressStaysInTheSchool: an address that the MIS marks as not to be
// disclosed is in no state, log or envelope of the agent and never reaches the
// collector, although the authority asked for addresses and the school said yes.
func TestAMarkedAddressStaysInTheSchool(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	hidden, open := "77 Hiddenplaceway", "78 Openplaceway"
	w.markContacts(hidden, open)
	w.startCollector(stack.CollectorOptions{})
	code, err := w.collector.AddSchool(w.ctx, stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: w.school.Authorities(),
		Datasets: []string{"pupil", "contact=Surname,Forename,Relationship,Addresses"}})
	w.must(err)
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	settings := filepath.Join(w.agent.Dir, "agent.yaml")
	text, err := os.ReadFile(settings)
	w.must(err)
	w.must(os.WriteFile(settings, append(text, []byte("    datasets: {contact: {columns: {Withhold: Address confidential}}}\n")...), 0o600))

	preview := w.try(0, "preview", "--reveal", "--format", "jsonl")
	if !strings.Contains(preview, `"withheld":2`) || !strings.Contains(preview, "of 2 contact rows") {
		t.Error("the preview does not count what is withheld, as lines or in words")
	}
	for _, command := range [][]string{{"sync", "--json"}, {"log"}, {"status", "--json"}, {"profile", "test"}} {
		if out := w.try(0, command...); strings.Contains(out, hidden) {
			t.Errorf("%v prints the address", command)
		}
	}
	if strings.Contains(preview, hidden) || !strings.Contains(preview, open) {
		t.Error("the preview shows the marked address, or not the open one")
	}
	w.mustBeGone(w.agent.Dir, hidden)
	w.must(stack.Await(w.ctx, "the collector to hold the open address", func() (bool, error) {
		records, err := w.collector.Records(w.ctx, schoolID)
		found := false
		for _, content := range records {
			if strings.Contains(content, hidden) {
				t.Fatal("the marked address reached the collector")
			}
			found = found || strings.Contains(content, open)
		}
		return found, err
	}))
}

// markContacts gives the contacts of a looked-after pupil addresses of their own:
// one marked, one of which the mark is not understood, the others released.
func (w *world) markContacts(hidden, open string) {
	w.t.Helper()
	path := filepath.Join(w.folder(), demoschool.ContactsCSV)
	text, err := os.ReadFile(path)
	w.must(err)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff"))).ReadAll()
	w.must(err)
	address := slices.Index(rows[0], "Address")
	if address < 0 {
		w.t.Fatalf("contacts have no column Address: %v", rows[0])
	}
	rows[0] = append(rows[0], "Address confidential")
	cared, mark := w.school.LookedAfter()[0].ID, []string{"Yes", "see file", "No"}
	n := 0
	for i := range rows[1:] {
		row := append(rows[i+1], "No")
		if slices.Contains(row, cared) || n > 0 && n < 3 && w.isCared(row) {
			row[address], row[len(row)-1] = []string{hidden, hidden, open}[min(n, 2)], mark[min(n, 2)]
			n++
		}
		rows[i+1] = row
	}
	if n < 3 {
		w.t.Fatalf("only %d contacts to mark", n)
	}
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.UseCRLF = strings.Contains(string(text), "\r\n")
	w.must(out.WriteAll(rows))
	w.must(os.WriteFile(path, []byte(b.String()), 0o644))
}

func (w *world) isCared(row []string) bool {
	return slices.ContainsFunc(w.school.LookedAfter(), func(p *demoschool.Pupil) bool { return slices.Contains(row, p.ID) })
}
