package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/shared/release"
)

// A world is a machine under test: a real versions directory, whose programs are
// files with a text, and workers that are goroutines. The package's own copy is
// version 1.0.0. Most tests live in the time of testing/synctest.
type world struct {
	t     testing.TB
	dir   slot.Dir
	own   string // its version
	log   *slog.Logger
	wrong time.Duration // how much the time of day is off

	updates bool
	limits  limits
	// behave is what a worker of a version does; none is one that works.
	behave map[string]func(*fake)
	floor  string
	asleep time.Duration // how long everything stands still at the next look

	mu       sync.Mutex
	signed   map[string]string // by version: what its program must hold
	began    []string          // versions in the order of their starts, with * on probation
	running  *fake
	acts     int                         // on the disk so far
	fault    func(n int, act string) act // what happens at an act
	breaches []string
}

// An act on the disk goes well, fails, or is where the power goes.
type act int

const (
	goesWell act = iota
	fails
	diesBefore
	diesAfter
)

// powerCut is what a panic carries that ends a supervisor.
type powerCut struct{}

func newWorld(t testing.TB, log *bytes.Buffer) *world {
	if log == nil {
		log = &bytes.Buffer{}
	}
	w := &world{
		t: t, dir: slot.Dir{Path: filepath.Join(t.TempDir(), slot.Name)}, own: "1.0.0", updates: true, limits: released,
		log: slog.New(slog.NewTextHandler(log, nil)), behave: map[string]func(*fake){}, signed: map[string]string{},
	}
	if err := os.Mkdir(w.dir.Path, 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// stage puts a version into its slot, as the updater does.
func (w *world) stage(version string) {
	w.mu.Lock()
	w.signed[version] = "program " + version
	w.mu.Unlock()
	w.put(version, "program "+version)
}

// put writes the program of a version, whatever was signed.
func (w *world) put(version, text string) {
	if err := os.MkdirAll(w.dir.Slot(version), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.dir.Program(version), []byte(text), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) wish(wish slot.Wish) {
	if err := w.dir.Wish(wish); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) state() slot.State {
	s, err := w.dir.State()
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// machine is a supervisor that has just been started.
func (w *world) machine() *keeper {
	return &keeper{tell: func(string) {}, machine: &machine{
		disk: &faultyDisk{Dir: w.dir, w: w}, own: w.dir.Own(), version: w.own, updates: w.updates, limits: w.limits,
		now: w.clock, log: w.log, said: map[string]string{},
		start: w.start, works: func(choice) {}, settle: func() {},
	}}
}

// set changes the world while it runs.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// clock is the time of day.
func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.wrong)
}

// run is one life of the supervisor, which ends in order with ctx, or where the
// power goes. What it has started has ended when it returns.
func (w *world) run(ctx context.Context) (cut bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, is := p.(powerCut); !is {
				panic(p)
			}
			cut = true
			w.mu.Lock()
			f := w.running
			w.mu.Unlock()
			if f != nil {
				f.kill()
				<-f.over
			}
		}
	}()
	w.machine().run(ctx)
	return false
}

// runFor is run for a while.
func (w *world) runFor(d time.Duration) (cut bool) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.run(ctx)
}

// powerFails ends the supervisor after a while without any order.
func (w *world) powerFails(after time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	go func() {
		<-ctx.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		if f := w.running; f != nil {
			f.dark = true
		}
	}()
	old := w.fault
	w.fault = func(n int, what string) act {
		if ctx.Err() != nil {
			return diesBefore
		}
		if old != nil {
			return old(n, what)
		}
		return goesWell
	}
	w.run(ctx)
	w.fault = old
}

// starts are the starts so far, and forgets them.
func (w *world) starts() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	began := w.began
	w.began = nil
	return began
}

// breach notes what must never happen.
func (w *world) breach(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaches = append(w.breaches, fmt.Sprintf(format, args...))
}

// A faultyDisk is the real directory, which fails where the world says so and
// believes what the world has signed.
type faultyDisk struct {
	slot.Dir
	w *world
}

func (d *faultyDisk) act(what string, do func() error) error {
	d.w.mu.Lock()
	d.w.acts++
	n, fault := d.w.acts, d.w.fault
	d.w.mu.Unlock()
	a := goesWell
	if fault != nil {
		a = fault(n, what)
	}
	switch a {
	case fails:
		return errors.New(what + ": no space left on device")
	case diesBefore:
		panic(powerCut{})
	}
	err := do()
	if a == diesAfter {
		panic(powerCut{})
	}
	return err
}

func (d *faultyDisk) Save(s slot.State) error {
	return d.act("save", func() error { return d.Dir.Save(s) })
}

func (d *faultyDisk) MarkServed(v string) error {
	return d.act("mark", func() error { return d.Dir.MarkServed(v) })
}

func (d *faultyDisk) SetAside() error { return d.act("set aside", d.Dir.SetAside) }

func (d *faultyDisk) Remove(v string) error {
	s, err := d.State()
	if err == nil && (v == s.Current && v != d.w.own || s.OnProbation(v)) {
		d.w.breach("version %s is deleted, which the state names: %+v", v, s)
	}
	d.w.mu.Lock()
	if f := d.w.running; f != nil && f.version == v && f.path != d.Own() {
		d.w.breaches = append(d.w.breaches, "version "+v+" is deleted while it runs")
	}
	d.w.mu.Unlock()
	return d.act("remove", func() error { return d.Dir.Remove(v) })
}

