package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/shared/config"
	"rollbridge/shared/logkey"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", -90 * time.Second: "1 minute and 30 seconds", 24 * time.Hour: "1 day",
		30 * time.Hour: "1 day and 6 hours", 366 * 24 * time.Hour: "1 year and 1 day", 24*time.Hour + 5*time.Second: "1 day",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "the proxy": "The proxy", "uplink.proxy must be": "uplink.proxy must be", "é": "É", "127.0.0.1:1 refused": "127.0.0.1:1 refused",
		"`x` does": "`x` does", "[rollbridge].[pupil]: no": "[rollbridge].[pupil]: no",
	} {
		if got := sentence(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
}

func TestWorst(t *testing.T) {
	for _, c := range []struct {
		states []State
		want   State
	}{{nil, OK}, {[]State{OK, Untried}, Untried}, {[]State{Warn, Untried, OK}, Warn}, {[]State{Warn, Bad, OK}, Bad}} {
		var lines []Line
		for _, s := range c.states {
			lines = append(lines, Line{ID: Disk, State: s})
		}
		if got := NewReport(lines).Worst; got != c.want {
			t.Errorf("the worst of %v is %s, want %s", c.states, got, c.want)
		}
	}
}

func TestReportIsInOrder(t *testing.T) {
	r := NewReport(BadSettings(errors.New("no")))
	slices.Reverse(r.Lines)
	again := NewReport(r.Lines)
	for i, a := range about {
		if again.Lines[i].ID != a.ID {
			t.Errorf("line %d is %s, want %s", i+1, again.Lines[i].ID, a.ID)
		}
	}
}

// A clock is judged by how far it is out, whichever way.
func TestClockLine(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		cause Cause
		word  string
	}{
		{200 * time.Millisecond, Good, "agrees"}, {-50 * time.Second, Good, "behind"}, {61 * time.Second, "off", "ahead of"}, {-5 * time.Minute, "off", "behind"},
		{301 * time.Second, Wrong, "ahead of"}, {-48 * time.Hour, Wrong, "2 days behind"},
	} {
		if l := clockLine(c.ahead); l.Cause != c.cause || !strings.Contains(l.What, c.word) {
			t.Errorf("%v: %s, %s", c.ahead, l.Cause, l.What)
		}
	}
}

// Of the log a bundle holds messages, numbers, times and plain words, of keys
// that are allowed.
func TestRecentLeavesOut(t *testing.T) {
	var out bytes.Buffer
	recent := Remember(slog.NewJSONHandler(&out, nil))
	log := slog.New(recent).With(logkey.School, "oakmere", logkey.Agent, "a1b2c3")
	log.Info("sealed", logkey.Sequence, 7, logkey.File, "/srv/secret", logkey.Error, "at /srv/secret", logkey.Address, "mis01:1433",
		logkey.Status, "words that are no word", logkey.Dataset, "contact", "surname", "Marchbanks", logkey.Until, time.Unix(1, 0).UTC())
	log.Debug("not wanted by the log")
	kept := recent.Last()
	if len(kept) != 1 {
		t.Fatalf("%d lines are remembered", len(kept))
	}
	text, err := json.Marshal(kept[0].With)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"agent":"a1b2c3","dataset":"contact","sequence":7,"until":"1970-01-01T00:00:01Z"}`; string(text) != want {
		t.Errorf("it holds %s, want %s", text, want)
	}
	if !strings.Contains(out.String(), "/srv/secret") {
		t.Error("the log itself lost something")
	}
	for range 2 * keptLines {
		log.Info("again")
	}
	if got := len(recent.Last()); got != keptLines {
		t.Errorf("%d lines are remembered, want %d", got, keptLines)
	}
}

// Of a setting that is not in the list a bundle says only where it comes from,
// and of one that the school names itself not even the name.
func TestSettingsOfABundle(t *testing.T) {
	got := settingsOf(config.Explained{
		{Key: "log.level", Value: "debug", Origin: "file /home/marchbanks/agent.yaml:3"},
		{Key: "log.format", Value: "/home/x y", Origin: "environment ROLLBRIDGE_LOG_FORMAT"},
		{Key: "mis.folder", Value: "/srv/marchbanks", Origin: "flag"},
		{Key: "mis.profile", Value: "/srv/marchbanks.yaml", Origin: "default"},
		{Key: "mis.profile", Value: "csv", Origin: "default"},
		{Key: "mis.api.names.marchbanks", Value: "x", Origin: "default"},
		{Key: "mis.datasets.kpi.drop", Value: "true", Origin: "default"},
		{Key: "mis.datasets.kpi.file", Value: "marchbanks.csv", Origin: "default"},
	})
	want := []setting{
		{"log.level", "file", "debug"}, {"log.format", "environment", ""}, {"mis.folder", "flag", ""}, {"mis.profile", "default", ""},
		{"mis.profile", "default", "csv"}, {"other", "default", ""}, {"mis.datasets.kpi.drop", "default", "true"}, {"mis.datasets.kpi.file", "default", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
