package demoschool

import (
	"math/rand/v2"
	"slices"
	"time"
)

// lastAndThisYear are the days of the last academic year and of this one on
// which the school was open, up to today: when things of school life happened.
func lastAndThisYear(today time.Time) []time.Time {
	var open []time.Time
	for _, year := range []int{academicYear(today) - 1, academicYear(today)} {
		for _, d := range schoolYear(year) {
			if !d.closed && !d.date.After(today) {
				open = append(open, d.date)
			}
		}
	}
	return open
}

// daysOf are n different days, in order, of those on which pupil i has been on
// roll; fewer where there are fewer.
func (s *School) daysOf(i, n int, r *rand.Rand) []time.Time {
	first, _ := slices.BinarySearchFunc(s.open, s.pupils[i].EntryDate, time.Time.Compare)
	days := s.open[first:]
	n = min(n, len(days))
	chosen := make([]time.Time, n)
	for k := range chosen {
		from, to := k*len(days)/n, (k+1)*len(days)/n
		chosen[k] = days[from+r.IntN(to-from)]
	}
	return chosen
}

// howMany draws a number that is nothing for many and large for few, and is at
// least one for the looked-after.
func (s *School) howMany(i, most int, r *rand.Rand) int {
	n := r.IntN(most+1) * r.IntN(most+1) / max(most, 1)
	if _, inCare := s.cared(i); inCare {
		n = max(n, 1)
	}
	return n
}

type conductType struct {
	name, category string
	points         int
}

var (
	incidents = []conductType{
		{"Disruption of learning", "Classroom", 1}, {"Late to lesson", "Punctuality", 1}, {"Homework not done", "Homework", 1},
		{"Uniform", "Standards", 1}, {"Telephone in lesson", "Standards", 2}, {"Defiance", "Conduct", 2},
		{"Verbal abuse", "Conduct", 3}, {"Truancy from lesson", "Punctuality", 3}, {"Fighting", "Serious", 5},
	}
	praise = []conductType{
		{"Effort", "Learning", 1}, {"Excellent homework", "Learning", 2}, {"Kindness", "Community", 2},
		{"House competition", "Community", 3}, {"Attendance award", "Attendance", 5}, {"Head teacher's commendation", "Learning", 10},
	}
	incidentComments = []string{
		"Spoke with the pupil after the lesson; agreed to apologise.", `Said "I won't" twice, then left the room.`,
		"Pushed in at the café queue – moved to the end.", "Rang home, no answer; will try again tomorrow.",
	}
	praiseComments = []string{"Helped a new pupil find the dining hall.", "Best piece of writing this term – read out in class."}
)

func (s *School) drawBehaviour(i int) []Conduct {
	r := s.rng("behaviour", i)
	return s.conduct(i, s.howMany(i, 9, r), r, incidents, incidentComments, []string{"Resolved", "Resolved", "Open", "Escalated"})
}

func (s *School) drawAchievements(i int) []Conduct {
	r := s.rng("achievement", i)
	return s.conduct(i, s.howMany(i, 11, r), r, praise, praiseComments, []string{"Awarded", "Awarded", ""})
}

func (s *School) conduct(i, n int, r *rand.Rand, types []conductType, comments, statuses []string) []Conduct {
	var all []Conduct
	for _, day := range s.daysOf(i, n, r) {
		kind := pick(r, types)
		c := Conduct{Date: day, Type: kind.name, Category: kind.category, Points: kind.points, Status: pick(r, statuses)}
		if chance(r, 500) {
			c.Comments = pick(r, comments)
		}
		all = append(all, c)
	}
	return all
}

// drawDetentions deals one at least to two of three looked-after pupils. Here
// and there the next school day has one that nobody can have attended yet.
func (s *School) drawDetentions(i int) []Detention {
	r := s.rng("detention", i)
	turn, inCare := s.cared(i)
	n := r.IntN(4) * r.IntN(2) * r.IntN(2)
	if inCare && turn%3 != 2 {
		n = max(n, 1)
	}
	var all []Detention
	for _, day := range s.daysOf(i, n, r) {
		d := detention(r, day)
		d.Attended = pick(r, []Answer{Yes, Yes, Yes, No, Unknown})
		if chance(r, 200) {
			d.Comments = "Worked quietly; released 5 minutes early."
		}
		all = append(all, d)
	}
	next := slices.IndexFunc(s.days, func(d schoolDay) bool { return !d.closed && d.date.After(s.cfg.Today) })
	if next >= 0 && (inCare && turn%4 == 0 || chance(r, 20)) {
		all = append(all, detention(r, s.days[next].date))
	}
	return all
}

func detention(r *rand.Rand, day time.Time) Detention {
	return pick(r, []Detention{
		{Date: day, StartTime: "12:40", EndTime: "13:05", Type: "Lunchtime"},
		{Date: day, StartTime: "15:15", EndTime: "15:45", Type: "After school"},
		{Date: day, StartTime: "15:15", EndTime: "16:15", Type: "Leadership"},
	})
}

var reasons = []string{"PP", "PA", "VP", "VA", "OW", "BU", "RA", "LG", "DS", "DA", "DM", "TH", "DB", "MT", "VR"}

// drawExclusions deals a suspension to every second looked-after pupil and to
// one in thirty of the others, a lunchtime one to few, and a permanent one,
// which the governors have not decided yet, to very few.
func (s *School) drawExclusions(i int) []Exclusion {
	r := s.rng("exclusion", i)
	turn, inCare := s.cared(i)
	n := 0
	if inCare && turn%2 == 0 || chance(r, 30) {
		n = 1 + r.IntN(2)
	}
	var all []Exclusion
	days := s.daysOf(i, n, r)
	for k, day := range days {
		e := Exclusion{Category: "SUSP", StartDate: day, StartSession: AM}
		for _, at := range r.Perm(len(reasons))[:1+r.IntN(3)] {
			e.Reasons = append(e.Reasons, reasons[at])
		}
		switch {
		case chance(r, 150):
			e.Category, e.StartSession, e.EndSession, e.EndDate, e.Sessions = "LNCH", PM, PM, day, 1
		case k == len(days)-1 && chance(r, 40):
			e.Category, e.Review = "PERM", pick(r, []string{"NOG", "DNO", "EON"})
		default:
			s.suspend(&e, 1+r.IntN(10), r)
		}
		if chance(r, 400) {
			e.Comments = "Reintegration meeting held with carer & social worker."
		}
		all = append(all, e)
	}
	return all
}

// suspend counts sessions over weekdays, from the morning or from midday; for
// the last of them the school year may not reach.
func (s *School) suspend(e *Exclusion, sessions int, r *rand.Rand) {
	e.Sessions = sessions
	at := 0
	if chance(r, 300) {
		e.StartSession, at = PM, 1
	}
	last := at + sessions - 1
	e.EndSession = AM
	if last%2 == 1 {
		e.EndSession = PM
	}
	e.EndDate = e.StartDate
	for range last / 2 {
		e.EndDate = e.EndDate.AddDate(0, 0, 1)
		for e.EndDate.Weekday() == time.Saturday || e.EndDate.Weekday() == time.Sunday {
			e.EndDate = e.EndDate.AddDate(0, 0, 1)
		}
	}
}
