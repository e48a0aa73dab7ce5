package main

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"rollbridge/collector/enrolment"
	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// authorities ask of every made-up school: those of the demo school.
var authorities = []string{"933", "815", "838"}

// A fleet is many enrolled and confirmed agents of one collector, as keys and
// places in their chains.
type fleet struct {
	agents  []*agent
	bodies  *bodies
	sealing hpke.PublicKey
	key     envelope.KeyID
	epoch   uint32
}

// An agent is one school's sender.
type agent struct {
	school  string
	id      envelope.AgentID
	sign    ed25519.PrivateKey
	head    envelope.Link
	counter uint64
	changed bool // the last delta changed the marks; the next takes it back
	sent    time.Time
}

// An office is what enrols a fleet: the collector's own packages on the
// collector's own database and keys, as its commands use them, without a
// process for each step.
type office struct {
	store   *store.Store
	desk    *enrolment.Desk
	inbox   *inbox.Inbox
	vault   *vault.Vault
	sealing keys.SealingKey
	keyring protocol.Keyring
	root    protocol.Fingerprint
	url     string
}

func (l *place) open(ctx context.Context) (*office, error) {
	dir := filepath.Join(l.Dir, "keys")
	o := &office{store: store.New(l.db), url: l.PublicURL}
	root, err := keys.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	o.root = protocol.FingerprintOf(root.Public().(ed25519.PublicKey))
	signed, err := o.store.Keyring(ctx)
	if err != nil {
		return nil, err
	}
	if o.keyring, err = protocol.VerifyKeyring(signed, o.root, 0); err != nil {
		return nil, err
	}
	held, err := keys.OpenControl(dir)
	if err != nil {
		return nil, err
	}
	control, err := keys.Listed(held, o.keyring.Control)
	if err != nil {
		return nil, err
	}
	sealing, err := keys.OpenSealing(dir)
	if err != nil {
		return nil, err
	}
	for _, k := range sealing {
		if k.Created.After(o.sealing.Created) {
			o.sealing = k
		}
	}
	if o.vault, err = vault.Open(filepath.Join(dir, "vault")); err != nil {
		return nil, err
	}
	o.inbox = inbox.New(l.db, nil)
	o.desk = enrolment.New(enrolment.Config{
		Store: o.store, Vault: o.vault, Keys: dir, Control: control, Root: o.root, Operator: "Benchmark",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Every: time.Second,
	})
	return o, nil
}

func (o *office) close() error {
	o.inbox.Close()
	return o.vault.Close()
}

// enrol makes n schools, each with one confirmed agent. The collector is not
// running yet.
func (b *bench) enrol(ctx context.Context, l *place, n int) (f *fleet, err error) {
	o, err := l.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("enrol schools: %w", err)
	}
	defer func() { err = errors.Join(err, o.close()) }()
	f = &fleet{bodies: b.bodies, sealing: o.sealing.Private.PublicKey(), key: o.sealing.ID, epoch: o.keyring.Epoch}
	for _, code := range authorities {
		if err := o.store.PutAuthority(ctx, store.Authority{Code: code, Why: "Promote the education of looked-after children (Children Act 1989 s22(3A))"}); err != nil {
			return nil, err
		}
	}
	for i := range n {
		a, err := o.newAgent(ctx, fmt.Sprintf("bench-%05d", i), b.idKey)
		if err != nil {
			return nil, fmt.Errorf("enrol school %d: %w", i, err)
		}
		f.agents = append(f.agents, a)
	}
	for worked := true; worked; {
		if worked, err = o.desk.Once(ctx); err != nil {
			return nil, fmt.Errorf("decide enrolments: %w", err)
		}
	}
	for _, a := range f.agents {
		if _, err := o.desk.Confirm(ctx, a.school, a.id.String()); err != nil {
			return nil, fmt.Errorf("confirm agents: %w", err)
		}
	}
	return f, nil
}

