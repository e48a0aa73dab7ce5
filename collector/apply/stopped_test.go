package apply

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
)

// Schools stop while their batches, with children who were not there before, are
// being applied: whichever comes first, no child's key is left outside the hold
// key, and no batch waits.
func TestStopWhileApplying(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		const schools = 8
		var agents []*fakeAgent
		for range schools {
			a, m := r.begun(t, 2)
			for range 5 {
				m.add()
			}
			a.sync(t, m.rows, false, 1, nil)
			a.post(t, a.outbox[0])
			agents = append(agents, a)
		}
		for _, a := range agents {
			a.revoke(t)
		}
		var g errgroup.Group
		for range 2 {
			g.Go(func() error { _, err := r.applier.Once(t.Context()); return err })
			g.Go(func() error { _, err := r.desk.Once(t.Context()); return err })
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		r.once(t)
		for _, a := range agents {
			if s := a.status(t); s.School.Stopped.IsZero() || s.Waiting != 0 {
				t.Errorf("status %+v", s)
			}
			if got := a.states(t, a.school)[2]; got != inbox.StateRefused && got != inbox.StateApplied {
				t.Errorf("the batch in flight is %s", got)
			}
		}
		var outside, bodies int
		if err := r.store.Read(t.Context(), func(tx *store.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT (SELECT COUNT(*) FROM pupils WHERE epoch <> 0), (SELECT COUNT(*) FROM inbox WHERE envelope IS NOT NULL)").Scan(&outside, &bodies)
		}); err != nil {
			t.Fatal(err)
		}
		if outside != 0 || bodies != 0 {
			t.Errorf("%d keys are not under a hold key, %d sealed batches are kept", outside, bodies)
		}
		r.fsck(t)
	})
}
