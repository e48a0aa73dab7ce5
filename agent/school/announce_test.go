package school

import (
	"bytes"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/event"
	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
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
