package e2e

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/cloud/wonde"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A hosting is a school whose agent the operator runs, with the portal that reaches it.
type hosting struct {
	*world
	dir, clock string
	code       string
	process    *stack.Process
}

// newHosting starts a collector that hosts the agents of a directory.
func newHosting(t *testing.T, w *world) *hosting {
	t.Helper()
	h := &hosting{world: w, dir: filepath.Join(w.dir, "schools"), clock: filepath.Join(w.dir, "clock")}
	setClock(t, h.clock, 0)
	w.must(os.Mkdir(h.dir, 0o700))
	h.code = w.setUpCollector(stack.CollectorOptions{Clock: h.clock, Env: []string{
		"ROLLBRIDGE_COLLECTOR_HOSTED_PROGRAM=" + programs.Agent, "ROLLBRIDGE_COLLECTOR_HOSTED_SCHOOLS=" + h.dir,
		"ROLLBRIDGE_COLLECTOR_SECURITY_CONTACT=mailto:security@example.org",
	}})
	return h
}

// enrol makes and confirms the agent of the school, and runs all that are hosted.
func (h *hosting) enrol(source stack.Source) {
	h.t.Helper()
	agent, err := stack.NewAgent(programs, filepath.Join(h.dir, schoolID), source, stack.AgentOptions{Clock: h.clock})
	h.must(err)
	h.agent = agent
	phrase, err := agent.Enrol(h.ctx, h.code)
	h.must(err)
	h.confirm(phrase)
	h.run()
}

func (h *hosting) run() {
	h.t.Helper()
	var err error
	h.process, err = stack.Start(programs.Agent, filepath.Join(h.world.dir, "schools.log"), []string{"ROLLBRIDGE_TEST_CLOCK=" + h.clock}, "run", "--schools", h.dir)
	h.must(err)
	h.t.Cleanup(func() {
		if err := h.process.Stop(); err != nil {
			h.t.Errorf("end the agents: %v", err)
		}
	})
	h.must(stack.Await(h.ctx, "the agent to answer", func() (bool, error) {
		_, err := os.Stat(filepath.Join(h.dir, schoolID, "control.sock"))
		return err == nil, err
	}))
}

// head is a browser of somebody of the school.
func (h *hosting) browser(p stack.Person) *stack.Browser {
	h.t.Helper()
	who, err := h.collector.Join(h.ctx, p)
	h.must(err)
	b, err := h.collector.As(h.ctx, who)
	h.must(err)
	return b
}

func (h *hosting) get(b *stack.Browser, path string, words ...string) string {
	h.t.Helper()
	page, err := b.Get(h.ctx, path)
	h.must(err)
	h.says(page, path, words...)
	return page.Body
}

func (h *hosting) says(page stack.Page, what string, words ...string) {
	h.t.Helper()
	if page.Code != http.StatusOK {
		h.t.Fatalf("%s is answered with %d:\n%s", what, page.Code, page.Body)
	}
	for _, w := range words {
		if !strings.Contains(page.Body, w) {
			h.t.Errorf("%s does not say %q:\n%s", what, w, page.Body)
		}
	}
}

func (h *hosting) post(b *stack.Browser, to, path string, pairs ...string) {
	h.t.Helper()
	page, err := b.Post(h.ctx, path, pairs...)
	h.must(err)
	if page.Location != to {
		h.t.Fatalf("%s leads to %q (%d), not to %s:\n%s", path, page.Location, page.Code, to, page.Body)
	}
}

// allowed are the datasets that the school allows an authority, as its agent says it.
func (h *hosting) allowed(authority string) []string {
	h.t.Helper()
	out, err := h.agent.Command(h.ctx, "scope", "show", "--json")
	h.must(err)
	var scope struct {
		Allowed map[string]map[string][]string `json:"allowed"`
	}
	h.must(json.Unmarshal([]byte(out), &scope))
	return slices.Sorted(maps.Keys(scope.Allowed[authority]))
}

// word is how the operator sees the school's morning.
func (h *hosting) word() status.Word {
	h.t.Helper()
	out, err := h.collector.Command(h.ctx, "status", "--json")
	h.must(err)
	var all struct {
		Schools []struct {
			AM struct {
				Status status.Word `json:"status"`
			} `json:"am"`
		} `json:"schools"`
	}
	h.must(json.Unmarshal([]byte(out), &all))
	return all.Schools[0].AM.Status
}

