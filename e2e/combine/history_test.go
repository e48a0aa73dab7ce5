package combine

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollbridge/agent/delta"
	"rollbridge/agent/outbox"
	"rollbridge/agent/scope"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func TestMain(m *testing.M) {
	// Each history is some hundreds of durable transactions.
	for name, value := range map[string]string{"rapid.checks": "25", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

// A history is one school with both its sides.
type history struct {
	c       *collector
	a       *agent
	school  string
	mis     school
	allowed scope.Allowed
	today   record.Date
	columns map[record.Dataset]int // version of what the MIS gives of each dataset
	feeds   []map[store.Ref]string
	backup  bool
	obeyed  uint64 // serial of the newest refusal
	calm    bool   // the two sides have agreed by themselves so far, and have to

	// absent are records that a sealed read showed to be gone.
	absent map[store.Ref]bool
}

// TestBothSidesInAnyOrder: whatever happens to a school and in whatever order,
// nothing of what is stopped leaves, nothing is removed that no read has shown
// to be gone, both sides agree without having to be brought together by a full
// batch, and once everything is readable and a person has said yes to all that
// is held, the collector holds exactly what the MIS holds.
func TestBothSidesInAnyOrder(t *testing.T) {
	c := newCollector(t)
	rapid.Check(t, func(t *rapid.T) {
		h := &history{c: c, today: "2024-03-04", columns: map[record.Dataset]int{}, absent: map[store.Ref]bool{},
			calm: true, mis: school{pupils: map[int]*pupil{}, staff: map[int]int{}}}
		h.school = c.newSchool(t)
		h.a = newAgent(t, c, h.school, nil)
		defer func() { h.a.end(t) }()
		facts, err := h.a.box.Facts()
		must(t, err)
		h.allowed = facts.Allowed
		for range rapid.IntRange(0, 8).Draw(t, "pupils at first") {
			h.add(t)
		}
		h.sync(t, reading{})
		h.deliver(t)
		for range rapid.IntRange(3, 25).Draw(t, "steps") {
			h.step(t)
		}
		h.settle(t)
	})
	found, err := c.store.Fsck(t.Context(), c.vault)
	must(t, err)
	for _, f := range found {
		t.Errorf("fsck: %+v", f)
	}
}

// settle mends the MIS, says yes to all that is held, and compares.
func (h *history) settle(t *rapid.T) {
	for _, p := range h.mis.pupils {
		p.unclear = false
	}
	h.deliver(t)
	var codes []string
	for range 12 {
		h.sync(t, reading{release: codes})
		h.deliver(t)
		why, err := h.a.box.FullReason()
		must(t, err)
		codes = nil
		for _, held := range h.a.held(t) {
			if !slices.Contains(codes, held.Code) {
				codes = append(codes, held.Code)
			}
		}
		if why == "" && len(codes) == 0 {
			h.same(t)
			return
		}
	}
	t.Fatalf("it does not come to rest: held %d", len(codes))
}

// same compares the store with the MIS.
func (h *history) same(t tester) {
	t.Helper()
	state, err := h.a.box.Snapshot()
	must(t, err)
	if p := h.c.position(t, h.school); p.State != state.Digest || p.Link != state.Base || p.ResyncAfter != 0 {
		t.Fatalf("the collector stands at %d of %d; digest equal: %v; asks after %d", p.Link.Sequence, state.Base.Sequence, p.State == state.Digest, p.ResyncAfter)
	}
	year := h.today.AcademicYearStart().Monday()
	want := h.mis.truth(h.a.keys, scope.New(h.ask(t), h.allowed), year)
	got := h.c.records(t, h.school)
	for ref, text := range want {
		if got[ref] != text {
			t.Fatalf("a %s record is missing or differs", ref.Dataset)
		}
	}
	for ref := range got {
		if _, there := want[ref]; !there && (ref.Key.Week() == "" || ref.Key.Week() >= year) {
			t.Fatalf("a %s record is there that the MIS does not have", ref.Dataset)
		}
	}
}

func (h *history) ask(t tester) protocol.Ask {
	t.Helper()
	f, err := h.a.box.Facts()
	must(t, err)
	return f.Ask
}

// leaves looks at what a read would send: nothing of a dataset that is stopped,
// and nothing of whom the MIS does not mark.
func (h *history) leaves(t tester, r delta.Result) {
	t.Helper()
	stopped := map[record.Dataset]bool{}
	for _, held := range r.Manifest.Holds {
		if why := held.Reason(); why != protocol.WhyDisappearance && why != protocol.WhyReturned {
			stopped[held.Dataset] = true
		}
	}
	marked := map[record.PupilID]bool{}
	for _, row := range h.mis.rows(h.a.keys, false) {
		marked[row.Record.Pupil()] = true
	}
	for _, line := range r.Lines {
		var op protocol.Op
		must(t, json.Unmarshal(line, &op))
		switch {
		case op.Remove != "":
			if op.Remove == protocol.RemovedLeft && stopped[op.Dataset] && marked[op.Key.Pupil()] {
				t.Fatalf("a %s record is removed although that is stopped", op.Dataset)
			}
		case stopped[op.Dataset] || stopped[record.DatasetPupil]:
			t.Fatalf("a %s record leaves although it is stopped", op.Dataset)
		case op.Dataset.OfPupils() && !marked[op.Key.Pupil()]:
			t.Fatalf("a %s record leaves of a pupil whom the MIS does not mark", op.Dataset)
		}
	}
}

// sealed notes what a sealed read has shown to be gone.
func (h *history) sealed(r delta.Result, sc *scope.Scope) {
	complete := map[record.Dataset]bool{}
	for _, d := range r.Manifest.Datasets {
		complete[d.Dataset] = d.Complete
	}
	truth := h.mis.truth(h.a.keys, sc, "")
	read := map[record.PupilID]bool{}
	for _, row := range h.mis.rows(h.a.keys, true) {
		read[row.Record.Pupil()] = true
	}
	stored := h.c.records(h.c, h.school)
	for ref := range stored {
		_, there := truth[ref]
		switch id := ref.Key.Pupil(); {
		case there && complete[ref.Dataset]:
			delete(h.absent, ref)
		case there:
		case complete[ref.Dataset], len(sc.Given(ref.Dataset)) == 0 && !ref.Dataset.OfPupils():
			h.absent[ref] = true
		case ref.Dataset.OfPupils() && (complete[record.DatasetPupil] || h.replaced(id)) && !read[id]:
			h.absent[ref] = true
		case ref.Dataset.OfPupils() && !h.given(sc, ref, id, stored):
			h.absent[ref] = true
		}
	}
}

// replaced says whether the pupil of an id has another one now.
func (h *history) replaced(id record.PupilID) bool {
	for n, p := range h.mis.pupils {
		if now, was := p.ids(h.a.keys, n); was == id && now != id {
			return true
		}
	}
	return false
}

// given says whether the scope has a pupil's record of a dataset, by the pupil's
// authority of now, or the last one known.
func (h *history) given(sc *scope.Scope, ref store.Ref, id record.PupilID, stored map[store.Ref]string) bool {
	for n, p := range h.mis.pupils {
		if now, _ := p.ids(h.a.keys, n); now == id && p.authority != "" {
			return sc.Covers(p.authority, ref.Dataset)
		}
	}
	text, known := stored[store.Ref{Dataset: record.DatasetPupil, Key: record.Key(id)}]
	var last record.Pupil
	return known && json.Unmarshal([]byte(text), &last) == nil && sc.Covers(last.CareAuthority, ref.Dataset)
}

// stays looks for records that went without a read having shown them gone.
func (h *history) stays(t tester, before, after map[store.Ref]string) {
	t.Helper()
	for ref := range before {
		if _, still := after[ref]; !still && !h.absent[ref] {
			t.Fatalf("a %s record went that no complete read has shown to be gone", ref.Dataset)
		}
	}
}

func (h *history) add(t *rapid.T) {
	p := &pupil{authority: rapid.SampledFrom(append([]string{""}, authorities...)).Draw(t, "authority"),
		weeks: map[record.Date]int{}, things: map[record.Dataset]map[int]int{}}
	for range rapid.IntRange(0, 5).Draw(t, "things") {
		p.put(rapid.SampledFrom(others).Draw(t, "dataset"), rapid.IntRange(0, 2).Draw(t, "thing"))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "weeks") {
		p.weeks[h.today.Monday().AddDays(-7*i)] = 1
	}
	h.mis.pupils[h.mis.next] = p
	h.mis.next++
}

func (h *history) some(t *rapid.T) *pupil {
	if len(h.mis.pupils) == 0 {
		h.add(t)
	}
	var numbers []int
	for n := range h.mis.pupils {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return h.mis.pupils[rapid.SampledFrom(numbers).Draw(t, "pupil")]
}

// step lets something happen to the school, or to one of the sides.
func (h *history) step(t *rapid.T) {
	all := h.actions()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	all[rapid.SampledFrom(names).Draw(t, "what")](t)
}

func (h *history) actions() map[string]func(*rapid.T) {
	contact := func(t *rapid.T) record.Dataset { return rapid.SampledFrom(others).Draw(t, "dataset") }
	return map[string]func(*rapid.T){
		"add":     h.add,
		"change":  func(t *rapid.T) { h.some(t).version++ },
		"unclear": func(t *rapid.T) { p := h.some(t); p.unclear = !p.unclear },
		"clear": func(*rapid.T) {
			for _, p := range h.mis.pupils {
				p.unclear = false
			}
		},
		"move": func(t *rapid.T) {
			h.some(t).authority = rapid.SampledFrom(append([]string{""}, authorities...)).Draw(t, "to")
		},
		"permanent UPN": func(t *rapid.T) { h.some(t).upn = 1 + rapid.IntRange(0, 40).Draw(t, "UPN") },
		"leave": func(t *rapid.T) {
			p := h.some(t)
			for n, q := range h.mis.pupils {
				if p == q {
					delete(h.mis.pupils, n)
				}
			}
		},
		"many leave": func(t *rapid.T) {
			for n := range h.mis.next - rapid.IntRange(0, 2).Draw(t, "stay") {
				delete(h.mis.pupils, n)
			}
		},
		"mark": func(t *rapid.T) {
			h.some(t).weeks[h.today.Monday().AddDays(-7*rapid.IntRange(0, 3).Draw(t, "weeks ago"))]++
		},
		"thing": func(t *rapid.T) { h.some(t).put(contact(t), rapid.IntRange(0, 2).Draw(t, "thing")) },
		"no thing": func(t *rapid.T) {
			delete(h.some(t).things[contact(t)], rapid.IntRange(0, 2).Draw(t, "thing"))
		},
		"all of a dataset disappears": func(t *rapid.T) {
			d := contact(t)
			for _, p := range h.mis.pupils {
				delete(p.things, d)
			}
		},
		"staff": func(t *rapid.T) { h.mis.staff[rapid.IntRange(0, 4).Draw(t, "who")]++ },
		"staff leave": func(t *rapid.T) {
			delete(h.mis.staff, rapid.IntRange(0, 4).Draw(t, "who"))
		},
		"columns": func(t *rapid.T) {
			h.columns[rapid.SampledFrom(record.Datasets()).Draw(t, "dataset")] = rapid.IntRange(0, 1).Draw(t, "version")
		},
		"narrow or widen": h.narrow,
		"time":            func(t *rapid.T) { h.today = h.today.AddDays(rapid.SampledFrom([]int{1, 7, 60, 200}).Draw(t, "days")) },
		"sync":            func(t *rapid.T) { h.sync(t, reading{}) },
		"sync, deliver":   func(t *rapid.T) { h.sync(t, reading{}); h.deliver(t) },
		"by the feed":     func(t *rapid.T) { h.sync(t, reading{feed: true}) },
		"full":            func(t *rapid.T) { h.sync(t, reading{full: true}) },
		"incomplete": func(t *rapid.T) {
			d := rapid.SampledFrom(record.Datasets()).Draw(t, "dataset")
			h.sync(t, reading{incomplete: map[record.Dataset]bool{d: true}, full: rapid.Bool().Draw(t, "full"), release: h.codes(t)})
		},
		"stopped": func(t *rapid.T) {
			d := rapid.SampledFrom(record.Datasets()[1:]).Draw(t, "dataset")
			why := rapid.SampledFrom([]protocol.Why{protocol.WhyPermission, protocol.WhyIdentifier}).Draw(t, "why")
			h.sync(t, reading{stops: map[record.Dataset]protocol.Why{d: why}, full: rapid.Bool().Draw(t, "full"), release: h.codes(t)})
		},
		"release":  func(t *rapid.T) { h.sync(t, reading{release: h.codes(t), full: rapid.Bool().Draw(t, "full")}) },
		"deliver":  func(t *rapid.T) { h.deliver(t) },
		"re-enrol": h.enrolAgain,
		"backup": func(t *rapid.T) {
			h.c.copied(t, h.c.file(), h.c.file()+".backup")
			h.backup = true
		},
		"restore": func(t *rapid.T) {
			if h.backup {
				h.c.copied(t, h.c.file()+".backup", h.c.file())
			}
		},
	}
}

// codes are some of what a person may say yes to.
func (h *history) codes(t *rapid.T) (codes []string) {
	for _, held := range h.a.held(t) {
		if held.Reason().Releasable() && rapid.Bool().Draw(t, "release") {
			codes = append(codes, held.Code)
		}
	}
	return codes
}

func (h *history) narrow(t *rapid.T) {
	code := rapid.SampledFrom(authorities).Draw(t, "authority")
	h.allowed = scope.FromAsk(h.ask(t))
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		delete(h.allowed, code)
	case 1:
		delete(h.allowed[code], rapid.SampledFrom(record.Datasets()).Draw(t, "dataset"))
	case 2:
		h.allowed[code][record.DatasetPupil] = []string{"Forename"}
	}
	must(t, h.a.box.Update(func(f *outbox.Facts) error { f.Allowed = h.allowed; return nil }))
}

// enrolAgain loses the agent's machine: a new one has the school's old id key
// and nothing else. The copy of the collector from before knows no such agent.
func (h *history) enrolAgain(t *rapid.T) {
	idKey := h.a.keys.ID
	h.a.end(t)
	h.a = newAgent(t, h.c, h.school, idKey)
	must(t, h.a.box.Update(func(f *outbox.Facts) error { f.Allowed = h.allowed; return nil }))
	h.backup, h.feeds, h.obeyed = false, nil, 0
}
