package overview

import (
	"context"
	"fmt"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// An Outcome says what became of the register of one session.
type Outcome string

// The outcomes.
const (
	OnTime       Outcome = "on-time"        // before the time at which it is late
	Late         Outcome = "late"           // inside the grace period
	Later        Outcome = "later"          // after it, on the same day or another
	Missing      Outcome = "missing"        // the grace period is over and it has never come
	Awaited      Outcome = "awaited"        // the grace period is not over
	NotInSession Outcome = "not-in-session" // none was expected
	Before       Outcome = "before"         // the school sent nothing at all yet
	Phoned       Outcome = "phoned"         // the school reports by phone
)

// Outcomes lists the outcomes, for a legend.
func Outcomes() []Outcome {
	return []Outcome{OnTime, Late, Later, Missing, Awaited, NotInSession, Before, Phoned}
}

// A PastSession is one session of the last days and what became of its register.
type PastSession struct {
	Day      record.Date
	Session  status.Session
	Expected calendar.Session
	// Late and NotReceived are the moments that the outcome is measured by.
	Late, NotReceived time.Time
	Outcome           Outcome
	// Received is when the first read arrived that holds the register, AsAt for when
	// it was true; zero if none did, and on days before the school's first delivery.
	Received, AsAt time.Time
}

// Past finds what became of the sessions of a school in the last days, today among
// them, the oldest first. It is made of the deliveries, which are kept for good, and
// of the calendar as it stands now: who enters yesterday's INSET day today sets
// yesterday right. Why a register did not come then, by pause or hold, is not kept.
func Past(ctx context.Context, s *store.Store, school string, c calendar.Calendar, now time.Time, days int) ([]PastSession, error) {
	today := now.In(status.London())
	first := midnight(today.AddDate(0, 0, 1-days))
	arrivals, began, err := s.RegisterReads(ctx, school, first)
	if err != nil {
		return nil, fmt.Errorf("find what became of the last sessions: %w", err)
	}
	list := make([]PastSession, 0, 2*days)
	for n := range days {
		day := first.AddDate(0, 0, n)
		for _, session := range []status.Session{status.AM, status.PM} {
			list = append(list, past(c, day, session, arrivals, began, now))
		}
	}
	return list, nil
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, status.London())
}

func past(c calendar.Calendar, day time.Time, session status.Session, arrivals []store.RegisterRead, began, now time.Time) PastSession {
	clock := c.Clocks(day)[session]
	p := PastSession{Day: record.DateOf(day), Session: session, Expected: c.On(day, session),
		Late: onWall(day, clock.Late), NotReceived: onWall(day, clock.NotReceived)}
	register := onWall(day, clock.Register)
	// A first delivery holds the marks of the weeks before it, and was owed in none of them.
	if p.Day < record.DateOf(began.In(status.London())) {
		arrivals = nil
	}
	for _, a := range arrivals {
		if !a.RegistersAsAt.Before(register) {
			p.Received, p.AsAt = a.Received, a.RegistersAsAt
			break
		}
	}
	p.Outcome = p.outcome(c, began, now)
	return p
}

func (p PastSession) outcome(c calendar.Calendar, began, now time.Time) Outcome {
	switch {
	case !p.Expected.InSession:
		return NotInSession
	case !p.Received.IsZero() && p.Received.Before(p.Late):
		return OnTime
	case !p.Received.IsZero() && p.Received.Before(p.NotReceived):
		return Late
	case !p.Received.IsZero():
		return Later
	case c.Phone != nil && !c.Phone.Changed.At.After(p.NotReceived):
		return Phoned
	case now.Before(p.NotReceived):
		return Awaited
	case began.IsZero() || began.After(p.NotReceived):
		return Before
	}
	return Missing
}

// onWall is when the school's clock shows d on a day, also on one on which the clocks
// change.
func onWall(day time.Time, d time.Duration) time.Time {
	y, m, n := day.Date()
	return time.Date(y, m, n, int(d/time.Hour), int(d%time.Hour/time.Minute), int(d%time.Minute/time.Second), 0, status.London())
}