// TestSchoolPage has the head of a hosted school do on its page what others do on their
// own machine: see the status, say yes to what an authority asks for more (which neither
// the authority nor the operator can), look at what would leave, read and prove the
// logbook, pause, and stop for good. The collector then hides the data and refuses a copy
// of the agent, and on day 30 gives the certificate.
func TestSchoolPage(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.must(os.Mkdir(w.folder(), 0o755))
	w.must(w.school.WriteCSV(w.folder()))
	h := newHosting(t, w)
	h.enrol(stack.Folder("csv", w.folder()))
	w.sync()
	authority := w.school.Authorities()[0]
	head := h.browser(stack.Person{Name: "head", Role: "school", School: schoolID})
	h.get(head, "/school", demoschool.SchoolName, "Last register received", "It reads and sends")

	// More is asked: it waits until the school has said yes.
	_, err := w.collector.Command(w.ctx, "school", "provision", schoolID, "--authority", authority,
		"--dataset", "pupil", "--dataset", "contact", "--dataset", "attendance", "--dataset", "sen")
	w.must(err)
	w.must(stack.Await(w.ctx, "the agent to hear of it", func() (bool, error) {
		_, err := w.agent.Command(w.ctx, "sync")
		if err != nil {
			return false, err
		}
		out, err := w.agent.Command(w.ctx, "scope", "show")
		return strings.Contains(out, authority+".sen"), err
	}))
	before := h.allowed(authority)
	h.get(head, "/school", "One thing more could leave", "/school/scope/accept")
	page := h.get(head, "/school/scope/accept", "Special educational needs", "Yes, our school agrees")
	shown := between(page, `name="shown" value="`, `"`)
	for _, other := range []stack.Person{{Name: "lead", Role: "administrator", Authorities: []string{authority}}, {Name: "second", Role: "operator"}} {
		b := h.browser(other)
		for _, path := range []string{"/school/scope/accept", "/school/scope/change", "/school/revoke", "/school/pause", "/school/preview"} {
			page, err := b.Post(w.ctx, path, "shown", shown, "what", "allow", "part", authority+".sen", "sure", "yes", "how", "open")
			w.must(err)
			if page.Code != http.StatusForbidden {
				t.Errorf("%s may %s: %d", other.Role, path, page.Code)
			}
		}
	}
	if got := h.allowed(authority); !slices.Equal(got, before) {
		t.Fatalf("without the school's yes %v may leave, before it was %v", got, before)
	}
	h.post(head, "/school/scope", "/school/scope/accept", "shown", shown)
	if got := h.allowed(authority); !slices.Contains(got, "sen") {
		t.Errorf("after the school's yes %v may leave", got)
	}
	// The page is older than the yes: it says yes to nothing more.
	if page, err := head.Post(w.ctx, "/school/scope/accept", "shown", shown); err != nil || page.Code != http.StatusConflict {
		t.Errorf("a yes given twice is answered with %d, %v", page.Code, err)
	}

	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	h.previews(head)
	h.get(head, "/school/log", "special educational needs")
	h.get(head, "/school/log/verify", "The logbook is as it was written")
	h.statement(head)

	h.post(head, "/school", "/school/pause", "how", "open")
	h.get(head, "/school", "Paused until somebody of the school resumes it")
	if r, err := w.agent.Try(w.ctx, "sync"); err != nil || r.Code == 0 {
		t.Errorf("a paused agent syncs: %d, %v", r.Code, err)
	}
	h.post(head, "/school", "/school/resume")
	_, err = w.agent.Command(w.ctx, "sync")
	w.must(err)
	h.stops(head)
}

