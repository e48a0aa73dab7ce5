package status

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The order of precedence of the design, written out: changing it must be a decision.
var precedence = []Word{Stopped, Paused, ByPhone, NotSetUp, NotInSession, Held, Received, NotReceived, Late, Due}

func TestWordsAreInTheOrderOfPrecedence(t *testing.T) {
	if got := Words(); !slices.Equal(got, precedence) {
		t.Errorf("got %q", got)
	}
	list := Words()
	list[0] = "spoiled"
	if Words()[0] != Stopped {
		t.Error("a caller changed the list")
	}
}

func TestEveryWordIsExplained(t *testing.T) {
	// The tag colours of GOV.UK Frontend 6.
	colours := []string{"grey", "green", "teal", "blue", "purple", "magenta", "red", "orange", "yellow"}
	nothingToDo := []Word{Received, NotInSession}
	for _, w := range Words() {
		i := w.Info()
		if i.Word != w || i.Meaning == "" || i.Owner == "" {
			t.Errorf("%s: %+v", w, i)
		}
		if !slices.Contains(colours, i.Colour) {
			t.Errorf("%s: %q is not a tag colour", w, i.Colour)
		}
		if (i.NextStep == "") != slices.Contains(nothingToDo, w) {
			t.Errorf("%s: next step %q", w, i.NextStep)
		}
	}
	if i := Word("Lost").Info(); i != (Info{Word: "Lost"}) {
		t.Errorf("an unknown word is explained: %+v", i)
	}
}

func london9(h, m int) time.Time { return time.Date(2026, time.November, 23, h, m, 0, 0, London()) }

// ordinary is a school on a school day with nothing special, at 9am, last heard from at 8:58am.
func ordinary(now time.Time) Facts {
	return Facts{Now: now, Day: now, Session: AM, SetUp: true, InSession: true, LastHeard: london9(8, 58)}
}

// Every combination of the conditions at every time: the word is the first in the order whose condition holds.
func TestPrecedenceIsComplete(t *testing.T) {
	conditions := []struct {
		word Word
		set  func(*Facts)
	}{
		{Stopped, func(f *Facts) { f.Stopped = true }},
		{Paused, func(f *Facts) { f.Paused = true }},
		{ByPhone, func(f *Facts) { f.ByPhone = true }},
		{NotSetUp, func(f *Facts) { f.SetUp = false }},
		{NotInSession, func(f *Facts) { f.InSession = false }},
		{Held, func(f *Facts) { f.Held = true }},
		{Received, func(f *Facts) { f.DataAsAt = london9(9, 30) }},
	}
	byTime := []struct {
		now  time.Time
		word Word
	}{{london9(9, 40), Due}, {london9(9, 50), Late}, {london9(10, 20), NotReceived}}
	reached := map[Word]bool{}
	for set := range 1 << len(conditions) {
		for _, c := range byTime {
			f := ordinary(c.now)
			holds := []Word{c.word}
			for i, condition := range conditions {
				if set&(1<<i) != 0 {
					condition.set(&f)
					holds = append(holds, condition.word)
				}
			}
			want := holds[0]
			for _, w := range precedence {
				if slices.Contains(holds, w) {
					want = w
					break
				}
			}
			got := Decide(f)
			if got.Word != want {
				t.Fatalf("%q at %s: got %s, want %s", holds, c.now.Format("15:04"), got.Word, want)
			}
			if got.Owner != want.Info().Owner || !got.At.Equal(c.now) {
				t.Fatalf("%s: owner %q at %s", want, got.Owner, got.At)
			}
			reached[got.Word] = true
		}
	}
	if len(reached) != len(precedence) {
		t.Errorf("only %d words are reached", len(reached))
	}
}

