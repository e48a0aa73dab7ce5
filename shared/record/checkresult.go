package record

import "time"

func (e *ExamResult) check(c *checker) {
	c.past("ResultDate", e.ResultDate)
	if e.Season == "" {
		return
	}
	month, err := time.Parse("2006-01", e.Season)
	switch {
	case err != nil:
		c.fail("Season", FaultMalformed, "Season is not a month of the form CCYY-MM: correct it in the MIS, or map it in the profile.")
	case e.Result != "" && month.After(c.day.Time()):
		c.warn("Season", FaultFuture, "Season lies in the future, and there is a result: check both in the MIS.")
	}
}

func (a *AssessmentResult) check(c *checker) {
	if a.ResultStatus != "T" && a.ResultStatus != "E" {
		// Targets and estimates are of a day to come.
		c.past("ResultDate", a.ResultDate)
	}
}

func (k *KPI) check(*checker) {} // nothing beyond what is true of every field
