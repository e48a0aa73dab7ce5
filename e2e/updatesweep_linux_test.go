package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"rollbridge/agent/slot"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/zoo"
)

// A swept is one way of the supervisor from a state to another, which is cut at
// each of its acts.
type swept struct {
	name string
	// begin makes the state from which it goes.
	begin func(*installation)
	// done says that it has arrived.
	done func(slot.State) bool
	// runs is the version that must then run.
	runs string
}

// committed is where 1.1.0 is in force after one before it.
func committed(i *installation) {
	i.stage("1.1.0", zoo.Good)
	i.must(os.Remove(filepath.Join(i.versions.Path, "wish.json")))
	i.must(i.versions.MarkServed("1.1.0"))
	i.must(i.versions.Save(slot.State{Current: "1.1.0", Running: "1.1.0"}))
}

func ways() []swept {
	is := func(version string) func(slot.State) bool {
		return func(s slot.State) bool { return s.Current == version && s.Candidate == nil && s.Running == version }
	}
	return []swept{
		{
			name: "to a good version", runs: "1.1.0",
			begin: func(i *installation) { i.stage("1.1.0", zoo.Good) },
			done:  is("1.1.0"),
		},
		{
			name: "to a bad version and back", runs: "1.1.0",
			begin: func(i *installation) {
				committed(i)
				i.stage("1.2.0", zoo.Exits)
			},
			done: func(s slot.State) bool { return is("1.1.0")(s) && skippedFor(s, "1.2.0") == slot.Ended },
		},
	}
}

// skippedFor is why a version is not tried again, "" where it may be.
func skippedFor(s slot.State, version string) slot.Reason {
	for _, k := range s.Skipped {
		if k.Version == version {
			return k.Reason
		}
	}
	return ""
}

func (s swept) from(t *testing.T) *installation {
	t.Helper()
	i := alone(t)
	i.limited("probation=300ms")
	s.begin(i)
	return i
}

// acts are those of the supervisor on a way that nobody disturbs.
func (s swept) acts(t *testing.T) []fault.Act {
	t.Helper()
	i := s.from(t)
	c := fault.Cut{Below: i.versions.Path}
	i.cut(&c, s.done)
	return i.written(c.Acts())
}

// written checks that whatever gets its name is on disk before, and its name
// after: a cut keeps what the system holds in memory, and cannot show that. It
// returns the acts at which a sweep cuts.
func (i *installation) written(acts []fault.Act) (cuts []fault.Act) {
	i.t.Helper()
	for n := range acts {
		acts[n].Path = strings.TrimPrefix(acts[n].Path, i.versions.Path)
		if changes(acts[n]) {
			cuts = append(cuts, acts[n])
		}
	}
	if lost := unsynced(acts); len(lost) > 0 {
		i.t.Errorf("not on disk: %q", lost)
	}
	if len(unsynced(cuts)) == 0 {
		i.t.Error("the check does not notice that the syncs are missing")
	}
	return cuts
}

// unsynced are what a power cut could lose although it has its name.
func unsynced(acts []fault.Act) (lost []string) {
	files, names := map[string]bool{}, map[string]bool{}
	for _, a := range acts {
		dir := strings.TrimSuffix(filepath.Dir(a.Path), "/")
		switch a.Name {
		case "write":
			files[dir] = true
		case "fsync":
			delete(files, dir)
			delete(names, a.Path)
		case "rename to":
			if files[dir] {
				lost = append(lost, a.Path)
			}
			names[dir] = true
		}
	}
	return append(lost, slices.Collect(maps.Keys(names))...)
}

// changes leaves out what a cut before and a cut after cannot tell apart.
func changes(a fault.Act) bool { return a.Name != "chmod" && a.Name != "fsync" }

// takesSpace says whether an act can fail because the disk is full.
func takesSpace(a fault.Act) bool {
	return a.Name == "create" || a.Name == "write" || a.Name == "mkdir"
}

// cut runs the supervisor until the cut or until a state, and ends it in order
// if there was no cut.
func (i *installation) cut(c *fault.Cut, done func(slot.State) bool) {
	i.t.Helper()
	i.must(c.Start(i.agent.LogFile(), append(stack.Environment(), i.agent.Env()...), i.program, "supervise"))
	i.t.Cleanup(c.Kill)
	err := stack.Await(i.ctx, "the cut or the end of the way", func() (bool, error) {
		select {
		case <-c.Exited():
			return true, nil
		default:
		}
		s, err := i.versions.State()
		if err != nil || !done(s) {
			return false, fmt.Errorf("%w: %v, the state is %+v", errNotYet, err, s)
		}
		return true, nil
	})
	if err != nil {
		i.t.Fatalf("%v\n%s", err, i.log())
	}
	c.Stop()
	i.must(c.Err())
}

