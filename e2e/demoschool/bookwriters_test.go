package demoschool

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/shared/record"
)

// Every dataset has a file, and every field of it a column, whose headings no
// two columns share.
func TestHeadingsCoverEveryField(t *testing.T) {
	inCells := map[record.Dataset][]string{
		// Said by the agent, of no MIS.
		record.DatasetPupil: {"ByRoster"},
		// A week is made of sessions.
		record.DatasetAttendance: {"week", "am", "pm", "localAM", "localPM", "lateAM", "latePM", "date", "session", "mark", "late"},
	}
	var datasets []record.Dataset
	for _, file := range CSVFiles() {
		d := record.Dataset(file.Dataset)
		datasets = append(datasets, d)
		texts, fields := map[string]bool{}, map[string]bool{}
		for _, h := range file.Headings {
			if texts[h.Text] {
				t.Errorf("%s has two columns headed %s", file.Name, h.Text)
			}
			field, _, _ := strings.Cut(h.Field, ".")
			texts[h.Text], fields[field] = true, true
		}
		for _, f := range record.Fields(d) {
			if !fields[f.Name] && !slices.Contains(inCells[d], f.Name) {
				t.Errorf("%s has no column for the field %s", file.Name, f.Name)
			}
			delete(fields, f.Name)
		}
		for field := range fields {
			if !slices.Contains(inCells[d], field) {
				t.Errorf("%s has a column for %s, which is no field of %s", file.Name, field, d)
			}
		}
	}
	if want := record.Datasets(); !slices.Equal(datasets, want) {
		t.Errorf("the files are of %v, want %v", datasets, want)
	}
}

// known is a school with one entry of each dataset whose every value is known.
func known(t *testing.T, c Config) (s *School, p *Pupil) {
	t.Helper()
	s = New(c)
	p = s.LookedAfter()[0]
	ref, day := Ref{PupilID: p.ID, ID: "77"}, Date(2026, time.March, 9)
	later := day.AddDate(0, 0, 5)
	must(t, s.Welfare.Remove(firstOf(t, s.Welfare.Of(p.ID))))
	add(t, s.SchoolHistory, SchoolHistory{Ref: ref, LEA: "815", Estab: "2990", URN: "199100", SchoolName: "A, B & C", EntryDate: day, LeavingDate: later, LeavingReason: "PM", LastSchool: No})
	add(t, s.SEN, SEN{Ref: ref, Provision: "E", StartDate: day, EndDate: later, Needs: []string{"SEMH", "MLD"}})
	add(t, s.Welfare, Welfare{Ref: Ref{PupilID: p.ID}, ProtectionPlan: Yes, ProtectionAuthority: "838", YoungCarer: "P", PostLookedAfter: "A", KinshipCare: "KF", ServiceChild: "R", Disabilities: []string{"HEAR", "AUT"}})
	add(t, s.PEP, PEP{Ref: ref, StartDate: day, ReviewDate: later, Status: "Draft"})
	add(t, s.AgencyContact, AgencyContact{ref, "CAMHS", "Health", "Nurse", "Dr", "Zoë", "O'Neil", "01632 960001", "07700 900001", "z@agency.example", "1 Row, Oakmere", "FA1 1AA"})
	add(t, s.Behaviour, Conduct{ref, day, "Fighting", "Serious", 5, "Open", `Said "no"; left`})
	add(t, s.Achievement, Conduct{ref, day, "Effort", "Learning", 1, "", ""})
	add(t, s.Detention, Detention{ref, day, "15:15", "15:45", "After school", Unknown, ""})
	add(t, s.Exclusion, Exclusion{ref, "SUSP", []string{"PP", "DB"}, day, later, PM, AM, 9, "FRE", ""})
	add(t, s.ExamResult, ExamResult{ref, "2026-06", "AQA", "GCSE", "601/1", "French", "Paper 1", "7", day})
	add(t, s.Assessment, AssessmentResult{ref, "KS2", "ENG", "2026", "MAT", "TT", "TES", "R", "NM", "88", day, "Maths", "Summer"})
	add(t, s.KPI, KPI{ref, "Attendance", "2026/27", "93%", "96%", day})
	return s, p
}

func add[T any](t *testing.T, b *Book[T], e T) {
	t.Helper()
	_, err := b.Add(e)
	must(t, err)
}

