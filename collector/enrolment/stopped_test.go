package enrolment

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

const day = 24 * time.Hour

// tables are those that a backup of these tests holds.
var tables = []string{"schools", "agents", "attempts", "statements", "inbox", "requests", "stop_requests", "stops", "certificates",
	"positions", "pupils", "records", "record_history", "quarantine", "holds", "deliveries", "school_keys", "roster", "roster_told", "roster_use", "codes", "provisions"}

func newStopRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	r := newRig(t, db)
	must(t, r.Store.PutKeyring(t.Context(), r.made.Keyring, r.made.Signed))
	return r
}

func (r *rig) exec(query string, args ...any) {
	r.Helper()
	must(r.T, r.Store.Write(r.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(r.Context(), query, args...)
		return err
	}))
}

func (r *rig) count(query string) (n int) {
	r.Helper()
	must(r.T, r.Store.Read(r.Context(), func(tx *store.Tx) error { return tx.QueryRow(r.Context(), query).Scan(&n) }))
	return n
}

func (r *rig) backup() {
	r.Helper()
	for _, t := range tables {
		r.exec("CREATE TABLE was_" + t + " AS SELECT * FROM " + t)
	}
}

func (r *rig) restore() {
	r.Helper()
	for _, t := range slices.Backward(tables) {
		r.exec("DELETE FROM " + t)
	}
	for _, t := range tables {
		r.exec("INSERT INTO " + t + " SELECT * FROM was_" + t)
	}
}

// fill does what apply does with a first batch: every dataset of so many
// children, staff and a refused record.
func (r *rig) fill(children int) {
	r.Helper()
	must(r.T, r.Store.Write(r.Context(), func(tx *store.Tx) error {
		ctx := r.Context()
		p, err := tx.Position(ctx, "oak")
		if err != nil {
			return err
		}
		w := tx.Writer(r.Vault, store.Arrival{School: "oak", Generation: p.Generation, Sequence: 1, Received: clock.Now(), Now: clock.Now()}, p.State)
		all := []record.Record{recordtest.Make(record.DatasetStaff, "", 1, 1)}
		for n := range children {
			for _, d := range record.Datasets() {
				if d.OfPupils() {
					all = append(all, recordtest.Make(d, record.PupilID(fmt.Sprintf("%032x", n+1)), 1, 1))
				}
			}
		}
		var list []store.Version
		for _, one := range all {
			text, err := record.Encode(one)
			if err != nil {
				return err
			}
			ref := store.Ref{Dataset: one.Dataset(), Key: one.Key()}
			list = append(list, store.Version{Ref: ref, Canonical: text, Tag: record.NewTag([]byte("id key"), ref.Dataset, ref.Key, text), AsAt: clock.Now()})
		}
		bad := list[len(list)-1]
		if err := w.Store(ctx, list[:len(list)-1]); err != nil {
			return err
		}
		if err := w.Refuse(ctx, bad.Ref, bad.Canonical, bad.Tag, []string{"code"}); err != nil {
			return err
		}
		to := p
		to.State = w.State
		return tx.Advance(ctx, p, to)
	}))
}

// revoke sends the agent's own last word.
func (j *joiner) revoke() inbox.Request {
	j.Helper()
	signed, err := protocol.Sign(j.sign, protocol.DomainRevoke, protocol.Revoke{Agent: j.id, Time: clock.Now().Add(-time.Minute)})
	must(j.T, err)
	body, err := json.Marshal(protocol.Posted{Request: signed})
	must(j.T, err)
	from := protocol.Sender(j.id)
	q := inbox.Request{School: "oak", Digest: sha256.Sum256(body), Message: protocol.MessageRevoke, Sender: from,
		Frame:    protocol.Attempt{Message: protocol.MessageRevoke, Sender: from, Time: clock.Now()}.Encode(body, j.sign),
		Received: clock.Now(), Receipt: []byte("{}")}
	_, err = j.inbox.KeepRequest(j.Context(), q)
	must(j.T, err)
	return q
}

