package uplink

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func TestReceipt(t *testing.T) {
	c := newCollector(t, good)
	a := c.agent(Route{Roots: c.pool()})
	h, err := a.post(t)
	if err != nil || h.Receipt == nil || h.Receipt.Sequence != 7 || h.ReceiptSigned.IsZero() {
		t.Fatalf("%+v, %v", h, err)
	}
	if h.Intercepted != "" || !h.TLSKnown {
		t.Errorf("the collector's own key is taken for an interception: %+v", h)
	}
	if _, err := a.post(t); err != nil {
		t.Fatal(err)
	}
	first, second := c.frames[0], c.frames[1]
	if err := second.Verify(a.key.Public().(ed25519Public)); err != nil {
		t.Error(err)
	}
	if second.Counter <= first.Counter || second.Nonce == first.Nonce || second.Digest() == first.Digest() {
		t.Error("the second try is not a new attempt")
	}
}

// Each of these is an answer of somebody who may not give it, or to something
// else. None may be believed.
func TestHostileAnswers(t *testing.T) {
	var earlier *protocol.Signed
	receiptWith := func(change func(*protocol.Receipt)) func(*collector, http.ResponseWriter, *protocol.Frame) {
		return func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			r := c.receipt(f)
			change(&r)
			send(c.t, w, protocol.Reply{Receipt: c.sign(c.intake, protocol.DomainReceipt, r)})
		}
	}
	for name, answer := range map[string]func(*collector, http.ResponseWriter, *protocol.Frame){
		"receipt for another digest":     receiptWith(func(r *protocol.Receipt) { r.Digest[0] ^= 1 }),
		"receipt for another agent":      receiptWith(func(r *protocol.Receipt) { r.Agent[0] ^= 1 }),
		"receipt for another sequence":   receiptWith(func(r *protocol.Receipt) { r.Sequence++ }),
		"receipt for another generation": receiptWith(func(r *protocol.Receipt) { r.Generation++ }),
		"receipt for another message":    receiptWith(func(r *protocol.Receipt) { r.Message = protocol.MessageCheckin }),
		"receipt signed by control": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			send(c.t, w, protocol.Reply{Receipt: c.sign(c.control, protocol.DomainReceipt, c.receipt(f))})
		},
		"receipt in the domain of answers": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			send(c.t, w, protocol.Reply{Receipt: c.sign(c.intake, protocol.DomainAnswer, c.receipt(f))})
		},
		"answer to another attempt": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			if earlier == nil {
				earlier = c.sign(c.intake, protocol.DomainAnswer, protocol.Answer{Kind: protocol.AnswerUnknown, Attempt: envelope.Digest(sha256.Sum256(nil))})
			}
			send(c.t, w, protocol.Reply{Answer: earlier})
		},
		"answer of a kind that intake may not give": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			send(c.t, w, protocol.Reply{Answer: c.sign(c.intake, protocol.DomainAnswer, protocol.Answer{Kind: "revoked", Attempt: f.Digest()})})
		},
		"statement signed by intake": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			st := protocol.Statement{Kind: protocol.KindRefusal, Agent: envelope.AgentID(f.Sender), Serial: 9, Body: json.RawMessage(`{"reason":"revoked"}`)}
			send(c.t, w, protocol.Reply{Statements: []protocol.Signed{*c.sign(c.intake, protocol.DomainStatement, st)}})
		},
		"keyring of a lower epoch": func(c *collector, w http.ResponseWriter, _ *protocol.Frame) {
			send(c.t, w, protocol.Reply{Keyring: c.sign(c.root, protocol.DomainKeyring, c.keyring(2, time.Now().Add(time.Hour)))})
		},
		"keyring of another root": func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			other := *c
			other.root = key(c.t)
			send(c.t, w, protocol.Reply{Keyring: other.sign(other.root, protocol.DomainKeyring, other.keyring(9, time.Now().Add(time.Hour))),
				Receipt: c.sign(other.root, protocol.DomainReceipt, c.receipt(f))})
		},
		"keyring signed by intake": func(c *collector, w http.ResponseWriter, _ *protocol.Frame) {
			send(c.t, w, protocol.Reply{Keyring: c.sign(c.intake, protocol.DomainKeyring, c.keyring(9, time.Now().Add(time.Hour)))})
		},
		"an empty reply": func(c *collector, w http.ResponseWriter, _ *protocol.Frame) { send(c.t, w, protocol.Reply{}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, answer)
			h, err := c.agent(Route{Roots: c.pool()}).post(t)
			wantFault(t, h, err, NotCollector)
		})
	}
}

