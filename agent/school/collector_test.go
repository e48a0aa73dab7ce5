package school_test

import (
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/agent/enrol"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A collector plays the other side with real keys. It relays every statement
// it was given with every answer, as a replaying intake would.
type collector struct {
	t       *testing.T
	root    ed25519.PrivateKey
	intake  ed25519.PrivateKey
	control ed25519.PrivateKey
	sealing hpke.PrivateKey
	ring    protocol.Keyring
	server  *httptest.Server

	mu         sync.Mutex
	statements []protocol.Signed
	serial     uint64
	agent      envelope.AgentID
	wait       bool
	batches    []*envelope.Envelope
	posts      map[protocol.Message]int
	counters   map[protocol.Message]uint64 // of the last attempt
	have       protocol.Have               // of the last check-in
	// batch, if set, answers batches instead of a receipt.
	batch func(*protocol.Frame, *envelope.Envelope) protocol.Reply
	down  bool
}

type ed25519Public = ed25519.PublicKey

func key(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	must(t, err)
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func public(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t, root: key(t), intake: key(t), control: key(t), posts: map[protocol.Message]int{}, counters: map[protocol.Message]uint64{}}
	c.newKeyring(1, time.Now().Add(time.Hour))
	c.newSealingKey()
	c.server = httptest.NewUnstartedServer(http.HandlerFunc(c.serve))
	c.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	c.server.StartTLS()
	t.Cleanup(c.server.Close)
	return c
}

func (c *collector) newKeyring(epoch uint32, expires time.Time) {
	c.ring = protocol.Keyring{Root: public(c.root), Epoch: epoch, Expires: expires,
		Intake: []protocol.PublicKey{public(c.intake)}, Control: []protocol.PublicKey{public(c.control)}}
}

func (c *collector) newSealingKey() {
	k, err := envelope.GenerateKey()
	must(c.t, err)
	c.sealing = k
	raw := k.PublicKey().Bytes()
	c.say(protocol.KindSealingKey, protocol.SealingKey{ID: envelope.KeyIDOf(raw), Public: raw, Created: time.Now()})
}

// say issues a statement: to all, for sealing keys and offers, else to the agent.
func (c *collector) say(kind protocol.StatementKind, body any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, err := json.Marshal(body)
	must(c.t, err)
	c.serial++
	st := protocol.Statement{Kind: kind, Serial: c.serial, Issued: time.Now(), Body: raw}
	if kind != protocol.KindSealingKey && kind != protocol.KindOffer {
		st.Agent, st.Generation = c.agent, 1
	}
	c.statements = append(c.statements, *c.sign(c.control, protocol.DomainStatement, st))
}

func (c *collector) sign(k ed25519.PrivateKey, d protocol.Domain, v any) *protocol.Signed {
	s, err := protocol.Sign(k, d, v)
	must(c.t, err)
	return &s
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	message := protocol.Message(strings.TrimPrefix(r.URL.Path, "/v1/"))
	data, err := io.ReadAll(r.Body)
	if err != nil || c.down {
		http.Error(w, "<html>down</html>", http.StatusServiceUnavailable)
		return
	}
	f, err := protocol.ParseFrame(data, message)
	if err != nil {
		c.t.Error(err)
		return
	}
	if message == protocol.MessageEnrol {
		c.enrolled(f)
	}
	c.mu.Lock()
	c.posts[message]++
	c.counters[message] = f.Counter
	reply := protocol.Reply{}
	receipt := protocol.Receipt{Message: message, Digest: f.Content, Received: time.Now(), Agent: envelope.AgentID(f.Sender)}
	switch message {
	case protocol.MessageCheckin:
		var p protocol.Posted
		must(c.t, json.Unmarshal(f.Body, &p))
		c.have = p.Have
	case protocol.MessageOffer, protocol.MessageEnrol:
		receipt.Agent = envelope.AgentID{}
	case protocol.MessageBatch:
		e, err := envelope.Parse(f.Body)
		must(c.t, err)
		c.batches = append(c.batches, e)
		receipt.Generation, receipt.Sequence = e.Header.Generation, e.Header.Sequence
		if c.batch != nil {
			reply = c.batch(f, e)
		}
	}
	if reply.Answer == nil && reply.Receipt == nil {
		reply.Receipt = c.sign(c.intake, protocol.DomainReceipt, receipt)
	}
	reply.Keyring = c.sign(c.root, protocol.DomainKeyring, c.ring)
	reply.Statements = append(reply.Statements, c.statements...)
	c.mu.Unlock()
	// Who stops in the middle of a request does not wait for its answer.
	if err := json.NewEncoder(w).Encode(reply); err != nil && r.Context().Err() == nil {
		c.t.Error(err)
	}
}

// enrolled decides a request as soon as it comes.
func (c *collector) enrolled(f *protocol.Frame) {
	var p protocol.Posted
	must(c.t, json.Unmarshal(f.Body, &p))
	var q protocol.EnrolRequest
	must(c.t, json.Unmarshal(p.Request.Payload, &q))
	c.agent = envelope.AgentOf(ed25519.PublicKey(q.Sign))
	c.say(protocol.KindEnrolled, protocol.Enrolled{School: "oakmere", Wait: c.wait})
}

// later answers an attempt with a signed "later".
func (c *collector) later(f *protocol.Frame, a protocol.Answer) protocol.Reply {
	a.Attempt, a.Time = f.Digest(), time.Now()
	return protocol.Reply{Answer: c.sign(c.intake, protocol.DomainAnswer, a)}
}

var asked = map[record.Dataset][]string{
	record.DatasetPupil: {"UPN", "Surname", "Forename", "DOB"}, record.DatasetContact: {"Surname"}, record.DatasetAttendance: {},
}

// A world is a school with its MIS, enrolled with a collector.
type world struct {
	*collector
	mis    *demoschool.School
	set    settings.Settings
	school *school.School
}

func (w *world) writeMIS() { must(w.t, w.mis.WriteCSV(w.set.MIS.Folder)) }

func (w *world) ask(authorities ...string) protocol.Ask {
	a := protocol.Ask{School: "oakmere", SchoolName: "Oakmere", Operator: "County"}
	for _, code := range authorities {
		a.Requests = append(a.Requests, protocol.AuthorityAsk{Code: code, Name: "Authority " + code, Why: "Duty", Datasets: asked})
	}
	return a
}

// newWorld is a school that has only been given a code.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{collector: newCollector(t), set: settings.Defaults()}
	w.mis = demoschool.New(demoschool.Config{Seed: 3, Pupils: 60, LookedAfterShare: 0.2, Authorities: []string{"933", "815"}, Today: demoschool.LastSchoolDay(time.Now())})
	dir := t.TempDir()
	w.set.DataDir, w.set.MIS.Folder = filepath.Join(dir, "data"), dir
	w.set.MIS.Profile, w.set.MIS.SettleSeconds = "csv", 0
	w.writeMIS()
	w.say(protocol.KindOffer, w.ask("933", "815"))
	return w
}

