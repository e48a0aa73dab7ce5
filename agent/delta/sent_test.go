package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/agent/scope"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// tallied demands that what a result says of its pupils is what its lines say:
// every sync of every model test goes through here.
func tallied(r Result, bodies [][]byte) error {
	upserts, removals := map[Mark]int{}, 0
	pupils := map[countKey]map[record.PupilID]bool{}
	n := 0
	for _, body := range bodies {
		for _, line := range strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")[1:] {
			var op protocol.Op
			if err := json.Unmarshal([]byte(line), &op); err != nil {
				return err
			}
			if n == len(r.Notes) {
				return fmt.Errorf("there are %d notes and more lines", n)
			}
			note := r.Notes[n]
			n++
			switch {
			case !op.Dataset.OfPupils() || op.Remove == protocol.RemovedRenamed:
				continue
			case op.Remove != "":
				removals++
			default:
				upserts[testKeys.MarkOf(op.Key.Pupil())]++
			}
			k := countKey{note.Authority, op.Dataset}
			if pupils[k] == nil {
				pupils[k] = map[record.PupilID]bool{}
			}
			pupils[k][op.Key.Pupil()] = true
		}
	}
	if n != len(r.Notes) {
		return fmt.Errorf("%d lines have %d notes", n, len(r.Notes))
	}
	for _, s := range r.Sent {
		upserts[s.Pupil] -= s.Upserts
		removals -= s.Removals
	}
	for _, left := range upserts {
		if left != 0 {
			return fmt.Errorf("of a pupil %d more records were sent than are noted", left)
		}
	}
	if removals > 0 || removals < 0 && !r.Manifest.Full {
		return fmt.Errorf("%d more removals were sent than are noted", removals)
	}
	for _, c := range r.Counts {
		// A record under the pupil's earlier id is noted under the later one.
		if most := len(pupils[countKey{c.Authority, c.Dataset}]); c.Pupils > most || most > 0 && c.Pupils == 0 {
			return fmt.Errorf("%s of authority %q: %d pupils are counted, the lines have %d", c.Dataset, c.Authority, c.Pupils, most)
		}
	}
	return nil
}

func TestSentOfEachPupil(t *testing.T) {
	w := classOf(t, 4)
	w.school.pupils[1].version++
	w.school.pupils[1].weeks["2026-03-02"]++
	w.school.pupils[2].weeks["2026-03-02"]++
	delete(w.school.pupils, 3)
	r := mustSync(t, w, reading{})
	want := []Count{
		{Authority: "330", Dataset: record.DatasetPupil, Upserts: 1, Removals: 1, Pupils: 2},
		{Authority: "330", Dataset: record.DatasetContact, Removals: 1, Pupils: 1},
		{Authority: "330", Dataset: record.DatasetAttendance, Upserts: 2, Removals: 2, Pupils: 3},
	}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Error(diff)
	}
	of := func(number int) (list []Sent) {
		for _, s := range r.Sent {
			if s.Pupil == testKeys.MarkOf(record.NewPupilID(testKeys.ID, fmt.Sprint(number))) {
				s.Pupil = Mark{}
				list = append(list, s)
			}
		}
		return list
	}
	for number, want := range map[int][]Sent{
		0: nil,
		1: {{Authority: "330", Dataset: record.DatasetPupil, Upserts: 1}, {Authority: "330", Dataset: record.DatasetAttendance, Upserts: 1}},
		2: {{Authority: "330", Dataset: record.DatasetAttendance, Upserts: 1}},
		3: {{Authority: "330", Dataset: record.DatasetPupil, Removals: 1}, {Authority: "330", Dataset: record.DatasetContact, Removals: 1},
			{Authority: "330", Dataset: record.DatasetAttendance, Removals: 2}},
	} {
		if diff := cmp.Diff(want, of(number)); diff != "" {
			t.Errorf("pupil %d: %s", number, diff)
		}
	}
	// What a full batch takes away by not having it is noted too, and not counted.
	delete(w.school.pupils, 2)
	r = mustSync(t, w, reading{full: true})
	if got := of(2); len(got) != 3 || got[0].Removals != 1 || got[2].Removals != 2 {
		t.Errorf("left in a full batch: %+v", got)
	}
	if c := r.Counts[0]; c.Pupils != 2 || c.Removals != 0 {
		t.Errorf("a full batch counts %+v", c)
	}
}

