package oracle

import "rollbridge/shared/record"

// leaveOutOfCTF empties what a common transfer file does not carry.
func leaveOutOfCTF(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		r.AdmissionNumber, r.RegGroup, r.House, r.Gender = "", "", "", ""
		r.CareStart, r.CareEnd, r.InCareAtCurrentSchool = "", "", nil
		r.PersonalEducationPlan, r.PupilPremium, r.PupilPremiumIndicator = nil, nil, ""
		if r.FSMEligible != nil && !*r.FSMEligible {
			r.FSMEligible = nil // no history of free meals says nothing about them
		}
	case *record.Attendance:
		r.LateAM, r.LatePM = nil, nil
	case *record.SchoolHistory:
		r.URN = ""
	case *record.SEN:
		r.EndDate = ""
	case *record.Welfare:
		*r = record.Welfare{MedicalFlag: r.MedicalFlag, Disabilities: r.Disabilities}
		return r.MedicalFlag != nil || len(r.Disabilities) > 0
	case *record.AssessmentResult:
		r.Aspect, r.ResultSet = "", ""
		return r.Stage != "" // the school's own are not in the file
	case *record.Contact:
	default:
		return false
	}
	return true
}

// leaveOutOfSIMS keeps what the profile sims-sql reads. No table of contacts is
// known, nor of anything else.
func leaveOutOfSIMS(r record.Record) bool {
	switch r := r.(type) {
	case *record.Pupil:
		*r = record.Pupil{
			UPN: r.UPN, UniqueLearnerNumber: r.UniqueLearnerNumber, AdmissionNumber: r.AdmissionNumber,
			Surname: r.Surname, Forename: r.Forename, DOB: r.DOB, InCare: r.InCare, CareAuthority: r.CareAuthority,
			CareStart: r.CareStart, CareEnd: r.CareEnd, EntryDate: r.EntryDate, LeavingDate: r.LeavingDate,
		}
	case *record.Attendance:
		r.LateAM, r.LatePM = nil, nil
	default:
		return false
	}
	return true
}
