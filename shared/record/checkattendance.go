package record

import (
	"time"

	"rollbridge/shared/codes"
)

func (a *Attendance) check(c *checker) {
	switch {
	case a.Week == "":
		c.fail("week", FaultNotADate, "The week is empty: the agent must be updated.")
	case a.Week.Time().IsZero(): // said of every date
	case a.Week.Monday() != a.Week:
		c.fail("week", FaultNotMonday, "The week does not begin on a Monday: the agent must be updated.")
	case a.Week > c.day:
		c.warn("week", FaultFuture, "The week has not begun yet: check the dates in the MIS.")
	}
	days := len(a.AM)
	if days != 5 && days != 7 {
		c.fail("am", FaultLength, "A week has 5 or 7 mornings: the agent must be updated.")
	}
	c.sameLength("pm", len(a.PM), days, false)
	c.sameLength("localAM", len(a.LocalAM), days, true)
	c.sameLength("localPM", len(a.LocalPM), days, true)
	c.sameLength("lateAM", len(a.LateAM), days, true)
	c.sameLength("latePM", len(a.LatePM), days, true)
	c.marks("am", a.AM, a.Week)
	c.marks("pm", a.PM, a.Week)
	c.minutes("lateAM", a.LateAM)
	c.minutes("latePM", a.LatePM)
}

func (c *checker) sameLength(field string, n, days int, optional bool) {
	if n != days && !(optional && n == 0) {
		c.fail(field, FaultLength, field+" does not have as many days as the mornings: the agent must be updated.")
	}
}

// marks judges each mark once per kind of fault: a wrong column would
// otherwise give ten sentences.
func (c *checker) marks(field string, marks []string, week Date) {
	long, unknown := false, false
	monday := week.Time()
	for i, m := range marks {
		switch {
		case m == "":
		case len([]rune(m)) > 2:
			long = true
		default:
			unknown = unknown || !knownMark(m, monday.AddDate(0, 0, i))
		}
	}
	if long {
		c.fail(field, FaultTooLong, "A mark has more than two characters: check that the right column is read.")
	}
	if unknown {
		c.warn(field, FaultUnknown, "A mark is not in the DfE's list of the day: it is kept as it is; map it in the profile.")
	}
}

func knownMark(code string, day time.Time) bool {
	for _, nation := range []string{codes.NationEngland, codes.NationWales} {
		if _, ok := codes.LookupMark(codes.RegimeFor(nation, day), code, day); ok {
			return true
		}
	}
	return false
}

func (c *checker) minutes(field string, late []int) {
	for _, m := range late {
		if m < 0 || m > 24*60 {
			c.fail(field, FaultRange, "Minutes late are not between 0 and a day: correct them in the MIS.")
			return
		}
	}
}
