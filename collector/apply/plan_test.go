package apply

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/record"
)

// Nothing that is done for a batch, a request or by the clock costs more with
// every school and every year.
func TestNoStatementWalksATable(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	r := newRig(t, db)
	a, m := r.begun(t, 10)
	m.week(m.ids()[0], 0, "N")
	m.put(&record.Pupil{ID: m.ids()[1], DOB: "2999-01-01", InCare: true})
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	m.rename(m.ids()[2])
	a.sync(t, m.rows, false, 1, m.taken())
	a.deliver(t)
	for _, id := range m.ids()[:6] {
		m.drop(id)
	}
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	holds := a.outcome(t).Holds
	if len(holds) == 0 {
		t.Fatal("nothing is held")
	}
	a.released = []string{holds[0].Code}
	a.sync(t, m.rows, true, 2, nil)
	a.deliver(t)
	a.released = nil
	b := a.copied()
	m.week(m.ids()[0], 1, "N")
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	b.counter += 10
	b.sync(t, m.rows, false, 1, nil)
	b.post(t, b.outbox[0])
	r.once(t)
	a.counter += 20
	a.sealPlain(t, false, nil, []byte("not a body"))
	a.deliver(t)
	if err := r.desk.Resync(t.Context(), a.school); err != nil {
		t.Fatal(err)
	}
	c := r.enrol(t, a.school)
	c.confirm(t)
	c.revoke(t)
	if _, err := r.desk.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(40 * 24 * time.Hour)
	if _, err := r.store.Rotate(t.Context(), r.vault, later); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Tidy(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	dbtest.NoWalks(t, db, 60)
	// A search by the school alone would read all its history.
	plans, err := db.Plans(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(fmt.Sprint(plans), "record_history_pupil") {
		t.Error("whether anything of a pupil is left is not asked by the index of pupils")
	}
}
