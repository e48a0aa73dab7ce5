package intake

import (
	"encoding/json"

	"rollbridge/collector/inbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// posted decodes the content of every message but batch; false if it is not
// one.
func (x *exchange) posted() (protocol.Posted, bool) {
	var p protocol.Posted
	err := json.Unmarshal(x.frame.Body, &p)
	return p, err == nil && !p.Request.IsZero()
}

// checkin keeps the newest sign of life and brings what is newer than what the
// agent has.
func (x *exchange) checkin(a agent) (*protocol.Reply, error) {
	p, ok := x.posted()
	var c protocol.Checkin
	if !ok || protocol.Verify(p.Request, protocol.DomainCheckin, []protocol.PublicKey{protocol.PublicKey(a.key)}, &c) != nil ||
		c.Agent != a.id || c.Generation != a.generation {
		return x.later(protocol.LaterBad, nil)
	}
	have := newest(p.Have, c.Have)
	if a.stopped() {
		reply, err := x.later(protocol.LaterRefused, nil)
		if err != nil {
			return nil, err
		}
		return reply, x.relay(reply, a.school, a.id, have)
	}
	r, err := x.Inbox.KeepCheckin(x.ctx, a.school, a.id, x.frame, x.whole, x.now)
	if err != nil {
		return nil, err
	}
	if r.Verdict == inbox.Replayed {
		reply, err := x.later(protocol.LaterCounter, nil)
		if err != nil {
			return nil, err
		}
		return reply, x.relay(reply, a.school, a.id, have)
	}
	x.count(r.Verdict)
	s, err := x.receipt(protocol.Receipt{Agent: a.id, Generation: a.generation, Digest: x.frame.Content})
	if err != nil {
		return nil, err
	}
	reply := &protocol.Reply{Receipt: &s}
	return reply, x.relay(reply, a.school, a.id, have)
}

// newest joins what the two parts of a message say its sender has.
func newest(a, b protocol.Have) protocol.Have {
	joined := protocol.Have{Epoch: max(a.Epoch, b.Epoch), Serials: map[protocol.StatementKind]uint64{}}
	for _, h := range []protocol.Have{a, b} {
		for k, n := range h.Serials {
			joined.Serials[k] = max(joined.Serials[k], n)
		}
	}
	return joined
}

// revoke keeps a school's last word, whatever has become of the agent: stop
// means stop, and a repeat gets its receipt. An agent that was revoked before it
// heard its generation says 0.
func (x *exchange) revoke(a agent) (*protocol.Reply, error) {
	p, ok := x.posted()
	var r protocol.Revoke
	if !ok || protocol.Verify(p.Request, protocol.DomainRevoke, []protocol.PublicKey{protocol.PublicKey(a.key)}, &r) != nil ||
		r.Agent != a.id || r.Generation != 0 && r.Generation != a.generation {
		return x.later(protocol.LaterBad, nil)
	}
	reply, _, err := x.request(a.school, a.id, x.frame.Counter)
	if err == nil {
		x.relayKeyring(reply, p.Have.Epoch)
	}
	return reply, err
}

// request keeps an enrolment or a revocation and answers with its receipt.
func (x *exchange) request(school string, id envelope.AgentID, counter uint64) (*protocol.Reply, inbox.Result, error) {
	receipt, err := x.storedReceipt(protocol.Receipt{Agent: id, Digest: x.frame.Content})
	if err != nil {
		return nil, inbox.Result{}, err
	}
	r, err := x.Inbox.KeepRequest(x.ctx, inbox.Request{
		School: school, Digest: x.frame.Content, Message: x.frame.Message, Sender: x.frame.Sender, Frame: x.whole,
		Counter: counter, Received: x.now, Receipt: receipt,
	})
	if err != nil {
		return nil, inbox.Result{}, err
	}
	x.count(r.Verdict)
	reply, err := receiptReply(r.Receipt)
	return reply, r, err
}
