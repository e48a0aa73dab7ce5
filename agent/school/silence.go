package school

import (
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/outbox"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// A Silence is that nothing could be sent for a day or longer.
type Silence struct {
	// Since is the newest receipt, or when batches began to be expected: the
	// enrolment, or the end of a pause.
	Since time.Time `json:"since"`
	// Cause is the problem behind it, "" for none of the list; Why is a sentence
	// for a person.
	Cause protocol.ProblemCode `json:"cause,omitempty"`
	Why   string               `json:"why"`
}

const (
	// silent is how long nothing may get through before somebody is told.
	silent = 24 * time.Hour
	// duly is how long after its time a sync may still succeed by itself.
	duly = time.Hour
	// settling is how long a service that has just started has to catch up: a
	// computer that was off over the weekend is no fault.
	settling = 30 * time.Minute
)

// expects says whether batches are to come now: the school is enrolled, and
// neither the school nor the collector has stopped them.
func expects(f outbox.Facts, paused bool) bool {
	return f.Enrolled && !paused && f.Refusal == nil && (!f.Wait || f.Confirmed)
}

// silence is that no batch got its receipt for a day although a sync was due,
// and why; nil while all is well, and while none is expected.
func (s *School) silence(f outbox.Facts, paused bool, waiting int) *Silence {
	if !expects(f, paused) || f.ExpectedFrom.IsZero() {
		return nil
	}
	since := f.ExpectedFrom
	if r := f.LastReceipt; r != nil && r.Received.After(since) {
		since = r.Received
	}
	minutes, err := s.set.Schedule.Minutes()
	if err != nil {
		return nil
	}
	now := clock.Now()
	due := Timetable{Minutes: minutes, Place: london}.Next(since)
	if now.Sub(since) < silent || now.Sub(due) < duly {
		return nil
	}
	q := &Silence{Since: since}
	q.Cause, q.Why = s.inTheWay(f, since, waiting)
	return q
}

// inTheWay is why nothing is sent: what a person must mend first comes first.
func (s *School) inTheWay(f outbox.Facts, since time.Time, waiting int) (protocol.ProblemCode, string) {
	failed, _ := s.failed.Load().(string)
	keys := s.trust(f).Keyring
	switch {
	case f.Unknown:
		return protocol.ProblemUnreachable, unknownText
	case s.diskFull.Load():
		return protocol.ProblemDiskFull, "the disk of the data directory is full"
	case !keys.Expires.IsZero() && keys.Expired(clock.Now()):
		return protocol.ProblemKeyringExpired, "the collector's list of keys has expired"
	case f.LastRead != nil && f.LastRead.Problem != "":
		return f.LastRead.Problem, f.LastRead.Text
	case f.Trouble != nil:
		return protocol.ProblemUnreachable, f.Trouble.Text
	case failed != "":
		return "", failed
	case waiting > 0:
		return protocol.ProblemUnreachable, "the collector was reached and has not taken what waits in the queue"
	}
	return "", "no sync was made: the service did not run, or this computer was off"
}

// catchingUp says whether the service has only just begun to.
func (s *School) catchingUp() bool { return clock.Now().Sub(s.opened).Abs() < settling }

// hush keeps in step with how things stand since when batches are expected, and
// announces a silence once, over restarts too.
func (s *School) hush(f outbox.Facts, paused bool, waiting int, now standing) {
	quiet := s.silence(f, paused, waiting)
	if quiet != nil && f.SilentSaid.IsZero() && s.catchingUp() {
		quiet = nil
	}
	expected, said := f.ExpectedFrom, time.Time{}
	switch {
	case !expects(f, paused):
		expected = time.Time{}
	case expected.IsZero():
		expected = whole(clock.Now())
	}
	if quiet != nil {
		said = quiet.Since
		now[event.Silent] = []any{logkey.Reason, string(quiet.Cause), logkey.Error, quiet.Why, logkey.Since, quiet.Since}
	}
	if !f.SilentSaid.IsZero() {
		s.announcer.known(event.Silent, expects(f, paused))
	}
	if expected.Equal(f.ExpectedFrom) && said.Equal(f.SilentSaid) || time.Now().Before(s.noteAgain) {
		return
	}
	err := s.box.Update(func(f *outbox.Facts) error {
		f.ExpectedFrom, f.SilentSaid = expected, said
		return nil
	})
	if err != nil { // as on a full disk: it is tried again, and must stop nothing
		s.noteAgain = time.Now().Add(time.Minute)
		s.log.Warn("how long nothing was sent could not be noted", logkey.Error, err.Error())
	}
}

// silentProblem is what a check-in says of a silence.
func (s *School) silentProblem(f outbox.Facts, paused bool, waiting int) []protocol.Problem {
	quiet := s.silence(f, paused, waiting)
	if quiet == nil || f.SilentSaid.IsZero() && s.catchingUp() {
		return nil
	}
	return []protocol.Problem{{Code: protocol.ProblemSilent, Cause: quiet.Cause, Since: whole(quiet.Since)}}
}
