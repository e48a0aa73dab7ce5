package status

import (
	"strings"
	"time"
)

// Facts is all that is known about one school and one session. Texts in it are printed: they must hold no pupil's data. A
// zero time means never, or not known.
type Facts struct {
	Now      time.Time
	Location *time.Location // the school's zone; nil is London
	Day      time.Time      // the date of the session, as it shows in its own zone; its time of day does not matter
	Session  Session
	// Clock is the session's own; zero is the default. A session that is neither AM nor PM gets the afternoon's, which asks
	// more of the data.
	Clock Clock

	// LastHeard is when the agent last spoke at all, DataAsAt the time for which the newest applied data of the school are
	// true. DataAsAt comes from the school's own clock: the caller limits it to the time at which the batch arrived, or a
	// clock that is fast would turn an early reading into the register.
	LastHeard, DataAsAt time.Time

	SetUp bool // an agent was enrolled at some time, even if it is gone now

	Stopped   bool
	StoppedAt time.Time
	StoppedBy string // a role such as "the head teacher"; empty is not printed
	// Withdrawn says that the school took its access back at its own system, since StoppedAt: nothing was revoked, and it may
	// give it again.
	Withdrawn bool

	// Paused ends by itself at PausedUntil; with a zero PausedUntil it has no known end.
	Paused                   bool
	PausedSince, PausedUntil time.Time

	ByPhone bool

	InSession bool
	Calendar  []Part // the calendar entry and its source, such as "Half term, from the school's calendar."

	Held      bool
	HeldSince time.Time
	HeldWhy   Part   // such as "31 of 33 children are missing from the file."
	HeldNext  []Part // what to do about it; none is the general advice
	HeldOwner Part   // who can release it, where that is known
}

// Verdict is the status of one school in one session.
type Verdict struct {
	Word Word
	// Since is when the word became true, zero where that is not known. For Received it is the time the data are true for.
	Since time.Time
	At    time.Time // the moment the verdict is true for: Now of the facts
	Owner string    // who acts
	Acts  Part      // the same for other languages
	// NextStep is a sentence or two with the times filled in, empty where there is nothing to do.
	NextStep string
	Parts    []Part // the sentences of NextStep, for other languages
}

// Decide finds the one word for a school and a session. The precedence is that of [Words]; the boundaries belong to what
// they begin: at exactly 9:45am a session is Late, at exactly 10:15am it is Not received.
func Decide(f Facts) Verdict {
	f = f.filled()
	w := f.word()
	v := Verdict{Word: w, At: f.Now, Acts: w.Acts(), Parts: f.nextStep(w), Since: f.since(w)}
	if w == Held && f.HeldOwner.English != "" {
		v.Acts = f.HeldOwner
	}
	v.Owner, v.NextStep = v.Acts.Words(f.Now, f.Location), f.words(v.Parts)
	return v
}

func defaultClock(s Session) Clock {
	if s == AM {
		return DefaultClocks()[AM]
	}
	return DefaultClocks()[PM]
}

func (f Facts) word() Word {
	for _, w := range words {
		if f.applies(w.Word) {
			return w.Word
		}
	}
	return Due
}

// HasRegister says whether the data are as at the register time of the session or later, whatever word comes before
// Received: a school that is held or paused since may have given its register before.
func (f Facts) HasRegister() bool { return f.filled().applies(Received) }

// PhoneTime is when the grace period of the session ends, from when on the authority phones.
func (f Facts) PhoneTime() time.Time {
	f = f.filled()
	return f.on(f.Clock.NotReceived)
}

// filled are the facts with the school's zone and times, where none were given the usual ones.
func (f Facts) filled() Facts {
	if f.Location == nil {
		f.Location = london
	}
	if f.Clock == (Clock{}) {
		f.Clock = defaultClock(f.Session)
	}
	return f
}

// applies says whether a word is true of the facts, whatever comes before it.
func (f Facts) applies(w Word) bool {
	switch w {
	case Stopped:
		return f.Stopped || f.Withdrawn
	case Paused:
		return f.Paused && (f.PausedUntil.IsZero() || f.Now.Before(f.PausedUntil))
	case ByPhone:
		return f.ByPhone
	case NotSetUp:
		return !f.SetUp
	case NotInSession:
		return !f.InSession
	case Held:
		return f.Held
	case Received:
		return !f.DataAsAt.IsZero() && !f.asAt().Before(f.on(f.Clock.Register))
	case NotReceived:
		return !f.Now.Before(f.on(f.Clock.NotReceived))
	case Late:
		return !f.Now.Before(f.on(f.Clock.Late))
	}
	return true
}

