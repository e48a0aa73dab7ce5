package calendar_test

import (
	"slices"
	"testing"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func day(text string) time.Time { return record.Date(text).Time() }

func entry(kind calendar.Kind, first, last string) calendar.Entry {
	return calendar.Entry{Kind: kind, First: record.Date(first), Last: record.Date(last)}
}

// year is a school year as schools publish it, up to Easter, and the next autumn.
var year = calendar.Calendar{Entries: []calendar.Entry{
	entry(calendar.Term, "2026-09-02", "2026-12-18"),
	entry(calendar.INSET, "2026-09-02", "2026-09-03"),
	entry(calendar.Holiday, "2026-10-26", "2026-10-30"),
	{Kind: calendar.Closed, First: "2026-12-18", Last: "2026-12-18", Session: status.PM},
	entry(calendar.Term, "2027-01-04", "2027-03-25"),
	entry(calendar.Open, "2027-01-09", "2027-01-09"),
	entry(calendar.Weather, "2027-01-09", "2027-01-09"),
	entry(calendar.Open, "2027-03-13", "2027-03-13"),
}}

func TestDays(t *testing.T) {
	whole := calendar.Calendar{Entries: append(slices.Clone(year.Entries), entry(calendar.Term, "2027-04-12", "2027-07-21"))}
	for _, c := range []struct {
		name     string
		calendar calendar.Calendar
		day      string
		am, pm   bool
		why      calendar.Why
	}{
		{"nothing given, a Monday", calendar.Calendar{}, "2026-11-23", true, true, calendar.Usual},
		{"nothing given, a Saturday", calendar.Calendar{}, "2026-11-21", false, false, calendar.Weekend},
		{"nothing given, in August", calendar.Calendar{}, "2026-08-11", true, true, calendar.Usual},
		{"nothing given, Christmas", calendar.Calendar{}, "2026-12-25", false, false, calendar.BankHoliday},

		{"before the first term", year, "2026-09-01", true, true, calendar.Usual},
		{"the first day of term is for staff", year, "2026-09-02", false, false, calendar.Why(calendar.INSET)},
		{"the first day of school", year, "2026-09-04", true, true, calendar.Why(calendar.Term)},
		{"half term begins", year, "2026-10-26", false, false, calendar.Why(calendar.Holiday)},
		{"half term ends", year, "2026-10-30", false, false, calendar.Why(calendar.Holiday)},
		{"the Saturday of half term", year, "2026-10-31", false, false, calendar.Weekend},
		{"back from half term", year, "2026-11-02", true, true, calendar.Why(calendar.Term)},
		{"the last afternoon", year, "2026-12-18", true, false, calendar.Why(calendar.Term)},
		{"between two terms", year, "2026-12-21", false, false, calendar.Between},
		{"the last day between two terms", year, "2027-01-01", false, false, calendar.BankHoliday},
		{"back at school", year, "2027-01-04", true, true, calendar.Why(calendar.Term)},
		{"closed on an extra day", year, "2027-01-09", false, false, calendar.Why(calendar.Weather)},
		{"an extra day", year, "2027-03-13", true, true, calendar.Why(calendar.Open)},

		// Nobody has entered what comes after the last term: somebody must look.
		{"after the last term that was given", year, "2027-04-19", true, true, calendar.Usual},
		{"Easter after the last term that was given", year, "2027-03-29", false, false, calendar.BankHoliday},
		{"bank holiday inside a term", whole, "2027-05-03", false, false, calendar.BankHoliday},
		{"summer after a term that ends in July", whole, "2027-07-22", false, false, calendar.Summer},
		{"the last day of that summer", whole, "2027-08-31", false, false, calendar.Summer},
		{"September after it", whole, "2027-09-01", true, true, calendar.Usual},
	} {
		am, pm := c.calendar.On(day(c.day), status.AM), c.calendar.On(day(c.day), status.PM)
		if am.InSession != c.am || pm.InSession != c.pm || am.Why != c.why {
			t.Errorf("%s (%s): am %t (%s), pm %t (%s)", c.name, c.day, am.InSession, am.Why, pm.InSession, pm.Why)
		}
		if in, why := c.calendar.Day(day(c.day)); in != (c.am || c.pm) || why != c.why {
			t.Errorf("%s (%s): the day is %t, %s", c.name, c.day, in, why)
		}
	}
}

// A gap that is longer than any holiday is a term that nobody has entered.
func TestAForgottenTermIsNoHoliday(t *testing.T) {
	c := calendar.Calendar{Entries: []calendar.Entry{entry(calendar.Term, "2025-09-02", "2025-12-19"), entry(calendar.Term, "2026-09-02", "2026-12-18")}}
	for _, d := range []string{"2026-01-06", "2026-03-03", "2026-06-16"} {
		if in, why := c.Day(day(d)); !in || why != calendar.Usual {
			t.Errorf("%s: %t, %s", d, in, why)
		}
	}
	independent := calendar.Calendar{Entries: []calendar.Entry{entry(calendar.Term, "2026-04-15", "2026-07-03"), entry(calendar.Term, "2026-09-08", "2026-12-11")}}
	if in, why := independent.Day(day("2026-09-07")); in || why != calendar.Between {
		t.Errorf("a long summer: %t, %s", in, why)
	}
}

func TestFirstOfTerm(t *testing.T) {
	for d, want := range map[string]bool{"2026-09-02": false, "2026-09-04": true, "2026-09-07": false, "2027-01-04": true, "2027-01-05": false, "2026-12-21": false} {
		if got := year.FirstOfTerm(day(d)); got != want {
			t.Errorf("%s: %t", d, got)
		}
	}
}

// A closure of one session leaves the other.
func TestOneSession(t *testing.T) {
	c := calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.Strike, First: "2026-11-23", Last: "2026-11-23", Session: status.AM}}}
	if c.On(day("2026-11-23"), status.AM).InSession || !c.On(day("2026-11-23"), status.PM).InSession {
		t.Error("the wrong session is closed")
	}
	if in, why := c.Day(day("2026-11-23")); !in || why != calendar.Usual {
		t.Errorf("the day: %t, %s", in, why)
	}
}

