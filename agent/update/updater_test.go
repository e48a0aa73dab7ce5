package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/e2e/zoo"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

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
