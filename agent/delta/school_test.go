package delta

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// staffed is a school of five pupils and n members of staff, sealed once.
func staffed(t *testing.T, n int) *world {
	t.Helper()
	w := classOf(t, 5)
	for i := range n {
		w.school.staff[i] = 1
	}
	got := ops(t, mustSync(t, w, reading{}))
	if diff := cmp.Diff(map[string]int{"staff ": n}, got); diff != "" {
		t.Fatal("staff are not sent once for all authorities:", diff)
	}
	return w
}

func TestStaffAreSentOnceAndByTheirChanges(t *testing.T) {
	w := staffed(t, 10)
	w.school.staff[3]++
	delete(w.school.staff, 4)
	r := mustSync(t, w, reading{})
	if diff := cmp.Diff(map[string]int{"staff ": 1, "staff left": 1}, ops(t, r)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Count{{Dataset: record.DatasetStaff, Upserts: 1, Removals: 1}}, r.Counts); diff != "" {
		t.Error("staff are counted as an authority's:", diff)
	}
	if diff := cmp.Diff(map[string]int{"staff ": 9}, onlyStaff(t, mustSync(t, w, reading{full: true}))); diff != "" {
		t.Error("a full batch:", diff)
	}
}

func onlyStaff(t *testing.T, r Result) map[string]int {
	t.Helper()
	got := map[string]int{}
	for what, n := range ops(t, r) {
		if len(what) >= 5 && what[:5] == "staff" {
			got[what] = n
		}
	}
	return got
}

func TestMassDisappearanceOfStaffIsTheSchools(t *testing.T) {
	for _, c := range []struct {
		of, gone int
		held     bool
	}{{10, 2, false}, {10, 3, true}, {15, 3, false}, {1, 1, true}, {3, 2, false}} {
		w := staffed(t, c.of)
		for i := range c.gone {
			delete(w.school.staff, i)
		}
		// Pupils who leave, and their number, do not weigh.
		delete(w.school.pupils, 0)
		r := mustSync(t, w, reading{})
		want := map[string]int{"staff left": c.gone}
		if c.held {
			want = map[string]int{}
		}
		if diff := cmp.Diff(want, onlyStaff(t, r)); diff != "" || (len(r.Manifest.Holds) == 1) != c.held {
			t.Errorf("%d of %d gone: %s, holds %+v", c.gone, c.of, diff, r.Manifest.Holds)
		}
		if !c.held {
			continue
		}
		h := r.Manifest.Holds[0]
		if h.Dataset != record.DatasetStaff || h.Authority != "" || h.Gone != c.gone || h.Of != c.of {
			t.Errorf("the hold says %+v", h)
		}
		freed := mustSync(t, w, reading{released: []string{h.Code}})
		if got := onlyStaff(t, freed)["staff left"]; got != c.gone || len(freed.Manifest.Holds) != 0 {
			t.Errorf("%d removed after the release, want %d", got, c.gone)
		}
	}
}

// The one designated teacher of a school is followed by another: that is no fall
// to zero, and nobody at the school has to say yes.
func TestWhoIsReplacedIsNotHeld(t *testing.T) {
	for _, c := range []struct {
		of   int
		held bool
	}{{1, false}, {2, false}, {3, true}} {
		w := staffed(t, c.of)
		clear(w.school.staff)
		w.school.staff[100] = 1
		r := mustSync(t, w, reading{})
		want := map[string]int{"staff ": 1, "staff left": c.of}
		if c.held {
			want = map[string]int{"staff ": 1}
		}
		if diff := cmp.Diff(want, onlyStaff(t, r)); diff != "" || (len(r.Manifest.Holds) == 1) != c.held {
			t.Errorf("%d replaced by one: %s, holds %+v", c.of, diff, r.Manifest.Holds)
		}
	}
	// A pupil beside whom nobody is left is held whoever else has come.
	w := classOf(t, 1)
	other := *w.school.pupils[0]
	delete(w.school.pupils, 0)
	w.school.pupils[100] = &other
	if r := mustSync(t, w, reading{}); len(r.Manifest.Holds) != 1 || ops(t, r)["pupil left"] != 0 {
		t.Errorf("the only pupil was replaced: %v, holds %+v", ops(t, r), r.Manifest.Holds)
	}
}

// Whatever becomes of the pupils, the staff stay: they are nobody's.
func TestStaffOutliveThePupils(t *testing.T) {
	w := staffed(t, 4)
	w.school.pupils[0].upn = "permanent"
	clear := func() {
		for n := range w.school.pupils {
			delete(w.school.pupils, n)
		}
	}
	if got := onlyStaff(t, mustSync(t, w, reading{})); len(got) != 0 {
		t.Errorf("a pupil with a new id: %v", got)
	}
	clear()
	r := mustSync(t, w, reading{})
	if got := onlyStaff(t, mustSync(t, w, reading{released: []string{r.Manifest.Holds[0].Code}})); len(got) != 0 {
		t.Errorf("all pupils left: %v", got)
	}
	if len(w.state.Entries) != 4 {
		t.Errorf("the state has %d entries, want the 4 members of staff", len(w.state.Entries))
	}
	if r := mustSync(t, w, reading{incomplete: map[record.Dataset]bool{record.DatasetStaff: true}}); len(r.Lines) != 0 {
		t.Error("staff were removed by a read that was not complete")
	}
}

