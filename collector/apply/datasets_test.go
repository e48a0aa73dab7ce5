package apply

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/collector/database"
	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// things are the datasets of which the fake MIS has no records of its own.
var things = slices.DeleteFunc(record.Datasets(), func(d record.Dataset) bool {
	return d == record.DatasetPupil || d == record.DatasetContact || d == record.DatasetAttendance
})

// thing puts a record of any dataset; staff are of no pupil.
func (m *fakeMIS) thing(d record.Dataset, id record.PupilID, number, version int) store.Ref {
	return m.put(recordtest.Make(d, id, number, version))
}

// filled adds ten records of a dataset: one for each of ten pupils.
func (m *fakeMIS) filled(d record.Dataset) (refs []store.Ref) {
	for i, id := range m.ids()[:10] {
		refs = append(refs, m.thing(d, id, i, 1))
	}
	return refs
}

// settled delivers and says whether both sides then hold the same, whole.
func (a *fakeAgent) settled(t *testing.T, what string, m *fakeMIS, full bool) {
	t.Helper()
	a.sync(t, m.rows, full, 1, nil)
	a.deliver(t)
	if p := a.position(t, a.school); p.State != a.digest() || a.refusal(t).Reason != "" {
		t.Errorf("%s: the digests differ: %+v", what, a.refusal(t))
	}
	a.fsck(t)
}

// Every dataset is added, changed, removed, quarantined, sent again and held,
// all of them in the same batches.
func (r *rig) testEveryDataset(t *testing.T) {
	a, m := r.begun(t, 10)
	refs := map[record.Dataset][]store.Ref{}
	for _, d := range things {
		refs[d] = m.filled(d)
	}
	a.settled(t, "added", m, false)
	a.want(t, m.rows)

	for _, d := range things {
		m.thing(d, m.ids()[0], 0, 2)
		delete(m.rows, refs[d][1])
	}
	a.settled(t, "changed and removed", m, false)
	a.want(t, m.rows)
	if o := a.outcome(t); o.Applied != len(things) || o.Removed != len(things) || o.Refused != 0 {
		t.Errorf("outcome %+v", o)
	}
	a.quarantined(t, m, refs)

	a.settled(t, "everything again", m, true)
	a.want(t, m.rows)
	if o := a.outcome(t); o.Removed != 0 || o.Applied != len(m.rows) {
		t.Errorf("everything again: outcome %+v of %d", o, len(m.rows))
	}
	for _, d := range things {
		delete(m.rows, refs[d][2])
	}
	a.settled(t, "removed in a full batch", m, true)
	a.want(t, m.rows)
	a.disappears(t, m, refs)
}

// quarantined: a bad version is kept apart and the good one stays.
func (a *fakeAgent) quarantined(t *testing.T, m *fakeMIS, refs map[record.Dataset][]store.Ref) {
	t.Helper()
	good := maps.Clone(m.rows)
	for d := range refs {
		ref := refs[d][2]
		m.rows[ref] = strings.Replace(m.rows[ref], "{", fmt.Sprintf(`{%q:7,`, record.Fields(d)[0].Name), 1)
	}
	a.settled(t, "refused", m, false)
	a.want(t, good)
	refused := map[store.Ref]bool{}
	for _, f := range a.refusedRecords(t) {
		refused[store.Ref{Dataset: f.Dataset, Key: f.Key}] = true
	}
	for d := range refs {
		if !refused[refs[d][2]] {
			t.Errorf("%s: the agent is not told what was refused", d)
		}
	}
	if n := a.status(t).Quarantined; n != len(refs) || len(refused) != len(refs) {
		t.Errorf("%d records are in quarantine, %d were refused", n, len(refused))
	}
	a.settled(t, "refused in a full batch", m, true)
	m.rows = good
	a.settled(t, "put right", m, false)
	a.want(t, good)
	if a.status(t).Quarantined != 0 {
		t.Error("a corrected record is still in quarantine")
	}
}

