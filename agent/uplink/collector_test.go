package uplink

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A collector plays the other side with real keys and real signatures; answer
// makes its reply, or writes something else.
type collector struct {
	t       *testing.T
	root    ed25519.PrivateKey
	intake  ed25519.PrivateKey
	control ed25519.PrivateKey
	ring    protocol.Keyring
	server  *httptest.Server
	frames  []*protocol.Frame
	answer  func(*collector, http.ResponseWriter, *protocol.Frame)
}

func key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func pub(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

// newCollector serves TLS with a certificate for 127.0.0.1 and example.com by
// httptest's own authority.
func newCollector(t *testing.T, answer func(*collector, http.ResponseWriter, *protocol.Frame)) *collector {
	t.Helper()
	c := &collector{t: t, root: key(t), intake: key(t), control: key(t), answer: answer}
	c.ring = c.keyring(3, time.Now().Add(time.Hour))
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	return c
}

func (c *collector) keyring(epoch uint32, expires time.Time) protocol.Keyring {
	return protocol.Keyring{Root: pub(c.root), Epoch: epoch, Issued: expires.Add(-time.Hour), Expires: expires,
		Intake: []protocol.PublicKey{pub(c.intake)}, Control: []protocol.PublicKey{pub(c.control)}}
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f, err := protocol.ParseFrame(body, protocol.MessageBatch)
	if err != nil {
		c.t.Errorf("the collector got no frame: %v", err)
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	c.frames = append(c.frames, f)
	c.answer(c, w, f)
}

func (c *collector) sign(k ed25519.PrivateKey, d protocol.Domain, v any) *protocol.Signed {
	s, err := protocol.Sign(k, d, v)
	if err != nil {
		c.t.Fatal(err)
	}
	return &s
}

func (c *collector) receipt(f *protocol.Frame) protocol.Receipt {
	leaf := sha256.Sum256(c.server.Certificate().RawSubjectPublicKeyInfo)
	return protocol.Receipt{Message: f.Message, Agent: envelope.AgentID(f.Sender), Generation: 1, Sequence: 7,
		Digest: f.Content, Received: time.Now(), TLSKey: leaf[:]}
}

func send(t *testing.T, w http.ResponseWriter, r protocol.Reply) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(r); err != nil {
		t.Error(err)
	}
}

// good answers every batch with a receipt.
func good(c *collector, w http.ResponseWriter, f *protocol.Frame) {
	send(c.t, w, protocol.Reply{Receipt: c.sign(c.intake, protocol.DomainReceipt, c.receipt(f))})
}

func (c *collector) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.server.Certificate())
	return pool
}

func (c *collector) pin() []byte { return keyHash(c.server.Certificate()) }

// agent is one side of an exchange: keys, trust and a client.
type agent struct {
	key    ed25519.PrivateKey
	trust  Trust
	client *Client
	count  uint64
}

func (c *collector) agent(route Route) *agent {
	c.t.Helper()
	a := &agent{key: key(c.t)}
	a.trust = Trust{Root: protocol.FingerprintOf(ed25519.PublicKey(pub(c.root))), Keyring: c.ring, Generation: 1,
		Agent: envelope.AgentOf(ed25519.PublicKey(pub(a.key))), Serials: map[protocol.StatementKind]uint64{}}
	if route.URL == "" {
		route.URL = c.server.URL
	}
	client, err := New(route)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	a.client = client
	return a
}

var batch = bytes.Repeat([]byte("sealed"), 400)

func (a *agent) post(t *testing.T) (Heard, error) {
	a.count++
	return a.client.Post(t.Context(), Request{Message: protocol.MessageBatch, Sender: SenderOf(a.trust.Agent), Key: a.key,
		Counter: a.count, Body: batch, Generation: 1, Sequence: 7}, a.trust)
}

// wantFault checks that nothing was believed and that the fault is of a kind.
func wantFault(t *testing.T, h Heard, err error, kind FaultKind) *Fault {
	t.Helper()
	var f *Fault
	if !errors.As(err, &f) || f.Kind != kind {
		t.Fatalf("got %v, want a fault of kind %s", err, kind)
	}
	if h.Receipt != nil || h.Answer != nil || len(h.Statements) > 0 || h.Keyring != nil {
		t.Errorf("something was believed: %+v", h)
	}
	if f.Hint == "" {
		t.Errorf("%q does not say what to do", f.Text)
	}
	return f
}

func serverConfig(c *collector) *tls.Config { return c.server.TLS }