func TestBoundaries(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name    string
		session Session
		now     time.Time
		asAt    time.Time
		want    Word
		since   time.Time
	}{
		{name: "before late", session: AM, now: london9(9, 45).Add(-second), want: Due, since: london9(0, 0)},
		{name: "late", session: AM, now: london9(9, 45), want: Late, since: london9(9, 45)},
		{name: "end of grace", session: AM, now: london9(10, 15).Add(-second), want: Late, since: london9(9, 45)},
		{name: "not received", session: AM, now: london9(10, 15), want: NotReceived, since: london9(10, 15)},
		{name: "afternoon due", session: PM, now: london9(14, 0).Add(-second), want: Due, since: london9(0, 0)},
		{name: "afternoon late", session: PM, now: london9(14, 0), want: Late, since: london9(14, 0)},
		{name: "afternoon not received", session: PM, now: london9(14, 30), want: NotReceived, since: london9(14, 30)},

		{name: "data a second early", session: AM, now: london9(9, 40), asAt: london9(9, 30).Add(-second), want: Due, since: london9(0, 0)},
		{name: "early data do not become the register", session: AM, now: london9(11, 0), asAt: london9(9, 29), want: NotReceived, since: london9(10, 15)},
		{name: "data as at register time", session: AM, now: london9(9, 31), asAt: london9(9, 30), want: Received, since: london9(9, 30)},
		{name: "late data are received", session: AM, now: london9(16, 0), asAt: london9(15, 0), want: Received, since: london9(15, 0)},
		{name: "morning data are not the afternoon", session: PM, now: london9(14, 40), asAt: london9(12, 0), want: NotReceived, since: london9(14, 30)},
		{name: "yesterday's data", session: AM, now: london9(9, 50), asAt: london9(9, 50).AddDate(0, 0, -1), want: Late, since: london9(9, 45)},
		{name: "a fast clock before the register", session: AM, now: london9(8, 0), asAt: london9(10, 0), want: Due, since: london9(0, 0)},
		{name: "a slightly fast clock", session: AM, now: london9(9, 31), asAt: london9(9, 32), want: Received, since: london9(9, 31)},
		{name: "unknown session asks for the afternoon", session: "", now: london9(14, 40), asAt: london9(12, 0), want: NotReceived, since: london9(14, 30)},
	} {
		f := ordinary(c.now)
		f.Session, f.DataAsAt = c.session, c.asAt
		v := Decide(f)
		if v.Word != c.want || !v.Since.Equal(c.since) {
			t.Errorf("%s: got %s since %s, want %s since %s", c.name, v.Word, v.Since, c.want, c.since)
		}
	}
}

