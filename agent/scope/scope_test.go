package scope

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollbridge/agent/mis"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// Birmingham and Leeds exist; Cumbria (909) was divided, Poole (836) became
// part of Bournemouth, Christchurch and Poole (839).
const (
	birmingham = "330"
	leeds      = "383"
	cumbria    = "909"
	poole      = "836"
	bcp        = "839"
)

var everything = map[record.Dataset][]string{
	record.DatasetPupil:      {"Surname", "Forename", "DOB", "UPN"},
	record.DatasetContact:    {"Surname", "Phones", "Addresses"},
	record.DatasetAttendance: {"localAM"},
}

func ask(requests ...protocol.AuthorityAsk) protocol.Ask { return protocol.Ask{Requests: requests} }

func of(code string, datasets map[record.Dataset][]string) protocol.AuthorityAsk {
	return protocol.AuthorityAsk{Code: code, Name: "Authority " + code, Datasets: datasets}
}

func TestIntersection(t *testing.T) {
	a := ask(of(birmingham, everything), of(leeds, everything))
	s := New(a, Allowed{
		birmingham: {record.DatasetPupil: {"Surname", "House"}, record.DatasetContact: {"Phones"}, "pets": {"name"}},
		"201":      everything,                              // allowed, never asked for
		leeds:      {record.DatasetAttendance: {"localAM"}}, // without its pupils
	})
	if diff := cmp.Diff([]string{birmingham}, s.Authorities()); diff != "" {
		t.Error("authorities:", diff)
	}
	if diff := cmp.Diff([]record.Dataset{record.DatasetPupil, record.DatasetContact}, s.Datasets()); diff != "" {
		t.Error("datasets:", diff)
	}
	row, ok := s.Trim(mis.Row{Authority: birmingham, Record: &record.Pupil{
		ID: "p", Surname: "kept", Forename: "dropped", House: "never asked", InCare: true, CareAuthority: birmingham}})
	if !ok {
		t.Fatal("a pupil in scope was dropped")
	}
	text, err := record.Encode(row.Record)
	want := `{"pupil":"p","Surname":"kept","InCare":true,"CareAuthority":"330"}`
	if err != nil || string(text) != want {
		t.Fatalf("what leaves is %s, %v; want %s", text, err, want)
	}
	if _, ok := s.Trim(mis.Row{Authority: birmingham, Record: &record.Attendance{PupilID: "p"}}); ok {
		t.Error("a dataset that is not allowed left")
	}
}

func TestAdmit(t *testing.T) {
	s := New(ask(of(birmingham, everything), of(poole, everything), of(cumbria, everything)),
		Allowed{birmingham: everything, poole: everything, cumbria: everything})
	for _, c := range []struct {
		care      mis.Marker
		authority string
		want      bool
		unknown   bool
	}{
		{mis.MarkerInCare, birmingham, true, false},
		{mis.MarkerInCare, " 330 ", true, false},
		{mis.MarkerInCare, poole, true, false},
		{mis.MarkerInCare, bcp, true, false},
		{mis.MarkerInCare, leeds, false, false},
		{mis.MarkerNotInCare, birmingham, false, false},
		{mis.MarkerNotInCare, "", false, false},
		{mis.MarkerUnknown, birmingham, false, true},
		{mis.Marker(7), birmingham, false, true},
		{mis.MarkerInCare, "", false, true},
		{mis.MarkerInCare, cumbria, false, true},
		{mis.MarkerInCare, "Zebedee", false, true},
	} {
		got, err := s.Admit(mis.Candidate{Care: c.care, Authority: c.authority, Place: "pupils.csv line 7"})
		if got != c.want || errors.Is(err, ErrUnknown) != c.unknown || (err == nil) == c.unknown {
			t.Errorf("Admit(%v, %q) = %v, %v", c.care, c.authority, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "pupils.csv line 7") || strings.Contains(err.Error(), "Zebedee")) {
			t.Errorf("the error must name the place and no value: %v", err)
		}
	}
}

func TestTrimDropsWhatWasNotAdmitted(t *testing.T) {
	s := New(ask(of(birmingham, everything)), Allowed{birmingham: everything})
	pupil := func(id record.PupilID, in bool, care string) record.Record {
		return &record.Pupil{ID: id, InCare: in, CareAuthority: care}
	}
	for name, r := range map[string]mis.Row{
		"contact of nobody":    {Authority: birmingham, Record: &record.Contact{PupilID: "x"}},
		"not in care":          {Authority: birmingham, Record: pupil("a", false, birmingham)},
		"another authority":    {Authority: leeds, Record: pupil("b", true, leeds)},
		"record says another":  {Authority: birmingham, Record: pupil("c", true, leeds)},
		"record says none":     {Authority: birmingham, Record: pupil("d", true, "")},
		"row names none":       {Authority: "", Record: pupil("e", true, birmingham)},
		"contact of one above": {Authority: birmingham, Record: &record.Contact{PupilID: "a"}},
	} {
		if _, ok := s.Trim(r); ok {
			t.Errorf("%s: the row left", name)
		}
	}
	if _, ok := s.Trim(mis.Row{Authority: birmingham, Record: pupil("f", true, birmingham)}); !ok {
		t.Fatal("a pupil in scope was dropped")
	}
	if _, ok := s.Trim(mis.Row{Authority: leeds, Record: &record.Contact{PupilID: "f"}}); ok {
		t.Error("a contact said to be of another authority left")
	}
	if _, ok := s.Trim(mis.Row{Authority: birmingham, Record: &record.Contact{PupilID: "f"}}); !ok {
		t.Error("a contact in scope was dropped")
	}
}

