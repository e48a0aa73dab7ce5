package update

import (
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	got, err := time.ParseInLocation("2006-01-02 15:04", text, london)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// 2026-11-23 is a Monday; clocks go back on 2026-10-25 and forward on 2027-03-28.
func TestWindow(t *testing.T) {
	cases := []struct {
		name, window, now string
		may               bool
		next              string
	}{
		{"whole day, afternoon", "", "2026-11-23 13:00", true, ""},
		{"whole day, morning", "", "2026-11-23 09:00", false, "2026-11-23 12:00"},
		{"the first minute of a morning", "", "2026-11-23 05:00", false, "2026-11-23 12:00"},
		{"the minute before it", "", "2026-11-23 04:59", true, ""},
		{"Saturday morning", "", "2026-11-28 09:00", true, ""},
		{"over midnight, before", "22:00-04:00", "2026-11-23 23:30", true, ""},
		{"over midnight, after", "22:00-04:00", "2026-11-24 03:59", true, ""},
		{"over midnight, end is outside", "22:00-04:00", "2026-11-24 04:00", false, "2026-11-24 22:00"},
		{"over midnight, into the morning", "22:00-08:00", "2026-11-24 06:00", false, "2026-11-24 22:00"},
		{"within a day", "13:00-15:00", "2026-11-23 12:59", false, "2026-11-23 13:00"},
		{"only mornings waits for Saturday", "06:00-08:00", "2026-11-23 07:00", false, "2026-11-28 06:00"},
		{"Friday night to Saturday", "22:00-04:00", "2026-11-27 09:00", false, "2026-11-27 22:00"},
		{"a night that has no such hour", "01:00-02:00", "2027-03-28 00:30", false, "2027-03-29 01:00"},
		{"summer time, which begins an hour earlier", "01:00-02:00", "2026-07-01 00:59", false, "2026-07-01 01:00"},
	}
	for _, c := range cases {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		now := at(t, c.now)
		if w.may(now) != c.may {
			t.Errorf("%s: may is %v", c.name, !c.may)
		}
		want := now
		if c.next != "" {
			want = at(t, c.next)
		}
		if got := w.next(now); !got.Equal(want) {
			t.Errorf("%s: next is %s, want %s", c.name, got.In(london), want)
		}
	}
}

// In the night in which clocks go back, 01:30 comes twice, and the window is
// open both times.
func TestWindowInTheLongNight(t *testing.T) {
	w, err := ParseWindow("01:00-02:00")
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 01:30, summer time
	for i, want := range []bool{true, true, false} {
		if now := first.Add(time.Duration(i) * time.Hour); w.may(now) != want {
			t.Errorf("at %s: %v", now.In(london), !want)
		}
	}
}

func TestParseWindow(t *testing.T) {
	for _, text := range []string{"18:00", "18:00-", "-05:00", "6pm-5am", "18:00-18:00", "24:00-05:00", "18:00-05:00-06:00", "18:00-18:29"} {
		if _, err := ParseWindow(text); err == nil {
			t.Errorf("%q is taken for a window", text)
		}
	}
	for _, text := range []string{"", "18:00-05:00", "09:05-10:00"} {
		w, err := ParseWindow(text)
		if err != nil || w.String() != text {
			t.Errorf("%q became %q, %v", text, w, err)
		}
	}
}
