package alert

import (
	"slices"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/shared/status"
)

// lastHour is until when an e-mail about the afternoon is worth sending: after
// that nobody is in a school's office.
const lastHour = 17

// A window is from when to before when the e-mail about a session is sent.
type window struct{ from, until time.Time }

func (w window) has(t time.Time) bool { return !t.Before(w.from) && t.Before(w.until) }

// windowOf is that of a session of the overview's day; ok is false where no school
// is in session. It begins when half of the schools in session, or more, have had
// their time: one with late hours does not keep the others' e-mail back.
func windowOf(o overview.Overview, session status.Session) (w window, ok bool) {
	var times []time.Time
	for _, s := range o.Schools {
		if f := s.Facts(session); f.InSession && s.School.Stopped.IsZero() {
			times = append(times, f.PhoneTime())
		}
	}
	if len(times) == 0 {
		return w, false
	}
	slices.SortFunc(times, time.Time.Compare)
	return window{times[(len(times)-1)/2], endOf(o.At, session)}, true
}

// endOf is when a session's e-mail is of no more use.
func endOf(day time.Time, session status.Session) time.Time {
	y, m, d := day.In(status.London()).Date()
	if session == status.PM {
		return time.Date(y, m, d, lastHour, 0, 0, 0, status.London())
	}
	register := status.DefaultClocks()[status.PM].Register
	return time.Date(y, m, d, int(register/time.Hour), int(register%time.Hour/time.Minute), 0, 0, status.London())
}

// retry is how long to wait after so many failures.
func retry(attempts int) time.Duration {
	const first, most = time.Minute, 15 * time.Minute
	wait := first
	for range attempts - 1 {
		wait = min(2*wait, most)
	}
	return wait
}
