package evidence

import (
	"fmt"
	"strings"
	"time"

	"rollbridge/shared/clock"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

// london is where the school's days are.
var london = func() *time.Location {
	l, err := time.LoadLocation(clock.Location)
	if err != nil {
		panic("evidence: the time zone of England is not built in: " + err.Error())
	}
	return l
}()

var datasetWords = map[record.Dataset]string{
	record.DatasetPupil:            "registration details",
	record.DatasetSchoolHistory:    "school history",
	record.DatasetSEN:              "special educational needs",
	record.DatasetWelfare:          "welfare details",
	record.DatasetPEP:              "education plans",
	record.DatasetContact:          "contacts",
	record.DatasetAgencyContact:    "agency contacts",
	record.DatasetAttendance:       "marks",
	record.DatasetBehaviour:        "behaviour incidents",
	record.DatasetAchievement:      "achievements",
	record.DatasetDetention:        "detentions",
	record.DatasetExclusion:        "exclusions",
	record.DatasetExamResult:       "exam results",
	record.DatasetAssessmentResult: "assessment results",
	record.DatasetKPI:              "key figures",
	record.DatasetStaff:            "staff details",
}

// DatasetName says in a head teacher's words what a dataset holds.
func DatasetName(d record.Dataset) string {
	if words, known := datasetWords[d]; known {
		return words
	}
	return strings.ReplaceAll(string(d), "_", " ")
}

// AuthorityName is an authority with its code: "Northshire (941)". What has no
// code belongs to the school, or to an authority that was out of scope by then.
func AuthorityName(code string, d record.Dataset) string {
	switch a, known := codes.LookupAuthority(code); {
	case known:
		return a.Name + " (" + code + ")"
	case code != "":
		return "authority " + code
	case !d.OfPupils():
		return "the authorities that may have them"
	}
	return "an authority that is no longer in scope"
}

// Day is a day as a heading: "Tuesday 24 November 2026".
func Day(t time.Time) string { return t.In(london).Format("Monday 2 January 2006") }

// clockTime is the time of day at the school.
func clockTime(t time.Time) string { return t.In(london).Format("15:04") }

func moment(t time.Time) string { return Day(t) + " at " + clockTime(t) }

// count is "1 pupil", "2 pupils".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// and joins as one would say it.
func and(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
