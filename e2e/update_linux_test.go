package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/release"
)

// What all tests of updates share is made once, when the first one asks for it:
// the keys of the releases, and the programs, each linked with the same root.
var ceremony = sync.OnceValues(zoo.NewCeremony)

var releases = sync.OnceValues(func() (*zoo.Releases, error) {
	c, err := ceremony()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(programs.Agent), "releases")
	return &zoo.Releases{Dir: dir, Stamp: stack.Stamp{Root: c.Root}, Tags: []string{"testclock"}}, os.Mkdir(dir, 0o755)
})

// limits are those of the supervisor in these tests. What has to come is waited
// for; the limits for what never comes are long enough for a slow machine.
const limits = "ready=20s silence=20s probation=3s look=100ms beat=200ms"

// limit is the environment with limits that differ.
func limit(other string) string { return "ROLLBRIDGE_TEST_CLOCK_LIMITS=" + limits + " " + other }

// packaged is the version that the package has brought.
const packaged = "1.0.0"

// An installation is a program directory as a package makes it, its updates and
// the agent of a school that runs from it.
type installation struct {
	*world
	program    string // the package's own copy
	source     stack.Source
	options    stack.AgentOptions
	versions   slot.Dir
	repository *zoo.Repository
	mirror     *zoo.Mirror
	process    *stack.Process
}

// place puts a program where a package does, as that of the world's agent.
func place(w *world, program string, source stack.Source, o stack.AgentOptions) *installation {
	w.t.Helper()
	i := &installation{world: w, program: filepath.Join(w.dir, "program", "rollbridge-agent"), source: source, options: o}
	i.versions = slot.Beside(i.program)
	w.must(os.MkdirAll(i.versions.Path, 0o755))
	i.link(program, i.program)
	i.limited("")
	return i
}

// install places the first version, whose updates come from a repository and a
// mirror of its own.
func install(w *world, source stack.Source, o stack.AgentOptions) *installation {
	w.t.Helper()
	c, err := ceremony()
	w.must(err)
	repository, err := c.Repository(filepath.Join(w.dir, "repository"))
	w.must(err)
	w.must(repository.Publish())
	mirror, err := zoo.NewMirror(repository.Dir)
	w.must(err)
	w.t.Cleanup(func() { _ = mirror.Close() })
	// Of itself nothing newer is fetched: each test asks when it wants to.
	o.Env = append([]string{"ROLLBRIDGE_UPDATES_URL=" + mirror.URL, "ROLLBRIDGE_UPDATES_HOLD_DAYS=60", limit("")}, o.Env...)
	i := place(w, built(w, packaged, zoo.Good), source, o)
	i.repository, i.mirror = repository, mirror
	return i
}

// limited makes the agent's next processes have other limits.
func (i *installation) limited(other string) {
	i.t.Helper()
	o := i.options
	if other != "" {
		o.Env = append(slices.Clone(o.Env), limit(other))
	}
	var err error
	i.agent, err = stack.NewAgent(stack.Programs{Agent: i.program, Collector: programs.Collector}, filepath.Join(i.dir, "agent"), i.source, o)
	i.must(err)
}

// installed is install for a school that is enrolled and has synced.
func installed(t *testing.T) *installation {
	t.Helper()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	i := install(w, w.source(), stack.AgentOptions{})
	w.sync()
	return i
}

// alone is install where there is no school yet: the agent waits to be enrolled
// and is kept current all the same.
func alone(t *testing.T) *installation {
	t.Helper()
	w := emptyWorld(t, small())
	w.ctx = boundedBy(t, 10*time.Minute)
	w.must(os.Mkdir(w.folder(), 0o755))
	return install(w, stack.Folder("csv", w.folder()), stack.AgentOptions{})
}

func (i *installation) built(version string, kind zoo.Kind) string {
	i.t.Helper()
	return built(i.world, version, kind)
}

func built(w *world, version string, kind zoo.Kind) string {
	w.t.Helper()
	r, err := releases()
	w.must(err)
	path, err := r.Program(w.ctx, version, kind)
	w.must(err)
	return path
}

