package mis

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A week of marks, Monday 9 to Monday 16 November 2026, as a CTF packs it.
const weekOfMarks = `/\L-/\/\/\#####\`

const ctfOne = "9331234_CTF_9330000_001.xml"

// ctfText is a file with the given header time and pupils.
func ctfText(dateTime, pupils string) string {
	return `<?xml version="1.0" encoding="utf-8"?>
<CTfile>
 <Header><DocumentName>Common Transfer File</DocumentName><CTFversion>25.0</CTFversion><DateTime>` + dateTime + `</DateTime>
  <DocumentQualifier>full</DocumentQualifier><SourceSchool><LEA>933</LEA><Estab>1234</Estab></SourceSchool></Header>
 <CTFpupilData>` + pupils + `</CTFpupilData>
 <SuppInfo><Anything>Zqjx</Anything></SuppInfo>
</CTfile>
`
}

const (
	ctfAnn = `
<Pupil><UPN>B801200005001</UPN><Surname>Zqjxman</Surname><Forename>Ann</Forename><DOB>2013-04-03</DOB><Sex>F</Sex>
 <BasicDetails><NCyearActual>8</NCyearActual><Unheard>Zqjx</Unheard></BasicDetails>
 <FSMhistory><FSMinstance><FSMstartDate>2026-09-01</FSMstartDate></FSMinstance></FSMhistory>
 <LookedAfter><InCare>true</InCare><CareAuthority>933</CareAuthority></LookedAfter>
 <Address><BS7666Address><PAON>12</PAON><Street>Zqjx Row</Street><Town>Oakmere</Town></BS7666Address><PostCode>FA1 1AA</PostCode></Address>
 <Contacts><Contact><Order>1</Order><Surname>Zqjxfoster</Surname><Relationship>FOM</Relationship><Responsibility>false</Responsibility>
  <AddressAsPupil>true</AddressAsPupil>
  <Phones><Phone><TelephoneType>M</TelephoneType><PhoneNo>07700 900123</PhoneNo></Phone><Phone><PhoneNo>07700 900124</PhoneNo></Phone></Phones></Contact></Contacts>
 <Attendance><YearData><LEA>933</LEA><Estab>1234</Estab><AttendSessions><AttendanceStartDate>2026-11-09</AttendanceStartDate>
  <AttendanceMarks>` + weekOfMarks + `</AttendanceMarks></AttendSessions></YearData></Attendance>
 <SchoolHistory><School><LEA>933</LEA><Estab>1234</Estab><EntryDate>2025-09-01</EntryDate></School>
  <School><LEA>801</LEA><Estab>9999</Estab><EntryDate>2026-01-01</EntryDate><LeavingDate>2026-02-01</LeavingDate></School></SchoolHistory>
</Pupil>`
	ctfBen = `
<Pupil><Surname>Zqjxley</Surname><Forename>Ben</Forename><DOB>2014-06-05</DOB><Gender>M</Gender>
 <LookedAfter><InCare>1</InCare><CareAuthority>815</CareAuthority></LookedAfter></Pupil>`
	ctfCat = `
