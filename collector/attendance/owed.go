package attendance

import (
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// Owed says which marks a school owes: those of its school days whose register was due
// when the school was last read. The week that runs has sessions to come, and what lies
// after the last read is not received: neither is a mark that somebody forgot. The zero
// Owed is of a school that was never read, and owes none.
type Owed struct {
	Calendar calendar.Calendar
	// AsAt is for when the school's newest attendance is true.
	AsAt time.Time
}

func (o Owed) judge(s Session) Session {
	if s.Kind == NoMark && !o.mark(s.Day, s.Half) {
		s.Kind = NotOwed
	}
	return s
}

func (o Owed) mark(day record.Date, half status.Session) bool {
	if o.AsAt.IsZero() {
		return false
	}
	read := o.AsAt.In(status.London())
	today := record.DateOf(read)
	if day > today || !o.Calendar.On(day.Time(), half).InSession {
		return false
	}
	if day < today {
		return true
	}
	y, m, d := read.Date()
	due := o.Calendar.Clocks(day.Time())[half].Register
	return !read.Before(time.Date(y, m, d, 0, int(due/time.Minute), 0, 0, status.London()))
}
