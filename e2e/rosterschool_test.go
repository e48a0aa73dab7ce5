package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// TestRosterAtTheSchool takes an authority's list from its file to the school, where a
// person says yes and later no: children whom the MIS does not mark are counted,
// then sent, then gone; a restart without the collector removes nobody; and the
// list is nowhere on the agent's disk.
func TestRosterAtTheSchool(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	write := func() { w.must(w.school.WriteCSV(w.folder())) }
	write()
	code := w.setUpCollector(stack.CollectorOptions{})
	w.enrolAt(stack.Folder("csv", w.folder()), code, stack.AgentOptions{})
	w.sync()

	authority := w.school.Authorities()[0]
	var children []*demoschool.Pupil
	for _, p := range w.school.NotLookedAfter() {
		if p.UPN != "" && !demoschool.IsTemporaryUPN(p.UPN) && len(children) < 4 {
			children = append(children, p)
		}
	}
	waits, mistaken, unknown, other := children[0], children[1], children[2], children[3]
	w.giveRoster(authority, rosterLine{waits, 0, "yes"}, rosterLine{mistaken, 1, "yes"}, rosterLine{unknown, 0, "no"}, rosterLine{other, 0, "yes"})

	// Counted, and nothing sent.
	w.agentSync()
	w.wantUse(protocol.RosterUse{Authority: authority, Waiting: 2, NotFound: 1})
	if report := w.rosterReport(); !report.Held || report.Children[authority] != 3 || report.Accepted != 0 {
		t.Errorf("%+v", report)
	}
	w.same()
	shown := w.agentCommand("", "roster", "list")
	for _, p := range children {
		if strings.Contains(shown, p.UPN) || strings.Contains(shown, p.LegalSurname) {
			t.Error("the list shows a child in full without being asked to")
		}
	}
	shown = w.agentCommand("", "roster", "list", "--reveal")
	if !strings.Contains(shown, waits.UPN) || !strings.Contains(shown, waits.LegalSurname) || strings.Count(shown, "\n") != 2 || strings.Contains(shown, unknown.UPN) {
		t.Errorf("the list has %d lines", strings.Count(shown, "\n"))
	}

	// Accepted by one who looks at the list, and by a script.
	first := strings.Index(shown, waits.UPN) < strings.Index(shown, other.UPN)
	number := map[bool]string{true: "1", false: "2"}[first]
	w.agentCommand(number+"\ny\n", "roster", "accept")
	w.agentCommand(strings.ToLower(other.UPN)+"\n", "roster", "accept", "--yes")
	for _, p := range []*demoschool.Pupil{mistaken, unknown, waits} {
		r, err := stack.Run(w.ctx, w.agent.Programs.Agent, p.UPN+"\n", w.agent.Env(), "roster", "accept", "--yes")
		w.must(err)
		if r.Code != 3 || strings.Contains(r.Stdout+r.Stderr, p.UPN) {
			t.Errorf("a pupil who does not wait: code %d, %s", r.Code, r.Stderr)
		}
	}
	w.agentSync()
	w.wantUse(protocol.RosterUse{Authority: authority, Accepted: 2, Sent: 2, NotFound: 1})
	for _, p := range []*demoschool.Pupil{waits, other} {
		if got := w.awaitPupil(p, true); got.InCare || !got.ByRoster || got.CareAuthority != authority || got.Surname != p.LegalSurname {
			t.Errorf("held: in care %v, by roster %v, of %s", got.InCare, got.ByRoster, got.CareAuthority)
		}
	}

	// Every command by hand is a new process: without the collector it has no
	// roster, and takes nobody for gone, not even who has left care.
	gone := w.school.LookedAfter()[0]
	w.must(w.school.LeaveCare(gone.ID, w.school.Today()))
	write()
	w.must(w.collector.Close())
	r, err := w.agent.Try(w.ctx, "sync", "--json")
	w.must(err)
	var away struct {
		Read struct {
			Removals   int  `json:"removals"`
			RosterAway bool `json:"roster_away"`
		} `json:"read"`
	}
	w.must(json.Unmarshal([]byte(r.Stdout), &away))
	if r.Code != 4 || !away.Read.RosterAway || away.Read.Removals != 0 {
		t.Errorf("code %d, %+v", r.Code, away)
	}
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
	w.agentSync()
	w.awaitPupil(gone, false)
	w.awaitPupil(waits, true)
	if left := w.status().Left; left != 1 {
		t.Errorf("%d are shown as having left, want 1", left)
	}

	// While the service holds the roster nothing of it is on disk but who was sent,
	// sealed and hashed.
	service, err := w.agent.Start(w.ctx)
	w.must(err)
	w.must(stack.Await(w.ctx, "the service to hold the roster", func() (bool, error) {
		if held := w.rosterReport().Held; !held {
			return false, errors.New("it does not yet")
		}
		return true, nil
	}))
	w.noTrace(children...)
	w.agentCommand(waits.UPN+"\n", "roster", "withdraw", "--yes")
	w.agentSync()
	w.must(service.Stop())
	w.awaitPupil(waits, false)
	w.awaitPupil(other, true)

	// Off the roster is gone, and back on it is asked again.
	w.giveRoster(authority, rosterLine{waits, 0, "yes"})
	w.agentSync()
	w.awaitPupil(other, false)
	w.wantUse(protocol.RosterUse{Authority: authority, Waiting: 1})
	w.same()
	log := w.agentCommand("", "log")
	for _, line := range []string{"accepted by the school", "withdrawn by the school", "1 acceptance ended: no authority's roster", "pupils by its roster"} {
		if !strings.Contains(log, line) {
			t.Errorf("the logbook does not say %q", line)
		}
	}
	w.noTrace(children...)
	w.agentCommand("", "log", "--verify")
	w.sound()
}

