package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// a bench is a log with everything around it; its clock stands still.
type bench struct {
	*testing.T
	db     *database.DB
	log    *Log
	vault  *vault.Vault
	keeper Keeper
	now    time.Time
}

func newBench(t *testing.T, db *database.DB) *bench {
	t.Helper()
	b := &bench{T: t, db: db, now: start}
	home := t.TempDir()
	made, err := keys.Init(home, []string{"127.0.0.1"}, start)
	b.must(err)
	control, err := keys.OpenControl(home)
	b.must(err)
	dir := t.TempDir()
	b.must(vault.Init(dir))
	b.vault, err = vault.Open(dir)
	b.must(err)
	t.Cleanup(func() { b.must(b.vault.Close()) })
	st := store.New(db)
	for _, code := range []string{"933", "330"} {
		b.must(st.PutAuthority(t.Context(), store.Authority{Code: code, Why: "Section 22(3A) of the Children Act 1989"}))
	}
	for _, id := range []string{"abbey", "oak"} {
		b.must(st.AddSchool(t.Context(), store.School{ID: id, Name: id}))
	}
	b.log = New(db, b.vault)
	b.log.now = func() time.Time { return b.now }
	b.keeper = Keeper{Log: b.log, Shelf: At(filepath.Join(t.TempDir(), "audit"), made.Root), Key: control[0], Keyring: made.Signed}
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) add(e Entry) {
	b.Helper()
	b.now = b.now.Add(time.Second)
	b.must(b.log.Add(b.Context(), e))
}

func (b *bench) exec(query string, args ...any) {
	b.Helper()
	b.must(b.db.Write(b.Context(), func(tx *database.Tx) error {
		_, err := tx.Exec(b.Context(), query, args...)
		return err
	}))
}

// open takes the triggers away, as somebody may who changes the schema.
func (b *bench) open() {
	b.Helper()
	if b.db.Dialect == database.Postgres {
		b.exec("ALTER TABLE audit DISABLE TRIGGER ALL")
		b.exec("ALTER TABLE audit_chains DISABLE TRIGGER ALL")
		return
	}
	for _, t := range []string{"audit_unchanged", "audit_kept", "audit_chain_grows", "audit_chain_kept"} {
		b.exec("DROP TRIGGER " + t)
	}
}

func (b *bench) run() Report {
	b.Helper()
	r, err := b.keeper.Run(b.Context(), b.now, b.now.AddDate(-7, 0, 0))
	b.must(err)
	return r
}

func (b *bench) verify() Report {
	b.Helper()
	known, err := b.keeper.Shelf.All()
	b.must(err)
	r, err := b.log.Verify(b.Context(), known...)
	b.must(err)
	return r
}

func (b *bench) state() State {
	b.Helper()
	s, err := b.log.State(b.Context(), b.keeper.Shelf, b.now)
	b.must(err)
	return s
}

func child(n int) record.PupilID { return record.PupilID(fmt.Sprintf("%032x", n)) }

func viewed(authority, school string, n int) Entry {
	return Entry{Authority: authority, User: "u1", Action: ChildViewed, Subject: Subject{School: school, Children: []record.PupilID{child(n)}}}
}

// some writes a few entries to five chains.
func (b *bench) some() {
	b.Helper()
	for n := range 3 {
		b.add(viewed("933", "abbey", n))
		b.add(viewed("330", "abbey", n))
		b.add(viewed("933", "oak", n))
		b.add(Entry{Authority: "933", User: "u2", Action: ChildrenExported, Subject: Subject{About: "xlsx", Reason: "asked for by the social worker"}})
		b.add(Entry{User: "u3", Action: ConsoleViewed})
	}
}

