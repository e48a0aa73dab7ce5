package record

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const tomorrow = Date("2026-11-22")

var checkSub = strings.Repeat("1", 32)

func yes() *bool { b := true; return &b }

// good gives a record of each dataset that nothing is wrong with.
func good(d Dataset) Record {
	switch d {
	case DatasetPupil:
		return goodPupil()
	case DatasetSchoolHistory:
		return &SchoolHistory{PupilID: checkID, ID: checkSub, LEA: "909", Estab: "4321", URN: "123456", SchoolName: "Fictional School",
			EntryDate: "2020-09-01", LeavingDate: "2024-07-19", LeavingReason: "PM", LastSchool: yes()}
	case DatasetSEN:
		return &SEN{PupilID: checkID, ID: checkSub, SENProvision: "E", StartDate: "2024-09-02", EndDate: "2026-07-01",
			SENNeeds: []SENNeed{{2, "BESD"}, {1, "MLD"}}}
	case DatasetWelfare:
		return &Welfare{PupilID: checkID, ProtectionPlan: yes(), ProtectionAuthority: "301", YoungCarer: "P", PostLookedAfterArrangements: "G",
			KinshipCare: "KF", ServiceChild: "R", MedicalFlag: yes(), Disabilities: []string{"MOB", "HEAR"}}
	case DatasetPEP:
		return &PEP{PupilID: checkID, ID: checkSub, StartDate: "2026-09-10", ReviewDate: "2027-01-20", EndDate: "2027-01-20", Status: "In progress"}
	case DatasetContact:
		return &Contact{PupilID: checkID, ID: checkSub, Surname: "Carer", Relationship: "FOF", Order: 1, Phones: []Phone{{"M", "07700 900001"}}}
	case DatasetAgencyContact:
		return &AgencyContact{PupilID: checkID, ID: checkSub, Agency: "Fictional Children's Services", Role: "Social worker", Surname: "Helper",
			Phones: []Phone{{"W", "020 7946 0001"}}, Addresses: []Address{{Lines: []string{"1 Fictional Street"}}}}
	case DatasetAttendance:
		return goodWeek()
	case DatasetBehaviour:
		return &Behaviour{PupilID: checkID, ID: checkSub, Date: checkDay, Type: "Disruption", Points: -3, Comments: "Two lines\r\n\tof text"}
	case DatasetAchievement:
		return &Achievement{PupilID: checkID, ID: checkSub, Date: checkDay, Type: "Effort", Points: 5}
	case DatasetDetention:
		return &Detention{PupilID: checkID, ID: checkSub, Date: tomorrow, StartTime: "12:15", EndTime: "12:45", Type: "Lunch"}
	case DatasetExclusion:
		return &Exclusion{PupilID: checkID, ID: checkSub, Category: "SUSP", Reasons: []string{"PP", "DB", "TH"}, StartDate: "2026-10-05", EndDate: "2026-10-06",
			StartSession: "PM", EndSession: "AM", Sessions: 2, Review: "NOG"}
	case DatasetExamResult:
		return &ExamResult{PupilID: checkID, ID: checkSub, Season: "2026-06", Board: "Board", Subject: "Art", Result: "6", ResultDate: "2026-08-20"}
	case DatasetAssessmentResult:
		return &AssessmentResult{PupilID: checkID, ID: checkSub, Stage: "KS2", Locale: "ENG", Year: "2026", Subject: "MAT", ResultStatus: "R",
			ResultQualifier: "NM", Result: "104", ResultDate: "2026-07-10"}
	case DatasetKPI:
		return &KPI{PupilID: checkID, ID: checkSub, Name: "Attendance", Period: "Autumn", Value: "96.4", Target: "97", Date: "2026-11-20"}
	case DatasetStaff:
		return &Staff{ID: checkSub, Role: "Designated teacher", Surname: "Teacher", Email: "teacher@school.example"}
	}
	return nil
}

// but is a good record with one change.
func but[T any](d Dataset, change func(*T)) Record {
	r := good(d)
	change(any(r).(*T))
	return r
}

func TestCheckAcceptsGoodRecords(t *testing.T) {
	for _, d := range Datasets() {
		r := good(d)
		if p, ok := r.(*Pupil); ok {
			p.UPN = "" // the published example has an authority that never was
		}
		if faults := Check(r, checkDay); len(faults) > 0 {
			t.Errorf("%s: %+v", d, faults)
		}
		Keep(r, func(string) bool { return false })
		if faults := Check(r, checkDay); len(faults) > 0 {
			t.Errorf("%s of which the school allows no field: %+v", d, faults)
		}
	}
}

