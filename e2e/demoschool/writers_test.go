package demoschool

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
)

// files reads a folder whole.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	found := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		found[e.Name()] = string(data)
	}
	return found
}

func TestSameSeedSameBytes(t *testing.T) {
	render := func(seed uint64) map[string]string {
		s, dir := New(Config{Seed: seed, Pupils: 150, OneCharacterMarks: true}), t.TempDir()
		must(t, s.TakeRegister(s.Today(), PM))
		must(t, s.EnterCare(s.NotLookedAfter()[0].ID, "933", s.Today()))
		must(t, s.WriteCSV(dir))
		must(t, s.WriteCTF(dir, CTFOptions{Files: 3}))
		return files(t, dir)
	}
	first := render(42)
	if want := len(CSVFiles()) + 3; len(first) != want {
		t.Errorf("%d files, want %d and nothing left over", len(first), want)
	}
	if diff := cmp.Diff(first, render(42)); diff != "" {
		t.Errorf("two schools of one seed differ: %s", diff)
	}
	for name, text := range render(43) {
		if first[name] == text {
			t.Errorf("%s is the same under another seed", name)
		}
	}
}

func TestCSVHoldsTheModel(t *testing.T) {
	for name, tc := range map[string]struct {
		config Config
		o      CSVOptions
	}{
		"plain":      {Config{Seed: 8, Pupils: 300, UnknownMarkers: 1}, CSVOptions{}},
		"BOM":        {Config{Seed: 8, Pupils: 300, Canary: "ZQJX"}, CSVOptions{BOM: true, Delimiter: ';'}},
		"Windows":    {Config{Seed: 8, Pupils: 300, WesternNames: true}, CSVOptions{Encoding: Windows1252, Delimiter: '\t'}},
		"late entry": {Config{Seed: 9, Pupils: 300, Today: Date(2026, time.June, 15)}, CSVOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := New(tc.config), t.TempDir()
			must(t, s.WriteCSV(dir, tc.o))
			written := files(t, dir)
			if len(written) != len(CSVFiles()) {
				t.Errorf("%d files in the folder, want %d", len(written), len(CSVFiles()))
			}
			checkPupilRows(t, s, readCSV(t, written[PupilsCSV], tc.o, pupilHeadings))
			checkContactRows(t, s, readCSV(t, written[ContactsCSV], tc.o, contactHeadings))
			checkMarkRows(t, s, readCSV(t, written[AttendanceCSV], tc.o, attendanceHeadings))
		})
	}
}

// readCSV reads a file back as rows by heading.
func readCSV(t *testing.T, text string, o CSVOptions, headings []Heading) []map[string]string {
	t.Helper()
	if strings.HasPrefix(text, "\ufeff") != o.BOM {
		t.Errorf("byte order mark: %v, want %v", !o.BOM, o.BOM)
	}
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Error("a line does not end in CRLF")
	}
	if o.Encoding == Windows1252 {
		decoded, err := charmap.Windows1252.NewDecoder().String(text)
		must(t, err)
		text = decoded
	}
	r := csv.NewReader(strings.NewReader(text))
	if o.Delimiter != 0 {
		r.Comma = o.Delimiter
	}
	rows, err := r.ReadAll()
	must(t, err)
	if !slices.EqualFunc(rows[0], headings, func(got string, want Heading) bool { return got == want.Text }) {
		t.Errorf("headings are %q", rows[0])
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		byHeading := map[string]string{}
		for i, cell := range row {
			byHeading[rows[0][i]] = cell
		}
		out = append(out, byHeading)
	}
	return out
}

func readDate(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	d, err := time.Parse("02/01/2006", text)
	must(t, err)
	return d
}

