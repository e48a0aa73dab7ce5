package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestCTF takes the other route: common transfer files in a drop folder, which
// together are one snapshot.
func TestCTF(t *testing.T) {
	t.Parallel()
	config := small()
	config.OneCharacterMarks = true
	w := emptyWorld(t, config)
	w.must(os.Mkdir(w.folder(), 0o755))
	write := func() { w.must(w.school.WriteCTF(w.folder(), demoschool.CTFOptions{Files: 3})) }
	write()
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(stack.Folder("ctf", w.folder()), code, stack.AgentOptions{})

	same := func() {
		t.Helper()
		_, err := w.agent.Command(w.ctx, "sync")
		w.must(err)
		want, err := oracle.ExpectedCTF(w.school)
		w.must(err)
		w.must(stack.Await(w.ctx, "the collector to hold what the files hold", func() (bool, error) {
			got, err := w.collector.Records(w.ctx, schoolID)
			if err != nil {
				return false, err
			}
			err = oracle.Same(want, got.WithoutClosedWeeks())
			return err == nil, err
		}))
	}
	same()
	cared := w.school.LookedAfter()
	w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), demoschool.AM, "I"))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], w.school.Today()))
	w.must(w.school.LeaveCare(cared[1].ID, w.school.Today()))
	write()
	same()

	// One of three files is missing: the snapshot cannot be told from a smaller
	// school, so most pupils disappear at once and nothing may be removed.
	before, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	files, err := filepath.Glob(filepath.Join(w.folder(), "*.xml"))
	w.must(err)
	for _, f := range files[1:] {
		w.must(os.Remove(f))
	}
	_, err = w.agent.Try(w.ctx, "sync")
	w.must(err)
	after, err := w.collector.Records(w.ctx, schoolID)
	w.must(err)
	if err := oracle.Same(before, after); err != nil {
		t.Errorf("missing files removed records: %v", err)
	}
	write()
	same()

	// A file that is damaged, or that is more than data, ends the read.
	good, err := os.ReadFile(files[0])
	w.must(err)
	declaration, rest, _ := bytes.Cut(good, []byte("?>"))
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"cut short":       {good[:len(good)/2], "cut short"},
		"a document type": {slices.Concat(declaration, []byte("?><!DOCTYPE CTfile [<!ENTITY a SYSTEM \"file:///etc/hostname\">]>"), rest), "document type"},
	} {
		w.must(os.WriteFile(files[0], c.text, 0o644))
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		if r.Code != exitMIS || !strings.Contains(r.Stderr, c.says) {
			t.Errorf("%s: sync ended with %d and said:\n%s", name, r.Code, r.Stderr)
		}
	}
	write()
	same()
	w.sound()
}

// TestCTFVersions takes a school through the versions of eleven years, each with
// all that a file carries and a change in every dataset, without anything that a
// person would have to release when the elements of a new version are others.
func TestCTFVersions(t *testing.T) {
	t.Parallel()
	config := small()
	config.OneCharacterMarks = true
	w := emptyWorld(t, config)
	w.must(os.Mkdir(w.folder(), 0o755))
	w.asked = record.Datasets()
	write := func(version int) {
		t.Helper()
		w.must(w.school.WriteCTF(w.folder(), demoschool.CTFOptions{Version: fmt.Sprintf("%d.0", version), Files: 1 + version%2}))
	}
	write(15)
	w.enrolAt(stack.Folder("ctf", w.folder()), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	w.syncAll(oracle.CTF)
	for version := 16; version <= 25; version++ {
		cared, others := w.school.LookedAfter(), w.school.NotLookedAfter()
		w.turnPages(cared[version%len(cared)].ID, cared[(version+1)%len(cared)].ID)
		w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), demoschool.AM, []string{"I", "M"}[version%2]))
		w.must(w.school.EnterCare(others[version].ID, w.school.Authorities()[version%2], w.school.Today()))
		w.must(w.school.LeaveCare(cared[2].ID, w.school.Today()))
		write(version)
		w.syncAll(oracle.CTF)
	}
	w.sound()
}
