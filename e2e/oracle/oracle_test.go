package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

func school() *demoschool.School {
	return demoschool.New(demoschool.Config{Seed: 3, Pupils: 160, LookedAfterShare: 0.1})
}

func all() Question { return Question{Datasets: record.Datasets(), Sensitive: true} }

func answer(t *testing.T, q Question, s *demoschool.School) Lines {
	t.Helper()
	lines, err := q.Answer(s)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// held is the whole school as a collector would hold it, with ids of its own.
func held(s *demoschool.School) []record.Record {
	var all []record.Record
	n := 0
	id := func() string { n++; return fmt.Sprintf("%032x", n) }
	for _, p := range s.LookedAfter() {
		of := pupil(p)
		of.ID = record.PupilID(id())
		all = append(all, of)
		for _, r := range dependents(s, p) {
			record.SetPupil(r, of.ID)
			all = append(all, r)
		}
	}
	for person := range s.Staff() {
		all = append(all, staff(person))
	}
	for _, r := range all {
		if v := field(r, string(r.Dataset())); v.IsValid() && r.Dataset() != record.DatasetPupil {
			v.SetString(id())
		}
	}
	return all
}

// printed is records as the collector prints them, in another order.
func printed(t *testing.T, records []record.Record) *bytes.Buffer {
	t.Helper()
	records = slices.Clone(records)
	r := rand.New(rand.NewPCG(1, 2))
	r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	var out bytes.Buffer
	for _, r := range records {
		content, err := record.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&out).Encode(map[string]any{"dataset": r.Dataset(), "record": json.RawMessage(content)}); err != nil {
			t.Fatal(err)
		}
	}
	return &out
}

