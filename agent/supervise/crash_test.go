package supervise

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollbridge/agent/slot"
)

// story is a life with two good versions, a bad one, a step back and one more
// version, in which everything is written that is ever written. It goes on from
// wherever the last supervisor was cut off.
func (w *world) story() {
	for _, v := range []string{"1.1.0", "1.2.0", "1.3.0", "1.4.0"} {
		if _, err := os.Stat(w.dir.Slot(v)); err != nil {
			w.stage(v)
		}
	}
	w.behave["1.3.0"] = func(f *fake) { _ = f.works(time.Minute, 1) }
	for _, wish := range []slot.Wish{{Version: "1.1.0"}, {Version: "1.2.0"}, {Version: "1.3.0"}, {Back: true, From: "1.2.0"}, {Version: "1.4.0"}} {
		w.wish(wish)
		for range 2 {
			w.runFor(11 * time.Minute)
		}
	}
}

// At every write of a whole story the disk fails, for once or from then on, or
// the power goes, before or after it. Whatever had been reached then: something
// good runs after it, nothing was started that may not be, and the story can go
// on to its end.
func TestEveryWrite(t *testing.T) {
	count := 0
	inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
		w.limits.look = time.Minute
		w.story()
		w.is("1.4.0", "", "1.3.0 crashed", "1.2.0 asked")
		count = w.acts
	})
	if count < 20 {
		t.Fatalf("the story writes only %d times", count)
	}
	t.Logf("%d writes", count)
	for at := 1; at <= count; at++ {
		for name, fault := range map[string]func(n int) act{
			"fails once":            func(n int) act { return map[bool]act{true: fails}[n == at] },
			"fails from then on":    func(n int) act { return map[bool]act{true: fails}[n >= at] },
			"the power goes before": func(n int) act { return map[bool]act{true: diesBefore}[n == at] },
			"the power goes after":  func(n int) act { return map[bool]act{true: diesAfter}[n == at] },
		} {
			t.Run(fmt.Sprint(at, " ", name), func(t *testing.T) {
				t.Parallel() // they wait for the disk
				inTime(t, func(t *testing.T, w *world, _ *bytes.Buffer) {
					w.limits.look = time.Minute
					w.fault = func(n int, _ string) act { return fault(n) }
					w.story()
					w.fault = nil
					w.runsGood()
					w.story()
					w.runsGood()
					if s := w.state(); s.Current != "1.4.0" {
						t.Errorf("after the story in force is %q: %+v", s.Current, s)
					}
				})
			})
		}
	}
}