// link puts a program somewhere without a copy of its bytes: nothing that is
// installed is ever written again.
func (i *installation) link(program, to string) {
	i.t.Helper()
	i.must(os.MkdirAll(filepath.Dir(to), 0o755))
	err := os.Link(program, to)
	if errors.Is(err, syscall.EXDEV) {
		var data []byte
		if data, err = os.ReadFile(program); err == nil {
			err = os.WriteFile(to, data, 0o755)
		}
	}
	i.must(err)
}

// publish releases a version; change corrects what is signed about it.
func (i *installation) publish(version string, kind zoo.Kind, change ...func(*release.Release)) {
	i.t.Helper()
	d := zoo.Describe(version)
	for _, c := range change {
		c(&d)
	}
	i.must(i.repository.Add(i.built(version, kind), d))
	i.must(i.repository.Publish())
}

// stage puts a published version into its slot, as the updater does, and asks
// the supervisor for it.
func (i *installation) stage(version string, kind zoo.Kind) {
	i.t.Helper()
	i.publish(version, kind)
	i.link(i.built(version, kind), i.versions.Program(version))
	i.must(os.MkdirAll(i.versions.Metadata(), 0o755))
	list, err := i.repository.Targets()
	i.must(err)
	for _, name := range []string{filepath.Join(i.versions.Metadata(), slot.Targets), filepath.Join(i.versions.Slot(version), slot.Targets)} {
		i.must(os.WriteFile(name, list, 0o644))
	}
	i.must(i.versions.Wish(slot.Wish{Version: version}))
}

// start runs the supervisor, as the service manager does.
func (i *installation) start() {
	i.t.Helper()
	p, err := i.agent.Supervise(i.ctx)
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
	i.process = p
	i.t.Cleanup(func() { _ = p.Stop() })
}

// state is what the supervisor last wrote.
func (i *installation) state() slot.State {
	i.t.Helper()
	s, err := i.versions.State()
	i.must(err)
	return s
}

// until waits for a state.
func (i *installation) until(what string, is func(slot.State) bool) slot.State {
	i.t.Helper()
	var s slot.State
	err := stack.Await(i.ctx, what, func() (bool, error) {
		var err error
		if s, err = i.versions.State(); err != nil {
			return false, err
		}
		if !is(s) {
			return false, fmt.Errorf("%w: the state is %+v", errNotYet, s)
		}
		return true, nil
	})
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
	return s
}

// inForce waits until a version runs and has served its probation.
func (i *installation) inForce(version string) slot.State {
	i.t.Helper()
	s := i.until(version+" to be in force", func(s slot.State) bool { return s.Candidate == nil && s.Current == version })
	i.runs(version)
	return s
}

// runs waits until the worker is a version, by the file that the kernel says it
// runs, and answers.
func (i *installation) runs(version string) {
	i.t.Helper()
	want := i.versions.Program(version)
	if version == packaged {
		want = i.program
	}
	err := stack.Await(i.ctx, version+" to run", func() (bool, error) {
		err := i.running(i.process.PID(), want)
		return err == nil, err
	})
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
}

// ready waits until a version has told its supervisor that it works.
func (i *installation) ready(version string) {
	i.t.Helper()
	err := stack.Await(i.ctx, version+" to be ready", func() (bool, error) {
		text, err := os.ReadFile(i.agent.LogFile())
		return strings.Contains(string(text), `msg="the worker is ready" version=`+version), err
	})
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
}

// running says whether the one worker of a supervisor is one of these programs,
// and answers.
func (i *installation) running(supervisor int, programs ...string) error {
	workers := childrenOf(supervisor)
	if len(workers) != 1 {
		return errNotYet
	}
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", workers[0]))
	if err != nil || !slices.Contains(programs, path) {
		return fmt.Errorf("%w: the worker is %s", errors.Join(err, errNotYet), path)
	}
	r, err := i.agent.Try(i.ctx, "status", "--json")
	if err != nil || r.Code != 0 {
		return fmt.Errorf("%w: status ended with %d: %s", errors.Join(err, errNotYet), r.Code, r.Stderr)
	}
	return nil
}

func childrenOf(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		text, _ := os.ReadFile(l)
		for field := range strings.FieldsSeq(string(text)) {
			var child int
			if _, err := fmt.Sscan(field, &child); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

func (i *installation) log() string {
	text, err := os.ReadFile(i.agent.LogFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		i.t.Error(err)
	}
	return string(text[max(0, len(text)-8<<10):])
}
