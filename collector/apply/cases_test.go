package apply

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// begun is a confirmed agent whose first full batch is applied.
func begun(t *testing.T, db *database.DB, pupils int) (*fakeAgent, *fakeMIS) {
	t.Helper()
	return newRig(t, db).begun(t, pupils)
}

func (r *rig) begun(t *testing.T, pupils int) (*fakeAgent, *fakeMIS) {
	t.Helper()
	a := r.confirmed(t, r.newSchool(t))
	m := newMIS(a, pupils)
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	return a, m
}

func (a *fakeAgent) status(t tester) store.SchoolStatus {
	t.Helper()
	list, err := a.store.Schools(a.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(s store.SchoolStatus) bool { return s.School.ID == a.school })
	return list[i]
}

func (a *fakeAgent) refusedRecords(t tester) (list []protocol.RefusedRecord) {
	t.Helper()
	o := a.outcome(t)
	if o.Details == nil {
		return nil
	}
	text, err := envelope.OpenFrom(a.receive, protocol.PurposeRefused, o.Digest[:], o.Details)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (r *rig) testEmptyDeltaChangesNothing(t *testing.T) {
	a, m := r.begun(t, 3)
	a.sync(t, m.rows, false, 1, nil)
	if n := len(a.outbox[0].data); n > 4096 {
		t.Errorf("an empty batch has %d bytes", n)
	}
	a.deliver(t)
	a.want(t, m.rows)
	list, err := a.store.Deliveries(t.Context(), a.school, 10)
	if err != nil || len(list) != 2 || list[0].Upserts+list[0].Removals+list[0].Refused+list[0].Unchanged != 0 || list[0].Pupils != 3 {
		t.Errorf("deliveries %+v, %v", list, err)
	}
	for s, err := range a.store.Records(t.Context(), a.school, a.vault) {
		if err != nil || s.Version != 1 || s.Authority != "301" {
			t.Fatalf("version %d, authority %q, %v", s.Version, s.Authority, err)
		}
	}
}

func (r *rig) testQuarantine(t *testing.T) {
	cases := []struct {
		name, reason string
		spoil        func(text string) string
	}{
		{"future birth", "DOB:future", func(s string) string { return strings.Replace(s, "2014-05-06", "2999-01-01", 1) }},
		{"check letter", "UPN:check_character", func(s string) string {
			return strings.Replace(s, `"UPN":"`+s[strings.Index(s, `"UPN":"`)+7:][:1], `"UPN":"`+other(s), 1)
		}},
		{"control character", "Surname:control_character", func(s string) string { return strings.Replace(s, "Fictional1", `Fic\ntional`, 1) }},
		{"wrong type", "decode", func(s string) string { return strings.Replace(s, `"InCare":true`, `"InCare":"yes"`, 1) }},
		{"another key", "key", func(s string) string { return strings.Replace(s, `"pupil":"`, `"pupil":"0`, 1) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, m := r.begun(t, 1)
			good := maps.Clone(m.rows)
			ref := sortedRefs(m.rows)[0]
			m.rows[ref] = c.spoil(m.rows[ref])
			if m.rows[ref] == good[ref] {
				t.Fatal("nothing was spoiled")
			}
			a.sync(t, m.rows, false, 1, nil)
			a.deliver(t)
			a.want(t, good)
			refused := a.refusedRecords(t)
			if len(refused) != 1 || refused[0].Key != ref.Key || !slices.Contains(refused[0].Reasons, c.reason) {
				t.Errorf("refused %+v", refused)
			}
			if a.outcome(t).Refused != 1 || a.status(t).Quarantined != 1 || a.refusal(t).Reason != "" {
				t.Errorf("outcome %+v, refusal %+v", a.outcome(t), a.refusal(t))
			}
			a.fsck(t)
			a.sync(t, good, false, 1, nil)
			a.deliver(t)
			a.want(t, good)
			if a.status(t).Quarantined != 0 {
				t.Error("the corrected record is still in quarantine")
			}
			a.fsck(t)
		})
	}
}

// other is a check letter that the UPN in a record does not have.
func other(s string) string {
	if strings.Contains(s, `"UPN":"A`) {
		return "B"
	}
	return "A"
}

func (r *rig) testARefusedRecordThatGoesLeavesNothing(t *testing.T) {
	a, m := r.begun(t, 6)
	good := maps.Clone(m.rows)
	id := record.NewPupilID(m.idKey, "bad")
	m.put(&record.Pupil{ID: id, DOB: "2999-01-01", InCare: true})
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	a.want(t, good)
	a.fsck(t)
	a.sync(t, good, false, 1, nil)
	a.deliver(t)
	a.want(t, good)
	a.fsck(t)
	if got := a.position(t, a.school); got.State != a.digest() {
		t.Error("the digest still has it")
	}
}

func (r *rig) testOnePupilLeaves(t *testing.T) {
	a, m := r.begun(t, 10)
	m.drop(m.ids()[0])
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	s := a.status(t)
	if len(s.Counts) != 1 || s.Counts[0] != (store.AuthorityCount{Authority: "301", Pupils: 9, Left: 1}) || len(s.Holds) != 0 {
		t.Errorf("counts %+v, holds %+v", s.Counts, s.Holds)
	}
	a.fsck(t)
}

// held takes 4 of 10 pupils away in one read.
func (r *rig) held(t *testing.T, full bool) (a *fakeAgent, m *fakeMIS, before map[store.Ref]string, code string) {
	t.Helper()
	a, m = r.begun(t, 10)
	before = maps.Clone(m.rows)
	for _, id := range m.ids()[:4] {
		m.drop(id)
	}
	a.sync(t, m.rows, full, 1, nil)
	a.deliver(t)
	a.want(t, before)
	o := a.outcome(t)
	if len(o.Holds) != 1 || o.Holds[0].Gone != 4 || o.Holds[0].Of != 10 || o.Holds[0].Authority != "301" || o.Removed != 0 {
		t.Fatalf("outcome %+v", o)
	}
	if s := a.status(t); len(s.Holds) != 1 || s.Holds[0].ByAgent || s.Counts[0].Pupils != 10 {
		t.Errorf("status %+v", s)
	}
	if got := a.position(t, a.school); got.State != a.digest() {
		t.Error("what is held still counts")
	}
	a.fsck(t)
	return a, m, before, o.Holds[0].Code
}

func (r *rig) testMassDisappearanceIsHeldAndReleased(t *testing.T) {
	for _, full := range []bool{false, true} {
		a, m, before, code := r.held(t, full)
		a.released = []string{"WRONG"}
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		a.want(t, before)
		a.released = []string{code}
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		a.want(t, m.rows)
		if s := a.status(t); len(s.Holds) != 0 || s.Counts[0].Left != 4 {
			t.Errorf("status %+v", s)
		}
		a.fsck(t)
	}
}

func (r *rig) testWhatIsHeldComesBack(t *testing.T) {
	for _, full := range []bool{false, true} {
		a, m, before, _ := r.held(t, full)
		m.rows = before
		a.sync(t, m.rows, false, 1, nil)
		a.deliver(t)
		a.want(t, before)
		if s := a.status(t); len(s.Holds) != 0 || s.Counts[0].Left != 0 {
			t.Errorf("status %+v", s)
		}
		if got := a.position(t, a.school); got.State != a.digest() {
			t.Error("what came back does not count")
		}
		for s, err := range a.store.Records(t.Context(), a.school, a.vault) {
			if err != nil || s.Version != 1 {
				t.Fatalf("a record that came back unchanged has version %d, %v", s.Version, err)
			}
		}
		a.fsck(t)
	}
}

func (r *rig) testReleasedWithItsRemovals(t *testing.T) {
	a, m := r.begun(t, 10)
	var gone []record.Key
	for _, id := range m.ids()[:4] {
		gone = append(gone, record.Key(id))
		m.drop(id)
	}
	a.released = []string{protocol.HoldCode(record.DatasetPupil, "301", gone)}
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	a.fsck(t)
}

func (r *rig) testAgentsHoldIsShown(t *testing.T) {
	a, m := r.begun(t, 10)
	a.holds = []protocol.Hold{{Code: "ABCD1234", Dataset: record.DatasetPupil, Authority: "301", Gone: 4, Of: 10}}
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	if s := a.status(t); len(s.Holds) != 1 || !s.Holds[0].ByAgent {
		t.Errorf("holds %+v", s.Holds)
	}
	a.holds = nil
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	if s := a.status(t); len(s.Holds) != 0 {
		t.Errorf("holds %+v", s.Holds)
	}
}

func (r *rig) testScopeRemovalsAreNotCounted(t *testing.T) {
	a, m := r.begun(t, 5)
	var ops []protocol.Op
	for _, ref := range sortedRefs(m.rows) {
		if ref.Dataset == record.DatasetContact {
			ops = append(ops, protocol.Op{Dataset: ref.Dataset, Key: ref.Key, Remove: protocol.RemovedScope})
			delete(m.rows, ref)
		}
	}
	a.state = maps.Clone(m.rows)
	a.seal(t, a.manifest(false), ops, 1)
	a.deliver(t)
	a.want(t, m.rows)
	a.fsck(t)
}

func (r *rig) testPredecessor(t *testing.T) {
	a, m := r.begun(t, 5)
	old := m.ids()[0]
	id := m.rename(old)
	a.sync(t, m.rows, false, 1, m.taken())
	a.deliver(t)
	a.want(t, m.rows)
	if s := a.status(t); s.Counts[0].Left != 0 || s.Counts[0].Pupils != 5 {
		t.Errorf("a renamed pupil counts as left: %+v", s.Counts)
	}
	var was string
	var history int
	if err := r.db.Read(t.Context(), func(tx *database.Tx) error {
		if err := tx.QueryRow(t.Context(), "SELECT was FROM pupils WHERE pupil = ?", string(id)).Scan(&was); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM record_history WHERE pupil = ? AND why = 'renamed'", string(old)).Scan(&history)
	}); err != nil || was != string(old) || history != 5 {
		t.Errorf("predecessor found: %v, history of %d records, %v", was == string(old), history, err)
	}
	a.fsck(t)
}

func (r *rig) testOlderYearLeavesTheDigestOnly(t *testing.T) {
	a, m := r.begun(t, 3)
	all := maps.Clone(m.rows)
	for ref := range m.rows {
		if week := ref.Key.Week(); week != "" && week < "2026-09-14" {
			delete(m.rows, ref)
		}
	}
	a.year = "2026-09-14"
	a.state = maps.Clone(m.rows)
	a.seal(t, a.manifest(false), nil, 1)
	a.deliver(t)
	a.want(t, all)
	if a.refusal(t).Reason != "" || a.position(t, a.school).State != a.digest() {
		t.Error("the digests differ")
	}
	a.fsck(t)
}

func (r *rig) testFullBatchRemovesOnlyWhatWasLookedFor(t *testing.T) {
	a, m := r.begun(t, 10)
	all := maps.Clone(m.rows)
	m.drop(m.ids()[0])
	a.partial = true
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, all)
	if a.refusal(t).Reason != "" || a.position(t, a.school).State != a.digest() {
		t.Error("the digests differ")
	}
	a.fsck(t)
	a.partial = false
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	a.fsck(t)
}

