package enrolment

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

type rig struct {
	*testing.T
	*Desk
	inbox *inbox.Inbox
	made  keys.Made
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	dir := t.TempDir()
	made, err := keys.Init(dir, []string{"127.0.0.1"}, time.Now())
	must(t, err)
	must(t, vault.Init(dir+"/vault"))
	v, err := vault.Open(dir + "/vault")
	must(t, err)
	t.Cleanup(func() { must(t, v.Close()) })
	control, err := keys.OpenControl(dir)
	must(t, err)
	r := &rig{T: t, made: made, inbox: inbox.New(db, nil)}
	t.Cleanup(r.inbox.Close)
	r.Desk = New(Config{Store: store.New(db), Vault: v, Keys: dir, Control: control[0], Root: made.Root, Operator: "Fictional Operator",
		Log: slog.New(slog.DiscardHandler), Every: time.Minute})
	must(t, r.Store.PutAuthority(t.Context(), store.Authority{Code: "301", Why: "to watch over its children"}))
	must(t, r.Store.AddSchool(t.Context(), store.School{ID: "oak", Name: "Oak"}))
	must(t, r.Store.SetProvision(t.Context(), store.Provision{School: "oak", Authority: "301",
		Datasets: map[record.Dataset][]string{record.DatasetPupil: {"Surname"}}}))
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A joiner is an agent that enrols.
type joiner struct {
	*rig
	code    protocol.Code
	sign    ed25519.PrivateKey
	receive hpke.PrivateKey
	request protocol.EnrolRequest
	id      envelope.AgentID
}

func (r *rig) code() protocol.Code {
	r.Helper()
	made, err := r.NewCode(r.Context(), "oak", "https://127.0.0.1:8443", nil)
	must(r.T, err)
	code, err := protocol.ParseCode(made.Text)
	must(r.T, err)
	if code.ID() != made.ID || len(made.Ask.Requests) != 1 {
		r.Fatalf("made %+v", made.Ask)
	}
	return code
}

func (r *rig) joiner(code protocol.Code) *joiner {
	r.Helper()
	j := &joiner{rig: r, code: code}
	_, j.sign, _ = ed25519.GenerateKey(rand.Reader)
	var err error
	j.receive, err = envelope.GenerateKey()
	must(r.T, err)
	public := j.sign.Public().(ed25519.PublicKey)
	j.id = envelope.AgentOf(public)
	idKey, err := envelope.SealTo(r.made.Sealing.Private.PublicKey(), protocol.PurposeIDKey, j.id[:], make([]byte, idKeyLen))
	must(r.T, err)
	hash := sha256.Sum256([]byte("revocation"))
	j.request = protocol.EnrolRequest{Code: code.ID(), Root: r.made.Root[:], Sign: protocol.PublicKey(public),
		Receive: j.receive.PublicKey().Bytes(), IDKey: idKey, SealingKey: r.made.Sealing.ID, Revocation: hash[:]}
	return j
}

// send posts the request as it is, received at a time, and gives its state.
func (j *joiner) send(key ed25519.PrivateKey, at time.Time) string {
	j.Helper()
	q := j.post(key, at)
	_, err := j.Once(j.Context())
	must(j.T, err)
	r, err := j.inbox.KeepRequest(j.Context(), q)
	must(j.T, err)
	return r.State
}

// post leaves the request with the inbox.
func (j *joiner) post(key ed25519.PrivateKey, at time.Time) inbox.Request {
	j.Helper()
	signed, err := protocol.Sign(key, protocol.DomainEnrol, j.request)
	must(j.T, err)
	body, err := json.Marshal(protocol.Posted{Request: signed})
	must(j.T, err)
	from := protocol.Sender(j.code.ID())
	q := inbox.Request{School: "oak", Digest: sha256.Sum256(body), Message: protocol.MessageEnrol, Sender: from,
		Frame:    protocol.Attempt{Message: protocol.MessageEnrol, Sender: from, Time: at}.Encode(body, key),
		Received: at, Receipt: []byte("{}")}
	_, err = j.inbox.KeepRequest(j.Context(), q)
	must(j.T, err)
	return q
}

func (j *joiner) last(kind protocol.StatementKind) (st protocol.Statement, err error) {
	err = j.Store.Read(j.Context(), func(tx *store.Tx) error {
		a, err := tx.Agent(j.Context(), j.id)
		if err == nil {
			st, err = tx.LastStatement(j.Context(), store.AddressOf(a), kind)
		}
		return err
	})
	return st, err
}

func TestEnrolment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		j := r.joiner(r.code())
		for range 2 { // the same keys again get the same answer
			if state := j.send(j.code.Key(), time.Now()); state != inbox.StateDone {
				t.Fatalf("the request is %s", state)
			}
		}
		st, err := j.last(protocol.KindEnrolled)
		must(t, err)
		var e protocol.Enrolled
		must(t, st.Decode(&e))
		if e.Wait || e.School != "oak" || st.Generation != 1 || st.Agent != j.id {
			t.Errorf("enrolled %+v as %+v", e, st)
		}
		var ask protocol.Ask
		st, err = j.last(protocol.KindProvision)
		must(t, err)
		must(t, st.Decode(&ask))
		if ask.Requests[0].Code != "301" || ask.Operator != "Fictional Operator" {
			t.Errorf("asked %+v", ask)
		}
		agents, err := r.Store.Agents(t.Context(), "oak")
		must(t, err)
		if len(agents) != 1 || agents[0].State != store.AgentPending || agents[0].Phrase != protocol.Phrase(r.made.Root, j.request.Sign, j.request.Receive) {
			t.Errorf("agents %+v", agents)
		}
		// Other keys with a used code.
		k := r.joiner(j.code)
		if state := k.send(k.code.Key(), time.Now()); state != inbox.StateRefused {
			t.Errorf("a used code: %s", state)
		}
		if _, err := r.Confirm(t.Context(), "oak", "no-such-phrase"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a wrong phrase: %v", err)
		}
		for range 2 {
			a, err := r.Confirm(t.Context(), "oak", strings.ToUpper(strings.ReplaceAll(agents[0].Phrase, "-", " ")))
			if err != nil || a.State != store.AgentConfirmed {
				t.Errorf("%+v, %v", a.State, err)
			}
		}
	})
}

