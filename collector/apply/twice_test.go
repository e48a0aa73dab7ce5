package apply

import (
	"sync"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
)

// Several appliers on one database, as several processes have them, take the
// same batches at the same time: each is applied once.
func TestAppliersAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		const schools, appliers = 3, 3
		var agents []*fakeAgent
		var lists []*fakeMIS
		for range schools {
			a, m := r.begun(t, 4)
			agents, lists = append(agents, a), append(lists, m)
			for week := range 3 {
				m.week(m.ids()[0], week, "N")
				m.drop(m.ids()[len(m.ids())-1])
				m.add()
				a.sync(t, m.rows, false, 1, nil)
			}
			a.sync(t, m.rows, false, 2, nil)
			for _, s := range a.outbox {
				a.post(t, s)
			}
		}
		failed := make([]error, appliers)
		var all sync.WaitGroup
		for i := range appliers {
			other := New(r.applier.Config)
			all.Go(func() { _, failed[i] = other.Once(t.Context()) })
		}
		all.Wait()
		for _, err := range failed {
			if err != nil {
				t.Error(err)
			}
		}
		r.once(t)
		for i, a := range agents {
			a.settle(t)
			a.want(t, lists[i].rows)
			if f := a.refusal(t); f.Reason != "" {
				t.Errorf("refusal %+v", f)
			}
		}
		r.fsck(t)
	})
}