func TestCheckHistoryAndSupport(t *testing.T) {
	history := func(change func(*SchoolHistory)) Record { return but(DatasetSchoolHistory, change) }
	sen := func(change func(*SEN)) Record { return but(DatasetSEN, change) }
	welfare := func(change func(*Welfare)) Record { return but(DatasetWelfare, change) }
	pep := func(change func(*PEP)) Record { return but(DatasetPEP, change) }
	runChecks(t, []checkCase{
		{"no authority", history(func(h *SchoolHistory) { h.LEA = "000" }), "", "LEA:unknown_code"},
		{"short number", history(func(h *SchoolHistory) { h.Estab = "321" }), "", "Estab:malformed"},
		{"URN of letters", history(func(h *SchoolHistory) { h.URN = "12345a" }), "", "URN:malformed"},
		{"left first", history(func(h *SchoolHistory) { h.LeavingDate = "2020-08-31" }), "", "LeavingDate:order"},
		{"leaving reason", history(func(h *SchoolHistory) { h.LeavingReason = "ZZ" }), "", "LeavingReason:unknown_code"},
		{"entry date", history(func(h *SchoolHistory) { h.EntryDate = "01/09/2020" }), "EntryDate:not_a_date", ""},
		{"history id", history(func(h *SchoolHistory) { h.ID = "7" }), "school_history:malformed", ""},
		{"provision", sen(func(s *SEN) { s.SENProvision = "Z" }), "", "SENprovision:unknown_code"},
		{"need", sen(func(s *SEN) { s.SENNeeds[0].Type = "ZZZ" }), "", "SENneeds:unknown_code"},
		{"no ranks", sen(func(s *SEN) { s.SENNeeds = []SENNeed{{0, "MLD"}, {0, "HI"}} }), "", ""},
		{"rank twice", sen(func(s *SEN) { s.SENNeeds[0].Rank = 1 }), "", "SENneeds:order"},
		{"rank with a gap", sen(func(s *SEN) { s.SENNeeds[0].Rank = 3 }), "", "SENneeds:order"},
		{"rank below", sen(func(s *SEN) { s.SENNeeds[0].Rank = -1 }), "", "SENneeds:order"},
		{"some ranks", sen(func(s *SEN) { s.SENNeeds[0].Rank = 0 }), "", "SENneeds:order"},
		{"no assessment of a plan", sen(func(s *SEN) { s.SENNeeds[1].Type = "NSA" }), "", "SENneeds:conflict"},
		{"no assessment of support", sen(func(s *SEN) { s.SENNeeds[1].Type = "NSA"; s.SENProvision = "K" }), "", ""},
		{"ended first", sen(func(s *SEN) { s.EndDate = "2024-09-01" }), "", "EndDate:order"},
		{"protecting authority", welfare(func(w *Welfare) { w.ProtectionAuthority = "000" }), "", "ProtectionAuthority:unknown_code"},
		{"carer", welfare(func(w *Welfare) { w.YoungCarer = "Z" }), "", "YoungCarer:unknown_code"},
		{"arrangements", welfare(func(w *Welfare) { w.PostLookedAfterArrangements = "Z" }), "", "PostLookedAfterArrangements:unknown_code"},
		{"kinship", welfare(func(w *Welfare) { w.KinshipCare = "Z" }), "", "KinshipCare:unknown_code"},
		{"service", welfare(func(w *Welfare) { w.ServiceChild = "Z" }), "", "ServiceChild:unknown_code"},
		{"disability", welfare(func(w *Welfare) { w.Disabilities[1] = "ZZZ" }), "", "Disabilities:unknown_code"},
		{"many disabilities", welfare(func(w *Welfare) { w.Disabilities = make([]string, MaxListItems+1) }), "Disabilities:too_long", ""},
		{"reviewed first", pep(func(p *PEP) { p.ReviewDate = "2026-09-09"; p.EndDate = "" }), "", "ReviewDate:order"},
		{"plan ended first", pep(func(p *PEP) { p.EndDate = "2026-09-09" }), "", "EndDate:order"},
		{"status of 50", pep(func(p *PEP) { p.Status = strings.Repeat("\u00e9", MaxStatusRunes) }), "", ""},
		{"status of 51", pep(func(p *PEP) { p.Status = strings.Repeat("\u00e9", MaxStatusRunes+1) }), "Status:too_long", ""},
	})
}

