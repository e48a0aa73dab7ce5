package demoschool

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

type subject struct{ name, short, number string }

var subjects = []subject{
	{"English Language", "ENG", "601/9001/1"}, {"Mathematics", "MAT", "601/9002/3"}, {"Combined Science", "SCI", "601/9003/5"},
	{"English Literature", "ENL", "601/9004/7"}, {"Geography", "GEO", "601/9005/9"}, {"French", "FRE", "601/9006/0"},
	{"Art & Design", "ART", "601/9007/2"}, {"Computer Science", "COM", "601/9008/4"},
}

// resultsDay is the third Thursday or so of August.
func resultsDay(year int) time.Time { return mondayFrom(Date(year, time.August, 15)).AddDate(0, 0, 3) }

// drawExamResults gives the sixth form its GCSEs, a few of year 11 an early
// one, and some of those below a certificate that one can sit at their age:
// every second looked-after pupil has one.
func (s *School) drawExamResults(i int) []ExamResult {
	r, year := s.rng("exam_result", i), atoi(s.pupils[i].Year)
	turn, inCare := s.cared(i)
	dealt := inCare && turn%2 == 0
	summer := academicYear(s.cfg.Today)
	switch {
	case year >= 12:
		var all []ExamResult
		for _, sub := range subjects {
			all = append(all, gcse(r, sub, summer-(year-12)))
		}
		return all
	case year == 11 && (dealt || chance(r, 100)):
		return []ExamResult{gcse(r, pick(r, subjects), summer)}
	case year >= 9 && (dealt || chance(r, 60)):
		e := gcse(r, subjects[r.IntN(2)], summer)
		e.Level, e.Qualification = "Entry Level Certificate", "601/9101/8"
		e.Result = pick(r, []string{"Entry 1", "Entry 2", "Entry 3", "U"})
		return []ExamResult{e}
	case dealt || chance(r, 50):
		when := s.cfg.Today.AddDate(0, -5, -r.IntN(60))
		return []ExamResult{{
			Season: when.Format("2006-01"), Board: "Oakmere Music Board", Level: "Level 1",
			Qualification: "601/9201/1", Subject: "Piano Performance", Component: "Grade " + strconv.Itoa(1+r.IntN(3)),
			Result: pick(r, []string{"Pass", "Merit", "Distinction"}), ResultDate: when.AddDate(0, 0, 20),
		}}
	}
	return nil
}

func gcse(r *rand.Rand, sub subject, summer int) ExamResult {
	return ExamResult{
		Season: fmt.Sprintf("%d-06", summer), Board: pick(r, []string{"AQA", "OCR", "Pearson", "WJEC"}), Level: "GCSE (9-1)",
		Qualification: sub.number, Subject: sub.name,
		Result: pick(r, []string{"9", "8", "7", "6", "5", "5", "4", "4", "3", "2", "U"}), ResultDate: resultsDay(summer),
	}
}

// drawAssessments gives the key stage 2 results that came with the pupil, and
// for each core subject this term's grade, an estimate and a target. One in
// thirty came without key stage results, none of the looked-after.
func (s *School) drawAssessments(i int) []AssessmentResult {
	r, year := s.rng("assessment_result", i), atoi(s.pupils[i].Year)
	_, inCare := s.cared(i)
	var all []AssessmentResult
	if inCare || !chance(r, 33) {
		taken := s.firstOfSeptember(i, 7).Year()
		for _, test := range []struct {
			subject, method, component, qualifier string
			result                                string
		}{
			{"REA", "TT", "TEST", "NM", strconv.Itoa(10 + r.IntN(41))},
			{"GPS", "TT", "TEST", "NM", strconv.Itoa(10 + r.IntN(61))},
			{"MAT", "TT", "TEST", "NM", strconv.Itoa(10 + r.IntN(101))},
			{"MAT", "TT", "SCAL", "NA", strconv.Itoa(80 + r.IntN(41))},
			{"WRI", "TA", "SUBJ", "NL", pick(r, []string{"WTS", "EXS", "GDS"})},
		} {
			all = append(all, AssessmentResult{
				Stage: "KS2", Locale: "ENG", Year: strconv.Itoa(taken), Subject: test.subject, Method: test.method,
				Component: test.component, ResultStatus: "R", ResultQualifier: test.qualifier, Result: test.result,
				ResultDate: Date(taken, time.July, 7),
			})
		}
	}
	days := s.daysOf(i, 1, r)
	for _, sub := range subjects[:3] {
		for _, status := range []string{"I", "E", "T"} {
			for _, day := range days {
				all = append(all, AssessmentResult{
					Year: strconv.Itoa(academicYear(day)), Subject: sub.short, ResultStatus: status,
					Result: pick(r, []string{"1+", "2-", "3", "4+", "5-", "6", "7+"}), ResultDate: day,
					Aspect: sub.name + " grade", ResultSet: fmt.Sprintf("Year %d data drop 1", year),
				})
			}
		}
	}
	return all
}

// drawKPIs gives everybody the figures that a tutor looks at.
func (s *School) drawKPIs(i int) []KPI {
	r := s.rng("kpi", i)
	start := academicYear(s.cfg.Today)
	period := fmt.Sprintf("%d/%02d", start, (start+1)%100)
	return []KPI{
		{
			Name: "Attendance", Period: period, Value: fmt.Sprintf("%.1f%%", 80+float64(r.IntN(200))/10),
			Target: "96%", Date: s.cfg.Today,
		},
		{
			Name: "Progress towards targets", Period: period, Value: fmt.Sprintf("%+.2f", float64(r.IntN(300)-150)/100),
			Target: "0", Date: s.cfg.Today,
		},
		{
			Name: "Reading age", Period: period, Value: fmt.Sprintf("%d:%02d", 7+r.IntN(9), r.IntN(12)), Date: s.firstOpenDay(),
		},
	}
}

// firstOpenDay of this academic year, or today where that is not yet.
func (s *School) firstOpenDay() time.Time {
	for _, d := range s.days {
		if !d.closed {
			if d.date.After(s.cfg.Today) {
				break
			}
			return d.date
		}
	}
	return s.cfg.Today
}
