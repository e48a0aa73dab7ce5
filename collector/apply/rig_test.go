package apply

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/codes"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// tester is what testing.T and rapid.T share.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// A rig is a whole collector without network: keys, vault, inbox, store, desk
// and applier on one database.
type rig struct {
	*testing.T
	db      *database.DB
	store   *store.Store
	vault   *vault.Vault
	keys    string
	made    keys.Made
	inbox   *inbox.Inbox
	desk    *enrolment.Desk
	applier *Applier
	schools int
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	r := &rig{T: t, db: db, store: store.New(db), keys: t.TempDir(), inbox: inbox.New(db, nil)}
	t.Cleanup(r.inbox.Close)
	var err error
	if r.made, err = keys.Init(r.keys, []string{"127.0.0.1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	dir := r.keys + "/vault"
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	if r.vault, err = vault.Open(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.vault.Close() })
	control, err := keys.OpenControl(r.keys)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	r.desk = enrolment.New(enrolment.Config{Store: r.store, Vault: r.vault, Keys: r.keys, Control: control[0], Root: r.made.Root,
		Operator: "Fictional Operator", Log: quiet, Every: time.Minute})
	r.applier = New(Config{Store: r.store, Vault: r.vault, Keys: r.keys, Control: control[0], Log: quiet, Every: time.Minute})
	if err := r.store.PutAuthority(t.Context(), store.Authority{Code: "301", Why: "to watch over its children"}); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) newSchool(t tester) string {
	t.Helper()
	r.schools++
	id := fmt.Sprintf("school-%d", r.schools)
	if err := r.store.AddSchool(r.Context(), store.School{ID: id, Name: "School " + id}); err != nil {
		t.Fatal(err)
	}
	all := map[record.Dataset][]string{}
	for _, d := range record.Datasets() {
		all[d] = nil
	}
	if err := r.store.SetProvision(r.Context(), store.Provision{School: id, Authority: "301", Datasets: all}); err != nil {
		t.Fatal(err)
	}
	return id
}

// once applies until nothing can be applied.
func (r *rig) once(t tester) {
	t.Helper()
	if _, err := r.applier.Once(r.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) fsck(t tester) {
	t.Helper()
	found, err := r.store.Fsck(r.Context(), r.vault)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("fsck: %+v", f)
	}
}

func (r *rig) position(t tester, school string) (p store.Position) {
	t.Helper()
	err := r.store.Read(r.Context(), func(tx *store.Tx) (err error) {
		p, err = tx.Position(r.Context(), school)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// records are the canonical bytes of everything the store gives back.
func (r *rig) records(t tester, school string) map[store.Ref]string {
	t.Helper()
	found := map[store.Ref]string{}
	for s, err := range r.store.Records(r.Context(), school, r.vault) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := record.Encode(s.Record)
		if err != nil {
			t.Fatal(err)
		}
		found[store.Ref{Dataset: s.Record.Dataset(), Key: s.Record.Key()}] = string(text)
	}
	return found
}

func (r *rig) states(t tester, school string) map[uint64]string {
	t.Helper()
	states := map[uint64]string{}
	err := r.db.Read(r.Context(), func(tx *database.Tx) error {
		rows, err := tx.Query(r.Context(), "SELECT sequence, state FROM inbox WHERE school = ?", school)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var n uint64
			var state string
			if err := rows.Scan(&n, &state); err != nil {
				return err
			}
			states[n] = state
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// A fakeAgent is the school's side, as small as can be.
type fakeAgent struct {
	*rig
	school  string
	sign    ed25519.PrivateKey
	receive hpke.PrivateKey
	idKey   []byte
	id      envelope.AgentID
	gen     uint32
	seq     uint64
	prev    envelope.Digest
	counter uint64
	state   map[store.Ref]string // canonical bytes held as sent
	sealing keys.SealingKey
	// outbox are sealed batches without an outcome, oldest first.
	outbox []sealed
	// links are all batches without an outcome, withdrawn ones among them.
	links []envelope.Link
	// year and complete shape the manifest.
	year     record.Date
	partial  bool
	holds    []protocol.Hold
	released []string
	// given is whose the staff are.
	given map[string][]string
	// roster is what the agent says it made of the rosters.
	roster []protocol.RosterUse
	// wrong spoils the state digest, as a fault in an agent would.
	wrong bool
}

type sealed struct {
	link envelope.Link
	data []byte
}

// enrol makes an agent known through code, request and desk.
func (r *rig) enrol(t tester, school string) *fakeAgent {
	t.Helper()
	made, err := r.desk.NewCode(r.Context(), school, "https://127.0.0.1:8443", nil)
	if err != nil {
		t.Fatal(err)
	}
	code, err := protocol.ParseCode(made.Text)
	if err != nil {
		t.Fatal(err)
	}
	a := &fakeAgent{rig: r, school: school, idKey: make([]byte, 32), state: map[store.Ref]string{}, sealing: r.made.Sealing, year: "2026-08-31"}
	_, _ = rand.Read(a.idKey)
	_, a.sign, _ = ed25519.GenerateKey(rand.Reader)
	if a.receive, err = envelope.GenerateKey(); err != nil {
		t.Fatal(err)
	}
	public := a.sign.Public().(ed25519.PublicKey)
	a.id = envelope.AgentOf(public)
	idKey, err := envelope.SealTo(a.sealing.Private.PublicKey(), protocol.PurposeIDKey, a.id[:], a.idKey)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte("revocation"))
	request, err := protocol.Sign(code.Key(), protocol.DomainEnrol, protocol.EnrolRequest{Code: code.ID(), Root: r.made.Root[:],
		Sign: protocol.PublicKey(public), Receive: a.receive.PublicKey().Bytes(), IDKey: idKey, SealingKey: a.sealing.ID, Revocation: hash[:]})
	if err != nil {
		t.Fatal(err)
	}
	r.request(t, school, protocol.MessageEnrol, protocol.Sender(code.ID()), request, code.Key())
	if st, ok := a.statement(t, protocol.KindEnrolled); ok {
		a.gen = st.Generation
	}
	return a
}

func (r *rig) request(t tester, school string, m protocol.Message, from protocol.Sender, signed protocol.Signed, key ed25519.PrivateKey) {
	t.Helper()
	body, err := json.Marshal(protocol.Posted{Request: signed})
	if err != nil {
		t.Fatal(err)
	}
	frame := protocol.Attempt{Message: m, Sender: from, Time: time.Now()}.Encode(body, key)
	if _, err := r.inbox.KeepRequest(r.Context(), inbox.Request{School: school, Digest: sha256.Sum256(body), Message: m, Sender: from,
		Frame: frame, Received: time.Now(), Receipt: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.desk.Once(r.Context()); err != nil {
		t.Fatal(err)
	}
}

// confirmed enrols and confirms.
func (r *rig) confirmed(t tester, school string) *fakeAgent {
	t.Helper()
	a := r.enrol(t, school)
	a.confirm(t)
	return a
}

func (a *fakeAgent) confirm(t tester) {
	t.Helper()
	if _, err := a.desk.Confirm(a.Context(), a.school, a.id.String()); err != nil {
		t.Fatal(err)
	}
}

// statement is the newest of a kind to this agent.
func (a *fakeAgent) statement(t tester, kind protocol.StatementKind) (st protocol.Statement, ok bool) {
	t.Helper()
	err := a.store.Read(a.Context(), func(tx *store.Tx) (err error) {
		agent, err := tx.Agent(a.Context(), a.id)
		if err != nil {
			return err
		}
		st, err = tx.LastStatement(a.Context(), store.AddressOf(agent), kind)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return st, err == nil
}

func (a *fakeAgent) refusal(t tester) (f protocol.Refusal) {
	t.Helper()
	if st, ok := a.statement(t, protocol.KindRefusal); ok {
		if err := st.Decode(&f); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (a *fakeAgent) outcome(t tester) (o protocol.Outcome) {
	t.Helper()
	if st, ok := a.statement(t, protocol.KindOutcome); ok {
		if err := st.Decode(&o); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (a *fakeAgent) digest() (d record.Digest) {
	for ref, text := range a.state {
		d.Add(record.NewTag(a.idKey, ref.Dataset, ref.Key, []byte(text)))
	}
	return d
}

// ops are the lines that bring the collector from the agent's state to mis.
func (a *fakeAgent) ops(mis map[store.Ref]string, full bool, was map[record.PupilID]record.PupilID) (ops []protocol.Op) {
	for _, d := range record.Datasets() {
		for _, ref := range sortedRefs(mis) {
			if ref.Dataset != d || !full && a.state[ref] == mis[ref] {
				continue
			}
			o := protocol.Op{Dataset: d, Key: ref.Key, Record: json.RawMessage(mis[ref])}
			if d == record.DatasetPupil {
				o.Was = was[ref.Key.Pupil()]
			}
			ops = append(ops, o)
		}
	}
	renamed := map[record.PupilID]bool{}
	for _, old := range was {
		renamed[old] = true
	}
	for _, ref := range sortedRefs(a.state) {
		if _, there := mis[ref]; there {
			continue
		}
		why := protocol.RemovedLeft
		if renamed[ref.Pupil()] {
			why = protocol.RemovedRenamed
		} else if full {
			continue
		}
		ops = append(ops, protocol.Op{Dataset: ref.Dataset, Key: ref.Key, Remove: why})
	}
	return ops
}

func sortedRefs(m map[store.Ref]string) []store.Ref {
	refs := slices.Collect(maps.Keys(m))
	slices.SortFunc(refs, func(a, b store.Ref) int {
		if a.Dataset != b.Dataset {
			return slices.Index(record.Datasets(), a.Dataset) - slices.Index(record.Datasets(), b.Dataset)
		}
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return refs
}

// sync seals what mis is now, in parts.
func (a *fakeAgent) sync(t tester, mis map[store.Ref]string, full bool, parts int, was map[record.PupilID]record.PupilID) {
	t.Helper()
	ops := a.ops(mis, full, was)
	a.state = maps.Clone(mis)
	a.seal(t, a.manifest(full), ops, parts)
}

func (a *fakeAgent) manifest(full bool) protocol.Manifest {
	now := time.Now().UTC().Truncate(time.Second)
	m := protocol.Manifest{Full: full, Started: now, Ended: now, Year: a.year, Profile: "test", State: a.digest(), Holds: a.holds, Released: a.released, Roster: a.roster}
	if a.wrong {
		m.State[0] ^= 1
	}
	for _, d := range record.Datasets() {
		read := protocol.DatasetRead{Dataset: d, AsAt: now, Complete: !a.partial}
		if d == record.DatasetStaff {
			read.Given = a.given
		}
		m.Datasets = append(m.Datasets, read)
	}
	return m
}

// seal puts a read into the outbox. A full one withdraws all that has no
// outcome.
func (a *fakeAgent) seal(t tester, m protocol.Manifest, ops []protocol.Op, parts int) {
	t.Helper()
	var withdrawn []envelope.Link
	if m.Full {
		withdrawn = slices.Clone(a.links)
	}
	m.Parts = parts
	for i := range parts {
		m.Part = i + 1
		lines, err := protocol.MarshalLine(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range ops[i*len(ops)/parts : (i+1)*len(ops)/parts] {
			line, err := protocol.MarshalLine(o)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line...)
		}
		plain, err := protocol.Compress(lines)
		if err != nil {
			t.Fatal(err)
		}
		if len(withdrawn) > 0 && i == 0 {
			a.outbox = nil
		}
		a.sealPlain(t, m.Full, withdrawn, plain)
	}
}

func (a *fakeAgent) sealPlain(t tester, full bool, withdrawn []envelope.Link, plain []byte) {
	t.Helper()
	h := envelope.Header{Type: envelope.TypeDelta, Agent: a.id, Generation: a.gen, Sequence: a.seq + 1, Previous: a.prev, KeyringEpoch: 1,
		SealingKey: a.sealing.ID, Time: time.Now()}
	if full {
		h.Type, h.Withdrawn = envelope.TypeFull, withdrawn
	}
	data, digest, err := envelope.Seal(h, plain, a.sealing.Private.PublicKey(), a.sign)
	if err != nil {
		t.Fatal(err)
	}
	a.seq, a.prev = h.Sequence, digest
	link := envelope.Link{Sequence: h.Sequence, Digest: digest}
	a.outbox, a.links = append(a.outbox, sealed{link, data}), append(a.links, link)
}

// post gives one sealed batch to the inbox, as intake does.
func (a *fakeAgent) post(t tester, s sealed) inbox.Result {
	t.Helper()
	e, err := envelope.Parse(s.data)
	if err != nil {
		t.Fatal(err)
	}
	a.counter++
	frame := protocol.Attempt{Message: protocol.MessageBatch, Sender: protocol.Sender(a.id), Counter: a.counter, Time: time.Now()}.Encode(s.data, a.sign)
	result, err := a.inbox.Keep(a.Context(), inbox.Batch{School: a.school, Header: e.Header, Digest: e.Digest(), Envelope: s.data, Frame: frame,
		Counter: a.counter, Received: time.Now(), Receipt: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// deliver posts the whole outbox in order and applies it.
func (a *fakeAgent) deliver(t tester) {
	t.Helper()
	for _, s := range a.outbox {
		if v := a.post(t, s).Verdict; v != inbox.Stored && v != inbox.Repeated {
			t.Fatalf("batch %d: verdict %d", s.link.Sequence, v)
		}
	}
	a.once(t)
	a.settle(t)
}

// settle forgets what has an outcome.
func (a *fakeAgent) settle(t tester) {
	t.Helper()
	last := a.outcome(t).Last
	a.outbox = slices.DeleteFunc(a.outbox, func(s sealed) bool { return s.link.Sequence <= last })
	a.links = slices.DeleteFunc(a.links, func(l envelope.Link) bool { return l.Sequence <= last })
}

func (a *fakeAgent) want(t tester, mis map[store.Ref]string) {
	t.Helper()
	got := a.records(t, a.school)
	for ref, text := range mis {
		if got[ref] != text {
			t.Errorf("a %s record is missing or differs", ref.Dataset)
		}
	}
	for ref := range got {
		if _, ok := mis[ref]; !ok {
			t.Errorf("a %s record is there that the MIS does not have", ref.Dataset)
		}
	}
}

// A school's MIS in a test.
type fakeMIS struct {
	idKey []byte
	rows  map[store.Ref]string
	was   map[record.PupilID]record.PupilID
	next  int
}

func newMIS(a *fakeAgent, pupils int) *fakeMIS {
	m := &fakeMIS{idKey: a.idKey, rows: map[store.Ref]string{}, was: map[record.PupilID]record.PupilID{}}
	for range pupils {
		m.add()
	}
	return m
}

func (m *fakeMIS) put(r record.Record) store.Ref {
	text, err := record.Encode(r)
	if err != nil {
		panic(err)
	}
	ref := store.Ref{Dataset: r.Dataset(), Key: r.Key()}
	m.rows[ref] = string(text)
	return ref
}

func upn(n int) string {
	u, err := codes.MakeUPN(fmt.Sprintf("301%08d0", n))
	if err != nil {
		panic(err)
	}
	return u.Reveal()
}

func (m *fakeMIS) add() record.PupilID {
	m.next++
	id := record.NewPupilID(m.idKey, fmt.Sprint(m.next), upn(m.next))
	m.pupil(id, m.next, 0)
	m.put(&record.Contact{PupilID: id, ID: record.NewSubID(m.idKey, record.DatasetContact, fmt.Sprint(m.next)), Surname: "Carer"})
	for w := range 3 {
		m.week(id, w, "/")
	}
	return id
}

func (m *fakeMIS) pupil(id record.PupilID, n, change int) store.Ref {
	return m.put(&record.Pupil{ID: id, UPN: upn(n), Surname: fmt.Sprintf("Fictional%d", n), Forename: fmt.Sprintf("Change%d", change),
		DOB: "2014-05-06", Sex: "F", InCare: true, CareAuthority: "301"})
}

func (m *fakeMIS) week(id record.PupilID, w int, mark string) store.Ref {
	return m.put(&record.Attendance{PupilID: id, Week: record.Date("2026-09-07").AddDays(7 * w),
		AM: []string{mark, "/", "/", "", ""}, PM: []string{"\\", "\\", "\\", "", ""}})
}

func (m *fakeMIS) ids() (ids []record.PupilID) {
	for _, ref := range sortedRefs(m.rows) {
		if ref.Dataset == record.DatasetPupil {
			ids = append(ids, ref.Key.Pupil())
		}
	}
	return ids
}

func (m *fakeMIS) drop(id record.PupilID) {
	for ref := range m.rows {
		if ref.Pupil() == id {
			delete(m.rows, ref)
		}
	}
}

// rename gives a pupil another id, as a permanent UPN does.
func (m *fakeMIS) rename(old record.PupilID) record.PupilID {
	id := record.NewPupilID(m.idKey, "renamed", string(old))
	for ref, text := range maps.Clone(m.rows) {
		if ref.Pupil() != old {
			continue
		}
		rec, err := record.Decode(ref.Dataset, []byte(text))
		if err != nil {
			panic(err)
		}
		record.SetPupil(rec, id)
		delete(m.rows, ref)
		m.put(rec)
	}
	m.was[id] = old
	return id
}

// taken gives the predecessors once, as the agent names them once.
func (m *fakeMIS) taken() map[record.PupilID]record.PupilID {
	was := m.was
	m.was = map[record.PupilID]record.PupilID{}
	return was
}
