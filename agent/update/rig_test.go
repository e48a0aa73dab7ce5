package update

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// soon is a time near now at which a program may be replaced.
func soon() time.Time { return Window{}.next(time.Now()) }

// later lets time go by, until a program may be replaced.
func (r *rig) later(d time.Duration) { r.now = Window{}.next(r.now.Add(d)) }

// A rig is a repository with a mirror, and an updater of version 1.0.0.
type rig struct {
	t          *testing.T
	ceremony   *zoo.Ceremony
	repository *zoo.Repository
	mirror     *zoo.Mirror
	dir        slot.Dir
	log        bytes.Buffer
	now        time.Time
	options    Options
	updater    *Updater
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: soon()}
	var err error
	r.ceremony, err = zoo.NewCeremony()
	r.must(err)
	r.repository, err = r.ceremony.Repository(filepath.Join(t.TempDir(), "public"))
	r.must(err)
	r.must(r.repository.Publish())
	r.mirror, err = zoo.NewMirror(r.repository.Dir)
	r.must(err)
	t.Cleanup(func() { _ = r.mirror.Close() })
	r.dir = slot.Dir{Path: filepath.Join(t.TempDir(), "versions")}
	r.must(os.Mkdir(r.dir.Path, 0o755))
	r.options = Options{Dir: r.dir, Root: r.ceremony.Root, URL: r.mirror.URL, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Limits: Limits{File: 30 * time.Second, Program: 30 * time.Second, Stall: 10 * time.Second}}
	r.options.Exit.Proxy = "none"
	r.renew()
	return r
}

// renew is another process.
func (r *rig) renew() {
	r.updater = New(r.options)
	r.updater.running, r.updater.now = "1.0.0", func() time.Time { return r.now }
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// publish releases a version of some bytes.
func (r *rig) publish(version string, change ...func(*release.Release)) {
	r.t.Helper()
	d := zoo.Describe(version)
	for _, c := range change {
		c(&d)
	}
	program := filepath.Join(r.t.TempDir(), "program")
	r.must(os.WriteFile(program, bytes.Repeat([]byte("program "+version+"\n"), 5000), 0o755))
	r.must(r.repository.Add(program, d))
	r.must(r.repository.Publish())
}

// fetched is how often a program was asked for.
func (r *rig) fetched() int {
	n := 0
	for _, name := range r.mirror.Asked() {
		if strings.HasPrefix(name, "targets/agent/") {
			n++
		}
	}
	return n
}

// brings lets the updater go on as its loop does, and wants a version.
func (r *rig) brings(version string) Advanced {
	r.t.Helper()
	a, err := r.updater.Advance(r.t.Context(), "")
	if err != nil || a.Version != version {
		r.t.Fatalf("brought %q, %v; want %s; %s", a.Version, err, version, a.Status.Text)
	}
	return a
}

// fails lets it go on and wants a fault of a kind that has every part.
func (r *rig) fails(kind protocol.UpdateProblem, parts ...string) *Fault {
	r.t.Helper()
	a, err := r.updater.Advance(r.t.Context(), "")
	return r.isFault(a.Status, err, kind, parts...)
}

func (r *rig) isFault(st Status, err error, kind protocol.UpdateProblem, parts ...string) *Fault {
	r.t.Helper()
	f, ok := errors.AsType[*Fault](err)
	if !ok || f.Kind != kind {
		r.t.Fatalf("the error is %v (%+v), want a fault of kind %s", err, f, kind)
	}
	for _, part := range parts {
		if !strings.Contains(f.Error(), part) {
			r.t.Errorf("%q does not say %q", f.Error(), part)
		}
	}
	if strings.ContainsAny(f.Error(), "\n\t") || strings.Contains(f.Error(), "/updates") || f.Hint == "" {
		r.t.Errorf("%q is not one sentence without an address that says what to do", f.Error())
	}
	if st.Problem == nil || st.Problem.Kind != kind || !strings.Contains(st.Text, f.Text) {
		r.t.Errorf("the status says %q, %+v", st.Text, st.Problem)
	}
	r.clean()
	return f
}

// clean wants nothing half-written.
func (r *rig) clean() {
	r.t.Helper()
	r.must(filepath.WalkDir(r.dir.Path, func(path string, e fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(e.Name(), unverified) || strings.HasPrefix(e.Name(), ".")) {
			r.t.Errorf("%s is left", path)
		}
		return err
	}))
	// A slot is whole, and keeps the list that it was taken from.
	slots, err := r.dir.Slots()
	r.must(err)
	roots, _, err := kept(r.dir)
	if len(slots) > 0 {
		r.must(err)
	}
	for _, v := range slots {
		list, err := os.ReadFile(filepath.Join(r.dir.Slot(v), slot.Targets))
		r.must(err)
		proof, err := release.Trust(r.ceremony.Root, roots, list)
		r.must(err)
		want, _ := proof.Of(v, runtime.GOOS, runtime.GOARCH)
		r.must(slot.Same(r.dir.Program(v), want))
	}
}
