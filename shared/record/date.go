package record

import (
	"errors"
	"time"
)

// A Date is a calendar day in the school's own place, written CCYY-MM-DD; the
// empty Date means not known. Days of school life are dates, never instants.
type Date string

const dateLayout = "2006-01-02"

// ParseDate accepts only CCYY-MM-DD of a day that exists.
func ParseDate(s string) (Date, error) {
	if _, err := time.Parse(dateLayout, s); err != nil {
		return "", errors.New("not a date of the form CCYY-MM-DD")
	}
	return Date(s), nil
}

// DateOf is the calendar day of t in t's own location.
func DateOf(t time.Time) Date { return Date(t.Format(dateLayout)) }

// Time is midnight UTC of the day; the zero time for an empty or bad Date.
func (d Date) Time() time.Time {
	t, err := time.Parse(dateLayout, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Monday is the first day of d's week.
func (d Date) Monday() Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	back := (int(t.Weekday()) + 6) % 7
	return DateOf(t.AddDate(0, 0, -back))
}

// AddDays is d moved by n days.
func (d Date) AddDays(n int) Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	return DateOf(t.AddDate(0, 0, n))
}

// AcademicYearStart is the 1 September on or before d: the first day of the
// academic year that d lies in.
func (d Date) AcademicYearStart() Date {
	t := d.Time()
	if t.IsZero() {
		return ""
	}
	y := t.Year()
	if t.Month() < time.September {
		y--
	}
	return DateOf(time.Date(y, time.September, 1, 0, 0, 0, 0, time.UTC))
}
