package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/inbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// An exchange is one message being answered. Its ctx lives as long as it does.
type exchange struct {
	*Handler
	ctx    context.Context
	signer signer
	// frame is the attempt's header only until load has read the rest.
	frame  *protocol.Frame
	whole  []byte // the frame's bytes
	now    time.Time
	tlsKey []byte
	// load reads the message once its sender is proved; release gives back the
	// memory it took.
	load    func() error
	release func()
}

// How long agents wait after later(busy), in seconds.
const (
	busyWait = 60
	fullWait = 600
)

// answer finds the answer to an attempt whose form is good; load reads what
// follows it. An error is a rejection, or that nothing could be signed.
func (x *exchange) answer(load func() error) (*protocol.Reply, error) {
	x.load, x.release = load, func() {}
	defer func() { x.release() }()
	reply, err := x.decide()
	var rejected *rejection
	if err == nil || errors.As(err, &rejected) {
		return reply, err
	}
	if errors.Is(err, context.Canceled) {
		return nil, &rejection{http.StatusServiceUnavailable, reasonCut, "the sender went away"}
	}
	if errors.Is(err, errBusy) || errors.Is(err, inbox.ErrTooMany) {
		return x.say(protocol.Answer{Kind: protocol.AnswerLater, Why: protocol.LaterBusy, RetryAfter: busyWait})
	}
	if errors.Is(err, inbox.ErrRange) {
		return x.later(protocol.LaterBad, nil)
	}
	wait := busyWait
	if errors.Is(err, database.ErrFull) || errors.Is(err, database.ErrReadOnly) {
		wait = fullWait
	}
	x.Log.Error("a message was not kept", logkey.Kind, string(x.frame.Message), logkey.Error, err.Error())
	return x.say(protocol.Answer{Kind: protocol.AnswerLater, Why: protocol.LaterBusy, RetryAfter: wait})
}

func (x *exchange) decide() (*protocol.Reply, error) {
	switch x.frame.Message {
	case protocol.MessageOffer, protocol.MessageEnrol:
		return x.fromCode()
	default:
		return x.fromAgent()
	}
}

// fromAgent checks sender and attempt, then the message by its kind.
func (x *exchange) fromAgent() (*protocol.Reply, error) {
	a, err := x.registry.agent(x.ctx, envelope.AgentID(x.frame.Sender))
	if errors.Is(err, errUnknown) {
		return x.unknown()
	}
	if err != nil {
		return nil, err
	}
	if err := x.frame.Verify(a.key); err != nil {
		return nil, notSigned()
	}
	if err := x.load(); err != nil {
		return nil, err
	}
	switch x.frame.Message {
	case protocol.MessageBatch:
		return x.batch(a)
	case protocol.MessageCheckin:
		return x.checkin(a)
	default:
		return x.revoke(a)
	}
}

func notSigned() *rejection {
	return &rejection{http.StatusForbidden, reasonSignature, "this message is not signed by the sender that it names"}
}

// say signs an answer to this attempt.
func (x *exchange) say(a protocol.Answer) (*protocol.Reply, error) {
	a.Attempt, a.Time = x.frame.Digest(), x.now
	s, err := protocol.Sign(x.signer.key, protocol.DomainAnswer, a)
	if err != nil {
		return nil, fmt.Errorf("sign answer: %w", err)
	}
	reason := a.Why
	if reason == "" {
		reason = string(a.Kind)
	}
	x.metrics.refused.WithLabelValues(reason).Inc()
	return &protocol.Reply{Answer: &s}, nil
}

func (x *exchange) later(why string, head *envelope.Link) (*protocol.Reply, error) {
	return x.say(protocol.Answer{Kind: protocol.AnswerLater, Why: why, Head: head})
}

// unknown answers without reading the message, so it is not known which
// keyring the sender has: it gets the newest, without which it might not be
// able to believe the answer.
func (x *exchange) unknown() (*protocol.Reply, error) {
	reply, err := x.say(protocol.Answer{Kind: protocol.AnswerUnknown})
	if err != nil {
		return nil, err
	}
	x.relayKeyring(reply, 0)
	return reply, nil
}

func (x *exchange) relayKeyring(reply *protocol.Reply, held uint32) {
	if x.signer.ring.Epoch > held {
		reply.Keyring = &x.signer.signed
	}
}

// receipt signs that this message is on durable storage; it is sent only once
// that is so.
func (x *exchange) receipt(r protocol.Receipt) (protocol.Signed, error) {
	r.Message, r.Received, r.TLSKey = x.frame.Message, x.now, x.tlsKey
	s, err := protocol.Sign(x.signer.key, protocol.DomainReceipt, r)
	if err != nil {
		return protocol.Signed{}, fmt.Errorf("sign receipt: %w", err)
	}
	return s, nil
}

// storedReceipt is the form in which receipts stand in the inbox.
func (x *exchange) storedReceipt(r protocol.Receipt) ([]byte, error) {
	s, err := x.receipt(r)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode receipt: %w", err)
	}
	return b, nil
}

func receiptReply(stored []byte) (*protocol.Reply, error) {
	var s protocol.Signed
	if err := json.Unmarshal(stored, &s); err != nil {
		return nil, fmt.Errorf("decode a stored receipt: %w", err)
	}
	return &protocol.Reply{Receipt: &s}, nil
}

// count notes what the inbox did with a message, and wakes apply.
func (x *exchange) count(v inbox.Verdict) {
	message := x.frame.Message
	switch v {
	case inbox.Stored:
		x.metrics.received.WithLabelValues(string(message)).Inc()
		if x.Kept != nil {
			x.Kept(message)
		}
	case inbox.Repeated:
		x.metrics.repeated.WithLabelValues(string(message)).Inc()
	}
}
