package oracle

import (
	"slices"

	"rollbridge/shared/record"
)

// leaveOutOfWonde keeps what Wonde passes on, and what the school names itself.
func leaveOutOfWonde(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.FormerSurname, r.FormerForename = "", ""
		r.InCareAtCurrentSchool, r.PersonalEducationPlan, r.PupilPremiumIndicator = nil, nil, ""
	case *record.Welfare:
		*r = record.Welfare{ServiceChild: r.ServiceChild}
		return r.ServiceChild != ""
	case *record.Behaviour:
		r.Category = ""
	case *record.Achievement:
		r.Category, r.Status = "", ""
	case *record.SchoolHistory, *record.PEP, *record.AgencyContact, *record.Detention, *record.ExamResult, *record.KPI:
		return false
	}
	return true
}

// provisionOfToday keeps of special needs the period that has not ended, without
// when it began.
func provisionOfToday(all []record.Record) []record.Record {
	return slices.DeleteFunc(all, func(r record.Record) bool {
		e, ok := r.(*record.SEN)
		if ok && e.EndDate == "" {
			e.StartDate = ""
			return false
		}
		return ok
	})
}
