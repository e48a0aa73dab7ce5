package school

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// tooFar is how wrong this computer's clock may be before it is a problem:
// well inside the ten minutes that a sync has.
const tooFar = 5 * time.Minute

// trust is what answers are checked against.
func (s *School) trust(f outbox.Facts) uplink.Trust {
	t := uplink.Trust{Root: f.Collector.Root, Agent: s.identity().Agent(), Generation: f.Generation,
		Serials: maps.Clone(f.Serials), LastHeard: f.LastHeard}
	if s.roster.Load() == nil && t.Serials[protocol.KindRoster] > 0 {
		t.Serials[protocol.KindRoster]-- // the newest one is taken again, and none before it
	}
	// What is stored was proved before; proving it again costs nothing and does
	// not rely on the file.
	if k, err := protocol.VerifyKeyring(f.Keyring, f.Collector.Root, 0); err == nil {
		t.Keyring = k
	}
	return t
}

// Post makes one attempt and obeys what is proved by the answer, whatever else
// the answer lacks. Messages go one at a time, and none after a revoke: one that
// is under way is broken off.
func (s *School) Post(ctx context.Context, r uplink.Request) (uplink.Heard, error) {
	s.wire.Lock()
	defer s.wire.Unlock()
	if err := s.revokedNow(); err != nil {
		return uplink.Heard{}, err
	}
	ctx, cancel := s.until(ctx, s.revokedNow)
	defer cancel()
	defer context.AfterFunc(s.ending, cancel)()
	facts, err := s.box.Facts()
	if err != nil {
		return uplink.Heard{}, err
	}
	client, err := s.client(facts.Collector)
	if err != nil {
		return uplink.Heard{}, err
	}
	if r.Key == nil && r.Frame == nil {
		r.Sender, r.Key = uplink.SenderOf(s.identity().Agent()), s.identity().Sign
	}
	if r.Frame == nil {
		if r.Counter, err = s.box.Counter(); err != nil {
			return uplink.Heard{}, fmt.Errorf("count the attempt: %w", err)
		}
	}
	h, postErr := client.Post(ctx, r, s.trust(facts))
	if err := s.obey(h); err != nil {
		return h, err
	}
	if postErr != nil {
		s.noteTrouble(postErr)
		return h, postErr
	}
	return h, s.noteWay(h)
}

// noteTrouble keeps what is in the way, for status: a command that runs later,
// in another process, has heard no answer itself. That it cannot be kept must
// not hide the trouble itself.
func (s *School) noteTrouble(why error) {
	var fault *uplink.Fault
	if !errors.As(why, &fault) {
		return
	}
	err := s.box.Update(func(f *outbox.Facts) error {
		t := outbox.Trouble{Since: clock.Now().UTC().Truncate(time.Second), Text: fault.Error()}
		if f.Trouble != nil {
			t.Since = f.Trouble.Since
		}
		f.Trouble = &t
		return nil
	})
	if err != nil {
		s.log.Warn("what is in the way to the collector could not be noted", logkey.Error, err.Error())
	}
}

// noteWay records what an answer shows about the way it came.
func (s *School) noteWay(h uplink.Heard) error {
	if h.Intercepted != "" {
		s.log.Warn("the secure connection is opened on the way by a certificate that this computer trusts")
	}
	return s.box.Update(func(f *outbox.Facts) error {
		f.Trouble = nil
		f.Unknown = h.Answer != nil && h.Answer.Kind == protocol.AnswerUnknown && f.Enrolled
		if h.Time.After(f.LastHeard) {
			f.LastHeard = h.Time
		}
		if !h.Time.IsZero() {
			setProblem(f, protocol.Problem{Code: protocol.ProblemClock}, h.Skew.Abs() > tooFar)
		}
		if h.TLSKnown {
			f.Intercepted = h.Intercepted
			setProblem(f, protocol.Problem{Code: protocol.ProblemIntercepted}, h.Intercepted != "")
		}
		setProblem(f, protocol.Problem{Code: protocol.ProblemKeyringExpired}, h.Expired)
		return nil
	})
}

// Checkin tells the collector that the agent is alive and how it is, and brings
// what is newer. It is sent during a pause and before a confirmation too.
func (s *School) Checkin(ctx context.Context) error {
	_, err := s.Try(ctx)
	return err
}

// Try is Checkin for who wants to know what was heard; of an error too, as far
// as anything was proved.
func (s *School) Try(ctx context.Context) (uplink.Heard, error) {
	h, err := s.tryCheckin(ctx)
	return h, errors.Join(s.endIfTold(), err)
}

// endIfTold destroys the agent's own state when the collector has said, signed
// by control, that the agreement is revoked or ended. The returned error says
// so; the School is closed then.
func (s *School) endIfTold() error {
	f, err := s.box.Facts()
	if err != nil || f.Refusal == nil || (f.Refusal.Reason != protocol.RefusalRevoked && f.Refusal.Reason != protocol.RefusalEnded) {
		return nil
	}
	if err := SetRevoked(s.dir, string(f.Refusal.Reason)); err != nil {
		return err
	}
	return errors.Join(refused(stoppedText(f.Refusal.Reason)), s.Revoke(context.Background(), false))
}

