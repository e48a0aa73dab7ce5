package mis

import (
	"fmt"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/shared/record"
)

const ctfFull = `
<Pupil><UPN>B801200005001</UPN><Surname>Zqjxman</Surname><Forename>Ann</Forename><DOB>2013-04-03</DOB><Sex>F</Sex>
 <BasicDetails><FormerForename>Zqjxanna</FormerForename><NCyearActual>8</NCyearActual><MedicalFlag>true</MedicalFlag>
  <Disabilities><Disability>HEAR</Disability><Disability>AUT</Disability></Disabilities></BasicDetails>
 <LookedAfter><InCare>true</InCare><CareAuthority>933</CareAuthority></LookedAfter>
 <SENhistory><SEN><StartDate>2022-01-10</StartDate><SENprovision>K</SENprovision>
   <SENneeds><SENneed><SENtypeRank>2</SENtypeRank><SENtype>MLD</SENtype></SENneed>
    <SENneed><SENtypeRank>1</SENtypeRank><SENtype>SEMH</SENtype></SENneed></SENneeds></SEN>
  <SEN><StartDate>2022-01-10</StartDate><SENprovision>E</SENprovision><SENneeds><SENneed><SENtype>HI</SENtype></SENneed></SENneeds></SEN></SENhistory>
 <Contacts><Contact><Order>1</Order><Surname>Zqjxfoster</Surname><Email>f@zqjx.example</Email></Contact></Contacts>
 <Attendance><YearData><AttendSessions><AttendanceStartDate>2026-11-16</AttendanceStartDate><AttendanceMarks>/-</AttendanceMarks></AttendSessions></YearData></Attendance>
 <StageAssessments>
  <KeyStage><Stage>KS1</Stage><StageAssessment><Locale>ENG</Locale><Year>2020</Year><Subject>MAT</Subject><Method>TA</Method>
   <Component>TES</Component><ResultStatus>R</ResultStatus><ResultQualifier>NM</ResultQualifier><Result>88</Result><ResultDate>2020-07-01</ResultDate></StageAssessment></KeyStage>
  <KeyStage><StageAssessment><Subject>ENG</Subject><Result>90</Result></StageAssessment><Stage>KS2</Stage></KeyStage></StageAssessments>
 <SchoolHistory><School><LEA>801</LEA><Estab>9999</Estab><SchoolName>Zqjx Primary</SchoolName><EntryDate>2017-09-01</EntryDate>
   <LeavingDate>2024-07-20</LeavingDate><LeavingReason>PM</LeavingReason><LastSchool>true</LastSchool></School>
  <School><LEA>933</LEA><Estab>1234</Estab><EntryDate>2024-09-01</EntryDate></School></SchoolHistory>
</Pupil>`

// A pupil who is not in care, and what hangs on the pupil.
const ctfOut = `
<Pupil><UPN>P207000016049</UPN><Surname>Zqjxton</Surname><Forename>Cat</Forename><DOB>2012-08-07</DOB><Sex>F</Sex>
 <BasicDetails><MedicalFlag>false</MedicalFlag></BasicDetails><LookedAfter><InCare>false</InCare></LookedAfter>
 <SENhistory><SEN><StartDate>Zqjx</StartDate><SENneeds><SENneed><SENtype>HI</SENtype></SENneed></SENneeds></SEN></SENhistory>
 <StageAssessments><KeyStage><Stage>KS1</Stage><StageAssessment><Result>Zqjx</Result></StageAssessment></KeyStage></StageAssessments>
 <SchoolHistory><School><LEA>801</LEA></School></SchoolHistory></Pupil>`

var ctfDatasets = []record.Dataset{
	record.DatasetPupil, record.DatasetSchoolHistory, record.DatasetSEN, record.DatasetWelfare, record.DatasetContact,
	record.DatasetAttendance, record.DatasetAssessmentResult,
}

func readCTFText(t *testing.T, pupils ...string) (result, error) {
	t.Helper()
	dir := school{ctfOne: ctfText("2026-11-16T09:45:00", strings.Join(pupils, ""))}.write(t)
	s, err := Open(ctfProfile(t), site(dir))
	if err != nil {
		t.Fatal(err)
	}
	return readDatasets(t, s, record.Datasets(), everybody)
}

