package enrolment

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/roster"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

func listed(n int, mayKnow bool) store.Listed {
	upn, err := codes.MakeUPN(fmt.Sprintf("301%09d", n))
	if err != nil {
		panic(err)
	}
	return store.Listed{School: "oak", UPN: upn.Reveal(), DOB: "2012-03-04", MayKnow: mayKnow}
}

// imports makes children the roster of 301, and tells nobody.
func (r *rig) imports(children ...store.Listed) {
	r.Helper()
	i := roster.Importer{Store: r.Store, Vault: r.Vault}
	d, err := i.Import(r.Context(), "301", children, roster.Options{})
	if d.Release != "" {
		_, err = i.Import(r.Context(), "301", children, roster.Options{Release: d.Release})
	}
	must(r.T, err)
}

// joined is a confirmed agent of oak.
func (r *rig) joined() *joiner {
	r.Helper()
	j := r.joiner(r.code())
	j.send(j.code.Key(), time.Now())
	_, err := r.Confirm(r.Context(), "oak", j.id.String())
	must(r.T, err)
	return j
}

// holds checks what the agent's newest roster statement says; nil is none.
func (j *joiner) holds(what string, want []store.Listed) protocol.Statement {
	j.Helper()
	st, err := j.last(protocol.KindRoster)
	if want == nil {
		if err == nil {
			j.Errorf("%s: the agent has a roster", what)
		}
		return st
	}
	must(j.T, err)
	var body protocol.RosterStatement
	must(j.T, st.Decode(&body))
	r, err := protocol.OpenRoster(j.receive, j.id, body)
	must(j.T, err)
	entries := []protocol.RosterEntry{}
	for _, c := range want {
		entries = append(entries, protocol.RosterEntry{Authority: "301", UPN: c.UPN, DOB: c.DOB})
	}
	protocol.Roster{Entries: entries}.Sort()
	if len(r.Entries)+len(entries) > 0 && !reflect.DeepEqual(r.Entries, entries) {
		j.Errorf("%s: the agent holds %d children, want %d, or others", what, len(r.Entries), len(entries))
	}
	return st
}

func (r *rig) tell(what string, want bool) {
	r.Helper()
	told, err := r.Roster(r.Context(), "oak")
	must(r.T, err)
	if told != want {
		r.Errorf("%s: told is %v", what, told)
	}
}

func (r *rig) statements() (n int) {
	r.Helper()
	must(r.T, r.Store.Read(r.Context(), func(tx *store.Tx) error {
		return tx.QueryRow(r.Context(), "SELECT COUNT(*) FROM statements WHERE kind = 'roster'").Scan(&n)
	}))
	return n
}

func TestAgentIsToldItsPartOfTheRoster(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.tell("a school without an agent", false)
		j := r.joined()
		j.holds("no roster", nil)

		one, two, secret := listed(1, true), listed(2, true), listed(3, false)
		r.imports(one, two, secret)
		r.tell("an import", true)
		first := j.holds("an import", []store.Listed{one, two})
		r.tell("the same again", false)

		r.imports(one, two, secret, listed(4, false))
		r.tell("a child whom it may not know", false)
		two.DOB = "2012-03-05"
		r.imports(one, two, secret)
		r.tell("another date of birth", true)
		if st := j.holds("another date of birth", []store.Listed{one, two}); st.Serial <= first.Serial {
			t.Error("the serial did not rise")
		}
		if n := r.statements(); n != 1 {
			t.Errorf("%d roster statements are kept", n)
		}
		r.imports(secret)
		r.tell("nobody left whom it may know", true)
		j.holds("nobody left whom it may know", []store.Listed{})
	})
}

func TestRosterFollowsProvisionAndAgent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r, ctx := newRig(t, db), t.Context()
		one := listed(1, true)
		r.imports(one)
		j := r.joined()
		j.holds("confirmed", []store.Listed{one})

		provision := store.Provision{School: "oak", Authority: "301", Datasets: map[record.Dataset][]string{record.DatasetPupil: {"Surname"}}}
		must(t, r.Store.DropProvision(ctx, "oak", "301"))
		_, err := r.Provision(ctx, "oak")
		must(t, err)
		j.holds("the authority asks no more", []store.Listed{})
		must(t, r.Store.SetProvision(ctx, provision))
		_, err = r.Provision(ctx, "oak")
		must(t, err)
		j.holds("it asks again", []store.Listed{one})

		k := r.joined()
		k.holds("a new machine", []store.Listed{one})
		j.holds("the one before", nil)

		// After a revoke the school begins anew, under another key.
		_, err = r.Revoke(ctx, "oak", k.id.String())
		must(t, err)
		k.holds("revoked", nil)
		r.tell("a stopped school", false)
		l := r.joined()
		l.holds("after a revoke", []store.Listed{one})
		found, err := r.Store.Fsck(ctx, r.Vault)
		must(t, err)
		for _, f := range found {
			t.Errorf("fsck: %+v", f)
		}
	})
}

// The job tells what an import that was killed did not, and destroys what it
// left; it says nothing twice within a day, and everything again after it.
func TestRostersJob(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r, ctx := newRig(t, db), t.Context()
		j := r.joined()
		one := listed(1, true)
		r.imports(one)
		staged := func(age time.Duration) {
			t.Helper()
			must(t, r.Store.StageRoster(ctx, r.Vault, "301", time.Now().Add(-age).UnixMicro(), "oak", []store.Listed{listed(9, true)}))
		}
		staged(25 * time.Hour)
		staged(time.Hour)
		var last uint64
		for i := range 3 {
			must(t, r.Rosters(ctx))
			st := j.holds("the job", []store.Listed{one})
			if i > 0 && st.Serial != last {
				t.Error("it is told again")
			}
			last = st.Serial
		}
		var rows int
		must(t, r.Store.Read(ctx, func(tx *store.Tx) error { return tx.QueryRow(ctx, "SELECT COUNT(*) FROM roster").Scan(&rows) }))
		if rows != 2 {
			t.Errorf("%d rows are left: the standing one and the one of an import that may go on are 2", rows)
		}
		must(t, r.Store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE roster_told SET told_at = ?", database.Micros(time.Now().Add(-25*time.Hour)))
			return err
		}))
		must(t, r.Rosters(ctx))
		if st := j.holds("a day later", []store.Listed{one}); st.Serial <= last {
			t.Error("it is not told again after a day")
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if r.Rosters(ended) == nil {
			t.Error("an ended job ended well")
		}
	})
}
