package apply

import (
	"context"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/roster"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// What an agent made of the rosters stands as of its last read, of authorities
// that ask the school; and a child on the roster who is sent is missed no more.
func TestRosterUse(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a, m := begun(t, db, 2)
		upn, err := codes.MakeUPN("301000000001")
		if err != nil {
			t.Fatal(err)
		}
		child := store.Listed{School: a.school, UPN: upn.Reveal(), DOB: "2012-03-04", MayKnow: true}
		if _, err := (roster.Importer{Store: a.store, Vault: a.vault}).Import(a.Context(), "301", []store.Listed{child}, roster.Options{}); err != nil {
			t.Fatal(err)
		}
		missing := func() store.Missing {
			t.Helper()
			found, err := a.store.Missing(context.WithoutCancel(a.Context()), a.vault, "301")
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		if before := missing(); before.Unsent != 1 || before.Schools[0].Use != nil {
			t.Fatalf("before: %+v", before)
		}
		a.roster = []protocol.RosterUse{{Authority: "301", Waiting: 3, NotFound: 2, Sent: 1, Accepted: 1}, {Authority: "855", Waiting: 1}}
		a.settled(t, "with a roster", m, false)
		use := missing().Schools[0].Use
		if use == nil || use.RosterUse != a.roster[0] || use.AsAt.IsZero() {
			t.Fatalf("the use is %+v", use)
		}
		a.roster[0].Waiting = 0
		a.settled(t, "after an acceptance", m, true)
		if use := missing().Schools[0].Use; use == nil || use.RosterUse != a.roster[0] {
			t.Errorf("the use is %+v", use)
		}
		id := m.ids()[0]
		m.put(&record.Pupil{ID: id, UPN: upn.Reveal(), InCare: true, CareAuthority: "301"})
		a.roster = nil
		a.settled(t, "the child is sent", m, false)
		if after := missing(); after.Unsent != 0 || after.Listed != 1 {
			t.Errorf("the child who is sent is missed: %+v", after)
		}
		m.drop(id)
		a.settled(t, "the child leaves", m, false)
		if left := missing(); left.Unsent != 1 || left.Schools[0].Use != nil {
			t.Errorf("the child who left is not missed, or an old use stands: %+v", left)
		}
		a.fsck(t)
	})
}
