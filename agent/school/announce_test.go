package school

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

var eventNumber = regexp.MustCompile(`event=(\d+)`)

// What begins is announced once, however long it lasts, and what has an end when
// that comes; what stands when the service starts is announced too.
func TestEventsAreAnnouncedWhenTheyBegin(t *testing.T) {
	var log bytes.Buffer
	a := announcer{log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, now := range []standing{
		{event.Held: nil}, {event.Held: nil}, {},
		{event.MISUnread: {"error", "the folder is not there"}, event.Paused: nil},
		{event.MISUnread: nil, event.Paused: nil, event.Silent: nil},
		{event.Held: nil}, {event.Held: nil}, {},
	} {
		a.tell(now)
	}
	var got []string
	for _, m := range eventNumber.FindAllStringSubmatch(log.String(), -1) {
		got = append(got, m[1])
	}
	if want := []string{"3300", "4001", "3000", "2100", "4002", "3001", "3300", "2101"}; !slices.Equal(got, want) {
		t.Errorf("announced %v, want %v:\n%s", got, want, log.String())
	}
	if !strings.Contains(log.String(), `level=ERROR msg="the MIS could not be read" event=3000 error="the folder is not there"`) {
		t.Errorf("the log is\n%s", log.String())
	}
	log.Reset()
	again := announcer{log: a.log}
	again.tell(standing{event.Held: nil})
	if !strings.Contains(log.String(), "event=3300") {
		t.Error("what stands when the service starts is not announced")
	}
}

func TestStandingOf(t *testing.T) {
	problems := func(codes ...protocol.ProblemCode) (f outbox.Facts) {
		for _, c := range codes {
			f.Problems = append(f.Problems, protocol.Problem{Code: c})
		}
		return f
	}
	unread := problems(protocol.ProblemMISDown)
	unread.LastRead = &outbox.ReadResult{Problem: protocol.ProblemMISDown, Text: "nobody answers"}
	right := problems(protocol.ProblemRightMissing)
	right.LastRead = &outbox.ReadResult{Problem: protocol.ProblemRightMissing}
	for name, c := range map[string]struct {
		facts        outbox.Facts
		paused, full bool
		want         []event.ID
	}{
		"all is well":                    {},
		"paused on a full disk":          {paused: true, full: true, want: []event.ID{event.DiskFull, event.Paused}},
		"the MIS is down":                {facts: unread, want: []event.ID{event.MISUnread}},
		"a right is missing":             {facts: right, want: []event.ID{event.NoRight}},
		"warnings are no event":          {facts: problems(protocol.ProblemWarnings, protocol.ProblemMISData)},
		"the program is too old":         {facts: outbox.Facts{Refusal: &protocol.Refusal{Reason: protocol.RefusalUpgradeRequired}}, want: []event.ID{event.TooOld}},
		"held, asked for more, filter":   {facts: problems(protocol.ProblemHeld, protocol.ProblemScopeNotGiven, protocol.ProblemIntercepted), want: []event.ID{event.NotGiven, event.Opened, event.Held}},
		"the clock and the list of keys": {facts: problems(protocol.ProblemClock, protocol.ProblemKeyringExpired), want: []event.ID{event.KeysOld, event.ClockOff}},
	} {
		var got []event.ID
		for id := range standingOf(c.facts, c.paused, c.full) {
			got = append(got, id)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A day without anything sent has a reason that a person can act on; less than
// a day is none.
func TestSilenceOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	day, less := now.Add(-24*time.Hour), now.Add(-24*time.Hour+time.Second)
	trouble := func(since time.Time) outbox.Facts {
		return outbox.Facts{Trouble: &outbox.Trouble{Since: since, Text: "the proxy could not be reached"}}
	}
	unread := func(code protocol.ProblemCode, since time.Time) outbox.Facts {
		return outbox.Facts{
			Problems: []protocol.Problem{{Code: code, Dataset: record.DatasetPupil, Since: since}},
			LastRead: &outbox.ReadResult{Problem: code, Text: "the file is missing"},
		}
	}
	partly := unread(protocol.ProblemMISData, day)
	partly.LastRead.Problem = "" // one pupil is unclear, the rest went
	for name, c := range map[string]struct {
		facts outbox.Facts
		want  string
	}{
		"all is well":                    {},
		"no way for a day":               {trouble(day), "the proxy could not be reached"},
		"no way for a little less":       {trouble(less), ""},
		"no MIS for a day":               {unread(protocol.ProblemMISDown, day), "the file is missing"},
		"no MIS for a little less":       {unread(protocol.ProblemMISDown, less), ""},
		"a pupil is unclear for a day":   {partly, ""},
		"the list of keys is old":        {unread(protocol.ProblemKeyringExpired, day), "the collector's list of keys has expired"},
		"a safety stop holds for a day":  {outbox.Facts{Problems: []protocol.Problem{{Code: protocol.ProblemHeld, Since: day}}}, ""},
		"asked for more for a whole day": {outbox.Facts{Problems: []protocol.Problem{{Code: protocol.ProblemScopeNotGiven, Since: day}}}, ""},
	} {
		got := silenceOf(c.facts, now)
		switch {
		case (got == nil) != (c.want == ""):
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		case got != nil && (got.Why != c.want || !got.Since.Equal(day)):
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}
