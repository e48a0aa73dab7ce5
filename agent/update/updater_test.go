package update

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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

func TestBringsARelease(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	a := r.brings("1.1.0")
	if a.Wish == nil || a.Wish.Version != "1.1.0" || a.Wish.Insist {
		t.Errorf("the wish is %+v", a.Wish)
	}
	r.must(r.updater.Ask(*a.Wish))
	w, there, err := r.dir.Wished()
	if err != nil || !there || w != *a.Wish {
		t.Errorf("asked %+v, %v, %v", w, there, err)
	}
	got, err := os.ReadFile(r.dir.Program("1.1.0"))
	if err != nil || !bytes.HasPrefix(got, []byte("program 1.1.0\n")) {
		t.Errorf("the slot holds %.20q, %v", got, err)
	}
	r.clean()
	// It is there, and is not fetched again; nor is the list of releases.
	before := len(r.mirror.Asked())
	r.brings("1.1.0")
	if n := r.fetched(); n != 1 {
		t.Errorf("the program was fetched %d times", n)
	}
	if again := r.mirror.Asked()[before:]; slices.ContainsFunc(again, func(name string) bool { return strings.HasSuffix(name, ".targets.json") }) {
		t.Errorf("the second check asked for %v", again)
	}
	if st := r.updater.Status(); st.Wait != protocol.UpdateWaitSupervise || !st.Offered.Staged {
		t.Errorf("the status is %+v", st)
	}
}

func TestCheckFetchesNothing(t *testing.T) {
	r := newRig(t)
	st, err := r.updater.Check(t.Context(), "")
	if err != nil || st.Offered != nil || st.Text != "version 1.0.0 runs, and is the newest for this computer" {
		t.Errorf("%+v, %v", st, err)
	}
	r.publish("1.1.0", func(d *release.Release) { d.Security, d.Notes, d.Data = true, "mends a hole", strings.Repeat("a", 64) })
	st, err = r.updater.Check(t.Context(), "")
	if err != nil || st.Offered == nil || st.Offered.Version != "1.1.0" || !st.Offered.Security || !st.Offered.Scope || st.Wait != protocol.UpdateWaitDownload {
		t.Errorf("%+v, %v", st, err)
	}
	for _, part := range []string{"a security fix", "scope accept"} {
		if !strings.Contains(st.Text, part) {
			t.Errorf("%q does not say %q", st.Text, part)
		}
	}
	if r.fetched() != 0 {
		t.Error("a check fetched a program")
	}
}

// What the repository may do wrong is one sentence each, and the next check, when
// it is mended, works.
func TestBrokenRepositories(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(*rig)
		kind  protocol.UpdateProblem
		part  string
	}{
		{"one signature short", func(r *rig) { r.repository.Slip.Short = true; r.must(r.repository.Publish()) }, protocol.UpdateSignature, "not signed by enough"},
		{"signed by others", func(r *rig) { r.repository.Slip.Forged = true; r.must(r.repository.Publish()) }, protocol.UpdateSignature, "not signed by enough"},
		{"expired timestamp", func(r *rig) { r.repository.Slip.Expired = true; r.must(r.repository.Publish()) }, protocol.UpdateExpired, "past their time"},
		{"403 for everything", func(r *rig) { r.mirror.Feel(zoo.Closed) }, protocol.UpdateRefused, "HTTP 403"},
		{"500 for everything", func(r *rig) { r.mirror.Feel(zoo.Fails) }, protocol.UpdateUnreachable, "HTTP 500"},
		{"a block page", func(r *rig) { r.mirror.Feel(zoo.Blocks) }, protocol.UpdateNotMetadata, "a page of something else"},
		{"an empty directory", func(r *rig) { r.mirror.Serve(t.TempDir()) }, protocol.UpdateRefused, "no repository of updates"},
		{"nobody there", func(r *rig) { r.options.URL = "http://127.0.0.1:1/"; r.renew() }, protocol.UpdateUnreachable, "refused the connection"},
		{"metadata of another kind", func(r *rig) { r.swap("timestamp.json", "1.root.json") }, protocol.UpdateOther, "cannot be used"},
		{"JSON that is none", func(r *rig) { r.write("timestamp.json", "{") }, protocol.UpdateNotMetadata, ""},
		{"JSON of null", func(r *rig) { r.write("timestamp.json", `{"signatures":[],"signed":null}`) }, "", ""},
		{"a flipped bit", func(r *rig) { r.flip("timestamp.json") }, "", ""},
		{"too large", func(r *rig) { r.write("timestamp.json", "{"+strings.Repeat(" ", maxTimestamp)) }, protocol.UpdateTooLarge, "larger than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			whole := filepath.Join(t.TempDir(), "whole")
			r.must(r.repository.Copy(whole))
			c.spoil(r)
			a, err := r.updater.Advance(t.Context(), "")
			f, ok := errors.AsType[*Fault](err)
			if !ok {
				t.Fatalf("the error is %v", err)
			}
			kind := c.kind
			if kind == "" {
				kind = f.Kind
			}
			r.isFault(a.Status, err, kind, c.part)
			if r.fetched() != 0 {
				t.Error("a program was fetched")
			}
			// Mended, by whatever came of it.
			r.mirror.Feel(zoo.Fine)
			r.mirror.Serve(whole)
			r.options.URL = r.mirror.URL
			r.renew()
			r.brings("1.1.0")
			if st := r.updater.Status(); st.Problem != nil {
				t.Errorf("the problem is still there: %+v", st.Problem)
			}
		})
	}
}