func (d *faultyDisk) WishFile() (os.FileInfo, error) {
	d.w.mu.Lock()
	asleep := d.w.asleep
	d.w.asleep = 0
	d.w.mu.Unlock()
	time.Sleep(asleep)
	return d.Dir.WishFile()
}

func (d *faultyDisk) Floor() (string, error) { return d.w.floor, nil }

func (d *faultyDisk) Verify(v string) (release.File, error) {
	d.w.mu.Lock()
	want, known := d.w.signed[v]
	d.w.mu.Unlock()
	if !known {
		return release.File{}, slot.ErrNotReleased
	}
	got, err := os.ReadFile(d.Program(v))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return release.File{}, slot.ErrVanished
	case err != nil:
		return release.File{}, err
	case string(got) != want:
		return release.File{}, slot.ErrAltered
	}
	return release.File{}, nil
}

// A fake is a worker.
type fake struct {
	version, path string
	lines         chan string
	stopped       chan struct{} // its input has ended
	killed        chan struct{}
	gone          chan struct{} // nobody listens any more
	over          chan struct{}
	once, killing sync.Once
	mu            sync.Mutex
	wrote         int64
	dark          bool // the power has gone: it does nothing more
}

func (f *fake) kill() { f.killing.Do(func() { close(f.killed) }) }

func (f *fake) say(line string) {
	select {
	case f.lines <- line:
	case <-f.gone:
	case <-f.killed:
	}
}

// works is a good worker for a while, which then ends by itself with a code; a
// day and a half of it is for ever.
func (f *fake) works(during time.Duration, code int) error {
	f.say(Ready)
	f.say(Alive)
	f.say(Checked)
	return f.goesOn(during, code)
}

func (f *fake) goesOn(during time.Duration, code int) error {
	end := time.NewTimer(during)
	defer end.Stop()
	alive := time.NewTicker(released.beat)
	defer alive.Stop()
	for n := 0; ; {
		select {
		case <-f.stopped:
			return nil
		case <-f.killed:
			return nil
		case <-end.C:
			return fmt.Errorf("it ended by itself with %d", code)
		case <-alive.C:
			f.say(Alive)
			if n++; n%60 == 0 {
				f.say(Checked)
			}
		}
	}
}

// hangs does nothing more, and does not hear that it is to stop.
func (f *fake) hangs() { <-f.killed }

const forever = 10000 * time.Hour

// start is what the system does.
func (w *world) start(program string, _ bool) (*process, error) {
	text, err := os.ReadFile(program)
	version := w.own
	if program != w.dir.Own() {
		if err != nil {
			return nil, err
		}
		version = filepath.Base(filepath.Dir(program))
		w.mu.Lock()
		if string(text) != w.signed[version] {
			w.breaches = append(w.breaches, "version "+version+" is started although it is not what was signed")
		}
		w.mu.Unlock()
	}
	f := &fake{version: version, path: program, lines: make(chan string), stopped: make(chan struct{}), killed: make(chan struct{}), gone: make(chan struct{}), over: make(chan struct{})}
	s, _ := w.dir.State()
	name := version
	if s.OnProbation(version) {
		name += "*"
	}
	w.mu.Lock()
	if w.running != nil {
		w.breaches = append(w.breaches, "two workers run")
	}
	w.began = append(w.began, name)
	w.running = f
	behave := w.behave[version]
	w.mu.Unlock()
	ended := make(chan error, 1)
	go func() {
		err := errors.New("it ended by itself with 0")
		if behave != nil {
			behave(f)
		} else if worked := f.works(forever, 0); worked != nil {
			err = worked
		}
		w.mu.Lock()
		w.running = nil
		w.mu.Unlock()
		close(f.over)
		ended <- err
	}()
	return &process{pid: 1, lines: f.lines, ended: ended,
		written: func() int64 { f.mu.Lock(); defer f.mu.Unlock(); return f.wrote },
		stop:    func() { f.once.Do(func() { close(f.stopped) }) },
		kill:    f.kill,
		close:   func() { close(f.gone) },
	}, nil
}

// is checks what is in force, on probation and skipped.
func (w *world) is(current, candidate string, skipped ...string) {
	w.t.Helper()
	s := w.state()
	got := ""
	if s.Candidate != nil {
		got = s.Candidate.Version
	}
	var skips []string
	for _, k := range s.Skipped {
		skips = append(skips, k.Version+" "+string(k.Reason))
	}
	if s.Current != current || got != candidate || !slices.Equal(skips, skipped) {
		w.t.Errorf("in force is %q, on probation %q, skipped %q; want %q, %q, %q", s.Current, got, skips, current, candidate, skipped)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.breaches {
		w.t.Error(b)
	}
}

// began checks which programs were started.
func (w *world) started(want ...string) {
	w.t.Helper()
	if got := w.starts(); !slices.Equal(got, want) {
		w.t.Errorf("started were %q, want %q", got, want)
	}
}
