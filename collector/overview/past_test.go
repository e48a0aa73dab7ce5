package overview

import (
	"testing"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func inLondon(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, status.London())
	if err != nil {
		panic(err)
	}
	return t
}

// What became of one session, told from the reads that arrived.
func TestPastSession(t *testing.T) {
	came := func(received, asAt string) []store.RegisterRead {
		return []store.RegisterRead{{Received: inLondon(received), RegistersAsAt: inLondon(asAt)}}
	}
	inset := calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.INSET, First: "2026-11-23", Last: "2026-11-23"}}}
	phoned := calendar.Calendar{Phone: &calendar.ByPhone{Reason: calendar.NoMIS, Changed: calendar.Change{At: inLondon("2026-11-20 09:00")}}}
	early := calendar.Calendar{Times: []calendar.Times{{From: "2026-11-23", Clocks: map[status.Session]status.Clock{
		status.AM: {Register: 8 * time.Hour, Late: 8*time.Hour + 30*time.Minute, NotReceived: 9 * time.Hour}}}}}
	for _, c := range []struct {
		name     string
		calendar calendar.Calendar
		day, now string
		session  status.Session
		reads    []store.RegisterRead
		began    string
		want     Outcome
	}{
		{name: "in time", reads: came("2026-11-23 09:36", "2026-11-23 09:35"), want: OnTime},
		{name: "a second before it is late", reads: came("2026-11-23 09:44", "2026-11-23 09:30"), want: OnTime},
		{name: "at the late time", reads: came("2026-11-23 09:45", "2026-11-23 09:40"), want: Late},
		{name: "at the time to phone", reads: came("2026-11-23 10:15", "2026-11-23 09:40"), want: Later},
		{name: "the next day", now: "2026-11-25 12:00", reads: came("2026-11-24 09:40", "2026-11-24 09:35"), want: Later},
		{name: "as at before the register", reads: came("2026-11-23 09:29", "2026-11-23 09:29"), want: Missing},
		{name: "yesterday's data", reads: came("2026-11-23 09:40", "2026-11-22 15:00"), want: Missing},
		{name: "nothing", want: Missing},
		{name: "nothing yet", now: "2026-11-23 10:14", want: Awaited},
		{name: "the morning's data in the afternoon", session: status.PM, now: "2026-11-23 15:00", reads: came("2026-11-23 10:00", "2026-11-23 09:59"), want: Missing},
		{name: "the afternoon's read holds the morning", now: "2026-11-23 15:00", reads: came("2026-11-23 13:50", "2026-11-23 13:50"), want: Later},
		{name: "a weekend", day: "2026-11-22", want: NotInSession},
		{name: "an INSET day that was entered afterwards", calendar: inset, now: "2026-11-30 12:00", want: NotInSession},
		{name: "before anything was sent", began: "2026-11-24 09:00", now: "2026-11-25 12:00", want: Before},
		{name: "what the first delivery holds of the day before it", began: "2026-11-24 09:40", now: "2026-11-25 12:00", reads: came("2026-11-24 09:40", "2026-11-24 09:35"), want: Before},
		{name: "the first delivery, after the time to phone", began: "2026-11-23 11:00", reads: came("2026-11-23 11:00", "2026-11-23 10:59"), want: Later},
		{name: "by phone", calendar: phoned, want: Phoned},
		{name: "by phone, and yet it came", calendar: phoned, reads: came("2026-11-23 09:36", "2026-11-23 09:35"), want: OnTime},
		{name: "before it was by phone", calendar: phoned, day: "2026-11-19", now: "2026-11-23 12:00", want: Missing},
		{name: "the school's own times", calendar: early, reads: came("2026-11-23 08:40", "2026-11-23 08:10"), want: Late},
		{name: "the times of before", calendar: early, day: "2026-11-20", reads: came("2026-11-20 09:40", "2026-11-20 09:30"), want: OnTime},
		// 9:45 on the wall is 9:45 UTC in winter and 8:45 UTC in summer.
		{name: "the Friday before the clocks go back", day: "2026-10-23", reads: came("2026-10-23 09:44", "2026-10-23 09:35"), want: OnTime},
		{name: "the Monday after", day: "2026-10-26", reads: came("2026-10-26 09:44", "2026-10-26 09:35"), want: OnTime},
		{name: "the Monday after, late", day: "2026-10-26", reads: came("2026-10-26 09:45", "2026-10-26 09:35"), want: Late},
		{name: "the Monday after the clocks go forward", day: "2026-03-30", began: "2026-03-01 09:00", reads: came("2026-03-30 09:45", "2026-03-30 09:35"), want: Late},
	} {
		day, now, began, session := c.day, c.now, c.began, c.session
		if day == "" {
			day = "2026-11-23"
		}
		if now == "" {
			now = "2026-11-23 12:00"
		}
		if began == "" {
			began = "2026-01-01 09:00"
		}
		if session == "" {
			session = status.AM
		}
		p := past(c.calendar, inLondon(day+" 00:00"), session, c.reads, inLondon(began), inLondon(now))
		if p.Outcome != c.want {
			t.Errorf("%s: %s, want %s", c.name, p.Outcome, c.want)
		}
		if came := p.Outcome == OnTime || p.Outcome == Late || p.Outcome == Later; came == p.Received.IsZero() && p.Outcome != NotInSession {
			t.Errorf("%s: %s, received %s", c.name, p.Outcome, p.Received)
		}
	}
	if p := past(calendar.Calendar{}, inLondon("2026-11-23 00:00"), status.AM, nil, time.Time{}, inLondon("2026-11-23 12:00")); p.Outcome != Before {
		t.Errorf("a school that never sent anything: %s", p.Outcome)
	}
}