// What a CTF says beside pupils, contacts and marks becomes records.
func TestCTFGivesWhatHangsOnAPupil(t *testing.T) {
	got, err := readCTFText(t, ctfFull, ctfOut)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"pupil " + string(annID):                      `{"pupil":"%s","UPN":"B801200005001","Surname":"Zqjxman","Forename":"Ann","FormerForename":"Zqjxanna","DOB":"2013-04-03","Sex":"F","NCyearActual":"8","InCare":true,"CareAuthority":"933","EntryDate":"2024-09-01"}`,
		"attendance " + string(annID) + "/2026-11-16": `{"pupil":"%s","week":"2026-11-16","am":["/","","","",""],"pm":["","","","",""]}`,
		"welfare " + string(annID):                    `{"pupil":"%s","MedicalFlag":true,"Disabilities":["HEAR","AUT"]}`,
	}
	for key, text := range want {
		want[key] = fmt.Sprintf(text, annID)
	}
	thing := func(d record.Dataset, text string, identity ...string) {
		id := record.NewSubID(idKey, d, append([]string{"person"}, identity...)...)
		want[string(d)+" "+string(annID)+"/"+id] = fmt.Sprintf(`{"pupil":"%s","%s":"%s",%s}`, annID, d, id, text)
	}
	thing(record.DatasetSchoolHistory, `"LEA":"801","Estab":"9999","SchoolName":"Zqjx Primary","EntryDate":"2017-09-01","LeavingDate":"2024-07-20","LeavingReason":"PM","LastSchool":true`,
		"801", "9999", "", "Zqjx Primary", "2017-09-01")
	thing(record.DatasetSchoolHistory, `"LEA":"933","Estab":"1234","EntryDate":"2024-09-01"`, "933", "1234", "", "", "2024-09-01")
	thing(record.DatasetSEN, `"SENprovision":"K","StartDate":"2022-01-10","SENneeds":[{"SENtypeRank":1,"SENtype":"SEMH"},{"SENtypeRank":2,"SENtype":"MLD"}]`, "2022-01-10", "K")
	thing(record.DatasetSEN, `"SENprovision":"E","StartDate":"2022-01-10","SENneeds":[{"SENtype":"HI"}]`, "2022-01-10", "E")
	thing(record.DatasetContact, `"Surname":"Zqjxfoster","Order":1,"Emails":["f@zqjx.example"]`, "", "Zqjxfoster", "")
	thing(record.DatasetAssessmentResult, `"Stage":"KS1","Locale":"ENG","Year":"2020","Subject":"MAT","Method":"TA","Component":"TES","ResultStatus":"R","ResultQualifier":"NM","Result":"88","ResultDate":"2020-07-01"`,
		"KS1", "2020", "MAT", "TA", "TES", "NM", "R", "2020-07-01", "", "")
	thing(record.DatasetAssessmentResult, `"Stage":"KS2","Subject":"ENG","Result":"90"`, "KS2", "", "ENG", "", "", "", "", "", "", "")
	wantDiff(t, want, got.Lines)
	rows := map[record.Dataset][2]int{
		record.DatasetPupil: {2, 1}, record.DatasetSchoolHistory: {3, 2}, record.DatasetSEN: {3, 2}, record.DatasetWelfare: {2, 1},
		record.DatasetContact: {1, 1}, record.DatasetAttendance: {1, 1}, record.DatasetAssessmentResult: {3, 2},
	}
	for _, read := range got.Report.Datasets {
		n, carried := rows[read.Dataset]
		if n != [2]int{read.Rows, read.Matched} || read.Complete != carried {
			t.Errorf("%+v, want rows and matched %v", read, n)
		}
	}
}

// What every school has and no file says was not exported: it is not gone. The
// rest may be.
func TestCTFWithoutRowsOfADataset(t *testing.T) {
	got, err := readCTFText(t, ctfBen)
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, map[string]int{
		"school_history..no_rows": 1, "welfare..no_rows": 1, "contact..no_rows": 1, "attendance..no_rows": 1,
	}, warnings(got.Report))
	for _, read := range got.Report.Datasets {
		may := read.Dataset == record.DatasetPupil || read.Dataset == record.DatasetSEN || read.Dataset == record.DatasetAssessmentResult
		if read.Complete != may {
			t.Errorf("%s complete %t", read.Dataset, read.Complete)
		}
	}
}

