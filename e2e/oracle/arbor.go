package oracle

import (
	"slices"

	"rollbridge/shared/record"
)

// leaveOutOfArbor keeps what Arbor's REST interface has a place for.
func leaveOutOfArbor(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.InCareAtCurrentSchool, r.PersonalEducationPlan, r.PupilPremiumIndicator, r.EnrolStatus = nil, nil, "", ""
	case *record.SchoolHistory:
		r.LeavingReason, r.LastSchool = "", nil
	case *record.Welfare:
		plan := r.ProtectionPlan != nil && *r.ProtectionPlan
		*r = record.Welfare{ProtectionPlan: &plan, ProtectionAuthority: r.ProtectionAuthority}
	case *record.PEP:
		r.Status = ""
	case *record.Contact:
		r.Title = ""
	case *record.Behaviour:
		r.Points, r.Status = 0, ""
	case *record.Achievement:
		r.Category, r.Status = "", ""
	case *record.Exclusion:
		// A suspension over lunch is one like others, and a permanent exclusion has
		// the day on which it began.
		r.Review = ""
		if r.Category == "PERM" {
			r.EndDate, r.StartSession, r.EndSession, r.Sessions = "", "", "", 0
		} else {
			r.Category = "SUSP"
		}
	case *record.ExamResult:
		*r = record.ExamResult{Qualification: r.Qualification, Subject: r.Subject, Result: r.Result, ResultDate: r.ResultDate}
	case *record.AssessmentResult:
		own := r.Stage == "" && (r.ResultStatus == "" || r.ResultStatus == "I")
		*r = record.AssessmentResult{Subject: r.Subject, Aspect: r.Aspect, ResultSet: r.ResultSet, Result: r.Result, ResultDate: r.ResultDate}
		return own
	case *record.Staff:
		r.Title = ""
	case *record.AgencyContact, *record.KPI:
		return false
	}
	return true
}

// welfareOfAll gives a page to whoever has none: who is under no plan is said of
// everybody.
func welfareOfAll(all []record.Record) []record.Record {
	if slices.ContainsFunc(all, func(r record.Record) bool { return r.Dataset() == record.DatasetWelfare }) {
		return all
	}
	return append(all, &record.Welfare{})
}
