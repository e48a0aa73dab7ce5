package intake

import (
	"fmt"

	"rollbridge/collector/database"
	"rollbridge/collector/inbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// batch answers an envelope whose attempt is proved. The header is believed
// only after the envelope's own signature.
func (x *exchange) batch(a agent) (*protocol.Reply, error) {
	if a.stopped() {
		return x.refused(a, 0)
	}
	e, err := envelope.Parse(x.frame.Body)
	if err != nil || e.Verify(a.key) != nil || e.Header.Generation != a.generation {
		return x.later(protocol.LaterBad, nil)
	}
	id := inbox.ID{School: a.school, Agent: a.id, Generation: a.generation, Sequence: e.Header.Sequence}
	if !x.signer.exists(e.Header.SealingKey, x.now) {
		return x.stale(e, id)
	}
	if a.state == statePending && a.reenrolled {
		return x.laterBeside(a, e, protocol.LaterWait, nil)
	}
	receipt, err := x.storedReceipt(protocol.Receipt{Agent: a.id, Generation: a.generation, Sequence: e.Header.Sequence, Digest: e.Digest()})
	if err != nil {
		return nil, err
	}
	r, err := x.Inbox.Keep(x.ctx, inbox.Batch{
		School: a.school, Header: e.Header, Digest: e.Digest(), Envelope: x.frame.Body, Frame: x.whole,
		Counter: x.frame.Counter, Received: x.now, Receipt: receipt, Pending: a.state == statePending,
	})
	if err != nil {
		return nil, err
	}
	x.count(r.Verdict)
	switch r.Verdict {
	case inbox.Stored, inbox.Repeated:
		reply, err := receiptReply(r.Receipt)
		if err == nil {
			x.relayKeyring(reply, e.Header.KeyringEpoch)
		}
		return reply, err
	case inbox.Enough:
		return x.laterBeside(a, e, protocol.LaterWait, nil)
	case inbox.Replayed:
		return x.laterBeside(a, e, protocol.LaterCounter, &r.Head)
	case inbox.Contradicts:
		if x.Kept != nil {
			x.Kept(x.frame.Message) // evidence for apply to look at
		}
		return x.laterBeside(a, e, protocol.LaterChain, &r.Head)
	default:
		return x.laterBeside(a, e, protocol.LaterChain, &r.Head)
	}
}

// laterBeside says later with the newest refusal beside it: control may have
// decided in the meantime what the agent has to do.
func (x *exchange) laterBeside(a agent, e *envelope.Envelope, why string, head *envelope.Link) (*protocol.Reply, error) {
	reply, err := x.later(why, head)
	if err != nil {
		return nil, err
	}
	x.relayKeyring(reply, e.Header.KeyringEpoch)
	return reply, x.relayRefusal(reply, a)
}

// refused answers an agent that control has ended.
func (x *exchange) refused(a agent, epoch uint32) (*protocol.Reply, error) {
	reply, err := x.later(protocol.LaterRefused, nil)
	if err != nil {
		return nil, err
	}
	x.relayKeyring(reply, epoch)
	return reply, x.relayRefusal(reply, a)
}

// stale answers a batch that nobody could open any more, unless it came in
// time and this is a repeat.
func (x *exchange) stale(e *envelope.Envelope, id inbox.ID) (*protocol.Reply, error) {
	var stored []byte
	err := x.DB.Read(x.ctx, func(tx *database.Tx) (err error) {
		stored, err = inbox.StoredReceipt(x.ctx, tx, id, e.Digest())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for a receipt: %w", err)
	}
	if stored != nil {
		x.count(inbox.Repeated)
		return receiptReply(stored)
	}
	reply, err := x.say(protocol.Answer{Kind: protocol.AnswerStaleKey})
	if err != nil {
		return nil, err
	}
	x.relayKeyring(reply, e.Header.KeyringEpoch)
	x.relaySealing(reply, protocol.Have{})
	return reply, nil
}