// disappears: too many go at once, then all, each dataset held for itself until
// a yes, per school.
func (a *fakeAgent) disappears(t *testing.T, m *fakeMIS, refs map[record.Dataset][]store.Ref) {
	t.Helper()
	for _, full := range []bool{false, true} {
		before := maps.Clone(m.rows)
		gone := 0
		for d := range refs {
			some := refs[d][3:6]
			if full {
				some = slices.Concat(refs[d][:1], refs[d][6:])
			}
			for _, ref := range some {
				delete(m.rows, ref)
			}
			gone = len(some)
		}
		a.settled(t, "a mass disappearance", m, full)
		a.want(t, before)
		o := a.outcome(t)
		if len(o.Holds) != len(refs) || o.Removed != 0 {
			t.Fatalf("full %v: outcome %+v, want a hold of each dataset", full, o)
		}
		for _, h := range o.Holds {
			if h.Authority != "" || h.Gone != gone || refs[h.Dataset] == nil {
				t.Errorf("full %v: hold %+v of %d", full, h, gone)
			}
			a.released = append(a.released, h.Code)
		}
		a.settled(t, "released", m, false)
		a.released = nil
		a.want(t, m.rows)
	}
}

// A school has one of each, and each is followed by another: nothing falls to
// zero, and nothing is held, in either kind of batch. What is followed by a record
// that is refused is: the authority would be left with nothing.
func (r *rig) testReplacedIsNotHeld(t *testing.T) {
	a, m := r.begun(t, 1)
	id := m.ids()[0]
	several := slices.DeleteFunc(slices.Clone(things), func(d record.Dataset) bool { return d == record.DatasetWelfare })
	refs := map[record.Dataset]store.Ref{}
	replace := func(number int) {
		for _, d := range several {
			delete(m.rows, refs[d])
			refs[d] = m.thing(d, id, number, 1)
		}
	}
	replace(0)
	a.settled(t, "added", m, false)
	for i, full := range []bool{false, true} {
		replace(i + 1)
		a.settled(t, "replaced", m, full)
		a.want(t, m.rows)
		if o := a.outcome(t); len(o.Holds) != 0 || o.Removed != len(several) {
			t.Errorf("full %v: outcome %+v", full, o)
		}
	}
	before := maps.Clone(m.rows)
	replace(3)
	for _, d := range several {
		m.rows[refs[d]] = `{"pupil":7}`
	}
	a.settled(t, "replaced by what is refused", m, false)
	a.want(t, before)
	if o := a.outcome(t); len(o.Holds) != len(several) {
		t.Errorf("outcome %+v", o)
	}
}

// A new machine at a school that gives less than before cannot name what the old
// one sent: its full batch does not list those datasets, and what is there of
// them goes, held or not. What is listed and could not be read stays.
func (r *rig) testNarrowedByANewMachine(t *testing.T) {
	a, m := r.begun(t, 5)
	less := []record.Dataset{record.DatasetBehaviour, record.DatasetPEP, record.DatasetStaff}
	for i, id := range m.ids() {
		for _, d := range append(less, record.DatasetKPI) {
			m.thing(d, id, i, 1)
		}
	}
	a.settled(t, "added", m, false)
	kept := maps.Clone(m.rows)
	without := func(rows map[store.Ref]string, datasets ...record.Dataset) {
		maps.DeleteFunc(rows, func(ref store.Ref, _ string) bool { return slices.Contains(datasets, ref.Dataset) })
	}
	without(m.rows, record.DatasetPEP)
	a.settled(t, "all plans are missing, and held", m, true)
	a.want(t, kept)

	b := r.enrol(t, a.school)
	b.confirm(t)
	b.idKey = b.confirmedIDKey(t)
	without(kept, less...)
	without(m.rows, append(less, record.DatasetKPI)...)
	ops := b.ops(m.rows, true, nil)
	b.state = maps.Clone(m.rows)
	manifest := b.manifest(true)
	manifest.Datasets = slices.DeleteFunc(manifest.Datasets, func(d protocol.DatasetRead) bool { return slices.Contains(less, d.Dataset) })
	for i, d := range manifest.Datasets {
		manifest.Datasets[i].Complete = d.Dataset != record.DatasetKPI
	}
	b.seal(t, manifest, ops, 1)
	b.deliver(t)
	b.want(t, kept)
	if o := b.outcome(t); o.Removed != 15 || len(o.Holds) != 0 {
		t.Errorf("outcome %+v", o)
	}
	if p := b.position(t, b.school); p.State != b.digest() {
		t.Error("the digests differ")
	}
	b.fsck(t)
}

