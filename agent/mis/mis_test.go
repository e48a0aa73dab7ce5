package mis

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// canary stands in every value of the test files that is a pupil's, so that
// every test of a refusal also shows that the refusal repeats nothing.
const canary = "Zqjx"

const today = record.Date("2026-11-16")

var idKey = []byte("a key of thirty-two bytes, in test")

// The files of a small school: two pupils in care, one not.
const (
	pupilsCSV = "Pupil ID,UPN,Surname,Forename,Born,Sex,Year,In Care,Authority\r\n" +
		"p1,B801200005001,Zqjxman,Ann,03/04/2013,F,Year  8,Yes,933\r\n" +
		"p2,,Zqjxley,Ben,05/06/2014,M,7,Y,815\r\n" +
		"p3,,Zqjxton,Cat,07/08/2012,F,9,No,\r\n"
	contactsCSV = "Contact ID,Pupil ID,Surname,Relationship,Mobile\r\n" +
		"c1,p1,Zqjxman,Foster Mother,07700 900123\r\n" +
		"c1,p2,Zqjxley,SWR,07700 900124\r\n" +
		"c3,p3,Zqjxton,PAM,07700 900125\r\n"
	marksCSV = "Pupil ID,Date,Session,Mark,Late\r\n" +
		"p1,09/11/2026,AM,/,\r\n" +
		"p1,09/11/2026,PM,\\,\r\n" +
		"p1,10/11/2026,AM,L,12\r\n" +
		"p1,10/11/2026,PM,-,\r\n" +
		"p2,09/11/2026,AM,C1,\r\n" +
		"p3,09/11/2026,AM,/,\r\n"
	profileYAML = `
name: test
driver: file
format: csv
capabilities: {caring_authority: true, mis_id: true, snapshot: true}
null_means: unknown
delimiter: comma
encoding: utf-8
dates: dd/mm/yyyy
datasets:
  pupil:
    file: pupils.csv
    evidence: site
    columns: {pupil: Pupil ID, UPN: UPN, Surname: Surname, Forename: Forename, DOB: Born, Sex: Sex, NCyearActual: Year, InCare: In Care, CareAuthority: Authority}
  contact:
    file: contacts.csv
    evidence: site
    columns: {contact: Contact ID, pupil: Pupil ID, Surname: Surname, Relationship: Relationship, Phones.mobile: Mobile}
    values: {Relationship: {Foster Mother: FOM}}
  attendance:
    file: marks.csv
    evidence: site
    columns: {pupil: Pupil ID, date: Date, session: Session, mark: Mark, late: Late}
    values: {mark: {Ill: I}}
`
)

// A school is the content of its files by name; a missing one is not written.
type school map[string]string

func small() school {
	return school{"pupils.csv": pupilsCSV, "contacts.csv": contactsCSV, "marks.csv": marksCSV}
}

// with returns the school with one text of one file replaced.
func (s school) with(file, old, replacement string) school {
	if !strings.Contains(s[file], old) {
		panic("the test replaces a text that is not in " + file)
	}
	s[file] = strings.Replace(s[file], old, replacement, 1)
	return s
}

func (s school) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range s {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// site reads at once: the files were written whole.
func site(dir string) Site {
	now := 0
	return Site{Dir: dir, SettleSeconds: &now}
}

func testProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := parseProfile("test.yaml", []byte(profileYAML))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func everybody(Candidate) (bool, error) { return true, nil }

// result is what one read gave: records by dataset and key in canonical form.
type result struct {
	Report  Report
	Lines   map[string]string
	order   []record.Dataset
	was     map[record.PupilID]record.PupilID
	records []record.Record
}

func readAll(t testing.TB, p *Profile, at Site, admit func(Candidate) (bool, error)) (result, error) {
	t.Helper()
	s, err := Open(p, at)
	if err != nil {
		return result{}, err
	}
	return readSource(t, s, admit)
}

// asked are the datasets that the profiles of these tests offer.
var asked = []record.Dataset{record.DatasetPupil, record.DatasetContact, record.DatasetAttendance}

func readSource(t testing.TB, s *Source, admit func(Candidate) (bool, error)) (result, error) {
	t.Helper()
	return readDatasets(t, s, asked, admit)
}

func readDatasets(t testing.TB, s *Source, asked []record.Dataset, admit func(Candidate) (bool, error)) (result, error) {
	t.Helper()
	got := result{Lines: map[string]string{}, was: map[record.PupilID]record.PupilID{}}
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
	gives := s.Fields()
	var err error
	got.Report, err = s.Read(context.Background(), ask, admit, func(row Row) error {
		line, err := record.Encode(row.Record)
		if err != nil {
			return err
		}
		onlyKnownFields(t, gives, row.Record.Dataset(), line)
		key := string(row.Record.Dataset()) + " " + string(row.Record.Key())
		if _, twice := got.Lines[key]; twice {
			t.Errorf("a %s record was given twice", row.Record.Dataset())
		}
		got.Lines[key] = string(line)
		got.order = append(got.order, row.Record.Dataset())
		got.was[row.Record.Pupil()] = max(got.was[row.Record.Pupil()], row.Was)
		got.records = append(got.records, row.Record)
		return nil
	})
	if err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) {
		t.Errorf("the error repeats a value of the files: %v", err)
	}
	return got, err
}