func TestAnEntryIsInTheChainsOfWhomItConcerns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		b.add(Entry{Authority: "933", User: "u1", Action: ChildViewed, Subject: Subject{
			School: "abbey", Children: []record.PupilID{child(2), child(1), child(2)}, About: "attendance", Reason: "Asked by Zoë's social worker",
		}})
		b.add(Entry{Authority: "933", User: "u1", Action: LabelChanged})
		b.add(Entry{User: "u4", Action: SchoolPaused, Subject: Subject{School: "abbey", Reason: "exam week"}})
		b.add(Entry{User: "u3", Action: ConsoleViewed})
		got := map[Chain][]Record{}
		for _, c := range []Chain{OfAuthority("933"), OfSchool("abbey"), Operator, OfAuthority("330")} {
			list, more, err := b.log.Read(t.Context(), Query{Chain: c})
			b.must(err)
			if more {
				t.Errorf("%s has more", c)
			}
			for _, r := range list {
				if len(r.Hash) != 32 || len(r.ID) != 32 || r.ReasonGone {
					t.Errorf("%s: %+v", c, r)
				}
				r.Hash, r.ID = nil, ""
				got[c] = append(got[c], r)
			}
		}
		at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
		both := Entry{Authority: "933", User: "u1", Action: ChildViewed, Subject: Subject{
			School: "abbey", Children: []record.PupilID{child(1), child(2)}, About: "attendance", Reason: "Asked by Zoë's social worker"}}
		want := map[Chain][]Record{
			"authority/933": {
				{Entry: Entry{Authority: "933", User: "u1", Action: LabelChanged}, Chain: "authority/933", Seq: 2, At: at(2)},
				{Entry: both, Chain: "authority/933", Seq: 1, At: at(1)},
			},
			"school/abbey": {
				{Entry: Entry{User: "u4", Action: SchoolPaused, Subject: Subject{School: "abbey", Reason: "exam week"}}, Chain: "school/abbey", Seq: 2, At: at(3)},
				{Entry: both, Chain: "school/abbey", Seq: 1, At: at(1)},
			},
			"operator": {{Entry: Entry{User: "u3", Action: ConsoleViewed}, Chain: "operator", Seq: 1, At: at(4)}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if r := b.verify(); len(r.Faults) > 0 || r.Chains != 3 || r.Entries != 5 {
			t.Errorf("%+v", r)
		}
	})
}

func TestWhatCannotBeWritten(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	good := viewed("933", "abbey", 1)
	for name, change := range map[string]func(*Entry){
		"an unknown action":              func(e *Entry) { e.Action = "peeked" },
		"nobody":                         func(e *Entry) { e.User = "" },
		"a name in place of a number":    func(e *Entry) { e.User = "Jo Lee" },
		"children of no school":          func(e *Entry) { e.School = "" },
		"a child by name":                func(e *Entry) { e.Children = []record.PupilID{"Zoë Example"} },
		"words about it that are free":   func(e *Entry) { e.About = "Zoë's mark" },
		"words about it that are long":   func(e *Entry) { e.About = strings.Repeat("a", 201) },
		"a reason that is too long":      func(e *Entry) { e.Reason = strings.Repeat("a", maxReason+1) },
		"a reason that is no text":       func(e *Entry) { e.Reason = "\xff" },
		"a reason that nothing can seal": func(e *Entry) { e.Authority, e.School, e.Children, e.Reason = "", "", nil, "because" },
		"an authority that is no code":   func(e *Entry) { e.Authority = "93/3" },
	} {
		e := good
		change(&e)
		if err := b.log.Add(t.Context(), e); !errors.Is(err, ErrInvalid) || strings.Contains(err.Error(), "Zoë") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := b.verify(); r.Entries != 0 {
		t.Errorf("%+v", r)
	}
}

// What is not written does not leave a gap, and AddIn commits with what it tells of.
func TestAnEntryThatIsTakenBackLeavesNoGap(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		b.add(viewed("933", "abbey", 1))
		back := errors.New("taken back")
		err := db.Write(t.Context(), func(tx *database.Tx) error {
			return errors.Join(b.log.AddIn(t.Context(), tx, viewed("933", "abbey", 2)), back)
		})
		if !errors.Is(err, back) {
			t.Fatal(err)
		}
		b.add(viewed("933", "abbey", 3))
		if r := b.verify(); len(r.Faults) > 0 || r.Entries != 4 {
			t.Errorf("%+v", r)
		}
	})
}

func TestManyWritersAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		const writers, each = 8, 12
		var wg sync.WaitGroup
		for w := range writers {
			// Half of them are other processes.
			l := b.log
			if w%2 == 1 {
				l = New(db, b.vault)
			}
			wg.Go(func() {
				for n := range each {
					e := viewed([]string{"933", "330"}[w%2], []string{"abbey", "oak"}[n%2], n)
					other := viewed([]string{"330", "933"}[w%2], []string{"oak", "abbey"}[n%2], n)
					e.Reason = "asked for"
					if err := l.AddAll(context.Background(), []Entry{e, other}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		r := b.verify()
		if len(r.Faults) > 0 || r.Entries != writers*each*4 {
			t.Errorf("%d entries, %+v", r.Entries, r.Faults)
		}
	})
}

func TestTheDatabaseRefusesToChangeEntries(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		b.some()
		for _, q := range []string{
			"UPDATE audit SET user_id = 'u9' WHERE seq = 1",
			"DELETE FROM audit",
			"DELETE FROM audit WHERE chain = 'operator' AND seq = 3",
			"UPDATE audit_chains SET seq = seq - 1",
			"UPDATE audit_chains SET from_seq = seq + 1",
			"DELETE FROM audit_chains",
		} {
			err := db.Write(t.Context(), func(tx *database.Tx) error {
				_, err := tx.Exec(t.Context(), q)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "audit") {
				t.Errorf("%s: %v", q, err)
			}
		}
		if r := b.verify(); len(r.Faults) > 0 {
			t.Errorf("%+v", r.Faults)
		}
	})
}

// What somebody does who can write around the program is found: by the chain itself, or
// by the checkpoint outside.
func TestEveryChangeIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		do      []string
		outside bool // only by the checkpoint
		later   bool // only by reading everything
	}{
		"who it was is changed":      {do: []string{"UPDATE audit SET user_id = 'u9' WHERE chain = 'authority/933' AND seq = 2"}, later: true},
		"the time is changed":        {do: []string{"UPDATE audit SET at = at + 1 WHERE chain = 'authority/933' AND seq = 2"}, later: true},
		"a child is taken out":       {do: []string{"UPDATE audit SET children = '' WHERE chain = 'school/abbey' AND seq = 2"}, later: true},
		"the reason is emptied":      {do: []string{"UPDATE audit SET reason = x WHERE chain = 'authority/933' AND seq = 3"}, later: true},
		"one is dropped":             {do: []string{"DELETE FROM audit WHERE chain = 'authority/933' AND seq = 4"}, later: true},
		"the first is dropped":       {do: []string{"DELETE FROM audit WHERE chain = 'authority/933' AND seq = 1"}, later: true},
		"two are swapped":            {do: []string{"UPDATE audit SET seq = 100 WHERE chain = 'school/oak' AND seq = 1", "UPDATE audit SET seq = 1 WHERE chain = 'school/oak' AND seq = 2", "UPDATE audit SET seq = 2 WHERE chain = 'school/oak' AND seq = 100"}, later: true},
		"the last is dropped":        {do: []string{"DELETE FROM audit WHERE chain = 'operator' AND seq = 3"}},
		"the tail is cut off":        {do: []string{"DELETE FROM audit WHERE chain = 'operator' AND seq > 1", "UPDATE audit_chains SET seq = 1, hash = (SELECT hash FROM audit WHERE chain = 'operator' AND seq = 1) WHERE chain = 'operator'"}, outside: true},
		"the beginning is cut off":   {do: []string{"UPDATE audit_chains SET from_seq = 1, from_hash = (SELECT hash FROM audit WHERE chain = 'operator' AND seq = 1) WHERE chain = 'operator'", "DELETE FROM audit WHERE chain = 'operator' AND seq = 1"}, outside: true},
		"a chain is taken away":      {do: []string{"DELETE FROM audit WHERE chain = 'school/oak'", "DELETE FROM audit_chains WHERE chain = 'school/oak'"}, outside: true},
		"an entry is put at the end": {do: []string{"INSERT INTO audit SELECT chain, seq + 1, id, at, user_id, action, authority, school, children, about, reason, hash FROM audit WHERE chain = 'operator' AND seq = 3"}},
		"the end is another":         {do: []string{"UPDATE audit_chains SET hash = from_hash WHERE chain = 'operator'"}},
	} {
		t.Run(name, func(t *testing.T) {
			dbtest.Each(t, func(t *testing.T, db *database.DB) {
				b := newBench(t, db)
				b.some()
				if r := b.run(); len(r.Faults) > 0 {
					t.Fatalf("%+v", r.Faults)
				}
				if s := b.state(); len(s.Alarms) > 0 {
					t.Fatalf("%+v", s)
				}
				b.open()
				empty := "''"
				if db.Dialect == database.SQLite {
					empty = "x''"
				}
				for _, q := range c.do {
					b.exec(strings.ReplaceAll(q, "reason = x", "reason = "+empty))
				}
				alone, err := b.log.Verify(t.Context())
				b.must(err)
				if found := len(alone.Faults) > 0; found == c.outside {
					t.Errorf("the chains alone show %+v", alone.Faults)
				}
				with := b.verify()
				if len(with.Faults) == 0 || len(with.Faults) > 4 {
					t.Errorf("with the checkpoint: %+v", with.Faults)
				}
				if s := b.state(); len(s.Alarms) == 0 && !c.later {
					t.Errorf("no alarm: %+v", s)
				}
				// A day later the job has read everything, and the alarm stays.
				b.now = b.now.Add(25 * time.Hour)
				b.run()
				b.now = b.now.Add(time.Hour)
				b.run()
				if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "not as it was written") {
					t.Errorf("a day later: %+v", s)
				}
			})
		})
	}
}