func TestRefusedEnrolments(t *testing.T) {
	cases := map[string]struct {
		change func(*joiner)
		after  time.Duration // how long after the code was made
		key    bool
	}{
		"expired":            {after: protocol.CodeLife + time.Second},
		"another root":       {change: func(j *joiner) { j.request.Root = make([]byte, 32) }},
		"another code":       {change: func(j *joiner) { j.request.Code[0] ^= 1 }},
		"short signing key":  {change: func(j *joiner) { j.request.Sign = j.request.Sign[:31] }},
		"bad receive key":    {change: func(j *joiner) { j.request.Receive = []byte("x") }},
		"no revocation hash": {change: func(j *joiner) { j.request.Revocation = nil }},
		"unknown sealing":    {change: func(j *joiner) { j.request.SealingKey[0] ^= 1 }},
		"spoiled id key":     {change: func(j *joiner) { j.request.IDKey[20] ^= 1 }},
		"another's id key":   {change: func(j *joiner) { j.request.Sign[0] ^= 1 }},
		"signed by another":  {key: true},
	}
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				j := r.joiner(r.code())
				at, key := time.Now().Add(c.after), j.code.Key()
				if c.change != nil {
					c.change(j)
				}
				if c.key {
					key = j.sign
				}
				if state := j.send(key, at); state != inbox.StateRefused {
					t.Errorf("the request is %s", state)
				}
				if agents, err := r.Store.Agents(t.Context(), "oak"); err != nil || len(agents) != 0 {
					t.Errorf("%d agents, %v", len(agents), err)
				}
				list, err := r.Store.Codes(t.Context(), "oak")
				must(t, err)
				for _, code := range list {
					if !code.UsedBy.IsZero() {
						t.Error("a refused request used its code up")
					}
				}
			})
		}
	})
}

func TestCodeNeedsAProvision(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		must(t, r.Store.AddSchool(t.Context(), store.School{ID: "ash", Name: "Ash"}))
		if _, err := r.NewCode(t.Context(), "ash", "https://127.0.0.1", nil); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a school nobody asks: %v", err)
		}
		if _, err := r.NewCode(t.Context(), "elm", "https://127.0.0.1", nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown school: %v", err)
		}
		if _, err := r.NewCode(t.Context(), "oak", "http://127.0.0.1", nil); err == nil {
			t.Error("an address without TLS")
		}
	})
}

func TestProvisionIsToldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		j := r.joiner(r.code())
		j.send(j.code.Key(), time.Now())
		first, err := j.last(protocol.KindProvision)
		must(t, err)
		if changed, err := r.Provision(t.Context(), "oak"); err != nil || changed {
			t.Errorf("unchanged: %v, %v", changed, err)
		}
		must(t, r.Store.SetProvision(t.Context(), store.Provision{School: "oak", Authority: "301",
			Datasets: map[record.Dataset][]string{record.DatasetPupil: {"Surname", "DOB"}}}))
		if changed, err := r.Provision(t.Context(), "oak"); err != nil || !changed {
			t.Errorf("changed: %v, %v", changed, err)
		}
		next, err := j.last(protocol.KindProvision)
		must(t, err)
		if next.Serial <= first.Serial {
			t.Error("the serial did not rise")
		}
	})
}

