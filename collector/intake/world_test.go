package intake_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/intake"
	"rollbridge/collector/keys"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

const school = "hilltop"

// A world is a collector's intake behind real TLS, with the keys that init
// makes; the test plays control and the agents.
type world struct {
	t       *testing.T
	db      *database.DB
	made    keys.Made
	control ed25519.PrivateKey
	inbox   *inbox.Inbox
	metrics *prometheus.Registry
	address string
	client  *http.Client
	serial  uint64
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) { f(t, newWorld(t, db, db)) })
}

// newWorld sets the collector up through db and lets intake work with served.
func newWorld(t *testing.T, db, served *database.DB) *world {
	t.Helper()
	dir := t.TempDir()
	made, err := keys.Init(dir, []string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	control, err := keys.OpenControl(dir)
	if err != nil {
		t.Fatal(err)
	}
	held, err := keys.OpenIntake(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: db, made: made, control: control[0], metrics: prometheus.NewRegistry(), log: &lockedBuffer{}}
	w.exec("INSERT INTO keyrings (epoch, signed) VALUES (?, ?)", made.Keyring.Epoch, encode(t, made.Signed))
	w.exec("INSERT INTO schools (school, name, phone, created_at) VALUES (?, 'Hilltop', '', 0)", school)
	w.state(envelope.AgentID{}, protocol.KindSealingKey, made.Sealing.SealingKey)
	w.inbox = inbox.New(served, w.metrics)
	t.Cleanup(w.inbox.Close)
	h, err := intake.New(t.Context(), intake.Config{
		DB: served, Inbox: w.inbox, Keys: held, Log: slog.New(slog.NewTextHandler(w.log, nil)), Registerer: w.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.serve(h, dir)
	return w
}

func (w *world) serve(h *intake.Handler, dir string) {
	w.t.Helper()
	certificates, err := intake.Files(keys.TLSFiles(dir))
	if err != nil {
		w.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	server := intake.Server(h, certificates)
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(listener, "", "") }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, // the pin below is what is verified
		VerifyConnection: func(s tls.ConnectionState) error {
			if !bytes.Equal(keys.PinOf(s.PeerCertificates[0]), w.made.Pin) {
				return errors.New("another key than the pinned one")
			}
			return nil
		},
	}, MaxIdleConnsPerHost: 64}
	w.client = &http.Client{Transport: transport}
	w.address = "https://" + listener.Addr().String()
	w.t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			w.t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			w.t.Error(err)
		}
	})
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(w.t.Context(), query, args...)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Read(w.t.Context(), func(tx *database.Tx) error {
		return tx.QueryRow(w.t.Context(), query, args...).Scan(&n)
	}); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// statement is what control signs and stores; state stores it too.