func actual(t *testing.T, records []record.Record) Lines {
	t.Helper()
	lines, err := Actual(printed(t, records))
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// What a collector holds rightly is what is expected of it, whatever the ids;
// and of each dataset one record more, one less and one changed are seen.
func TestActualAndExpected(t *testing.T) {
	s := school()
	want := answer(t, all(), s)
	if err := Same(want, actual(t, held(s))); err != nil {
		t.Fatal(err)
	}
	counts := want.Counts()
	for _, d := range record.Datasets() {
		if counts[string(d)] == 0 {
			t.Errorf("nothing of %s is expected of a school that has everything", d)
		}
		if d == record.DatasetPupil {
			continue // the others hang on them
		}
		one := map[string]int{string(d): 1}
		records := held(s)
		at := slices.IndexFunc(records, func(r record.Record) bool { return r.Dataset() == d })
		missing, extra, changed := Diff(want, actual(t, slices.Delete(slices.Clone(records), at, at+1)))
		if !maps.Equal(missing, one) || len(extra)+len(changed) > 0 {
			t.Errorf("one %s less: missing %v, extra %v, changed %v", d, missing, extra, changed)
		}
		without := maps.Clone(want)
		for key := range without {
			if dataset(key) == string(d) {
				delete(without, key)
				break
			}
		}
		if missing, extra, changed = Diff(without, actual(t, records)); !maps.Equal(extra, one) || len(missing)+len(changed) > 0 {
			t.Errorf("one %s more: missing %v, extra %v, changed %v", d, missing, extra, changed)
		}
		other := maps.Clone(want)
		for key := range other {
			if dataset(key) == string(d) {
				other[key] += " "
				break
			}
		}
		if missing, extra, changed = Diff(other, actual(t, records)); !maps.Equal(changed, one) || len(missing)+len(extra) > 0 {
			t.Errorf("one %s changed: missing %v, extra %v, changed %v", d, missing, extra, changed)
		}
		if Same(other, actual(t, records)) == nil {
			t.Errorf("a changed %s is the same", d)
		}
	}
}

// The collector would quarantine nothing of the school, nor warn of it.
func TestRecordsPassEveryCheck(t *testing.T) {
	for seed, today := range []time.Time{
		{}, demoschool.Date(2026, time.September, 2), demoschool.Date(2027, time.January, 15),
		demoschool.Date(2027, time.July, 21), demoschool.LastSchoolDay(time.Now()),
	} {
		s := demoschool.New(demoschool.Config{Seed: uint64(seed), Pupils: 300, LookedAfterShare: 0.5, Canary: "ZQJXVKW", Today: today})
		for _, r := range held(s) {
			for _, fault := range record.Check(r, record.DateOf(s.Today())) {
				if r.Dataset() == record.DatasetAttendance {
					continue // an MIS's marks are checked in their own tests
				}
				t.Errorf("%s: %s %s", r.Dataset(), fault.Reason(), fault.Severity)
			}
		}
	}
}

func TestQuestions(t *testing.T) {
	s := school()
	plain := answer(t, Question{}, s)
	if got := slices.Sorted(maps.Keys(plain.Counts())); !slices.Equal(got, []string{"attendance", "contact", "pupil"}) {
		t.Errorf("by default %v are asked for", got)
	}
	expected, err := Expected(s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plain, expected); diff != "" {
		t.Error(diff)
	}
	some := answer(t, Question{Datasets: []record.Dataset{record.DatasetPupil, record.DatasetSEN}}, s)
	if got := slices.Sorted(maps.Keys(some.Counts())); !slices.Equal(got, []string{"pupil", "sen"}) {
		t.Errorf("pupils and SEN were asked for, and %v are expected", got)
	}
	counts := answer(t, all(), s).Counts()
	for _, text := range answer(t, Question{Datasets: record.Datasets()}, s) {
		if strings.Contains(text, `"Addresses"`) || strings.Contains(text, `"Comments"`) {
			t.Fatal("an address or a comment is expected that nobody asked for")
		}
	}
	// Each authority has its own children, and all of the staff.
	children := 0
	for _, a := range s.Authorities() {
		n := answer(t, Question{Datasets: record.Datasets(), Authorities: []string{a}}, s).Counts()
		children += n["pupil"]
		if n["staff"] != counts["staff"] || n["pupil"] == 0 || n["pupil"] == counts["pupil"] {
			t.Errorf("authority %s is expected to hold %v", a, n)
		}
	}
	if children != counts["pupil"] {
		t.Errorf("the authorities hold %d children, together %d", children, counts["pupil"])
	}
}

func TestRoutes(t *testing.T) {
	s := school()
	q := all()
	q.Route = CTF
	ctf := answer(t, q, s).Counts()
	full := answer(t, all(), s).Counts()
	for _, d := range []string{"pupil", "school_history", "sen", "contact", "attendance"} {
		if ctf[d] != full[d] {
			t.Errorf("a CTF carries %d of %s, want all %d", ctf[d], d, full[d])
		}
	}
	if n := ctf["assessment_result"]; n == 0 || n >= full["assessment_result"] {
		t.Errorf("a CTF carries %d of %d assessments, want those of key stages", n, full["assessment_result"])
	}
	for _, d := range []string{"pep", "agency_contact", "behaviour", "achievement", "detention", "exclusion", "exam_result", "kpi", "staff"} {
		if ctf[d] != 0 {
			t.Errorf("a CTF carries %s", d)
		}
	}
	q.Route = SIMS
	if got := slices.Sorted(maps.Keys(answer(t, q, s).Counts())); !slices.Equal(got, []string{"attendance", "pupil"}) {
		t.Errorf("SIMS carries %v", got)
	}
}

// The names in the table of natural keys are fields, and each dataset that has
// several records of a pupil has some.
func TestNaturalKeysAreFields(t *testing.T) {
	for _, d := range record.Datasets() {
		r, err := record.New(d)
		if err != nil {
			t.Fatal(err)
		}
		if one := d == record.DatasetPupil || d == record.DatasetWelfare; one != (len(natural[d]) == 0) {
			t.Errorf("%s: natural key %v", d, natural[d])
		}
		for _, name := range natural[d] {
			if !field(r, name).IsValid() {
				t.Errorf("%s has no field %s", d, name)
			}
		}
	}
	delete(natural, record.DatasetKPI)
	defer func() { natural[record.DatasetKPI] = []string{"Name", "Period", "Date"} }()
	if _, err := all().Answer(school()); err == nil {
		t.Error("records that cannot be told apart were compared")
	}
}