// Staff leave the scope with the last authority that is given them, not before,
// and as a narrowed scope: nothing is held.
func TestStaffAreNarrowedWithTheLastAuthority(t *testing.T) {
	for _, full := range []bool{false, true} {
		w := staffed(t, 4)
		for i, code := range authorities {
			delete(w.allowed[code], record.DatasetStaff)
			r := mustSync(t, w, reading{full: full})
			want := map[string]int{"staff ": 4} // the fields that are left are others
			if i == len(authorities)-1 {
				want = map[string]int{"staff scope": 4}
			}
			if diff := cmp.Diff(want, onlyStaff(t, r)); diff != "" || len(r.Manifest.Holds) > 0 {
				t.Errorf("full %v, without %s: %s, holds %v", full, code, diff, r.Manifest.Holds)
			}
		}
		if n := len(w.state.Entries); n != 20 {
			t.Errorf("the state has %d entries, want those of the pupils", n)
		}
	}
}

// The manifest says whose the staff are, in every batch, since the records do
// not.
func TestManifestSaysWhoIsGivenTheStaff(t *testing.T) {
	w := staffed(t, 2)
	given := func() map[string][]string {
		bodies, err := mustSync(t, w, reading{}).Bodies()
		if err != nil {
			t.Fatal(err)
		}
		plain, err := protocol.Compress(bodies[0])
		if err != nil {
			t.Fatal(err)
		}
		var m protocol.Manifest
		if err := protocol.ReadBody(plain, &m, func(protocol.Op) error { return nil }); err != nil {
			t.Fatal(err)
		}
		for _, d := range m.Datasets {
			if d.Dataset == record.DatasetStaff {
				return d.Given
			}
			if d.Given != nil {
				t.Errorf("%s says whose it is, although a pupil does", d.Dataset)
			}
		}
		return nil
	}
	if diff := cmp.Diff(map[string][]string{"330": {"Email", "Surname"}, "383": {"Phone", "Surname"}, "801": {}}, given()); diff != "" {
		t.Error(diff)
	}
	w.allowed["330"][record.DatasetStaff] = []string{"Surname", "Role"}
	delete(w.allowed["801"], record.DatasetStaff)
	if diff := cmp.Diff(map[string][]string{"330": {"Surname"}, "383": {"Phone", "Surname"}}, given()); diff != "" {
		t.Error(diff)
	}
}

// What Finish is told of the read stays as it was.
func TestTheReportIsNotChanged(t *testing.T) {
	w := newWorld()
	report := mis.Report{Datasets: []protocol.DatasetRead{{Dataset: record.DatasetStaff, Complete: true}}}
	c := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
	if _, err := c.Finish(report); err != nil || report.Datasets[0].Given != nil {
		t.Errorf("the report now has %v, %v", report.Datasets[0].Given, err)
	}
}

// A member of staff whose key is, by any chance, a pupil's id is not the pupil.
func TestAKeyLikeAPupilsIsNoPupil(t *testing.T) {
	w := newWorld()
	staff := recordtest.Make(record.DatasetStaff, "", 1, 1)
	id := record.PupilID(staff.Key())
	c := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
	for _, row := range []mis.Row{
		{Authority: "330", Record: &record.Pupil{ID: id, InCare: true, CareAuthority: "330"}},
		{Record: staff},
	} {
		if err := c.Add(row); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Finish(mis.Report{})
	if err != nil {
		t.Fatal(err)
	}
	w.commit(r)
	// The pupil leaves; the member of staff does not.
	next := New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today})
	if err := next.Add(mis.Row{Record: recordtest.Make(record.DatasetStaff, "", 1, 1)}); err != nil {
		t.Fatal(err)
	}
	read := []protocol.DatasetRead{{Dataset: record.DatasetPupil, Complete: true}, {Dataset: record.DatasetStaff}}
	r, err = next.Finish(mis.Report{Datasets: read})
	if err != nil || len(r.Lines) != 0 || len(r.Manifest.Holds) != 1 || r.Manifest.Holds[0].Dataset != record.DatasetPupil {
		t.Errorf("%d lines, holds %+v, %v", len(r.Lines), r.Manifest.Holds, err)
	}
	r, err = New(Input{State: w.state, Keys: testKeys, Scope: scope.New(w.ask, w.allowed), Today: w.today,
		Released: []string{r.Manifest.Holds[0].Code}}).Finish(mis.Report{Datasets: read})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"pupil left": 1}, ops(t, r)); diff != "" {
		t.Error(diff)
	}
}

// A pupil who leaves the list takes along every record of every dataset, read
// completely or not; one who stays keeps what was not read completely.
func TestEverythingOfAPupilLeavesWithThePupil(t *testing.T) {
	for _, d := range others {
		w := classOf(t, 10)
		for n := range 10 {
			w.school.pupils[n].put(d, 0)
			w.school.pupils[n].put(d, 1)
		}
		mustSync(t, w, reading{})
		each := len(w.school.pupils[0].things[d])
		delete(w.school.pupils, 9)
		delete(w.school.pupils[0].things[d], 0)
		r := mustSync(t, w, reading{incomplete: map[record.Dataset]bool{d: true}})
		if got := ops(t, r)[fmt.Sprint(d, " left")]; got != each {
			t.Errorf("%s: %d removed with a pupil, want %d", d, got, each)
		}
		if got := ops(t, mustSync(t, w, reading{}))[fmt.Sprint(d, " left")]; got != 1 {
			t.Errorf("%s: %d removed by a complete read, want 1", d, got)
		}
	}
}

// Only attendance has a window: a behaviour entry of long ago that is not in a
// complete read is gone, whatever dates the manifest names.
func TestOnlyAttendanceHasAWindow(t *testing.T) {
	for _, d := range others {
		removal := newRemoval(&Comparison{}, []protocol.DatasetRead{{Dataset: d, Complete: true, From: "2026-03-01", To: "2026-03-02"}})
		id := record.NewPupilID(testKeys.ID, "1")
		if !removal.covered(d, recordtest.Make(d, id, 1, 1).Key()) {
			t.Errorf("%s has a window", d)
		}
	}
}
