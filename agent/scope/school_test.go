package scope

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// fieldsOf are the names of the fields that a record has.
func fieldsOf(t *testing.T, r record.Record) []string {
	t.Helper()
	var names []string
	encoded := func(r record.Record) string {
		text, err := record.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole := encoded(r)
	for _, f := range record.Fields(r.Dataset()) {
		other, err := record.Decode(r.Dataset(), []byte(whole))
		if err != nil {
			t.Fatal(err)
		}
		record.Keep(other, func(name string) bool { return name != f.Name })
		if !f.Always && encoded(other) != whole {
			names = append(names, f.Name)
		}
	}
	return names
}

// Staff belong to the school: one row for all authorities, with the fields that
// any of them asked for and was allowed; each is given its own.
func TestStaffLeaveOnceForAllWhoAreGivenThem(t *testing.T) {
	pupil := []string{"Surname"}
	asks := func(fields ...string) map[record.Dataset][]string {
		return map[record.Dataset][]string{record.DatasetPupil: pupil, record.DatasetStaff: fields}
	}
	a := ask(of(birmingham, asks("Surname", "Email", "Phone")), of(leeds, asks("Surname", "Phone", "Role")), of(bcp, asks("Surname", "Title")))
	for _, c := range []struct {
		name    string
		allowed Allowed
		given   map[string][]string
		leaves  []string
	}{
		{"one authority", Allowed{birmingham: asks("Surname", "Email", "Role"), leeds: {record.DatasetPupil: pupil}},
			map[string][]string{birmingham: {"Email", "Surname"}}, []string{"Surname", "Email"}},
		{"two, each its own fields", Allowed{birmingham: asks("Surname", "Email"), leeds: asks("Surname", "Phone", "Email")},
			map[string][]string{birmingham: {"Email", "Surname"}, leeds: {"Phone", "Surname"}}, []string{"Surname", "Email", "Phone"}},
		{"allowed to one who did not ask", Allowed{birmingham: {record.DatasetPupil: pupil}, "201": asks("Surname")}, nil, nil},
		{"no field", Allowed{birmingham: asks()}, map[string][]string{birmingham: {}}, nil},
		{"without the pupils of the authority", Allowed{birmingham: {record.DatasetStaff: {"Surname"}}}, nil, nil},
		{"nothing allowed", nil, nil, nil},
	} {
		s := New(a, c.allowed)
		given := s.Given(record.DatasetStaff)
		if diff := cmp.Diff(c.given, given); diff != "" && len(c.given)+len(given) > 0 {
			t.Errorf("%s: given %s", c.name, diff)
		}
		// What a reader says of an authority is nothing: the school has one staff.
		for _, said := range []string{"", birmingham, "201"} {
			row, ok := s.Trim(mis.Row{Authority: said, Record: recordtest.Make(record.DatasetStaff, "", 1, 1)})
			if ok != (len(c.given) > 0) {
				t.Errorf("%s: leaves %v", c.name, ok)
			}
			if !ok {
				continue
			}
			if diff := cmp.Diff(c.leaves, fieldsOf(t, row.Record)); diff != "" || row.Authority != "" {
				t.Errorf("%s: as of authority %q leave the fields %s", c.name, row.Authority, diff)
			}
		}
	}
	if s := New(a, FromAsk(a)); s.Given(record.DatasetContact) != nil || s.Given(record.DatasetPupil) != nil {
		t.Error("pupils' records are given to authorities by name, not by whose the pupil is")
	}
}

// A record without a pupil is not let through because it has none.
func TestARecordOfNoPupilIsNobodys(t *testing.T) {
	s := New(ask(of(birmingham, everything)), Allowed{birmingham: everything})
	if _, ok := s.Trim(mis.Row{Record: &record.Contact{Surname: "s"}}); ok {
		t.Error("a contact of no pupil and no authority left")
	}
}

// An address or a comment leaves only where the authority named it and the
// school allowed it, in whatever dataset.
func TestSensitiveFieldsLeaveByNameOnly(t *testing.T) {
	found := 0
	for _, d := range record.Datasets() {
		var usual, named []string
		for _, f := range record.Fields(d) {
			named = append(named, f.Name)
			if !f.Sensitive {
				usual = append(usual, f.Name)
			}
		}
		if len(usual) == len(named) {
			continue
		}
		found++
		with := func(fields []string) map[record.Dataset][]string {
			return map[record.Dataset][]string{record.DatasetPupil: {}, d: fields}
		}
		for _, c := range []struct {
			asked, allowed []string
			leave          int
		}{{usual, named, 0}, {named, usual, 0}, {named, named, len(named) - len(usual)}} {
			s := New(ask(of(birmingham, with(c.asked))), Allowed{birmingham: with(c.allowed)})
			id := record.PupilID(strings.Repeat("0a", 16))
			s.Trim(mis.Row{Authority: birmingham, Record: &record.Pupil{ID: id, InCare: true, CareAuthority: birmingham}})
			row, ok := s.Trim(mis.Row{Authority: birmingham, Record: recordtest.Make(d, id, 1, 1)})
			if !ok {
				t.Fatalf("a %s record was dropped", d)
			}
			sensitive := 0
			left := fieldsOf(t, row.Record)
			for _, f := range record.Fields(d) {
				for _, name := range left {
					if f.Sensitive && f.Name == name {
						sensitive++
					}
				}
			}
			if sensitive != c.leave {
				t.Errorf("%s: %d sensitive fields left, want %d", d, sensitive, c.leave)
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d datasets have a sensitive field: the test looks for nothing", found)
	}
}