func (r *rig) write(name, text string) {
	r.must(os.WriteFile(filepath.Join(r.repository.Dir, name), []byte(text), 0o644))
}

func (r *rig) swap(name, other string) {
	data, err := os.ReadFile(filepath.Join(r.repository.Dir, other))
	r.must(err)
	r.write(name, string(data))
}

func (r *rig) flip(name string) {
	data, err := os.ReadFile(filepath.Join(r.repository.Dir, name))
	r.must(err)
	at := bytes.Index(data, []byte(`"sig"`)) + 10
	data[at] = map[bool]byte{true: '1', false: '0'}[data[at] == '0']
	r.write(name, string(data))
}

// Stores of objects answer 403 for what is not there: that is the end of the
// roots, and nothing else.
func TestForbiddenMeansMissing(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.mirror.Feel(zoo.Forbids)
	r.brings("1.1.0")
}

// A program that comes broken is tried three times, then a day later, also after a
// restart, and a person may try again at once.
func TestBrokenPrograms(t *testing.T) {
	cases := []struct {
		name string
		mood zoo.Mood
		kind protocol.UpdateProblem
		part string
	}{
		{"truncated", zoo.Truncates, protocol.UpdateAltered, "not whole"},
		{"a flipped bit", zoo.Flips, protocol.UpdateAltered, "not the program that was signed"},
		{"cut off", zoo.CutsOff, protocol.UpdateUnreachable, "broke"},
		{"stalled", zoo.Holds, protocol.UpdateTooSlow, "in time"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			r.mirror.Feel(c.mood)
			if c.mood == zoo.Holds {
				r.options.Limits.Stall = time.Second
				r.renew()
			}
			for range 3 {
				r.fails(c.kind, c.part)
				r.later(time.Hour)
			}
			for range 5 {
				r.renew()
				r.fails(c.kind, "in 3 tries", c.part, "tried again on")
			}
			if n := r.fetched(); n != 3 {
				t.Fatalf("it was fetched %d times", n)
			}
			_, err := r.updater.Advance(t.Context(), AskedNewest)
			if n := r.fetched(); err == nil || n != 4 {
				t.Errorf("a person asked: %v, fetched %d times", err, n)
			}
			r.later(25 * time.Hour)
			r.fails(c.kind, c.part)
			if n := r.fetched(); n != 5 {
				t.Errorf("after a day it was fetched %d times in all", n)
			}
			r.mirror.Feel(zoo.Fine)
			// Another version is not held back by this one.
			r.publish("1.1.1")
			r.brings("1.1.1")
		})
	}
}

// The clock of the school decides about days, not for ever.
func TestBrokenProgramAndClocks(t *testing.T) {
	for _, shift := range []time.Duration{-365 * 24 * time.Hour, -24 * time.Hour, 48 * time.Hour} {
		r := newRig(t)
		r.publish("1.1.0", func(d *release.Release) { d.Published = d.Published.AddDate(-2, 0, 0) })
		r.mirror.Feel(zoo.Flips)
		for range 3 {
			r.fails(protocol.UpdateAltered)
		}
		r.later(shift)
		r.mirror.Feel(zoo.Fine)
		r.brings("1.1.0")
	}
}

