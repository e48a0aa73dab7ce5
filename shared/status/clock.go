package status

import (
	"time"
	// Windows and bare containers have no time-zone files; without these a school's clock would be an hour out all summer.
	_ "time/tzdata"
)

// Session is one of the two registers of a school day.
type Session string

// The sessions of a day.
const (
	AM Session = "AM"
	PM Session = "PM"
)

// Clock holds the times of one session as wall-clock times, to the second: 9*time.Hour+30*time.Minute is 9:30am on every day, also when the
// clocks changed in the night.
type Clock struct {
	Register    time.Duration // data as at this time or later holds the register
	Late        time.Duration // the expected-by time; from here on the session is Late
	NotReceived time.Duration // the end of the grace period
}

// DefaultClocks are the times of a school that has given none: register 9:30am, late 9:45am, not received 10:15am; afternoon
// 1:45pm, 2:00pm, 2:30pm. The map is the caller's own.
func DefaultClocks() map[Session]Clock {
	return map[Session]Clock{
		AM: {Register: wall(9, 30), Late: wall(9, 45), NotReceived: wall(10, 15)},
		PM: {Register: wall(13, 45), Late: wall(14, 0), NotReceived: wall(14, 30)},
	}
}

func wall(hour, minute int) time.Duration {
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// london is the zone of every school in England and Wales. The zone files are part of the program, so it always loads.
var london = func() *time.Location {
	l, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic("status: the embedded time zones are damaged: " + err.Error())
	}
	return l
}()

// London is the time zone of schools in England and Wales.
func London() *time.Location { return london }

// CurrentSession is the session that now is about, in London time whatever zone now carries: the afternoon from its register
// time on, the morning until then, so that before 1:45pm the screen still asks after the morning. A clock that is missing or zero
// counts as the default.
func CurrentSession(now time.Time, clocks map[Session]Clock) Session {
	c := clocks[PM]
	if c == (Clock{}) {
		c = DefaultClocks()[PM]
	}
	now = now.In(london)
	if now.Before(at(now, c.Register, london)) {
		return AM
	}
	return PM
}

// DefaultInSession is the calendar of a school that has given none: Monday to Friday. It reads the date that day shows in
// its own zone.
func DefaultInSession(day time.Time) bool {
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday
}

// at is the moment when the school's clock shows d on the date of day. Adding d to midnight would be an hour out on the two
// days a year on which the clocks change.
func at(day time.Time, d time.Duration, zone *time.Location) time.Time {
	y, m, n := day.Date()
	return time.Date(y, m, n, int(d/time.Hour), int(d%time.Hour/time.Minute), int(d%time.Minute/time.Second), 0, zone)
}

// clockTime writes a moment as people say it, seen from now: "9:45am", or "Mon 5 Jan at 9:45am" on another day, with the
// year when it is another one.
func clockTime(t, now time.Time, zone *time.Location) string {
	t, now = t.In(zone), now.In(zone)
	if sameDay(t, now) {
		return t.Format("3:04pm")
	}
	return date(t, now, zone) + " at " + t.Format("3:04pm")
}

// date writes the day of a moment, seen from now: "Mon 5 Jan", or "Mon 5 Jan 2027" in another year.
func date(t, now time.Time, zone *time.Location) string {
	t, now = t.In(zone), now.In(zone)
	if t.Year() != now.Year() {
		return t.Format("Mon 2 Jan 2006")
	}
	return t.Format("Mon 2 Jan")
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