// A rosterLine is a child of an authority's file; wrong is how many days the
// date of birth is out.
type rosterLine struct {
	pupil *demoschool.Pupil
	wrong int
	know  string
}

// giveRoster has the operator import an authority's list.
func (w *world) giveRoster(authority string, children ...rosterLine) {
	w.t.Helper()
	var b strings.Builder
	b.WriteString("UPN,date of birth,school,may the school know\n")
	for _, c := range children {
		fmt.Fprintf(&b, "%s,%s,%s,%s\n", c.pupil.UPN, record.DateOf(c.pupil.DOB).AddDays(c.wrong), schoolID, c.know)
	}
	file := filepath.Join(w.dir, "roster.csv")
	w.must(os.WriteFile(file, []byte(b.String()), 0o600))
	args := []string{"roster", "import", authority, file}
	r, err := w.collector.Try(w.ctx, args...)
	w.must(err)
	if r.Code != 0 { // many leave it: the yes is a code that the command prints
		_, after, found := strings.Cut(r.Stdout+r.Stderr, "--release ")
		if !found {
			w.t.Fatalf("roster import: %s%s", r.Stdout, r.Stderr)
		}
		release := strings.Trim(strings.Fields(after)[0], "`.,;:")
		_, err = w.collector.Command(w.ctx, append(args, "--release", release)...)
		w.must(err)
	}
}

func (w *world) agentCommand(stdin string, args ...string) string {
	w.t.Helper()
	out, err := stack.Must(w.ctx, w.agent.Programs.Agent, stdin, w.agent.Env(), args...)
	w.must(err)
	return out
}

func (w *world) agentSync() {
	w.t.Helper()
	w.agentCommand("", "sync")
}

// A rosterCounts is what `roster --json` prints.
type rosterCounts struct {
	Held     bool                 `json:"held"`
	Children map[string]int       `json:"children"`
	Accepted int                  `json:"accepted"`
	Use      []protocol.RosterUse `json:"use"`
}

func (w *world) rosterReport() rosterCounts {
	w.t.Helper()
	var r rosterCounts
	w.must(json.Unmarshal([]byte(w.agentCommand("", "roster", "--json")), &r))
	return r
}

func (w *world) wantUse(want protocol.RosterUse) {
	w.t.Helper()
	if got := w.rosterReport().Use; len(got) != 1 || got[0] != want {
		w.t.Errorf("the roster was used for %+v, want %+v", got, want)
	}
}

// awaitPupil waits until the collector has a pupil, or has not.
func (w *world) awaitPupil(p *demoschool.Pupil, there bool) record.Pupil {
	w.t.Helper()
	var found record.Pupil
	w.must(stack.Await(w.ctx, fmt.Sprintf("the collector to hold a pupil: %v", there), func() (bool, error) {
		out, err := w.collector.Command(w.ctx, "compare", schoolID, "--reveal", "--json")
		if err != nil {
			return false, err
		}
		found = record.Pupil{}
		lines := bufio.NewScanner(strings.NewReader(out))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var l struct {
				Dataset record.Dataset `json:"dataset"`
				Record  record.Pupil   `json:"record"`
			}
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Dataset == record.DatasetPupil && l.Record.AdmissionNumber == p.AdmissionNo {
				found = l.Record
			}
		}
		if (found.ID != "") != there {
			return false, errors.New("it is not so yet")
		}
		return true, nil
	}))
	return found
}

// noTrace looks for the children of a roster in whatever the agent keeps.
func (w *world) noTrace(children ...*demoschool.Pupil) {
	w.t.Helper()
	files := 0
	look := func(path string) error {
		data, err := os.ReadFile(path)
		files++
		for _, p := range children {
			if bytes.Contains(data, []byte(p.UPN)) || bytes.Contains(data, []byte(strings.ToLower(p.UPN))) {
				w.t.Errorf("%s holds the UPN of a child on the roster", filepath.Base(path))
			}
		}
		return err
	}
	w.must(filepath.WalkDir(w.agent.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return look(path)
	}))
	if _, err := os.Stat(w.agent.LogFile()); err == nil {
		w.must(look(w.agent.LogFile()))
	}
	if files < 3 {
		w.t.Errorf("only %d files were looked at", files)
	}
}
