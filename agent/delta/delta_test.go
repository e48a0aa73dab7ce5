package delta

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// classOf is a world of n pupils of Birmingham with a contact and two weeks
// each, sealed once.
func classOf(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld()
	for i := range n {
		w.school.pupils[i] = &pupil{authority: "330", contacts: map[int]int{0: 1}, weeks: map[record.Date]int{"2026-02-23": 1, "2026-03-02": 1}}
		w.school.next++
	}
	mustSync(t, w, reading{})
	return w
}

func mustSync(t *testing.T, w *world, r reading) Result {
	t.Helper()
	result, err := w.sync(r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// ops counts the lines of a result by what they do.
func ops(t *testing.T, r Result) map[string]int {
	t.Helper()
	bodies, err := r.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, b := range bodies {
		plain, err := protocol.Compress(b)
		if err != nil {
			t.Fatal(err)
		}
		var m protocol.Manifest
		if err := protocol.ReadBody(plain, &m, func(o protocol.Op) error {
			got[string(o.Dataset)+" "+o.Remove]++
			if o.Was != "" {
				got["was"]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func TestMassDisappearanceOfPupils(t *testing.T) {
	for _, c := range []struct {
		of, gone int
		held     bool
	}{{10, 2, false}, {10, 3, true}, {15, 3, false}, {16, 4, true}, {3, 2, false}, {3, 3, true}, {1, 1, true}, {2, 2, true}} {
		w := classOf(t, c.of)
		for i := range c.gone {
			delete(w.school.pupils, i)
		}
		r := mustSync(t, w, reading{})
		if held := len(r.Manifest.Holds) == 1; held != c.held {
			t.Errorf("%d of %d gone: held %v, want %v", c.gone, c.of, held, c.held)
		}
		want := map[string]int{}
		if !c.held {
			want = map[string]int{"pupil left": c.gone, "contact left": c.gone, "attendance left": 2 * c.gone}
		}
		if diff := cmp.Diff(want, ops(t, r)); diff != "" {
			t.Errorf("%d of %d gone: %s", c.gone, c.of, diff)
		}
		if !c.held {
			continue
		}
		h := r.Manifest.Holds[0]
		if h.Gone != c.gone || h.Of != c.of || h.Authority != "330" || h.Dataset != record.DatasetPupil {
			t.Errorf("the hold says %+v", h)
		}
		again := mustSync(t, w, reading{released: []string{"WRONG"}})
		if len(again.Lines) != 0 || again.Manifest.Holds[0] != h {
			t.Errorf("a second read makes another hold, or a wrong code releases it: %+v", again.Manifest.Holds)
		}
		freed := mustSync(t, w, reading{released: []string{h.Code}})
		if got := ops(t, freed)["pupil left"]; got != c.gone || len(freed.Manifest.Holds) != 0 || freed.Manifest.Released[0] != h.Code {
			t.Errorf("%d pupils removed after the release, want %d", got, c.gone)
		}
	}
}

func TestMassDisappearanceOfRecords(t *testing.T) {
	w := classOf(t, 10)
	for i := range 3 {
		clear(w.school.pupils[i].contacts)
	}
	// Contacts of a pupil who leaves are not counted among those who disappear.
	delete(w.school.pupils, 9)
	r := mustSync(t, w, reading{})
	want := []protocol.Hold{{Why: protocol.WhyDisappearance, Dataset: record.DatasetContact, Gone: 3, Of: 9}}
	got := slices.Clone(r.Manifest.Holds)
	for i := range got {
		got[i].Code = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(map[string]int{"pupil left": 1, "contact left": 1, "attendance left": 2}, ops(t, r)); diff != "" {
		t.Fatal(diff)
	}
	r = mustSync(t, w, reading{released: []string{r.Manifest.Holds[0].Code}})
	if diff := cmp.Diff(map[string]int{"contact left": 3}, ops(t, r)); diff != "" {
		t.Fatal(diff)
	}
}

func TestWindowLimitsRemovals(t *testing.T) {
	w := classOf(t, 10)
	delete(w.school.pupils[0].weeks, "2026-02-23")
	if r := mustSync(t, w, reading{from: "2026-03-02"}); len(r.Lines) != 0 {
		t.Error("a week outside the window was removed")
	}
	if r := mustSync(t, w, reading{}); ops(t, r)["attendance left"] != 1 {
		t.Error("a week inside the window was not removed")
	}
}

func TestRename(t *testing.T) {
	w := classOf(t, 2)
	w.school.pupils[0].upn = "permanent"
	r := mustSync(t, w, reading{})
	want := map[string]int{"pupil ": 1, "contact ": 1, "attendance ": 2, "was": 1,
		"pupil renamed": 1, "contact renamed": 1, "attendance renamed": 2}
	if diff := cmp.Diff(want, ops(t, r)); diff != "" {
		t.Fatal("a first permanent UPN:", diff)
	}
	// Another permanent UPN: an adopted child. Nothing may lead back.
	w.school.pupils[0].upn = "another"
	r = mustSync(t, w, reading{})
	if got := ops(t, r); got["was"] != 0 || got["pupil renamed"] != 0 || got["pupil left"] != 1 {
		t.Fatalf("a second permanent UPN: %v; want a new pupil without predecessor", got)
	}
	if r = mustSync(t, w, reading{full: true}); ops(t, r)["was"] != 0 {
		t.Fatal("a full batch names a predecessor that the state does not have")
	}
}

func TestNarrowedScopeIsNotHeld(t *testing.T) {
	for _, full := range []bool{false, true} {
		w := classOf(t, 5)
		w.allowed = scope.FromAsk(w.ask)
		delete(w.allowed, "330")
		r := mustSync(t, w, reading{full: full})
		want := map[string]int{"pupil scope": 5, "contact scope": 5, "attendance scope": 10}
		if diff := cmp.Diff(want, ops(t, r)); diff != "" || len(r.Manifest.Holds) != 0 {
			t.Errorf("full %v: %s, holds %v", full, diff, r.Manifest.Holds)
		}
	}
}

func TestFullNamesHolds(t *testing.T) {
	w := classOf(t, 5)
	clear(w.school.pupils)
	r := mustSync(t, w, reading{full: true})
	if len(r.Lines) != 0 || len(r.Manifest.Holds) != 1 || r.Manifest.State != (record.Digest{}) {
		t.Fatalf("%d lines, holds %v", len(r.Lines), r.Manifest.Holds)
	}
}

func TestMovedAuthorityIsCountedWithTheNewOne(t *testing.T) {
	w := classOf(t, 4)
	w.school.pupils[0].authority = "383"
	mustSync(t, w, reading{})
	clear(w.school.pupils[0].contacts)
	r := mustSync(t, w, reading{})
	want := []Count{{Authority: "383", Dataset: record.DatasetContact, Removals: 1, Pupils: 1}}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Fatal(diff)
	}
}

func TestPreviewIsWhatIsSealed(t *testing.T) {
	w := classOf(t, 3)
	w.school.pupils[1].version++
	first := mustSync(t, w, reading{full: true})
	a, err := first.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	b, err := first.Bodies()
	if err != nil || len(a) != 1 || !bytes.Equal(a[0], b[0]) {
		t.Fatal("two calls give two bodies")
	}
}

func TestBodiesDivide(t *testing.T) {
	line := []byte(strings.Repeat("x", protocol.MaxLineBytes-1) + "\n")
	r := Result{Lines: slices.Repeat([][]byte{line}, 8)}
	bodies, err := r.Bodies()
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for i, b := range bodies {
		if len(b) > protocol.MaxBodyBytes {
			t.Errorf("part %d has %d bytes", i+1, len(b))
		}
		if want := fmt.Sprintf(`"part":%d,"parts":%d,`, i+1, len(bodies)); !strings.Contains(string(b[:200]), want) {
			t.Errorf("part %d does not say %s", i+1, want)
		}
		lines += bytes.Count(b, []byte("x\n"))
	}
	if lines != 8 || len(bodies) != 3 {
		t.Errorf("%d lines in %d parts, want 8 in 3", lines, len(bodies))
	}
	r.Lines = slices.Repeat([][]byte{line}, 3*maxParts+1)
	if _, err := r.Bodies(); !errors.Is(err, ErrRows) {
		t.Errorf("too many parts: %v", err)
	}
}

func TestAddRefuses(t *testing.T) {
	plain, id := record.NewPupilID(testKeys.ID, "1"), record.NewPupilID(testKeys.ID, "1", "upn")
	row := func(r record.Record) mis.Row { return mis.Row{Record: r, Authority: "330"} }
	renamed := mis.Row{Record: &record.Pupil{ID: id}, Was: plain, Authority: "330"}
	state := State{Entries: map[string]Entry{StateKey(record.DatasetPupil, record.Key(plain)): {}}}
	for name, rows := range map[string][]mis.Row{
		"the same pupil twice": {row(&record.Pupil{ID: plain}), row(&record.Pupil{ID: plain})},
		"contact first":        {row(&record.Contact{PupilID: plain})},
		"too large":            {row(&record.Pupil{ID: plain, Surname: strings.Repeat("SECRET", 200_000)})},
		"under two ids":        {renamed, row(&record.Pupil{ID: plain})},
	} {
		w := newWorld()
		c := New(Input{State: state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
		var err error
		for _, r := range rows {
			err = errors.Join(err, c.Add(r))
		}
		if !errors.Is(err, ErrRows) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), string(plain)) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

func TestEntry(t *testing.T) {
	e := testKeys.entry(record.DatasetPupil, "k", []byte("{}"), testKeys.group("330"))
	b, err := e.MarshalBinary()
	var back Entry
	if err != nil || back.UnmarshalBinary(b) != nil || back != e {
		t.Fatal("an entry does not survive its encoding")
	}
	based := e
	based.Base = record.NewPupilID(testKeys.ID, "1")
	if b, err := based.MarshalBinary(); err != nil || back.UnmarshalBinary(b) != nil || back != based {
		t.Fatal("an entry with a base does not survive its encoding")
	}
	based.Renamed = true
	if b, err := based.MarshalBinary(); err != nil || back.UnmarshalBinary(b) != nil || back != based {
		t.Fatal("an entry with a base does not survive its encoding")
	}
	if back.UnmarshalBinary(b[1:]) == nil {
		t.Error("a short entry was read")
	}
	other := Keys{Local: bytes.Repeat([]byte{3}, 32), ID: testKeys.ID}.entry(record.DatasetPupil, "k", []byte("{}"), e.Group)
	if other.Hash == e.Hash || other.Tag != e.Tag {
		t.Error("the hash must follow the local key, the tag the id key")
	}
}

func TestMovedPupilKeepsWhatIsNotReadAgain(t *testing.T) {
	w := classOf(t, 4)
	w.school.pupils[0].authority = "383"
	delete(w.allowed, "330")
	r := mustSync(t, w, reading{from: "2026-03-02"})
	if got := ops(t, r)["attendance scope"]; got != 6 {
		t.Fatalf("%d weeks removed with the narrowed scope, want the 6 of the pupils who did not move", got)
	}
}

// A UPN with a wrong letter must not make a pupil leave the list and another
// one appear; a second valid UPN must.
func TestMisspeltUPN(t *testing.T) {
	w := newWorld()
	p := &pupil{authority: "330", upn: "first", contacts: map[int]int{0: 1}, weeks: map[record.Date]int{"2026-02-23": 1, "2026-03-02": 1}}
	w.school.pupils[0] = p
	mustSync(t, w, reading{})
	id, _ := p.ids(0)

	p.misspelt, p.version = true, p.version+1
	r := mustSync(t, w, reading{})
	if diff := cmp.Diff(map[string]int{"pupil ": 1}, ops(t, r)); diff != "" {
		t.Errorf("a misspelt UPN: %s", diff)
	}
	if _, known := w.state.Entries[StateKey(record.DatasetPupil, record.Key(id))]; !known || len(w.state.Entries) != 4 {
		t.Errorf("the pupil is not kept under the id known: %d entries", len(w.state.Entries))
	}
	full := mustSync(t, w, reading{full: true})
	if diff := cmp.Diff(map[string]int{"pupil ": 1, "contact ": 1, "attendance ": 2}, ops(t, full)); diff != "" {
		t.Errorf("a misspelt UPN in a full batch: %s", diff)
	}
	p.misspelt = false
	p.version++
	if diff := cmp.Diff(map[string]int{"pupil ": 1}, ops(t, mustSync(t, w, reading{}))); diff != "" {
		t.Errorf("the UPN put right: %s", diff)
	}
	w.school.pupils[1] = &pupil{authority: "330", contacts: map[int]int{}, weeks: map[record.Date]int{}}
	w.school.pupils[2] = &pupil{authority: "330", contacts: map[int]int{}, weeks: map[record.Date]int{}}
	mustSync(t, w, reading{})
	p.upn = "second"
	got := ops(t, mustSync(t, w, reading{}))
	if got["pupil "] != 1 || got["pupil left"] != 1 || got["was"] != 0 {
		t.Errorf("another permanent UPN must be another pupil with no way back: %v", got)
	}
}

// The delta that named a predecessor may be withdrawn by a full batch, which
// must name it too; a pupil who never had another id has none.
func TestFullBatchNamesPredecessors(t *testing.T) {
	w := classOf(t, 3)
	w.school.pupils[0].upn = "first"
	if got := ops(t, mustSync(t, w, reading{})); got["was"] != 1 {
		t.Fatalf("a first permanent UPN names %d predecessors, want 1", got["was"])
	}
	for range 2 {
		if got := ops(t, mustSync(t, w, reading{full: true})); got["was"] != 1 || got["pupil "] != 3 {
			t.Errorf("a full batch of %d pupils names %d predecessors, want 1 of 3", got["pupil "], got["was"])
		}
	}
	w.school.pupils[0].upn = "second"
	if got := ops(t, mustSync(t, w, reading{full: true})); got["was"] != 0 {
		t.Error("a second permanent UPN was joined to the first through what came before both")
	}
}

// A read that ends before a week does not show it, and so does not remove it.
func TestWeeksBeyondTheWindowStay(t *testing.T) {
	for to, want := range map[record.Date]int{"2026-02-27": 0, "2026-03-01": 0, "2026-03-02": 1} {
		w := classOf(t, 5)
		c := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
		delete(w.school.pupils[0].weeks, "2026-03-02")
		for _, row := range w.school.rows("2025-09-01", w.today) {
			if d := row.Record.Dataset(); d == record.DatasetPupil || d == record.DatasetAttendance {
				if err := c.Add(row); err != nil {
					t.Fatal(err)
				}
			}
		}
		r, err := c.Finish(mis.Report{Datasets: []protocol.DatasetRead{{Dataset: record.DatasetPupil, Complete: true},
			{Dataset: record.DatasetAttendance, Complete: true, From: "2025-09-01", To: to}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, removed := r.Totals(); removed != want {
			t.Errorf("read to %s: %d weeks are removed, want %d", to, removed, want)
		}
	}
}
