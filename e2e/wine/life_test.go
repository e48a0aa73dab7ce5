//go:build wine

package wine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
)

// stamp is the version that the agent is built as.
const stamp = "0.0.0-wine"

// Where things are on the school's server.
const (
	programFile = `C:\Program Files\Rollbridge\rollbridge-agent.exe`
	dataDir     = `C:\ProgramData\Rollbridge`
	misFolder   = `C:\mis`
	schoolID    = "oakmere"
)

// The exit codes of the agent that are met here.
const (
	done    = 0
	refused = 3
)

// A life is one school's server and the collector that it sends to.
type life struct {
	t         *testing.T
	ctx       context.Context
	school    *demoschool.School
	collector *stack.Collector
	clock     string // of the collector: how far it is ahead
	dir       string // the data directory
	safe      string // what the head teacher's safe holds: the revocation code
}

// TestLife takes the agent through the life of a service on a school's server.
// It cuts the power: no other test may run beside it.
func TestLife(t *testing.T) {
	l := newLife(t)
	if out := l.says(done, "", "version"); !strings.Contains(out, stamp) {
		t.Errorf("version says %q", out)
	}
	l.enrols()
	l.installs()
	l.works()
	l.checks()
	l.decides()
	l.pauses()
	l.recovers()
	l.restarts()
	l.isInstalledAnew()
	l.moves()
	l.revokes()
}

func newLife(t *testing.T) *life {
	t.Helper()
	l := newSchool(t)
	must(t, os.MkdirAll(filepath.Dir(windows.File(programFile)), 0o700))
	l.makeDataDir()
	program, err := os.ReadFile(buildAgent(t, stamp))
	must(t, err)
	must(t, os.WriteFile(windows.File(programFile), program, 0o700))
	return l
}

// newSchool is a school's server on which nothing is installed yet, and a collector.
func newSchool(t *testing.T) *life {
	t.Helper()
	collector := filepath.Join(built, "rollbridge-collector")
	goCommand(t, nil, "build", "-trimpath", "-tags", "testclock", "-o", collector, "rollbridge/collector")
	l := &life{t: t, ctx: bounded(t), dir: dataDir, clock: filepath.Join(t.TempDir(), "clock"), school: demoschool.New(demoschool.Config{
		Seed: 7, Pupils: 120, LookedAfterShare: 0.12, Today: demoschool.LastSchoolDay(time.Now()),
	})}
	must(t, os.MkdirAll(windows.File(misFolder), 0o700))
	must(t, os.WriteFile(l.clock, []byte("0s"), 0o600))
	l.writeMIS()
	var err error
	l.collector, err = stack.NewCollector(l.ctx, stack.Programs{Collector: collector}, filepath.Join(t.TempDir(), "collector"), stack.CollectorOptions{Clock: l.clock})
	must(t, err)
	t.Cleanup(l.unplug)
	l.plugIn()
	return l
}

// buildAgent builds the agent as a version and returns its file.
func buildAgent(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(built, version, "rollbridge-agent.exe")
	goForWindows(t, "build", "-ldflags", "-X rollbridge/shared/version.Version="+version, "-o", path, "rollbridge/agent")
	return path
}

func (l *life) writeMIS() {
	l.t.Helper()
	must(l.t, l.school.WriteCSV(windows.File(misFolder)))
}

// plugIn starts the collector, unplug ends it.
func (l *life) plugIn() {
	l.t.Helper()
	_, err := l.collector.Start(l.ctx, "")
	must(l.t, err)
}

func (l *life) unplug() {
	l.t.Helper()
	if err := l.collector.Close(); err != nil {
		l.t.Errorf("end the collector: %v", err)
	}
}

// try runs one command of the agent.
func (l *life) try(stdin string, args ...string) stack.Result {
	l.t.Helper()
	r, err := windows.Run(l.ctx, Call{Program: programFile, Args: append(args, "--data-dir", l.dir), Stdin: stdin})
	must(l.t, err)
	return r
}