func (r *rig) testPartsWaitForEachOther(t *testing.T) {
	a, m := r.begun(t, 4)
	before := maps.Clone(m.rows)
	for _, id := range m.ids() {
		m.week(id, 0, "N")
	}
	a.sync(t, m.rows, false, 3, nil)
	for _, s := range a.outbox[:2] {
		a.post(t, s)
		a.once(t)
		a.want(t, before)
	}
	a.deliver(t)
	a.want(t, m.rows)
	if o := a.outcome(t); o.First != 2 || o.Last != 4 {
		t.Errorf("outcome %+v", o)
	}
	a.fsck(t)
}

func (r *rig) testPendingAgentWaitsSealed(t *testing.T) {
	a := r.enrol(t, r.newSchool(t))
	m := newMIS(a, 2)
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, nil)
	if got := a.states(t, a.school)[1]; got != inbox.StateWaiting {
		t.Errorf("the batch is %s", got)
	}
	waiting := func() (schools []string) {
		if err := r.store.Read(t.Context(), func(tx *store.Tx) (err error) {
			schools, err = inbox.Waiting(t.Context(), tx.Tx, 1000)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return schools
	}
	if slices.Contains(waiting(), a.school) {
		t.Error("apply looks at the school in every round")
	}
	a.confirm(t)
	if !slices.Contains(waiting(), a.school) {
		t.Error("apply does not look at the school once its agent is confirmed")
	}
	a.once(t)
	a.want(t, m.rows)
	a.fsck(t)
}

func (r *rig) testFullBatchWithdraws(t *testing.T) {
	a, m := r.begun(t, 3)
	for range 2 {
		m.week(m.ids()[0], 0, "N")
		a.sync(t, m.rows, false, 1, nil)
		m.add()
	}
	a.post(t, a.outbox[0])
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	a.want(t, m.rows)
	want := map[uint64]string{1: inbox.StateApplied, 2: inbox.StateWithdrawn, 4: inbox.StateApplied}
	if got := a.states(t, a.school); !maps.Equal(got, want) {
		t.Errorf("states %v", got)
	}
	a.fsck(t)
}

func (r *rig) testSetAside(t *testing.T) {
	bomb, err := protocol.Compress(bytes.Repeat([]byte{'0'}, protocol.MaxBodyBytes))
	if err != nil {
		t.Fatal(err)
	}
	bomb = append(bomb, bomb...) // two frames: more than the limit when decompressed
	manifest := func(text string) []byte {
		plain, err := protocol.Compress([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return plain
	}
	cases := map[string][]byte{
		"not compressed": []byte("hello"),
		"bomb":           bomb,
		"no manifest":    manifest("[]\n"),
		"empty":          manifest(""),
		"bad key":        manifest(`{"part":1,"parts":1}` + "\n" + `{"dataset":"pupil","key":"` + strings.Repeat("a", 32) + `\u0000","remove":"left"}` + "\n"),
		"bad dataset":    manifest(`{"part":1,"parts":1}` + "\n" + `{"dataset":"Pu pil","key":"` + strings.Repeat("a", 32) + `","remove":"left"}` + "\n"),
		"second part":    manifest(`{"part":2,"parts":2}` + "\n"),
		"half a line":    manifest(`{"part":1,"parts":1}` + "\n" + `{"dataset":"pupil"`),
	}
	for name, plain := range cases {
		t.Run(name, func(t *testing.T) {
			a, m := r.begun(t, 2)
			a.sealPlain(t, false, nil, plain)
			a.sync(t, m.rows, false, 1, nil)
			a.deliver(t)
			a.want(t, m.rows)
			if got := a.states(t, a.school)[2]; got != inbox.StateSetAside {
				t.Errorf("the batch is %s", got)
			}
			first, _ := a.statement(t, protocol.KindRefusal)
			if f := a.refusal(t); f.Reason != protocol.RefusalResync || f.Why != whyCannotOpen || f.After != 3 {
				t.Errorf("refusal %+v", f)
			}
			a.once(t)
			if again, _ := a.statement(t, protocol.KindRefusal); again.Serial != first.Serial {
				t.Error("a full batch was asked for twice")
			}
			a.fsck(t)
			m.add()
			a.sync(t, m.rows, true, 1, nil)
			a.deliver(t)
			a.want(t, m.rows)
			if got := a.states(t, a.school); got[2] != inbox.StateWithdrawn || got[3] != inbox.StateWithdrawn || got[4] != inbox.StateApplied {
				t.Errorf("states %v", got)
			}
			a.fsck(t)
		})
	}
}

func TestDestroyedSealingKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		a, m := begun(t, db, 2)
		a.sync(t, m.rows, false, 1, nil)
		next, err := keys.NewSealing(a.keys, a.made.Sealing.Retires)
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.DestroySealing(a.keys, a.sealing.ID); err != nil {
			t.Fatal(err)
		}
		a.applier.sealing.held = nil // a minute later
		a.deliver(t)
		if f := a.refusal(t); f.Reason != protocol.RefusalResync || f.Why != whyKeyDestroyed {
			t.Errorf("refusal %+v", f)
		}
		a.sealing = next
		a.sync(t, m.rows, true, 1, nil)
		a.deliver(t)
		a.want(t, m.rows)
		a.fsck(t)
	})
}

