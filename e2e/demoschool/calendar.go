package demoschool

import (
	"slices"
	"time"
)

const daysInWeek = 7

// schoolDay is a day that has registers. On a closed one (staff training)
// every session is marked # for everybody; holidays are not school days.
type schoolDay struct {
	date   time.Time
	monday time.Time // of that week
	closed bool

	closedPM bool // the whole school had to close after the morning
	noBuses  bool // the buses of a third of the pupils did not run
}

// Date is midnight UTC of a calendar date. Registers are kept by date, not by
// instant, so every date in this package has this one form.
func Date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// dateOf keeps the calendar date that t shows in its own zone.
func dateOf(t time.Time) time.Time { return Date(t.Date()) }

// academicYear is the calendar year in which the academic year of d began:
// it runs from 1 September.
func academicYear(d time.Time) int {
	if d.Month() >= time.September {
		return d.Year()
	}
	return d.Year() - 1
}

// LastSchoolDay is the latest day not after now on which the demo school has
// registers and is open: the date to give as Config.Today when real programs
// on a real clock read the school. In the holidays it lies before them, in
// August therefore in the academic year that has ended.
func LastSchoolDay(now time.Time) time.Time {
	today := dateOf(now)
	for year := academicYear(today); ; year-- {
		for _, d := range slices.Backward(schoolYear(year)) {
			if !d.closed && !d.date.After(today) {
				return d.date
			}
		}
	}
}

// schoolYear lists the school days of the academic year that begins in start:
// Mondays to Fridays without three half-term weeks, two weeks at Christmas and
// two in spring. The first day of the autumn and of the spring term are closed.
func schoolYear(start int) []schoolDay {
	type span struct{ from, to time.Time }
	weeks := func(monday time.Time, n int) span {
		return span{monday, monday.AddDate(0, 0, n*daysInWeek)}
	}
	christmas := weeks(mondayFrom(Date(start, time.December, 19)), 2)
	holidays := []span{
		weeks(mondayFrom(Date(start, time.October, 25)), 1),
		christmas,
		weeks(mondayFrom(Date(start+1, time.February, 15)), 1),
		weeks(mondayFrom(Date(start+1, time.March, 29)), 2),
		weeks(mondayFrom(Date(start+1, time.May, 25)), 1),
	}
	var days []schoolDay
	for d := Date(start, time.September, 1); !d.After(Date(start+1, time.July, 21)); d = d.AddDate(0, 0, 1) {
		if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
			continue
		}
		if slices.ContainsFunc(holidays, func(h span) bool { return !d.Before(h.from) && d.Before(h.to) }) {
			continue
		}
		days = append(days, schoolDay{
			date:     d,
			monday:   d.AddDate(0, 0, int(time.Monday)-int(d.Weekday())),
			closed:   len(days) == 0 || d.Equal(christmas.to),
			closedPM: d.Equal(mondayFrom(Date(start, time.September, 15))),
			noBuses:  d.Equal(mondayFrom(Date(start, time.October, 8))),
		})
	}
	return days
}

// mondayFrom is the first Monday on or after d.
func mondayFrom(d time.Time) time.Time {
	return d.AddDate(0, 0, (int(time.Monday)-int(d.Weekday())+daysInWeek)%daysInWeek)
}