// A clock that is wrong stops updates at most, and is named.
func TestWrongClocks(t *testing.T) {
	for _, c := range []struct {
		shift time.Duration
		kind  protocol.UpdateProblem
		part  string
	}{
		{24 * time.Hour, "", ""}, {-24 * time.Hour, "", ""}, {-365 * 24 * time.Hour, "", ""},
		{365 * 24 * time.Hour, protocol.UpdateClock, "set the clock of this computer right"},
	} {
		r := newRig(t)
		r.publish("1.1.0", func(d *release.Release) { d.Published = d.Published.AddDate(-2, 0, 0) })
		r.later(c.shift)
		if c.kind == "" {
			if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered == nil {
				t.Errorf("%s: %+v, %v", c.shift, st, err)
			}
			continue
		}
		r.fails(c.kind, c.part)
		r.later(-c.shift)
		if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered == nil {
			t.Errorf("the clock is right again: %+v, %v", st, err)
		}
	}
}

// A mirror that lags is nothing new, for a day; after that it is told. What it
// showed later counts, also when the memory is lost.
func TestOlderIsNothingNew(t *testing.T) {
	for name, lose := range map[string]func(*rig){
		"remembered":         func(*rig) {},
		"the memory is lost": func(r *rig) { r.must(os.Remove(filepath.Join(r.dir.Path, memoryFile))) },
		"it is zeroed":       func(r *rig) { r.must(os.WriteFile(filepath.Join(r.dir.Path, memoryFile), make([]byte, 500), 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			old := filepath.Join(t.TempDir(), "old")
			r.must(r.repository.Copy(old))
			r.publish("1.2.0")
			if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered.Version != "1.2.0" {
				t.Fatalf("%+v, %v", st, err)
			}
			lose(r)
			r.mirror.Serve(old)
			for range 3 {
				a, err := r.updater.Advance(t.Context(), "")
				if name == "remembered" && (err != nil || a.Version != "" || a.Status.Problem != nil) {
					t.Fatalf("%+v, %v", a, err)
				}
				if a.Version == "1.1.0" || r.fetched() != 0 {
					t.Fatal("an older list was believed")
				}
				r.later(time.Hour)
			}
			if name != "remembered" {
				return
			}
			r.later(25 * time.Hour)
			r.fails(protocol.UpdateOld, "more than a day")
			r.mirror.Serve(r.repository.Dir)
			r.brings("1.2.0")
		})
	}
}

// Roots follow one another, and every one is kept: whoever knows only the first
// must be able to walk.
func TestRoots(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.brings("1.1.0")
	for _, role := range []string{"root", "targets", "timestamp", "snapshot"} {
		r.must(r.repository.Rotate(role))
	}
	r.must(r.repository.Publish())
	r.publish("1.2.0")
	r.brings("1.2.0")
	for _, name := range []string{"2.root.json", "3.root.json", "4.root.json", "5.root.json"} {
		if _, err := os.Stat(filepath.Join(r.dir.Metadata(), name)); err != nil {
			t.Error(err)
		}
	}
	// A program built with the last root brings what older supervisors need.
	r.must(os.RemoveAll(r.dir.Metadata()))
	last, err := os.ReadFile(filepath.Join(r.repository.Dir, "5.root.json"))
	r.must(err)
	r.options.Root = last
	r.renew()
	r.brings("1.2.0")
	roots, targets, err := kept(r.dir)
	r.must(err)
	if _, err := release.Trust(r.ceremony.Root, roots, targets); err != nil {
		t.Errorf("the first root does not lead to the list: %v", err)
	}
	// Nobody can go back to where a key that was taken away still counted.
	r.options.Root = r.ceremony.Root
	r.renew()
	thief := filepath.Join(t.TempDir(), "thief")
	r.must(r.repository.Copy(thief))
	for _, name := range []string{"5.root.json", "4.root.json", "3.root.json", "2.root.json"} {
		r.must(os.Remove(filepath.Join(thief, name)))
	}
	r.mirror.Serve(thief)
	if a, err := r.updater.Advance(t.Context(), ""); err == nil && a.Version != "" {
		t.Errorf("brought %s by an old root", a.Version)
	}
}

// Kept metadata that are damaged are fetched again.
func TestDamagedKeptMetadata(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.brings("1.1.0")
	list := filepath.Join(r.dir.Metadata(), slot.Targets)
	data, err := os.ReadFile(list)
	r.must(err)
	for name, damaged := range map[string][]byte{
		"empty": {}, "zeroed": make([]byte, len(data)), "cut off": data[:len(data)/2],
		"a signature": bytes.Replace(data, []byte(`"sig": "`), []byte(`"sig": "00`), 1),
	} {
		r.must(os.WriteFile(list, damaged, 0o600))
		r.brings("1.1.0")
		if now, err := os.ReadFile(list); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%s: it is not mended: %v", name, err)
		}
	}
}