// The holidays of these years as the government publishes them.
func TestBankHolidays(t *testing.T) {
	published := map[int][]record.Date{
		2024: {"2024-01-01", "2024-03-29", "2024-04-01", "2024-05-06", "2024-05-27", "2024-08-26", "2024-12-25", "2024-12-26"},
		2026: {"2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28"},
		2027: {"2027-01-01", "2027-03-26", "2027-03-29", "2027-05-03", "2027-05-31", "2027-08-30", "2027-12-27", "2027-12-28"},
		2022: {"2022-01-03", "2022-04-15", "2022-04-18", "2022-08-29", "2022-12-26", "2022-12-27"}, // without the jubilee and its move of May
		2028: {"2028-01-03", "2028-04-14", "2028-04-17", "2028-05-01", "2028-05-29", "2028-08-28", "2028-12-25", "2028-12-26"},
	}
	for y, want := range published {
		var got []record.Date
		for d := record.DateOf(time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)); d.Time().Year() == y; d = d.AddDays(1) {
			if calendar.IsBankHoliday(d) && (y != 2022 || d.Time().Month() != time.May && d.Time().Month() != time.June) {
				got = append(got, d)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", y, got, want)
		}
	}
	if calendar.IsBankHoliday("") || calendar.IsBankHoliday("nonsense") {
		t.Error("no day is a bank holiday")
	}
}

// Times hold from the day from which they were given, so that the past is not judged
// by them; and 9am is 9am on both sides of a clock change.
func TestTimesHoldFromADay(t *testing.T) {
	early := map[status.Session]status.Clock{status.AM: {Register: 8 * time.Hour, Late: 9 * time.Hour, NotReceived: 10 * time.Hour}}
	c := calendar.Calendar{Times: []calendar.Times{{From: "2026-10-23", Clocks: early}}}
	for d, want := range map[string]status.Clock{"2026-10-22": status.DefaultClocks()[status.AM], "2026-10-23": early[status.AM], "2026-10-26": early[status.AM]} {
		clocks := c.Clocks(day(d))
		if clocks[status.AM] != want || clocks[status.PM] != status.DefaultClocks()[status.PM] {
			t.Errorf("%s: %v", d, clocks)
		}
	}
	for d, late := range map[string]string{"2026-10-23": "2026-10-23T08:00:00Z", "2026-10-26": "2026-10-26T09:00:00Z"} {
		now, err := time.Parse(time.RFC3339, late)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			now  time.Time
			word status.Word
		}{{now.Add(-time.Second), status.Due}, {now, status.Late}} {
			f := status.Facts{Now: step.now, Day: day(d), Session: status.AM, SetUp: true, InSession: true, Clock: c.Clocks(day(d))[status.AM]}
			if v := status.Decide(f); v.Word != step.word {
				t.Errorf("%s at %s: %s", d, step.now.Format("15:04:05"), v.Word)
			}
		}
	}
}

func TestKnown(t *testing.T) {
	if got := year.Known(); got != "2027-03-25" {
		t.Errorf("got %s", got)
	}
	if (calendar.Calendar{}).Known() != "" {
		t.Error("no term is known")
	}
}