// onlyKnownFields: whatever is read, no row has a field that Source.Fields does
// not name, since what it does not name cannot wait for the school's yes.
func onlyKnownFields(t testing.TB, gives map[record.Dataset][]string, d record.Dataset, line []byte) {
	t.Helper()
	var row map[string]json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		t.Fatal(err)
	}
	for _, f := range record.Fields(d) {
		if _, there := row[f.Name]; there && !f.Always && !slices.Contains(gives[d], f.Name) {
			t.Errorf("a %s record has %s, which the profile is not said to give", d, f.Name)
		}
	}
}

func mustRead(t testing.TB, p *Profile, at Site) result {
	t.Helper()
	got, err := readAll(t, p, at, everybody)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// refused reads and returns the *Error that must come.
func refused(t *testing.T, p *Profile, at Site) *Error {
	t.Helper()
	got, err := readAll(t, p, at, everybody)
	var ours *Error
	if !errors.As(err, &ours) {
		t.Fatalf("error %v, want an *Error (report %+v)", err, got.Report)
	}
	return ours
}

func warnings(r Report) map[string]int {
	found := map[string]int{}
	for _, w := range r.Warnings {
		found[string(w.Dataset)+"."+w.Field+"."+w.Code] = w.Count
	}
	return found
}

func wantDiff(t *testing.T, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
}

func TestReadGivesTheRecordsOfPupilsInCare(t *testing.T) {
	got := mustRead(t, testProfile(t), site(small().write(t)))

	p1, p2 := record.NewPupilID(idKey, "p1", "B801200005001"), record.NewPupilID(idKey, "p2")
	c1 := record.NewSubID(idKey, record.DatasetContact, "c1")
	yes := map[string]string{
		"pupil " + string(p1):                           `{"pupil":"` + string(p1) + `","UPN":"B801200005001","Surname":"Zqjxman","Forename":"Ann","DOB":"2013-04-03","Sex":"F","NCyearActual":"8","InCare":true,"CareAuthority":"933"}`,
		"pupil " + string(p2):                           `{"pupil":"` + string(p2) + `","Surname":"Zqjxley","Forename":"Ben","DOB":"2014-06-05","Sex":"M","NCyearActual":"7","InCare":true,"CareAuthority":"815"}`,
		"contact " + string(p1) + "/" + c1:              `{"pupil":"` + string(p1) + `","contact":"` + c1 + `","Surname":"Zqjxman","Relationship":"FOM","Phones":[{"TelephoneType":"M","PhoneNo":"07700 900123"}]}`,
		"contact " + string(p2) + "/" + c1:              `{"pupil":"` + string(p2) + `","contact":"` + c1 + `","Surname":"Zqjxley","Relationship":"SWR","Phones":[{"TelephoneType":"M","PhoneNo":"07700 900124"}]}`,
		"attendance " + string(p1) + "/" + "2026-11-09": `{"pupil":"` + string(p1) + `","week":"2026-11-09","am":["/","L","","",""],"pm":["\\","","","",""],"lateAM":[0,12,0,0,0]}`,
		"attendance " + string(p2) + "/" + "2026-11-09": `{"pupil":"` + string(p2) + `","week":"2026-11-09","am":["C1","","","",""],"pm":["","","","",""]}`,
	}
	wantDiff(t, yes, got.Lines)
	wantDiff(t, map[record.PupilID]record.PupilID{p1: record.NewPupilID(idKey, "p1"), p2: ""}, got.was)
	wantDiff(t, []record.Dataset{"pupil", "pupil", "contact", "contact", "attendance", "attendance"}, got.order)
	for i := range got.Report.Datasets {
		if got.Report.Datasets[i].AsAt.IsZero() {
			t.Errorf("dataset %d has no as-at time", i)
		}
		got.Report.Datasets[i].AsAt = time.Time{}
	}
	wantDiff(t, []protocol.DatasetRead{
		{Dataset: "pupil", Rows: 3, Matched: 2, Excluded: 1, Complete: true},
		{Dataset: "contact", Rows: 3, Matched: 2, Excluded: 1, Complete: true},
		{Dataset: "attendance", Rows: 6, Matched: 5, Excluded: 1, Complete: true, From: "2026-11-09", To: "2026-11-10"},
	}, got.Report.Datasets)
	wantDiff(t, map[string]int{}, warnings(got.Report))
	for _, r := range got.records {
		if faults := record.Check(r, today); len(faults) > 0 {
			t.Errorf("a %s record has faults: %v", r.Dataset(), faults)
		}
	}
}

func TestOnlyPupilsInCareAreOffered(t *testing.T) {
	var offered []Candidate
	got, err := readAll(t, testProfile(t), site(small().write(t)), func(c Candidate) (bool, error) {
		offered = append(offered, c)
		return c.Authority == "815", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, []Candidate{
		{Care: MarkerInCare, Authority: "933", Place: "pupils.csv line 2"},
		{Care: MarkerInCare, Authority: "815", Place: "pupils.csv line 3"},
	}, offered)
	for _, r := range got.records {
		if r.Pupil() != record.NewPupilID(idKey, "p2") {
			t.Error("a record of a pupil who was not admitted was given out")
		}
	}
	if len(got.records) != 3 {
		t.Errorf("%d records, want 3", len(got.records))
	}
}

func TestUnclearMarkerIsNeverNo(t *testing.T) {
	for name, c := range map[string]struct {
		marker, authority, nullMeans string
		unknown                      int
	}{
		"U":                 {marker: "U", authority: "933", unknown: 1},
		"a word":            {marker: "maybe", authority: "933", unknown: 1},
		"blank":             {marker: " ", authority: "933", unknown: 1},
		"blank that is no":  {marker: "", authority: "", nullMeans: "not_in_care"},
		"U is not blank":    {marker: "U", authority: "", nullMeans: "not_in_care", unknown: 1},
		"no authority":      {marker: "yes", authority: "", unknown: 1},
		"not an authority":  {marker: "1", authority: "Zqjx", unknown: 1},
		"divided authority": {marker: "true", authority: "909", unknown: 1},
		"pseudo authority":  {marker: "T", authority: "001", unknown: 1},
	} {
		t.Run(name, func(t *testing.T) {
			at := site(small().with("pupils.csv", "Yes,933", c.marker+","+c.authority).write(t))
			at.NullMeans = c.nullMeans
			got := mustRead(t, testProfile(t), at)
			if got.Report.Unknown != c.unknown {
				t.Errorf("%d unknown, want %d", got.Report.Unknown, c.unknown)
			}
			for _, d := range got.Report.Datasets {
				if d.Complete != (c.unknown == 0) {
					t.Errorf("dataset %s: complete is %v", d.Dataset, d.Complete)
				}
			}
			if _, there := got.Lines["pupil "+string(record.NewPupilID(idKey, "p2"))]; !there || len(got.records) != 3 {
				t.Error("the other pupil did not flow alone")
			}
		})
	}
}

func TestFormerAuthorityBecomesItsSuccessor(t *testing.T) {
	got := mustRead(t, testProfile(t), site(small().with("pupils.csv", "Yes,933", "Yes,837").write(t)))
	// 837 is Bournemouth before 2019; its one successor is 839.
	if !strings.Contains(got.Lines["pupil "+string(record.NewPupilID(idKey, "p1", "B801200005001"))], `"CareAuthority":"839"`) {
		t.Error("the former authority was not followed to its successor")
	}
}

func TestErrorsOfTheCallerComeBack(t *testing.T) {
	mine := errors.New("mine")
	dir := small().write(t)
	if _, err := readAll(t, testProfile(t), site(dir), func(Candidate) (bool, error) { return false, mine }); !errors.Is(err, mine) {
		t.Errorf("admit: %v", err)
	}
	s, err := Open(testProfile(t), site(dir))
	if err != nil {
		t.Fatal(err)
	}
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
	if _, err := s.Read(context.Background(), ask, everybody, func(Row) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("sink: %v", err)
	}
}

func TestOnlyWhatIsAskedIsGiven(t *testing.T) {
	s := small()
	delete(s, "contacts.csv") // not asked for, so not missed
	source, err := Open(testProfile(t), site(s.write(t)))
	if err != nil {
		t.Fatal(err)
	}
	ask := Ask{Datasets: []record.Dataset{record.DatasetAttendance}, Today: today, IDKey: idKey}
	report, err := source.Read(context.Background(), ask, everybody, func(row Row) error {
		if row.Record.Dataset() != record.DatasetAttendance {
			t.Errorf("a %s record was given", row.Record.Dataset())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Datasets) != 1 || report.Datasets[0].Matched != 5 {
		t.Errorf("report %+v", report.Datasets)
	}
}