func TestCheckEventsAndResults(t *testing.T) {
	behaviour := func(change func(*Behaviour)) Record { return but(DatasetBehaviour, change) }
	detention := func(change func(*Detention)) Record { return but(DatasetDetention, change) }
	exclusion := func(change func(*Exclusion)) Record { return but(DatasetExclusion, change) }
	exam := func(change func(*ExamResult)) Record { return but(DatasetExamResult, change) }
	assessment := func(change func(*AssessmentResult)) Record { return but(DatasetAssessmentResult, change) }
	runChecks(t, []checkCase{
		{"tomorrow's behaviour", behaviour(func(b *Behaviour) { b.Date = tomorrow }), "", "Date:future"},
		{"behaviour of no day", behaviour(func(b *Behaviour) { b.Date = "2026-13-01" }), "Date:not_a_date", ""},
		{"points", behaviour(func(b *Behaviour) { b.Points = -maxPoints - 1 }), "", "Points:range"},
		{"long comment", behaviour(func(b *Behaviour) { b.Comments = strings.Repeat("a", MaxCommentBytes) }), "", ""},
		{"longer comment", behaviour(func(b *Behaviour) { b.Comments = strings.Repeat("a", MaxCommentBytes+1) }), "Comments:too_long", ""},
		{"comment with a bell", behaviour(func(b *Behaviour) { b.Comments = "a\ab" }), "Comments:control_character", ""},
		{"comment of bytes", behaviour(func(b *Behaviour) { b.Comments = "a\xff" }), "Comments:control_character", ""},
		{"tomorrow's achievement", but(DatasetAchievement, func(a *Achievement) { a.Date = tomorrow }), "", "Date:future"},
		{"achievement points", but(DatasetAchievement, func(a *Achievement) { a.Points = maxPoints + 1 }), "", "Points:range"},
		{"attended tomorrow", detention(func(d *Detention) { d.Attended = yes() }), "", "Date:future"},
		{"no time", detention(func(d *Detention) { d.StartTime = "25:00" }), "StartTime:malformed", ""},
		{"short time", detention(func(d *Detention) { d.EndTime = "1:45" }), "EndTime:malformed", ""},
		{"time ends first", detention(func(d *Detention) { d.EndTime = "12:14" }), "", "EndTime:order"},
		{"category", exclusion(func(e *Exclusion) { e.Category = "ZZZZ" }), "", "Category:unknown_code"},
		{"old category", exclusion(func(e *Exclusion) { e.Category = "FIXD" }), "", "Category:historic_code"},
		{"reason", exclusion(func(e *Exclusion) { e.Reasons[2] = "ZZ" }), "", "Reasons:unknown_code"},
		{"four reasons", exclusion(func(e *Exclusion) { e.Reasons = append(e.Reasons, "DM") }), "", "Reasons:length"},
		{"suspension ends first", exclusion(func(e *Exclusion) { e.EndDate = "2026-10-04" }), "", "EndDate:order"},
		{"half a day backwards", exclusion(func(e *Exclusion) { e.EndDate = e.StartDate }), "", "EndSession:order"},
		{"no half a day", exclusion(func(e *Exclusion) { e.StartSession = "EV" }), "", "StartSession:unknown_code"},
		{"no half a day at the end", exclusion(func(e *Exclusion) { e.EndSession = "am" }), "", "EndSession:unknown_code"},
		{"90 sessions", exclusion(func(e *Exclusion) { e.Sessions = maxSessions }), "", ""},
		{"91 sessions", exclusion(func(e *Exclusion) { e.Sessions = maxSessions + 1 }), "", "Sessions:range"},
		{"sessions of a permanent one", exclusion(func(e *Exclusion) { e.Category = "PERM" }), "", "Sessions:conflict"},
		{"permanent", exclusion(func(e *Exclusion) { e.Category, e.Sessions = "PERM", 0 }), "", ""},
		{"review", exclusion(func(e *Exclusion) { e.Review = "ZZZ" }), "", "Review:unknown_code"},
		{"no season", exam(func(e *ExamResult) { e.Season = "2026-6" }), "Season:malformed", ""},
		{"result of a season to come", exam(func(e *ExamResult) { e.Season = "2027-01" }), "", "Season:future"},
		{"entry for a season to come", exam(func(e *ExamResult) { e.Season, e.Result, e.ResultDate = "2027-01", "", "" }), "", ""},
		{"result of tomorrow", exam(func(e *ExamResult) { e.ResultDate = tomorrow }), "", "ResultDate:future"},
		{"stage", assessment(func(a *AssessmentResult) { a.Stage = "ZZZ" }), "", "Stage:unknown_code"},
		{"locale", assessment(func(a *AssessmentResult) { a.Locale = "ZZZ" }), "", "Locale:unknown_code"},
		{"result status", assessment(func(a *AssessmentResult) { a.ResultStatus = "Z" }), "", "ResultStatus:unknown_code"},
		{"qualifier", assessment(func(a *AssessmentResult) { a.ResultQualifier = "ZZ" }), "", "ResultQualifier:unknown_code"},
		{"assessment of tomorrow", assessment(func(a *AssessmentResult) { a.ResultDate = tomorrow }), "", "ResultDate:future"},
		{"target of tomorrow", assessment(func(a *AssessmentResult) { a.ResultDate, a.ResultStatus = tomorrow, "T" }), "", ""},
		{"figure of no day", but(DatasetKPI, func(k *KPI) { k.Date = "today" }), "Date:not_a_date", ""},
		{"staff id", but(DatasetStaff, func(s *Staff) { s.ID = "" }), "staff:malformed", ""},
		{"agency phone", but(DatasetAgencyContact, func(a *AgencyContact) { a.Phones[0].Type = "Z" }), "", "Phones:unknown_code"},
		{"staff address", but(DatasetStaff, func(s *Staff) { s.Addresses = []Address{{PostCode: "a\nb"}} }), "Addresses:control_character", ""},
	})
}