func (s *School) checkIn(ctx context.Context) error {
	_, err := s.tryCheckin(ctx)
	return err
}

func (s *School) tryCheckin(ctx context.Context) (uplink.Heard, error) {
	facts, err := s.box.Facts()
	if err != nil {
		return uplink.Heard{}, err
	}
	if !facts.Enrolled {
		h, _, err := s.askToEnrol(ctx)
		return h, err
	}
	head, err := s.box.Head()
	if err != nil {
		return uplink.Heard{}, err
	}
	waiting, err := s.box.Waiting()
	if err != nil {
		return uplink.Heard{}, err
	}
	posted, err := s.signed(protocol.DomainCheckin, s.checkin(facts, head, waiting), s.have(facts, s.trust(facts).Keyring))
	if err != nil {
		return uplink.Heard{}, err
	}
	h, err := s.Post(ctx, uplink.Request{Message: protocol.MessageCheckin, Body: posted})
	if err != nil {
		return h, err
	}
	s.log.Debug("checked in", logkey.Count, len(h.Statements))
	if h.Answer == nil {
		return h, nil
	}
	if h.Answer.Why == protocol.LaterCounter {
		if err := s.skipCounter(); err != nil {
			return h, err
		}
	}
	return h, s.notNow(*h.Answer)
}

// Enrol repeats the enrolment request, the same bytes each time, so that it is
// one request however often it arrives. received says that the collector has
// it; the decision may be among what it then knows.
func (s *School) Enrol(ctx context.Context) (received bool, err error) {
	_, received, err = s.askToEnrol(ctx)
	return received, err
}

func (s *School) askToEnrol(ctx context.Context) (h uplink.Heard, received bool, err error) {
	p, found, err := readEnrolment(s.dir)
	if err != nil {
		return h, false, err
	}
	if !found {
		return h, false, refused("no enrolment request is kept here: run `rollbridge-agent enrol CODE`")
	}
	frame, err := p.next()
	if err != nil {
		return h, false, err
	}
	if err := KeepEnrolment(s.dir, p); err != nil {
		return h, false, err
	}
	h, err = s.Post(ctx, uplink.Request{Message: protocol.MessageEnrol, Body: p.Message, Frame: frame})
	if err != nil {
		return h, false, err
	}
	if h.Answer != nil && h.Answer.Why != protocol.LaterWait {
		return h, false, CodeFault(*h.Answer)
	}
	return h, h.Receipt != nil || h.Answer != nil, nil
}

// ErrCode is returned for a code that can never be used on this machine.
var ErrCode = errors.New("this code cannot be used")

// CodeFault words what intake says of a code instead of a receipt.
func CodeFault(a protocol.Answer) error {
	switch {
	case a.Kind == protocol.AnswerUnknown:
		return fmt.Errorf("%w: %w", ErrCode, refused("the collector does not know it: ask the operator for a new code"))
	case a.Why == protocol.LaterExpired:
		return fmt.Errorf("%w: %w", ErrCode, refused("it is older than 72 hours, or was already used on another machine: ask the operator for a new code"))
	}
	return &Later{Why: a.Why, After: time.Duration(max(0, a.RetryAfter)) * time.Second}
}

func (s *School) checkin(f outbox.Facts, head envelope.Link, waiting int) protocol.Checkin {
	now := clock.Now().UTC().Truncate(time.Second)
	pause, paused := Paused(s.dir)
	problems := f.Problems
	if s.diskFull.Load() {
		problems = append(problems[:len(problems):len(problems)], protocol.Problem{Code: protocol.ProblemDiskFull, Since: now})
	}
	problems = append(problems[:len(problems):len(problems)], s.silentProblem(f, paused, waiting)...)
	c := protocol.Checkin{
		Agent: s.identity().Agent(), Generation: f.Generation, Time: now, Version: version.Version,
		Have: s.have(f, s.trust(f).Keyring), Head: head, Waiting: waiting,
		Paused: paused, PausedUntil: pause.Until, Problems: problems,
	}
	if s.program != nil {
		c.Update = s.program()
	}
	return c
}

func (s *School) have(f outbox.Facts, k protocol.Keyring) protocol.Have {
	h := protocol.Have{Epoch: k.Epoch, Serials: maps.Clone(f.Serials)}
	if s.roster.Load() == nil {
		delete(h.Serials, protocol.KindRoster)
	}
	return h
}

// signed makes the bytes of a message that the agent signs.
func (s *School) signed(d protocol.Domain, v any, h protocol.Have) ([]byte, error) {
	request, err := protocol.Sign(s.identity().Sign, d, v)
	if err != nil {
		return nil, err
	}
	return protocol.MarshalLine(protocol.Posted{Request: request, Have: h})
}