// gives the head teacher's code to the public page.
func (j *joiner) gives(code protocol.RevocationCode) {
	j.Helper()
	must(j.T, j.inbox.KeepStop(j.Context(), inbox.StopRequest{School: "oak", Agent: j.id, Code: code.Reveal(), Received: clock.Now()}))
}

// safe is a confirmed agent with a code for the head teacher's safe.
func (r *rig) safe() (*joiner, protocol.RevocationCode) {
	r.Helper()
	code := protocol.NewRevocationCode()
	j := r.joiner(r.code())
	hash := code.Hash()
	j.request.Revocation = hash[:]
	j.send(j.code.Key(), time.Now())
	_, err := r.Confirm(r.Context(), "oak", j.id.String())
	must(r.T, err)
	return j, code
}

func (r *rig) decideAll() {
	r.Helper()
	_, err := r.Once(r.Context())
	must(r.T, err)
}

func (r *rig) stopped() bool {
	r.Helper()
	c, err := r.Store.School(r.Context(), "oak")
	must(r.T, err)
	return !c.Stopped.IsZero()
}

// readable says what becomes of whoever wants to read the school's records, past
// every other check.
func (r *rig) readable() error {
	r.Helper()
	r.exec("UPDATE schools SET revoked_at = -revoked_at WHERE revoked_at IS NOT NULL")
	defer r.exec("UPDATE schools SET revoked_at = -revoked_at WHERE revoked_at IS NOT NULL")
	return r.Store.Read(r.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(r.Context(), "SELECT pupil, key, epoch FROM pupils")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			o, w := vault.Owner{School: "oak"}, vault.Wrapped{}
			if err := rows.Scan((*string)(&o.Pupil), &w.Key, &w.Epoch); err != nil {
				return err
			}
			if _, err := r.Vault.Unwrap(o, w); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

func (r *rig) sound(what string) {
	r.Helper()
	found, err := r.Store.Fsck(r.Context(), r.Vault)
	must(r.T, err)
	for _, f := range found {
		r.Errorf("%s: fsck: %+v", what, f)
	}
}

// dayThirty makes what is to be destroyed due.
func (r *rig) dayThirty() {
	r.Helper()
	r.exec("UPDATE stops SET destroy_at = ? WHERE destroyed_at IS NULL", database.Micros(clock.Now()))
}

func (j *joiner) certificate() (c protocol.Certificate, err error) {
	j.Helper()
	err = j.Store.Read(j.Context(), func(tx *store.Tx) error {
		f, err := tx.Certificate(j.Context(), store.Agent{School: "oak", ID: j.id})
		if err == nil {
			c, err = f.Verify(j.Root)
		}
		return err
	})
	return c, err
}

func (r *rig) holds(live bool) (n int) {
	r.Helper()
	list, err := r.Vault.Holds()
	must(r.T, err)
	for _, h := range list {
		if h.Live == live {
			n++
		}
	}
	return n
}

func (r *rig) empty(what string) {
	r.Helper()
	for _, table := range []string{"pupils", "records", "record_history", "quarantine", "positions"} {
		if n := r.count("SELECT COUNT(*) FROM " + table); n != 0 {
			r.Errorf("%s: %d rows of %s are left", what, n, table)
		}
	}
}

// Whoever's word it is: hidden at once under the hold key, destroyed on day 30,
// certified.
func TestStopToCertificate(t *testing.T) {
	for by, stop := range map[protocol.StoppedBy]func(j *joiner, code protocol.RevocationCode){
		protocol.StoppedByAgent: func(j *joiner, _ protocol.RevocationCode) { j.revoke(); j.decideAll() },
		protocol.StoppedByCode:  func(j *joiner, code protocol.RevocationCode) { j.gives(code); j.decideAll() },
		protocol.StoppedByOperator: func(j *joiner, _ protocol.RevocationCode) {
			_, err := j.Revoke(j.Context(), "oak", j.id.String())
			must(j.T, err)
		},
	} {
		t.Run(string(by), func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				r := newStopRig(t, db)
				one := listed(1, true)
				r.imports(one)
				j, code := r.safe()
				r.fill(3)
				records := r.count("SELECT COUNT(*) FROM records")
				must(t, r.readable())
				stop(j, code)
				if !r.stopped() || r.holds(true) != 1 {
					t.Fatal("the school is not stopped, or has no hold key")
				}
				if err := r.readable(); !errors.Is(err, vault.ErrHeld) {
					t.Errorf("its data open: %v", err)
				}
				if st, err := j.last(protocol.KindRefusal); err != nil || !strings.Contains(string(st.Body), string(protocol.RefusalRevoked)) {
					t.Errorf("the agent is not told: %v", err)
				}
				if n := r.count("SELECT COUNT(*) FROM stop_requests WHERE code <> ''"); n != 0 {
					t.Error("the code stays in the database")
				}
				if children, err := r.Store.Roster(t.Context(), r.Vault, "301"); err != nil || len(children.Children) != 1 {
					t.Errorf("the authority's roster: %v, %v", children.Children, err)
				}
				r.sound("hidden")
				must(t, r.Stopped(t.Context()))
				if _, err := j.certificate(); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("a certificate before day 30: %v", err)
				}
				r.dayThirty()
				for range 2 {
					must(t, r.Stopped(t.Context()))
				}
				if r.holds(true) != 0 || r.holds(false) != 1 {
					t.Error("the hold key is there, or its note is not")
				}
				r.empty("day 30")
				c, err := j.certificate()
				must(t, err)
				if c.By != by || c.Agent != j.id || c.Generation != 1 || c.School != "Oak" || c.Records != records || c.Children != 3 ||
					c.Collector != "Fictional Operator" || c.Destroyed.Before(c.Hidden) || c.Hidden.Before(c.Revoked) {
					t.Errorf("the certificate says %+v", c)
				}
				r.sound("destroyed")
				if !r.stopped() {
					t.Error("the school is not stopped any more")
				}
			})
		})
	}
}

