package record

import (
	"time"

	"rollbridge/shared/codes"
)

// Points are what a school awards or takes in one go; a shifted column holds
// more.
const maxPoints = 10_000

// maxSessions is the most sessions of suspension in a school year (45 days).
const maxSessions = 90

// maxReasons is how many reasons the census takes since 2021/22.
const maxReasons = 3

func (b *Behaviour) check(c *checker) {
	c.past("Date", b.Date)
	c.inRange("Points", b.Points, -maxPoints, maxPoints)
}

func (a *Achievement) check(c *checker) {
	c.past("Date", a.Date)
	c.inRange("Points", a.Points, -maxPoints, maxPoints)
}

func (d *Detention) check(c *checker) {
	if d.Attended != nil {
		// Only then it has happened: detentions are given for days to come.
		c.past("Date", d.Date)
	}
	start, end := c.clock("StartTime", d.StartTime), c.clock("EndTime", d.EndTime)
	if start && end && d.EndTime < d.StartTime {
		c.warn("EndTime", FaultOrder, "EndTime comes before StartTime: check both in the MIS.")
	}
}

// clock reports a time of day that is none; it says whether s is one.
func (c *checker) clock(field, s string) bool {
	if s == "" {
		return false
	}
	if _, err := time.Parse("15:04", s); err != nil || len(s) != len("15:04") {
		c.fail(field, FaultMalformed, field+" is not a time of the form HH:MM: correct it in the MIS, or the time format in the profile.")
		return false
	}
	return true
}

func (e *Exclusion) check(c *checker) {
	if entry, ok := codes.Lookup("suspension_category", e.Category); ok && entry.Status == "historic" {
		c.warn("Category", FaultHistoric, "Category holds a code that has been replaced: it is kept as it is; map it in the profile.")
	}
	if len(e.Reasons) > maxReasons {
		c.warn("Reasons", FaultLength, "Reasons has more than three codes: check them in the MIS.")
	}
	c.order(e.StartDate, "EndDate", e.EndDate)
	start, end := c.session("StartSession", e.StartSession), c.session("EndSession", e.EndSession)
	if start && end && e.StartDate != "" && e.StartDate == e.EndDate && e.StartSession == "PM" && e.EndSession == "AM" {
		c.warn("EndSession", FaultOrder, "EndSession comes before StartSession of the same day: check both in the MIS.")
	}
	c.inRange("Sessions", e.Sessions, 0, maxSessions)
	if e.Category == "PERM" && e.Sessions != 0 {
		c.warn("Sessions", FaultConflict, "A permanent exclusion has no number of sessions: correct Category or Sessions in the MIS.")
	}
}

// session warns of half a day that is neither; it says whether s is one.
func (c *checker) session(field, s string) bool {
	if s != "" && s != "AM" && s != "PM" {
		c.warn(field, FaultUnknown, field+" is neither AM nor PM: it is kept as it is; map it in the profile.")
	}
	return s == "AM" || s == "PM"
}