// While the school is paused not a byte is sent, and what is under way is broken
// off.
func TestSilence(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	quiet := true
	r.options.Silent = func() bool { return quiet }
	r.renew()
	if _, err := r.updater.Advance(t.Context(), AskedNewest); !errors.Is(err, ErrSilent) {
		t.Errorf("paused: %v", err)
	}
	if asked := r.mirror.Asked(); len(asked) > 0 {
		t.Errorf("paused, and asked for %v", asked)
	}
	// The pause comes while a program is being fetched.
	asks := 0
	r.options.Silent = func() bool { asks++; return asks > 1 }
	r.options.Limits = DefaultLimits
	r.renew()
	r.mirror.Feel(zoo.Holds)
	if _, err := r.updater.Advance(t.Context(), ""); !errors.Is(err, ErrSilent) {
		t.Errorf("paused in the middle: %v", err)
	}
	r.clean()
	if m, _ := recall(r.dir); len(m.Fetches) > 0 || m.Problem != nil {
		t.Errorf("a pause counts as a failure: %+v", m)
	}
}

func TestOff(t *testing.T) {
	r := newRig(t)
	for want, change := range map[protocol.UpdateOff]func(*Options){
		protocol.UpdateOffBuild:   func(o *Options) { o.Root = nil },
		protocol.UpdateOffPlace:   func(o *Options) { o.Dir.Path += "-not" },
		protocol.UpdateOffSetting: func(o *Options) { o.Off = true },
		protocol.UpdateOffAddress: func(o *Options) { o.URL = "" },
	} {
		o := r.options
		change(&o)
		u := New(o)
		st, err := u.Check(t.Context(), "")
		if !errors.Is(err, ErrOff) || st.Off != want || st.Text == "" {
			t.Errorf("%s: %+v, %v", want, st, err)
		}
	}
	if asked := r.mirror.Asked(); len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
}

// Where nothing else is said the collector is asked, and remembered for when the
// school cannot say where it is.
func TestAsksTheCollector(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	collector := strings.TrimSuffix(r.mirror.URL, "/updates/")
	r.options.URL, r.options.Collector = "", func() (string, []byte) { return collector, nil }
	r.renew()
	r.brings("1.1.0")
	r.options.Collector = func() (string, []byte) { return "", nil }
	r.renew()
	r.brings("1.1.0")
	r.options.BuiltIn = "http://127.0.0.1:1/"
	r.renew()
	r.fails(protocol.UpdateUnreachable) // what is stamped in comes first
}

// The versions directory is looked at before anything is asked for.
func TestNoRoom(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.updater.stage.room = func(string) (int64, error) { return spare, nil }
	r.fails(protocol.UpdateDiskFull, "no room", "make room")
	if r.fetched() != 0 {
		t.Error("a program was fetched without room for it")
	}
	r.updater.stage.room = room
	r.brings("1.1.0")
}

// Whatever fails at each act on the disk leaves nothing half-written, and the next
// try works.
func TestEveryActOnTheDisk(t *testing.T) {
	var acts []string
	r := newRig(t)
	r.publish("1.1.0")
	r.updater.stage.step = func(what string) error { acts = append(acts, what); return nil }
	r.brings("1.1.0")
	if len(acts) < 8 {
		t.Fatalf("the acts are %v", acts)
	}
	for i, act := range acts {
		t.Run(act, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			n := 0
			r.updater.stage.step = func(string) error {
				if n++; n == i+1 {
					return errFull
				}
				return nil
			}
			r.fails(protocol.UpdateDiskFull, "make room")
			if slots, _ := r.dir.Slots(); len(slots) > 0 {
				t.Errorf("the slots %v are there", slots)
			}
			r.brings("1.1.0")
			r.clean()
		})
	}
}