// TestUpdateKillSweep cuts the supervisor and its worker off before every act
// by which it changes what is on disk. After each the state is whole, the agent
// comes back by itself, and arrives where it would have arrived.
func TestUpdateKillSweep(t *testing.T) {
	t.Parallel()
	for _, s := range ways() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			acts := s.acts(t)
			t.Logf("%d acts: %q", len(acts), acts)
			if len(acts) < 10 || !slices.ContainsFunc(acts, func(a fault.Act) bool { return a.Name == "rename to" && a.Path == "/state.json" }) {
				t.Fatal("these cannot be all")
			}
			for at := range len(acts) {
				t.Run(fmt.Sprint(at+1), func(t *testing.T) {
					t.Parallel()
					i := s.from(t)
					c := fault.Cut{Below: i.versions.Path, At: at + 1, Counts: changes}
					i.cut(&c, s.done)
					if did := c.Acts(); c.Fell() && len(did) != at+1 {
						t.Errorf("the cut came before act %d", len(did))
					}
					if _, err := i.versions.State(); err != nil {
						t.Errorf("after a cut before %s: %v", acts[at], err)
					}
					i.start()
					i.until("the way to go on after a cut before "+acts[at].String(), s.done)
					i.runs(s.runs)
				})
			}
		})
	}
}

// TestUpdateDiskFullSweep lets the supervisor's disk be full from each of those
// acts on: some good version runs all the same, and where there is space again
// it arrives.
func TestUpdateDiskFullSweep(t *testing.T) {
	t.Parallel()
	s := ways()[0]
	acts := s.acts(t)
	for at := range len(acts) {
		if !takesSpace(acts[at]) {
			continue
		}
		t.Run(fmt.Sprint(at+1), func(t *testing.T) {
			t.Parallel()
			i := s.from(t)
			c := fault.Cut{Below: i.versions.Path, At: at + 1, Counts: changes, Fail: syscall.ENOSPC}
			i.must(c.Start(i.agent.LogFile(), append(stack.Environment(), i.agent.Env()...), i.program, "supervise"))
			i.t.Cleanup(c.Kill)
			i.must(stack.Await(i.ctx, "a good version to run on a full disk", func() (bool, error) {
				err := i.running(c.PID(), i.program, i.versions.Program("1.1.0"))
				return err == nil, err
			}))
			c.Stop()
			i.must(c.Err())
			if _, err := i.versions.State(); err != nil {
				t.Errorf("after a full disk at %s: %v", acts[at], err)
			}
			i.start()
			i.until("the way to go on once there is space", s.done)
			i.runs(s.runs)
			i.nothingUnfinished()
		})
	}
}

// nothingUnfinished looks for what a write left on its way.
func (i *installation) nothingUnfinished() {
	i.t.Helper()
	for _, pattern := range []string{".new-*", "*/.new-*", "*.unverified", "*/*.unverified"} {
		left, err := filepath.Glob(filepath.Join(i.versions.Path, pattern))
		i.must(err)
		if len(left) > 0 {
			i.t.Errorf("%q is left", left)
		}
	}
}

// fetch is `update apply` where no service runs, followed.
func (i *installation) fetch(c *fault.Cut) {
	i.t.Helper()
	c.Below = i.versions.Path
	i.must(c.Start(i.agent.LogFile(), append(stack.Environment(), i.agent.Env()...), i.program, "update", "apply", "--json"))
	i.t.Cleanup(c.Kill)
	select {
	case <-c.Exited():
	case <-i.ctx.Done():
		i.t.Fatalf("`update apply` does not end\n%s", i.log())
	}
	i.must(c.Err())
}

// TestUpdateFetchSweep cuts the updater off before each of its acts on disk, or
// lets the disk be full from there on: nothing that is not whole is started, and
// the next try brings the version.
func TestUpdateFetchSweep(t *testing.T) {
	t.Parallel()
	whole := alone(t)
	whole.publish("1.1.0", zoo.Good)
	var c fault.Cut
	whole.fetch(&c)
	acts := whole.written(c.Acts())
	t.Logf("%d acts: %q", len(acts), acts)
	for _, file := range []string{"/metadata/targets.json", "/update.json", "/1.1.0", "/wish.json"} {
		if !slices.ContainsFunc(acts, func(a fault.Act) bool { return a.Name == "rename to" && a.Path == file }) {
			t.Fatalf("%s is not put in its place", file)
		}
	}
	for _, end := range []struct {
		name string
		fail syscall.Errno
	}{{"cut", 0}, {"full", syscall.ENOSPC}} {
		for at := range len(acts) {
			if end.fail != 0 && !takesSpace(acts[at]) {
				continue
			}
			t.Run(fmt.Sprint(end.name, at+1), func(t *testing.T) {
				t.Parallel()
				i := alone(t)
				i.limited("probation=300ms")
				i.publish("1.1.0", zoo.Good)
				c := fault.Cut{At: at + 1, Counts: changes, Fail: end.fail}
				i.fetch(&c)
				if !c.Fell() || end.fail == 0 && c.Code() != -1 {
					t.Errorf("the program ended with %d, and the cut came: %t", c.Code(), c.Fell())
				}
				if end.fail != 0 {
					// What could still be written says that there is no space, or that all is well.
					if text := i.log(); c.Code() != 0 && !strings.Contains(text, "space") && !strings.Contains(text, "full") {
						t.Errorf("on a full disk from %s it ended with %d and said:\n%s", acts[at], c.Code(), text)
					}
					i.nothingUnfinished()
				}
				// What is in the slot is the whole program or not taken for it.
				if _, err := i.versions.State(); err != nil {
					t.Error(err)
				}
				i.start()
				// It is refused where the first try came so far that the version runs.
				r, err := i.agent.Try(i.ctx, "update", "apply", "1.1.0")
				i.must(err)
				if r.Code != 0 {
					t.Logf("after %s asking again ended with %d: %s", acts[at], r.Code, r.Stderr)
				}
				i.inForce("1.1.0")
			})
		}
	}
}
