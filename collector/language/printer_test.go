package language_test

import (
	"testing"
	"time"

	"rollbridge/collector/language"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

var english, welsh = language.In(language.English), language.In(language.Welsh)

func TestSaying(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{english.T("web.moment", "Day", "Mon 2 Nov", "Time", "9:04am"), "Mon 2 Nov at 9:04am"},
		{welsh.T("web.moment", "Day", "Llun 2 Tach", "Time", "9:04yb"), "Llun 2 Tach am 9:04yb"},
		{english.T("web.moment", "Day", "<b>{{.Time}}</b>", "Time", "x"), "<b>{{.Time}}</b> at x"},
		{english.T("web.no-such-text"), "web.no-such-text"},
		{english.N("web.ago.minutes", 1), "1 minute ago"},
		{english.N("web.ago.minutes", 0), "0 minutes ago"},
		{english.N("web.ago.days", 1234), "1,234 days ago"},
		{welsh.N("web.ago.minutes", 0), "0 munud yn ôl"},
		{welsh.N("web.ago.minutes", 2), "2 funud yn ôl"},
		{welsh.N("web.ago.minutes", 6), "6 munud yn ôl"},
		{english.Number(-1234567), "-1,234,567"},
		{english.Number(999), "999"},
		{english.List("a", "b", "c"), "a, b and c"},
		{welsh.List("a", "b"), "a a b"},
		{english.List(), ""},
		{string(language.In("xx").Language()), "en"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	at := func(text string) time.Time {
		m, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	now := at("2026-11-23T10:16:00Z")
	summer := at("2026-07-06T12:05:00Z") // five past one in London
	for _, c := range []struct{ got, want string }{
		{english.Time(now), "10:16am"}, {welsh.Time(now), "10:16yb"},
		{english.Time(summer), "1:05pm"}, {welsh.Time(summer), "1:05yp"},
		{english.Clock(0), "12:00am"}, {english.Clock(12*time.Hour + 5*time.Minute), "12:05pm"},
		{english.Date(now), "Monday 23 November 2026"}, {welsh.Date(now), "Dydd Llun 23 Tachwedd 2026"},
		{english.ShortDate(now), "Mon 23 Nov 2026"},
		{english.Day(record.Date("2010-02-01")), "1 February 2010"}, {welsh.Day(record.Date("2010-02-01")), "1 Chwefror 2010"},
		{english.Day(""), "not known"},
		{english.Moment(at("2026-11-23T00:00:00Z"), now), "12:00am"},
		{english.Moment(at("2026-11-20T15:10:00Z"), now), "Fri 20 Nov at 3:10pm"},
		{english.Moment(at("2025-11-20T15:10:00Z"), now), "Thu 20 Nov 2025 at 3:10pm"},
		{english.Ago(now.Add(-59*time.Second), now), "just now"},
		{english.Ago(now.Add(-38*time.Minute), now), "38 minutes ago"},
		{english.Ago(now.Add(-47*time.Hour), now), "47 hours ago"},
		{english.Ago(now.Add(-48*time.Hour), now), "2 days ago"},
		{english.Ago(now.Add(time.Hour), now), "just now"},
		{english.Spell(time.Second), "1 second"}, {english.Spell(61 * time.Second), "2 minutes"},
		// The night in which the clocks go back has half past one twice.
		{english.Moment(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")), "1:30am"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// The words of the screen are the words of everybody else.
func TestStatusWordsAreTheirOwnInEnglish(t *testing.T) {
	for _, w := range status.Words() {
		if got := english.Word(w); got != string(w) {
			t.Errorf("%s is said as %q", w, got)
		}
		if got := welsh.Word(w); got == string(w) || got == "" {
			t.Errorf("%s is not said in Welsh: %q", w, got)
		}
	}
}
