package intake_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func TestBatchGetsOneReceiptForEver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("pending", false) // a new agent's batches wait sealed
		batch := a.seal()
		frame := a.frame(protocol.MessageBatch, batch)
		first := w.post(protocol.MessageBatch, frame)
		r := first.mustReceipt(t)
		if r.Agent != a.id || r.Generation != 1 || r.Sequence != 1 || r.Digest != digestOf(batch) {
			t.Errorf("receipt %+v", r)
		}
		if n := w.count("SELECT COUNT(*) FROM inbox WHERE school = ? AND envelope = ?", school, batch); n != 1 {
			t.Errorf("%d rows hold the batch", n)
		}
		for name, again := range map[string][]byte{"replayed": frame, "a new attempt": a.frame(protocol.MessageBatch, batch)} {
			if got := w.post(protocol.MessageBatch, again); !bytes.Equal(got.raw, first.raw) {
				t.Errorf("%s: the answer is\n%s\nwant the first one's bytes\n%s", name, got.raw, first.raw)
			}
		}
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())).mustReceipt(t)
		if n := w.count("SELECT COUNT(*) FROM inbox"); n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
	})
}

func TestDamagedFrames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		batch := a.seal()
		good := a.frame(protocol.MessageBatch, batch)
		attempt := len(good) - len(batch)
		for i := range attempt { // every byte of the attempt header and its signature
			if i%7 != 0 && i != 4 {
				continue
			}
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			got := w.post(protocol.MessageBatch, bad)
			unknown := got.answer != nil && got.answer.Kind == protocol.AnswerUnknown // the sender's id
			if got.receipt != nil || (got.status == http.StatusOK && !unknown) {
				t.Errorf("byte %d changed: HTTP %d %s", i, got.status, got.raw)
			}
		}
		for i := attempt; i < len(good); i += 97 { // the content's digest is in the attempt
			bad := bytes.Clone(good)
			bad[i] ^= 1
			if got := w.post(protocol.MessageBatch, bad); got.status != http.StatusBadRequest {
				t.Errorf("byte %d changed: HTTP %d %s", i, got.status, got.raw)
			}
		}
		for _, n := range []int{0, 1, attempt - 1, attempt, attempt + 1, len(good) - 1} {
			if got := w.post(protocol.MessageBatch, good[:n]); got.status != http.StatusBadRequest {
				t.Errorf("cut to %d bytes: HTTP %d %s", n, got.status, got.raw)
			}
		}
		if got := w.post(protocol.MessageCheckin, good); got.status != http.StatusBadRequest {
			t.Errorf("a batch at the address of check-ins: HTTP %d", got.status)
		}
		if n := w.count("SELECT COUNT(*) FROM inbox"); n != 0 {
			t.Errorf("%d rows after damaged messages only", n)
		}
		w.post(protocol.MessageBatch, good).mustReceipt(t)
	})
}

// The agent's own disk may damage an envelope: the attempt is good then.
func TestDamagedEnvelopes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, other := w.agent("confirmed", false), w.agent("confirmed", false)
		batch := a.seal()
		bad := map[string][]byte{"empty": {}, "cut": batch[:len(batch)-1], "longer": append(bytes.Clone(batch), 0), "of another agent": other.seal()}
		for i := 0; i < len(batch); i += 61 {
			b := bytes.Clone(batch)
			b[i] ^= 4
			bad[fmt.Sprint("byte ", i)] = b
		}
		for name, b := range bad {
			if got := w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, b)); got.answer == nil || got.answer.Why != protocol.LaterBad {
				t.Errorf("%s: HTTP %d %s", name, got.status, got.raw)
			}
		}
		if n := w.count("SELECT COUNT(*) FROM inbox"); n != 0 {
			t.Errorf("%d rows after damaged envelopes only", n)
		}
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, batch)).mustReceipt(t)
	})
}

func TestOversized(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		for m, n := range map[protocol.Message]int{protocol.MessageBatch: protocol.MaxFrameBytes + 1, protocol.MessageCheckin: 200_000} {
			body := a.frame(m, make([]byte, n))
			if got := w.post(m, body); got.status != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: HTTP %d", m, got.status)
			}
			// Without a declared length the limit holds while it is read.
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.address+"/v1/"+string(m), struct{ *bytes.Reader }{bytes.NewReader(body)})
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = -1
			res, err := w.client.Do(req)
			if err != nil {
				continue // the server may hang up before all is sent
			}
			res.Body.Close()
			if res.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("%s without a length: HTTP %d", m, res.StatusCode)
			}
		}
		// The largest that is allowed is read.
		largest := a.frame(protocol.MessageBatch, make([]byte, envelope.MaxBytes))
		w.post(protocol.MessageBatch, largest).mustLater(t, protocol.LaterBad)
	})
}