func TestOperatorRevokes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		j := r.joiner(r.code())
		j.send(j.code.Key(), time.Now())
		_, err := r.Confirm(t.Context(), "oak", j.id.String()[:8])
		must(t, err)
		// A pending copy beside the confirmed agent is one thing, the school another.
		k := r.joiner(r.code())
		k.send(k.code.Key(), time.Now())
		_, err = r.Revoke(t.Context(), "oak", k.id.String())
		must(t, err)
		if c, err := r.Store.School(t.Context(), "oak"); err != nil || !c.Stopped.IsZero() {
			t.Errorf("stopped at %v, %v", c.Stopped, err)
		}
		for range 2 {
			_, err = r.Revoke(t.Context(), "oak", j.id.String())
			must(t, err)
		}
		c, err := r.Store.School(t.Context(), "oak")
		must(t, err)
		if c.Stopped.IsZero() {
			t.Error("the school is not stopped")
		}
		if _, err := r.Confirm(t.Context(), "oak", k.id.String()); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a revoked agent was confirmed: %v", err)
		}
	})
}

func TestSealingKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		newest := func() (k protocol.SealingKey) {
			must(t, r.Store.Read(t.Context(), func(tx *store.Tx) error {
				st, err := tx.LastStatement(t.Context(), store.Address{}, protocol.KindSealingKey)
				if err == nil {
					err = st.Decode(&k)
				}
				return err
			}))
			return k
		}
		for range 2 {
			must(t, r.SealingKeys(t.Context()))
			if newest().ID != r.made.Sealing.ID {
				t.Error("another key than the one there is")
			}
		}
		// A collector whose newest key was made four weeks ago.
		must(t, keys.DestroySealing(r.Keys, r.made.Sealing.ID))
		old, err := keys.NewSealing(r.Keys, time.Now().Add(-28*24*time.Hour))
		must(t, err)
		must(t, r.SealingKeys(t.Context()))
		held, err := keys.OpenSealing(r.Keys)
		must(t, err)
		if _, still := held[old.ID]; still || len(held) != 1 || newest().ID == old.ID {
			t.Errorf("%d keys, the old one among them: %v", len(held), still)
		}
		// One that a wrong clock made is not used until that time comes.
		right := newest()
		future, err := keys.NewSealing(r.Keys, time.Now().AddDate(1, 0, 0))
		must(t, err)
		must(t, r.SealingKeys(t.Context()))
		if newest().ID != right.ID {
			t.Error("the key of a wrong clock is announced")
		}
		must(t, r.broadcast(t.Context(), future.SealingKey, time.Now()))
		for range 2 {
			must(t, r.SealingKeys(t.Context()))
			if newest().ID != right.ID {
				t.Error("the key of a wrong clock stays announced")
			}
		}
	})
}

// Many requests and confirmations of one school at once, as several processes
// make them: generations differ, and one agent is confirmed.
func TestDecidingAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		const agents = 6
		var joiners []*joiner
		for range agents {
			j := r.joiner(r.code())
			j.post(j.code.Key(), time.Now())
			joiners = append(joiners, j)
		}
		var waiting []inbox.Request
		must(t, r.Store.Read(t.Context(), func(tx *store.Tx) (err error) {
			waiting, err = inbox.WaitingRequests(t.Context(), tx.Tx, agents)
			return err
		}))
		at := func(n int, f func(int) error) {
			t.Helper()
			failed := make(chan error, n)
			for i := range n {
				go func() { failed <- f(i) }()
			}
			for range n {
				must(t, <-failed)
			}
		}
		at(len(waiting), func(i int) error { return r.decide(t.Context(), waiting[i]) })
		list, err := r.Store.Agents(t.Context(), "oak")
		must(t, err)
		if len(list) != agents {
			t.Fatalf("%d agents", len(list))
		}
		for i, a := range list {
			if a.Generation != uint32(i+1) {
				t.Errorf("agent %d has generation %d", i+1, a.Generation)
			}
		}
		at(agents, func(i int) error {
			_, err := r.Confirm(t.Context(), "oak", joiners[i].id.String())
			if errors.Is(err, store.ErrInvalid) {
				return nil // another was first
			}
			return err
		})
		list, err = r.Store.Agents(t.Context(), "oak")
		must(t, err)
		states := map[store.AgentState]int{}
		for _, a := range list {
			states[a.State]++
		}
		if states[store.AgentConfirmed] != 1 || states[store.AgentPending] != 0 {
			t.Errorf("states %v", states)
		}
	})
}