func TestBooksReachTheFiles(t *testing.T) {
	s, p := known(t, Config{Seed: 8, Pupils: 120})
	dir := t.TempDir()
	must(t, s.WriteCSV(dir))
	written := files(t, dir)
	for name, row := range map[string]string{
		"school_history.csv":     `77,ID,815,2990,199100,"A, B & C",09/03/2026,14/03/2026,PM,No`,
		"sen.csv":                `77,ID,E,09/03/2026,14/03/2026,1:SEMH;2:MLD`,
		"welfare.csv":            `ID,Yes,838,P,A,KF,R,,HEAR;AUT`,
		"pep.csv":                `77,ID,09/03/2026,14/03/2026,,Draft`,
		"agency_contacts.csv":    `77,ID,CAMHS,Health,Nurse,Dr,Zoë,O'Neil,01632 960001,07700 900001,z@agency.example,"1 Row, Oakmere",FA1 1AA`,
		"behaviour.csv":          `77,ID,09/03/2026,Fighting,Serious,5,Open,"Said ""no""; left"`,
		"achievement.csv":        `77,ID,09/03/2026,Effort,Learning,1,,`,
		"detentions.csv":         `77,ID,09/03/2026,15:15,15:45,After school,,`,
		"exclusions.csv":         `77,ID,SUSP,PP;DB,09/03/2026,14/03/2026,PM,AM,9,FRE,`,
		"exam_results.csv":       `77,ID,2026-06,AQA,GCSE,601/1,French,Paper 1,7,09/03/2026`,
		"assessment_results.csv": `77,ID,KS2,ENG,2026,MAT,TT,TES,R,NM,88,09/03/2026,Maths,Summer`,
		"kpis.csv":               `77,ID,Attendance,2026/27,93%,96%,09/03/2026`,
	} {
		row = strings.Replace(row, "ID", p.ID, 1)
		if !strings.Contains(written[name], "\n"+row+"\r\n") {
			t.Errorf("%s has no row %s", name, row)
		}
	}
	rows := counts(s, slices.Collect(s.Pupils()))
	rows["staff"] = tally(s.Staff())
	for _, file := range CSVFiles() {
		want, asked := rows[file.Dataset]
		if got := strings.Count(written[file.Name], "\r\n") - 1; asked && got != want {
			t.Errorf("%s has %d rows, want %d", file.Name, got, want)
		}
	}
}

func TestBooksReachTheTables(t *testing.T) {
	s, p := known(t, Config{Seed: 8, Pupils: 120})
	pupil, day := atoi(p.ID), Date(2026, time.March, 9)
	later := day.AddDate(0, 0, 5)
	tables := map[string][][]any{}
	for _, table := range s.TablesSQL() {
		for row := range table.Rows {
			checkRow(t, table, row)
			tables[table.Name] = append(tables[table.Name], slices.Clone(row))
		}
	}
	for name, want := range map[string][]any{
		"mis.StudentHistory":       {pupil, 77, "815", "2990", "199100", "A, B & C", day, later, "PM", false},
		"mis.StudentSEN":           {pupil, 77, "E", day, later},
		"mis.StudentSENNeed":       {pupil, 77, 2, "MLD"},
		"mis.StudentWelfare":       {pupil, true, "838", "P", "A", "KF", "R", nil, "HEAR,AUT"},
		"mis.StudentPEP":           {pupil, 77, day, later, nil, "Draft"},
		"mis.StudentAgencyContact": {pupil, 77, "CAMHS", "Health", "Nurse", "Dr", "Zoë", "O'Neil", "01632 960001", "07700 900001", "z@agency.example", "1 Row, Oakmere", "FA1 1AA"},
		"mis.StudentBehaviour":     {pupil, 77, day, "Fighting", "Serious", 5, "Open", `Said "no"; left`},
		"mis.StudentAchievement":   {pupil, 77, day, "Effort", "Learning", 1, nil, nil},
		"mis.StudentDetention":     {pupil, 77, day, "15:15", "15:45", "After school", nil, nil},
		"mis.StudentExclusion":     {pupil, 77, "SUSP", "PP,DB", day, later, "PM", "AM", 9, "FRE", nil},
		"mis.StudentExamResult":    {pupil, 77, "2026-06", "AQA", "GCSE", "601/1", "French", "Paper 1", "7", day},
		"mis.StudentAssessment":    {pupil, 77, "KS2", "ENG", "2026", "MAT", "TT", "TES", "R", "NM", "88", day, "Maths", "Summer"},
		"mis.StudentKPI":           {pupil, 77, "Attendance", "2026/27", "93%", "96%", day},
	} {
		if !slices.ContainsFunc(tables[name], func(row []any) bool { return slices.Equal(row, want) }) {
			t.Errorf("%s has no row %v", name, want)
		}
	}
	rows := counts(s, slices.Collect(s.Pupils()))
	for name, want := range map[string]int{
		"mis.StudentHistory": rows["school_history"], "mis.StudentWelfare": rows["welfare"], "mis.StudentSEN": rows["sen"],
		"mis.StudentKPI": rows["kpi"], "mis.Staff": len(staffRoles) + otherStaff,
	} {
		if len(tables[name]) != want {
			t.Errorf("%s has %d rows, want %d", name, len(tables[name]), want)
		}
	}
	told := slices.DeleteFunc(tables["mis.Staff"], func(row []any) bool { return row[1] == nil })
	if len(told) != len(staffRoles) {
		t.Errorf("%d of the staff have a role for looked-after children, want %d", len(told), len(staffRoles))
	}
}