// runsGood says that within minutes a version works that may.
func (w *world) runsGood() {
	w.t.Helper()
	w.runFor(20 * time.Minute)
	w.starts()
	w.runFor(time.Minute)
	if starts := w.starts(); len(starts) != 1 || w.behave[starts[0]] != nil {
		w.t.Errorf("at the end started are %q; the state is %+v", starts, w.state())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.breaches {
		w.t.Error(b)
	}
}

// A step of a life, drawn before it is lived.
type step struct {
	what    string
	version string
	n       int
	d       time.Duration
}

var (
	newer = []string{"1.1.0", "1.2.0", "1.3.0", "1.4.0"}
	// ways of a worker, by name; none is a good one.
	ways = map[string]func(*fake){
		"ends":    func(*fake) {},
		"hangs":   (*fake).hangs,
		"crashes": func(f *fake) { _ = f.works(2*time.Minute, 1) },
		"deaf":    func(f *fake) { f.say(Ready); f.hangs() },
		"selftest": func(f *fake) {
			f.say(SelfTest + " key")
			_ = f.works(forever, 0)
		},
	}
)

func drawStep(t *rapid.T) step {
	return step{
		what: rapid.SampledFrom([]string{
			"run", "run", "run", "power", "stage", "stage", "wish", "wish", "wish", "insist", "back", "again",
			"alter", "vanish", "lose", "zero", "cut", "future", "fault", "die", "package", "clock", "reinstall", "floor",
		}).Draw(t, "what"),
		version: rapid.SampledFrom(newer).Draw(t, "version"),
		n:       rapid.IntRange(1, 12).Draw(t, "n"),
		d:       time.Duration(rapid.SampledFrom([]int{2, 7, 60, 400, 700, 1500, 9000}).Draw(t, "seconds")) * time.Second,
	}
}

// Whatever happens to a machine, in whatever order: no program is started that is
// not what was signed, nothing on probation is started more than three times
// without somebody's wish or a lost state, nothing is deleted that is needed, and
// in the end something good runs.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bad := map[string]string{}
		for _, v := range newer {
			if way := rapid.SampledFrom([]string{"", "", "ends", "hangs", "crashes", "deaf", "selftest"}).Draw(rt, v); way != "" {
				bad[v] = way
			}
		}
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 25).Draw(rt, "steps")
		var problems []string
		inTime(t, func(t *testing.T, w *world, log *bytes.Buffer) {
			w.limits.look = time.Minute
			for v, way := range bad {
				w.behave[v] = ways[way]
			}
			for _, s := range steps {
				w.live(s)
			}
			w.fault = nil
			w.runFor(3 * time.Hour)
			w.starts()
			w.runFor(10 * time.Minute)
			starts := w.starts()
			if last := starts[len(starts)-1]; bad[last] != "" && bad[last] != "selftest" {
				w.breach("at the end %q are started", starts)
			}
			problems = w.breaches
			if len(problems) > 0 {
				problems = append(problems, log.String())
			}
		})
		for _, p := range problems {
			rt.Error(p)
		}
	})
}

func (w *world) live(s step) {
	state := filepath.Join(w.dir.Path, "state.json")
	attempts := func() {
		counts := map[string]int{}
		for _, v := range w.starts() {
			if counts[v]++; v[len(v)-1] == '*' && counts[v] > maxAttempts {
				w.breach("%s was started %d times", v, counts[v])
			}
		}
	}
	attempts()
	switch s.what {
	case "run":
		w.runFor(s.d)
	case "power":
		w.powerFails(s.d)
	case "stage":
		w.stage(s.version)
	case "wish":
		w.wish(slot.Wish{Version: s.version})
		w.runFor(s.d)
	case "insist":
		w.wish(slot.Wish{Version: s.version, Insist: true})
		w.runFor(s.d)
	case "back":
		_ = w.dir.Wish(slot.Wish{Back: true}) // a state that is lost is no good to it
		w.runFor(s.d)
	case "again":
		if old, there, err := w.dir.Wished(); err == nil && there {
			old.ID = slot.NewID()
			w.wish(old)
		}
	case "alter":
		if _, err := os.Stat(w.dir.Slot(s.version)); err == nil {
			w.put(s.version, "something else")
		}
	case "vanish":
		_ = os.Remove(w.dir.Program(s.version))
	case "lose":
		_ = os.Remove(state)
	case "zero":
		w.must(os.WriteFile(state, make([]byte, 300), 0o600))
	case "cut":
		if info, err := os.Stat(state); err == nil {
			w.must(os.Truncate(state, info.Size()/int64(s.n+1)))
		}
	case "future":
		w.must(os.WriteFile(state, []byte(`{"schema":7,"current":{"os":"2.0.0"}}`), 0o600))
	case "fault":
		from := w.acts + s.n
		w.fault = func(n int, _ string) act { return map[bool]act{true: fails}[n >= from] }
		w.runFor(s.d)
		w.fault = nil
	case "die":
		at := w.acts + s.n
		w.fault = func(n int, _ string) act {
			return map[bool]act{true: diesBefore + act(s.n%2)}[n == at]
		}
		w.runFor(s.d)
		w.fault = nil
	case "package":
		if w.behave[s.version] == nil { // from a bad package only another one helps
			w.own = s.version
		}
	case "clock":
		w.wrong += time.Duration(s.n-6) * 24 * time.Hour
	case "reinstall":
		w.must(w.dir.EndProbation())
	case "floor":
		w.floor = s.version
	}
	attempts()
}