// enrolledWorld goes the whole way from a code to an open school.
func enrolledWorld(t *testing.T) *world { return newCollectorWorld(t, false) }

// newCollectorWorld is enrolledWorld for a school that may have been enrolled
// before.
func newCollectorWorld(t *testing.T, before bool) *world {
	t.Helper()
	w := newWorld(t)
	w.wait = before
	offer, err := enrol.Ask(t.Context(), w.set, code(t, w.collector))
	must(t, err)
	if len(offer.Ask.Requests) != 2 {
		t.Fatalf("%d requests", len(offer.Ask.Requests))
	}
	e, err := offer.Accept(t.Context(), w.set, nil)
	must(t, err)
	told := 0
	decided, err := e.Await(t.Context(), func() error { told++; return nil })
	must(t, err)
	if !decided || told != 1 {
		t.Fatalf("decided %v, told %d times", decided, told)
	}
	must(t, e.Close())
	w.open()
	t.Cleanup(func() { w.school.Close() })
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := school.Open(w.t.Context(), w.set, school.Options{})
	must(w.t, err)
	w.school = s
}

func (w *world) sync() school.SyncReport {
	w.t.Helper()
	r, err := w.school.Sync(w.t.Context(), school.SyncRequest{})
	must(w.t, err)
	return r
}