// says runs one command that has to end with code, and returns what it said.
func (l *life) says(code int, stdin string, args ...string) string {
	l.t.Helper()
	r := l.try(stdin, args...)
	if r.Code != code {
		l.t.Fatalf("%s ended with %d, want %d, and said:\n%s%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	if code == done {
		return r.Stdout
	}
	return r.Stderr
}

// json decodes what a command prints as JSON.
func (l *life) json(v any, code int, args ...string) {
	l.t.Helper()
	r := l.try("", append(args, "--json")...)
	if r.Code != code {
		l.t.Fatalf("%s ended with %d, want %d, and said:\n%s%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr)
	}
	l.decode(v, r)
}

func (l *life) decode(v any, r stack.Result) {
	l.t.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), v); err != nil {
		l.t.Fatalf("%v in\n%s%s", err, r.Stdout, r.Stderr)
	}
}

// same waits until the collector holds exactly what the MIS holds.
func (l *life) same() {
	l.t.Helper()
	want, err := oracle.Question{}.Answer(l.school)
	must(l.t, err)
	must(l.t, stack.Await(l.ctx, "the collector to hold what the MIS holds", func() (bool, error) {
		got, err := l.collector.Records(l.ctx, schoolID)
		if err != nil {
			return false, err
		}
		err = oracle.Same(want, got)
		return err == nil, err
	}))
}

// changes a mark in the MIS.
func (l *life) changes(code string) {
	l.t.Helper()
	must(l.t, l.school.ChangeMark(l.school.LookedAfter()[0].ID, l.school.Today(), demoschool.AM, code))
	l.writeMIS()
}

// enrols pastes the code and says yes, and the operator confirms the phrase.
func (l *life) enrols() {
	l.t.Helper()
	code, err := l.collector.AddSchool(l.ctx, stack.School{ID: schoolID, Name: demoschool.SchoolName, Authorities: l.school.Authorities()})
	must(l.t, err)
	if said := l.says(refused, code+"\r\nno\r\n", "enrol", "-"); !strings.Contains(said, "nothing was changed") {
		l.t.Errorf("after a no it says %q", said)
	}
	out := l.says(done, code+"\r\nyes\r\n", "enrol", "-", "--revocation-code-file", `C:\safe.txt`)
	safe, err := os.ReadFile(windows.File(`C:\safe.txt`))
	must(l.t, err)
	l.safe = strings.TrimSpace(string(safe))
	phrase, err := stack.PhraseIn(out)
	must(l.t, err)
	must(l.t, stack.Await(l.ctx, "the agent to be known", func() (bool, error) {
		r, err := l.collector.Try(l.ctx, "agent", "confirm", schoolID, phrase)
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("agent confirm: %s", r.Stderr)
		}
		return err == nil, err
	}))
	if out := l.says(done, "", "preview"); strings.Count(out, "\n") < 10 {
		l.t.Errorf("the preview shows next to nothing:\n%s", out)
	}
	l.says(done, "", "scope", "show")
}

// serviceState is what `service status --json` says.
type serviceState struct {
	Installed, Running bool
	Account, Directory string
}

func (l *life) service(code int) (s serviceState) {
	l.t.Helper()
	l.json(&s, code, "service", "status")
	return s
}

// installs enters the service and starts it.
func (l *life) installs() {
	l.t.Helper()
	l.says(refused, "", "service", "start")
	l.says(done, "", "service", "install")
	if out := l.says(done, "", "service", "install"); !strings.Contains(out, "already") {
		l.t.Errorf("a second installation says %q", out)
	}
	if s := l.service(refused); !s.Installed || s.Running || s.Directory != l.dir || s.Account != `NT SERVICE\Rollbridge` {
		l.t.Errorf("installed, the service stands so: %+v", s)
	}
	l.says(done, "", "service", "start")
	l.runs()
}

