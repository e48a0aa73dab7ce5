package oracle

import (
	"strings"

	"rollbridge/shared/record"
)

// leaveOutOfProgresso keeps what Progresso has a place for.
func leaveOutOfProgresso(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.CareStart, r.CareEnd, r.FormerForename, r.Gender = "", "", "", ""
	case *record.SchoolHistory:
		r.URN, r.LastSchool = "", nil
	case *record.Welfare:
		r.YoungCarer, r.KinshipCare = "", ""
	case *record.Exclusion:
		r.Reasons, r.Review = r.Reasons[:min(1, len(r.Reasons))], ""
	case *record.AssessmentResult:
		own := ownResult(r)
		r.ResultDate = ""
		return own
	case *record.PEP, *record.AgencyContact:
		return false
	}
	return true
}

// ownResult keeps of a result what is known of the school's own, and says whether
// it is one.
func ownResult(r *record.AssessmentResult) bool {
	own := r.Stage == ""
	*r = record.AssessmentResult{
		Subject: r.Subject, Aspect: strings.TrimSpace(r.Aspect + " " + r.ResultStatus), Result: r.Result, ResultDate: r.ResultDate, ResultSet: r.ResultSet,
	}
	return own
}

// needsOfThePupil gives the needs of the last period that has not ended to every
// one that has not, and none to the others.
func needsOfThePupil(all []record.Record) []record.Record {
	var needs []record.SENNeed
	for _, r := range all {
		if e, ok := r.(*record.SEN); ok && e.EndDate == "" {
			needs = e.SENNeeds
		}
	}
	for _, r := range all {
		if e, ok := r.(*record.SEN); ok {
			e.SENNeeds = nil
			if e.EndDate == "" {
				e.SENNeeds = needs
			}
		}
	}
	return all
}
