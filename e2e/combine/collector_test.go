package combine

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/collector/apply"
	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func must(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A collector is everything of one but its network.
type collector struct {
	*testing.T
	dir     string
	made    keys.Made
	vault   *vault.Vault
	control ed25519.PrivateKey
	schools int

	db      *database.DB
	store   *store.Store
	inbox   *inbox.Inbox
	desk    *enrolment.Desk
	applier *apply.Applier
}

var authorities = []string{"301", "330", "383"}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{T: t, dir: t.TempDir()}
	var err error
	c.made, err = keys.Init(c.dir, []string{"127.0.0.1"}, time.Now())
	must(t, err)
	must(t, vault.Init(c.dir+"/vault"))
	c.vault, err = vault.Open(c.dir + "/vault")
	must(t, err)
	control, err := keys.OpenControl(c.dir)
	must(t, err)
	c.control = control[0]
	c.open(t)
	for _, code := range authorities {
		must(t, c.store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "to watch over its children"}))
	}
	t.Cleanup(func() {
		must(t, c.close())
		must(t, c.vault.Close())
	})
	return c
}

func (c *collector) file() string { return filepath.Join(c.dir, "collector.db") }

func (c *collector) open(t tester) {
	t.Helper()
	var err error
	c.db, err = database.Connect(c.Context(), "sqlite:"+c.file())
	must(t, err)
	must(t, c.db.Migrate(c.Context()))
	quiet := slog.New(slog.DiscardHandler)
	c.store, c.inbox = store.New(c.db), inbox.New(c.db, nil)
	c.desk = enrolment.New(enrolment.Config{Store: c.store, Vault: c.vault, Keys: c.dir, Control: c.control, Root: c.made.Root,
		Operator: "Fictional Operator", Log: quiet, Every: time.Minute})
	c.applier = apply.New(apply.Config{Store: c.store, Vault: c.vault, Keys: c.dir, Control: c.control, Log: quiet, Every: time.Minute})
}

func (c *collector) close() error {
	c.inbox.Close()
	return c.db.Close()
}

// copied closes the database, copies a file and opens it again: a backup, or
// its way back.
func (c *collector) copied(t tester, from, to string) {
	t.Helper()
	must(t, c.close())
	text, err := os.ReadFile(from)
	must(t, err)
	must(t, errors.Join(gone(c.file()+"-wal"), gone(c.file()+"-shm"), os.WriteFile(to, text, 0o600)))
	c.open(t)
}

func gone(name string) error {
	if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (c *collector) newSchool(t tester) string {
	t.Helper()
	c.schools++
	id := fmt.Sprintf("school-%d", c.schools)
	must(t, c.store.AddSchool(c.Context(), store.School{ID: id, Name: "School " + id}))
	for _, code := range authorities {
		must(t, c.store.SetProvision(c.Context(), store.Provision{School: id, Authority: code, Datasets: asked()[code]}))
	}
	return id
}

// asked is every field of every dataset.
func asked() map[string]map[record.Dataset][]string {
	ask := map[string]map[record.Dataset][]string{}
	for _, code := range authorities {
		ask[code] = map[record.Dataset][]string{}
		for _, d := range record.Datasets() {
			ask[code][d] = []string{}
			for _, f := range record.Fields(d) {
				ask[code][d] = append(ask[code][d], f.Name)
			}
		}
	}
	return ask
}

// enrol makes an agent known, confirms it, and tells it its generation.
func (c *collector) enrol(t tester, school string, a *agent) {
	t.Helper()
	text, err := c.desk.NewCode(c.Context(), school, "https://127.0.0.1:8443", nil)
	must(t, err)
	code, err := protocol.ParseCode(text.Text)
	must(t, err)
	public := a.sign.Public().(ed25519.PublicKey)
	idKey, err := envelope.SealTo(c.made.Sealing.Private.PublicKey(), protocol.PurposeIDKey, a.id[:], a.keys.ID)
	must(t, err)
	hash := sha256.Sum256([]byte("revocation"))
	request, err := protocol.Sign(code.Key(), protocol.DomainEnrol, protocol.EnrolRequest{Code: code.ID(), Root: c.made.Root[:],
		Sign: protocol.PublicKey(public), Receive: a.receive.PublicKey().Bytes(), IDKey: idKey, SealingKey: c.made.Sealing.ID, Revocation: hash[:]})
	must(t, err)
	body, err := json.Marshal(protocol.Posted{Request: request})
	must(t, err)
	frame := protocol.Attempt{Message: protocol.MessageEnrol, Sender: protocol.Sender(code.ID()), Time: time.Now()}.Encode(body, code.Key())
	_, err = c.inbox.KeepRequest(c.Context(), inbox.Request{School: school, Digest: sha256.Sum256(body), Message: protocol.MessageEnrol,
		Sender: protocol.Sender(code.ID()), Frame: frame, Received: time.Now(), Receipt: []byte("{}")})
	must(t, err)
	_, err = c.desk.Once(c.Context())
	must(t, err)
	_, err = c.desk.Confirm(c.Context(), school, a.id.String())
	must(t, err)
	st, ok := c.statement(t, a.id, protocol.KindEnrolled)
	if !ok {
		t.Fatal("the agent is not enrolled")
	}
	a.generation = st.Generation
}

// statement is the newest of a kind to an agent.
func (c *collector) statement(t tester, id envelope.AgentID, kind protocol.StatementKind) (st protocol.Statement, ok bool) {
	t.Helper()
	err := c.store.Read(c.Context(), func(tx *store.Tx) error {
		known, err := tx.Agent(c.Context(), id)
		if err == nil {
			st, err = tx.LastStatement(c.Context(), store.AddressOf(known), kind)
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return st, err == nil
}

// records are the canonical bytes of all that the store gives back.
func (c *collector) records(t tester, school string) map[store.Ref]string {
	t.Helper()
	found := map[store.Ref]string{}
	for s, err := range c.store.Records(c.Context(), school, c.vault) {
		must(t, err)
		text, err := record.Encode(s.Record)
		must(t, err)
		found[store.Ref{Dataset: s.Record.Dataset(), Key: s.Record.Key()}] = string(text)
	}
	return found
}

func (c *collector) position(t tester, school string) (p store.Position) {
	t.Helper()
	must(t, c.store.Read(c.Context(), func(tx *store.Tx) (err error) {
		p, err = tx.Position(c.Context(), school)
		return err
	}))
	return p
}

func random(t tester) []byte {
	t.Helper()
	b := make([]byte, 32)
	_, err := rand.Read(b)
	must(t, err)
	return b
}