<Pupil><UPN>P207000016049</UPN><Surname>Zqjxton</Surname><Forename>Cat</Forename><DOB>2012-08-07</DOB><Sex>F</Sex>
 <LookedAfter><InCare>false</InCare></LookedAfter><Contacts><Contact><Surname>Zqjx</Surname></Contact></Contacts>
 <Attendance><YearData><AttendSessions><AttendanceStartDate>2026-11-02</AttendanceStartDate><AttendanceMarks>/\/\</AttendanceMarks></AttendSessions></YearData></Attendance></Pupil>`
)

func ctfSchool() school {
	return school{ctfOne: ctfText("2026-11-16T09:45:00", ctfAnn+ctfBen+ctfCat)}
}

func ctfProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := LoadProfile("ctf")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	annID = record.NewPupilID(idKey, "upn", "B801200005001")
	benID = record.NewPupilID(idKey, "person", "Zqjxley", "Ben", "2014-06-05", "M")
)

func TestCTFGivesTheRecordsOfPupilsInCare(t *testing.T) {
	got := mustRead(t, ctfProfile(t), site(ctfSchool().write(t)))
	contact := record.NewSubID(idKey, record.DatasetContact, "person", "", "Zqjxfoster", "FOM")
	wantDiff(t, map[string]string{
		"pupil " + string(annID):                      `{"pupil":"` + string(annID) + `","UPN":"B801200005001","Surname":"Zqjxman","Forename":"Ann","DOB":"2013-04-03","Sex":"F","NCyearActual":"8","InCare":true,"CareAuthority":"933","FSMeligible":true,"EntryDate":"2025-09-01"}`,
		"pupil " + string(benID):                      `{"pupil":"` + string(benID) + `","Surname":"Zqjxley","Forename":"Ben","DOB":"2014-06-05","Sex":"M","InCare":true,"CareAuthority":"815"}`,
		"contact " + string(annID) + "/" + contact:    `{"pupil":"` + string(annID) + `","contact":"` + contact + `","Surname":"Zqjxfoster","Relationship":"FOM","Order":1,"Responsibility":false,"Phones":[{"TelephoneType":"M","PhoneNo":"07700 900123"},{"PhoneNo":"07700 900124"}],"Addresses":[{"AddressLines":["12 Zqjx Row","Oakmere"],"PostCode":"FA1 1AA"}]}`,
		"attendance " + string(annID) + "/2026-11-09": `{"pupil":"` + string(annID) + `","week":"2026-11-09","am":["/","L","/","/","/"],"pm":["\\","","\\","\\","\\"]}`,
		"attendance " + string(annID) + "/2026-11-16": `{"pupil":"` + string(annID) + `","week":"2026-11-16","am":["#","","","",""],"pm":["\\","","","",""]}`,
	}, got.Lines)
	wantDiff(t, []record.Dataset{"pupil", "pupil", "contact", "attendance", "attendance"}, got.order)
	asAt := time.Date(2026, time.November, 16, 9, 45, 0, 0, time.UTC)
	if started := got.Report.Started.UTC(); asAt.After(started) {
		asAt = started // this machine's clock is before the file's
	}
	wantDiff(t, []protocol.DatasetRead{
		{Dataset: "pupil", Rows: 3, Matched: 2, Excluded: 1, Complete: true, AsAt: asAt},
		{Dataset: "contact", Rows: 2, Matched: 1, Excluded: 1, Complete: true, AsAt: asAt},
		{Dataset: "attendance", Rows: 2, Matched: 1, Excluded: 1, Complete: true, AsAt: asAt, From: "2026-11-02", To: "2026-11-16"},
	}, got.Report.Datasets)
	wantDiff(t, record.NewPupilID(idKey, "person", "Zqjxman", "Ann", "2013-04-03", "F"), got.was[annID])
}

// England's wall clock is an hour ahead of UTC in June.
func TestHeaderTimeIsEnglands(t *testing.T) {
	for text, want := range map[string]string{
		"2026-06-10T09:30:00":       "2026-06-10T08:30:00Z",
		"2026-01-10T09:30:00":       "2026-01-10T09:30:00Z",
		"2026-06-10T09:30:00.123":   "2026-06-10T08:30:00.123Z",
		"2026-06-10T09:30:00+02:00": "2026-06-10T07:30:00Z",
	} {
		at, ok := headerTime(text)
		if got := at.UTC().Format(time.RFC3339Nano); !ok || got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestBadCTFIsRefused(t *testing.T) {
	deep := strings.Repeat("<Zqjx>", 40)
	for name, c := range map[string]struct{ old, replacement, want string }{
		"document type":        {"<CTfile>", `<!DOCTYPE CTfile [<!ENTITY Zqjx "Zqjx">]><CTfile>`, "document type"},
		"entity":               {"Zqjxman", "&Zqjx;", "not well-formed"},
		"cut short":            {"</CTFpupilData>\n <SuppInfo><Anything>Zqjx</Anything></SuppInfo>\n</CTfile>\n", "", "not well-formed"},
		"wrong nesting":        {"</Surname>", "</Zqjx>", "not well-formed"},
		"another root":         {"</CTfile>\n", "</CTfile><CTfile></CTfile>", "second root"},
		"not a CTF":            {ctfSchool()[ctfOne], "<Zqjx></Zqjx>", "root must be CTfile"},
		"no XML":               {ctfSchool()[ctfOne], "Zqjx", "no common transfer file"},
		"empty":                {ctfSchool()[ctfOne], "", "is empty"},
		"pupils before":        {"<Header>", "<CTFpupilData></CTFpupilData><Header>", "before the header"},
		"no header":            {ctfSchool()[ctfOne], "<CTfile></CTfile>", "no header"},
		"too deep":             {"<BasicDetails>", "<BasicDetails>" + deep, "nested too deeply"},
		"huge value":           {"Zqjxman", strings.Repeat("Zqjx", 500_000), "longer than any can be"},
		"long value":           {"Zqjxman", strings.Repeat("Zqjx", 10_000), "longer than any can be"},
		"encoding":             {`encoding="utf-8"`, `encoding="utf-7"`, "encoding that is not read"},
		"not UTF-8":            {"Zqjxman", "Zqjx\xff", "not well-formed"},
		"no version":           {"25.0", "Zqjx", "CTFversion"},
		"no time":              {"2026-11-16T09:45:00", "Zqjx", "DateTime"},
		"no school":            {"<LEA>933</LEA>", "", "SourceSchool"},
		"pupil twice":          {ctfCat, ctfCat + ctfCat, "again"},
		"nameless":             {"<Surname>Zqjxley</Surname>", "", "cannot be told"},
		"field twice":          {"<UPN>B801200005001</UPN>", "<UPN>B801200005001</UPN><UPN>P207000016049</UPN>", "element UPN stands twice"},
		"date of birth":        {"2014-06-05", "05/06/2014", "element DOB"},
		"start of marks":       {"2026-11-09", "09/11/2026", "AttendanceStartDate"},
		"free meals":           {"<FSMstartDate>2026-09-01", "<FSMstartDate>Zqjx", "FSMhistory"},
		"control character":    {"<Forename>Ben", "<Forename>B&#10;en", "control character"},
		"contact with no name": {"<Surname>Zqjxfoster</Surname>", "", "without a name"},
	} {
		t.Run(name, func(t *testing.T) {
			err := refused(t, ctfProfile(t), site(ctfSchool().with(ctfOne, c.old, c.replacement).write(t)))
			if !strings.Contains(err.Text, c.want) {
				t.Errorf("%q does not say %q", err.Text, c.want)
			}
			if !strings.Contains(err.Text, ctfOne) {
				t.Errorf("%q does not name the file", err.Text)
			}
		})
	}
}

func TestFolderOfCTFs(t *testing.T) {
	none := refused(t, ctfProfile(t), site(school{}.write(t)))
	if !strings.Contains(none.Text, "no file of the pattern") {
		t.Error(none.Text)
	}
	missing := refused(t, ctfProfile(t), site(filepath.Join(t.TempDir(), "Zqjx")))
	if !strings.Contains(missing.Text, "the folder is missing") {
		t.Error(missing.Text)
	}
	noPupils := refused(t, ctfProfile(t), site(school{ctfOne: ctfText("2026-11-16T09:45:00", "")}.write(t)))
	if !strings.Contains(noPupils.Text, "no pupil") {
		t.Error(noPupils.Text)
	}
	other := strings.Replace(ctfText("2026-11-16T09:45:00", ctfBen), "1234", "1235", 1)
	two := refused(t, ctfProfile(t), site(school{ctfOne: ctfText("2026-11-16T09:45:00", ctfAnn), "Zqjx.xml": other}.write(t)))
	if !strings.Contains(two.Text, "another school") || !strings.Contains(two.Text, "file 2 of 2") {
		t.Error(two.Text)
	}
	s, err := Open(ctfProfile(t), site(ctfSchool().write(t)))
	if err != nil {
		t.Fatal(err)
	}
	s.limit.fileBytes = 100
	if _, err := readSource(t, s, everybody); err == nil || !strings.Contains(err.Error(), "more than 100 bytes") {
		t.Errorf("error %v", err)
	}
}

// Ann is in both files, and Ben got his UPN between the two.
func TestNewerFileWins(t *testing.T) {
	benWithUPN := strings.Replace(ctfBen, "<Pupil>", "<Pupil><UPN>L823432112009</UPN>", 1)
	annNow := strings.Replace(ctfAnn, "<NCyearActual>8", "<NCyearActual>9", 1)
	dir := school{
		"9331234_CTF_9330000_002.xml": ctfText("2026-11-15T09:45:00", ctfAnn+ctfBen+ctfCat),
		ctfOne:                        ctfText("2026-11-16T09:45:00", annNow+benWithUPN),
		".hidden.xml":                 "Zqjx",
		"notes.txt":                   "Zqjx",
	}.write(t)
	if err := os.Mkdir(filepath.Join(dir, "old.xml"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := mustRead(t, ctfProfile(t), site(dir))
	upnBen := record.NewPupilID(idKey, "upn", "L823432112009")
	if line := got.Lines["pupil "+string(annID)]; !strings.Contains(line, `"NCyearActual":"9"`) {
		t.Error("the older file won")
	}
	if _, there := got.Lines["pupil "+string(benID)]; there || got.was[upnBen] != benID {
		t.Error("the pupil who got a UPN is there twice, or has no predecessor")
	}
	if d := got.Report.Datasets[0]; d.Rows != 3 || d.Matched != 2 || !d.Complete {
		t.Errorf("%+v", d)
	}
	if want := time.Date(2026, time.November, 15, 9, 45, 0, 0, time.UTC); got.Report.Started.After(want) && !got.Report.Datasets[0].AsAt.Equal(want) {
		t.Errorf("as at %s, want the older header's time", got.Report.Datasets[0].AsAt)
	}
}

func TestPartialFileRemovesNothing(t *testing.T) {
	for _, qualifier := range []string{"partial", "Partial", ""} {
		got := mustRead(t, ctfProfile(t), site(ctfSchool().with(ctfOne, ">full<", ">"+qualifier+"<").write(t)))
		for _, d := range got.Report.Datasets {
			if d.Complete {
				t.Errorf("%q: dataset %s is complete", qualifier, d.Dataset)
			}
		}
	}
}

func TestPupilWithoutLookedAfterIsUnclear(t *testing.T) {
	dir := ctfSchool().with(ctfOne, "<LookedAfter><InCare>1</InCare><CareAuthority>815</CareAuthority></LookedAfter>", "").write(t)
	got := mustRead(t, ctfProfile(t), site(dir))
	if got.Report.Unknown != 1 || got.Report.Datasets[0].Complete || len(got.Lines) != 4 {
		t.Errorf("unknown %d, records %d", got.Report.Unknown, len(got.Lines))
	}
	at := site(dir)
	at.NullMeans = "not_in_care"
	if got := mustRead(t, ctfProfile(t), at); got.Report.Unknown != 0 || !got.Report.Datasets[0].Complete {
		t.Errorf("null_means not_in_care: unknown %d", got.Report.Unknown)
	}
}

// A string of marks that does not fit its dates is left out whole.
func TestMarksThatDoNotFitAreNotSent(t *testing.T) {
	second := `</AttendSessions><AttendSessions><AttendanceStartDate>2026-11-12</AttendanceStartDate><AttendanceMarks>/\/\####/\</AttendanceMarks></AttendSessions>`
	for name, c := range map[string]struct {
		version, marks, more string
		weeks                int
	}{
		"fits":                      {"25.0", weekOfMarks, "", 2},
		"odd":                       {"25.0", weekOfMarks[1:], "", 0},
		"a day short":               {"25.0", weekOfMarks[2:], "", 0},
		"a day long":                {"25.0", weekOfMarks + "//", "", 0},
		"two two-character codes":   {"25.0", "C1C1" + weekOfMarks[2:], "", 0},
		"small letter":              {"25.0", "z" + weekOfMarks[1:], "", 0},
		"empty":                     {"25.0", "", "", 0},
		"old file, ends early":      {"23.0", weekOfMarks[:10], "", 1},
		"old file, ends after year": {"23.0", strings.Repeat("--", 400), "", 0},
		"two strings that meet":     {"25.0", `/\/\/\`, second, 2},
		"two strings with a gap":    {"25.0", `/\/\`, second, 2},
		"two strings that overlap":  {"25.0", weekOfMarks, second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			files := ctfSchool().with(ctfOne, "25.0", c.version).with(ctfOne, weekOfMarks+"</AttendanceMarks></AttendSessions>", c.marks+"</AttendanceMarks>"+cmp.Or(c.more, "</AttendSessions>"))
			got := mustRead(t, ctfProfile(t), site(files.write(t)))
			weeks := 0
			for _, d := range got.order {
				if d == record.DatasetAttendance {
					weeks++
				}
			}
			unparsed := warnings(got.Report)["attendance.AttendanceMarks.unparsed"]
			wantUnparsed := weeks == 0 || slices.Contains([]string{"two strings with a gap", "two strings that overlap"}, name)
			if weeks != c.weeks || (unparsed == 1) != wantUnparsed || got.Report.Datasets[2].Complete == wantUnparsed {
				t.Errorf("%d weeks, want %d; %d unparsed; complete %v", weeks, c.weeks, unparsed, got.Report.Datasets[2].Complete)
			}
			if !got.Report.Datasets[0].Complete {
				t.Error("pupils are not complete")
			}
		})
	}
}

func TestVersionsAndEncodingsOfCTF(t *testing.T) {
	for v := 15; v <= 25; v++ {
		files := ctfSchool().with(ctfOne, "25.0", fmt.Sprintf("%d.0", v))
		if got := mustRead(t, ctfProfile(t), site(files.write(t))); len(got.Lines) != 5 {
			t.Errorf("version %d: %d records", v, len(got.Lines))
		}
	}
	for _, name := range []string{"iso-8859-1", "windows-1252"} {
		text, err := charmap.Windows1252.NewEncoder().String(strings.Replace(ctfSchool().with(ctfOne, "utf-8", name)[ctfOne], ">Ben<", ">Zoë<", 1))
		if err != nil {
			t.Fatal(err)
		}
		got := mustRead(t, ctfProfile(t), site(school{ctfOne: text}.write(t)))
		id := record.NewPupilID(idKey, "person", "Zqjxley", "Zoë", "2014-06-05", "M")
		if !strings.Contains(got.Lines["pupil "+string(id)], `"Zoë"`) {
			t.Errorf("%s: the accent was lost", name)
		}
	}
	if got := mustRead(t, ctfProfile(t), site(school{ctfOne: "\ufeff" + ctfSchool()[ctfOne]}.write(t))); len(got.Lines) != 5 {
		t.Error("a byte order mark was not tolerated")
	}
}

// A pupil who moved brings the marks of the old school along.
func TestMarksOfAnotherSchoolAreNotThisSchools(t *testing.T) {
	got := mustRead(t, ctfProfile(t), site(ctfSchool().with(ctfOne, "<YearData><LEA>933</LEA>", "<YearData><LEA>801</LEA>").write(t)))
	if d := got.Report.Datasets[2]; d.Matched != 0 || len(got.Lines) != 3 {
		t.Errorf("%+v, %d records", d, len(got.Lines))
	}
}

// A child whose UPN was replaced is not sent under the old one as well because
// an older file still lies in the folder.
func TestReplacedUPNOfAnOlderFileIsPassedOver(t *testing.T) {
	replaced := strings.Replace(ctfAnn, "B801200005001", "L823432112009", 1)
	got := mustRead(t, ctfProfile(t), site(school{
		"9331234_CTF_9330000_002.xml": ctfText("2026-11-15T09:45:00", ctfAnn),
		ctfOne:                        ctfText("2026-11-16T09:45:00", replaced),
	}.write(t)))
	if _, there := got.Lines["pupil "+string(annID)]; there || got.Report.Datasets[0].Matched != 1 {
		t.Errorf("%+v", got.Report.Datasets[0])
	}
}
