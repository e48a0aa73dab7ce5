package oracle

import (
	"rollbridge/e2e/cloud/xporter"
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

// leaveOutOfXporter keeps what Xporter on Demand has a place for. Detentions are
// there, since the school gives their names.
func leaveOutOfXporter(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.FormerSurname, r.FormerForename, r.Gender, r.PupilPremiumIndicator = "", "", "", ""
		r.CareStart, r.CareEnd, r.InCareAtCurrentSchool, r.PersonalEducationPlan = "", "", nil, nil
	case *record.SchoolHistory:
		here := r.URN == demoschool.SchoolURN // the list is of the schools before
		r.EntryDate, r.URN, r.LastSchool = "", "", nil
		return !here
	case *record.Welfare:
		kept := record.Welfare{ServiceChild: r.ServiceChild, YoungCarer: r.YoungCarer}
		if kept.YoungCarer != "N" {
			kept.YoungCarer = "1" // the service does not say who identified the child
		}
		if kept.ServiceChild != "Y" && kept.ServiceChild != "N" {
			kept.ServiceChild = ""
		}
		for _, d := range r.Disabilities {
			if d != "NONE" {
				kept.Disabilities = append(kept.Disabilities, d)
			}
		}
		*r = kept
	case *record.AgencyContact:
		var work []record.Phone
		for _, p := range r.Phones {
			if p.Type == "W" {
				work = append(work, p)
			}
		}
		r.Phones = work
	case *record.Exclusion:
		r.Review, r.Reasons = "", r.Reasons[:min(1, len(r.Reasons))]
	case *record.AssessmentResult:
		*r = record.AssessmentResult{
			Aspect: xporter.Aspect(r.Aspect, r.ResultStatus), ResultSet: r.ResultSet, Result: r.Result, ResultDate: r.ResultDate,
		}
		return r.Aspect != ""
	case *record.Staff:
		r.Addresses = nil // those of the service are homes
	case *record.PEP, *record.ExamResult, *record.KPI:
		return false
	}
	return true
}