// Who makes a chain anew, each hash right, is found by the checkpoint.
func TestAChainMadeAnewIsFound(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b.some()
	b.run()
	b.open()
	b.must(b.db.Write(t.Context(), func(tx *database.Tx) error {
		rows, err := readRows(t.Context(), tx, rowColumns+"WHERE chain = 'operator' ORDER BY seq")
		if err != nil {
			return err
		}
		last := first(Operator)
		for _, r := range rows {
			r.user = "u9"
			r.hash = r.sum(last)
			last = r.hash
			if _, err := tx.Exec(t.Context(), "UPDATE audit SET user_id = 'u9', hash = ? WHERE chain = 'operator' AND seq = ?", r.hash, r.seq); err != nil {
				return err
			}
		}
		_, err = tx.Exec(t.Context(), "UPDATE audit_chains SET hash = ? WHERE chain = 'operator'", last)
		return err
	}))
	if alone, err := b.log.Verify(t.Context()); err != nil || len(alone.Faults) > 0 {
		t.Errorf("%+v %v", alone.Faults, err)
	}
	if with := b.verify(); len(with.Faults) != 1 || with.Faults[0].Chain != Operator || !with.Faults[0].Outside {
		t.Errorf("%+v", with.Faults)
	}
	if s := b.state(); len(s.Alarms) != 1 {
		t.Errorf("%+v", s)
	}
}

// A database from a backup has lost entries: that shows until somebody has said so.
func TestARestoredBackupIsAccepted(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b.some()
	b.run()
	b.open()
	b.exec("DELETE FROM audit WHERE seq > 2")
	b.exec("UPDATE audit_chains SET seq = 2, hash = (SELECT hash FROM audit a WHERE a.chain = audit_chains.chain AND a.seq = 2)")
	if s := b.state(); len(s.Alarms) == 0 {
		t.Fatalf("%+v", s)
	}
	b.now = b.now.Add(time.Hour)
	list, err := b.keeper.Accept(t.Context(), "restored after the disk failed", b.now)
	b.must(err)
	if len(list) != 5 {
		t.Errorf("%v", list)
	}
	if s := b.state(); len(s.Alarms) > 0 {
		t.Errorf("%+v", s)
	}
	got, _, err := b.log.Read(t.Context(), Query{Chain: OfAuthority("933"), Action: AuditAccepted})
	b.must(err)
	if len(got) != 1 || got[0].Reason != "restored after the disk failed" || got[0].About != "was=9 is=2" {
		t.Errorf("%+v", got)
	}
	b.exec("UPDATE audit SET user_id = 'u9' WHERE chain = 'operator' AND seq = 1")
	if _, err := b.keeper.Accept(t.Context(), "again", b.now); !errors.Is(err, ErrBroken) {
		t.Errorf("a broken chain: %v", err)
	}
}

