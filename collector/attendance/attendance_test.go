package attendance

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollbridge/collector/calendar"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

const monday = record.Date("2026-11-16")

// all is of a school that was read long after.
var all = Owed{AsAt: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}

// Only a mark that was due when the school was read, on a school day, is missing.
func TestMarksThatAreOwed(t *testing.T) {
	a := &record.Attendance{Week: monday, AM: []string{"/", "", "", "", ""}, PM: []string{"", "", "", "", ""}}
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 11, day, hour, minute, 0, 0, status.London())
	}
	inset := calendar.Calendar{Entries: []calendar.Entry{{Kind: calendar.INSET, First: "2026-11-17", Last: "2026-11-17"}}}
	early := calendar.Calendar{Times: []calendar.Times{{Clocks: map[status.Session]status.Clock{status.PM: {Register: 12 * time.Hour}}}}}
	for name, c := range map[string]struct {
		owed Owed
		none int
	}{
		"never read":            {Owed{}, 0},
		"before the register":   {Owed{AsAt: at(16, 9, 29)}, 0},
		"Monday morning":        {Owed{AsAt: at(16, 9, 30)}, 0},
		"Monday afternoon":      {Owed{AsAt: at(16, 13, 45)}, 1},
		"a school's own times":  {Owed{AsAt: at(16, 12, 0), Calendar: early}, 1},
		"Wednesday morning":     {Owed{AsAt: at(18, 9, 30)}, 4},
		"after a day of no one": {Owed{AsAt: at(18, 9, 30), Calendar: inset}, 2},
		"the week after":        {Owed{AsAt: at(23, 9, 0)}, 9},
	} {
		var tally Tally
		for _, s := range NewReader(codes.NationEngland).Sessions(a, c.owed) {
			tally.Add(s)
		}
		if tally.Count[NoMark] != c.none || tally.Sessions() != c.none+1 {
			t.Errorf("%s: %d marks are missing, want %d; %d sessions", name, tally.Count[NoMark], c.none, tally.Sessions())
		}
	}
}

func TestSessionsOfAWeek(t *testing.T) {
	a := &record.Attendance{Week: monday, AM: []string{"/", "N", "", "XX", "", "", "B"}, PM: []string{"\\", "I", "-", "D", "", "", ""},
		LocalAM: []string{"/", "N", "?", "XX", "", "", "B"}, LateAM: []int{3, 0, 0, 0, 0, 0, 0}}
	want := []struct {
		code string
		kind Kind
	}{{"/", Attended}, {"\\", Attended}, {"N", Unauthorised}, {"I", Authorised}, {"", Unknown}, {"-", NoMark}, {"XX", Unknown}, {"D", NotPossible},
		{"", NoMark}, {"", NoMark}, {"B", Attended}, {"", NotOwed}}
	got := NewReader(codes.NationEngland).Sessions(a, all)
	if len(got) != len(want) {
		t.Fatalf("%d sessions, want %d", len(got), len(want))
	}
	var tally Tally
	for i, s := range got {
		if s.Code != want[i].code || s.Kind != want[i].kind {
			t.Errorf("session %d is %q, %s; want %q, %s", i, s.Code, s.Kind, want[i].code, want[i].kind)
		}
		if (s.Kind == NoMark || s.Kind == Unknown || s.Kind == NotOwed) != (s.Label == "") {
			t.Errorf("session %d is labelled %q", i, s.Label)
		}
		tally.Add(s)
	}
	if got[0].Late != 3 || got[4].Local != "?" || got[0].Local != "" || got[10].Weekday != 6 || got[1].Half != status.PM {
		t.Errorf("details are lost: %+v", got)
	}
	if n, ok := tally.PerMille(); tally.Possible() != 5 || n != 600 || !ok || tally.First != monday || tally.Last != "2026-11-22" {
		t.Errorf("%d of %d possible, %s to %s", n, tally.Possible(), tally.First, tally.Last)
	}
}

// The same code is read by the list of its day.
func TestCodesOfTheirDay(t *testing.T) {
	for day, want := range map[record.Date]string{"2026-11-16": "Leave: exceptional circumstances", "2023-11-13": "Other authorised circumstances"} {
		a := &record.Attendance{Week: day, AM: []string{"C", "", "", "", ""}, PM: make([]string, 5)}
		if got := NewReader(codes.NationEngland).Sessions(a, all)[0].Label; got != want && day > "2024-08-19" {
			t.Errorf("C of %s is %q", day, got)
		}
	}
}

// However marks fall: the kinds add up, a percentage is within its bounds, and
// counting weeks together is counting them one by one.
func TestTalliesAddUp(t *testing.T) {
	mark := rapid.SampledFrom([]string{"", "-", "/", "\\", "L", "N", "O", "I", "E", "D", "X", "#", "Y1", "J1", "ZZ", "h"})
	week := rapid.Custom(func(t *rapid.T) *record.Attendance {
		days := rapid.SampledFrom([]int{5, 7}).Draw(t, "days")
		return &record.Attendance{Week: monday.AddDays(7 * rapid.IntRange(0, 30).Draw(t, "week")),
			AM: rapid.SliceOfN(mark, days, days).Draw(t, "am"), PM: rapid.SliceOfN(mark, days, days).Draw(t, "pm")}
	})
	rapid.Check(t, func(t *rapid.T) {
		var whole, joined Tally
		reader := NewReader(codes.NationEngland)
		n := 0
		for _, a := range rapid.SliceOf(week).Draw(t, "weeks") {
			var one Tally
			for _, s := range reader.Sessions(a, all) {
				whole.Add(s)
				one.Add(s)
				if s.Kind != NotOwed {
					n++
				}
			}
			joined.Join(one)
		}
		sum := 0
		for _, kind := range Kinds() {
			sum += whole.Count[kind]
			if whole.Count[kind] != joined.Count[kind] {
				t.Errorf("%s: %d and %d", kind, whole.Count[kind], joined.Count[kind])
			}
		}
		share, ok := whole.PerMille()
		if sum != n || whole.Sessions() != n || ok != (whole.Possible() > 0) || share < 0 || share > 1000 || share == 1000 && whole.Count[Attended] != whole.Possible() {
			t.Errorf("%d of %d sessions, share %d of %d", sum, n, share, whole.Possible())
		}
		if whole.First != joined.First || whole.Last != joined.Last {
			t.Error("joined tallies cover other days")
		}
		if whole.Severe() && !whole.Persistent() {
			t.Error("severe without being persistent")
		}
	})
}