// A pupil who gets a permanent UPN takes along what was noted; one whose
// permanent UPN is replaced does not.
func TestSuccessors(t *testing.T) {
	w := classOf(t, 4)
	plain, _ := w.school.pupils[0].ids(0)
	w.school.pupils[0].upn = "one"
	first, _ := w.school.pupils[0].ids(0)
	r := mustSync(t, w, reading{})
	if diff := cmp.Diff([]Successor{{testKeys.MarkOf(plain), testKeys.MarkOf(first)}}, r.Successors); diff != "" {
		t.Error(diff)
	}
	for _, s := range r.Sent {
		if s.Pupil == testKeys.MarkOf(plain) {
			t.Errorf("the earlier id is noted as removed: %+v", s)
		}
	}
	w.school.pupils[0].upn = "two"
	if r = mustSync(t, w, reading{}); len(r.Successors) != 0 {
		t.Errorf("a way back from the new permanent UPN: %+v", r.Successors)
	}
}

// What leads to a pupil is the UPN as the MIS has it, also where it may not
// leave, and the MIS's id; of nobody who is not sent.
func TestAliases(t *testing.T) {
	w := newWorld()
	upns := map[string]string{"1": "801200001001", "2": "80120000100A"}
	for number, digits := range upns {
		upn, err := codes.MakeUPN(digits)
		if err != nil {
			t.Fatal(err)
		}
		upns[number] = upn.Reveal()
	}
	sc := scope.New(w.ask, w.allowed) // which gives no UPN
	c := New(Input{State: w.state, Keys: testKeys, Scope: sc, Today: w.today})
	other := record.NewPupilID(testKeys.ID, "9")
	c.Note(mis.Row{Authority: "330", Record: &record.Pupil{ID: other, UPN: upns["1"]}})
	ids := map[string]record.PupilID{}
	for _, number := range []string{"1", "2"} {
		row := mis.Row{Authority: "330", Record: &record.Pupil{ID: record.NewPupilID(testKeys.ID, number), UPN: upns[number], InCare: true, CareAuthority: "330"}}
		if number == "1" {
			row.Was = row.Record.Pupil()
			record.SetPupil(row.Record, record.NewPupilID(testKeys.ID, number, upns[number]))
		}
		ids[number] = row.Record.Pupil()
		c.Note(row)
		trimmed, ok := sc.Trim(row)
		if !ok || trimmed.Record.(*record.Pupil).UPN != "" {
			t.Fatal("the UPN was not trimmed")
		}
		if err := c.Add(trimmed); err != nil {
			t.Fatal(err)
		}
	}
	r, err := c.Finish(mis.Report{})
	if err != nil {
		t.Fatal(err)
	}
	for number, id := range ids {
		upn, ok := testKeys.MarkOfUPN(" " + strings.ToLower(upns[number]))
		for _, a := range []Mark{upn, testKeys.MarkOfMIS(number)} {
			if !ok || !slices.Contains(r.Aliases, Alias{a, testKeys.MarkOf(id)}) {
				t.Errorf("pupil %s is not found", number)
			}
		}
	}
	if len(r.Aliases) != 4 {
		t.Errorf("%d aliases of 2 pupils", len(r.Aliases))
	}
	// A read that is stopped sends nobody, and leads to nobody.
	c = New(Input{State: w.state, Keys: testKeys, Scope: sc, Today: w.today})
	if err := c.Add(mis.Row{Authority: "330", Record: &record.Pupil{ID: other, InCare: true, CareAuthority: "330"}}); err != nil {
		t.Fatal(err)
	}
	r, err = c.Finish(mis.Report{Stops: []mis.Stop{{Dataset: record.DatasetPupil, Why: protocol.WhyPermission}}})
	if err != nil || len(r.Aliases)+len(r.Sent) != 0 {
		t.Errorf("of a read that was stopped %d aliases are noted, %v", len(r.Aliases), err)
	}
	if _, ok := testKeys.MarkOfUPN("12345"); ok {
		t.Error("12345 is taken for a UPN")
	}
}