func checkPupilRows(t *testing.T, s *School, rows []map[string]string) {
	t.Helper()
	var got []*Pupil
	for _, r := range rows {
		got = append(got, &Pupil{
			ID: r["Pupil ID"], UPN: r["UPN"], FormerUPN: r["Former UPN"], ULN: r["ULN"], AdmissionNo: r["Adno"],
			LegalSurname: r["Legal Surname"], LegalForename: r["Legal Forename"], MiddleNames: r["Middle Names"],
			PreferredSurname: r["Preferred Surname"], PreferredForename: r["Preferred Forename"],
			FormerSurname: r["Former Surname"], DOB: readDate(t, r["Date of Birth"]), Sex: r["Sex"],
			Year: r["Year Group"], RegGroup: r["Reg Group"], House: r["House"],
			InCare: r["In Care"] == "Yes", InCareUnknown: r["In Care"] == "", CareAuthority: r["Care Authority"],
			CareStart: readDate(t, r["Care Start"]), CareEnd: readDate(t, r["Care End"]), PEP: r["PEP"] == "Yes",
			FSM: r["FSM"] == "Yes", PupilPremium: r["Pupil Premium"] == "Yes", Email: r["Email"], Phone: r["Phone"],
			EntryDate: readDate(t, r["Entry Date"]), LeavingDate: readDate(t, r["Leaving Date"]), EnrolStatus: r["Enrolment Status"],
			FormerForename: r["Former Forename"], Gender: r["Gender Identity"], PremiumCode: r["Pupil Premium Indicator"],
			InCareHere: map[string]Answer{"Yes": Yes, "No": No}[r["In Care At Current School"]],
		})
	}
	var want []*Pupil
	for p := range s.Pupils() {
		inFile := *p
		inFile.FSMStart = time.Time{} // only in the CTF
		want = append(want, &inFile)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pupils.csv differs from the model: %s", diff)
	}
}

func checkContactRows(t *testing.T, s *School, rows []map[string]string) {
	t.Helper()
	var got, want []Contact
	for _, r := range rows {
		priority, err := strconv.Atoi(r["Priority"])
		must(t, err)
		got = append(got, Contact{
			ID: r["Contact ID"], PupilID: r["Pupil ID"], Title: r["Title"], Forename: r["Forename"], Surname: r["Surname"],
			Relationship: r["Relationship"], Priority: priority, ParentalResponsibility: r["Parental Responsibility"] == "Yes",
			HomePhone: r["Home Phone"], MobilePhone: r["Mobile Phone"], WorkPhone: r["Work Phone"], Email: r["Email"],
			Address: r["Address"], Postcode: r["Postcode"],
		})
	}
	for p := range s.Pupils() {
		want = slices.AppendSeq(want, s.Contacts(p.ID))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contacts.csv differs from the model: %s", diff)
	}
}

func checkMarkRows(t *testing.T, s *School, rows []map[string]string) {
	t.Helper()
	var got, want []Mark
	for _, r := range rows {
		late := 0
		if r["Minutes Late"] != "" {
			n, err := strconv.Atoi(r["Minutes Late"])
			must(t, err)
			late = n
		}
		got = append(got, Mark{r["Pupil ID"], readDate(t, r["Date"]), Session(r["Session"]), r["Mark"], late})
	}
	for p := range s.Pupils() {
		want = slices.AppendSeq(want, s.Marks(p.ID))
	}
	if !slices.Equal(want, got) {
		t.Errorf("attendance.csv differs from the model: %d rows for %d marks", len(got), len(want))
	}
}

// A failed write leaves the old files as they were and no temporary file.
func TestFailedWriteLeavesTheOldFiles(t *testing.T) {
	dir := t.TempDir()
	must(t, New(Config{Seed: 1, Pupils: 200, WesternNames: true}).WriteCSV(dir, CSVOptions{Encoding: Windows1252}))
	before := files(t, dir)
	s := New(Config{Seed: 1, Pupils: 200})
	err := s.WriteCSV(dir, CSVOptions{Encoding: Windows1252})
	if err == nil || !strings.Contains(err.Error(), "WesternNames") {
		t.Errorf("names that Windows-1252 cannot hold: %v", err)
	}
	err = s.WriteCTF(dir, CTFOptions{})
	if err == nil || !strings.Contains(err.Error(), "OneCharacterMarks") {
		t.Errorf("two-character codes in a CTF: %v", err)
	}
	for name, err := range map[string]error{
		"delimiter":      s.WriteCSV(dir, CSVOptions{Delimiter: '|'}),
		"encoding":       s.WriteCSV(dir, CSVOptions{Encoding: "utf-16"}),
		"BOM":            s.WriteCSV(dir, CSVOptions{Encoding: Windows1252, BOM: true}),
		"two options":    s.WriteCSV(dir, CSVOptions{}, CSVOptions{}),
		"no folder":      s.WriteCSV(filepath.Join(dir, "none")),
		"too many files": s.WriteCTF(dir, CTFOptions{Files: 1000}),
		"version":        s.WriteCTF(dir, CTFOptions{Version: "new"}),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("refused writes changed the folder: %s", diff)
	}
}