func TestBooksReachTheCTF(t *testing.T) {
	s, p := known(t, Config{Seed: 8, Pupils: 120, OneCharacterMarks: true})
	dir := t.TempDir()
	must(t, s.WriteCTF(dir, CTFOptions{}))
	text := files(t, dir)[ctfName(1)]
	_, pupils := readCTF(t, text)
	at := slices.IndexFunc(pupils, func(c ctfPupil) bool {
		return c.Surname == p.LegalSurname && c.Forename == p.LegalForename && c.DOB == isoDate(p.DOB)
	})
	if at < 0 {
		t.Fatal("the pupil is not in the file")
	}
	got, no := pupils[at], false
	if got.BasicDetails.FormerForename != p.FormerForename || got.BasicDetails.MedicalFlag != nil || !slices.Equal(got.BasicDetails.Disabilities, []string{"HEAR", "AUT"}) {
		t.Errorf("basic details are %+v", got.BasicDetails)
	}
	if n := len(got.SENhistory); n != tally(s.SEN.Of(p.ID)) || !slices.Equal(got.SENhistory[n-1].SENneeds, []ctfNeed{{1, "SEMH"}, {2, "MLD"}}) {
		t.Errorf("needs are %+v", got.SENhistory)
	}
	last := got.SchoolHistory[len(got.SchoolHistory)-1]
	if last.LastSchool == nil || *last.LastSchool != no || last.LeavingReason != "PM" || last.LEA != "815" || last.LeavingDate != "2026-03-14" {
		t.Errorf("history ends with %+v", last)
	}
	stage := got.StageAssessments[0]
	want := ctfAssessment{"ENG", "2026", "MAT", "TT", "TES", "R", "NM", "88", "2026-03-09"}
	if stage.Stage != "KS2" || len(got.StageAssessments) != 1 || stage.StageAssessment[len(stage.StageAssessment)-1] != want {
		t.Errorf("assessments are %+v", got.StageAssessments)
	}
	for _, piece := range []string{
		"<SENtypeRank>1</SENtypeRank>", "<MedicalFlag>true</MedicalFlag>", "<LastSchool>true</LastSchool>",
		"<SENneed>", "<Disability>HEAR</Disability>", "<ResultQualifier>NM</ResultQualifier>",
	} {
		if !strings.Contains(text, piece) {
			t.Errorf("the file has no %s", piece)
		}
	}
	if strings.Contains(text, "data drop") || strings.Contains(text, "grade") {
		t.Error("an assessment without a key stage is in the file")
	}
}

// Every name and comment fits into Windows-1252 where the school says so.
func TestBooksFitWestern(t *testing.T) {
	for seed := range uint64(4) {
		must(t, New(Config{Seed: seed, Pupils: 200, WesternNames: true, LookedAfterShare: 0.2}).WriteCSV(t.TempDir(), CSVOptions{Encoding: Windows1252}))
	}
}
