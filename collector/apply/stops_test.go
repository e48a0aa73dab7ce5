package apply

import (
	"maps"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// What an agent says of its safety stops, on both databases.
func TestSafetyStops(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for name, run := range map[string]func(*testing.T){
			"EveryKindIsShown":               r.testEveryKindIsShown,
			"StoppedRegisterIsNotReceived":   r.testStoppedRegisterIsNotReceived,
			"FullBatchWithAStoppedDataset":   r.testFullBatchWithAStoppedDataset,
			"AnotherStopHoldsNoRemoval":      r.testAnotherStopHoldsNoRemoval,
			"WindowBoundsRemovals":           r.testWindowBoundsRemovals,
			"CarriedIsCurrent":               r.testCarriedIsCurrent,
			"HoldThatIsNotUnderstoodByShape": r.testHoldOfAWrongShape,
		} {
			t.Run(name, run)
		}
	})
}

// A hold of each kind is kept with its reason as long as the agent names it; one
// of an older agent, which gives no reason, is a disappearance.
func (r *rig) testEveryKindIsShown(t *testing.T) {
	a, m := r.begun(t, 5)
	want := map[string]protocol.Why{"OLDOLDOL": protocol.WhyDisappearance, "NEWERNEW": "of_tomorrow"}
	a.holds = []protocol.Hold{{Code: "OLDOLDOL", Dataset: record.DatasetContact, Gone: 3, Of: 9}, {Code: "NEWERNEW", Why: "of_tomorrow", Dataset: record.DatasetKPI}}
	for _, why := range protocol.Whys() {
		h := protocol.Hold{Code: protocol.StopCode(why, record.DatasetSEN, ""), Why: why, Dataset: record.DatasetSEN}
		want[h.Code] = why
		a.holds = append(a.holds, h)
	}
	for range 2 { // the second time they are there already
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		got := map[string]protocol.Why{}
		for _, h := range a.status(t).Holds {
			got[h.Code] = h.Reason()
			if !h.ByAgent {
				t.Errorf("%s is held by the collector", h.Code)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("held %v, want %v", got, want)
		}
	}
	a.holds = nil
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	if s := a.status(t); len(s.Holds) != 0 {
		t.Errorf("what the agent names no more is still held: %+v", s.Holds)
	}
	a.fsck(t)
}

// without is a manifest of a read in which datasets were stopped.
func (a *fakeAgent) without(full bool, why protocol.Why, stopped ...record.Dataset) protocol.Manifest {
	m := a.manifest(full)
	for i, d := range m.Datasets {
		for _, s := range stopped {
			if d.Dataset == s {
				m.Datasets[i] = protocol.DatasetRead{Dataset: s}
				m.Holds = append(m.Holds, protocol.Hold{Code: protocol.StopCode(why, s, ""), Why: why, Dataset: s})
			}
		}
	}
	return m
}

// A register that was held is no register, however fresh the batch that says so.
func (r *rig) testStoppedRegisterIsNotReceived(t *testing.T) {
	a, _ := r.begun(t, 5)
	before := a.status(t)
	a.seal(t, a.without(false, protocol.WhySchema, record.DatasetPupil, record.DatasetAttendance), nil, 1)
	a.deliver(t)
	s := a.status(t)
	if !s.AttendanceAsAt.Equal(before.AttendanceAsAt) || !s.PupilsAsAt.Equal(before.PupilsAsAt) || !s.Applied.After(before.Applied) {
		t.Errorf("as at %s and %s, before %s and %s", s.AttendanceAsAt, s.PupilsAsAt, before.AttendanceAsAt, before.PupilsAsAt)
	}
	if h, held := s.Held(); !held || h.Dataset != record.DatasetPupil || h.Why != protocol.WhySchema {
		t.Errorf("%+v", h)
	}
}

// A full batch without one dataset removes nothing of it; both sides leave it out
// of their digest until it is sent again.
func (r *rig) testFullBatchWithAStoppedDataset(t *testing.T) {
	a, m := r.begun(t, 5)
	for _, id := range m.ids() {
		m.thing(record.DatasetContact, id, 1, 1)
	}
	a.settled(t, "contacts", m, false)
	all := maps.Clone(m.rows)
	some := maps.Clone(m.rows)
	maps.DeleteFunc(some, func(ref store.Ref, _ string) bool { return ref.Dataset == record.DatasetContact })
	ops := a.ops(some, true, nil)
	a.state = maps.Clone(some)
	a.seal(t, a.without(true, protocol.WhyPermission, record.DatasetContact), ops, 1)
	a.deliver(t)
	a.want(t, all)
	if p := a.position(t, a.school); p.State != a.digest() || p.ResyncAfter != 0 {
		t.Error("the two sides do not hold the same, or a full batch is asked for")
	}
	if o := a.outcome(t); o.Removed != 0 || len(o.Holds) != 0 {
		t.Errorf("outcome %+v", o)
	}
	for ref := range m.rows { // one is gone meanwhile
		if ref.Dataset == record.DatasetContact {
			delete(m.rows, ref)
			break
		}
	}
	a.settled(t, "mended", m, false)
	a.settled(t, "the full batch that follows", m, true)
	a.want(t, m.rows)
	a.fsck(t)
}

// A full batch of some weeks says nothing of those before and after them.
func (r *rig) testWindowBoundsRemovals(t *testing.T) {
	a, m := r.begun(t, 5)
	all, some := maps.Clone(m.rows), maps.Clone(m.rows)
	maps.DeleteFunc(some, func(ref store.Ref, _ string) bool { return ref.Key.Week() != "" && ref.Key.Week() != "2026-09-14" })
	ops := a.ops(some, true, nil)
	a.state = some
	manifest := a.manifest(true)
	for i, d := range manifest.Datasets {
		if d.Dataset == record.DatasetAttendance {
			manifest.Datasets[i].From, manifest.Datasets[i].To = "2026-09-14", "2026-09-18"
		}
	}
	a.seal(t, manifest, ops, 1)
	a.deliver(t)
	a.want(t, all)
	if o := a.outcome(t); o.Removed != 0 || len(o.Holds) != 0 {
		t.Errorf("outcome %+v", o)
	}
	if p := a.position(t, a.school); p.State != a.digest() {
		t.Error("the two sides do not hold the same")
	}
}

// Only a disappearance that the agent holds holds removals of a full batch.
func (r *rig) testAnotherStopHoldsNoRemoval(t *testing.T) {
	for _, why := range []protocol.Why{protocol.WhyReturned, protocol.WhyDisappearance, ""} {
		a, m := r.begun(t, 10)
		for _, id := range m.ids() {
			m.thing(record.DatasetContact, id, 1, 1)
		}
		a.settled(t, "contacts", m, false)
		a.holds = []protocol.Hold{{Code: "ABCD1234", Why: why, Dataset: record.DatasetContact, Gone: 1}}
		for ref := range m.rows {
			if ref.Dataset == record.DatasetContact {
				delete(m.rows, ref)
				break
			}
		}
		a.sync(t, m.rows, true, 1, nil)
		a.deliver(t)
		if o := a.outcome(t); (o.Removed == 1) != (why == protocol.WhyReturned) {
			t.Errorf("%q: outcome %+v", why, o)
		}
	}
}

// What the MIS's own list of changes says nothing of is true as at that moment,
// and none of it is removed.
func (r *rig) testCarriedIsCurrent(t *testing.T) {
	a, m := r.begun(t, 5)
	at := a.status(t).AttendanceAsAt.Add(-time.Hour)
	for _, later := range []time.Duration{0, 30 * time.Minute} {
		manifest := a.manifest(false)
		for i, d := range manifest.Datasets {
			if d.Dataset == record.DatasetAttendance {
				manifest.Datasets[i] = protocol.DatasetRead{Dataset: d.Dataset, Carried: true, AsAt: at.Add(later)}
			}
		}
		a.seal(t, manifest, nil, 1)
		a.deliver(t)
		if got := a.status(t).AttendanceAsAt; !got.Equal(at.Add(later)) {
			t.Errorf("the register is as at %s, want %s", got, at.Add(later))
		}
	}
	a.want(t, m.rows)
}

func (r *rig) testHoldOfAWrongShape(t *testing.T) {
	m := protocol.Manifest{Year: "2026-08-31", Holds: []protocol.Hold{{Code: "ABCD1234", Dataset: record.DatasetSEN, Why: protocol.WhySchema}}}
	if err := checkManifest(m); err != nil {
		t.Error(err)
	}
	m.Holds[0].Why = "Zqjx's mother"
	if err := checkManifest(m); err == nil {
		t.Error("a reason that could hold a name is stored")
	}
}
