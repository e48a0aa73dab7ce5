package mis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

const reportYAML = `name: test
description: reports
driver: report
capabilities: {caring_authority: true, mis_id: true, snapshot: true}
null_means: unknown
dates: yyyy-mm-dd
datasets:
  pupil:
    report: Test pupil
    evidence: site
    columns: {pupil: person_id, InCare: In Care, CareAuthority: Caring Authority, UPN: UPN, AdmissionNumber: Adno, Surname: Legal Surname, NCyearActual: Year, DOB: Date of Birth}
    column_evidence: {pupil: seen}
  contact:
    report: Test contact
    evidence: site
    columns: {pupil: person_id, contact: contact_id, Surname: Surname}
  attendance:
    report: Test attendance
    evidence: site
    columns: {pupil: person_id, date: Date, session: Session, mark: Mark}
`

const (
	pupilReport = `<?xml version="1.0" encoding="utf-8"?>
<SuperStarReport>
  <Record><person_id>11</person_id><In_x0020_Care>T</In_x0020_Care><Caring_x0020_Authority>933</Caring_x0020_Authority><Adno>000123</Adno><Legal_x0020_Surname>Zqjxley</Legal_x0020_Surname><Year>Year  7</Year><Date_x0020_of_x0020_Birth>2014-09-01T00:00:00</Date_x0020_of_x0020_Birth><Unknown><b/>x</Unknown></Record>
  <Record><person_id>12</person_id><In_x0020_Care>F</In_x0020_Care><Legal_x0020_Surname>Zqjxson</Legal_x0020_Surname></Record>
</SuperStarReport>`
	contactReport = `<SuperStarReport><Record><person_id>11</person_id><contact_id>c1</contact_id><Surname>Zqjx</Surname></Record>
<Record><person_id>12</person_id><contact_id>c2</contact_id></Record></SuperStarReport>`
	markReport = `<SuperStarReport><Record><person_id>11</person_id><Date>2026-11-02T00:00:00</Date><Session>AM</Session><Mark>/</Mark></Record></SuperStarReport>`
)

// reportSite opens any profile of reports: it gives each field a caption.
func reportSite(p *Profile, path string) Site {
	site := Site{Command: &Command{Path: path}, Datasets: map[record.Dataset]SiteDataset{}}
	for d, own := range p.Datasets {
		columns := map[string]string{}
		for _, name := range ownNames(d) {
			if own.Columns[name] == "" {
				columns[name] = "of the school: " + name
			}
		}
		site.Datasets[d] = SiteDataset{Columns: columns}
	}
	return site
}

func reportProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := parseProfile("test.yaml", []byte(reportYAML))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// reports are what the program prints, by dataset.
type reports map[record.Dataset]string

func wholeReports() reports {
	return reports{record.DatasetPupil: pupilReport, record.DatasetContact: contactReport, record.DatasetAttendance: markReport}
}