// Killed after any step, the job goes on: the key goes first.
func TestKilledWhileDestroying(t *testing.T) {
	for killed := range 6 {
		t.Run(fmt.Sprint(killed), func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				r := newStopRig(t, db)
				j, _ := r.safe()
				r.fill(40)
				j.revoke()
				r.decideAll()
				r.dayThirty()
				due, err := r.Store.DueStops(t.Context(), clock.Now())
				must(t, err)
				s := due[0]
				if killed > 0 {
					must(t, r.Vault.DestroyHold(vault.Hold{ID: s.Hold, School: s.School, Generation: s.Generation}))
				}
				if killed > 1 {
					must(t, r.Store.Write(t.Context(), func(tx *store.Tx) error { return tx.KeyDestroyed(t.Context(), s, clock.Now()) }))
				}
				for range killed - 2 {
					must(t, r.Store.Write(t.Context(), func(tx *store.Tx) error {
						n, err := tx.DestroyPiece(t.Context(), s)
						if n == 0 {
							t.Error("nothing was left to be killed in")
						}
						return err
					}))
				}
				if killed > 0 {
					r.sound("killed")
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if r.Stopped(ended) == nil {
					t.Error("an ended job ended well")
				}
				must(t, r.Stopped(t.Context()))
				r.empty("afterwards")
				if _, err := j.certificate(); err != nil {
					t.Error(err)
				}
				r.sound("afterwards")
			})
		})
	}
}

// The hold key is made and the transaction fails: nothing has changed, nothing
// is lost, and the stop comes after all.
func TestStopThatWasNotStored(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		j, _ := r.safe()
		r.fill(2)
		r.exec("INSERT INTO stops (school, generation, source, said_at, hidden_at, destroy_at, hold, records, children) VALUES ('oak', 1, 'agent', 1, 1, 1, ?, 0, 0)", []byte{1})
		j.revoke()
		if _, err := r.Once(t.Context()); err == nil {
			t.Fatal("the stop was stored")
		}
		if _, err := r.Revoke(t.Context(), "oak", j.id.String()); err == nil {
			t.Fatal("the stop was stored")
		}
		if n := r.holds(true); n == 0 {
			t.Fatal("it failed before the hold key was made")
		}
		r.exec("DELETE FROM stops")
		if r.stopped() {
			t.Fatal("half a stop")
		}
		must(t, r.readable())
		r.sound("not stored")
		// The agent's message waits, and the next start finds a key without a stop.
		must(t, r.Replay(t.Context()))
		if !r.stopped() || !errors.Is(r.readable(), vault.ErrHeld) {
			t.Error("a stop that was decided is forgotten")
		}
		r.decideAll()
		must(t, r.Stopped(t.Context()))
		if n := r.holds(true); n != 1 {
			t.Errorf("%d hold keys", n)
		}
		r.sound("stopped")
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		if _, err := j.certificate(); err != nil {
			t.Error(err)
		}
	})
}