func TestWhatIsPastItsTimeGoesAndTheRestProvesItself(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		b.some()
		b.run()
		cutoff := b.now.Add(time.Minute)
		b.now = b.now.Add(48 * time.Hour)
		b.add(viewed("933", "abbey", 7))
		_, err := b.keeper.Run(t.Context(), b.now, cutoff)
		b.must(err)
		r := b.verify()
		if len(r.Faults) > 0 || r.Entries != 2 || r.Chains != 5 {
			t.Errorf("%+v", r)
		}
		b.some()
		b.now = b.now.Add(48 * time.Hour)
		if r := b.run(); len(r.Faults) > 0 {
			t.Errorf("%+v", r.Faults)
		}
		if s := b.state(); len(s.Alarms) > 0 {
			t.Errorf("%+v", s)
		}
		list, _, err := b.log.Read(t.Context(), Query{Chain: OfSchool("abbey")})
		b.must(err)
		if len(list) != 7 || list[len(list)-1].Seq != 7 {
			t.Errorf("%d entries, the oldest is %+v", len(list), list[len(list)-1])
		}
	})
}

// A job that ends between its checkpoint and the deleting goes on the next time.
func TestDeletingGoesOnWhereItStopped(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for n := range 2*piece + 10 {
		b.add(Entry{User: "u3", Action: ConsoleViewed, Subject: Subject{About: fmt.Sprint(n)}})
	}
	b.run()
	newest, err := b.keeper.Shelf.Newest()
	b.must(err)
	m := newest.Marks[Operator]
	m.From, m.FromHash, err = b.log.past(t.Context(), Operator, m, b.now.Add(time.Hour))
	b.must(err)
	newest.Marks[Operator], newest.Number = m, newest.Number+1
	b.must(b.keeper.Shelf.put(newest, b.keeper.Key, b.keeper.Keyring))
	_, err = b.log.pruneTo(t.Context(), Operator, 300)
	b.must(err)
	if r := b.verify(); len(r.Faults) > 0 || r.Entries != 2*piece+10-300 {
		t.Errorf("%d %+v", r.Entries, r.Faults)
	}
	b.run()
	if r := b.verify(); len(r.Faults) > 0 || r.Entries != 0 {
		t.Errorf("%d %+v", r.Entries, r.Faults)
	}
	b.add(Entry{User: "u3", Action: ConsoleViewed})
	if r := b.run(); len(r.Faults) > 0 {
		t.Errorf("%+v", r.Faults)
	}
}

func TestReading(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		b := newBench(t, db)
		b.some()
		count := func(q Query) int {
			list, _, err := b.log.Read(t.Context(), q)
			b.must(err)
			all := 0
			b.must(b.log.Each(t.Context(), q, func(Record) error { all++; return nil }))
			if q.Limit == 0 && all != len(list) {
				t.Errorf("%+v: Read finds %d, Each %d", q, len(list), all)
			}
			return len(list)
		}
		c := OfAuthority("933")
		for want, q := range map[int]Query{
			9: {Chain: c}, 6: {Chain: c, User: "u1"}, 3: {Chain: c, School: "oak"}, 2: {Chain: c, Action: ChildrenExported, From: start.Add(5 * time.Second)},
			1: {Chain: c, To: start.Add(2 * time.Second)}, 0: {Chain: c, User: "u1", Action: ChildrenExported},
		} {
			if n := count(q); n != want {
				t.Errorf("%+v: %d", q, n)
			}
		}
		var seqs []int64
		q := Query{Chain: c, Limit: 4}
		for more := true; more; {
			var list []Record
			var err error
			list, more, err = b.log.Read(t.Context(), q)
			b.must(err)
			for _, r := range list {
				seqs = append(seqs, r.Seq)
			}
			q.Before = list[len(list)-1].Seq
		}
		if !slices.Equal(seqs, []int64{9, 8, 7, 6, 5, 4, 3, 2, 1}) {
			t.Errorf("%v", seqs)
		}
		dbtest.NoWalks(t, db, 5)
	})
}