// Pupils who leave, or get another id, take nothing of the school's along; and
// a school without pupils keeps its staff.
func (r *rig) testStaffOutliveThePupils(t *testing.T) {
	a, m := r.begun(t, 3)
	for i := range 4 {
		m.thing(record.DatasetStaff, "", i, 1)
	}
	a.settled(t, "added", m, false)
	pupils := func(query string) (n int) {
		t.Helper()
		if err := r.db.Read(t.Context(), func(tx *database.Tx) error {
			return tx.QueryRow(t.Context(), query, a.school).Scan(&n)
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if pupils("SELECT COUNT(*) FROM pupils WHERE school = ?") != 3 || a.status(t).Counts[0].Pupils != 3 {
		t.Errorf("staff count as pupils: %+v", a.status(t).Counts)
	}
	m.rename(m.ids()[0])
	a.sync(t, m.rows, false, 1, m.taken())
	a.deliver(t)
	a.want(t, m.rows)
	for _, id := range m.ids() {
		m.drop(id)
	}
	a.settled(t, "all pupils gone", m, true)
	a.released = []string{a.outcome(t).Holds[0].Code}
	a.settled(t, "released", m, true)
	a.want(t, m.rows)
	if len(m.rows) != 4 || pupils("SELECT COUNT(*) FROM records WHERE school = ? AND dataset = 'staff' AND pupil = ''") != 4 {
		t.Errorf("%d members of staff are left, want 4", len(m.rows))
	}
}

// A revoke hides the staff with everything else, and the new start has destroyed
// them, their history and the key that sealed them.
func (r *rig) testRevokeDestroysStaff(t *testing.T) {
	a, m := r.begun(t, 2)
	refs := []store.Ref{m.thing(record.DatasetStaff, "", 1, 1), m.thing(record.DatasetStaff, "", 2, 1), m.thing(record.DatasetStaff, "", 3, 1)}
	a.settled(t, "added", m, false)
	m.thing(record.DatasetStaff, "", 1, 2)
	m.rows[refs[1]] = `{"staff":7}`
	a.settled(t, "changed and refused", m, false)
	key := func() (wrapped []byte) {
		t.Helper()
		if err := r.db.Read(t.Context(), func(tx *database.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT key FROM school_keys WHERE school = ?", a.school).Scan(&wrapped)
		}); err != nil {
			t.Fatal(err)
		}
		return wrapped
	}
	old := key()
	a.revoke(t)
	a.enrol(t, a.school).confirm(t)
	left := 0
	for _, table := range []string{"records", "record_history", "quarantine"} {
		if err := r.db.Read(t.Context(), func(tx *database.Tx) error {
			var n int
			err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM "+table+" WHERE school = ?", a.school).Scan(&n)
			left += n
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if left != 0 || string(key()) == string(old) || a.position(t, a.school).Given != nil && len(a.position(t, a.school).Given) > 0 {
		t.Errorf("%d rows of the old start are left, or its key is", left)
	}
}

// A school that enrols a new machine keeps its staff: the full batch of the new
// agent finds them unchanged.
func (r *rig) testStaffComeAgainWithANewMachine(t *testing.T) {
	a, m := r.begun(t, 2)
	m.thing(record.DatasetStaff, "", 1, 1)
	a.settled(t, "added", m, false)
	b := r.enrol(t, a.school)
	b.confirm(t)
	b.idKey = b.confirmedIDKey(t)
	b.settled(t, "from the new machine", m, true)
	b.want(t, m.rows)
	if o := b.outcome(t); o.Applied != len(m.rows) || o.Removed != 0 {
		t.Errorf("outcome %+v", o)
	}
	for s, err := range b.store.Records(t.Context(), b.school, b.vault) {
		if err != nil || s.Version != 1 {
			t.Fatalf("an unchanged record has version %d, %v", s.Version, err)
		}
	}
}

// What the last manifest says of whose the staff are is what holds, also where
// no record changed.
func (r *rig) testWhoseTheStaffAre(t *testing.T) {
	a, m := r.begun(t, 1)
	m.thing(record.DatasetStaff, "", 1, 1)
	given := func() map[string][]string {
		t.Helper()
		for s, err := range a.store.Records(t.Context(), a.school, a.vault) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Record.Dataset() == record.DatasetStaff {
				return s.Given
			}
			if s.Given != nil {
				t.Errorf("a %s record is given to %v", s.Record.Dataset(), s.Given)
			}
		}
		return nil
	}
	for _, want := range []map[string][]string{{"301": {"Email", "Surname"}}, {"301": {"Surname"}, "302": {}}, nil} {
		a.given = want
		a.settled(t, "given", m, false)
		if diff := cmp.Diff(want, given()); diff != "" {
			t.Error(diff)
		}
	}
	a.given = map[string][]string{"301": {"Surname"}}
	manifest := a.manifest(false)
	for i := range manifest.Datasets { // pupils' records are no agent's to give
		manifest.Datasets[i].Given = a.given
	}
	a.seal(t, manifest, nil, 1)
	a.deliver(t)
	if diff := cmp.Diff(a.given, given()); diff != "" {
		t.Error(diff)
	}
	manifest = a.manifest(false)
	manifest.Datasets = slices.DeleteFunc(manifest.Datasets, func(d protocol.DatasetRead) bool { return d.Dataset == record.DatasetStaff })
	a.seal(t, manifest, nil, 1)
	a.deliver(t)
	if got := given(); got != nil {
		t.Errorf("staff that are not read any more are given to %v", got)
	}
}

// What was in scope of the last read is known by its name, each for when it is true:
// what could not be read is as old as it was, what the school does not give is gone,
// and a dataset that is not known is not named.
func (r *rig) testWhatTheLastReadHad(t *testing.T) {
	a, m := r.begun(t, 1)
	m.thing(record.DatasetPEP, m.ids()[0], 1, 1)
	a.settled(t, "reads", m, false)
	reads := func() map[record.Dataset]time.Time {
		t.Helper()
		var p store.Position
		err := a.store.Read(t.Context(), func(tx *store.Tx) (err error) {
			p, err = tx.Position(t.Context(), a.school)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return p.Reads
	}
	before := reads()
	if len(before) == 0 || before[record.DatasetPEP].IsZero() {
		t.Fatalf("after a read there are %v", before)
	}
	manifest := a.manifest(false)
	for i, d := range manifest.Datasets {
		switch d.Dataset {
		case record.DatasetPEP:
			manifest.Datasets[i].AsAt, manifest.Datasets[i].Complete = time.Time{}, false
		case record.DatasetSEN:
			manifest.Datasets[i].Dataset = "hobby"
		}
	}
	a.seal(t, manifest, nil, 1)
	a.deliver(t)
	after := reads()
	if !after[record.DatasetPEP].Equal(before[record.DatasetPEP]) {
		t.Errorf("what could not be read is as at %v, it was %v", after[record.DatasetPEP], before[record.DatasetPEP])
	}
	if _, sen := after[record.DatasetSEN]; sen || len(after) != len(before)-1 {
		t.Errorf("in scope are %v", after)
	}
}

// A manifest that would put anything but codes and fields in clear is not taken.
func (r *rig) testGivenThatCannotBeStored(t *testing.T) {
	for _, bad := range []map[string][]string{{"Fictional Person": {"Surname"}}, {"301": {"Fictional Person"}}, {"": {}}, {"301": slices.Repeat([]string{"Surname"}, maxFields+1)}} {
		a, m := r.begun(t, 1)
		a.given = bad
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		if got := a.states(t, a.school)[2]; got != inbox.StateSetAside {
			t.Errorf("the batch is %s", got)
		}
	}
	for _, d := range record.Datasets() {
		for _, f := range record.Fields(d) {
			if !validGiven(map[string][]string{"301": {f.Name}}) {
				t.Errorf("the field %s of %s cannot be given", f.Name, d)
			}
		}
	}
}

// Of a dataset that this collector does not know yet, nothing is good; it goes
// with the pupil it names.
func (r *rig) testUnknownDatasetGoesWithThePupil(t *testing.T) {
	a, m := r.begun(t, 10)
	id := m.ids()[0]
	ref := store.Ref{Dataset: "hobby", Key: record.Key(id) + "/" + record.Key(strings.Repeat("0b", 16))}
	m.rows[ref] = `{"pupil":"x"}`
	a.state = maps.Clone(m.rows)
	a.seal(t, a.manifest(false), []protocol.Op{{Dataset: ref.Dataset, Key: ref.Key, Record: []byte(m.rows[ref])}}, 1)
	a.deliver(t)
	if a.status(t).Quarantined != 1 {
		t.Errorf("%d records are refused", a.status(t).Quarantined)
	}
	a.fsck(t)
	m.drop(id)
	a.settled(t, "the pupil left", m, true)
	a.want(t, m.rows)
	if a.status(t).Quarantined != 0 {
		t.Error("the record of an unknown dataset outlives its pupil")
	}
}