func TestGaps(t *testing.T) {
	a := ask(of(birmingham, everything), of(leeds, map[record.Dataset][]string{record.DatasetPupil: {"InCare"}, "pets": {"name"}}))
	if gaps := Gaps(a, Decision{Allowed: FromAsk(a)}); len(gaps) != 0 {
		t.Errorf("a yes to all leaves %v", gaps)
	}
	got := Gaps(a, Decision{
		Allowed: Allowed{birmingham: {record.DatasetPupil: {"UPN", "DOB", "Surname", "Forename"}, record.DatasetContact: {"Surname"}}},
		Denied:  Denied{birmingham: {record.DatasetContact: {"Phones"}}},
		Gained:  Fields{record.DatasetAttendance: {"localAM"}},
	})
	want := []Gap{
		{birmingham, "Authority 330", record.DatasetContact, []string{"Addresses"}, false, false},
		{birmingham, "Authority 330", record.DatasetContact, []string{"Phones"}, true, false},
		{birmingham, "Authority 330", record.DatasetAttendance, []string{"localAM"}, false, true},
		{leeds, "Authority 383", record.DatasetPupil, []string{}, false, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHashStandsForWhatLeaves(t *testing.T) {
	hash := func(code string, fields ...string) string {
		datasets := map[record.Dataset][]string{record.DatasetPupil: fields}
		return New(ask(of(code, datasets)), Allowed{code: datasets}).Hash()
	}
	if hash(birmingham, "UPN", "DOB") != hash(birmingham, "DOB", "UPN", "UPN", "nonsense", "InCare") {
		t.Error("the same scope has two hashes")
	}
	if hash(poole, "UPN") != hash(bcp, "UPN") {
		t.Error("an authority and its successor are one scope")
	}
	seen := map[string]bool{}
	for _, h := range []string{hash(birmingham, "UPN"), hash(birmingham, "DOB"), hash(leeds, "UPN"), hash(birmingham), New(ask(), nil).Hash()} {
		if seen[h] || len(h) != 64 {
			t.Errorf("hash %s comes twice or has a wrong length", h)
		}
		seen[h] = true
	}
}

// TestNeverWider: whatever is asked and allowed, nothing leaves that is not in
// both, whichever authority it is of.
func TestNeverWider(t *testing.T) {
	authorities := []string{birmingham, leeds, bcp}
	datasets := rapid.Custom(func(t *rapid.T) map[record.Dataset][]string {
		m := map[record.Dataset][]string{}
		for _, d := range record.Datasets() {
			if !rapid.Bool().Draw(t, "has "+string(d)) {
				continue
			}
			for _, f := range record.Fields(d) {
				if rapid.Bool().Draw(t, "field") {
					m[d] = append(m[d], f.Name)
				}
			}
			m[d] = append(m[d], "nonsense")
		}
		return m
	})
	rapid.Check(t, func(t *rapid.T) {
		wanted, given := map[string]map[record.Dataset][]string{}, Allowed{}
		var a protocol.Ask
		for _, code := range authorities {
			wanted[code], given[code] = datasets.Draw(t, "asked"), datasets.Draw(t, "allowed")
			a.Requests = append(a.Requests, of(code, wanted[code]))
		}
		s := New(a, given)
		for _, code := range authorities {
			for _, d := range record.Datasets() {
				if !d.OfPupils() {
					continue
				}
				r := recordtest.Make(d, record.NewPupilID([]byte("key"), code), 1, 1)
				if p, ok := r.(*record.Pupil); ok {
					p.CareAuthority = code
				}
				row, ok := s.Trim(mis.Row{Record: r, Authority: code})
				allowed := wanted[code][d] != nil && given[code][d] != nil && wanted[code][record.DatasetPupil] != nil && given[code][record.DatasetPupil] != nil
				if ok != allowed {
					t.Fatalf("%s of %s left: %v; asked for and allowed: %v", d, code, ok, allowed)
				}
				if ok {
					checkFields(t, row.Record, wanted[code][d], given[code][d])
				}
			}
		}
		if row, ok := s.Trim(mis.Row{Record: recordtest.Make(record.DatasetStaff, "", 1, 1)}); ok {
			checkStaff(t, row.Record, s, wanted, given)
		}
	})
}

// checkStaff: each field is one that some authority asked for and was allowed.
func checkStaff(t *rapid.T, r record.Record, s *Scope, wanted map[string]map[record.Dataset][]string, given Allowed) {
	var both []string
	for code := range wanted {
		for _, f := range wanted[code][record.DatasetStaff] {
			if slices.Contains(given[code][record.DatasetStaff], f) {
				both = append(both, f)
			}
		}
	}
	for code, fields := range s.Given(record.DatasetStaff) {
		for _, f := range fields {
			if !slices.Contains(wanted[code][record.DatasetStaff], f) || !slices.Contains(given[code][record.DatasetStaff], f) {
				t.Fatalf("%s is given the field %s of staff: not in both lists", code, f)
			}
		}
	}
	checkFields(t, r, both)
}

func checkFields(t *rapid.T, r record.Record, lists ...[]string) {
	text, err := record.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	var left map[string]json.RawMessage
	if err := json.Unmarshal(text, &left); err != nil {
		t.Fatal(err)
	}
	for _, f := range record.Fields(r.Dataset()) {
		if _, there := left[f.Name]; !there || f.Always {
			continue
		}
		for _, list := range lists {
			found := false
			for _, name := range list {
				found = found || name == f.Name
			}
			if !found {
				t.Fatalf("field %s of %s left: not in both lists", f.Name, r.Dataset())
			}
		}
	}
}
