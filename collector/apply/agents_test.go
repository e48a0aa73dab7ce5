package apply

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// copied is a second copy of the same agent, as a restored machine is.
func (a *fakeAgent) copied() *fakeAgent {
	b := *a
	b.state, b.outbox = maps.Clone(a.state), slices.Clone(a.outbox)
	b.links = slices.Clone(a.links)
	return &b
}

func (r *rig) testTwoCopiesOfOneAgent(t *testing.T) {
	a, m := r.begun(t, 3)
	b := a.copied()
	m.week(m.ids()[0], 0, "N")
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	b.counter += 10
	b.sync(t, m.rows, false, 1, nil)
	if v := b.post(t, b.outbox[0]).Verdict; v != inbox.Contradicts {
		t.Fatalf("verdict %d", v)
	}
	b.once(t)
	f := b.refusal(t)
	if f.Reason != protocol.RefusalSuperseded || f.Behind == nil || *f.Behind != b.outbox[0].link {
		t.Fatalf("refusal %+v", f)
	}
	first, _ := b.statement(t, protocol.KindRefusal)
	b.post(t, b.outbox[0])
	b.once(t)
	if again, _ := b.statement(t, protocol.KindRefusal); again.Serial != first.Serial {
		t.Error("the copy was told twice")
	}
	a.want(t, m.rows)
	a.fsck(t)
}

// What intake made up is no evidence.
func (r *rig) testForgedConflict(t *testing.T) {
	a, m := r.begun(t, 2)
	b := a.copied()
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	_, b.sign, _ = ed25519.GenerateKey(nil)
	b.counter += 10
	b.sync(t, m.rows, false, 1, nil)
	b.post(t, b.outbox[0])
	b.once(t)
	if f := a.refusal(t); f.Reason != "" {
		t.Errorf("refusal %+v", f)
	}
}

