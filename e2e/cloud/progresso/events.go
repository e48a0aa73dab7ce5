package progresso

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/demoschool"
)

// rollCall has the marks of one pupil, or of a range of days.
func (a asked) rollCall() []cloud.Row {
	query := a.r.URL.Query()
	from, to := time.Time{}, a.School.Today()
	if text := query.Get("StartDate"); text != "" {
		var err, bad error
		from, err = parse(text)
		to, bad = parse(query.Get("EndDate"))
		if err != nil || bad != nil {
			return nil
		}
	} else if query.Get("LearnerId") == "" {
		return nil
	}
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		for m := range a.School.Marks(p.ID) {
			if m.Date.Before(from) || m.Date.After(to) {
				continue
			}
			rows = append(rows, cloud.Row{
				"LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo, "Date": day(m.Date, hyphens), "Session": string(m.Session),
				"AttendanceCode": shown(m), "AttendanceCodeId": 1, "MinutesLate": m.MinutesLate, "Notes": a.Secret,
			})
		}
	}
	return rows
}

// shown writes a mark as the vendor's sample does: // for a morning's /, which
// this school has on Mondays.
func shown(m demoschool.Mark) any {
	switch {
	case m.Code == "":
		return nil
	case m.Code == "/" && m.Date.Weekday() == time.Monday:
		return "//"
	default:
		return m.Code
	}
}

// parse reads a day of a query, with or without a time.
func parse(text string) (time.Time, error) {
	text, _, _ = strings.Cut(text, "T")
	return time.Parse(hyphens, text)
}

func (a asked) behaviour() []cloud.Row {
	want := a.r.URL.Query().Get("Behaviour")
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		for kind, book := range map[string]iter.Seq[demoschool.Conduct]{
			"Negative": a.School.Behaviour.Of(p.ID), "Positive": a.School.Achievement.Of(p.ID),
		} {
			if want != "" && want != kind {
				continue
			}
			for c := range book {
				rows = append(rows, a.event(p, kind, c))
			}
		}
	}
	slices.SortFunc(rows, func(x, y cloud.Row) int { return x["BehaviourEntryId"].(int) - y["BehaviourEntryId"].(int) })
	return rows
}

// event has the points of c in two parts, and beside its comment a confidential
// one and one that says nothing of itself.
func (a asked) event(p *demoschool.Pupil, kind string, c demoschool.Conduct) cloud.Row {
	comments := []cloud.Row{
		{"BehaviourEntryCommentId": 1, "Confidential": true, "Comment": a.Secret},
		{"BehaviourEntryCommentId": 2, "Comment": a.Secret},
	}
	if c.Comments != "" {
		comments = append(comments, cloud.Row{"BehaviourEntryCommentId": 3, "Confidential": false, "Comment": c.Comments})
	}
	details := []cloud.Row{{"Category": c.Category, "Type": c.Type, "Severity": "S1", "point": c.Points - 1}}
	details = append(details, cloud.Row{"Category": c.Category, "Type": c.Type, "Severity": "S1", "point": 1})
	return cloud.Row{
		"BehaviourEntryId": cloud.Number(c.ID), "LearnerId": cloud.Number(p.ID), "LearnerCode": p.AdmissionNo, "RegGroup": p.RegGroup,
		"Behaviour": kind, "IncidentDate": day(c.Date, iso), "Subject": "AR", "Location": "CLS", "Published": "Yes", "Creator": "ABc",
		"Editor": nil, "Assignee": "DiRo", "Status": c.Status, "Details": details, "Comments": comments, "Actions": []string{"HTO"},
		"DetentionDetails": nil,
	}
}

// years are last year and this one.
func (a asked) years() []cloud.Row {
	began := a.School.SchoolDays()[0].Year()
	var rows []cloud.Row
	for _, y := range []int{began - 1, began} {
		form := hyphens
		if y == began {
			form = slashes
		}
		rows = append(rows, cloud.Row{
			"AcademicYearId": y, "Name": "Academic Year", "StartDate": day(demoschool.Date(y, time.September, 1), form),
			"EndDate": day(demoschool.Date(y+1, time.August, 31), form),
		})
	}
	return rows
}

// Column is the name of an assessment's column, where its kind stands too.
func Column(r demoschool.AssessmentResult) string {
	return strings.TrimSpace(r.Aspect + " " + r.ResultStatus)
}

// assessments are the school's own; those of key stages stand elsewhere. One that
// has no year is of this one.
func (a asked) assessments() []cloud.Row {
	query := a.r.URL.Query()
	if query.Get("AcademicYearId") == "" || query.Get("LearnerId") == "" && query.Get("AssessmentScreenId") == "" {
		return nil
	}
	thisYear := strconv.Itoa(a.School.SchoolDays()[0].Year())
	rows := []cloud.Row{}
	for _, p := range a.pupils() {
		screens := []cloud.Row{}
		for r := range a.School.Assessment.Of(p.ID) {
			if r.Stage != "" || r.Year != "" && r.Year != query.Get("AcademicYearId") || r.Year == "" && query.Get("AcademicYearId") != thisYear {
				continue
			}
			screens = append(screens, cloud.Row{
				"AssessmentScreenID": 1, "AssessmentScreenName": r.ResultSet, "GroupCode": "10-AR1", "StudyLevel": "", "Subject": r.Subject,
				"ColumnList": []cloud.Row{
					{"AssementScreenColumnId": cloud.Number(r.ID), "ColumnName": Column(r), "ColumnValue": r.Result, "VaulePoints": "36"},
					{"AssementScreenColumnId": 9, "ColumnName": "Not filled in", "ColumnValue": nil, "VaulePoints": nil},
				},
			})
		}
		if len(screens) > 0 {
			rows = append(rows, cloud.Row{"LearnerId": cloud.Number(p.ID), "AssessmentScreenList": screens})
		}
	}
	return rows
}
