package register

import (
	"fmt"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// What another process applies shows at the next look, whatever it is, although
// lists and marks are kept in memory.
func TestAChangeElsewhereShowsAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for i, id := range []string{"ash", "birch"} {
			r.school(id)
			r.AsAt(id, at(9, 35))
			r.Today(r.pupil(id, i+1, northshire, ""), "/")
		}
		child := store.Child{School: "ash", Pupil: pupilID(1)}
		week := store.Ref{Dataset: record.DatasetAttendance, Key: record.Key(child.Pupil) + "/2026-11-23"}
		mark := func(ref store.Ref, hold string) func(*store.Writer) error {
			return func(w *store.Writer) error {
				row, _, err := w.Find(t.Context(), ref)
				if err != nil {
					return err
				}
				return w.Mark(t.Context(), row, hold == "", hold)
			}
		}
		for _, c := range []struct {
			what   string
			change func()
			state  State
			why    Why
			listed int
		}{
			{"as it was", func() {}, Present, WhyMark, 1},
			{"another mark", func() { r.Today(child, "N") }, AbsentNoReason, WhyMark, 1},
			{"another child", func() { r.pupil("ash", 3, northshire, "") }, AbsentNoReason, WhyMark, 2},
			{"a UPN", func() { r.pupil("ash", 3, northshire, upn(1)) }, AbsentNoReason, WhyMark, 2},
			{"a child of another authority now", func() { r.pupil("ash", 3, southshire, "") }, AbsentNoReason, WhyMark, 1},
			{"held", func() { r.Write("ash", mark(week, "ABCD")) }, NotReceived, WhyHeld, 1},
			{"released", func() { r.Write("ash", mark(week, "")) }, AbsentNoReason, WhyMark, 1},
			{"refused", func() {
				r.Write("ash", func(w *store.Writer) error {
					return w.Refuse(t.Context(), week, []byte("{}"), record.Tag{1}, []string{"decode"})
				})
			}, NotReceived, WhyRefused, 1},
			{"a good one again", func() { r.Today(child, "/") }, Present, WhyMark, 1},
			{"older data", func() { r.AsAt("ash", at(9, 0)) }, NotReceived, WhySchool, 1},
			{"newer data", func() { r.AsAt("ash", at(9, 35)) }, Present, WhyMark, 1},
			{"left", func() {
				r.Write("ash", func(w *store.Writer) error { return w.Leave(t.Context(), child.Pupil) })
			}, "", "", 0},
		} {
			c.change()
			m := r.read(all, at(10, 0), status.AM)
			if got := m.child(child); got.State != c.state || got.Why != c.why || len(m.school("ash").Children) != c.listed {
				t.Errorf("%s: %q %q and %d children, want %q %q and %d", c.what, got.State, got.Why, len(m.school("ash").Children), c.state, c.why, c.listed)
			}
			if n := m.school("birch").Counts[Present]; n != 1 {
				t.Errorf("%s: %d are present at the other school", c.what, n)
			}
		}
	})
}

// A school of which nothing was applied is not read again: rows that are taken away
// behind apply's back are not missed. This is what makes a look at many schools cheap.
func TestWhatDidNotChangeIsNotReadAgain(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	for i, id := range []string{"ash", "birch"} {
		r.school(id)
		r.AsAt(id, at(9, 35))
		r.Today(r.pupil(id, i+1, northshire, ""), "/")
	}
	r.read(all, at(10, 0), status.AM)
	r.Exec("DELETE FROM records")
	if m := r.read(all, at(10, 0), status.AM); m.Counts[Present] != 2 {
		t.Errorf("counts %v", m.Counts)
	}
	r.Write("ash", func(*store.Writer) error { return nil })
	if m := r.read(all, at(10, 0), status.AM); m.Counts[Present] != 1 || len(m.school("ash").Children) != 0 {
		t.Errorf("counts %v after something was applied", m.Counts)
	}
}

// What is in memory of one authority is never shown to another that asks the same
// school.
func TestTheMemoryOfAuthoritiesIsApart(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	r.AsAt("ash", at(9, 35))
	north, south := r.pupil("ash", 1, northshire, ""), r.pupil("ash", 2, southshire, "")
	r.Today(north, "/")
	r.Today(south, "N")
	for range 2 {
		for authority, has := range map[string]store.Child{northshire: north, southshire: south} {
			list := r.read(store.Sight{Authority: authority}, at(10, 0), status.AM).school("ash").Children
			if len(list) != 1 || list[0].Child != has {
				t.Errorf("%s sees %v", authority, list)
			}
		}
	}
	if m := r.read(store.Sight{}, at(10, 0), status.AM); len(m.Counts) != 0 {
		t.Errorf("who has no authority sees %v", m.Counts)
	}
	r.Must(r.Store.DropProvision(t.Context(), "ash", northshire))
	if m := r.read(all, at(10, 0), status.AM); len(m.Counts) != 0 {
		t.Errorf("an authority that does not ask any more sees %v", m.Counts)
	}
}

// A school that stops between the look at the schools and the look at their registers
// has no children in the second, although they are in memory.
func TestAStopBetweenTwoLooks(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	r.AsAt("ash", at(9, 35))
	r.Today(r.pupil("ash", 1, northshire, ""), "/")
	r.read(all, at(10, 0), status.AM)
	o := r.Overview(northshire, at(10, 1))
	r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'ash'", database.Micros(at(10, 1)))
	m, err := r.registers.Read(t.Context(), all, o, status.AM)
	r.Must(err)
	if len(m.Counts) != 0 || len(m.school("ash").Children) != 0 {
		t.Errorf("counts %v of a school that has stopped", m.Counts)
	}
}

// Nothing marks the state of a school without a position, so that it is read each
// time.
func TestASchoolWithoutAPositionIsReadEachTime(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	r.Exec("DELETE FROM positions")
	for n := range 3 {
		if got := len(r.read(all, at(10, 0), status.AM).school("ash").Children); got != n {
			t.Errorf("%d children, want %d", got, n)
		}
		r.pupil("ash", n+1, northshire, "")
	}
}

// Lists leave the memory when their school stops, when nobody looks at them, and when
// there are too many.
func TestListsLeaveTheMemory(t *testing.T) {
	fill := func(schools, children int) *cache {
		c := newCache()
		for i := range schools {
			id := fmt.Sprint(i)
			c.putLists(northshire, map[string]store.ListMark{id: {}}, map[string][]store.Registered{id: make([]store.Registered, children)}, []string{id}, "2026-11-23", monday)
		}
		return c
	}
	c := fill(3, 2)
	c.sweep(map[string]bool{"1": true}, monday)
	if len(c.lists) != 2 || c.listed != 4 {
		t.Errorf("%d lists of %d children after a stop", len(c.lists), c.listed)
	}
	c.sweep(nil, monday.Add(keepFor+time.Minute))
	if len(c.lists) != 0 || c.listed != 0 {
		t.Errorf("%d lists of %d children of the hour before", len(c.lists), c.listed)
	}
	c = fill(2, maxWeeks)
	c.sweep(nil, monday)
	if len(c.lists) != 0 || c.listed != 0 {
		t.Errorf("%d lists of %d children, too many", len(c.lists), c.listed)
	}
}
