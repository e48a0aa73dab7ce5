package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
		outside bool   // only by the checkpoint
		later   bool   // only by reading everything
		says    string // of the first fault
		both    bool   // on both databases
	}{
		"who it was is changed":      {do: []string{"UPDATE audit SET user_id = 'u9' WHERE chain = 'authority/933' AND seq = 2"}, later: true},
		"the time is changed":        {do: []string{"UPDATE audit SET at = at + 1 WHERE chain = 'authority/933' AND seq = 2"}, later: true},
		"a child is taken out":       {do: []string{"UPDATE audit SET children = '' WHERE chain = 'school/abbey' AND seq = 2"}, later: true},
		"the reason is emptied":      {do: []string{"UPDATE audit SET reason = x WHERE chain = 'authority/933' AND seq = 3"}, later: true, both: true},
		"one is dropped":             {do: []string{"DELETE FROM audit WHERE chain = 'authority/933' AND seq = 4"}, later: true, says: "1 entries before it are missing"},
		"the first is dropped":       {do: []string{"DELETE FROM audit WHERE chain = 'authority/933' AND seq = 1"}, later: true},
		"two are swapped":            {do: []string{"UPDATE audit SET seq = 100 WHERE chain = 'school/oak' AND seq = 1", "UPDATE audit SET seq = 1 WHERE chain = 'school/oak' AND seq = 2", "UPDATE audit SET seq = 2 WHERE chain = 'school/oak' AND seq = 100"}, later: true},
		"the last is dropped":        {do: []string{"DELETE FROM audit WHERE chain = 'operator' AND seq = 3"}, says: "the last 1 entries are missing", both: true},
		"the tail is cut off":        {do: []string{"DELETE FROM audit WHERE chain = 'operator' AND seq > 1", "UPDATE audit_chains SET seq = 1, hash = (SELECT hash FROM audit WHERE chain = 'operator' AND seq = 1) WHERE chain = 'operator'"}, outside: true},
		"the beginning is cut off":   {do: []string{"UPDATE audit_chains SET from_seq = 1, from_hash = (SELECT hash FROM audit WHERE chain = 'operator' AND seq = 1) WHERE chain = 'operator'", "DELETE FROM audit WHERE chain = 'operator' AND seq = 1"}, outside: true},
		"a chain is taken away":      {do: []string{"DELETE FROM audit WHERE chain = 'school/oak'", "DELETE FROM audit_chains WHERE chain = 'school/oak'"}, outside: true},
		"an entry is put at the end": {do: []string{"INSERT INTO audit SELECT chain, seq + 1, id, at, user_id, action, authority, school, children, about, reason, hash FROM audit WHERE chain = 'operator' AND seq = 3"}},
		"it begins with another":     {do: []string{"UPDATE audit_chains SET from_hash = hash WHERE chain = 'operator'"}, later: true, says: "does not begin with its own name"},
		"the end is another":         {do: []string{"UPDATE audit_chains SET hash = from_hash WHERE chain = 'operator'"}},
	} {
		t.Run(name, func(t *testing.T) {
			each := dbtest.Each
			if !c.both { // what proves a chain does not depend on the database
				each = func(t *testing.T, f func(*testing.T, *database.DB)) { f(t, dbtest.Migrated(t, dbtest.SQLite(t))) }
			}
			each(t, func(t *testing.T, db *database.DB) {
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
				if c.says != "" && !strings.Contains(with.Faults[0].Text, c.says) {
					t.Errorf("it does not say %q: %+v", c.says, with.Faults)
				}
				if s := b.state(); len(s.Alarms) == 0 && !c.later {
					t.Errorf("no alarm: %+v", s)
				}
				// A day later the job has read everything, and the alarm stays.
				b.now = b.now.Add(25 * time.Hour)
				b.run()
				for range 2 {
					b.now = b.now.Add(time.Hour)
					b.run()
					if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0].English, "not as it was written") {
						t.Errorf("days later: %+v", s)
					}
					b.now = b.now.Add(25 * time.Hour)
					b.run()
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
