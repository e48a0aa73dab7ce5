package record

import (
	"slices"
	"strings"
	"testing"
)

const checkDay = Date("2026-11-21")

var checkID = PupilID(strings.Repeat("0a", 16))

func goodPupil() *Pupil {
	// The UPN is the DfE's published example of the check letter's rule.
	return &Pupil{ID: checkID, UPN: "A999999999999", Surname: "Fictional", DOB: "2014-05-06", Sex: "F", NCYearActual: "7", InCare: true, CareAuthority: "301",
		CareStart: "2020-01-01", EntryDate: "2025-09-01"}
}

func goodWeek() *Attendance {
	return &Attendance{PupilID: checkID, Week: "2026-11-16", AM: []string{"/", "/", "L", "I", ""}, PM: []string{"\\", "\\", "\\", "", ""}}
}

func reasons(r Record) (errs, warnings []string) {
	for _, f := range Check(r, checkDay) {
		if f.Severity == SeverityError {
			errs = append(errs, f.Reason())
		} else {
			warnings = append(warnings, f.Reason())
		}
	}
	return errs, warnings
}

type checkCase struct {
	name    string
	record  Record
	failure string
	warning string
}

func TestCheck(t *testing.T) {
	pupil := func(change func(*Pupil)) Record { p := goodPupil(); p.UPN = ""; change(p); return p }
	week := func(change func(*Attendance)) Record { a := goodWeek(); change(a); return a }
	contact := func(change func(*Contact)) Record {
		c := &Contact{PupilID: checkID, ID: strings.Repeat("1", 32), Surname: "Carer", Relationship: "FOF"}
		change(c)
		return c
	}
	runChecks(t, []checkCase{
		{"nothing but what always comes", &Pupil{ID: checkID, InCare: true}, "", ""},
		{"good pupil", pupil(func(*Pupil) {}), "", ""},
		{"good week", goodWeek(), "", ""},
		{"seven days", week(func(a *Attendance) { a.AM, a.PM = make([]string, 7), make([]string, 7) }), "", ""},
		{"pupil id", pupil(func(p *Pupil) { p.ID = "x" }), "pupil:malformed", ""},
		{"short UPN", pupil(func(p *Pupil) { p.UPN = "A12" }), "UPN:malformed", ""},
		{"check letter", pupil(func(p *Pupil) { p.UPN = "B301000000010" }), "UPN:check_character", ""},
		{"permanent former UPN", pupil(func(p *Pupil) { p.FormerUPN = "A999999999999" }), "", "FormerUPN:malformed"},
		{"ULN", pupil(func(p *Pupil) { p.UniqueLearnerNumber = "1234567890" }), "", "UniqueLearnerNumber:check_character"},
		{"born today", pupil(func(p *Pupil) { p.DOB = checkDay; p.EntryDate, p.CareStart = "", "" }), "", ""},
		{"born tomorrow", pupil(func(p *Pupil) { p.DOB = checkDay.AddDays(1); p.EntryDate, p.CareStart = "", "" }), "DOB:future", ""},
		{"no such day", pupil(func(p *Pupil) { p.DOB = "2014-02-30"; p.EntryDate, p.CareStart = "", "" }), "DOB:not_a_date", ""},
		{"no date", pupil(func(p *Pupil) { p.LeavingDate = "30/02/2014" }), "LeavingDate:not_a_date", ""},
		{"care ends first", pupil(func(p *Pupil) { p.CareEnd = "2019-12-31" }), "", "CareEnd:order"},
		{"sex", pupil(func(p *Pupil) { p.Sex = "Q" }), "", "Sex:unknown_code"},
		{"year", pupil(func(p *Pupil) { p.NCYearActual = "99" }), "", "NCyearActual:unknown_code"},
		{"authority", pupil(func(p *Pupil) { p.CareAuthority = "000" }), "", "CareAuthority:unknown_code"},
		{"former forename", pupil(func(p *Pupil) { p.FormerForename = "a\tb" }), "FormerForename:control_character", ""},
		{"pupil premium", pupil(func(p *Pupil) { p.PupilPremiumIndicator = "ZZZ" }), "", "PupilPremiumIndicator:unknown_code"},
		{"gender has no list", pupil(func(p *Pupil) { p.Gender = "any word" }), "", ""},
		{"in care, and not here", pupil(func(p *Pupil) { p.InCareAtCurrentSchool = new(bool) }), "", "InCareAtCurrentSchool:conflict"},
		{"sent by a roster, and not here", pupil(func(p *Pupil) { p.InCare, p.ByRoster = false, true; p.InCareAtCurrentSchool = new(bool) }), "", ""},
		{"in care, whose is from a roster", pupil(func(p *Pupil) { p.ByRoster = true }), "", ""},
		{"not in care", pupil(func(p *Pupil) { p.InCare = false }), "InCare:conflict", ""},
		{"by nobody's roster", pupil(func(p *Pupil) { p.ByRoster, p.CareAuthority = true, "" }), "CareAuthority:conflict", ""},
		{"long", pupil(func(p *Pupil) { p.Surname = strings.Repeat("a", MaxTextBytes+1) }), "Surname:too_long", ""},
		{"line break", pupil(func(p *Pupil) { p.Surname = "a\nb" }), "Surname:control_character", ""},
		{"contact id", contact(func(c *Contact) { c.ID = "a/b" }), "contact:malformed", ""},
		{"relationship", contact(func(c *Contact) { c.Relationship = "QQQ" }), "", "Relationship:unknown_code"},
		{"deep line break", contact(func(c *Contact) { c.Addresses = []Address{{Lines: []string{"a", "b\x00"}}} }), "Addresses:control_character", ""},
		{"too many phones", contact(func(c *Contact) { c.Phones = make([]Phone, MaxListItems+1) }), "Phones:too_long", ""},
		{"priority", contact(func(c *Contact) { c.Order = -1 }), "", "Order:range"},
		{"Tuesday", week(func(a *Attendance) { a.Week = "2026-11-17" }), "week:not_a_monday", ""},
		{"no week", week(func(a *Attendance) { a.Week = "" }), "week:not_a_date", "am:unknown_code"},
		{"next week", week(func(a *Attendance) { a.Week = "2026-11-23" }), "", "week:future"},
		{"six days", week(func(a *Attendance) { a.AM, a.PM = make([]string, 6), make([]string, 6) }), "am:length", ""},
		{"unequal", week(func(a *Attendance) { a.PM = make([]string, 7) }), "pm:length", ""},
		{"local marks", week(func(a *Attendance) { a.LocalAM = []string{"x"} }), "localAM:length", ""},
		{"long mark", week(func(a *Attendance) { a.PM[0] = "ABC" }), "pm:too_long", ""},
		{"unknown mark", week(func(a *Attendance) { a.AM[0] = "?" }), "", "am:unknown_code"},
		{"late", week(func(a *Attendance) { a.LateAM = []int{0, -1, 0, 0, 0} }), "lateAM:range", ""},
	})
}

func runChecks(t *testing.T, cases []checkCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			errs, warnings := reasons(c.record)
			if c.failure == "" && len(errs) > 0 || c.failure != "" && !slices.Contains(errs, c.failure) {
				t.Errorf("errors %q, want %q", errs, c.failure)
			}
			if c.warning == "" && c.failure == "" && len(warnings) > 0 || c.warning != "" && !slices.Contains(warnings, c.warning) {
				t.Errorf("warnings %q, want %q", warnings, c.warning)
			}
			if Refused(Check(c.record, checkDay)) != (c.failure != "") {
				t.Error("Refused does not follow from the errors")
			}
		})
	}
}