// A reason is nowhere in clear, and one whose key is gone is told as such.
func TestAReasonIsSealed(t *testing.T) {
	path := dbtest.SQLite(t)
	b := newBench(t, dbtest.Migrated(t, path))
	b.add(Entry{Authority: "933", User: "u1", Action: ChildrenExported, Subject: Subject{School: "abbey", Reason: "CANARY-OF-THE-REASON"}})
	for _, ending := range []string{"", "-wal"} {
		text, err := os.ReadFile(strings.TrimPrefix(path, "sqlite:") + ending)
		b.must(err)
		if bytes.Contains(text, []byte("CANARY")) {
			t.Errorf("the reason stands in the database%s", ending)
		}
	}
	// A day later its key is wrapped anew, and opens it still.
	_, err := store.New(b.db).Rotate(t.Context(), b.vault, clock.Now().Add(25*time.Hour))
	b.must(err)
	list, _, err := b.log.Read(t.Context(), Query{Chain: OfSchool("abbey")})
	b.must(err)
	if len(list) != 1 || list[0].Reason != "CANARY-OF-THE-REASON" {
		t.Errorf("%+v", list)
	}
	b.exec("DELETE FROM authority_keys")
	list, _, err = b.log.Read(t.Context(), Query{Chain: OfSchool("abbey")})
	b.must(err)
	if len(list) != 1 || list[0].Reason != "" || !list[0].ReasonGone {
		t.Errorf("%+v", list)
	}
	if r := b.verify(); len(r.Faults) > 0 {
		t.Errorf("%+v", r.Faults)
	}
}

func TestCheckpointsOfOthersProveNothing(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	b.some()
	b.run()
	names, err := b.keeper.Shelf.names()
	b.must(err)
	path := filepath.Join(b.keeper.Shelf.dir, names[0])
	text, err := os.ReadFile(path)
	b.must(err)
	if _, err := At(b.keeper.Shelf.dir, protocol.Fingerprint{1}).Read(path); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("another root key: %v", err)
	}
	changed := bytes.Replace(text, []byte(`"seq":3`), []byte(`"seq":2`), 1)
	if bytes.Equal(changed, text) {
		t.Fatal("nothing was changed")
	}
	for name, content := range map[string][]byte{"changed": changed, "cut": text[:len(text)/2], "empty": {}} {
		b.must(os.WriteFile(path, content, 0o600))
		if _, err := b.keeper.Shelf.Newest(); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
		if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "cannot be checked") {
			t.Errorf("%s: %+v", name, s)
		}
		if _, err := b.keeper.Run(t.Context(), b.now, start); !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: the job went on: %v", name, err)
		}
	}
}

func TestTheShelfKeepsTheLastOfOldMonths(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for range 100 {
		b.now = b.now.Add(24 * time.Hour)
		b.add(Entry{User: "u3", Action: ConsoleViewed})
		b.run()
		b.run()
	}
	names, err := b.keeper.Shelf.names()
	b.must(err)
	// 24 November to 3 March: the ends of November, December and January, and 31 days.
	if len(names) != 34 || names[0] != "checkpoint-2026-11-30.json" || names[2] != "checkpoint-2027-01-31.json" {
		t.Errorf("%d: %v", len(names), names)
	}
	if r := b.verify(); len(r.Faults) > 0 {
		t.Errorf("%+v", r.Faults)
	}
}

// A job that does not run is an alarm.
func TestALateJobIsAnAlarm(t *testing.T) {
	b := newBench(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	if s := b.state(); len(s.Alarms) > 0 {
		t.Errorf("of nothing: %+v", s)
	}
	b.some()
	if s := b.state(); len(s.Alarms) > 0 {
		t.Errorf("at once: %+v", s)
	}
	b.now = b.now.Add(3 * time.Hour)
	if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "no checkpoint") {
		t.Errorf("later: %+v", s)
	}
	b.run()
	if s := b.state(); len(s.Alarms) > 0 {
		t.Errorf("after the job: %+v", s)
	}
	b.now = b.now.Add(4 * 24 * time.Hour)
	if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "last verified") {
		t.Errorf("days later: %+v", s)
	}
}

func TestActionsAreEachOnce(t *testing.T) {
	seen := map[Action]bool{}
	for _, a := range Actions() {
		if seen[a] || !a.Known() {
			t.Errorf("%s is there twice", a)
		}
		seen[a] = true
	}
}
