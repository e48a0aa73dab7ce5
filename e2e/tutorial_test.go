package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/thistle"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

const (
	tutorialPage    = "../docs/tutorial-profile.md"
	tutorialProfile = "../docs/tutorial/thistle.yaml"
)

// A block is one fenced part of a page: the words behind the fence, and what is in it.
type block struct{ kind, text string }

func blocks(t *testing.T, page string) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	for i, part := range strings.Split("\n"+string(text), "\n```") {
		if i%2 == 1 {
			kind, body, _ := strings.Cut(part, "\n")
			all = append(all, block{kind, body})
		}
	}
	return all
}

// sides are the wrong and the right lines of a difference.
func (b block) sides() (wrong, right string) {
	for line := range strings.Lines(b.text + "\n") {
		switch {
		case strings.HasPrefix(line, "-"):
			wrong += line[1:]
		case strings.HasPrefix(line, "+"):
			right += line[1:]
		}
	}
	return wrong, right
}

// TestTutorial follows docs/tutorial-profile.md: its parts are parts of the profile
// beside it, each mistake is named by the tool as the page says, and the profile as
// it is takes a school of the invented MIS to the collector.
func TestTutorial(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	service := thistle.New(w.school)
	server, err := cloud.Start(service)
	w.must(err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	profile, err := os.ReadFile(tutorialProfile)
	w.must(err)
	dir := t.TempDir()
	file := filepath.Join(dir, "thistle.yaml")
	api := stack.API{Names: map[string]string{"host": server.URL(), "school": thistle.SchoolCode}, Password: service.Key}
	w.asked = []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance, record.DatasetBehaviour, record.DatasetAchievement}
	w.must(os.WriteFile(file, profile, 0o644))
	w.enrolAt(api.Source(file), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})

	// says runs a command on a profile that is wrong in one place.
	says := func(mistake block, args ...string) string {
		t.Helper()
		wrong, right := mistake.sides()
		if strings.Count(string(profile), right) != 1 {
			t.Fatalf("the profile does not have these lines once:\n%s", right)
		}
		w.must(os.WriteFile(file, []byte(strings.Replace(string(profile), right, wrong, 1)), 0o644))
		r, err := w.agent.Try(w.ctx, append([]string{"profile"}, args...)...)
		w.must(err)
		w.must(os.WriteFile(file, profile, 0o644))
		return strings.ReplaceAll(r.Stdout+r.Stderr, dir+string(filepath.Separator), "")
	}
	said, mistakes := "", 0
	for _, b := range blocks(t, tutorialPage) {
		switch b.kind {
		case "yaml part":
			if strings.Count(string(profile), b.text) != 1 {
				t.Errorf("the page has what the profile does not have once:\n%s", b.text)
			}
		case "diff lint":
			said = says(b, "lint", file)
		case "diff test":
			said = says(b, "test")
		case "text works":
			r, err := w.agent.Command(w.ctx, "profile", "test")
			w.must(err)
			said = r
			fallthrough
		case "text":
			mistakes++
			for line := range strings.Lines(b.text) {
				if !strings.Contains(said, strings.TrimSpace(line)) {
					t.Errorf("the page says:\n%s\nand the tool:\n%s", line, said)
				}
			}
		}
	}
	if mistakes < 8 {
		t.Errorf("%d mistakes were tried, want all of the page", mistakes)
	}
	_, err = w.agent.Command(w.ctx, "profile", "lint", file)
	w.must(err)
	against, err := stack.Run(w.ctx, programs.Agent, "", append(w.agent.Env(), "ROLLBRIDGE_MIS_API_PASSWORD="+service.Key),
		"profile", "test", file, "--against", server.URL(), "--name", "school="+thistle.SchoolCode)
	w.must(err)
	if against.Code != 0 || !strings.Contains(against.Stdout, "120 pupils read: 15 looked after") {
		t.Errorf("tried against the server: %d\n%s%s", against.Code, against.Stdout, against.Stderr)
	}
	service.Closed = []string{"words"}
	if r, err := w.agent.Try(w.ctx, "profile", "test"); err != nil || r.Code != exitMIS || !strings.Contains(r.Stdout, "error of its own") {
		t.Errorf("a key that does not open the words: %d, %v\n%s", r.Code, err, r.Stdout)
	}
	service.Closed, service.MaxLimit = nil, 25

	w.syncAll(oracle.Thistle)
	cared := w.school.LookedAfter()
	w.turnPages(cared[0].ID, cared[1].ID)
	w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), "AM", "I"))
	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], w.school.Today()))
	w.must(w.school.LeaveCare(cared[2].ID, w.school.Today()))
	w.syncAll(oracle.Thistle)
	w.sound()
}
