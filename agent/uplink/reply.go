package uplink

import (
	"cmp"
	"slices"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// Trust is what an answer is checked against.
type Trust struct {
	// Root is the fingerprint from the enrolment code.
	Root protocol.Fingerprint
	// Keyring is the newest one held, zero before the first.
	Keyring protocol.Keyring
	// Agent is zero while only an offer is asked for.
	Agent      envelope.AgentID
	Generation uint32
	// Serials are the newest obeyed, by kind.
	Serials map[protocol.StatementKind]uint64
	// LastHeard is the newest time that the collector signed, zero for none.
	LastHeard time.Time
}

// A Statement is one that was proved, addressed to this agent and newer than
// the last of its kind.
type Statement struct {
	protocol.Statement
	Signed protocol.Signed
}

// Heard is what an answer proves. Everything else in it was left out.
type Heard struct {
	// Keyring is set if it is newer than the one held.
	Keyring       *protocol.Keyring
	KeyringSigned protocol.Signed
	// Statements are in the order in which they are to be obeyed.
	Statements []Statement
	// At most one of Receipt and Answer is set.
	Receipt       *protocol.Receipt
	ReceiptSigned protocol.Signed
	Answer        *protocol.Answer
	// Expired says that the keyring is over its time: only a newer keyring in
	// the answer was believed.
	Expired bool
	// Time is when the collector signed just now, zero if unknown.
	Time time.Time
	// Skew is how far this computer's clock is ahead of Time.
	Skew time.Duration
	// TLSKey is SHA-256 of the public key that was seen, TLSKnown whether the
	// collector's own key is known to compare with, Intercepted the issuer of a
	// certificate with another key (it is trusted, or nothing had been sent).
	TLSKey      []byte
	TLSKnown    bool
	Intercepted string
}

// sent is what an answer must name.
type sent struct {
	Request
	attempt envelope.Digest
	content envelope.Digest
}

// order is how statements build on one another: an agent learns that it is
// enrolled before its id key returns, what to seal to before what to send, and
// what became of batches before it is stopped.
var order = map[protocol.StatementKind]int{
	protocol.KindOffer: 1, protocol.KindEnrolled: 2, protocol.KindConfirmed: 3, protocol.KindSealingKey: 4,
	protocol.KindProvision: 5, protocol.KindRoster: 6, protocol.KindOutcome: 7, protocol.KindRefusal: 8,
}

// hear proves the parts of a reply: first the keyring, by the root key, then
// by its keys everything else. A part that does not prove itself is as if it
// had not come. The error is a *Fault if neither receipt nor answer is left.
func (t Trust) hear(reply protocol.Reply, s sent, now time.Time) (Heard, error) {
	var h Heard
	ring := t.Keyring
	if reply.Keyring != nil {
		k, err := protocol.VerifyKeyring(*reply.Keyring, t.Root, ring.Epoch)
		if err == nil && k.Epoch > ring.Epoch {
			ring, h.Keyring, h.KeyringSigned = k, &k, *reply.Keyring
		}
	}
	if ring.Epoch == 0 {
		return h, &Fault{Kind: NotCollector, Text: "it holds no keyring of the collector that the enrolment code names"}
	}
	if ring.Expired(now) {
		h.Expired = true
		// It may be this computer's clock that is wrong: when the answer to this very
		// message was signed is worth knowing, and nothing else of it is believed.
		r, _ := t.receipt(reply.Receipt, s, ring)
		h.timed(r, answer(reply.Answer, s, ring), s.Message, now)
		return h, nil
	}
	h.Statements = t.statements(reply.Statements, ring)
	h.Receipt, h.ReceiptSigned = t.receipt(reply.Receipt, s, ring)
	if h.Receipt == nil {
		h.Answer = answer(reply.Answer, s, ring)
	}
	if h.Answer == nil && h.Receipt == nil {
		return h, &Fault{Kind: NotCollector, Text: "nothing in it is signed for this message by the collector"}
	}
	h.timed(h.Receipt, h.Answer, s.Message, now)
	return h, nil
}

// timed notes when an answer was signed. The receipt of what is kept may be a
// repeat of an old one; from the future none is.
func (h *Heard) timed(r *protocol.Receipt, a *protocol.Answer, m protocol.Message, now time.Time) {
	switch {
	case a != nil:
		h.setTime(a.Time, now)
	case r != nil && (m == protocol.MessageCheckin || m == protocol.MessageOffer || r.Received.After(now)):
		h.setTime(r.Received, now)
	}
}

func (h *Heard) setTime(signed, now time.Time) {
	if !signed.IsZero() {
		h.Time, h.Skew = signed, now.Sub(signed)
	}
}

func (t Trust) statements(all []protocol.Signed, ring protocol.Keyring) []Statement {
	var fresh []Statement
	for _, s := range all {
		st, err := protocol.VerifyStatement(s, ring)
		if err != nil || order[st.Kind] == 0 || !st.Fresh(t.Agent, t.Generation, t.Serials[st.Kind]) {
			continue
		}
		fresh = append(fresh, Statement{Statement: st, Signed: s})
	}
	slices.SortStableFunc(fresh, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(order[a.Kind], order[b.Kind]), cmp.Compare(a.Serial, b.Serial))
	})
	return slices.CompactFunc(fresh, func(a, b Statement) bool { return a.Kind == b.Kind && a.Serial == b.Serial })
}

func (t Trust) receipt(s *protocol.Signed, sent sent, ring protocol.Keyring) (*protocol.Receipt, protocol.Signed) {
	var r protocol.Receipt
	if s == nil || protocol.Verify(*s, protocol.DomainReceipt, ring.Intake, &r) != nil {
		return nil, protocol.Signed{}
	}
	batch := sent.Message == protocol.MessageBatch
	switch {
	case r.Message != sent.Message, r.Digest != sent.content,
		!t.Agent.IsZero() && r.Agent != t.Agent && (sent.Message != protocol.MessageEnrol || !r.Agent.IsZero()),
		batch && (r.Sequence != sent.Sequence || r.Generation != sent.Generation):
		return nil, protocol.Signed{}
	}
	return &r, *s
}

func answer(s *protocol.Signed, sent sent, ring protocol.Keyring) *protocol.Answer {
	var a protocol.Answer
	if s == nil || protocol.Verify(*s, protocol.DomainAnswer, ring.Intake, &a) != nil || a.Attempt != sent.attempt {
		return nil
	}
	switch a.Kind {
	case protocol.AnswerLater, protocol.AnswerStaleKey, protocol.AnswerUnknown:
		return &a
	}
	return nil
}
