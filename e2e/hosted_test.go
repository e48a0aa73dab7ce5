package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
)

// hostedSchools is what one process must carry (the product's own measure).
const hostedSchools = 300

// A hosted is one of many schools of one process.
type hosted struct {
	id     string
	school *demoschool.School
	agent  *stack.Agent
	source stack.Source
}

// TestManySchoolsInOneProcess runs three hundred schools in one process: the
// MIS of one hangs, that of another is not there, the settings of a third are
// wrong, a fourth is revoked and a fifth paused. All others report.
func TestManySchoolsInOneProcess(t *testing.T) {
	t.Parallel()
	w := &world{t: t, ctx: boundedBy(t, 15*time.Minute), dir: t.TempDir()}
	dir := filepath.Join(w.dir, "schools")
	w.must(os.Mkdir(dir, 0o700))
	w.startCollector(stack.CollectorOptions{})
	hanging := silentServer(t)
	schools := make([]*hosted, hostedSchools)
	for i := range schools {
		schools[i] = w.hostedSchool(dir, i)
	}
	const hangs, away, wrong, revoked, paused, well = 0, 1, 2, 3, 4, 5
	schools[hangs].source = stack.Server{Host: "127.0.0.1", Port: hanging, Database: "MIS", User: "u", Password: "p", Encryption: "none"}.Source("sql-views")
	schools[away].source = stack.Folder("csv", filepath.Join(w.dir, "nowhere"))
	w.enrolMany(schools)
	w.must(os.WriteFile(filepath.Join(schools[wrong].agent.Dir, "agent.yaml"), []byte("mis: {profil: csv}\n"), 0o600))
	_, err := schools[revoked].agent.Command(w.ctx, "revoke", "--yes")
	w.must(err)
	_, err = schools[paused].agent.Command(w.ctx, "pause")
	w.must(err)

	log := filepath.Join(w.dir, "schools.log")
	process, err := stack.Start(programs.Agent, log, nil, "run", "--schools", dir)
	w.must(err)
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Errorf("end the process: %v", err)
		}
	})
	w.must(stack.Await(w.ctx, "all schools that can to report", func() (bool, error) {
		silent := w.withoutRegister()
		if len(silent) > well {
			return false, fmt.Errorf("%d schools have not reported, such as %s", len(silent), silent[0])
		}
		return true, nil
	}))
	for _, s := range schools[:well] {
		if !strings.Contains(strings.Join(w.withoutRegister(), " "), s.id) {
			t.Errorf("%s has reported, and could not", s.id)
		}
	}
	for i := well; i < hostedSchools; i += 49 {
		w.holdsAll(schools[i])
	}

	out, err := stack.Run(w.ctx, programs.Agent, "", nil, "status", "--schools", dir)
	w.must(err)
	for _, want := range []string{schools[wrong].id + " ", "cannot be told", "Paused by school", "Stopped by school", "Active"} {
		if !strings.Contains(out.Stdout, want) {
			t.Errorf("status --schools does not say %q:\n%.2000s", want, out.Stdout)
		}
	}
	// The school is put right while the process runs, and is taken up by itself.
	w.must(os.Remove(filepath.Join(schools[wrong].agent.Dir, "agent.yaml")))
	_, err = stack.NewAgent(programs, schools[wrong].agent.Dir, schools[wrong].source, stack.AgentOptions{})
	w.must(err)
	w.holdsAll(schools[wrong])

	text, err := os.ReadFile(log)
	w.must(err)
	if strings.Contains(string(text), "panic") || !strings.Contains(string(text), "school="+schools[wrong].id) {
		t.Errorf("the log is not as it should be:\n%.3000s", text)
	}
	if runtime.GOOS == "linux" {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.PID()))
		w.must(err)
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "Threads") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}

// hostedSchool makes a school with a dozen pupils, its export and the directory
// of its agent.
func (w *world) hostedSchool(dir string, i int) *hosted {
	w.t.Helper()
	h := &hosted{id: fmt.Sprintf("school-%03d", i)}
	h.school = demoschool.New(demoschool.Config{Seed: uint64(1000 + i), Pupils: 12, LookedAfterShare: 0.2, Authorities: []string{"933"}, Today: demoschool.LastSchoolDay(time.Now())})
	folder := filepath.Join(w.dir, "mis", h.id)
	w.must(os.MkdirAll(folder, 0o755))
	w.must(h.school.WriteCSV(folder))
	h.source = stack.Folder("csv", folder)
	var err error
	h.agent, err = stack.NewAgent(programs, filepath.Join(dir, h.id), h.source, stack.AgentOptions{})
	w.must(err)
	return h
}

// enrolMany makes the schools at the collector, enrols and confirms their agents
// as an operator would with a script.
func (w *world) enrolMany(schools []*hosted) {
	w.t.Helper()
	_, err := w.collector.Command(w.ctx, "authority", "add", "933", "--why", "Promote the education of looked-after children (Children Act 1989 s22(3A))")
	w.must(err)
	var work errgroup.Group
	work.SetLimit(6)
	for _, h := range schools {
		work.Go(func() error {
			code, err := w.collector.AddSchool(w.ctx, stack.School{ID: h.id, Name: "Fictional School " + h.id, Authorities: []string{"933"}})
			if err != nil {
				return err
			}
			phrase, err := h.agent.Enrol(w.ctx, code)
			if err != nil {
				return err
			}
			_, err = w.collector.Command(w.ctx, "agent", "confirm", h.id, phrase)
			return err
		})
	}
	w.must(work.Wait())
	for _, h := range schools[:2] { // the settings of these differ from those that enrolled them
		_, err := stack.NewAgent(programs, h.agent.Dir, h.source, stack.AgentOptions{})
		w.must(err)
	}
}

// withoutRegister are the schools whose register the collector does not have.
func (w *world) withoutRegister() []string {
	w.t.Helper()
	out, err := w.collector.Command(w.ctx, "status", "--json")
	w.must(err)
	var status struct {
		Schools []struct {
			ID       string     `json:"id"`
			Register *time.Time `json:"last_register"`
		} `json:"schools"`
	}
	w.must(json.Unmarshal([]byte(out), &status))
	var silent []string
	for _, l := range status.Schools {
		if l.Register == nil {
			silent = append(silent, l.ID)
		}
	}
	return silent
}

// holdsAll waits until the collector holds what the MIS of this school holds.
func (w *world) holdsAll(h *hosted) {
	w.t.Helper()
	want, err := oracle.Question{}.Answer(h.school)
	w.must(err)
	w.must(stack.Await(w.ctx, "the collector to hold what the MIS of "+h.id+" holds", func() (bool, error) {
		got, err := w.collector.Records(w.ctx, h.id)
		if err != nil {
			return false, err
		}
		err = oracle.Same(want, got)
		return err == nil, err
	}))
}

// silentServer takes connections and never says a word.
func silentServer(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
