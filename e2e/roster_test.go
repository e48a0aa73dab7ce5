package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// TestRoster follows children on an authority's roster whom the MIS does not
// mark: one whom the school may know waits, is accepted, is sent, and leaves when
// the authority takes the child off; one whom it may not know never comes.
func TestRoster(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	_, err := w.agent.Start(w.ctx)
	w.must(err)
	w.sync()
	sent := w.status().Children

	authority := w.school.Authorities()[0]
	unmarked := slices.DeleteFunc(slices.Clone(w.school.NotLookedAfter()), func(p *demoschool.Pupil) bool { return p.UPN == "" || demoschool.IsTemporaryUPN(p.UPN) })
	child, secret := unmarked[0], unmarked[1]
	marked := w.school.LookedAfter()[slices.IndexFunc(w.school.LookedAfter(), func(p *demoschool.Pupil) bool { return p.CareAuthority == authority && p.UPN != "" })]
	elsewhere := demoschool.New(demoschool.Config{Seed: 99, Pupils: 10, Today: w.school.Today()}).NotLookedAfter()[0]

	list := []listed{{child, "yes"}, {secret, "no"}, {marked, "yes"}, {elsewhere, "yes"}}
	w.importRoster(authority, list)
	w.unsent(authority, 3)
	w.awaitRoster(authority, 1)
	w.syncedTo(sent)

	accept, err := stack.Run(w.ctx, programs.Agent, child.UPN+"\n", w.agent.Env(), "roster", "accept", "--yes")
	w.must(err)
	if accept.Code != 0 {
		t.Fatalf("roster accept: %s", accept.Stderr)
	}
	w.syncedTo(sent + 1)
	w.unsent(authority, 2)
	secretly, err := stack.Run(w.ctx, programs.Agent, secret.UPN+"\n", w.agent.Env(), "roster", "accept", "--yes")
	w.must(err)
	if secretly.Code == 0 {
		t.Error("a child of whom the school was not told was accepted")
	}

	w.importRoster(authority, list[1:])
	w.awaitRoster(authority, 0)
	w.syncedTo(sent)
	w.same()
	w.sound()
}

// listed is a child and whether the school may know.
type listed struct {
	*demoschool.Pupil
	mayKnow string
}

func (w *world) importRoster(authority string, list []listed) {
	w.t.Helper()
	name := filepath.Join(w.dir, "roster.csv")
	file, err := os.Create(name)
	w.must(err)
	out := csv.NewWriter(file)
	lines := [][]string{{"UPN", "date of birth", "school", "may the school know"}}
	for _, l := range list {
		lines = append(lines, []string{l.UPN, l.DOB.Format("2006-01-02"), schoolID, l.mayKnow})
	}
	w.must(out.WriteAll(lines))
	w.must(file.Close())
	_, err = w.collector.Command(w.ctx, "roster", "import", authority, name)
	w.must(err)
}

// unsent awaits how many children of the roster the collector misses.
func (w *world) unsent(authority string, want int) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, fmt.Sprintf("%d children to be missed", want), func() (bool, error) {
		out, err := w.collector.Command(w.ctx, "roster", "show", authority, "--json")
		if err != nil {
			return false, err
		}
		var shown struct {
			Schools []struct {
				Unsent int `json:"not_sent"`
			} `json:"schools"`
		}
		if err := json.Unmarshal([]byte(out), &shown); err != nil || len(shown.Schools) != 1 {
			return false, fmt.Errorf("roster show: %d schools, %w", len(shown.Schools), err)
		}
		if n := shown.Schools[0].Unsent; n != want {
			return false, fmt.Errorf("%d are missed", n)
		}
		return true, nil
	}))
}

// awaitRoster syncs until the agent says that so many children wait for a yes.
func (w *world) awaitRoster(authority string, waiting int) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, fmt.Sprintf("%d children to wait at the school", waiting), func() (bool, error) {
		if _, err := w.agent.Command(w.ctx, "sync"); err != nil {
			return false, err
		}
		out, err := w.agent.Command(w.ctx, "roster", "--json")
		if err != nil {
			return false, err
		}
		var said struct {
			Use []struct {
				Authority string `json:"authority"`
				Waiting   int    `json:"waiting"`
			} `json:"use"`
		}
		if err := json.Unmarshal([]byte(out), &said); err != nil {
			return false, err
		}
		for _, u := range said.Use {
			if u.Authority == authority && u.Waiting == waiting {
				return true, nil
			}
		}
		return false, fmt.Errorf("the agent says %s", out)
	}))
}

// syncedTo syncs until the collector shows so many children.
func (w *world) syncedTo(children int) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, fmt.Sprintf("%d children to be shown", children), func() (bool, error) {
		if _, err := w.agent.Command(w.ctx, "sync"); err != nil {
			return false, err
		}
		if n := w.status().Children; n != children {
			return false, fmt.Errorf("%d are shown", n)
		}
		return true, nil
	}))
}
