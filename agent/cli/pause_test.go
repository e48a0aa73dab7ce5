package cli

import (
	"testing"
	"time"
)

// A day ends the pause as it begins in England, on either side of the nights in
// which the clocks change; so many days are days of the calendar.
func TestPauseEndAcrossClockChanges(t *testing.T) {
	at := func(text string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ now, until, want string }{
		{"2027-03-26T10:00:00Z", "2027-03-28", "2027-03-28T00:00:00Z"},
		{"2027-03-26T10:00:00Z", "2027-03-29", "2027-03-28T23:00:00Z"},
		{"2027-10-29T10:00:00Z", "2027-10-31", "2027-10-30T23:00:00Z"},
		{"2027-10-29T10:00:00Z", "2027-11-01", "2027-11-01T00:00:00Z"},
		{"2027-10-31T00:30:00Z", "1h", "2027-10-31T01:30:00Z"},
		{"2027-03-28T00:30:00Z", "36h", "2027-03-29T12:30:00Z"},
		{"2027-03-27T10:00:00Z", "2027-03-28T02:30:00+01:00", "2027-03-28T01:30:00Z"},
		{"2027-12-31T23:59:00Z", "2028-01-01", "2028-01-01T00:00:00Z"},
	} {
		got, err := pauseEnd(c.until, at(c.now))
		if err != nil || !got.Equal(at(c.want)) {
			t.Errorf("--until %s at %s ends %v, %v; want %s", c.until, c.now, got, err, c.want)
		}
	}
	for _, until := range []string{"2027-03-28", "2027-02-30", "yesterday", "-3h", "0d", "367d", "2027-13-01", "1e9d"} {
		if got, err := pauseEnd(until, at("2027-03-28T12:00:00Z")); err == nil {
			t.Errorf("--until %s is taken: %v", until, got)
		}
	}
}