func TestAPauseEndsByItself(t *testing.T) {
	f := ordinary(london9(9, 50))
	f.Paused, f.PausedUntil, f.PausedSince = true, london9(9, 50).Add(time.Second), london9(8, 0)
	if v := Decide(f); v.Word != Paused || !v.Since.Equal(london9(8, 0)) {
		t.Errorf("before its end: %s since %s", v.Word, v.Since)
	}
	f.PausedUntil = london9(9, 50)
	if v := Decide(f); v.Word != Late {
		t.Errorf("at its end: %s", v.Word)
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Facts)
		want string
	}{
		{"due", func(f *Facts) { f.Now = london9(9, 0) }, "Expected by 9:45am."},
		{"due tomorrow", func(f *Facts) { f.Day = f.Day.AddDate(0, 0, 1) }, "Expected by Tue 24 Nov at 9:45am."},
		{"afternoon", func(f *Facts) { f.Session = PM }, "Expected by 2:00pm."},
		{"late", func(f *Facts) {}, "We are checking. Phone after 10:15am."},
		{"own clock", func(f *Facts) { f.Clock = Clock{wall(8, 30), wall(8, 40), wall(11, 5)} }, "We are checking. Phone after 11:05am."},
		{"not received", func(f *Facts) { f.Now = london9(10, 20) }, "Phone the school. The agent was last heard from at 8:58am."},
		{"silent since Friday", func(f *Facts) { f.Now, f.LastHeard = london9(10, 20), time.Date(2026, 11, 20, 15, 10, 0, 0, time.UTC) },
			"Phone the school. The agent was last heard from on Fri 20 Nov at 3:10pm."},
		{"never heard", func(f *Facts) { f.Now, f.LastHeard = london9(10, 20), time.Time{} }, "Phone the school. The agent has never been heard from."},
		{"received", func(f *Facts) { f.DataAsAt = london9(9, 35) }, ""},
		{"held", func(f *Facts) { f.Held = true }, "Check what was held, then release it or correct the data in the MIS."},
		{"held, with the reason", func(f *Facts) { f.Held, f.HeldWhy = true, Plain("31 of 33 children missing from the file.") },
			"31 of 33 children missing from the file. Check what was held, then release it or correct the data in the MIS."},
		{"paused", func(f *Facts) {
			f.Paused, f.PausedUntil = true, time.Date(2026, 12, 7, 0, 0, 0, 0, London())
		}, "Until Mon 7 Dec. Phone if needed."},
		{"paused to next year", func(f *Facts) {
			f.Paused, f.PausedUntil = true, time.Date(2027, 1, 4, 0, 0, 0, 0, London())
		}, "Until Mon 4 Jan 2027. Phone if needed."},
		{"paused for an hour", func(f *Facts) { f.Paused, f.PausedUntil = true, london9(12, 30) }, "Until 12:30pm. Phone if needed."},
		{"paused without an end", func(f *Facts) { f.Paused = true }, "No end date was given. Phone if needed."},
		{"stopped", func(f *Facts) {
			f.Stopped, f.StoppedAt, f.StoppedBy = true, time.Date(2026, 11, 12, 11, 0, 0, 0, time.UTC), "the head teacher"
		}, "Stopped Thu 12 Nov by the head teacher. Phone the school each day."},
		{"withdrawn", func(f *Facts) { f.Withdrawn, f.StoppedAt = true, time.Date(2026, 11, 12, 11, 0, 0, 0, time.UTC) },
			"The school's own system has refused the access that it had given since Thu 12 Nov. Phone the school each day."},
		{"revoked after it was withdrawn", func(f *Facts) { f.Withdrawn, f.Stopped, f.StoppedAt = true, true, london9(9, 0) }, "Stopped Mon 23 Nov. Phone the school each day."},
		{"stopped, nothing known", func(f *Facts) { f.Stopped = true }, "Phone the school each day."},
		{"stopped, only when", func(f *Facts) { f.Stopped, f.StoppedAt = true, london9(9, 0) }, "Stopped Mon 23 Nov. Phone the school each day."},
		{"by phone", func(f *Facts) { f.ByPhone = true }, "Phone the school."},
		{"not set up", func(f *Facts) { f.SetUp = false }, "Enrol an agent with a code from the operator. Phone until then."},
		{"not in session", func(f *Facts) {
			f.InSession, f.Calendar = false, []Part{Plain("INSET day, from the school's calendar.")}
		},
			"INSET day, from the school's calendar."},
		{"not in session, no source", func(f *Facts) { f.InSession = false }, ""},
		{"a weekend", func(f *Facts) { f.InSession, f.Day = false, f.Day.AddDate(0, 0, 5) }, "Saturday: no register is expected."},
	} {
		f := ordinary(london9(9, 50))
		c.set(&f)
		v := Decide(f)
		if v.NextStep != c.want {
			t.Errorf("%s (%s): got %q, want %q", c.name, v.Word, v.NextStep, c.want)
		}
		if strings.Contains(v.NextStep, "0001") {
			t.Errorf("%s: a zero time was printed", c.name)
		}
	}
}

func TestTheHeldOwnerIsNamed(t *testing.T) {
	f := ordinary(london9(9, 50))
	f.Held, f.HeldSince, f.HeldOwner = true, london9(9, 32), Plain("School IT")
	if v := Decide(f); v.Owner != "School IT" || !v.Since.Equal(london9(9, 32)) {
		t.Errorf("got %q since %s", v.Owner, v.Since)
	}
	f.Held = false
	if v := Decide(f); v.Owner != Late.Info().Owner {
		t.Errorf("the owner of a hold is printed without one: %q", v.Owner)
	}
}

