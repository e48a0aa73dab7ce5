package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// TestCommandsOnAFullDisk has what the school decides done without space: it is
// done, or nothing is changed and the person is told; a half-made enrolment goes
// on with the same code.
func TestCommandsOnAFullDisk(t *testing.T) {
	t.Parallel()
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	dir := filepath.Join(w.dir, "agent")
	disk := smallDisk(t, dir, 8<<20)
	if disk == nil {
		return // without a disk of its own only single files can be limited
	}
	var err error
	w.agent, err = stack.NewAgent(programs, dir, w.source(), stack.AgentOptions{})
	w.must(err)
	try := func(args ...string) stack.Result {
		t.Helper()
		return w.withoutSpace(disk, w.agent.Programs.Agent, w.agent.Env(), args...)
	}
	if r := try("enrol", code, "--accept"); r.Code == 0 || !strings.Contains(r.Stderr, "space") {
		t.Errorf("enrol ended with %d: %s", r.Code, r.Stderr)
	}
	w.nothingHalfWritten(dir)
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
	w.sync()
	r := try("pause", "--until", "3d")
	var st struct{ State string }
	w.must(w.agent.Status(w.ctx, &st))
	if st.State != "paused" || r.Code == 0 || !strings.Contains(r.Stderr, "stays paused until") {
		t.Errorf("pause ended with %d, state %q: %s", r.Code, st.State, r.Stderr)
	}
	try("resume")
	if _, err := os.Lstat(filepath.Join(dir, "paused")); err == nil {
		t.Error("a pause cannot be ended on a full disk")
	}
	w.must(w.agent.Status(w.ctx, &st))
	if st.State != "active" {
		t.Errorf("after resume the state is %q", st.State)
	}
	w.nothingHalfWritten(dir)
	w.anotherMark(1)
	w.sync()
	w.sound()
}

// TestScopeOnAFullDisk denies, allows and accepts without space, again and again,
// until what there is in files that are there already is used up too: each is done,
// or nothing is changed, and whoever decides is told which.
func TestScopeOnAFullDisk(t *testing.T) {
	t.Parallel()
	w, code := newWorld(t, small(), stack.CollectorOptions{})
	dir := filepath.Join(w.dir, "agent")
	disk := smallDisk(t, dir, 8<<20)
	if disk == nil {
		return // without a disk of its own only single files can be limited
	}
	var err error
	w.agent, err = stack.NewAgent(programs, dir, w.source(), stack.AgentOptions{})
	w.must(err)
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
	w.sync()
	var contacts []string
	for _, a := range w.school.Authorities() {
		contacts = append(contacts, a+".contact")
		_, err := w.collector.Command(w.ctx, "school", "provision", schoolID, "--authority", a, "--dataset", "pupil", "--dataset", "contact", "--dataset", "attendance", "--dataset", "sen")
		w.must(err)
	}
	w.sync()
	show := func() (shown string, all string) {
		t.Helper()
		var s struct{ Shown string }
		all = w.try(0, "scope", "show", "--json")
		w.must(json.Unmarshal([]byte(all), &s))
		return s.Shown, all
	}
	shown, all := show()
	refused := 0
	decide := func(args ...string) {
		t.Helper()
		before := all
		r := w.withoutSpace(disk, w.agent.Programs.Agent, w.agent.Env(), args...)
		shown, all = show()
		stands := strings.Contains(r.Stderr, "holds from now on")
		switch {
		case r.Code == 0 && all == before:
			t.Errorf("%v said that it is done, and nothing is changed", args)
		case stands && all == before:
			t.Errorf("%v said that it holds, and nothing is changed: %s", args, r.Stderr)
		case r.Code != 0 && all != before && !stands:
			t.Errorf("%v ended with %d, and something is changed: %s", args, r.Code, r.Stderr)
		case r.Code != 0 && !strings.Contains(r.Stderr, "space") && !strings.Contains(r.Stderr, "full"):
			t.Errorf("%v ended with %d and does not say why: %s", args, r.Code, r.Stderr)
		}
		if r.Code != 0 {
			refused++
		}
	}
	deny, allow := append([]string{"scope", "deny"}, contacts...), append([]string{"scope", "allow"}, contacts...)
	for range 4 {
		decide(deny...)
		decide(allow...)
	}
	decide("scope", "accept", "--hash", shown)
	if refused == 0 {
		t.Error("there was always room: the disk was not full")
	}
	w.nothingHalfWritten(dir)

	// With space again the last word holds, whatever was said before.
	w.must(ignore(w.agent.Try(w.ctx, allow...)))
	w.try(0, deny...)
	shown, _ = show()
	w.must(ignore(w.agent.Try(w.ctx, "scope", "accept", "--hash", shown)))
	w.asked = []record.Dataset{record.DatasetPupil, record.DatasetAttendance, record.DatasetSEN}
	w.sync()
	w.same()
	w.try(0, "log", "--verify")
	w.sound()
}

func ignore(_ stack.Result, err error) error { return err }

// TestMoveDiskFull moves where there is no room, on either side: the agent stays
// whole where it was.
func TestMoveDiskFull(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	old := w.agent
	newDir, stick := filepath.Join(w.dir, "fresh"), filepath.Join(w.dir, "stick")
	newDisk, stickDisk := smallDisk(t, newDir, 8<<20), smallDisk(t, stick, 8<<20)
	fresh, err := stack.NewAgent(programs, newDir, w.source(), stack.AgentOptions{})
	w.must(err)
	key, err := fresh.Command(w.ctx, "move", "import")
	w.must(err)
	keyFile, file := filepath.Join(w.dir, "key.txt"), filepath.Join(stick, "oakmere.move")
	w.must(os.WriteFile(keyFile, []byte(key), 0o600))
	r := w.withoutSpace(stickDisk, old.Programs.Agent, old.Env(), "move", "export", "--to", file, "--key-file", keyFile)
	if r.Code == 0 || !strings.Contains(r.Stderr, "space") && !strings.Contains(r.Stderr, "large") {
		t.Errorf("an export without space ended with %d:\n%s", r.Code, r.Stderr)
	}
	if left, err := filepath.Glob(stick + "/*move*"); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	w.anotherMark(1)
	w.sync()
	_, err = old.Command(w.ctx, "move", "export", "--to", file, "--key-file", keyFile)
	w.must(err)
	r = w.withoutSpace(newDisk, fresh.Programs.Agent, fresh.Env(), "move", "import", file)
	if r.Code == 0 || !strings.Contains(r.Stderr, "space") && !strings.Contains(r.Stderr, "large") && !strings.Contains(r.Stderr, "full") {
		t.Errorf("an import without space ended with %d:\n%s", r.Code, r.Stderr)
	}
	w.nothingHalfWritten(fresh.Dir)
	_, err = fresh.Command(w.ctx, "move", "import", file)
	w.must(err)
	w.agent = fresh
	w.anotherMark(2)
	w.sync()
	w.sound()
}
