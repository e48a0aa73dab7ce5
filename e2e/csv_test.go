package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// TestCSV takes the route of exported files: a first sync, changes, files that
// are broken, and no mark of anybody in what is said about them.
func TestCSV(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	w := emptyWorld(t, config)
	w.must(os.Mkdir(w.folder(), 0o755))
	write := func() { w.must(w.school.WriteCSV(w.folder())) }
	write()
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	w.sync()

	cared, day := w.school.LookedAfter(), w.school.Today()
	w.must(w.school.ChangeMark(cared[0].ID, day, demoschool.AM, "I"))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], day))
	w.must(w.school.LeaveCare(cared[1].ID, day))
	write()
	w.sync()

	pupils := filepath.Join(w.folder(), demoschool.PupilsCSV)
	good, err := os.ReadFile(pupils)
	w.must(err)
	for name, bad := range map[string][]byte{
		"half":              good[:len(good)/2],
		"another heading":   bytes.ReplaceAll(good, []byte("Legal Surname"), []byte("Surname")),
		"another date form": bytes.ReplaceAll(good, []byte("/20"), []byte("-20")),
	} {
		w.must(os.WriteFile(pupils, bad, 0o644))
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		if r.Code == 0 {
			t.Errorf("%s: a broken pupil file was read as if it were whole", name)
		}
		for _, found := range marks([]byte(r.Stdout + r.Stderr)) {
			t.Errorf("%s: %s was printed", name, found)
		}
	}
	w.same()
	write()
	w.sync()
	w.sound()
}