// asAt is DataAsAt, but never in the future: data cannot be true for a time that has not come.
func (f Facts) asAt() time.Time {
	if f.DataAsAt.After(f.Now) {
		return f.Now
	}
	return f.DataAsAt
}

// on is the moment of a clock time on the day of the session.
func (f Facts) on(d time.Duration) time.Time { return at(f.Day, d, f.Location) }

func (f Facts) since(w Word) time.Time {
	switch w {
	case Stopped:
		return f.StoppedAt
	case Paused:
		return f.PausedSince
	case NotInSession, Due:
		return f.on(0)
	case Held:
		return f.HeldSince
	case Received:
		return f.asAt()
	case NotReceived:
		return f.on(f.Clock.NotReceived)
	case Late:
		return f.on(f.Clock.Late)
	}
	return time.Time{}
}

// nextStep is the next step of a word with what is known filled in.
func (f Facts) nextStep(w Word) []Part {
	switch w {
	case Stopped:
		return append(f.stopped(), w.Next())
	case Paused:
		return []Part{f.until(), say("paused-phone", nil)}
	case NotInSession:
		return f.calendar()
	case Held:
		switch {
		case f.HeldWhy.English == "":
			return []Part{w.Next()}
		case len(f.HeldNext) == 0:
			return []Part{f.HeldWhy, w.Next()}
		}
		return append([]Part{f.HeldWhy}, f.HeldNext...)
	case NotReceived:
		return []Part{w.Next(), f.lastHeard()}
	case Late:
		return []Part{say("late", moment("After", f.on(f.Clock.NotReceived)))}
	case Due:
		return []Part{say("due", moment("By", f.on(f.Clock.Late)))}
	case Received:
		return nil
	}
	return []Part{w.Next()}
}

// words joins parts in English.
func (f Facts) words(parts []Part) string {
	texts := make([]string, len(parts))
	for i, p := range parts {
		texts[i] = p.Words(f.Now, f.Location)
	}
	return strings.Join(texts, " ")
}

func moment(name string, t time.Time) map[string]Value { return map[string]Value{name: {Time: t}} }

// calendar says why no register is expected, as far as it is known.
func (f Facts) calendar() []Part {
	switch {
	case len(f.Calendar) > 0:
		return f.Calendar
	case f.Day.Weekday() == time.Saturday:
		return []Part{say("weekend-sat", nil)}
	case f.Day.Weekday() == time.Sunday:
		return []Part{say("weekend-sun", nil)}
	}
	return nil
}

// stopped says when and by whom, as far as it is known: "Stopped Thu 12 Nov by the head teacher."
func (f Facts) stopped() []Part {
	values := map[string]Value{"Day": {Time: f.StoppedAt, Day: true}, "By": {Text: f.StoppedBy}}
	switch {
	case !f.Stopped:
		return []Part{say("withdrawn", values)}
	case f.StoppedAt.IsZero() && f.StoppedBy == "":
		return nil
	case f.StoppedBy == "":
		return []Part{say("stopped-when", values)}
	case f.StoppedAt.IsZero():
		return []Part{say("stopped-by", values)}
	}
	return []Part{say("stopped", values)}
}

// until says when a pause ends: a pause to midnight ends with a date, any other with a time too.
func (f Facts) until() Part {
	if f.PausedUntil.IsZero() {
		return say("paused-open", nil)
	}
	end := f.PausedUntil.In(f.Location)
	return say("paused-until", map[string]Value{"Until": {Time: end, Day: end.Equal(at(end, 0, f.Location))}})
}

// lastHeard is "at 8:58am", or "on Fri 20 Nov at 3:10pm" before today.
func (f Facts) lastHeard() Part {
	switch {
	case f.LastHeard.IsZero():
		return say("heard-never", nil)
	case sameDay(f.LastHeard.In(f.Location), f.Now.In(f.Location)):
		return say("heard-today", moment("At", f.LastHeard))
	}
	return say("heard-before", moment("At", f.LastHeard))
}
