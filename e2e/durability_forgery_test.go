package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"rollbridge/agent/delta"
	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A forger has a real agent's keys and state and posts by hand what the agent
// would not.
type forger struct {
	*world
	gateway *fault.Gateway
	id      *identity.Identity
	box     *outbox.Outbox
	book    *logbook.Book
	facts   outbox.Facts
	ring    protocol.Keyring
}

// forge opens the state of the agent, whose service is not running; close it
// before the agent's next command.
func forge(w *world, gateway *fault.Gateway) *forger {
	w.t.Helper()
	f := &forger{world: w, gateway: gateway}
	var err error
	f.id, err = identity.Load(w.agent.Dir)
	w.must(err)
	f.book, err = logbook.Open(w.agent.Dir, f.id.Logbook)
	w.must(err)
	f.box, err = outbox.Open(w.agent.Dir, f.book, outbox.Options{})
	w.must(err)
	f.facts, err = f.box.Facts()
	w.must(err)
	f.ring, err = protocol.VerifyKeyring(f.facts.Keyring, f.facts.Collector.Root, 0)
	w.must(err)
	return f
}

func (f *forger) close() {
	f.t.Helper()
	f.must(f.box.Close())
	f.must(f.book.Close())
}

// frame wraps content in a new attempt.
func (f *forger) frame(content []byte) []byte {
	f.t.Helper()
	counter, err := f.box.Counter()
	f.must(err)
	return f.attempt(protocol.MessageBatch, counter).Encode(content, f.id.Sign)
}

func (f *forger) attempt(m protocol.Message, counter uint64) protocol.Attempt {
	f.t.Helper()
	a := protocol.Attempt{Message: m, Sender: protocol.Sender(f.id.Agent()), Counter: counter, Time: time.Now()}
	_, err := rand.Read(a.Nonce[:])
	f.must(err)
	return a
}

// checkin asks for every statement there is.
func (f *forger) checkin() said {
	f.t.Helper()
	request, err := protocol.Sign(f.id.Sign, protocol.DomainCheckin, protocol.Checkin{
		Agent: f.id.Agent(), Generation: f.facts.Generation, Time: time.Now(),
	})
	f.must(err)
	content, err := json.Marshal(protocol.Posted{Request: request})
	f.must(err)
	counter, err := f.box.Counter()
	f.must(err)
	return f.send(protocol.MessageCheckin, f.attempt(protocol.MessageCheckin, counter).Encode(content, f.id.Sign))
}

// seal makes an envelope after previous with any plaintext.
func (f *forger) seal(kind envelope.Type, previous envelope.Link, plain []byte) ([]byte, envelope.Link) {
	f.t.Helper()
	key, err := envelope.ParsePublicKey(f.facts.SealingKey.Public)
	f.must(err)
	b, digest, err := envelope.Seal(envelope.Header{
		Type: kind, Agent: f.id.Agent(), Generation: f.facts.Generation, Sequence: previous.Sequence + 1, Previous: previous.Digest,
		KeyringEpoch: f.ring.Epoch, SealingKey: f.facts.SealingKey.ID, Time: time.Now(),
	}, plain, key, f.id.Sign)
	f.must(err)
	return b, envelope.Link{Sequence: previous.Sequence + 1, Digest: digest}
}

// said is what the collector's signed answer to one post was.
type said struct {
	status     int
	receipt    *protocol.Receipt
	raw        []byte // the receipt as it was signed
	answer     *protocol.Answer
	statements []protocol.Statement
}

func (s said) String() string {
	switch {
	case s.receipt != nil:
		return fmt.Sprintf("receipt for %d", s.receipt.Sequence)
	case s.answer != nil:
		return fmt.Sprintf("%s (%s)", s.answer.Kind, s.answer.Why)
	}
	return fmt.Sprintf("HTTP %d without a signed answer", s.status)
}

func (f *forger) post(frame []byte) said {
	f.t.Helper()
	return f.send(protocol.MessageBatch, frame)
}