// A database restored from before the stop is told of it, and shows nothing.
func TestRestoreHidesAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		j, _ := r.safe()
		r.fill(2)
		r.backup()
		j.revoke()
		r.decideAll()
		hidden, err := r.Store.School(t.Context(), "oak")
		must(t, err)
		r.restore()
		if r.stopped() || r.readable() != nil {
			t.Fatal("the backup is not of before")
		}
		must(t, r.Replay(t.Context()))
		again, err := r.Store.School(t.Context(), "oak")
		must(t, err)
		if !again.Stopped.Equal(hidden.Stopped) || !errors.Is(r.readable(), vault.ErrHeld) {
			t.Errorf("stopped at %v, was at %v", again.Stopped, hidden.Stopped)
		}
		r.sound("restored")
		// The same after day 30: it is destroyed again, at once.
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		r.restore()
		must(t, r.Replay(t.Context()))
		if !r.stopped() || r.readable() == nil {
			t.Error("a destroyed school is shown again")
		}
		must(t, r.Stopped(t.Context()))
		r.empty("restored after day 30")
		c, err := j.certificate()
		must(t, err)
		if c.By != protocol.StoppedByAgent || !c.Hidden.Equal(hidden.Stopped) {
			t.Errorf("the certificate says %+v", c)
		}
		r.sound("restored after day 30")
	})
}

// Design §8: 14 days after the stop no copy of the database from before it opens
// any of the school's data, and after day 30 none from since.
func TestOldBackupOpensNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		j, _ := r.safe()
		r.fill(2)
		r.backup()
		j.revoke()
		r.decideAll()
		now := clock.Now()
		for n := range 16 {
			now = now.Add(day + time.Minute)
			_, err := r.Store.Rotate(t.Context(), r.Vault, now)
			must(t, err)
			r.sound(fmt.Sprintf("day %d", n+1))
		}
		for _, table := range tables {
			r.exec("CREATE TABLE since_" + table + " AS SELECT * FROM " + table)
		}
		r.restore()
		if err := r.readable(); !errors.Is(err, vault.ErrMissing) {
			t.Errorf("a backup from before the stop opens on day 16: %v", err)
		}
		// A backup of day 16, restored after day 30.
		for _, table := range slices.Backward(tables) {
			r.exec("DELETE FROM " + table)
		}
		for _, table := range tables {
			r.exec("INSERT INTO " + table + " SELECT * FROM since_" + table)
		}
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		for _, table := range slices.Backward(tables) {
			r.exec("DELETE FROM " + table)
		}
		for _, table := range tables {
			r.exec("INSERT INTO " + table + " SELECT * FROM since_" + table)
		}
		must(t, r.Replay(t.Context()))
		stops, err := r.Store.Stops(t.Context())
		must(t, err)
		if _, err := r.Vault.Held(stops[0].Hold, vault.Owner{School: "oak"}, nil); !errors.Is(err, vault.ErrMissing) {
			t.Errorf("a backup of day 16 opens after day 30: %v", err)
		}
		if files, _ := filepath.Glob(filepath.Join(r.Keys, "vault", "hold-*.key*")); len(files) != 0 {
			t.Errorf("left: %v", files)
		}
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		r.empty("restored on day 31")
		if _, err := j.certificate(); err != nil {
			t.Error(err)
		}
	})
}