// 9:30am is 9:30am on the wall: on the days on which the clocks change it is not nine and a half hours after midnight.
func TestClockChangeDays(t *testing.T) {
	for _, c := range []struct {
		day time.Time
		utc time.Time // 9:45am on the wall
	}{
		{time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 28, 9, 45, 0, 0, time.UTC)},
		{time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 29, 8, 45, 0, 0, time.UTC)},
		{time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 8, 45, 0, 0, time.UTC)},
		{time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 9, 45, 0, 0, time.UTC)},
	} {
		f := ordinary(c.utc.Add(-time.Second))
		f.Day = c.day
		if v := Decide(f); v.Word != Due || v.NextStep != "Expected by 9:45am." {
			t.Errorf("%s a second before: %s, %q", c.day.Format(time.DateOnly), v.Word, v.NextStep)
		}
		f.Now = c.utc
		if v := Decide(f); v.Word != Late || !v.Since.Equal(c.utc) {
			t.Errorf("%s: %s since %s", c.day.Format(time.DateOnly), v.Word, v.Since.UTC())
		}
		f.DataAsAt = c.utc.Add(-15 * time.Minute)
		if v := Decide(f); v.Word != Received {
			t.Errorf("%s with data: %s", c.day.Format(time.DateOnly), v.Word)
		}
	}
}

// The date of the session is the one that Day shows, whatever zone it carries, and the zone of the school may be another.
func TestDayAndLocation(t *testing.T) {
	f := ordinary(time.Date(2026, 7, 6, 8, 50, 0, 0, time.UTC)) // 9:50am in London
	f.Day = time.Date(2026, 7, 6, 23, 30, 0, 0, time.UTC)       // already the 7th in London
	if v := Decide(f); v.Word != Late {
		t.Errorf("London: %s", v.Word)
	}
	f.Location = time.UTC
	if v := Decide(f); v.Word != Due {
		t.Errorf("UTC: %s", v.Word)
	}
}

func TestCurrentSession(t *testing.T) {
	late := DefaultClocks()
	late[PM] = Clock{wall(14, 30), wall(14, 45), wall(15, 0)}
	for _, c := range []struct {
		now    time.Time
		clocks map[Session]Clock
		want   Session
	}{
		{london9(0, 0), nil, AM},
		{london9(13, 45).Add(-time.Second), nil, AM},
		{london9(13, 45), nil, PM},
		{london9(23, 59), DefaultClocks(), PM},
		{london9(14, 0), late, AM},
		{time.Date(2026, 7, 6, 12, 45, 0, 0, time.UTC), nil, PM}, // 1:45pm in London
		{time.Date(2026, 7, 6, 12, 44, 0, 0, time.UTC), nil, AM},
		{time.Date(2026, 7, 6, 23, 30, 0, 0, time.UTC), nil, AM},  // half past midnight in London
		{time.Date(2026, 3, 29, 12, 45, 0, 0, time.UTC), nil, PM}, // the clocks went forward that night
		{time.Date(2026, 10, 25, 13, 44, 0, 0, time.UTC), nil, AM},
	} {
		if got := CurrentSession(c.now, c.clocks); got != c.want {
			t.Errorf("%s: got %s, want %s", c.now, got, c.want)
		}
	}
}

func TestDefaultInSession(t *testing.T) {
	monday := london9(9, 0)
	for n, want := range []bool{true, true, true, true, true, false, false} {
		if day := monday.AddDate(0, 0, n); DefaultInSession(day) != want {
			t.Errorf("%s: got %t", day.Weekday(), !want)
		}
	}
}

// Two callers share nothing: changing the map of one does not move another's clock.
func TestDefaultClocksAreACopy(t *testing.T) {
	DefaultClocks()[AM] = Clock{}
	if DefaultClocks()[AM] == (Clock{}) {
		t.Error("a caller changed the defaults")
	}
}
