package oracle

import (
	"iter"
	"slices"
	"strings"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

func pupil(p *demoschool.Pupil) *record.Pupil {
	former := p.FormerUPN
	if !demoschool.IsTemporaryUPN(former) {
		former = "" // a permanent former UPN must never lead back
	}
	return &record.Pupil{
		UPN: p.UPN, FormerUPN: former, UniqueLearnerNumber: p.ULN, AdmissionNumber: p.AdmissionNo,
		Surname: p.LegalSurname, Forename: p.LegalForename, MiddleNames: p.MiddleNames,
		PreferredSurname: p.PreferredSurname, PreferredForename: p.PreferredForename, FormerSurname: p.FormerSurname,
		DOB: record.Date(day(p.DOB)), Sex: p.Sex, NCYearActual: p.Year, RegGroup: p.RegGroup, House: p.House,
		Email: p.Email, Phone: p.Phone, InCare: true, CareAuthority: p.CareAuthority,
		CareStart: record.Date(day(p.CareStart)), CareEnd: record.Date(day(p.CareEnd)),
		PersonalEducationPlan: &p.PEP, FSMEligible: &p.FSM, PupilPremium: &p.PupilPremium,
		EnrolStatus: p.EnrolStatus, EntryDate: record.Date(day(p.EntryDate)), LeavingDate: record.Date(day(p.LeavingDate)),
		FormerForename: p.FormerForename, Gender: p.Gender, InCareAtCurrentSchool: p.InCareHere.Bool(),
		PupilPremiumIndicator: p.PremiumCode,
	}
}

// dependents are all the records that hang on a pupil.
func dependents(s *demoschool.School, p *demoschool.Pupil) []record.Record {
	var all []record.Record
	for c := range s.Contacts(p.ID) {
		all = append(all, contact(c))
	}
	for _, week := range weeks(s, p.ID) {
		all = append(all, week)
	}
	all = appendAll(all, s.SchoolHistory.Of(p.ID), schoolHistory)
	all = appendAll(all, s.SEN.Of(p.ID), sen)
	all = appendAll(all, s.Welfare.Of(p.ID), welfare)
	all = appendAll(all, s.PEP.Of(p.ID), pep)
	all = appendAll(all, s.AgencyContact.Of(p.ID), agencyContact)
	all = appendAll(all, s.Behaviour.Of(p.ID), behaviour)
	all = appendAll(all, s.Achievement.Of(p.ID), achievement)
	all = appendAll(all, s.Detention.Of(p.ID), detention)
	all = appendAll(all, s.Exclusion.Of(p.ID), exclusion)
	all = appendAll(all, s.ExamResult.Of(p.ID), examResult)
	all = appendAll(all, s.Assessment.Of(p.ID), assessmentResult)
	return appendAll(all, s.KPI.Of(p.ID), kpi)
}

func appendAll[T any](all []record.Record, entries iter.Seq[T], recordOf func(T) record.Record) []record.Record {
	for e := range entries {
		all = append(all, recordOf(e))
	}
	return all
}

func contact(c demoschool.Contact) *record.Contact {
	return &record.Contact{
		Title: c.Title, Forename: c.Forename, Surname: c.Surname, Relationship: c.Relationship,
		Order: c.Priority, Responsibility: &c.ParentalResponsibility,
		Phones: phones(c.HomePhone, c.MobilePhone, c.WorkPhone), Emails: list(c.Email), Addresses: addresses(c.Address, c.Postcode),
	}
}

func phones(home, mobile, work string) []record.Phone {
	var all []record.Phone
	for _, p := range []record.Phone{{Type: "H", Number: home}, {Type: "M", Number: mobile}, {Type: "W", Number: work}} {
		if p.Number != "" {
			all = append(all, p)
		}
	}
	return all
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func addresses(lines, postcode string) []record.Address {
	if lines == "" && postcode == "" {
		return nil
	}
	return []record.Address{{Lines: strings.Split(lines, ", "), PostCode: postcode}}
}

func weeks(s *demoschool.School, pupilID string) []*record.Attendance {
	byWeek := map[record.Date]*record.Attendance{}
	for m := range s.Marks(pupilID) {
		date := record.Date(day(m.Date))
		monday := date.Monday()
		week := byWeek[monday]
		if week == nil {
			week = &record.Attendance{Week: monday, AM: make([]string, 5), PM: make([]string, 5), LateAM: make([]int, 5), LatePM: make([]int, 5)}
			byWeek[monday] = week
		}
		i := int(date.Time().Sub(monday.Time()).Hours()) / 24
		code := m.Code
		if code == "-" {
			code = ""
		}
		if m.Session == demoschool.AM {
			week.AM[i], week.LateAM[i] = code, m.MinutesLate
		} else {
			week.PM[i], week.LatePM[i] = code, m.MinutesLate
		}
	}
	var all []*record.Attendance
	for _, week := range byWeek {
		if !slices.ContainsFunc(week.LateAM, isLate) {
			week.LateAM = nil
		}
		if !slices.ContainsFunc(week.LatePM, isLate) {
			week.LatePM = nil
		}
		all = append(all, week)
	}
	return all
}

func isLate(minutes int) bool { return minutes != 0 }

// WithoutClosedWeeks takes out weeks in which the school was closed throughout:
// a common transfer file writes every calendar day, a register does not.
func (l Lines) WithoutClosedWeeks() Lines {
	for key, content := range l {
		if strings.Contains(content, `"am":["#","#","#","#","#"],"pm":["#","#","#","#","#"]`) {
			delete(l, key)
		}
	}
	return l
}