func TestCTFThingsThatAreRefused(t *testing.T) {
	stay := "<School><LEA>933</LEA><Estab>1234</Estab><EntryDate>2024-09-01</EntryDate></School>"
	for name, c := range map[string]struct {
		old, replacement, want string
		dataset                record.Dataset
	}{
		"a date":              {"<StartDate>2022-01-10</StartDate><SENprovision>K", "<StartDate>10/01/2022</StartDate><SENprovision>K", "element StartDate", record.DatasetSEN},
		"an element twice":    {"<SENprovision>K", "<SENprovision>K</SENprovision><SENprovision>K", "stands twice", record.DatasetPupil},
		"a flag twice":        {"<MedicalFlag>true</MedicalFlag>", "<MedicalFlag>true</MedicalFlag><MedicalFlag>true</MedicalFlag>", "stands twice", record.DatasetPupil},
		"a school of nowhere": {"<LEA>801</LEA><Estab>9999</Estab><SchoolName>Zqjx Primary</SchoolName>", "", "cannot be told from others", record.DatasetSchoolHistory},
	} {
		text := strings.Replace(ctfFull, c.old, c.replacement, 1)
		if text == ctfFull {
			t.Fatalf("%s: the test changes nothing", name)
		}
		dir := school{ctfOne: ctfText("2026-11-16T09:45:00", text)}.write(t)
		s, err := Open(ctfProfile(t), site(dir))
		if err != nil {
			t.Fatal(err)
		}
		_, err = readDatasets(t, s, ctfDatasets, everybody)
		ours, ok := err.(*Error)
		if !ok || !strings.Contains(ours.Text, c.want) || ours.Dataset != c.dataset || strings.Contains(ours.Text, "Zqjx") {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
	ended := strings.Replace(stay, "</EntryDate>", "</EntryDate><LeavingDate>2026-01-01</LeavingDate>", 1)
	got, err := readCTFText(t, strings.Replace(ctfFull, stay, stay+ended, 1), ctfOut)
	if err != nil {
		t.Fatal(err)
	}
	if n := warnings(got.Report)["school_history.school_history.alike"]; n != 2 {
		t.Errorf("one stay with two ends: %v", warnings(got.Report))
	}
	got, err = readCTFText(t, strings.Replace(ctfFull, stay, stay+stay, 1), ctfOut)
	if err != nil {
		t.Fatal(err)
	}
	if n := warnings(got.Report)["school_history.school_history.repeated"]; n != 1 {
		t.Errorf("the same stay twice: %v", warnings(got.Report))
	}
}

// All that a demo school's files carry arrives, from however many files.
func TestCTFOfTheDemoSchool(t *testing.T) {
	s := demoschool.New(demoschool.Config{Seed: 4, Pupils: 300, Canary: canary, LookedAfterShare: 0.08, OneCharacterMarks: true})
	want, err := oracle.Question{Route: oracle.CTF, Datasets: ctfDatasets, Sensitive: true}.Answer(s)
	if err != nil {
		t.Fatal(err)
	}
	counts := want.Counts()
	for _, d := range ctfDatasets {
		if counts[string(d)] == 0 {
			t.Errorf("the school has no %s: the test tests nothing of it", d)
		}
	}
	for _, files := range []int{1, 4} {
		dir := t.TempDir()
		if err := s.WriteCTF(dir, demoschool.CTFOptions{Files: files}); err != nil {
			t.Fatal(err)
		}
		source, err := Open(ctfProfile(t), site(dir))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readDatasets(t, source, ctfDatasets, provisioned(s))
		if err != nil {
			t.Fatal(err)
		}
		if err := oracle.Same(want, linesOf(t, got.records).WithoutClosedWeeks()); err != nil {
			t.Errorf("%d files: %v", files, err)
		}
		wantDiff(t, map[string]int{}, warnings(got.Report))
	}
}