func (r *rig) testDigestMismatch(t *testing.T) {
	a, m := r.begun(t, 2)
	a.wrong = true
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	first, _ := a.statement(t, protocol.KindRefusal)
	if f := a.refusal(t); f.Reason != protocol.RefusalResync || f.Why != whyDigest || f.After != 2 {
		t.Errorf("refusal %+v", f)
	}
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	if again, _ := a.statement(t, protocol.KindRefusal); again.Serial != first.Serial {
		t.Error("a full batch was asked for twice")
	}
	a.wrong = false
	a.sync(t, m.rows, true, 1, nil)
	a.deliver(t)
	if p := a.position(t, a.school); p.ResyncAfter != 0 || p.State != a.digest() {
		t.Errorf("position %+v", p.Link)
	}
	a.wrong = true
	a.sync(t, m.rows, false, 1, nil)
	a.deliver(t)
	if again, _ := a.statement(t, protocol.KindRefusal); again.Serial == first.Serial {
		t.Error("a new mismatch went unnoticed")
	}
	a.fsck(t)
}

// A record that stands several times in one batch is what its last line says.
func (r *rig) testLastLineOfARecordCounts(t *testing.T) {
	a, m := r.begun(t, 2)
	id := m.ids()[0]
	var ops []protocol.Op
	for _, mark := range []string{"L", "N", "/", "N"} {
		ref := m.week(id, 1, mark)
		ops = append(ops, protocol.Op{Dataset: ref.Dataset, Key: ref.Key, Record: json.RawMessage(m.rows[ref])})
	}
	a.state = maps.Clone(m.rows)
	a.seal(t, a.manifest(false), ops, 1)
	a.deliver(t)
	a.want(t, m.rows)
	if p := a.position(t, a.school); p.State != a.digest() {
		t.Error("the digest is not the last line's")
	}
	a.fsck(t)
}