func (w *world) statement(to envelope.AgentID, kind protocol.StatementKind, body any) protocol.Signed {
	w.t.Helper()
	w.serial++
	s, err := protocol.Sign(w.control, protocol.DomainStatement, protocol.Statement{
		Kind: kind, Agent: to, Serial: w.serial, Issued: time.Now().UTC(), Body: encode(w.t, body),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) state(to envelope.AgentID, kind protocol.StatementKind, body any) protocol.Signed {
	w.t.Helper()
	s, of := w.statement(to, kind, body), school
	if to.IsZero() {
		of = ""
	}
	w.exec("INSERT INTO statements (school, agent, kind, serial, generation, issued_at, signed) VALUES (?, ?, ?, ?, 0, 0, ?)",
		of, to[:], string(kind), w.serial, encode(w.t, s))
	return s
}

// A sender signs attempts: an agent, or somebody with a code.
type sender struct {
	*world
	key     ed25519.PrivateKey
	id      [16]byte
	mu      sync.Mutex
	counter uint64
	head    envelope.Link
}

func (w *world) newSender(id func(ed25519.PublicKey) [16]byte) *sender {
	w.t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return &sender{world: w, key: key, id: id(pub)}
}

// agent enrols one in a state.
func (w *world) agent(state string, reenrolled bool) *sender {
	w.t.Helper()
	s := w.newSender(func(p ed25519.PublicKey) [16]byte { return envelope.AgentOf(p) })
	w.exec(`INSERT INTO agents (school, agent, generation, sign_key, receive_key, revocation, phrase, state, reenrolled, created_at)
		VALUES (?, ?, 1, ?, '', '', '', ?, ?, 0)`, school, s.id[:], []byte(s.public()), state, reenrolled)
	if err := w.db.Write(w.t.Context(), func(tx *database.Tx) error {
		return inbox.AddAgent(w.t.Context(), tx, school, s.id)
	}); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// code makes an enrolment code.
func (w *world) code(life time.Duration) *sender {
	w.t.Helper()
	s := w.newSender(func(p ed25519.PublicKey) [16]byte { return protocol.CodeIDOf(p) })
	offer := w.statement(envelope.AgentID{}, protocol.KindOffer, protocol.Ask{School: school, SchoolName: "Hilltop"})
	w.exec("INSERT INTO codes (school, code_id, public_key, offer, created_at, expires_at) VALUES (?, ?, ?, ?, 0, ?)",
		school, s.id[:], []byte(s.public()), encode(w.t, offer), database.Micros(time.Now().Add(life)))
	return s
}

func (s *sender) public() protocol.PublicKey {
	return protocol.PublicKey(s.key.Public().(ed25519.PublicKey))
}

// frame is a new attempt with a message.
func (s *sender) frame(m protocol.Message, body []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counter++
	a := protocol.Attempt{Message: m, Sender: s.id, Counter: s.counter, Time: time.Now()}
	if _, err := rand.Read(a.Nonce[:]); err != nil {
		s.t.Fatal(err)
	}
	return a.Encode(body, s.key)
}

// posted is the body of a signed request.
func (s *sender) posted(d protocol.Domain, v any, have protocol.Have) []byte {
	s.t.Helper()
	signed, err := protocol.Sign(s.key, d, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return encode(s.t, protocol.Posted{Request: signed, Have: have})
}

func (s *sender) checkin(have protocol.Have) []byte {
	return s.frame(protocol.MessageCheckin, s.posted(protocol.DomainCheckin,
		protocol.Checkin{Agent: s.id, Generation: 1, Time: time.Now(), Have: have}, protocol.Have{}))
}

func (s *sender) revoke() []byte {
	return s.posted(protocol.DomainRevoke, protocol.Revoke{Agent: s.id, Generation: 1, Time: time.Now()}, protocol.Have{})
}

// seal makes the next batch of the chain with changes to its header.
func (s *sender) seal(change ...func(*envelope.Header)) []byte {
	s.t.Helper()
	h := envelope.Header{
		Type: envelope.TypeDelta, Agent: s.id, Generation: 1, Sequence: s.head.Sequence + 1, Previous: s.head.Digest,
		KeyringEpoch: s.made.Keyring.Epoch, SealingKey: s.made.Sealing.ID, Time: time.Now(),
	}
	for _, f := range change {
		f(&h)
	}
	key, err := envelope.ParsePublicKey(s.made.Sealing.Public)
	if err != nil {
		s.t.Fatal(err)
	}
	b, digest, err := envelope.Seal(h, []byte("not opened here"), key, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.head = envelope.Link{Sequence: h.Sequence, Digest: digest}
	return b
}

// An answer is a reply whose signatures were checked.
type answer struct {
	status  int
	raw     []byte
	reply   protocol.Reply
	receipt *protocol.Receipt
	answer  *protocol.Answer
}

func (w *world) post(m protocol.Message, frame []byte) answer {
	w.t.Helper()
	res, err := w.client.Post(w.address+"/v1/"+string(m), "application/octet-stream", bytes.NewReader(frame))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode}
	if a.raw, err = io.ReadAll(res.Body); err != nil {
		w.t.Fatal(err)
	}
	if a.status != http.StatusOK {
		return a
	}
	if err := json.Unmarshal(a.raw, &a.reply); err != nil {
		w.t.Fatal(err)
	}
	if a.reply.Receipt != nil {
		a.receipt = &protocol.Receipt{}
		if err := protocol.Verify(*a.reply.Receipt, protocol.DomainReceipt, w.made.Keyring.Intake, a.receipt); err != nil {
			w.t.Error(err)
		}
		f, err := protocol.ParseFrame(frame, m)
		if err != nil || a.receipt.Digest != f.Content || a.receipt.Message != m || !bytes.Equal(a.receipt.TLSKey, w.made.Pin) {
			w.t.Errorf("receipt %+v does not fit what was sent (%v)", a.receipt, err)
		}
	}
	if a.reply.Answer != nil {
		a.answer = &protocol.Answer{}
		if err := protocol.Verify(*a.reply.Answer, protocol.DomainAnswer, w.made.Keyring.Intake, a.answer); err != nil {
			w.t.Error(err)
		}
		f, err := protocol.ParseFrame(frame, m)
		if err != nil || a.answer.Attempt != f.Digest() {
			w.t.Errorf("the answer is not to this attempt (%v)", err)
		}
	}
	if (a.receipt == nil) == (a.answer == nil) {
		w.t.Errorf("a reply has one of receipt and answer: %s", a.raw)
	}
	return a
}

func (a answer) mustReceipt(t *testing.T) *protocol.Receipt {
	t.Helper()
	if a.receipt == nil {
		t.Fatalf("no receipt but HTTP %d %s %+v", a.status, a.raw, a.answer)
	}
	return a.receipt
}

func (a answer) mustLater(t *testing.T, why string) *protocol.Answer {
	t.Helper()
	if a.answer == nil || a.answer.Kind != protocol.AnswerLater || a.answer.Why != why {
		t.Fatalf("not later(%s) but HTTP %d %s %+v", why, a.status, a.raw, a.answer)
	}
	return a.answer
}

// kinds lists what a reply relays, after checking that control signed it.
func (a answer) kinds(w *world) (kinds []protocol.StatementKind) {
	w.t.Helper()
	for _, s := range a.reply.Statements {
		st, err := protocol.VerifyStatement(s, w.made.Keyring)
		if err != nil {
			w.t.Error(err)
		}
		kinds = append(kinds, st.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (w *world) refused(reason string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "rollbridge_intake_refused_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func digestOf(b []byte) envelope.Digest { return sha256.Sum256(b) }
