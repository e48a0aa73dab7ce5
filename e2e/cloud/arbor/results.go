package arbor

import "rollbridge/e2e/demoschool"

// own says whether an assessment is one that Arbor keeps as a mark of progress:
// the school's own, and neither an estimate nor a target.
func own(a demoschool.AssessmentResult) bool {
	return a.Stage == "" && (a.ResultStatus == "" || a.ResultStatus == "I")
}

// progress makes one object of each of a pupil's own assessments.
func progress(d *Double, make func(a demoschool.AssessmentResult) object) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for a := range d.school.Assessment.Of(p.ID) {
			if own(a) {
				yield(make(a))
			}
		}
	})
}

func assessmentID(a demoschool.AssessmentResult) string { return hashed(a.Aspect + "|" + a.Subject) }

func assessments(d *Double) []object {
	return progress(d, func(a demoschool.AssessmentResult) object {
		o := object{"assessmentName": a.Aspect, "assessmentShortName": a.Aspect, "subject": nil}
		if a.Subject != "" {
			o["subject"] = named("Subject", hashed(a.Subject), a.Subject)
		}
		return thing("Assessment", assessmentID(a), o)
	})
}

func measurementPeriods(d *Double) []object {
	return progress(d, func(a demoschool.AssessmentResult) object {
		return thing("ProgressMeasurementPeriod", hashed(a.ResultSet), object{"periodName": a.ResultSet, "shortName": a.ResultSet})
	})
}

func grades(d *Double) []object {
	return progress(d, func(a demoschool.AssessmentResult) object {
		return thing("Grade", hashed(a.Result), object{"shortName": a.Result, "longName": "Grade " + a.Result})
	})
}

func progressMarks(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for a := range d.school.Assessment.Of(p.ID) {
		if !own(a) {
			continue
		}
		all = append(all, thing("StudentProgressAssessmentMark", a.ID, object{
			"student": student(p), "assessment": link("Assessment", assessmentID(a)), "grade": link("Grade", hashed(a.Result)),
			"progressMeasurementPeriod": link("ProgressMeasurementPeriod", hashed(a.ResultSet)), "assessmentDate": day(a.ResultDate),
		}))
	}
	return all
}

func aspectID(e demoschool.ExamResult) string { return hashed(e.Qualification + "|" + e.Subject) }

func qualificationAspects(d *Double) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for e := range d.school.ExamResult.Of(p.ID) {
			yield(thing("QualificationAspect", aspectID(e), object{
				"code": or(e.Qualification), "qualificationElement": named("QualificationAward", aspectID(e), e.Subject),
			}))
		}
	})
}

func qualificationGrades(d *Double) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for e := range d.school.ExamResult.Of(p.ID) {
			yield(thing("QualificationGrade", hashed(e.Result), object{"shortName": e.Result, "name": "Grade " + e.Result}))
		}
	})
}

func qualificationResults(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.ExamResult.Of(p.ID) {
		all = append(all, thing("QualificationResult", e.ID, object{
			"student": student(p), "qualificationAspect": link("QualificationAspect", aspectID(e)), "qualificationGrade": link("QualificationGrade", hashed(e.Result)),
			"resultDatetime": moment(e.ResultDate, "08:00"), "embargoDatetime": nil,
		}))
	}
	return all
}