func (o *office) newAgent(ctx context.Context, school string, idKey []byte) (*agent, error) {
	if err := o.store.AddSchool(ctx, store.School{ID: school, Name: "Fictional School " + school}); err != nil {
		return nil, err
	}
	asked := map[record.Dataset][]string{}
	for _, d := range record.Datasets() {
		for _, field := range record.Fields(d) {
			asked[d] = append(asked[d], field.Name)
		}
	}
	for _, code := range authorities {
		if err := o.store.SetProvision(ctx, store.Provision{School: school, Authority: code, Datasets: asked}); err != nil {
			return nil, err
		}
	}
	issued, err := o.desk.NewCode(ctx, school, o.url, nil)
	if err != nil {
		return nil, err
	}
	code, err := protocol.ParseCode(issued.Text)
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &agent{school: school, id: envelope.AgentOf(public), sign: private}
	request, err := o.request(code, a, issued.Ask, idKey)
	if err != nil {
		return nil, err
	}
	q := inbox.Request{
		School: school, Digest: sha256.Sum256(request), Message: protocol.MessageEnrol, Sender: protocol.Sender(code.ID()),
		Received: time.Now(), Receipt: []byte("{}"),
	}
	q.Frame = protocol.Attempt{Message: q.Message, Sender: q.Sender, Counter: 1, Time: q.Received}.Encode(request, code.Key())
	_, err = o.inbox.KeepRequest(ctx, q)
	return a, err
}

// request is what an agent posts to enrol.
func (o *office) request(code protocol.Code, a *agent, ask protocol.Ask, idKey []byte) ([]byte, error) {
	receive, err := envelope.GenerateKey()
	if err != nil {
		return nil, err
	}
	sealed, err := envelope.SealTo(o.sealing.Private.PublicKey(), protocol.PurposeIDKey, a.id[:], idKey)
	if err != nil {
		return nil, err
	}
	accepted, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	asked, revocation := sha256.Sum256(accepted), sha256.Sum256([]byte(a.school))
	signed, err := protocol.Sign(code.Key(), protocol.DomainEnrol, protocol.EnrolRequest{
		Code: code.ID(), Root: o.root[:], Sign: protocol.PublicKey(a.sign.Public().(ed25519.PublicKey)),
		Receive: receive.PublicKey().Bytes(), IDKey: sealed, SealingKey: o.sealing.ID,
		Revocation: revocation[:], Accepted: asked[:], Version: "bench",
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(protocol.Posted{Request: signed})
}

// full is everything of an agent's four pupils, as its next batch.
func (f *fleet) full(a *agent) (upload, error) {
	a.changed = false
	return f.next(a, envelope.TypeFull, f.bodies.full)
}

// delta is four changed records, as an agent's next batch. The agent's state is
// that of a full batch or of a delta.
func (f *fleet) delta(a *agent) (upload, error) {
	body := f.bodies.change
	if a.changed {
		body = f.bodies.back
	}
	a.changed = !a.changed
	return f.next(a, envelope.TypeDelta, body)
}

func (f *fleet) next(a *agent, t envelope.Type, body []byte) (upload, error) {
	now := time.Now()
	sealed, digest, err := envelope.Seal(envelope.Header{
		Type: t, Agent: a.id, Generation: 1, Sequence: a.head.Sequence + 1, Previous: a.head.Digest,
		KeyringEpoch: f.epoch, SealingKey: f.key, Time: now,
	}, body, f.sealing, a.sign)
	if err != nil {
		return upload{}, err
	}
	a.head = envelope.Link{Sequence: a.head.Sequence + 1, Digest: digest}
	a.counter++
	attempt := protocol.Attempt{Message: protocol.MessageBatch, Sender: protocol.Sender(a.id), Counter: a.counter, Time: now}
	if _, err := rand.Read(attempt.Nonce[:]); err != nil {
		return upload{}, err
	}
	return upload{frame: attempt.Encode(sealed, a.sign), digest: digest}, nil
}

// senderMemory is a little more than how long intake remembers a sender.
// Schools come twice a day, so what is measured must not rest on that memory.
const senderMemory = 2200 * time.Millisecond

// rest waits until intake has forgotten the agents, which are about to send.
func rest(ctx context.Context, agents []*agent) {
	now := time.Now()
	var last time.Time
	for _, a := range agents {
		if a.sent.After(last) {
			last = a.sent
		}
	}
	select {
	case <-time.After(last.Add(senderMemory).Sub(now)):
	case <-ctx.Done():
	}
}

// note remembers that agents have just sent.
func note(agents []*agent) {
	now := time.Now()
	for _, a := range agents {
		a.sent = now
	}
}

// each makes the next upload of every agent given.
func each(agents []*agent, next func(*agent) (upload, error)) ([]upload, error) {
	uploads := make([]upload, len(agents))
	for i, a := range agents {
		var err error
		if uploads[i], err = next(a); err != nil {
			return nil, fmt.Errorf("seal a batch: %w", err)
		}
	}
	return uploads, nil
}