// Cases that need no database of their own run as schools of one collector.
func TestOnOneCollector(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for _, c := range []struct {
			name string
			run  func(*testing.T)
		}{
			{"EmptyDeltaChangesNothing", r.testEmptyDeltaChangesNothing},
			{"LastLineOfARecordCounts", r.testLastLineOfARecordCounts},
			{"Quarantine", r.testQuarantine},
			{"ARefusedRecordThatGoesLeavesNothing", r.testARefusedRecordThatGoesLeavesNothing},
			{"OnePupilLeaves", r.testOnePupilLeaves},
			{"MassDisappearanceIsHeldAndReleased", r.testMassDisappearanceIsHeldAndReleased},
			{"WhatIsHeldComesBack", r.testWhatIsHeldComesBack},
			{"ReleasedWithItsRemovals", r.testReleasedWithItsRemovals},
			{"AgentsHoldIsShown", r.testAgentsHoldIsShown},
			{"ScopeRemovalsAreNotCounted", r.testScopeRemovalsAreNotCounted},
			{"Predecessor", r.testPredecessor},
			{"OlderYearLeavesTheDigestOnly", r.testOlderYearLeavesTheDigestOnly},
			{"FullBatchRemovesOnlyWhatWasLookedFor", r.testFullBatchRemovesOnlyWhatWasLookedFor},
			{"PartsWaitForEachOther", r.testPartsWaitForEachOther},
			{"PendingAgentWaitsSealed", r.testPendingAgentWaitsSealed},
			{"FullBatchWithdraws", r.testFullBatchWithdraws},
			{"SetAside", r.testSetAside},
			{"DigestMismatch", r.testDigestMismatch},
			{"TwoCopiesOfOneAgent", r.testTwoCopiesOfOneAgent},
			{"ForgedConflict", r.testForgedConflict},
			{"ForgedBatch", r.testForgedBatch},
			{"KeyThatCouldHoldAName", r.testKeyThatCouldHoldAName},
			{"ForgedRowStopsNobody", r.testForgedRowStopsNobody},
			{"RowWithoutBody", r.testRowWithoutBody},
			{"LostMachineIsEnrolledAgain", r.testLostMachineIsEnrolledAgain},
			{"RevokeHidesAndNewStartForgets", r.testRevokeHidesAndNewStartForgets},
			{"EveryDataset", r.testEveryDataset},
			{"ReplacedIsNotHeld", r.testReplacedIsNotHeld},
			{"NarrowedByANewMachine", r.testNarrowedByANewMachine},
			{"StaffOutliveThePupils", r.testStaffOutliveThePupils},
			{"RevokeDestroysStaff", r.testRevokeDestroysStaff},
			{"StaffComeAgainWithANewMachine", r.testStaffComeAgainWithANewMachine},
			{"WhoseTheStaffAre", r.testWhoseTheStaffAre},
			{"WhatTheLastReadHad", r.testWhatTheLastReadHad},
			{"GivenThatCannotBeStored", r.testGivenThatCannotBeStored},
			{"UnknownDatasetGoesWithThePupil", r.testUnknownDatasetGoesWithThePupil},
		} {
			t.Run(c.name, c.run)
		}
	})
}