// readCTF parses with the writer's own element types; the names themselves are
// checked against the raw bytes in TestCTFHoldsTheModel.
func readCTF(t *testing.T, text string) (ctfHeader, []ctfPupil) {
	t.Helper()
	var file struct {
		XMLName xml.Name   `xml:"CTfile"`
		Header  ctfHeader  `xml:"Header"`
		Pupils  []ctfPupil `xml:"CTFpupilData>Pupil"`
	}
	d := xml.NewDecoder(strings.NewReader(text))
	must(t, d.Decode(&file))
	if _, err := d.Token(); err != io.EOF {
		t.Errorf("after the root element: %v", err)
	}
	return file.Header, file.Pupils
}

func TestCTFHoldsTheModel(t *testing.T) {
	s, dir := New(Config{Seed: 6, Pupils: 250, OneCharacterMarks: true, UnknownMarkers: 2}), t.TempDir()
	must(t, s.WriteCTF(dir, CTFOptions{Files: 5}))
	must(t, s.WriteCTF(dir, CTFOptions{Files: 3}))
	written := files(t, dir)
	var pupils []ctfPupil
	for i := 1; i <= 3; i++ {
		text, ok := written["9331234_CTF_9330000_00"+strconv.Itoa(i)+".xml"]
		if !ok || len(written) != 3 {
			t.Fatalf("the folder holds %d files, want 001 to 003", len(written))
		}
		h, part := readCTF(t, text)
		if h.CTFversion != "25.0" || h.DateTime != "2026-11-16T09:45:00" || h.SourceSchool.AcademicYear != "2026" {
			t.Errorf("header is %+v", h)
		}
		pupils = append(pupils, part...)
	}
	want := slices.Collect(s.Pupils())
	if len(pupils) != len(want) {
		t.Fatalf("%d pupils in the files, want %d", len(pupils), len(want))
	}
	for i, p := range want {
		checkCTFPupil(t, s, p, pupils[i])
	}
	for _, piece := range []string{
		"<LookedAfter>\n        <InCare>true</InCare>\n        <CareAuthority>", "<AttendanceStartDate>2026-09-01</AttendanceStartDate>",
		"<AttendanceMarks>##", "<Relationship>PAM</Relationship>", "<Responsibility>true</Responsibility>", "<Sex>F</Sex>",
	} {
		if !strings.Contains(written[ctfName(1)]+written[ctfName(2)]+written[ctfName(3)], piece) {
			t.Errorf("no file holds %s", piece)
		}
	}
}

func checkCTFPupil(t *testing.T, s *School, p *Pupil, got ctfPupil) {
	t.Helper()
	if got.UPN != p.UPN || got.Surname != p.LegalSurname || got.Forename != p.LegalForename ||
		got.DOB != p.DOB.Format(time.DateOnly) || got.Sex != p.Sex || got.BasicDetails.FormerUPN != p.FormerUPN {
		t.Errorf("pupil is %+v in the file, %+v in the model", got, p)
	}
	switch {
	case p.InCareUnknown != (got.LookedAfter == nil):
		t.Error("an unknown care marker is not left out, or a known one is")
	case p.InCareUnknown:
	case got.LookedAfter.InCare != p.InCare, p.InCare && got.LookedAfter.CareAuthority != p.CareAuthority,
		!p.InCare && got.LookedAfter.CareAuthority != "":
		t.Errorf("looked after is %+v in the file", got.LookedAfter)
	}
	i := 0
	for c := range s.Contacts(p.ID) {
		if i >= len(got.Contacts) {
			t.Fatal("a contact is missing")
		}
		have := got.Contacts[i]
		lines := strings.Join(slices.DeleteFunc([]string{have.Address.Line1, have.Address.Line2, have.Address.Line3,
			have.Address.Line4, have.Address.Line5}, func(l string) bool { return l == "" }), ", ")
		if have.Surname != c.Surname || have.Relationship != c.Relationship || have.Order != c.Priority || lines != c.Address {
			t.Errorf("contact is %+v in the file, %+v in the model", have, c)
		}
		i++
	}
	if i != len(got.Contacts) {
		t.Errorf("%d contacts too many", len(got.Contacts)-i)
	}
	checkCTFMarks(t, s, p, got.Attendance)
}