func TestOrderOfBatches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		post := func(b []byte) answer { return w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, b)) }
		b1 := a.seal()
		h1 := a.head
		b2 := a.seal()
		h2 := a.head
		b3 := a.seal()
		h3 := a.head
		if head := post(b2).mustLater(t, protocol.LaterChain).Head; head == nil || *head != (envelope.Link{}) {
			t.Errorf("head %v before the first batch", head)
		}
		post(b1).mustReceipt(t)
		if head := post(b3).mustLater(t, protocol.LaterChain).Head; head == nil || *head != h1 {
			t.Errorf("head %v, want %v", head, h1)
		}
		early := a.frame(protocol.MessageBatch, b2)
		w.post(protocol.MessageCheckin, a.checkin(protocol.Have{})).mustReceipt(t)
		if head := w.post(protocol.MessageBatch, early).mustLater(t, protocol.LaterCounter).Head; head == nil || *head != h1 {
			t.Errorf("an attempt overtaken by a newer one: head %v, want %v", head, h1)
		}
		post(b2).mustReceipt(t)

		// A full batch that withdraws what was on the way.
		full := a.seal(func(h *envelope.Header) { h.Type, h.Withdrawn = envelope.TypeFull, []envelope.Link{h2, h3} })
		post(full).mustReceipt(t)
		post(b3).mustLater(t, protocol.LaterChain)
		stray := a.seal(func(h *envelope.Header) {
			h.Sequence, h.Type, h.Withdrawn = 9, envelope.TypeFull, []envelope.Link{{Sequence: 8, Digest: h2.Digest}}
		})
		post(stray).mustLater(t, protocol.LaterChain)
		if n := w.count("SELECT COUNT(*) FROM inbox"); n != 3 {
			t.Errorf("%d rows, want 3", n)
		}
	})
}

func TestCopyOfAnAgent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())).mustReceipt(t)
		start := a.head
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())).mustReceipt(t)
		ahead := a.head
		a.head = start
		frame := a.frame(protocol.MessageBatch, a.seal())
		got := w.post(protocol.MessageBatch, frame)
		if head := got.mustLater(t, protocol.LaterChain).Head; *head != ahead || len(got.reply.Statements) != 0 {
			t.Errorf("head %v and %d statements", head, len(got.reply.Statements))
		}
		if n := w.count("SELECT COUNT(*) FROM attempts WHERE conflict = ?", frame); n != 1 {
			t.Error("the evidence was not kept")
		}
		w.state(a.id, protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalSuperseded, Behind: &a.head})
		got = w.post(protocol.MessageBatch, frame)
		got.mustLater(t, protocol.LaterChain)
		if k := got.kinds(w); len(k) != 1 || k[0] != protocol.KindRefusal {
			t.Errorf("relayed %v, want the refusal", k)
		}
	})
}

func TestAgentsThatMayNotSend(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, state := range []string{"superseded", "revoked", "ended"} {
			a := w.agent(state, false)
			w.state(a.id, protocol.KindRefusal, protocol.Refusal{Reason: protocol.RefusalReason(state)})
			for name, got := range map[string]answer{
				"batch":    w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())),
				"check-in": w.post(protocol.MessageCheckin, a.checkin(protocol.Have{Epoch: 1, Serials: map[protocol.StatementKind]uint64{protocol.KindSealingKey: w.serial}})),
			} {
				got.mustLater(t, protocol.LaterRefused)
				if k := got.kinds(w); len(k) != 1 || k[0] != protocol.KindRefusal {
					t.Errorf("%s, %s: relayed %v, want the refusal", state, name, k)
				}
			}
			w.post(protocol.MessageRevoke, a.frame(protocol.MessageRevoke, a.revoke())).mustReceipt(t)
		}
		again := w.agent("pending", true)
		w.post(protocol.MessageBatch, again.frame(protocol.MessageBatch, again.seal())).mustLater(t, protocol.LaterWait)
		w.post(protocol.MessageCheckin, again.checkin(protocol.Have{})).mustReceipt(t)

		a := w.agent("confirmed", false)
		old := a.seal(func(h *envelope.Header) { h.Generation = 2 })
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, old)).mustLater(t, protocol.LaterBad)
		stranger := w.newSender(a.idOf)
		for _, m := range []protocol.Message{protocol.MessageBatch, protocol.MessageCheckin, protocol.MessageRevoke, protocol.MessageOffer, protocol.MessageEnrol} {
			got := w.post(m, stranger.frame(m, []byte("{}")))
			if got.answer == nil || got.answer.Kind != protocol.AnswerUnknown {
				t.Errorf("%s of a stranger: HTTP %d %s", m, got.status, got.raw)
			}
			if got.reply.Keyring == nil {
				t.Errorf("%s of a stranger who has no keyring: none came", m)
			}
		}
		impostor := w.newSender(a.idOf)
		impostor.id = a.id
		if got := w.post(protocol.MessageBatch, impostor.frame(protocol.MessageBatch, impostor.seal())); got.status != http.StatusForbidden {
			t.Errorf("an impostor: HTTP %d %s", got.status, got.raw)
		}
		if n := w.count("SELECT COUNT(*) FROM inbox"); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

func TestStaleSealingKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		kept := a.seal()
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, kept)).mustReceipt(t)
		old := w.made.Sealing
		gone := old.SealingKey
		gone.Destroyed = time.Now().Add(-time.Minute)
		w.exec("DELETE FROM statements")
		w.state(envelope.AgentID{}, protocol.KindSealingKey, gone)
		next, err := keys.NewSealing(t.TempDir(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w.state(envelope.AgentID{}, protocol.KindSealingKey, next.SealingKey)
		before := a.head
		var got answer
		await(t, func() bool { // intake may act on the old key for some seconds
			a.head = before
			got = w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal(func(h *envelope.Header) { h.Sequence += 5 })))
			return got.answer != nil && got.answer.Kind == protocol.AnswerStaleKey
		})
		if len(got.reply.Statements) != 1 {
			t.Fatalf("%d statements beside stale_key", len(got.reply.Statements))
		}
		st, err := protocol.VerifyStatement(got.reply.Statements[0], w.made.Keyring)
		var k protocol.SealingKey
		if err != nil || st.Decode(&k) != nil || k.ID != next.ID {
			t.Errorf("beside stale_key came %+v, %v", st, err)
		}
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, kept)).mustReceipt(t) // it came in time
		a.head, w.made.Sealing = before, next
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, a.seal())).mustReceipt(t)
	})
}

// 64 agents at once, each repeating itself: one row and one receipt each.
func TestConcurrentUploads(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wg sync.WaitGroup
		for range 64 {
			a := w.agent("confirmed", false)
			batch := a.seal()
			frames := [][]byte{a.frame(protocol.MessageBatch, batch), a.frame(protocol.MessageBatch, batch)}
			wg.Go(func() {
				var receipts [][]byte
				for _, f := range frames {
					if got := w.post(protocol.MessageBatch, f); got.receipt != nil {
						b, err := json.Marshal(got.reply.Receipt)
						if err != nil {
							t.Error(err)
						}
						receipts = append(receipts, b)
					} else {
						t.Errorf("HTTP %d %s", got.status, got.raw)
					}
				}
				if len(receipts) == 2 && !bytes.Equal(receipts[0], receipts[1]) {
					t.Error("two receipts for one batch")
				}
			})
		}
		wg.Wait()
		if n := w.count("SELECT COUNT(*) FROM inbox WHERE state = 'waiting' AND envelope IS NOT NULL"); n != 64 {
			t.Errorf("%d batches are stored, want 64", n)
		}
	})
}

func TestDatabaseAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.agent("confirmed", false)
		first := a.seal()
		w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, first)).mustReceipt(t)
		second := a.seal()
		w.inbox.Close() // nothing can be committed any more
		got := w.post(protocol.MessageBatch, a.frame(protocol.MessageBatch, second)).mustLater(t, protocol.LaterBusy)
		if got.RetryAfter <= 0 {
			t.Error("later(busy) does not say when to come again")
		}
		if w.refused(protocol.LaterBusy) != 1 {
			t.Error("later(busy) is not counted")
		}
		if log := w.log.String(); !strings.Contains(log, inbox.ErrClosed.Error()) || strings.Contains(log, school) {
			t.Errorf("log: %s", log)
		}
	})
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatal("what was awaited did not happen")
}
