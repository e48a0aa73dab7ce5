package arbor

import (
	"time"

	"rollbridge/e2e/demoschool"
)

// Times of a day in this school.
const (
	morning   = "08:45"
	noon      = "12:00"
	afternoon = "13:10"
	evening   = "15:30"
)

// marksInUse are the codes that the demo school draws, but for those of a
// register that has not been taken: Arbor has no record then.
var marksInUse = []string{
	"/", `\`, "L", "U", "M", "I", "N", "O", "P", "B", "V", "C", "R", "J1", "Y1", "Y2", "Y3", "Y4", "Y5", "Y6", "Y7", "X", "S", "W",
	"G", "E", "T", "K", "C1", "C2", "Q", "D", "#",
}

func markID(code string) string { return hashed("mark " + code) }

func attendanceMarks(*Double) []object {
	var all []object
	for _, code := range marksInUse {
		present := code == "/" || code == `\` || code == "L"
		all = append(all, thing("AttendanceMark", markID(code), object{
			"code": "MARK_" + markID(code), "attendanceMark": code, "markDescription": "Mark " + code, "isLegalPresent": present, "isStatisticalPresent": present,
		}))
	}
	return all
}

// Registers: one of each session of each day, and one of a lesson.
const (
	rollCall = "Roll call"
	lesson   = "Lesson"
)

func attendanceRegisterTypes(*Double) []object {
	return []object{
		thing("AttendanceRegisterType", hashed(rollCall), object{"attendanceRegisterTypeName": rollCall}),
		thing("AttendanceRegisterType", hashed(lesson), object{"attendanceRegisterTypeName": lesson}),
	}
}

func registerID(on time.Time, part string) string { return on.Format("20060102") + part }

func attendanceRegisters(d *Double) []object {
	var all []object
	for _, on := range d.school.SchoolDays() {
		if on.After(d.school.Today()) {
			break
		}
		for _, r := range []struct{ part, kind string }{{"1", rollCall}, {"2", rollCall}, {"3", lesson}} {
			all = append(all, thing("AttendanceRegister", registerID(on, r.part), object{"attendanceRegisterType": named("AttendanceRegisterType", hashed(r.kind), r.kind)}))
		}
	}
	return all
}

// attendanceRecords have one for each mark, one that another has replaced, and
// with LessonRegisters one of each first lesson.
func attendanceRecords(d *Double, p *demoschool.Pupil) []object {
	var all []object
	record := func(id string, m demoschool.Mark, code, part, from, to string, redundant bool) {
		o := object{
			"student": student(p), "attendanceMark": link("AttendanceMark", markID(code)), "attendanceRegister": link("AttendanceRegister", registerID(m.Date, part)),
			"startDatetime": moment(m.Date, from), "endDatetime": moment(m.Date, to), "minutesLate": nil, "recordNote": "kept at school",
		}
		if m.MinutesLate > 0 {
			o["minutesLate"] = m.MinutesLate
		}
		if redundant {
			o["isRedundant"] = true
		}
		all = append(all, thing("AttendanceRecord", p.ID+id, o))
	}
	for m := range d.school.Marks(p.ID) {
		if !m.Taken() {
			continue
		}
		part, from, to := "1", morning, noon
		if m.Session == demoschool.PM {
			part, from, to = "2", afternoon, evening
		}
		id := registerID(m.Date, part)
		if len(all) == 0 {
			record(id+"9", m, "N", part, from, to, true)
		}
		record(id, m, m.Code, part, from, to, false)
		if d.LessonRegisters && m.Session == demoschool.AM {
			m.MinutesLate = 0
			record(id+"8", m, "U", "3", "10:00", "11:00", false)
		}
	}
	return all
}

func behaviours(d *Double) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for c := range d.school.Behaviour.Of(p.ID) {
			if c.Category != "" {
				yield(thing("Behaviour", hashed(c.Category), object{"behaviourName": c.Category, "active": true}))
			}
		}
	})
}

func behaviouralIncidents(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for c := range d.school.Behaviour.Of(p.ID) {
		o := object{"incidentName": or(c.Type), "incidentDatetime": moment(c.Date, "11:20"), "severity": 1, "narrative": "kept at school", "behaviour": nil}
		if c.Category != "" {
			o["behaviour"] = link("Behaviour", hashed(c.Category))
		}
		all = append(all, thing("BehaviouralIncident", c.ID, o))
	}
	return all
}

func involvements(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for c := range d.school.Behaviour.Of(p.ID) {
		all = append(all, thing("BehaviouralIncidentStudentInvolvement", c.ID, object{
			"student": student(p), "behaviouralIncident": link("BehaviouralIncident", c.ID), "comment": or(c.Comments), "severity": nil,
		}))
	}
	return all
}

func pointAwardCategories(d *Double) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for c := range d.school.Achievement.Of(p.ID) {
			yield(thing("PointAwardCategory", hashed(c.Type), object{"description": c.Type, "defaultPoints": 1}))
		}
	})
}

// pointAwards are achievements, and points taken away, which are none.
func pointAwards(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for c := range d.school.Achievement.Of(p.ID) {
		all = append(all, thing("PointAward", c.ID, object{
			"student": student(p), "pointAwardCategory": link("PointAwardCategory", hashed(c.Type)), "points": c.Points,
			"awardedDatetime": moment(c.Date, "14:05"), "narrative": or(c.Comments),
		}))
	}
	return append(all, thing("PointAward", p.ID, object{
		"student": student(p), "pointAwardCategory": nil, "points": -1, "awardedDatetime": moment(p.EntryDate, "09:00"), "narrative": nil,
	}))
}

func detentionTypes(d *Double) []object {
	return once(d, func(p *demoschool.Pupil, yield func(object)) {
		for e := range d.school.Detention.Of(p.ID) {
			yield(thing("DetentionType", hashed(e.Type), object{"detentionTypeName": e.Type}))
		}
	})
}

func detentionSessions(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.Detention.Of(p.ID) {
		all = append(all, thing("DetentionSession", e.ID, object{"startDatetime": moment(e.Date, e.StartTime), "endDatetime": moment(e.Date, e.EndTime)}))
	}
	return all
}

func detentions(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.Detention.Of(p.ID) {
		o := object{
			"student": student(p), "detentionSession": link("DetentionSession", e.ID), "detentionType": link("DetentionType", hashed(e.Type)),
			"attendanceMark": nil, "notes": or(e.Comments), "reasonForDetention": "kept at school",
		}
		switch e.Attended {
		case demoschool.Yes:
			o["attendanceMark"] = link("AttendanceMark", markID("/"))
		case demoschool.No:
			o["attendanceMark"] = link("AttendanceMark", markID("O"))
		}
		all = append(all, thing("Detention", e.ID, o))
	}
	return all
}

func exclusionReasons(*Double) []object {
	var all []object
	for _, code := range []string{"PP", "PA", "VP", "VA", "OW", "BU", "RA", "LG", "DS", "DA", "DM", "TH", "DB", "MT", "VR"} {
		all = append(all, thing("ExclusionReason", code, object{"code": "REASON_" + code, "exclusionReasonName": "Reason " + code, "d00024": code}))
	}
	return all
}

// exclusionExclusionReasons are the reasons after the first.
func exclusionExclusionReasons(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.Exclusion.Of(p.ID) {
		for i, code := range e.Reasons {
			all = append(all, thing("ExclusionExclusionReason", e.ID+number(i), object{
				"exclusion": link(exclusionType(e), e.ID), "exclusionReason": link("ExclusionReason", code),
			}))
		}
	}
	return all
}

func exclusionType(e demoschool.Exclusion) string {
	if e.Category == "PERM" {
		return "PermanentExclusion"
	}
	return "FixedPeriodExclusion"
}

func exclusion(p *demoschool.Pupil, e demoschool.Exclusion, more object) object {
	more["student"], more["narrative"], more["exclusionReason"] = student(p), or(e.Comments), nil
	if len(e.Reasons) > 0 {
		more["exclusionReason"] = link("ExclusionReason", e.Reasons[0])
	}
	return thing(exclusionType(e), e.ID, more)
}

func fixedPeriodExclusions(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.Exclusion.Of(p.ID) {
		if e.Category == "PERM" {
			continue
		}
		from, until := morning, evening
		if e.StartSession == demoschool.PM {
			from = afternoon
		}
		if e.EndSession == demoschool.AM {
			until = noon
		}
		all = append(all, exclusion(p, e, object{
			"fromDatetime": moment(e.StartDate, from), "untilDatetime": moment(e.EndDate, until),
			"statisticalDaysExcluded": float64(e.Sessions) / 2, "schoolDefinedSessionsExcluded": e.Sessions,
		}))
	}
	return all
}

func permanentExclusions(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.Exclusion.Of(p.ID) {
		if e.Category == "PERM" {
			all = append(all, exclusion(p, e, object{"fromDate": day(e.StartDate)}))
		}
	}
	return all
}
