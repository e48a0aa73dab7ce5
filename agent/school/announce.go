package school

import (
	"context"
	"log/slog"

	"rollbridge/agent/event"
	"rollbridge/agent/outbox"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// An announcer logs the events of a school when they begin and, for some, when
// they end. What stands at the first look is announced too: nobody else has told
// the log of this process.
type announcer struct {
	log *slog.Logger
	on  map[event.ID]bool
}

// A standing is what there is to announce now, each with its details.
type standing map[event.ID][]any

// lasting are the events that begin and last, in the order in which they are
// announced, with the words of the line and the event that ends them, if any.
var lasting = []struct {
	id    event.ID
	words string
	over  event.ID
	ended string
}{
	{event.Paused, "the school has paused", event.Resumed, "the pause has ended"},
	{event.DiskFull, "the disk is full: nothing is read until there is room", 0, ""},
	{event.ClockOff, "this computer's clock is wrong", 0, ""},
	{event.Opened, "a web filter opens the secure connection to the collector", 0, ""},
	{event.KeysOld, "the collector's list of keys has expired", 0, ""},
	{event.TooOld, "the collector needs a newer version of this program", 0, ""},
	{event.NoRight, "the MIS account lacks a right", 0, ""},
	{event.MISUnread, "the MIS could not be read", event.MISRead, "the MIS is read again"},
	{event.Held, "something is held back until a person has looked", 0, ""},
	{event.NotGiven, "more is asked than the school allows", 0, ""},
	{event.Silent, "nothing could be sent for a day", event.Flowing, "sending goes again"},
}

// tell logs what has begun and ended since the last time.
func (a *announcer) tell(now standing) {
	if a.on == nil {
		a.on = map[event.ID]bool{}
	}
	for _, l := range lasting {
		details, stands := now[l.id]
		switch {
		case stands && !a.on[l.id]:
			a.say(l.id, l.words, details)
		case !stands && a.on[l.id] && l.over != 0:
			a.say(l.over, l.ended, nil)
		}
		a.on[l.id] = stands
	}
}

func (a *announcer) say(id event.ID, words string, details []any) {
	e, _ := event.Of(id)
	a.log.Log(context.Background(), e.Level, words, append([]any{logkey.Event, id}, details...)...)
}

// problemEvents are the problems that are events as they are.
var problemEvents = map[protocol.ProblemCode]event.ID{
	protocol.ProblemRightMissing:   event.NoRight,
	protocol.ProblemHeld:           event.Held,
	protocol.ProblemScopeNotGiven:  event.NotGiven,
	protocol.ProblemIntercepted:    event.Opened,
	protocol.ProblemKeyringExpired: event.KeysOld,
	protocol.ProblemClock:          event.ClockOff,
}

// standingOf is what the facts say. Silence is asked for separately.
func standingOf(f outbox.Facts, paused, diskFull bool) standing {
	now := standing{}
	for _, p := range f.Problems {
		if id, is := problemEvents[p.Code]; is {
			var details []any
			if p.Dataset != "" {
				details = append(details, logkey.Dataset, string(p.Dataset))
			}
			if p.Count > 0 {
				details = append(details, logkey.Count, p.Count)
			}
			now[id] = details
		}
	}
	if r := f.LastRead; r != nil && r.Problem != "" && r.Problem != protocol.ProblemRightMissing {
		now[event.MISUnread] = []any{logkey.Reason, string(r.Problem), logkey.Error, r.Text}
	}
	if f.Refusal != nil && f.Refusal.Reason == protocol.RefusalUpgradeRequired {
		now[event.TooOld] = nil
	}
	if paused {
		now[event.Paused] = nil
	}
	if diskFull {
		now[event.DiskFull] = nil
	}
	return now
}

// known has an event count as announced, by an earlier process. Without standing
// its end is not announced either: nothing goes again because of a pause.
func (a *announcer) known(id event.ID, standing bool) {
	if a.on == nil {
		a.on = map[event.ID]bool{}
	}
	a.on[id] = standing
}

// announce tells the log how things stand.
func (s *School) announce(f outbox.Facts, paused bool, waiting int) {
	now := standingOf(f, paused, s.diskFull.Load())
	s.hush(f, paused, waiting, now)
	s.announcer.tell(now)
}