func (f *forger) send(m protocol.Message, frame []byte) said {
	f.t.Helper()
	status, reply, err := f.gateway.Post(f.ctx, m, frame)
	if err != nil {
		return said{} // it closed the door on the way, as on what is too long
	}
	s := said{status: status}
	var r protocol.Reply
	if status != http.StatusOK || json.Unmarshal(reply, &r) != nil {
		return s
	}
	if r.Receipt != nil {
		s.receipt, s.raw = &protocol.Receipt{}, r.Receipt.Payload
		f.must(protocol.Verify(*r.Receipt, protocol.DomainReceipt, f.ring.Intake, s.receipt))
	}
	if r.Answer != nil {
		s.answer = &protocol.Answer{}
		f.must(protocol.Verify(*r.Answer, protocol.DomainAnswer, f.ring.Intake, s.answer))
	}
	for _, signed := range r.Statements {
		st, err := protocol.VerifyStatement(signed, f.ring)
		f.must(err)
		s.statements = append(s.statements, st)
	}
	return s
}

func (s said) later(why ...string) bool {
	return s.answer != nil && s.answer.Kind == protocol.AnswerLater && slices.Contains(why, s.answer.Why)
}

// TestWrongEnvelopes posts envelopes that were replayed, reordered, flipped,
// cut or blown up, and looks what is answered and that nothing is kept of it.
func TestWrongEnvelopes(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	w.anotherMark(0)
	w.sync()
	rows, _, _ := inboxRows(t, w)
	f := forge(w, gateway)
	head, err := f.box.Head()
	w.must(err)
	captured := batchesIn(t, gateway)
	last := captured[len(captured)-1]
	old, err := protocol.ParseFrame(last, protocol.MessageBatch)
	w.must(err)

	first := f.post(f.frame(old.Body))
	if first.receipt == nil || first.receipt.Sequence != head.Sequence {
		t.Fatalf("a repeat of the last batch got: %v", first)
	}
	if again := f.post(f.frame(old.Body)); again.receipt == nil || !bytes.Equal(again.raw, first.raw) {
		t.Errorf("a second repeat got another receipt: %v", again)
	}
	if got := f.post(last); got.receipt == nil && !got.later(protocol.LaterCounter) {
		t.Errorf("the very frame again got: %v", got)
	}

	body := emptyBody(t)
	next, link := f.seal(envelope.TypeDelta, head, body)
	after, _ := f.seal(envelope.TypeDelta, link, body)
	other, _ := f.seal(envelope.TypeDelta, envelope.Link{Sequence: head.Sequence - 1, Digest: mustPrevious(t, old.Body)}, body)
	if got := f.post(f.frame(after)); !got.later(protocol.LaterChain) || got.answer.Head == nil || *got.answer.Head != head {
		t.Errorf("a batch that does not follow got: %v", got)
	}
	if got := f.post(f.frame(other)); !got.later(protocol.LaterChain, protocol.LaterRefused) {
		t.Errorf("another batch with the same sequence got: %v", got)
	}
	for place := 4; place < len(next); place += max(1, len(next)/40) {
		flipped := bytes.Clone(next)
		flipped[place] ^= 1 << (place % 8)
		if got := f.post(f.frame(flipped)); got.receipt != nil || got.status >= 500 {
			t.Errorf("bit of byte %d flipped: %v", place, got)
		}
	}
	for _, n := range []int{0, 1, 4, 100, len(next) / 2, len(next) - 1} {
		if got := f.post(f.frame(next[:n])); got.receipt != nil || got.status >= 500 {
			t.Errorf("cut after %d bytes: %v", n, got)
		}
	}
	whole := f.frame(next)
	for name, bad := range map[string][]byte{
		"nothing": nil, "no frame": []byte("GET / HTTP/1.0"), "a cut frame": whole[:60],
		"a flipped frame": append([]byte("RBA1\x05"), whole[5:]...), "a frame too long": append(bytes.Clone(whole), make([]byte, protocol.MaxFrameBytes)...),
		"an envelope too long": f.frame(append(bytes.Clone(next), make([]byte, envelope.MaxBytes-len(next)+1)...)),
		"another's":            anothers(t, f, next),
	} {
		if got := f.post(bad); got.receipt != nil || got.status >= 500 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if now, _, _ := inboxRows(t, w); len(now) != len(rows) {
		t.Errorf("%d batches were stored that should not be", len(now)-len(rows))
	}
	f.close()
}

// anothers is a frame that an unknown agent signed.
func anothers(t *testing.T, f *forger, content []byte) []byte {
	t.Helper()
	id, err := identity.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return protocol.Attempt{Message: protocol.MessageBatch, Sender: protocol.Sender(f.id.Agent()), Counter: 1 << 40}.Encode(content, id.Sign)
}

func batchesIn(t *testing.T, g *fault.Gateway) [][]byte {
	t.Helper()
	var all [][]byte
	for _, c := range g.Captured() {
		if c.Message == protocol.MessageBatch {
			all = append(all, c.Body)
		}
	}
	if len(all) == 0 {
		t.Fatal("no batch was captured")
	}
	return all
}

func mustPrevious(t *testing.T, content []byte) envelope.Digest {
	t.Helper()
	e, err := envelope.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return e.Header.Previous
}

func emptyBody(t *testing.T) []byte {
	t.Helper()
	line, err := protocol.MarshalLine(protocol.Manifest{Part: 1, Parts: 1})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := protocol.Compress(line)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// TestSealedGarbage seals, with the agent's own outbox, lines that are no body:
// the collector sets the batch aside, asks for everything, and the same agent's
// full batch puts it right.
func TestSealedGarbage(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	f := forge(w, gateway)
	state, err := f.box.Snapshot()
	w.must(err)
	_, err = f.box.Seal(garbage(state), f.id.Sign)
	w.must(err)
	f.close()
	w.anotherMark(0)
	w.eventuallySame()
	_, states, types := inboxRows(t, w)
	// It was set aside and then withdrawn by the full batch that was asked for.
	if states[1] != "withdrawn" || !slices.Contains(types[2:], int(envelope.TypeFull)) {
		t.Errorf("what became of the garbage and what followed: %v, types %v", states, types)
	}
	w.sync()
	w.sound()
}

// TestDecompressionBomb posts a batch whose body unpacks to far more than the
// limit. The batch is not in the real agent's chain, so that agent is now a
// copy that is behind: the school recovers with a new code.
func TestDecompressionBomb(t *testing.T) {
	t.Parallel()
	w, gateway := behind(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	w.sync()
	f := forge(w, gateway)
	head, err := f.box.Head()
	w.must(err)
	bomb, link := f.seal(envelope.TypeDelta, head, zeros(t, 256<<20))
	if got := f.post(f.frame(bomb)); got.receipt == nil {
		t.Fatalf("a well-sealed batch got: %v", got)
	}
	w.await("control to ask for everything again", func() error {
		got := f.checkin()
		for _, st := range got.statements {
			var r protocol.Refusal
			if st.Kind == protocol.KindRefusal && st.Decode(&r) == nil && r.Reason == protocol.RefusalResync && r.Why == "cannot_open" {
				return nil
			}
		}
		return fmt.Errorf("%w: %v", errNotYet, got)
	})
	digests, states, _ := inboxRows(t, w)
	if i := slices.IndexFunc(digests, func(d []byte) bool { return bytes.Equal(d, link.Digest[:]) }); i < 0 || states[i] != "set_aside" {
		t.Errorf("the bomb was not set aside: %v", states)
	}
	f.close()
	code, err := w.collector.Command(w.ctx, "code", "create", schoolID)
	w.must(err)
	w.superseded(w.agent)
	phrase, err := w.agent.Enrol(w.ctx, codeOf(t, code))
	w.must(err)
	w.confirm(phrase)
	w.anotherMark(0)
	w.eventuallySame()
	w.sound()
}

// zeros compresses n zero bytes.
func zeros(t *testing.T, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	piece := make([]byte, 1<<20)
	for range n / len(piece) {
		if _, err := z.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// garbage is a result that changes nothing in the state and whose body no
// collector understands.
func garbage(state delta.State) delta.Result {
	return delta.Result{
		Base: state.Base, Manifest: protocol.Manifest{State: state.Digest},
		Lines: [][]byte{[]byte("this is no operation\n")},
	}
}
