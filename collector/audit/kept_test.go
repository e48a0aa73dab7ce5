package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
)

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
		if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0].English, "cannot be checked") {
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
	if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0].English, "no checkpoint") {
		t.Errorf("later: %+v", s)
	}
	b.run()
	if s := b.state(); len(s.Alarms) > 0 {
		t.Errorf("after the job: %+v", s)
	}
	b.now = b.now.Add(4 * 24 * time.Hour)
	if s := b.state(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0].English, "last full verification") {
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

// The operator is told once of each chain whose it is and what was found.
func TestAlarmsNameTheChain(t *testing.T) {
	faults := []Fault{
		{Chain: Operator, Text: "the chain is gone: it had 3 entries"}, {Chain: Operator, Seq: 2, Text: "a second one"},
		{Chain: OfAuthority("933"), Seq: 7, Text: "the last 3 entries are missing"}, {Chain: OfSchool("abbey"), Seq: 1, Text: "the entry was changed, or the one before it"},
	}
	want := []string{"of the operator is not as it was written: `the chain is gone: it had 3 entries`.",
		"of authority 933 is not as it was written: `the last 3 entries are missing`.", "of school abbey is not as it was written: `the entry was changed, or the one before it`."}
	list := faultAlarms(faults)
	if len(list) != len(want) {
		t.Fatalf("%d alarms", len(list))
	}
	for i, a := range list {
		if got := a.Words(start, nil); !strings.Contains(got, want[i]) {
			t.Errorf("%q does not say %q", got, want[i])
		}
	}
}
