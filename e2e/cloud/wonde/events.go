package wonde

import (
	"encoding/hex"
	"iter"
	"slices"

	"rollbridge/e2e/demoschool"
)

// marksInUse are the codes of the demo school; - is a register not taken.
var marksInUse = []string{
	"/", `\`, "-", "L", "U", "M", "I", "N", "O", "P", "B", "V", "C", "R", "J1", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7", "X", "S", "W",
	"G", "E", "T", "K", "C1", "C2", "Q", "D", "#",
}

func codeID(code string) string { return wondeID(ofCode, hex.EncodeToString([]byte(code))) }

func attendanceCodes(*Double, []string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for _, code := range marksInUse {
			if !yield(object{"id": codeID(code), "code": code, "name": "Mark " + code, "type": "PRESENT"}) {
				return
			}
		}
	}
}

// sessions are the marks of everybody. Nothing is there of a register that was
// never opened.
func sessions(d *Double, _ []string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for p := range d.onRoll() {
			for m := range d.school.Marks(p.ID) {
				if m.Code == "" {
					continue
				}
				o := object{
					"id": wondeID(ofSession, p.ID+m.Date.Format("20060102")+string(m.Session)), "student": wondeID(ofStudent, p.ID), "date": moment(m.Date),
					"session": string(m.Session), "attendance_code": codeID(m.Code), "minutes_late": nil, "comment": "kept at school",
				}
				if m.MinutesLate > 0 {
					o["minutes_late"] = m.MinutesLate
				}
				if !yield(o) {
					return
				}
			}
		}
	}
}

// of yields what pupils on roll have, each with the pupil's id.
func of[T any](d *Double, book *demoschool.Book[T], make func(student string, e T) object) iter.Seq[object] {
	return func(yield func(object) bool) {
		for p := range d.onRoll() {
			for e := range book.Of(p.ID) {
				if !yield(make(wondeID(ofStudent, p.ID), e)) {
					return
				}
			}
		}
	}
}

func conduct(kind, student string, c demoschool.Conduct, includes []string) object {
	o := object{
		"id": wondeID(kind, c.ID), "mis_id": c.ID, "date": moment(c.Date), "type": or(c.Type), "status": or(c.Status), "comment": or(c.Comments),
		"activity_type": nil, "location": nil,
	}
	if slices.Contains(includes, "students") {
		o["students"] = data([]object{{"student_id": student, "role": "AG", "points": c.Points, "action": nil}})
	}
	return o
}

func behaviours(d *Double, includes []string) iter.Seq[object] {
	return of(d, d.school.Behaviour, func(student string, c demoschool.Conduct) object { return conduct(ofBehaviour, student, c, includes) })
}

func achievements(d *Double, includes []string) iter.Seq[object] {
	return of(d, d.school.Achievement, func(student string, c demoschool.Conduct) object { return conduct(ofAchievement, student, c, includes) })
}

func exclusions(d *Double, _ []string) iter.Seq[object] {
	return of(d, d.school.Exclusion, func(student string, e demoschool.Exclusion) object {
		o := object{}
		if d.Exclusion != nil {
			o = d.Exclusion(e)
		}
		o["id"], o["student"] = wondeID(ofExclusion, e.ID), student
		return o
	})
}

func results(d *Double, includes []string) iter.Seq[object] {
	return of(d, d.school.Assessment, func(student string, a demoschool.AssessmentResult) object {
		o := object{}
		if d.Result != nil {
			o = d.Result(a)
		}
		o["id"], o["student"] = wondeID(ofResult, a.ID), student
		if slices.Contains(includes, "aspect") {
			o["aspect"] = data(object{"id": "A0" + a.Aspect, "name": a.Aspect})
		}
		return o
	})
}
