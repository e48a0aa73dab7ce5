package demoschool

// ctfBooks fills in what a CTF carries of the books.
func (s *School) ctfBooks(p *Pupil, out *ctfPupil) {
	for w := range s.Welfare.Of(p.ID) {
		out.BasicDetails.MedicalFlag, out.BasicDetails.Disabilities = w.MedicalFlag.Bool(), w.Disabilities
	}
	for e := range s.SEN.Of(p.ID) {
		period := ctfSEN{StartDate: isoDate(e.StartDate), SENprovision: e.Provision}
		for i, need := range e.Needs {
			period.SENneeds = append(period.SENneeds, ctfNeed{i + 1, need})
		}
		out.SENhistory = append(out.SENhistory, period)
	}
	for a := range s.Assessment.Of(p.ID) {
		if a.Stage != "" {
			out.addAssessment(a)
		}
	}
	for h := range s.SchoolHistory.Of(p.ID) {
		out.SchoolHistory = append(out.SchoolHistory, ctfSchool{
			LEA: h.LEA, Estab: h.Estab, SchoolName: h.SchoolName, EntryDate: isoDate(h.EntryDate),
			LeavingDate: isoDate(h.LeavingDate), LeavingReason: h.LeavingReason, LastSchool: h.LastSchool.Bool(),
		})
	}
}

// addAssessment puts a under its key stage, which is opened where the one
// before is another.
func (p *ctfPupil) addAssessment(a AssessmentResult) {
	if n := len(p.StageAssessments); n == 0 || p.StageAssessments[n-1].Stage != a.Stage {
		p.StageAssessments = append(p.StageAssessments, ctfKeyStage{Stage: a.Stage})
	}
	stage := &p.StageAssessments[len(p.StageAssessments)-1]
	stage.StageAssessment = append(stage.StageAssessment, ctfAssessment{
		Locale: a.Locale, Year: a.Year, Subject: a.Subject, Method: a.Method, Component: a.Component,
		ResultStatus: a.ResultStatus, ResultQualifier: a.ResultQualifier, Result: a.Result, ResultDate: isoDate(a.ResultDate),
	})
}