// previews looks at what would leave, shortened and in full, while no service runs that
// would send it between two looks.
func (h *hosting) previews(head *stack.Browser) {
	h.t.Helper()
	child := h.school.LookedAfter()[0].ID
	h.must(h.school.ChangeMark(child, h.school.Today(), demoschool.AM, "I"))
	h.must(h.process.Stop())
	defer h.run()
	h.must(h.school.WriteCSV(h.folder()))
	// What is new is of some of the children: the shortened preview names none of them.
	named := func(text string) (found []string) {
		for _, p := range h.school.LookedAfter() {
			if p.UPN != "" && strings.Contains(text, p.UPN) || strings.Contains(text, p.LegalForename+" "+p.LegalSurname) {
				found = append(found, p.ID)
			}
		}
		return found
	}
	page, err := head.Post(h.ctx, "/school/preview")
	h.must(err)
	h.says(page, "the preview", "Attendance, changed", "•")
	if found := named(page.Body); len(found) > 0 {
		h.t.Errorf("a preview that is shortened shows %d children in full", len(found))
	}
	page, err = head.Post(h.ctx, "/school/preview", "reveal", "yes")
	h.must(err)
	h.says(page, "the preview in full")
	if len(named(page.Body)) == 0 {
		h.t.Errorf("a preview in full shows nobody:\n%s", page.Body)
	}
	for _, name := range []string{h.collector.LogFile(), filepath.Join(h.world.dir, "schools.log")} {
		text, err := os.ReadFile(name)
		h.must(err)
		if len(named(string(text))) > 0 {
			h.t.Errorf("%s names a child", name)
		}
	}
}

// statement has the signed statement of the term, which proves itself.
func (h *hosting) statement(head *stack.Browser) {
	h.t.Helper()
	page := h.get(head, "/school/log", "Statement of a term")
	path := strings.ReplaceAll(between(page, `href="/school/log/statement?`, `"`), "&amp;", "&")
	signed := h.get(head, "/school/log/statement?"+strings.Replace(path, "form=txt", "form=json", 1))
	file := filepath.Join(h.world.dir, "statement.json")
	h.must(os.WriteFile(file, []byte(signed), 0o600))
	_, err := h.agent.Command(h.ctx, "log", "--verify-statement", file, filepath.Join(h.agent.Dir, "logbook.jsonl"))
	h.must(err)
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "rollbridge-statement-*"))
	h.must(err)
	if len(left) > 0 {
		h.t.Errorf("left behind: %v", left)
	}
}

// stops stops the school on its page, and looks at what comes of it.
func (h *hosting) stops(head *stack.Browser) {
	t := h.t
	t.Helper()
	twin := filepath.Join(h.world.dir, "twin")
	h.must(copyOf(h.agent.Dir, twin))
	h.get(head, "/school/revoke", "This cannot be undone")
	h.post(head, "/school", "/school/revoke", "sure", "yes")
	h.get(head, "/school", "It has stopped")
	h.must(stack.Await(h.ctx, "the collector to stop the school", func() (bool, error) { return len(h.world.stops()) == 1, nil }))
	h.hidden("stopped on the page")
	if got := h.world.stops()[0]; got.By != "agent" {
		t.Errorf("the operator is told that the school stopped by %q", got.By)
	}
	if got := h.word(); got != status.Stopped {
		t.Errorf("the school is %s", got)
	}
	// A copy of the agent of before, with its keys, is told to stop.
	r, err := stack.Run(h.ctx, programs.Agent, "", []string{"ROLLBRIDGE_TEST_CLOCK=" + h.clock}, "--data-dir", twin, "sync")
	h.must(err)
	if r.Code == 0 {
		t.Errorf("the collector takes what a stopped agent sends: %s", r.Stdout)
	}
	h.get(head, "/school", "hidden from everybody", "It is destroyed on")
	if page, err := head.Get(h.ctx, "/school/certificate"); err != nil || page.Code != http.StatusNotFound {
		t.Errorf("a certificate before day 30: %d, %v", page.Code, err)
	}
	// The logbook stays, and goes on to prove.
	h.get(head, "/school/log", "Revoked")

	h.must(h.collector.Close())
	setClock(t, h.clock, 30*24*time.Hour+time.Minute)
	_, err = h.collector.Start(h.ctx, "")
	h.must(err)
	again := h.browser(stack.Person{Name: "deputy", Role: "school", School: schoolID})
	var body string
	h.must(stack.Await(h.ctx, "the certificate", func() (bool, error) {
		page, err := again.Get(h.ctx, "/school/certificate")
		body = page.Body
		return page.Code == http.StatusOK, err
	}))
	file, err := protocol.ParseCertificateFile([]byte(body))
	h.must(err)
	text, err := os.ReadFile(filepath.Join(h.collector.Dir, "keys", "control", "root.fingerprint"))
	h.must(err)
	root, err := hex.DecodeString(strings.TrimSpace(string(text)))
	h.must(err)
	if c, err := file.Verify(protocol.Fingerprint(root)); err != nil || c.School != demoschool.SchoolName || c.By != protocol.StoppedByAgent || c.Children == 0 {
		t.Errorf("the certificate says %+v, %v", c, err)
	}
	h.get(again, "/school", "was destroyed", "/school/certificate")
}

