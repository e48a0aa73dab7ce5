package oracle

import (
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
	}
}

// contact leaves the address out: no default ask names it.
func contact(c demoschool.Contact) *record.Contact {
	r := &record.Contact{
		Title: c.Title, Forename: c.Forename, Surname: c.Surname, Relationship: c.Relationship,
		Order: c.Priority, Responsibility: &c.ParentalResponsibility,
	}
	for kind, number := range map[string]string{"H": c.HomePhone, "M": c.MobilePhone, "W": c.WorkPhone} {
		if number != "" {
			r.Phones = append(r.Phones, record.Phone{Type: kind, Number: number})
		}
	}
	slices.SortFunc(r.Phones, func(a, b record.Phone) int { return strings.Compare(a.Type+a.Number, b.Type+b.Number) })
	if c.Email != "" {
		r.Emails = []string{c.Email}
	}
	return r
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

// leaveOutOfCTF empties what a common transfer file does not carry.
func leaveOutOfCTF(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.AdmissionNumber, r.RegGroup, r.House = "", "", ""
		r.CareStart, r.CareEnd = "", ""
		r.PersonalEducationPlan, r.PupilPremium = nil, nil
		if r.FSMEligible != nil && !*r.FSMEligible {
			r.FSMEligible = nil // no history of free meals says nothing about them
		}
	case *record.Attendance:
		r.LateAM, r.LatePM = nil, nil
	}
	return true
}

// leaveOutOfSIMS keeps what the profile sims-sql reads. No table of contacts is
// known.
func leaveOutOfSIMS(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		*r = record.Pupil{
			UPN: r.UPN, UniqueLearnerNumber: r.UniqueLearnerNumber, AdmissionNumber: r.AdmissionNumber,
			Surname: r.Surname, Forename: r.Forename, DOB: r.DOB, InCare: r.InCare, CareAuthority: r.CareAuthority,
			CareStart: r.CareStart, CareEnd: r.CareEnd, EntryDate: r.EntryDate, LeavingDate: r.LeavingDate,
		}
	case *record.Contact:
		return false
	case *record.Attendance:
		r.LateAM, r.LatePM = nil, nil
	}
	return true
}

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
