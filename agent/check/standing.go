package check

import (
	"fmt"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/school"
)

// How old things may be without a word.
const (
	waitsLong    = time.Hour
	waitsTooLong = 24 * time.Hour
	readLongAgo  = 4 * 24 * time.Hour // a bank holiday weekend
)

// standings are the states of a school that are worth more than a word.
var standings = map[school.State]struct {
	cause Cause
	what  string
}{
	school.NotEnrolled:     {"not_enrolled", "No school is enrolled here"},
	school.Enrolling:       {"enrolling", "The collector has not yet answered the enrolment"},
	school.Unconfirmed:     {"unconfirmed", "The operator has not yet confirmed the phrase"},
	school.PausedBySchool:  {"paused", "The school has paused"},
	school.RevokedBySchool: {"revoked", "The school has revoked"},
	school.Stopped:         {"stopped", "This agent was told to stop"},
}

// Stands says how a school stands; st is from the service, or from the directory.
func Stands(st school.Status) []Line {
	special, found := standings[st.State]
	if !found {
		return append([]Line{say(Standing, Good, "The school is enrolled, and nothing keeps it from sending")}, working(st)...)
	}
	what := special.what
	if st.Pause != nil && !st.Pause.Until.IsZero() {
		what += " until " + when(st.Pause.Until)
	}
	if st.RevokeWaits {
		what += "; the collector does not know of it yet, and is told as soon as it is reached"
	}
	line := say(Standing, special.cause, "%s", what).do(st.Next)
	if st.Agent == "" || st.State == school.Stopped {
		return append([]Line{line}, Skip("no school is active here", Queue, LastSync, Holds, Scope)...)
	}
	return append([]Line{line}, working(st)...)
}

// working says how the work of a school goes on.
func working(st school.Status) []Line {
	lines := []Line{queue(st), lastSync(st)}
	var stops []mis.Stop
	if st.LastRead != nil {
		stops = st.LastRead.Stops
	}
	for _, h := range st.Holds {
		what, do := school.HeldText(h, stops)
		lines = append(lines, say(Holds, "held", "Kept back: %s", what).of(string(h.Dataset)).do(do))
	}
	if len(st.Holds) == 0 {
		lines = append(lines, say(Holds, Good, "Nothing is kept back"))
	}
	for _, g := range st.NotGiven {
		l := say(Scope, "not_given", "%s (%s) asks for more of %s than the school allows; what is not allowed does not leave", g.Name, g.Authority, g.Dataset)
		if g.Denied {
			l = say(Scope, Good, "The school has said no to %s (%s) for %s, and what it said no to does not leave", g.Name, g.Authority, g.Dataset)
		}
		lines = append(lines, l.of(string(g.Dataset)).count(int64(len(g.Fields))))
	}
	if len(st.NotGiven) == 0 {
		lines = append(lines, say(Scope, Good, "The school allows what the authorities ask for"))
	}
	return lines
}

func queue(st school.Status) Line {
	if st.Waiting == 0 {
		return say(Queue, Good, "No batch waits for a receipt")
	}
	waited := now().Sub(st.Oldest)
	cause := Good
	switch {
	case st.Oldest.IsZero():
	case waited > waitsTooLong:
		cause = Old
	case waited > waitsLong:
		cause = "waiting"
	}
	number := fmt.Sprintf("%d batches wait", st.Waiting)
	if st.Waiting == 1 {
		number = "1 batch waits"
	}
	return say(Queue, cause, "%s for a receipt, the oldest for %s", number, span(waited)).count(int64(st.Waiting))
}

func lastSync(st school.Status) Line {
	switch r := st.LastRead; {
	case r == nil:
		return say(LastSync, "never", "The MIS was never read here")
	case r.Problem != "":
		return say(LastSync, Failed, "The read of the MIS on %s failed", when(r.Started)).do(r.Text)
	case now().Sub(r.Started) > readLongAgo:
		return say(LastSync, Old, "The MIS was last read %s ago", span(now().Sub(r.Started)))
	default:
		return say(LastSync, Good, "The MIS was last read on %s", when(r.Started))
	}
}