// runs waits until the service runs and its worker answers.
func (l *life) runs() {
	l.t.Helper()
	if s := l.service(done); !s.Running {
		l.t.Errorf("started, the service stands so: %+v", s)
	}
	must(l.t, stack.Await(l.ctx, "the service to answer", func() (bool, error) {
		// A second one is refused as long as the first has the directory, and ends at
		// once if it is the first itself.
		r := l.try("", "run", "--until-stdin-closes")
		if r.Code != refused || !strings.Contains(r.Stderr, "already running") {
			return false, fmt.Errorf("run: %s", r.Stderr)
		}
		return true, nil
	}))
}

// works has the service sync.
func (l *life) works() {
	l.t.Helper()
	l.says(done, "", "sync")
	l.same()
	l.changes("I")
	l.says(done, "", "sync")
	l.same()
	var st struct {
		State string
		Head  struct{ Sequence int }
	}
	l.json(&st, done, "status")
	if st.State != "active" || st.Head.Sequence < 2 {
		l.t.Errorf("after two syncs the status is %+v", st)
	}
}

// pauses reads nothing until it resumes.
func (l *life) pauses() {
	l.t.Helper()
	l.says(done, "", "pause", "--until", "36h")
	l.changes("N")
	l.says(refused, "", "sync")
	if out := l.says(done, "", "status"); !strings.Contains(out, "Paused by school") {
		l.t.Errorf("paused, the status is\n%s", out)
	}
	l.says(done, "", "resume")
	l.says(done, "", "sync")
	l.same()
}

// recovers from the death of its worker, and ends the worker when it is stopped.
func (l *life) recovers() {
	l.t.Helper()
	workers := l.workers()
	if len(workers) != 1 {
		l.t.Fatalf("%d workers run, want 1", len(workers))
	}
	p, err := os.FindProcess(workers[0])
	must(l.t, err)
	must(l.t, p.Kill())
	must(l.t, stack.Await(l.ctx, "another worker", func() (bool, error) {
		now := l.workers()
		return len(now) == 1 && !slices.Contains(now, workers[0]), nil
	}))
	l.runs()
	l.says(done, "", "service", "stop")
	if left := l.workers(); len(left) > 0 {
		l.t.Errorf("the service has stopped and %d workers run", len(left))
	}
	if s := l.service(refused); s.Running {
		l.t.Errorf("stopped, the service stands so: %+v", s)
	}
	l.says(done, "", "service", "stop")
	l.says(done, "", "service", "start")
	l.runs()
}

// workers are the processes of this system that are the worker's, of whatever version.
func (l *life) workers() (found []int) {
	l.t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(l.t, err)
	for _, file := range lines {
		line, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(line), programDir) || !strings.Contains(string(line), "rollbridge-agent.exe\x00run\x00--until-stdin-closes\x00") {
			continue // it has ended, or is none
		}
		var pid int
		_, err = fmt.Sscanf(file, "/proc/%d/", &pid)
		must(l.t, err)
		found = append(found, pid)
	}
	return found
}

// restarts cuts the power: the service starts by itself with Windows.
func (l *life) restarts() {
	l.t.Helper()
	must(l.t, windows.Restart(l.ctx))
	must(l.t, stack.Await(l.ctx, "the service to start with Windows", func() (bool, error) {
		return l.try("", "service", "status").Code == done, nil
	}))
	l.runs()
	l.changes("L")
	l.says(done, "", "sync")
	l.same()
}

// isInstalledAnew takes the service out, which leaves the data, and puts it back.
func (l *life) isInstalledAnew() {
	l.t.Helper()
	l.says(done, "", "service", "uninstall")
	if s := l.service(refused); s.Installed {
		l.t.Errorf("uninstalled, the service stands so: %+v", s)
	}
	if left := l.workers(); len(left) > 0 {
		l.t.Errorf("the service is uninstalled and %d workers run", len(left))
	}
	l.says(done, "", "fsck")
	l.says(done, "", "log", "--verify")
	l.says(done, "", "service", "install")
	l.says(done, "", "service", "start")
	l.runs()
}
