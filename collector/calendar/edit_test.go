package calendar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func TestCheck(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		entry calendar.Entry
		want  string
	}{
		{"a term", entry(calendar.Term, "2027-04-12", "2027-07-21"), ""},
		{"a closure inside a term", entry(calendar.Strike, "2026-11-24", "2026-11-24"), ""},
		{"the other session of a closed one", calendar.Entry{Kind: calendar.Closed, First: "2026-12-18", Last: "2026-12-18", Session: status.AM}, ""},
		{"of no kind", entry("party", "2026-11-24", "2026-11-24"), "kind"},
		{"without a kind", entry("", "2026-11-24", "2026-11-24"), "kind"},
		{"without a day", entry(calendar.INSET, "", "2026-11-24"), "first"},
		{"a day that is not", entry(calendar.INSET, "2026-02-30", "2026-11-24"), "first"},
		{"without a last day", entry(calendar.INSET, "2026-11-24", ""), "last"},
		{"ends before it starts", entry(calendar.INSET, "2026-11-24", "2026-11-23"), "order"},
		{"in the wrong year", entry(calendar.INSET, "2016-11-24", "2016-11-24"), "far"},
		{"years ahead", entry(calendar.INSET, "2036-11-24", "2036-11-24"), "far"},
		{"a whole year", entry(calendar.Term, "2027-04-12", "2028-04-12"), "long"},
		{"no such session", calendar.Entry{Kind: calendar.INSET, First: "2026-11-24", Last: "2026-11-24", Session: "noon"}, "session"},
		{"one session of a term", calendar.Entry{Kind: calendar.Term, First: "2027-04-12", Last: "2027-04-12", Session: status.AM}, "one_session"},
		{"one session of two days", calendar.Entry{Kind: calendar.INSET, First: "2026-11-24", Last: "2026-11-25", Session: status.AM}, "one_session"},
		{"a term inside a term", entry(calendar.Term, "2026-10-01", "2026-10-02"), "overlap"},
		{"the same again", entry(calendar.INSET, "2026-09-03", "2026-09-03"), "overlap"},
		{"a whole day over one session", entry(calendar.Closed, "2026-12-18", "2026-12-18"), "overlap"},
		{"open and closed", entry(calendar.Open, "2026-10-27", "2026-10-27"), "overlap"},
	} {
		f := year.Check(c.entry, now)
		switch {
		case f == nil && c.want != "":
			t.Errorf("%s: accepted", c.name)
		case f != nil && (f.Kind != c.want || f.Field == "" || f.Text == ""):
			t.Errorf("%s: %+v, want %s", c.name, f, c.want)
		case f != nil && f.Kind == "overlap" && f.With == nil:
			t.Errorf("%s: it does not say with what", c.name)
		}
	}
	full := calendar.Calendar{}
	for n := range 500 {
		full.Entries = append(full.Entries, entry(calendar.INSET, string(record.Date("2025-01-01").AddDays(n)), string(record.Date("2025-01-01").AddDays(n))))
	}
	if f := full.Check(entry(calendar.INSET, "2026-11-24", "2026-11-24"), now); f == nil || f.Kind != "many" {
		t.Errorf("a full calendar: %+v", f)
	}
}

func TestCheckClocks(t *testing.T) {
	at := func(h, m int) time.Duration { return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute }
	good := status.DefaultClocks
	if f := calendar.CheckClocks(good()); f != nil {
		t.Errorf("the default: %v", f)
	}
	for want, change := range map[string]func(map[status.Session]status.Clock){
		"am_late": func(c map[status.Session]status.Clock) {
			c[status.AM] = status.Clock{Register: at(9, 30), Late: at(9, 0), NotReceived: at(10, 0)}
		},
		"pm_not_received": func(c map[status.Session]status.Clock) {
			c[status.PM] = status.Clock{Register: at(13, 30), Late: at(14, 0), NotReceived: at(13, 59)}
		},
		"am_register":     func(c map[status.Session]status.Clock) { c[status.AM] = status.Clock{Register: -1} },
		"am_not_received": func(c map[status.Session]status.Clock) { c[status.AM] = status.Clock{NotReceived: at(24, 0)} },
		"pm_register":     func(c map[status.Session]status.Clock) { c[status.PM] = c[status.AM] },
	} {
		clocks := good()
		change(clocks)
		if f := calendar.CheckClocks(clocks); f == nil || f.Field != want {
			t.Errorf("%s: %+v", want, f)
		}
	}
}