// A school that comes back starts clean at once, keeps what is new through the
// end of the old stop, and can stop again.
func TestReenrolmentStartsClean(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		r.imports(listed(1, true))
		j, old := r.safe()
		r.fill(3)
		j.revoke()
		r.decideAll()
		k, code := r.safe()
		r.clean()
		r.fill(2)
		must(t, r.readable())
		must(t, r.Stopped(t.Context()))
		if r.holds(true) != 0 {
			t.Error("the hold key of the old stop is there")
		}
		if c, err := j.certificate(); err != nil || c.Children != 3 {
			t.Errorf("the old certificate: %+v, %v", c, err)
		}
		if n := r.count("SELECT COUNT(*) FROM pupils"); n != 2 {
			t.Errorf("%d new children", n)
		}
		// The code of before has had its effect.
		j.gives(old)
		r.decideAll()
		if r.stopped() {
			t.Fatal("the old code stops the school again")
		}
		k.gives(code)
		r.decideAll()
		if !r.stopped() || !errors.Is(r.readable(), vault.ErrHeld) {
			t.Fatal("the new code does not stop it")
		}
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		if c, err := k.certificate(); err != nil || c.Children != 2 || c.Generation != 2 {
			t.Errorf("the new certificate: %+v, %v", c, err)
		}
		r.empty("day 30")
		r.sound("day 30")
	})
}

// clean checks that a school that has begun anew holds nothing of before.
func (r *rig) clean() {
	r.Helper()
	if n := r.count("SELECT COUNT(*) FROM pupils") + r.count("SELECT COUNT(*) FROM records"); n != 0 {
		r.Errorf("%d rows of before are left", n)
	}
}

// A thief of intake writes what it likes; only the code itself stops a school.
func TestOnlyTheCodeStops(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		j, code := r.safe()
		hash := code.Hash()
		for _, text := range []string{protocol.NewRevocationCode().Reveal(), fmt.Sprintf("%x", hash), string(hash[:]) + "x", "x"} {
			r.exec("INSERT INTO stop_requests (school, agent, code, received_at) VALUES ('oak', ?, ?, 1)", j.id[:], strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "x"), "x"))
			r.decideAll()
			if r.stopped() || r.count("SELECT COUNT(*) FROM stop_requests") != 0 {
				t.Fatal("a wrong code is obeyed, or kept in the right one's place")
			}
		}
		unknown := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
		id := envelope.AgentOf(unknown)
		r.exec("INSERT INTO stop_requests (school, agent, code, received_at) VALUES ('oak', ?, ?, 1)", id[:], code.Reveal())
		r.decideAll()
		if r.stopped() {
			t.Fatal("a code of another agent is obeyed")
		}
		// The machine was replaced; the head teacher's paper is of the one before.
		k, _ := r.safe()
		j.gives(code)
		r.decideAll()
		if a, err := k.last(protocol.KindRefusal); err != nil || !r.stopped() {
			t.Errorf("the school's own code does not stop it: %+v, %v", a, err)
		}
	})
}

// A school that stopped before there were hold keys gets one, and day 30 counts
// from when it stopped.
func TestStopOfBeforeHoldKeys(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newStopRig(t, db)
		j, _ := r.safe()
		r.fill(2)
		r.exec("UPDATE agents SET state = 'revoked'")
		stopped := clock.Now().Add(-29 * day).Truncate(time.Microsecond)
		r.exec("UPDATE schools SET revoked_at = ?", database.Micros(stopped))
		must(t, r.Stopped(t.Context()))
		if err := r.readable(); !errors.Is(err, vault.ErrHeld) {
			t.Errorf("its data open: %v", err)
		}
		r.sound("held")
		list, err := r.Store.Stops(t.Context())
		must(t, err)
		if len(list) != 1 || !list[0].Destroy.Equal(stopped.Add(30*day)) || !list[0].Hidden.Equal(stopped) {
			t.Errorf("%+v", list)
		}
		r.dayThirty()
		must(t, r.Stopped(t.Context()))
		r.empty("day 30")
		if _, err := j.certificate(); err != nil {
			t.Error(err)
		}
	})
}