// copyOf copies an agent's directory as a backup does: its files, not its socket.
func copyOf(dir, to string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o600)
	})
}

// between is what stands between two texts.
func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

// TestWithdrawnGrant has a school take its approval back at its MIS. One morning's refusal
// is not taken for it; a day of them is, and nothing is destroyed. Given again, the word
// goes.
func TestWithdrawnGrant(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	o.asked = []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance}
	h := newHosting(t, o.world)
	h.enrol(o.api.Source("wonde"))
	_, err := o.agent.Command(o.ctx, "sync")
	o.must(err)
	o.must(stack.Await(o.ctx, "the first batch to be applied", func() (bool, error) {
		held, err := o.collector.Records(o.ctx, schoolID)
		return len(held) > 0, err
	}))
	o.server.Change(func() { o.double.Access = wonde.Revoked })
	refused := func() {
		t.Helper()
		if r, err := o.agent.Try(o.ctx, "sync"); err != nil || r.Code != exitMIS {
			t.Fatalf("a withdrawn grant is read by: %d, %v", r.Code, err)
		}
		// The next sync checks in first, and says what this one found.
		if r, err := o.agent.Try(o.ctx, "sync"); err != nil || r.Code != exitMIS {
			t.Fatalf("a withdrawn grant is read by: %d, %v", r.Code, err)
		}
	}
	refused()
	refused()
	if got := h.word(); got == status.Stopped {
		t.Fatal("refusals of a moment are taken for the school's word")
	}
	setClock(t, h.clock, 25*time.Hour)
	refused()
	o.must(stack.Await(o.ctx, "the school to count as stopped", func() (bool, error) {
		return h.word() == status.Stopped, nil
	}))
	admin := h.browser(stack.Person{Name: "lead", Role: "administrator", Authorities: o.school.Authorities()[:1]})
	h.get(admin, "/schools/"+schoolID, string(status.Stopped), "has refused the access that it had given")
	if held := o.held(); len(held) == 0 {
		t.Error("what the school sent is hidden or gone")
	}
	if len(o.stops()) > 0 {
		t.Error("the school is stopped for good")
	}
	o.server.Change(func() { o.double.Access = wonde.Approved })
	_, err = o.agent.Command(o.ctx, "sync")
	o.must(err)
	_, err = o.agent.Command(o.ctx, "sync")
	o.must(err)
	o.must(stack.Await(o.ctx, "the word to go", func() (bool, error) {
		return h.word() != status.Stopped, nil
	}))
}

// The portal and intake say where a weakness is reported to.
func TestSecurityText(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, small())
	w.startCollector(stack.CollectorOptions{Env: []string{"ROLLBRIDGE_COLLECTOR_SECURITY_CONTACT=mailto:security@example.org"}})
	b, err := w.collector.Browse()
	w.must(err)
	for _, base := range []string{w.collector.PortalURL, "https://" + w.collector.IntakeAddress()} {
		b.Base = base
		page, err := b.Get(w.ctx, "/.well-known/security.txt")
		w.must(err)
		expires, err := time.Parse(time.RFC3339, between(page.Body, "Expires: ", "\n"))
		if err != nil || page.Code != http.StatusOK || !strings.Contains(page.Body, "Contact: mailto:security@example.org\n") || time.Until(expires) < 30*24*time.Hour {
			t.Errorf("%s: %d, %v\n%s", base, page.Code, err, page.Body)
		}
	}
	b.Base = w.collector.PortalURL
	page, err := b.Get(w.ctx, "/stop")
	w.must(err)
	if page.Location != w.collector.PublicURL+"/stop?language=en" {
		t.Errorf("a revocation code is entered at %q", page.Location)
	}
}