// A slot that is there and is not what was signed is written anew.
func TestWritesADamagedSlotAnew(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.brings("1.1.0")
	r.must(os.WriteFile(r.dir.Program("1.1.0"), []byte("planted"), 0o755))
	r.brings("1.1.0")
	if data, err := os.ReadFile(r.dir.Program("1.1.0")); err != nil || !bytes.HasPrefix(data, []byte("program 1.1.0")) {
		t.Errorf("%.20q, %v", data, err)
	}
	r.clean()
}

// What the supervisor has found counts.
func TestHeedsTheSupervisor(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.must(r.dir.Save(slot.State{Current: "1.0.0", Skipped: []slot.Skip{{Version: "1.1.0", Reason: slot.NotReady, Since: r.now.Add(-time.Hour)}}}))
	a, err := r.updater.Advance(t.Context(), "")
	if err != nil || a.Version != "" || a.Status.Wait != protocol.UpdateWaitSkipped || !strings.Contains(a.Status.Text, "not ready in time") {
		t.Errorf("%+v, %v", a, err)
	}
	report := r.updater.Report()
	if report.Waiting != protocol.UpdateWaitSkipped || len(report.Skipped) != 1 || report.Skipped[0].Reason != "not_ready" {
		t.Errorf("the check-in says %+v", report)
	}
	a, err = r.updater.Advance(t.Context(), "1.1.0")
	if err != nil || a.Version != "1.1.0" || a.Wish == nil || !a.Wish.Insist {
		t.Errorf("asked by name: %+v, %v", a, err)
	}
}

// Somebody is told once of what people must sign anew, at each threshold, and once
// that nothing could be looked for.
func TestTells(t *testing.T) {
	r := newRig(t)
	m := memory{RootEnds: r.now.AddDate(0, 0, 100), TargetsEnds: r.now.AddDate(0, 0, 100)}
	count := func(id string) int { return strings.Count(r.log.String(), id) }
	for range 101 {
		r.updater.warn(&m, r.now)
		r.now = r.now.AddDate(0, 0, 1)
	}
	if n := count("event=4130"); n != 3 {
		t.Errorf("told %d times that metadata end", n)
	}
	m.TargetsEnds, m.RootEnds = r.now.AddDate(0, 0, 20), r.now.AddDate(1, 0, 0)
	m.Told = 0
	r.updater.warn(&m, r.now)
	if n := count("event=4130"); n != 4 {
		t.Errorf("told %d times that metadata end", n)
	}
	r.mirror.Feel(zoo.Closed)
	for range 20 {
		r.fails(protocol.UpdateRefused)
		r.now = r.now.AddDate(0, 0, 1)
	}
	if n := count("event=4131"); n != 1 {
		t.Errorf("told %d times that nothing could be looked for", n)
	}
}

func TestBack(t *testing.T) {
	r := newRig(t)
	if _, _, err := r.updater.Back(); !errors.Is(err, ErrNoPrevious) {
		t.Errorf("nothing before: %v", err)
	}
	r.must(r.dir.Save(slot.State{Current: "1.0.0", Previous: []slot.Past{{Version: "0.9.0"}}}))
	id, to, err := r.updater.Back()
	w, _, wishErr := r.dir.Wished()
	if err != nil || wishErr != nil || to != "0.9.0" || w.ID != id || !w.Back || w.From != "1.0.0" {
		t.Errorf("%s, %v, %+v, %v", to, err, w, wishErr)
	}
}

// The loop says that it turns, asks the supervisor, and ends with its context.
func TestRun(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	ctx, cancel := context.WithCancel(t.Context())
	turned, wished, done := make(chan bool, 10), make(chan bool, 10), make(chan bool)
	go func() {
		r.updater.Run(ctx, Loop{Turned: func() { turned <- true }, Wished: func() { wished <- true }})
		close(done)
	}()
	<-wished
	<-turned
	cancel()
	<-done
	if w, there, err := r.dir.Wished(); err != nil || !there || w.Version != "1.1.0" {
		t.Errorf("%+v, %v", w, err)
	}
}