// Who writes the inbox must not be able to stop an agent: a row that the agent
// never sealed does not make its real batch a copy's.
func (r *rig) testForgedRowStopsNobody(t *testing.T) {
	a, m := r.begun(t, 2)
	m.week(m.ids()[0], 0, "N")
	a.sync(t, m.rows, false, 1, nil)
	real := a.outbox[0]
	forged := a.copied()
	_, forged.sign, _ = ed25519.GenerateKey(nil)
	forged.seq, forged.prev, forged.outbox = a.seq-1, envelope.Digest{1}, nil
	forged.sync(t, m.rows, false, 1, nil)
	e, err := envelope.Parse(forged.outbox[0].data)
	if err != nil {
		t.Fatal(err)
	}
	h := e.Header
	for _, body := range [][]byte{forged.outbox[0].data, nil} {
		err := r.db.Write(t.Context(), func(tx *database.Tx) error {
			if _, err := tx.Exec(t.Context(), "DELETE FROM inbox WHERE school = ? AND sequence = ?", a.school, int64(h.Sequence)); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO inbox (school, agent, generation, sequence, digest, previous, type, sealed_at, received_at, bytes, envelope, receipt)
				VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, 1, ?, ?)`, a.school, a.id[:], a.gen, int64(h.Sequence), forged.outbox[0].link.Digest[:], h.Previous[:],
				int64(h.Type), body, []byte("{}"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		a.counter += 10
		if v := a.post(t, real).Verdict; v != inbox.Contradicts {
			t.Fatalf("verdict %d", v)
		}
		r.once(t)
		if f := a.refusal(t); f.Reason == protocol.RefusalSuperseded {
			t.Errorf("a forged row stopped the agent: %+v", f)
		}
	}
	if err := r.db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM inbox WHERE school = ? AND state = 'waiting'", a.school)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	a.deliver(t)
	a.want(t, m.rows)
}

// A row that waits without a body does not stop the school for ever.
func (r *rig) testRowWithoutBody(t *testing.T) {
	a, m := r.begun(t, 2)
	m.week(m.ids()[0], 0, "N")
	a.sync(t, m.rows, false, 1, nil)
	a.post(t, a.outbox[0])
	if err := r.db.Write(t.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE inbox SET envelope = NULL WHERE school = ?", a.school)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	r.once(t)
	if f := a.refusal(t); f.Reason != protocol.RefusalResync {
		t.Errorf("refusal %+v, want a resync", f)
	}
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	r.fsck(t)
}

// A key stands in clear in the database: one that could hold a name is not
// stored, not even with a refused record.
func (r *rig) testKeyThatCouldHoldAName(t *testing.T) {
	a, m := r.begun(t, 2)
	a.seal(t, a.manifest(false), []protocol.Op{{Dataset: record.DatasetContact, Key: record.Key(m.ids()[0]) + "/Fictional-Person",
		Record: []byte(`{"pupil":"x"}`)}}, 1)
	a.deliver(t)
	if strings.Contains(fmt.Sprint(dump(t, r.db)), "Fictional-Person") {
		t.Error("the key stands in the database")
	}
	if f := a.refusal(t); f.Reason != protocol.RefusalResync {
		t.Errorf("refusal %+v, want a resync", f)
	}
}

// A batch that intake stored, but the agent never signed, is not applied.
func (r *rig) testForgedBatch(t *testing.T) {
	a, m := r.begun(t, 2)
	good := maps.Clone(m.rows)
	b := a.copied()
	_, b.sign, _ = ed25519.GenerateKey(nil)
	m.add()
	b.sync(t, m.rows, false, 1, nil)
	b.deliver(t)
	a.want(t, good)
	if got := a.states(t, a.school)[2]; got != inbox.StateSetAside {
		t.Errorf("the batch is %s", got)
	}
}

func (a *fakeAgent) confirmedIDKey(t tester) []byte {
	t.Helper()
	st, ok := a.statement(t, protocol.KindConfirmed)
	if !ok {
		t.Fatal("no confirmation")
	}
	var c protocol.Confirmed
	if err := st.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if c.IDKey == nil {
		return nil
	}
	key, err := envelope.OpenFrom(a.receive, protocol.PurposeIDKey, a.id[:], c.IDKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *fakeAgent) enrolled(t tester) (e protocol.Enrolled) {
	t.Helper()
	st, ok := a.statement(t, protocol.KindEnrolled)
	if !ok {
		t.Fatal("not enrolled")
	}
	if err := st.Decode(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func (r *rig) testLostMachineIsEnrolledAgain(t *testing.T) {
	a, m := r.begun(t, 10)
	a.sync(t, m.rows, false, 1, nil)
	late := a.outbox
	a.outbox = nil
	b := a.enrol(t, a.school)
	if !b.enrolled(t).Wait || b.gen != 2 {
		t.Fatalf("enrolled %+v, generation %d", b.enrolled(t), b.gen)
	}
	b.confirm(t)
	if f := a.refusal(t); f.Reason != protocol.RefusalSuperseded {
		t.Errorf("the lost agent hears %+v", f)
	}
	b.idKey = b.confirmedIDKey(t)
	if string(b.idKey) != string(a.idKey) {
		t.Fatal("the school has another id key")
	}
	a.post(t, late[0])
	a.once(t)
	// The new agent's first batch must be full: as a delta it says nothing of
	// what the store still has.
	b.sync(t, m.rows, false, 1, nil)
	b.deliver(t)
	if f := b.refusal(t); f.Reason != protocol.RefusalResync {
		t.Errorf("refusal %+v", f)
	}
	m.drop(m.ids()[0])
	b.sync(t, m.rows, true, 1, nil)
	b.deliver(t)
	b.want(t, m.rows)
	if s := b.status(t); s.Counts[0] != (store.AuthorityCount{Authority: "301", Pupils: 9, Left: 1}) || !s.SetUp || s.Pending != 0 {
		t.Errorf("status %+v", s)
	}
	for s, err := range b.store.Records(t.Context(), b.school, b.vault) {
		if err != nil || s.Version != 1 {
			t.Fatalf("an unchanged record has version %d, %v", s.Version, err)
		}
	}
	b.fsck(t)
	if _, err := a.desk.Confirm(t.Context(), a.school, a.id.String()); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("the superseded agent was confirmed again: %v", err)
	}
}

func (a *fakeAgent) revoke(t tester) {
	t.Helper()
	said, err := protocol.Sign(a.sign, protocol.DomainRevoke, protocol.Revoke{Agent: a.id, Generation: a.gen, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	a.request(t, a.school, protocol.MessageRevoke, protocol.Sender(a.id), said, a.sign)
}

func (r *rig) testRevokeHidesAndNewStartForgets(t *testing.T) {
	a, m := r.begun(t, 3)
	a.sync(t, m.rows, false, 1, nil)
	a.post(t, a.outbox[0])
	a.revoke(t)
	a.once(t)
	if s := a.status(t); s.School.Stopped.IsZero() || len(s.Counts) != 0 || s.Waiting != 0 {
		t.Errorf("status %+v", s)
	}
	for _, err := range a.store.Records(t.Context(), a.school, a.vault) {
		if !errors.Is(err, store.ErrStopped) {
			t.Errorf("records are shown: %v", err)
		}
	}
	if f := a.refusal(t); f.Reason != protocol.RefusalRevoked {
		t.Errorf("refusal %+v", f)
	}
	if got := a.states(t, a.school)[2]; got != inbox.StateRefused {
		t.Errorf("the waiting batch is %s", got)
	}
	b := a.enrol(t, a.school)
	if b.enrolled(t).Wait {
		t.Error("an agent after a revoke waits for the old id key")
	}
	b.confirm(t)
	if b.confirmedIDKey(t) != nil {
		t.Error("the id key was given back after a revoke")
	}
	again := newMIS(b, 2)
	b.sync(t, again.rows, true, 1, nil)
	b.deliver(t)
	b.want(t, again.rows)
	if s := b.status(t); !s.School.Stopped.IsZero() || s.Counts[0] != (store.AuthorityCount{Authority: "301", Pupils: 2}) {
		t.Errorf("status %+v", s)
	}
	b.fsck(t)
}

// tables are what a backup of the database brings back.
var tables = []string{"inbox", "positions", "pupils", "records", "record_history", "quarantine", "holds", "deliveries", "statements", "school_keys"}

func dump(t *testing.T, db *database.DB) map[string][][]any {
	t.Helper()
	all := map[string][][]any{}
	err := db.Read(t.Context(), func(tx *database.Tx) error {
		for _, table := range tables {
			rows, err := tx.Query(t.Context(), "SELECT * FROM "+table)
			if err != nil {
				return err
			}
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			for rows.Next() {
				values, into := make([]any, len(columns)), make([]any, len(columns))
				for i := range values {
					into[i] = &values[i]
				}
				if err := rows.Scan(into...); err != nil {
					return err
				}
				all[table] = append(all[table], values)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func restore(t *testing.T, db *database.DB, all map[string][][]any) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *database.Tx) error {
		for _, table := range tables {
			if _, err := tx.Exec(t.Context(), "DELETE FROM "+table); err != nil {
				return err
			}
			for _, values := range all[table] {
				marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
				if _, err := tx.Exec(t.Context(), fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, marks), values...); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRestoredCollector(t *testing.T) {
	for _, kept := range []bool{true, false} {
		dbtest.Each(t, func(t *testing.T, db *database.DB) {
			a, m := begun(t, db, 3)
			backup := dump(t, db)
			var sent []sealed
			for i := range 3 {
				m.week(m.ids()[i], 0, "N")
				a.sync(t, m.rows, false, 1, nil)
				sent = append(sent, a.outbox...)
				a.deliver(t)
			}
			before, _ := a.statement(t, protocol.KindOutcome)
			restore(t, db, backup)
			if kept {
				a.outbox = sent // the agent still has them
			} else {
				// Only the last is kept: a full batch takes back what cannot be sent.
				for _, s := range sent {
					a.links = append(a.links, s.link)
				}
				a.sync(t, m.rows, true, 1, nil)
			}
			a.deliver(t)
			a.want(t, m.rows)
			if after, _ := a.statement(t, protocol.KindOutcome); after.Serial <= before.Serial {
				t.Error("the agent would take the new outcome for an old one")
			}
			a.fsck(t)
		})
	}
}

// The vault's rotation leaves everything readable and destroys the old key.
func TestRotation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a, m := begun(t, db, 3)
		m.put(&record.Pupil{ID: m.ids()[0], DOB: "2999-01-01", InCare: true})
		good := a.records(t, a.school)
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		day := time.Now()
		for i := range 16 {
			day = day.Add(24 * time.Hour)
			done, err := a.store.Rotate(t.Context(), a.vault, day)
			if err != nil || !done.Advanced || done.Rewrapped != 4 || len(done.Destroyed) != map[bool]int{true: 1}[i >= 14] {
				t.Fatalf("day %d: %+v, %v", i+1, done, err)
			}
		}
		done, err := a.store.Rotate(t.Context(), a.vault, day)
		if err != nil || done.Advanced || done.Rewrapped != 0 {
			t.Errorf("again: %+v, %v", done, err)
		}
		if got := a.records(t, a.school); !maps.Equal(got, good) {
			t.Error("records differ after the rotation")
		}
		a.fsck(t)
	})
}
