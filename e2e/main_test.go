package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/record"
)

// programs are built once, with the clock that tests can move.
var programs stack.Programs

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for processes more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rollbridge-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	// Some tests run the programs as an ordinary user.
	if err := os.Chmod(dir, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if programs, err = stack.Build(ctx, dir, "testclock"); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

const schoolID = "oakmere"

// A world is one collector, one school's MIS and its agent.
type world struct {
	t         *testing.T
	ctx       context.Context
	dir       string
	school    *demoschool.School
	mis       *stack.MIS // nil where the school's MIS is a folder
	collector *stack.Collector
	agent     *stack.Agent
	// asked are the datasets that the authorities ask for; nil for the usual three.
	asked []record.Dataset
}

// newWorld sets everything up to the point where the school pastes its code:
// a collector with all roles running, a school with its MIS on SQL Server.
func newWorld(t *testing.T, config demoschool.Config, o stack.CollectorOptions) (*world, string) {
	t.Helper()
	return newWorldOn(t, config, o, stack.MISOptions{})
}

// newWorldOn is newWorld with a MIS that differs.
func newWorldOn(t *testing.T, config demoschool.Config, o stack.CollectorOptions, m stack.MISOptions) (*world, string) {
	t.Helper()
	w := emptyWorld(t, config)
	w.setUpMIS(w.school.TablesSQL, m)
	return w, w.setUpCollector(o)
}

// emptyWorld has a school in nobody's MIS yet.
func emptyWorld(t *testing.T, config demoschool.Config) *world {
	t.Helper()
	return &world{t: t, ctx: bounded(t), dir: t.TempDir(), school: demoschool.New(config)}
}

func (w *world) setUpMIS(tables func() []demoschool.Table, o stack.MISOptions) {
	w.t.Helper()
	var err error
	w.mis, err = stack.NewMIS(w.ctx, w.folder(), tables, o)
	w.must(err)
	w.t.Cleanup(func() {
		if err := w.mis.Close(); err != nil {
			w.t.Errorf("end the MIS: %v", err)
		}
	})
}

// setUpCollector starts a collector that asks the school, and returns the code.
func (w *world) setUpCollector(o stack.CollectorOptions) (code string) {
	w.t.Helper()
	w.startCollector(o)
	ask := stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: w.school.Authorities()}
	for _, d := range w.asked {
		ask.Datasets = append(ask.Datasets, string(d))
	}
	code, err := w.collector.AddSchool(w.ctx, ask)
	w.must(err)
	return code
}

// startCollector starts a collector of which nothing is asked yet.
func (w *world) startCollector(o stack.CollectorOptions) {
	w.t.Helper()
	var err error
	w.collector, err = stack.NewCollector(w.ctx, programs, filepath.Join(w.dir, "collector"), o)
	w.must(err)
	w.t.Cleanup(func() {
		if err := w.collector.Close(); err != nil {
			w.t.Errorf("end the collector: %v", err)
		}
	})
	_, err = w.collector.Start(w.ctx, "")
	w.must(err)
}

// bounded ends what waits in vain, so that the test can say for what.
func bounded(t *testing.T) context.Context {
	t.Helper()
	return boundedBy(t, 10*time.Minute)
}

func boundedBy(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// enrolled is newWorld with a confirmed agent whose service is not running.
func enrolled(t *testing.T, config demoschool.Config, o stack.CollectorOptions, a stack.AgentOptions) *world {
	t.Helper()
	w, code := newWorld(t, config, o)
	a.Clock = o.Clock
	w.enrolAt(w.source(), code, a)
	return w
}

// enrolAt makes the agent of a MIS and confirms it.
func (w *world) enrolAt(source stack.Source, code string, o stack.AgentOptions) {
	w.t.Helper()
	agent, err := stack.NewAgent(programs, filepath.Join(w.dir, "agent"), source, o)
	w.must(err)
	w.agent = agent
	w.t.Cleanup(func() {
		if err := agent.Close(); err != nil {
			w.t.Errorf("end the agent: %v", err)
		}
	})
	phrase, err := agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
}

// folder holds the MIS: a server's databases, or files.
func (w *world) folder() string { return filepath.Join(w.dir, "mis") }

// source is the MIS as an agent is told of it.
func (w *world) source() stack.Source { return w.mis.Source() }

// write makes the MIS hold what the school is now.
func (w *world) write() {
	w.t.Helper()
	w.must(w.mis.Write(w.ctx))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// confirm waits until the operator can confirm the agent with this phrase.
func (w *world) confirm(phrase string) {
	w.t.Helper()
	w.confirmOf(schoolID, phrase)
}

// confirmOf is confirm for the agent of any school.
func (w *world) confirmOf(school, phrase string) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, "the agent to be known", func() (bool, error) {
		r, err := w.collector.Try(w.ctx, "agent", "confirm", school, phrase)
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("agent confirm: %s", r.Stderr)
		}
		return err == nil, err
	}))
}

// sync runs one sync by hand and waits until the collector holds what the MIS
// holds.
func (w *world) sync(args ...string) {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, append([]string{"sync"}, args...)...)
	w.must(err)
	w.same()
}

// same waits until the collector holds exactly what the MIS holds.
func (w *world) same() {
	w.t.Helper()
	want, err := oracle.Question{Datasets: w.asked}.Answer(w.school)
	w.must(err)
	w.becomes(want)
}

// becomes waits until the collector holds exactly this.
func (w *world) becomes(want oracle.Lines) {
	w.t.Helper()
	w.must(stack.Await(w.ctx, "the collector to hold what the MIS holds", func() (bool, error) {
		got, err := w.collector.Records(w.ctx, schoolID)
		if err != nil {
			return false, err
		}
		err = oracle.Same(want, got)
		return err == nil, err
	}))
}

// sound runs both fsck.
func (w *world) sound() {
	w.t.Helper()
	_, err := w.agent.Command(w.ctx, "fsck")
	w.must(err)
	_, err = w.collector.Command(w.ctx, "fsck")
	w.must(err)
}

// small is a school that is quick to read and has looked-after pupils of every
// kind.
func small() demoschool.Config {
	return demoschool.Config{Seed: 7, Pupils: 120, LookedAfterShare: 0.12, Today: demoschool.LastSchoolDay(time.Now())}
}