// one is a calendar in a database, with a school and its authority.
type one struct {
	*testing.T
	db *database.DB
}

func newOne(t *testing.T, db *database.DB) *one {
	s := &one{t, db}
	for _, id := range []string{"oak", "elm"} {
		s.must(s.write(func(tx *database.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO schools (school, name, phone, created_at) VALUES (?, ?, '', 1)", id, id)
			return err
		}))
	}
	return s
}

func (s *one) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *one) write(f func(*database.Tx) error) error { return s.db.Write(s.Context(), f) }

func (s *one) read(school string) (c calendar.Calendar) {
	s.Helper()
	s.must(s.db.Read(s.Context(), func(tx *database.Tx) (err error) {
		c, err = calendar.Read(s.Context(), tx, school)
		return err
	}))
	return c
}

var ann = calendar.Change{Author: calendar.Author{Authority: "301", User: "ann"}, At: time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)}

func TestEntriesAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newOne(t, db), t.Context()
		today := record.DateOf(ann.At)
		a, b := entry(calendar.INSET, string(today), string(today)), entry(calendar.Term, string(today.AddDays(-9)), string(today.AddDays(9)))
		add := func(list ...calendar.Entry) error {
			return s.write(func(tx *database.Tx) error { return calendar.Add(ctx, tx, "oak", list, ann) })
		}
		s.must(add(a, b))
		var f *calendar.Fault
		c := entry(calendar.Strike, string(today.AddDays(1)), string(today.AddDays(1)))
		if err := add(c, a); !errors.As(err, &f) || f.Kind != "overlap" || f.Line != 2 {
			t.Errorf("the same again: %v", err)
		}
		got := s.read("oak")
		if len(got.Entries) != 2 || got.Entries[0].Kind != calendar.Term || got.Entries[1].First != today || got.Entries[1].Changed.Author != ann.Author || !got.Entries[1].Changed.At.Equal(ann.At) {
			t.Errorf("all or none, by first day: %+v", got.Entries)
		}
		if other := s.read("elm"); len(other.Entries) != 0 {
			t.Errorf("another school has %+v", other.Entries)
		}
		remove := func(e calendar.Entry) error {
			return s.write(func(tx *database.Tx) error { return calendar.Remove(ctx, tx, "oak", e) })
		}
		s.must(remove(a))
		if err := remove(a); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("removed twice: %v", err)
		}
		if got := s.read("oak"); len(got.Entries) != 1 {
			t.Errorf("after the removal: %+v", got.Entries)
		}
	})
}

func TestTimesAndPhoneAreKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := newOne(t, db), t.Context()
		clocks := status.DefaultClocks()
		clocks[status.AM] = status.Clock{Register: 8*time.Hour + 15*time.Minute, Late: 9 * time.Hour, NotReceived: 9*time.Hour + time.Second}
		set := func(from record.Date, clocks map[status.Session]status.Clock) error {
			return s.write(func(tx *database.Tx) error { return calendar.SetTimes(ctx, tx, "oak", from, clocks, ann) })
		}
		s.must(set("2026-11-01", status.DefaultClocks()))
		s.must(set("2026-11-20", status.DefaultClocks()))
		s.must(set("2026-11-10", clocks)) // what was given for later goes with it
		c := s.read("oak")
		if len(c.Times) != 2 || c.Times[0].From != "2026-11-01" || c.Times[1].From != "2026-11-10" || c.Times[1].Clocks[status.AM] != clocks[status.AM] || c.Times[1].Changed.Author != ann.Author || !c.Times[1].Changed.At.Equal(ann.At) {
			t.Errorf("times: %+v", c.Times)
		}
		if got := c.Clocks(day("2026-11-25"))[status.AM]; got != clocks[status.AM] {
			t.Errorf("today: %+v", got)
		}
		clocks[status.PM] = status.Clock{}
		var f *calendar.Fault
		if err := set("2026-11-10", clocks); !errors.As(err, &f) || len(s.read("oak").Times) != 2 {
			t.Errorf("an afternoon at midnight: %v", err)
		}

		phone := func(why calendar.Reason) error {
			return s.write(func(tx *database.Tx) error {
				return calendar.SetByPhone(ctx, tx, "oak", why, calendar.Change{Author: calendar.Author{User: "command"}, At: ann.At})
			})
		}
		if err := phone("because"); !errors.As(err, &f) || s.read("oak").Phone != nil {
			t.Errorf("for no reason of the list: %v", err)
		}
		s.must(phone(calendar.NoMIS))
		s.must(phone(calendar.Moving))
		if p := s.read("oak").Phone; p == nil || p.Reason != calendar.Moving || p.Changed.User != "command" || !p.Changed.At.Equal(ann.At) {
			t.Errorf("by phone: %+v", p)
		}
		var all map[string]calendar.Calendar
		s.must(db.Read(ctx, func(tx *database.Tx) (err error) { all, err = calendar.All(ctx, tx); return err }))
		if len(all) != 1 || all["oak"].Phone == nil || len(all["oak"].Times) != 2 {
			t.Errorf("all: %+v", all)
		}
		for range 2 {
			s.must(s.write(func(tx *database.Tx) error { return calendar.EndByPhone(ctx, tx, "oak") }))
		}
		if p := s.read("oak").Phone; p != nil {
			t.Errorf("by phone still: %+v", p)
		}
	})
}

func TestParse(t *testing.T) {
	entries, faults := calendar.Parse("\uFEFFWhat;First;Last;Session\r\nTerm;3 September 2026;23/10/2026\r\n# a remark\r\nINSET day;2026-11-02\r\nclosed; 18 Dec 2026 ; 18.12.2026 ;pm\r\nhms;Dydd Llun 4 Ionawr 2027\r\n")
	want := []calendar.Entry{
		entry(calendar.Term, "2026-09-03", "2026-10-23"), entry(calendar.INSET, "2026-11-02", "2026-11-02"),
		{Kind: calendar.Closed, First: "2026-12-18", Last: "2026-12-18", Session: status.PM}, entry(calendar.INSET, "2027-01-04", "2027-01-04"),
	}
	if fmt.Sprint(entries) != fmt.Sprint(want) || len(faults) > 0 {
		t.Errorf("got %+v, %v", entries, faults)
	}
	for text, kind := range map[string]string{
		"party, 2026-11-02":                  "kind",
		"inset, 2026-11-31":                  "first",
		"inset":                              "first",
		"inset, 11/02/26":                    "first",
		"inset, 2026-11-02, tomorrow":        "last",
		"inset, 2026-11-02, , noon":          "session",
		strings.Repeat("inset,x\n", 300):     "first",
		"inset, 2026-11-02\nparty, 1/1/2027": "kind",
	} {
		_, faults := calendar.Parse(text)
		if len(faults) == 0 || faults[0].Kind != kind || faults[0].Line < 1 || faults[0].Text == "" {
			t.Errorf("%.40q: %+v", text, faults)
		}
		if len(faults) > calendar.MaxLines+1 {
			t.Errorf("%d faults are told", len(faults))
		}
	}
	if entries, faults := calendar.Parse(""); len(entries)+len(faults) != 0 {
		t.Errorf("nothing: %v %v", entries, faults)
	}
}

// Whatever is pasted, it ends, and everything that comes of it has days.
func FuzzParse(f *testing.F) {
	f.Add("term, 3 September 2026, 23/10/2026, AM\n\"a,b\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, faults := calendar.Parse(text)
		if len(entries)+len(faults) > calendar.MaxLines+1 {
			t.Errorf("%d lines", len(entries)+len(faults))
		}
		for _, e := range entries {
			if e.First.Time().IsZero() || e.Last.Time().IsZero() {
				t.Errorf("%+v has no days", e)
			}
		}
	})
}