// checkCTFMarks unpacks the string by calendar date and compares both ways.
func checkCTFMarks(t *testing.T, s *School, p *Pupil, year *ctfYear) {
	t.Helper()
	start, err := time.Parse(time.DateOnly, year.Start)
	must(t, err)
	marks := map[Mark]bool{}
	for m := range s.Marks(p.ID) {
		if m.Code == "" {
			m.Code = "-"
		}
		marks[Mark{Date: m.Date, Session: m.Session, Code: m.Code}] = true
	}
	if year.Possible != year.Attended+year.Authorised+year.Unauthorised {
		t.Errorf("session totals do not add up: %+v", year)
	}
	for at, c := range year.Marks {
		m := Mark{Date: start.AddDate(0, 0, at/2), Session: []Session{AM, PM}[at%2], Code: string(c)}
		if !marks[m] && c != '#' {
			t.Fatalf("%v %s is %c in the file and not in the model", m.Date, m.Session, c)
		}
		delete(marks, m)
	}
	if len(marks) > 0 {
		t.Errorf("%d marks are not in the file", len(marks))
	}
	if end := start.AddDate(0, 0, len(year.Marks)/2-1); !end.Equal(s.Today()) {
		t.Errorf("the string ends on %v", end)
	}
}

func TestVersionsOfCTF(t *testing.T) {
	s, dir := New(Config{Pupils: 5, OneCharacterMarks: true}), t.TempDir()
	for version, has := range map[string]struct{ gender, urn bool }{"15.0": {true, false}, "18.0": {true, true}, "22.0": {true, true}, "23.0": {false, true}} {
		must(t, s.WriteCTF(dir, CTFOptions{Version: version}))
		text := files(t, dir)[ctfName(1)]
		if strings.Contains(text, "<Gender>") != has.gender || strings.Contains(text, "<Sex>") == has.gender {
			t.Errorf("CTF %s: Gender and Sex are not as they were then", version)
		}
		if strings.Contains(text, "<URN>") != has.urn {
			t.Errorf("CTF %s: the school's URN is not as it was then", version)
		}
	}
}

func TestMutationsReachTheFiles(t *testing.T) {
	s, dir := New(Config{Seed: 12, Pupils: 60}), t.TempDir()
	must(t, s.WriteCSV(dir))
	before := files(t, dir)
	p := s.LookedAfter()[0]
	must(t, s.ChangeMark(p.ID, s.Today(), AM, "C2"))
	must(t, s.WriteCSV(dir))
	after := files(t, dir)
	if before[PupilsCSV] != after[PupilsCSV] || before[ContactsCSV] != after[ContactsCSV] {
		t.Error("a changed mark changed another file")
	}
	row := p.ID + ",16/11/2026,AM,C2,\r\n"
	if strings.Contains(before[AttendanceCSV], row) || !strings.Contains(after[AttendanceCSV], row) {
		t.Error("the changed mark is not in the file")
	}
	must(t, s.LeaveRoll(p.ID, s.Today().AddDate(0, 0, -1)))
	must(t, s.WriteCSV(dir))
	for name, text := range files(t, dir) {
		if bytes.Contains([]byte(text), []byte("\n"+p.ID+",")) || strings.Contains(text, ","+p.ID+",") {
			t.Errorf("%s still holds a pupil who left", name)
		}
	}
}