// holdsText says whether a field can hold a string, however deep.
func holdsText(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.String, reflect.Struct:
		return true
	case reflect.Slice:
		return holdsText(typ.Elem())
	}
	return false
}

// No sentence may hold a value of the record, whatever is wrong with it, and
// every text of every dataset is checked.
func TestFaultsHoldNoValues(t *testing.T) {
	const canary = "CANARY"
	for _, d := range Datasets() {
		for _, value := range []string{canary, canary + "\x00", strings.Repeat(canary, MaxCommentBytes), canary + "\xff"} {
			r, _ := New(d)
			fill(reflect.ValueOf(r).Elem(), value)
			faults := Check(r, checkDay)
			for _, f := range faults {
				if strings.Contains(fmt.Sprintf("%+v", f), canary) || !strings.HasSuffix(f.Sentence, ".") {
					t.Errorf("%s.%s: %q", d, f.Field, f.Sentence)
				}
				if !slices.ContainsFunc(Fields(d), func(g Field) bool { return g.Name == f.Field }) {
					t.Errorf("%s has a fault of %s, which is none of its fields", d, f.Field)
				}
			}
			if value == canary {
				continue
			}
			for i, f := range Fields(d) {
				wrong := slices.ContainsFunc(faults, func(g Fault) bool { return g.Field == f.Name && g.Severity == SeverityError })
				if holdsText(byName[d].typ.Field(i).Type) && !wrong {
					t.Errorf("%s.%s holds %d bytes that nobody checks", d, f.Name, len(value))
				}
			}
		}
	}
}

// A list full of the same mistake gives one sentence.
func TestEachThingIsSaidOnce(t *testing.T) {
	r := but(DatasetWelfare, func(w *Welfare) { w.Disabilities = slices.Repeat([]string{"ZZZ"}, MaxListItems) })
	if faults := Check(r, checkDay); len(faults) != 1 {
		t.Errorf("%d faults", len(faults))
	}
}

// Whatever a record holds, it can be checked, and what is wrong is a field of it.
func TestCheckTakesAnyRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDataset().Draw(t, "dataset")
		day := rapid.SampledFrom([]Date{checkDay, "", "0001-01-01", "no day"}).Draw(t, "day")
		for _, f := range Check(drawn(t, d), day) {
			if !slices.ContainsFunc(Fields(d), func(g Field) bool { return g.Name == f.Field }) {
				t.Errorf("%s has a fault of %s", d, f.Field)
			}
		}
	})
}