// read reads them as if a program had printed them.
func (texts reports) read(t testing.TB, p *Profile, at Site) (result, error) {
	t.Helper()
	at.Command = &Command{Path: "/x/CommandReporter.exe"}
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	got := result{Lines: map[string]string{}}
	r, err := newReading(s, Ask{Datasets: asked, Today: today, IDKey: idKey}, everybody, func(row Row) error {
		line, err := record.Encode(row.Record)
		got.Lines[string(row.Record.Dataset())+" "+string(row.Record.Key())] = string(line)
		got.records = append(got.records, row.Record)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rr := &reportReading{reading: r, run: func(_ context.Context, d record.Dataset, read func(io.Reader) error) error {
		return read(iotest.OneByteReader(strings.NewReader(texts[d])))
	}}
	if err := rr.read(t.Context()); err != nil {
		noCanary(t, err)
		return got, err
	}
	got.Report = r.finish()
	return got, nil
}

func TestReportsAreRead(t *testing.T) {
	got, err := wholeReports().read(t, reportProfile(t), Site{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.records) != 3 {
		t.Fatalf("%d records, want a pupil, a contact and a week", len(got.records))
	}
	p := got.records[0].(*record.Pupil)
	if p.AdmissionNumber != "000123" || p.NCYearActual != "7" || p.DOB != "2014-09-01" || p.Surname != "Zqjxley" || p.CareAuthority != "933" {
		t.Errorf("the pupil is not as SIMS has it: admission number, year, date of birth, surname or authority differ")
	}
	wantDiff(t, map[string]int{"pupil.UPN.no_column": 1}, warnings(got.Report))
	for _, d := range got.Report.Datasets {
		if !d.Complete {
			t.Errorf("%s is not complete", d.Dataset)
		}
	}
}

// The forms of dates and encodings in which reports come, and what SIMS puts
// around records.
func TestFormsOfReports(t *testing.T) {
	p := reportProfile(t)
	want, err := wholeReports().read(t, p, Site{})
	if err != nil {
		t.Fatal(err)
	}
	uk := func(s string) string {
		return strings.NewReplacer("2014-09-01T00:00:00", "01/09/2014 00:00:00", "2026-11-02T00:00:00", "02/11/2026").Replace(s)
	}
	for name, c := range map[string]struct {
		change func(string) string
		site   Site
	}{
		"dd/mm/yyyy":            {uk, Site{Dates: "dd/mm/yyyy"}},
		"a day and no time":     {func(s string) string { return strings.ReplaceAll(s, "T00:00:00", "") }, Site{}},
		"a zone":                {func(s string) string { return strings.ReplaceAll(s, "T00:00:00", "T00:00:00.000+01:00") }, Site{}},
		"a byte order mark":     {func(s string) string { return "\ufeff" + s }, Site{}},
		"another order of name": {func(s string) string { return strings.ReplaceAll(s, "In_x0020_Care", "IN_x0020_CARE") }, Site{}},
		"a schema in front": {func(s string) string {
			return strings.Replace(s, "<SuperStarReport>", "<SuperStarReport><xs:schema><Record/></xs:schema>", 1)
		}, Site{}},
		"an empty element": {func(s string) string { return strings.Replace(s, "<Adno>", "<UPN/><Adno>", 1) }, Site{}},
	} {
		t.Run(name, func(t *testing.T) {
			texts := wholeReports()
			for d := range texts {
				texts[d] = c.change(texts[d])
			}
			got, err := texts.read(t, p, c.site)
			if err != nil {
				t.Fatal(err)
			}
			wantDiff(t, want.Lines, got.Lines)
		})
	}
}

func TestBadReportsAreRefused(t *testing.T) {
	const right = protocol.ProblemRightMissing
	for name, c := range map[string]struct {
		d        record.Dataset
		old, new string
		problem  protocol.ProblemCode
		says     string
	}{
		"nothing":             {"pupil", pupilReport, "", "", "printed no XML"},
		"blank lines":         {"contact", contactReport, "\n \n", "", "printed no XML"},
		"words":               {"pupil", pupilReport, "Zqjx: sign-in failed", "", "printed no XML"},
		"words in front":      {"pupil", "<SuperStarReport>", "Zqjx<SuperStarReport>", "", "printed no XML"},
		"an error":            {"pupil", pupilReport, "<CommandReporterError>Zqjx</CommandReporterError>", "", "CommandReporterError"},
		"an error within":     {"contact", "</SuperStarReport>", "<CommandReporterError/></SuperStarReport>", "", "CommandReporterError"},
		"another root":        {"pupil", "SuperStarReport", "Zqjx", "", "its root must be SuperStarReport"},
		"two roots":           {"contact", "</SuperStarReport>", "</SuperStarReport><SuperStarReport/>", "", "second root"},
		"cut short":           {"pupil", "</Record>\n</SuperStarReport>", "", "", "cut short"},
		"a document type":     {"pupil", "<SuperStarReport>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><SuperStarReport>", "", "document type"},
		"an entity":           {"pupil", "Zqjxley", "&e;", "", "not well-formed"},
		"an encoding":         {"pupil", "utf-8", "utf-16", "", "encoding that is not read"},
		"half a character":    {"pupil", "Zqjxley", "Zqjx\xe9", "", "not well-formed"},
		"a caption twice":     {"pupil", "<Adno>", "<Adno>Zqjx</Adno><Adno>", "", `two columns of the caption "Adno"`},
		"nobody":              {"pupil", pupilReport, "<SuperStarReport/>", "", "has no record"},
		"no ids at all":       {"pupil", "person_id", "x", protocol.ProblemIdentifier, "Third Party Reporter"},
		"one without an id":   {"pupil", "<person_id>12</person_id>", "", "", "row 2 of the report"},
		"no marker":           {"pupil", "In_x0020_Care", "x", right, `column "In Care"`},
		"no authority":        {"pupil", "Caring_x0020_Authority", "x", right, `column "Caring Authority"`},
		"a pupil twice":       {"pupil", ">12<", ">11<", "", "the pupil of row 1 again"},
		"a date of elsewhere": {"pupil", "2014-09-01T00:00:00", "09/01/2014 00:00:00", "", "not a date"},
		"a time that is none": {"attendance", "T00:00:00", "Tzqjx", "", "not a date"},
	} {
		t.Run(name, func(t *testing.T) {
			texts := wholeReports()
			texts[c.d] = strings.ReplaceAll(texts[c.d], c.old, c.new)
			if texts[c.d] == wholeReports()[c.d] {
				t.Fatal("the test changes nothing")
			}
			_, err := texts.read(t, reportProfile(t), Site{})
			var ours *Error
			if !errors.As(err, &ours) || !strings.Contains(ours.Text, c.says) {
				t.Fatalf("%v, want in it %q", err, c.says)
			}
			if want := cmp.Or(c.problem, protocol.ProblemMISData); ours.Problem != want || ours.Dataset != c.d {
				t.Errorf("problem %s of %s, want %s of %s", ours.Problem, ours.Dataset, want, c.d)
			}
		})
	}
}

// A report that is cut off anywhere is never taken for whole.
func TestCutReports(t *testing.T) {
	p := reportProfile(t)
	for n := range len(pupilReport) {
		texts := wholeReports()
		texts[record.DatasetPupil] = pupilReport[:n]
		if _, err := texts.read(t, p, Site{}); err == nil {
			t.Fatalf("the first %d bytes were read as if they were all", n)
		}
	}
}

// A school without children in care has no authority anywhere, which is right;
// and a marker that is blank for everybody is never "no".
func TestNobodyInCare(t *testing.T) {
	texts := wholeReports()
	texts[record.DatasetPupil] = strings.NewReplacer(">T<", ">F<", "<Caring_x0020_Authority>933</Caring_x0020_Authority>", "").Replace(pupilReport)
	got, err := texts.read(t, reportProfile(t), Site{})
	if err != nil || got.Report.Unknown != 0 || len(got.records) != 0 {
		t.Errorf("%v, %d unclear, %d records", err, got.Report.Unknown, len(got.records))
	}
	texts[record.DatasetPupil] = strings.ReplaceAll(pupilReport, "In_x0020_Care", "x")
	if _, err := texts.read(t, reportProfile(t), Site{NullMeans: nullNotInCare}); err == nil {
		t.Error("a report without the marker was read as a school without children in care")
	}
}

// A pupil in care of whom the authority is not said is not sent, and nothing is
// removed meanwhile.
func TestReportWithoutOneAuthorityHolds(t *testing.T) {
	texts := wholeReports()
	texts[record.DatasetPupil] = strings.Replace(pupilReport, ">F<", ">T<", 1)
	got, err := texts.read(t, reportProfile(t), Site{})
	if err != nil || got.Report.Unknown != 1 || got.Report.Datasets[0].Complete || len(got.records) != 3 {
		t.Errorf("%v, %+v", err, got.Report)
	}
}

func TestDecodeName(t *testing.T) {
	for name, want := range map[string]string{
		"Legal_x0020_Surname": "Legal Surname", "_x0031_st": "1st", "_x005F_x0020_": "_x0020_", "A_x00E9_": "Aé",
		"_xD83D__xDE00_": "😀", "_xD83D_": "_xD83D_", "a_xZZZZ_": "a_xZZZZ_", "_x002": "_x002", "person_id": "person_id", "": "",
	} {
		if got := decodeName(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// FuzzReport reads whatever a program prints as reports.
func FuzzReport(f *testing.F) {
	p := reportProfile(f)
	f.Add(pupilReport, contactReport, markReport)
	f.Add("<CommandReporterError>Zqjx</CommandReporterError>", "Zqjx", "")
	f.Add(strings.Replace(pupilReport, "Adno", "_xD83D_", 2), "<SuperStarReport><Record>Zqjx<a><b>", "<SuperStarReport/>")
	f.Fuzz(func(t *testing.T, pupils, contacts, marks string) {
		got, err := reports{"pupil": pupils, "contact": contacts, "attendance": marks}.read(t, p, Site{})
		if err != nil {
			return
		}
		for _, r := range got.records {
			if !r.Pupil().Valid() || len(r.Key()) > record.MaxKeyBytes {
				t.Errorf("a %s record has a key of the wrong form", r.Dataset())
			}
		}
		if d := got.Report.Datasets[0]; d.Matched+got.Report.Unknown > d.Rows {
			t.Errorf("%+v, %d unknown", d, got.Report.Unknown)
		}
	})
}

// What the profile and the school say together.
func TestReportSettings(t *testing.T) {
	shipped, err := LoadProfile("sims-report")
	if err != nil {
		t.Fatal(err)
	}
	if err := Lint(shipped, Site{}); err != nil {
		t.Errorf("the shipped profile by itself: %v", err)
	}
	authority := map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"CareAuthority": "LA"}}}
	program := func(c Command) *Command { return &c }
	for name, c := range map[string]struct {
		site Site
		want string
	}{
		"no program":        {Site{Datasets: authority}, "mis.command.path"},
		"no authority":      {Site{Command: &Command{Path: "/x.exe"}}, "the caption of CareAuthority is not given"},
		"a folder":          {Site{Dir: "/x", Command: &Command{Path: "/x.exe"}, Datasets: authority}, "remove mis.folder"},
		"an encoding":       {Site{Encoding: "utf-8", Command: &Command{Path: "/x.exe"}, Datasets: authority}, "remove delimiter"},
		"American dates":    {Site{Dates: "mm/dd/yyyy", Command: &Command{Path: "/x.exe"}, Datasets: authority}, "correct mis.dates"},
		"a relative path":   {Site{Command: &Command{Path: "x.exe"}, Datasets: authority}, "full path"},
		"a script":          {Site{Command: &Command{Path: "/x.bat"}, Datasets: authority}, "not a script"},
		"a quote":           {Site{Command: program(Command{Path: "/x.exe", Server: `a" /USER:b`}), Datasets: authority}, "mis.command.server must not hold quotes"},
		"a user alone":      {Site{Command: &Command{Path: "/x.exe", User: "u"}, Datasets: authority}, "together"},
		"a password alone":  {Site{Command: &Command{Path: "/x.exe", Password: "Zqjx"}, Datasets: authority}, "together"},
		"marks without day": {Site{Command: &Command{Path: "/x.exe"}, Datasets: map[record.Dataset]SiteDataset{"pupil": authority["pupil"], "attendance": {Columns: map[string]string{"mark": "m"}}}}, "the heading of date is not given"},
		"a file":            {Site{Command: &Command{Path: "/x.exe"}, Datasets: map[record.Dataset]SiteDataset{"pupil": {File: "x", Columns: authority["pupil"].Columns}}}, "remove file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(shipped, c.site)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want in it %q", err, c.want)
			}
			noCanary(t, err)
		})
	}
	s, err := Open(shipped, Site{Command: &Command{Path: "/x.exe"}, Datasets: authority})
	if err != nil || !slices.Equal(s.Datasets(), []record.Dataset{record.DatasetPupil}) {
		t.Errorf("%v: with no caption but the authority's more than pupils is offered: %v", err, s.Datasets())
	}
	csv, err := LoadProfile("csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(csv, Site{Dir: "/x", Command: &Command{Path: "/x.exe"}}); err == nil || !strings.Contains(err.Error(), "remove mis.command") {
		t.Errorf("%v", err)
	}
}

func TestBadReportProfilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, want string }{
		"a format":         {"driver: report", "driver: report\nformat: csv", "test.yaml:3: driver and format"},
		"no report":        {"report: Test pupil", "report: ''", "report must be the name"},
		"a quote":          {"report: Test pupil", "report: 'a\"b'", "report must be the name"},
		"a query":          {"report: Test contact", "report: Test contact\n    query: x", "remove file, who and query"},
		"an encoding":      {"dates:", "encoding: utf-8\ndates:", "says its own encoding"},
		"American dates":   {"yyyy-mm-dd", "mm/dd/yyyy", "dates must be one of"},
		"ids of nobody":    {"mis_id: true", "mis_id: false", "mis_id must be true"},
		"evidence":         {"{pupil: seen}", "{pupil: guessed}", "evidence must be one of"},
		"evidence of none": {"{pupil: seen}", "{House: seen}", "column_evidence has a field"},
		"a report of CSV":  {"driver: report", "driver: file\nformat: csv", "only driver report has reports"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseProfile("test.yaml", []byte(strings.Replace(reportYAML, c.old, c.replacement, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

// standInReporter is the program of these tests: this test, started again. It
// prints the file of the report in the folder that /DATABASENAME names, and does
// what the file of the report and .do says.
func standInReporter(args []string) int {
	value := map[string]string{}
	for _, a := range args {
		name, v, _ := strings.Cut(a, ":")
		value[name] = v
	}
	// An empty select may be taken for a deadlock, which ends the program.
	wait := func() int {
		time.Sleep(time.Hour)
		return 0
	}
	if _, parent := value["/CHILD"]; parent {
		return wait()
	}
	path := func(end string) string { return filepath.Join(value["/DATABASENAME"], value["/REPORT"]+end) }
	os.WriteFile(path(".args"), []byte(strings.Join(args, "\n")+"\n"+strings.Join(os.Environ(), "\n")), 0o600)
	text, _ := os.ReadFile(path(".xml"))
	do, _ := os.ReadFile(path(".do"))
	os.Stdout.Write(text)
	fmt.Fprintln(os.Stderr, strings.Repeat("Zqjx ", 1<<16))
	switch strings.TrimSpace(string(do)) {
	case "fail":
		return 3
	case "hang":
		self, err := os.StartProcess(os.Args[0], []string{os.Args[0], "/QUIET", "/CHILD:1"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, nil}})
		if err != nil {
			return 4
		}
		os.WriteFile(path(".tmp"), []byte(fmt.Sprint(self.Pid)), 0o600)
		os.Rename(path(".tmp"), path(".child"))
		return wait()
	}
	return 0
}

// program makes the site of a program that prints these reports.
func (texts reports) program(t *testing.T, p *Profile) (Site, string) {
	t.Helper()
	dir := t.TempDir()
	for d, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, p.Datasets[d].Report+".xml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Site{Command: &Command{Path: self, Server: `host\inst ance`, Database: dir, User: "a b", Password: `Zqjx "\ &%PATH%`}}, dir
}

func TestProgramIsRun(t *testing.T) {
	t.Setenv("ROLLBRIDGE_MIS_COMMAND_PASSWORD", "Zqjx")
	p := reportProfile(t)
	at, dir := wholeReports().program(t, p)
	at.Command.AttendanceRange = "a<b&'c"
	got, err := readAll(t, p, at, everybody)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.records) != 3 {
		t.Errorf("%d records, want 3", len(got.records))
	}
	if marks := got.Report.Datasets[2]; marks.From != "2026-09-01" || marks.To != today {
		t.Errorf("the marks are said to be from %s to %s", marks.From, marks.To)
	}
	said, err := os.ReadFile(filepath.Join(dir, "Test attendance.args"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/USER:a b", `/PASSWORD:Zqjx "\ &%PATH%`, `/SERVERNAME:host\inst ance`, "/DATABASENAME:" + dir, "/REPORT:Test attendance", "/QUIET",
		"/PARAMS:<ReportParameters><Parameter id='a&lt;b&amp;&#39;c' subreportfilter='FALSE' bypass='FALSE'><Name>a&lt;b&amp;&#39;c</Name><Type>DateRange</Type><Values><DateRange><Start>2026-09-01T00:00:00</Start><End>" + string(today) + "T00:00:00</End></DateRange></Values></Parameter></ReportParameters>"}
	lines := strings.Split(string(said), "\n")
	wantDiff(t, want, lines[:len(want)])
	for _, line := range lines[len(want):] {
		if strings.HasPrefix(line, "ROLLBRIDGE") {
			t.Error("the agent's own settings were passed on")
		}
	}
	wantDiff(t, []string{"/TRUSTED", "/REPORT:r", "/QUIET"}, (&Command{Path: "/x"}).arguments("r", ""))
}

func TestProgramThatFails(t *testing.T) {
	p := reportProfile(t)
	at, dir := wholeReports().program(t, p)
	if err := os.WriteFile(filepath.Join(dir, "Test contact.do"), []byte("fail"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := refused(t, p, at); err.Problem != protocol.ProblemMISDown || !strings.Contains(err.Text, "said that it failed") {
		t.Errorf("%s: %v", err.Problem, err)
	}
	at.Command.Path = filepath.Join(dir, "none.exe")
	if err := refused(t, p, at); err.Problem != protocol.ProblemMISDown || !strings.Contains(err.Text, "cannot be started") {
		t.Errorf("%s: %v", err.Problem, err)
	}
}

// A program that does not end is ended with its children: by the time limit, and
// by the end of the context.
func TestProgramIsEnded(t *testing.T) {
	p := reportProfile(t)
	for name, limit := range map[string]time.Duration{"too long": 2 * time.Second, "cancelled": 0} {
		t.Run(name, func(t *testing.T) {
			at, dir := wholeReports().program(t, p)
			at.Command.Time = limit
			if err := os.WriteFile(filepath.Join(dir, "Test pupil.do"), []byte("hang"), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(p, at)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			child := make(chan string, 1)
			go func() {
				for ctx.Err() == nil {
					if text, err := os.ReadFile(filepath.Join(dir, "Test pupil.child")); err == nil {
						child <- string(text)
						break
					}
					time.Sleep(5 * time.Millisecond)
				}
				if limit == 0 {
					cancel()
				}
			}()
			_, err = s.Read(ctx, Ask{Datasets: asked, Today: today, IDKey: idKey}, everybody, func(Row) error { return nil })
			var ours *Error
			if limit == 0 && !errors.Is(err, context.Canceled) || limit > 0 && (!errors.As(err, &ours) || !strings.Contains(ours.Text, "not finished after 2 seconds")) {
				t.Errorf("%v", err)
			}
			for pid := <-child; alive(pid); {
				time.Sleep(5 * time.Millisecond) // the test's own time limit ends this
			}
		})
	}
}
