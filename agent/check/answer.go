package check

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollbridge/agent/school"
	"rollbridge/agent/uplink"
	"rollbridge/shared/protocol"
)

// question asks the collector and proves its answer.
func (w *walk) question(ctx context.Context) {
	if w.why != "" {
		w.add(untried(Collector, w.why))
		w.clock(uplink.Heard{})
		return
	}
	limited, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	h, err := w.ask(limited)
	w.opened(h)
	w.clock(h)
	w.add(w.answered(h, err))
}

// replace changes the line of a thing.
func (w *walk) replace(l Line) {
	for i := range w.lines {
		if w.lines[i].ID == l.ID {
			w.lines[i] = l
		}
	}
}

// opened changes the line on TLS where the collector names another key than
// was seen.
func (w *walk) opened(h uplink.Heard) {
	issuer := h.Intercepted
	if !h.TLSKnown && h.Receipt == nil && w.way.Key != nil && string(w.way.Key) != string(w.seen.Key) {
		issuer = w.seen.Issuer // what came proves nothing, and came by another key than the collector's
	}
	if issuer == "" {
		return
	}
	w.replace(say(TLS, "opened", "Secure connections to %s are opened on the way by %s, which this computer trusts; what is sealed stays sealed", w.host, issuer).
		do(fmt.Sprintf("ask for %s to be exempted from inspection", w.host)))
}

// Limits of a clock: a sync has ten minutes, and from five on the agent tells
// the collector of it.
const (
	clockWrong = 5 * time.Minute
	clockOff   = time.Minute
)

// clock compares this computer's clock with what the collector signed just now,
// or at least with what it signed last: no time can come before that.
func (w *walk) clock(h uplink.Heard) {
	last := w.way.Trust.LastHeard
	switch behind := last.Sub(now()); {
	case !h.Time.IsZero():
		w.add(clockLine(h.Skew))
	case !last.IsZero() && behind > clockWrong:
		w.add(say(Clock, Wrong, "The clock of this computer is at least %s behind: it says %s, and the collector signed an answer at %s", span(behind), when(now()), when(last)).
			count(-int64(behind / time.Second)))
		for _, l := range w.lines {
			if l.ID == TLS && l.Cause == "dates" {
				w.replace(untried(TLS, "a certificate can be judged only by a clock that is right"))
			}
		}
	case w.why != "":
		w.add(untried(Clock, w.why))
	default:
		w.add(untried(Clock, "no answer of the collector says what time it is"))
	}
}

func clockLine(ahead time.Duration) Line {
	ahead = ahead.Round(time.Second)
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	cause := Good
	switch {
	case ahead.Abs() > clockWrong:
		cause = Wrong
	case ahead.Abs() > clockOff:
		cause = "off"
	}
	if ahead == 0 {
		return say(Clock, Good, "The clock of this computer agrees with the time that the collector signed")
	}
	return say(Clock, cause, "The clock of this computer is %s %s the time that the collector signed", span(ahead), word).count(int64(ahead / time.Second))
}

// clockIs says whether the clock was found to be wrong.
func (w *walk) clockIs(c Cause) bool {
	for _, l := range w.lines {
		if l.ID == Clock && l.Cause == c {
			return true
		}
	}
	return false
}

// answered says what the collector's answer means.
func (w *walk) answered(h uplink.Heard, err error) Line {
	fault, _ := errors.AsType[*uplink.Fault](err)
	later, _ := errors.AsType[*school.Later](err)
	unknown := h.Answer != nil && h.Answer.Kind == protocol.AnswerUnknown
	switch {
	case h.Expired && w.clockIs(Wrong):
		return untried(Collector, "its answer can be judged only by a clock that is right")
	case h.Expired:
		return say(Collector, "keys_expired", "The collector's list of keys has expired, by the clock of this computer")
	case errors.Is(err, school.ErrCode) && unknown:
		return say(Collector, "code_unknown", "The collector at %s answers, and does not know this code", w.address)
	case errors.Is(err, school.ErrCode):
		return say(Collector, "code_used", "The collector at %s answers, and takes this code no more: it is older than 72 hours, or was used on another computer", w.address)
	case unknown:
		return say(Collector, "unknown", "The collector at %s answers, and does not know this agent", w.address)
	case later != nil && later.Why != protocol.LaterWait:
		return say(Collector, "later", "The collector at %s answers, and asks to wait: %s", w.address, later.Error())
	case later != nil, err == nil:
		return say(Collector, Good, "The collector at %s answers, and its answer is proved by its signature", w.address)
	case fault != nil:
		return w.unproved(fault)
	}
	return say(Collector, "fault", "The collector at %s could not be asked: %s", w.address, oneLine(err.Error()))
}

func (w *walk) unproved(f *uplink.Fault) Line {
	cause, known := map[uplink.FaultKind]Cause{uplink.NotCollector: Other, uplink.Unavailable: "away", uplink.NoAnswer: Slow}[f.Kind]
	if !known {
		cause = "fault"
	}
	l := say(Collector, cause, "%s", sentence(f.Text))
	if cause != "away" {
		l = l.do(f.Hint)
	}
	return l
}