// A receipt that does not count must not drag down the statements beside it,
// which are signed by themselves.
func TestStatements(t *testing.T) {
	c := newCollector(t, nil)
	a := c.agent(Route{Roots: c.pool()})
	a.trust.Serials[protocol.KindOutcome] = 4
	statement := func(kind protocol.StatementKind, to envelope.AgentID, serial uint64, generation uint32) protocol.Signed {
		return *c.sign(c.control, protocol.DomainStatement, protocol.Statement{Kind: kind, Agent: to, Serial: serial, Generation: generation, Body: json.RawMessage(`{}`)})
	}
	other := a.trust.Agent
	other[0] ^= 1
	c.answer = func(_ *collector, w http.ResponseWriter, f *protocol.Frame) {
		send(t, w, protocol.Reply{Statements: []protocol.Signed{
			statement(protocol.KindRefusal, a.trust.Agent, 5, 1),
			statement(protocol.KindOutcome, a.trust.Agent, 6, 1),
			statement(protocol.KindOutcome, a.trust.Agent, 5, 1),
			statement(protocol.KindOutcome, a.trust.Agent, 4, 1), // obeyed before
			statement(protocol.KindOutcome, other, 7, 1),         // another agent's
			statement(protocol.KindOutcome, a.trust.Agent, 8, 2), // another generation's
			statement(protocol.KindOutcome, envelope.AgentID{}, 9, 1),
			statement(protocol.KindSealingKey, envelope.AgentID{}, 1, 0),
			statement("widen", a.trust.Agent, 99, 1),
		}})
	}
	h, err := a.post(t)
	if err == nil {
		t.Error("an answer without a receipt passes")
	}
	var got []string
	for _, s := range h.Statements {
		got = append(got, string(s.Kind)+string(rune('0'+s.Serial)))
	}
	if want := "sealing_key1 outcome5 outcome6 refusal5"; strings.Join(got, " ") != want {
		t.Errorf("obeyed %v, want %s", got, want)
	}
}

func TestNewKeyringCountsAtOnce(t *testing.T) {
	c := newCollector(t, func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
		c.intake = key(c.t)
		ring := c.keyring(4, time.Now().Add(time.Hour))
		send(c.t, w, protocol.Reply{Keyring: c.sign(c.root, protocol.DomainKeyring, ring),
			Receipt: c.sign(c.intake, protocol.DomainReceipt, c.receipt(f))})
	})
	h, err := c.agent(Route{Roots: c.pool()}).post(t)
	if err != nil || h.Receipt == nil || h.Keyring == nil || h.Keyring.Epoch != 4 || h.KeyringSigned.IsZero() {
		t.Fatalf("%+v, %v", h, err)
	}
}

// By an expired keyring nothing is believed but a newer keyring.
func TestExpiredKeyring(t *testing.T) {
	c := newCollector(t, good)
	c.ring = c.keyring(3, time.Now().Add(-time.Minute))
	a := c.agent(Route{Roots: c.pool()})
	h, err := a.post(t)
	if err != nil || !h.Expired || h.Receipt != nil {
		t.Fatalf("%+v, %v", h, err)
	}
	c.answer = func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
		send(c.t, w, protocol.Reply{Keyring: c.sign(c.root, protocol.DomainKeyring, c.keyring(4, time.Now().Add(time.Hour))),
			Receipt: c.sign(c.intake, protocol.DomainReceipt, c.receipt(f))})
	}
	if h, err = a.post(t); err != nil || h.Expired || h.Receipt == nil || h.Keyring == nil {
		t.Errorf("a newer keyring does not help: %+v, %v", h, err)
	}
}

func TestAnswers(t *testing.T) {
	head := envelope.Link{Sequence: 3, Digest: envelope.Digest{1}}
	for _, want := range []protocol.Answer{
		{Kind: protocol.AnswerLater, Why: protocol.LaterChain, Head: &head},
		{Kind: protocol.AnswerLater, Why: protocol.LaterBusy, RetryAfter: 60},
		{Kind: protocol.AnswerStaleKey},
		{Kind: protocol.AnswerUnknown},
	} {
		c := newCollector(t, func(c *collector, w http.ResponseWriter, f *protocol.Frame) {
			a := want
			a.Attempt, a.Time = f.Digest(), time.Now().Add(-3*time.Hour)
			send(c.t, w, protocol.Reply{Answer: c.sign(c.intake, protocol.DomainAnswer, a)})
		})
		h, err := c.agent(Route{Roots: c.pool()}).post(t)
		if err != nil || h.Answer == nil || h.Answer.Kind != want.Kind || h.Answer.Why != want.Why || h.Answer.RetryAfter != want.RetryAfter {
			t.Errorf("%+v: %+v, %v", want, h.Answer, err)
		}
		if h.Skew < 179*time.Minute || h.Skew > 181*time.Minute {
			t.Errorf("the clock's lead is %s, want 3 h", h.Skew)
		}
	}
}

// Before the first keyring an answer must bring one of the root that the code
// names.
func TestFirstKeyring(t *testing.T) {
	c := newCollector(t, good)
	a := c.agent(Route{Roots: c.pool()})
	a.trust.Keyring = protocol.Keyring{}
	h, err := a.post(t)
	wantFault(t, h, err, NotCollector)
}

func TestPresignedFrame(t *testing.T) {
	c := newCollector(t, good)
	a := c.agent(Route{Roots: c.pool()})
	attempt := protocol.Attempt{Message: protocol.MessageBatch, Sender: SenderOf(a.trust.Agent), Counter: 41, Time: time.Now()}
	h, err := a.client.Post(t.Context(), Request{Message: protocol.MessageBatch, Body: batch, Frame: attempt.Encode(batch, a.key), Generation: 1, Sequence: 7}, a.trust)
	if err != nil || h.Receipt == nil || c.frames[0].Counter != 41 {
		t.Errorf("%+v, %v", h, err)
	}
}
