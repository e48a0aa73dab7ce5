package calendar

import (
	"cmp"
	"slices"
	"time"

	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Kind says what an entry makes of its days.
type Kind string

// The kinds. All but Term and Open are closures.
const (
	Term     Kind = "term"     // registers are taken from Monday to Friday
	INSET    Kind = "inset"    // staff training, no pupils
	Holiday  Kind = "holiday"  // half term and other holidays inside a term
	Weather  Kind = "weather"  // closed by snow, flood or heat
	Building Kind = "building" // closed: heating, water or the building itself
	Strike   Kind = "strike"   // closed by industrial action
	Polling  Kind = "polling"  // closed because people vote there
	Closed   Kind = "closed"   // closed for another reason
	Open     Kind = "open"     // a school day although it is a weekend or bank holiday, or lies outside the terms
)

// Kinds lists the kinds as a form offers them.
func Kinds() []Kind {
	return []Kind{Term, INSET, Holiday, Weather, Building, Strike, Polling, Closed, Open}
}

// Closure says whether no register is taken on days of this kind.
func (k Kind) Closure() bool { return k != Term && k != Open }

// An Author is who changed something: a person of an authority, by number, or with
// no authority the operator.
type Author struct{ Authority, User string }

// A Change says who changed something and when.
type Change struct {
	Author
	At time.Time
}

// An Entry is a range of days of one kind. First, Session and Kind together name
// it within a school.
type Entry struct {
	Kind        Kind
	First, Last record.Date
	Session     status.Session // of a closure or an open day: one session only; empty is the whole day
	Changed     Change
}

// covers says whether the entry is about a session of a day.
func (e Entry) covers(day record.Date, s status.Session) bool {
	return e.First <= day && day <= e.Last && (e.Session == "" || e.Session == s)
}

// Times are the times of a day's sessions, from a day on.
type Times struct {
	From    record.Date
	Clocks  map[status.Session]status.Clock
	Changed Change
}

// A Reason says why a school reports by phone.
type Reason string

// The reasons.
const (
	NoAgent     Reason = "no_agent" // the school has decided against an agent
	NoMIS       Reason = "no_mis"   // its system cannot be read
	Moving      Reason = "moving"   // it changes its system or its server
	Repair      Reason = "repair"   // the agent there will not work for some time
	OtherReason Reason = "other"
)

// Reasons lists the reasons as a form offers them.
func Reasons() []Reason { return []Reason{NoAgent, NoMIS, Moving, Repair, OtherReason} }

// ByPhone says that a school reports by phone.
type ByPhone struct {
	Reason  Reason
	Changed Change
}

// A Calendar is what is expected of one school and when. The zero Calendar is
// that of a school of which nothing was said.
type Calendar struct {
	Times   []Times  // the oldest first
	Entries []Entry  // by first day
	Phone   *ByPhone // nil if registers come by agent
}

// Clocks are the times of the sessions of a day. The map is the caller's own.
func (c Calendar) Clocks(day time.Time) map[status.Session]status.Clock {
	clocks, date := status.DefaultClocks(), record.DateOf(day)
	for _, t := range c.Times {
		if t.From <= date {
			for session, clock := range t.Clocks {
				clocks[session] = clock
			}
		}
	}
	return clocks
}

// Why says in one word why a session is expected or not: a Kind, or one of these.
type Why string

// What makes a day what it is where no entry says it.
const (
	Usual       Why = "usual" // a school day as any other
	Weekend     Why = "weekend"
	BankHoliday Why = "bank_holiday" // of England and Wales
	Between     Why = "between"      // between two terms
	Summer      Why = "summer"       // after a term that ended in July, until September
)

// A Session is what is expected of one session.
type Session struct {
	InSession bool
	Why       Why
	Entry     *Entry // the entry that says so, nil where none does
}

// On says what is expected of a session of a day, which is the date that day
// shows in its own zone. A closure comes before an open day, an open day before
// weekend and bank holiday, and those before the terms.
func (c Calendar) On(day time.Time, s status.Session) Session {
	date := record.DateOf(day)
	if e := c.find(date, s, Kind.Closure); e != nil {
		return Session{Why: Why(e.Kind), Entry: e}
	}
	if e := c.find(date, s, func(k Kind) bool { return k == Open }); e != nil {
		return Session{InSession: true, Why: Why(Open), Entry: e}
	}
	switch {
	case !status.DefaultInSession(day):
		return Session{Why: Weekend}
	case IsBankHoliday(date):
		return Session{Why: BankHoliday}
	}
	if e := c.find(date, s, func(k Kind) bool { return k == Term }); e != nil {
		return Session{InSession: true, Why: Why(Term), Entry: e}
	}
	return c.outside(date)
}

// Day says whether any register is taken on a day, and why or why not.
func (c Calendar) Day(day time.Time) (inSession bool, why Why) {
	am := c.On(day, status.AM)
	if pm := c.On(day, status.PM); !am.InSession && pm.InSession {
		return true, pm.Why
	}
	return am.InSession, am.Why
}

func (c Calendar) find(date record.Date, s status.Session, of func(Kind) bool) *Entry {
	i := slices.IndexFunc(c.Entries, func(e Entry) bool { return of(e.Kind) && e.covers(date, s) })
	if i < 0 {
		return nil
	}
	return &c.Entries[i]
}

// maxGap is the longest gap between two terms that is taken for a holiday. A
// longer one is a term that nobody has entered.
const maxGap = 70

// outside judges a working day that lies in no term.
func (c Calendar) outside(date record.Date) Session {
	var before, after *Entry
	for i := range c.Entries {
		switch e := &c.Entries[i]; {
		case e.Kind != Term:
		case e.Last < date && (before == nil || e.Last > before.Last):
			before = e
		case e.First > date && (after == nil || e.First < after.First):
			after = e
		}
	}
	switch {
	case before == nil:
	case after != nil && after.First <= before.Last.AddDays(maxGap):
		return Session{Why: Between, Entry: after}
	case before.Last.AcademicYearStart() == date.AcademicYearStart() && before.Last.Time().Month() >= time.July && before.Last.Time().Month() < time.September:
		return Session{Why: Summer, Entry: before}
	}
	return Session{InSession: true, Why: Usual}
}

// Known is the last day of the last term that was given; empty if none was.
// After it every Monday to Friday counts as a school day.
func (c Calendar) Known() (last record.Date) {
	for _, e := range c.Entries {
		if e.Kind == Term {
			last = max(last, e.Last)
		}
	}
	return last
}

// FirstOfTerm says whether a day is the first day of school of a term.
func (c Calendar) FirstOfTerm(day time.Time) bool {
	if in, _ := c.Day(day); !in {
		return false
	}
	date := record.DateOf(day)
	for _, e := range c.Entries {
		if e.Kind != Term || !e.covers(date, "") {
			continue
		}
		for d := e.First; d < date; d = d.AddDays(1) {
			if in, _ := c.Day(d.Time()); in {
				return false
			}
		}
		return true
	}
	return false
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last), cmp.Compare(a.Session, b.Session), cmp.Compare(a.Kind, b.Kind))
}