// The word for today and the strip's sign for today never contradict each other.
func TestPastAgreesWithTheVerdict(t *testing.T) {
	want := map[status.Word][]Outcome{
		status.Received: {OnTime, Late, Later}, status.Due: {Awaited}, status.Late: {Awaited}, status.NotReceived: {Missing}, status.NotInSession: {NotInSession},
	}
	for minutes := 0; minutes < 24*60; minutes += 5 {
		now := inLondon("2026-11-23 00:00").Add(time.Duration(minutes) * time.Minute)
		for _, asAt := range []time.Time{{}, now.Add(-time.Minute), now.Add(-2 * time.Hour), now.AddDate(0, 0, -1)} {
			for _, session := range []status.Session{status.AM, status.PM} {
				s := store.SchoolStatus{SetUp: true, AttendanceAsAt: asAt}
				var reads []store.RegisterRead
				if !asAt.IsZero() {
					reads = append(reads, store.RegisterRead{Received: asAt, RegistersAsAt: asAt})
				}
				v := status.Decide(facts(s, now, session))
				p := past(calendar.Calendar{}, inLondon("2026-11-23 00:00"), session, reads, now.AddDate(0, -1, 0), now)
				ok := false
				for _, o := range want[v.Word] {
					ok = ok || o == p.Outcome
				}
				if !ok {
					t.Fatalf("%s at %s with data as at %s: %s, but %s", session, now.Format("15:04"), asAt.Format("15:04"), v.Word, p.Outcome)
				}
			}
		}
	}
}

// The calendar decides the word of a school, and says why.
func TestTheCalendarDecides(t *testing.T) {
	monday := inLondon("2026-11-23 10:20")
	half := calendar.Entry{Kind: calendar.Holiday, First: "2026-11-23", Last: "2026-11-27"}
	for name, c := range map[string]struct {
		calendar calendar.Calendar
		now      time.Time
		word     status.Word
		says     string
	}{
		"nothing given":   {calendar.Calendar{}, monday, status.NotReceived, "Phone the school. The agent has never been heard from."},
		"half term":       {calendar.Calendar{Entries: []calendar.Entry{half}}, monday, status.NotInSession, "School holiday, from the school's calendar. Until Fri 27 Nov."},
		"one INSET day":   {calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.INSET, First: "2026-11-23", Last: "2026-11-23"}}}, monday, status.NotInSession, "INSET day, from the school's calendar."},
		"by phone":        {calendar.Calendar{Phone: &calendar.ByPhone{Reason: calendar.NoMIS}}, monday, status.ByPhone, "Phone the school."},
		"by phone, away":  {calendar.Calendar{Phone: &calendar.ByPhone{Reason: calendar.NoMIS}, Entries: []calendar.Entry{half}}, monday, status.ByPhone, "Phone the school."},
		"a Saturday":      {calendar.Calendar{}, inLondon("2026-11-21 10:20"), status.NotInSession, "Saturday: no register is expected."},
		"a bank holiday":  {calendar.Calendar{}, inLondon("2026-12-25 10:20"), status.NotInSession, "Bank holiday."},
		"open Saturday":   {calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.Open, First: "2026-11-21", Last: "2026-11-21"}}}, inLondon("2026-11-21 10:20"), status.NotReceived, "Phone the school. The agent has never been heard from."},
		"the later times": {calendar.Calendar{Times: []calendar.Times{{From: "2026-11-01", Clocks: map[status.Session]status.Clock{status.AM: {Register: 10 * time.Hour, Late: 11 * time.Hour, NotReceived: 12 * time.Hour}}}}}, monday, status.Due, "Expected by 11:00am."},
		"between terms": {calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.Term, First: "2026-09-02", Last: "2026-12-18"}, {Kind: calendar.Term, First: "2027-01-04", Last: "2027-03-25"}}},
			inLondon("2026-12-22 10:20"), status.NotInSession, "Between two terms, from the school's calendar. The next begins Mon 4 Jan 2027."},
	} {
		v := status.Decide(facts(store.SchoolStatus{SetUp: true, Calendar: c.calendar}, c.now, status.AM))
		if v.Word != c.word || v.NextStep != c.says {
			t.Errorf("%s: %s, %q", name, v.Word, v.NextStep)
		}
	}
}

// Every reason for which no register is expected is explained.
func TestEveryClosureIsExplained(t *testing.T) {
	for _, k := range calendar.Kinds() {
		if k.Closure() != (calendarWords[calendar.Why(k)] != "") {
			t.Errorf("%s: %q", k, calendarWords[calendar.Why(k)])
		}
	}
	day := record.Date("2026-11-21").Time()
	if parts := CalendarWords(calendar.Calendar{}.On(day, status.AM)); parts != nil {
		t.Errorf("shared/status explains a weekend, not %v", parts)
	}
}
