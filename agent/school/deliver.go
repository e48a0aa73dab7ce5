package school

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/outbox"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// errNeedsFull ends a delivery whose queue is of no use to the collector: only
// a new, full batch helps.
var errNeedsFull = &Fault{Kind: Unreachable, Text: "the collector needs everything again: the next sync sends a full batch"}

// errKeptBack ends a delivery of what the school has denied since it was sealed.
var errKeptBack = &Fault{Kind: Refused, Text: "the school has denied something that is in the queue, so nothing of the queue is sent: the next sync takes it back and sends what may still leave"}

// A Later is the collector's signed "not now": nothing is lost, and the same
// batch is sent again.
type Later struct {
	Why string
	// After is how long the collector asks to wait, 0 if it does not say.
	After time.Duration
}

// Error says what is going on, for people.
func (l *Later) Error() string {
	switch l.Why {
	case protocol.LaterBusy:
		return "the collector is busy: the batch waits in the queue and is sent again"
	case protocol.LaterWait:
		return "the collector has not yet decided the enrolment: the batch waits in the queue"
	case protocol.LaterChain, protocol.LaterCounter:
		return "the collector has heard more from this agent than this machine has sent (was it restored from a backup, or copied?): the batch waits in the queue until the collector's operator side has decided; look at `rollbridge-agent status` in a few minutes"
	case protocol.LaterRefused:
		return "the collector takes nothing from this agent any more: see `rollbridge-agent status`"
	case protocol.LaterTooLarge, protocol.LaterBad:
		return "the collector does not understand this batch: tell its operator, with the version of this program; the batch waits in the queue"
	}
	return "the collector cannot take the batch now: it waits in the queue and is sent again"
}

// maxRewinds bounds how often one delivery follows a collector back.
const maxRewinds = 3

// Deliver posts what has no receipt, oldest first, until the queue is empty or
// something is in the way, and says how many batches got a receipt. It keeps
// quiet during a pause and while the keyring has expired.
func (s *School) Deliver(ctx context.Context) (delivered int, err error) {
	for rewinds := 0; rewinds <= maxRewinds; {
		facts, err := s.box.Facts()
		if err != nil {
			return delivered, err
		}
		if err := s.maySend(facts); err != nil {
			return delivered, err
		}
		if facts.KeptBack {
			return delivered, errKeptBack
		}
		item, found, err := s.box.Next()
		if err != nil || !found {
			return delivered, err
		}
		if err := s.box.Attempted(item.Link); err != nil {
			return delivered, err
		}
		h, err := s.Post(ctx, uplink.Request{Message: protocol.MessageBatch, Body: item.Envelope, Generation: facts.Generation, Sequence: item.Sequence})
		if err != nil {
			return delivered, err
		}
		if h.Receipt != nil {
			if err := s.received(item, h); err != nil {
				return delivered, err
			}
			delivered++
			continue
		}
		if h.Answer == nil { // the keyring has expired
			continue
		}
		again, err := s.answered(item, *h.Answer)
		if !again {
			return delivered, err
		}
		rewinds++
	}
	return delivered, &Later{Why: protocol.LaterBusy}
}

// maySend says why nothing may be sent now.
func (s *School) maySend(f outbox.Facts) error {
	if err := errors.Join(s.standing(f), s.pausedNow()); err != nil {
		return err
	}
	if s.trust(f).Keyring.Expired(clock.Now()) {
		return refused("the collector's list of keys has expired, so batches are sealed and wait: tell the operator (`rollbridge-collector key` has what to do), or set this computer's clock right")
	}
	return nil
}

func (s *School) received(item outbox.Item, h uplink.Heard) error {
	if err := s.box.Receipted(item.Link, h.ReceiptSigned); err != nil {
		return fmt.Errorf("keep the receipt: %w", err)
	}
	s.stalled.Store(false)
	s.log.Info("batch received by the collector", logkey.Event, event.Received, logkey.Sequence, item.Sequence, logkey.Bytes, item.Size)
	return nil
}

// answered deals with what intake says instead of a receipt. again says that
// the queue has been put in order and can be tried at once.
func (s *School) answered(item outbox.Item, a protocol.Answer) (again bool, err error) {
	switch {
	case a.Kind == protocol.AnswerStaleKey:
		return false, s.staleKey(item)
	case a.Kind == protocol.AnswerLater && a.Why == protocol.LaterChain:
		return s.follow(a)
	case a.Kind == protocol.AnswerLater && a.Why == protocol.LaterCounter:
		return true, s.skipCounter()
	default:
		return false, s.notNow(a)
	}
}

// skipCounter moves well past the numbers that a copy of this agent may have
// used since this one was restored: a number that does not rise hides from the
// collector what it needs to decide between the two.
func (s *School) skipCounter() error {
	for range 1024 {
		if _, err := s.box.Counter(); err != nil {
			return err
		}
	}
	return nil
}

const unknownText = "the collector does not know this agent (it may have been restored from an old copy): ask the operator for a new code and run `rollbridge-agent enrol CODE`; what is queued is kept until then, and everything is sent again afterwards"

// notNow turns an answer into an error for people and for the back-off.
func (s *School) notNow(a protocol.Answer) error {
	if a.Kind == protocol.AnswerUnknown {
		return refused(unknownText)
	}
	const longest = time.Hour
	return &Later{Why: a.Why, After: min(time.Duration(max(0, a.RetryAfter))*time.Second, longest)}
}

// staleKey counts only when control has signed a newer sealing key than the
// one that this batch is sealed to: intake cannot make an agent resend at will.
func (s *School) staleKey(item outbox.Item) error {
	facts, err := s.box.Facts()
	if err != nil {
		return err
	}
	e, err := envelope.Parse(item.Envelope)
	if err != nil {
		return fmt.Errorf("look at batch %d: %w", item.Sequence, err)
	}
	if e.Header.SealingKey == facts.SealingKey.ID {
		return &Later{Why: protocol.LaterBusy}
	}
	if err := s.box.NeedFull(outbox.FullStaleKey, nil); err != nil {
		return err
	}
	return errNeedsFull
}

// follow goes back to where the collector's chain stands. A head that this
// agent never sealed is a copy's, or this is an old copy: control decides.
func (s *School) follow(a protocol.Answer) (bool, error) {
	var head envelope.Link
	if a.Head != nil {
		head = *a.Head
	}
	known, err := s.box.Knows(head)
	if err != nil {
		return false, err
	}
	if !known {
		s.stalled.Store(true)
		return false, s.notNow(a)
	}
	kept, err := s.box.Rewind(head)
	if err != nil {
		return false, err
	}
	if !kept {
		if err := s.box.NeedFull(outbox.FullRestored, &head); err != nil {
			return false, err
		}
		return false, errNeedsFull
	}
	s.log.Info("the collector stands at an older batch; what follows is sent again", logkey.Sequence, head.Sequence)
	return true, nil
}
