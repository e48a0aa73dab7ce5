package register

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

var all = store.Sight{Authority: northshire}

// Each child has the one state that the register gives, and the counts are those
// of the children.
func TestOneStateForEachChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.school("ash")
		want := map[store.Child]State{}
		for i, c := range []struct {
			mark string
			want State
		}{{"/", Present}, {"L", Present}, {"B", Present}, {"I", AbsentReason}, {"U", AbsentReason}, {"N", AbsentNoReason}, {"O", AbsentNoReason},
			{"", NoMark}, {"Q9", NoMark}, {"Y5", AbsentReason}, {"D", NotInSession}, {"#", NotInSession}} {
			child := r.pupil("ash", i+1, northshire, "")
			r.Today(child, c.mark)
			want[child] = c.want
		}
		none := r.pupil("ash", 90, northshire, "") // no week of marks at all
		want[none] = NoMark
		r.pupil("ash", 91, southshire, "") // another authority's
		r.AsAt("ash", at(9, 35))
		m := r.read(all, at(10, 0), status.AM)
		counts := map[State]int{}
		for child, state := range want {
			if got := m.child(child); got.State != state {
				t.Errorf("the child with %q is %s, want %s", got.Code, got.State, state)
			}
			counts[state]++
		}
		if !maps.Equal(m.Counts, counts) || !m.Oldest.Equal(at(9, 35)) {
			t.Errorf("counts %v, want %v; the oldest is of %s", m.Counts, counts, m.Oldest)
		}
		if s := m.school("ash"); len(s.Children) != len(want) || s.NotTaken || !s.Received {
			t.Errorf("%d children, not taken %v, received %v", len(s.Children), s.NotTaken, s.Received)
		}
		if c := m.child(none); c.Why != WhyEmpty {
			t.Errorf("no mark because of %q", c.Why)
		}
	})
}

// Yesterday's data, and those of before the register time, are nobody's today,
// whatever marks they hold.
func TestOldDataAreNeverTodays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.school("ash")
		child := r.pupil("ash", 1, northshire, "")
		r.Week(child, []string{"/", "/", "/", "/", "/"}, []string{`\`, `\`, `\`, `\`, `\`})
		tuesday := monday.AddDate(0, 0, 1)
		for _, c := range []struct {
			what    string
			asAt    time.Time
			now     time.Time
			session status.Session
			want    State
		}{
			{"a minute before the register", at(9, 29), at(10, 30), status.AM, NotReceived},
			{"at the register", at(9, 30), at(10, 30), status.AM, Present},
			{"the morning's data in the afternoon", at(12, 0), at(14, 0), status.PM, NotReceived},
			{"the morning's data in the morning, looked at in the afternoon", at(12, 0), at(14, 0), status.AM, Present},
			{"the afternoon's data", at(13, 45), at(14, 0), status.PM, Present},
			{"yesterday's", at(15, 0), on(tuesday, 10, 0), status.AM, NotReceived},
			{"yesterday's, before the register", at(15, 0), on(tuesday, 8, 0), status.AM, NotReceived},
			{"today's", on(tuesday, 9, 31), on(tuesday, 10, 0), status.AM, Present},
			{"a Saturday", at(15, 0), on(monday.AddDate(0, 0, 5), 10, 0), status.AM, NotInSession},
		} {
			r.AsAt("ash", c.asAt)
			m := r.read(all, c.now, c.session)
			if got := m.child(child); got.State != c.want {
				t.Errorf("%s: %s, want %s", c.what, got.State, c.want)
			}
			if received := m.school("ash").Received; received != (c.want == Present) || m.Oldest.IsZero() == received {
				t.Errorf("%s: received %v, the oldest is of %s", c.what, received, m.Oldest)
			}
		}
	})
}

// The last Sunday of October and of March: the register time is one of the
// school's clock.
func TestTheClockChange(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	child := r.pupil("ash", 1, northshire, "")
	for _, day := range []time.Time{time.Date(2026, 10, 23, 0, 0, 0, 0, status.London()), time.Date(2026, 10, 26, 0, 0, 0, 0, status.London()), time.Date(2027, 3, 29, 0, 0, 0, 0, status.London())} {
		date := record.DateOf(day)
		am := []string{"", "", "", "", ""}
		am[(int(day.Weekday())+6)%7] = "/"
		r.Put("ash", &record.Attendance{PupilID: child.Pupil, Week: date.Monday(), AM: am, PM: make([]string, 5)})
		for _, c := range []struct {
			minute int
			want   State
		}{{29, NotReceived}, {30, Present}} {
			r.AsAt("ash", on(day, 9, c.minute))
			m := r.read(all, on(day, 9, 40), status.AM)
			// Easter Monday is a bank holiday; a mark beats the calendar.
			if got := m.child(child).State; got != c.want && !(c.want == NotReceived && got == NotInSession) {
				t.Errorf("%s at 9:%d: %s", date, c.minute, got)
			}
		}
	}
}

// A school that has stopped has no children to show, and nothing of it stays in
// memory.
func TestAStoppedSchoolIsHidden(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for i, id := range []string{"ash", "birch"} {
			r.school(id)
			r.Today(r.pupil(id, i+1, northshire, ""), "/")
			r.AsAt(id, at(9, 35))
		}
		r.read(all, at(10, 0), status.AM)
		if len(r.registers.cache.entries) != 2 {
			t.Fatalf("%d weeks are in memory", len(r.registers.cache.entries))
		}
		r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'ash'", database.Micros(at(10, 1)))
		m := r.read(all, at(10, 2), status.AM)
		s := m.school("ash")
		if len(s.Children) != 0 || s.Received || s.Verdict.Word != status.Stopped || m.Counts[Present] != 1 {
			t.Errorf("%+v of a school that has stopped; counts %v", s.Counts, m.Counts)
		}
		for key := range r.registers.cache.entries {
			if key.child.School == "ash" {
				t.Error("its marks are in memory")
			}
		}
	})
}

// What is older than what the school has is not the register: marks that were
// refused, and children whose removal waits for a person.
func TestHeldAndRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.school("ash")
		refused, held, gone := r.pupil("ash", 1, northshire, ""), r.pupil("ash", 2, northshire, ""), r.pupil("ash", 3, northshire, "")
		left, fine := r.pupil("ash", 4, northshire, ""), r.pupil("ash", 5, northshire, "")
		for _, c := range []store.Child{refused, held, gone, left, fine} {
			r.Today(c, "/")
		}
		week := func(c store.Child) store.Ref {
			return store.Ref{Dataset: record.DatasetAttendance, Key: record.Key(c.Pupil) + "/2026-11-23"}
		}
		r.Write("ash", func(w *store.Writer) error {
			return w.Refuse(t.Context(), week(refused), []byte("{}"), record.Tag{1}, []string{"decode"})
		})
		for _, ref := range []store.Ref{week(held), {Dataset: record.DatasetPupil, Key: record.Key(gone.Pupil)}} {
			r.Write("ash", func(w *store.Writer) error {
				row, ok, err := w.Find(t.Context(), ref)
				if err != nil || !ok {
					t.Fatal(ok, err)
				}
				return w.Mark(t.Context(), row, false, "ABCD")
			})
		}
		r.Write("ash", func(w *store.Writer) error { return w.Leave(t.Context(), left.Pupil) })
		r.AsAt("ash", at(9, 35))
		m := r.read(all, at(10, 0), status.AM)
		for c, want := range map[store.Child]Why{refused: WhyRefused, held: WhyHeld, gone: WhyHeld, fine: WhyMark} {
			got := m.child(c)
			if got.Why != want || (got.State == NotReceived) != (want != WhyMark) {
				t.Errorf("%s %q, want %q", got.State, got.Why, want)
			}
		}
		if got := m.child(left); got.State != "" {
			t.Errorf("a child who has left the list is %s", got.State)
		}
	})
}

// A register without any mark was not taken; one mark, even one that nobody can
// read, says that it was.
func TestNotTaken(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	r.AsAt("ash", at(9, 35))
	if m := r.read(all, at(10, 30), status.AM); m.school("ash").NotTaken {
		t.Error("the register of a school without children was not taken")
	}
	a, b, refused := r.pupil("ash", 1, northshire, ""), r.pupil("ash", 2, northshire, ""), r.pupil("ash", 3, northshire, "")
	r.Today(refused, "/")
	r.Write("ash", func(w *store.Writer) error {
		return w.Refuse(t.Context(), store.Ref{Dataset: record.DatasetAttendance, Key: record.Key(refused.Pupil) + "/2026-11-23"}, []byte("{}"), record.Tag{1}, []string{"decode"})
	})
	taken := func(sight store.Sight) bool { return !r.read(sight, at(10, 30), status.AM).school("ash").NotTaken }
	if taken(all) {
		t.Error("no mark of any child, and it was taken")
	}
	r.Today(a, "Q9")
	if !taken(all) {
		t.Error("a mark that nobody can read, and it was not taken")
	}
	r.Today(a, "D")
	if taken(all) {
		t.Error("a child who is not expected there, and it was taken")
	}
	r.Today(a, "/")
	// One who sees only b knows too that the register was taken.
	if !taken(all) || !taken(store.Sight{Authority: northshire, Only: []store.Child{b}}) {
		t.Error("a mark of one child, and it was not taken")
	}
	r.AsAt("ash", at(9, 0))
	if !taken(all) {
		t.Error("a register that has not arrived was not taken")
	}
}

// A caseload sees its own children, counts them only, and learns of no other
// school.
func TestACaseload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		var list []store.Child
		for i, id := range []string{"ash", "birch", "cedar"} {
			r.school(id)
			list = append(list, r.pupil(id, 10*i+1, northshire, upn(1)), r.pupil(id, 10*i+2, northshire, upn(2+i)))
			r.Today(list[2*i], "/")
			r.Today(list[2*i+1], "N")
			r.AsAt(id, at(9, 31+i))
		}
		m := r.read(all, at(10, 0), status.AM)
		if got := m.child(list[0]); !slices.Equal(got.Also, []string{"birch", "cedar"}) || m.Twice != 1 || m.Counts[Present] != 3 {
			t.Errorf("one child at three schools: also at %v, %d twice, %v", got.Also, m.Twice, m.Counts)
		}
		m = r.read(store.Sight{Authority: northshire, Only: []store.Child{list[0], list[4], {School: "birch", Pupil: "no such"}}}, at(10, 0), status.AM)
		if len(m.Schools) != 3 || m.Counts[Present] != 2 || m.Counts[AbsentNoReason] != 0 || m.child(list[1]).State != "" {
			t.Errorf("%d schools, %v", len(m.Schools), m.Counts)
		}
		m = r.read(store.Sight{Authority: northshire, Only: []store.Child{list[0]}}, at(10, 0), status.AM)
		if got := m.child(list[0]); len(m.Schools) != 1 || len(got.Also) != 0 || m.Twice != 0 {
			t.Errorf("%d schools, also %v", len(m.Schools), got.Also)
		}
		for _, sight := range []store.Sight{{}, {Authority: "999"}, {Authority: northshire, Only: []store.Child{}}} {
			if m := r.read(sight, at(10, 0), status.AM); len(m.Counts) != 0 {
				t.Errorf("%+v sees %v", sight, m.Counts)
			}
		}
		if m := r.read(store.Sight{Authority: southshire}, at(10, 0), status.AM); len(m.Counts) != 0 || len(m.Schools) != 3 {
			t.Errorf("another authority sees %v", m.Counts)
		}
	})
}

// What is in memory is exactly the version that stands, also where versions begin
// again at 1, and many may read at once.
func TestMemoryIsNeverOld(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.school("ash")
	r.AsAt("ash", at(9, 35))
	child := r.pupil("ash", 1, northshire, "")
	for _, c := range []struct {
		mark string
		want State
	}{{"/", Present}, {"N", AbsentNoReason}, {"I", AbsentReason}} {
		r.Today(child, c.mark)
		for range 2 {
			if got := r.read(all, at(10, 0), status.AM).child(child).State; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		}
	}
	r.Exec("DELETE FROM records WHERE dataset = 'attendance'")
	r.Exec("DELETE FROM record_history WHERE school = 'ash'")
	r.Today(child, "/")
	if got := r.read(all, at(10, 0), status.AM).child(child); got.State != Present {
		t.Errorf("%s after versions began again", got.State)
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if i%4 == 0 {
				r.registers.cache.sweep(map[string]bool{"ash": true}, at(10, 0))
			}
			if got := r.read(all, at(10, 0), status.AM).child(child).State; got != Present {
				t.Errorf("%s", got)
			}
		})
	}
	group.Wait()
}

// A week is good for its version and its arrival only: versions begin again at 1
// where a child was forgotten and is back.
func TestMemoryIsOfOneVersion(t *testing.T) {
	c := newCache()
	child := store.Child{School: "ash", Pupil: pupilID(1)}
	c.put(map[store.Child]store.Week{child: {Marks: &record.Attendance{AM: []string{"/"}}, Version: 1, Received: at(9, 0)}}, "2026-11-23", at(9, 0))
	for _, l := range []struct {
		store.Registered
		week record.Date
		want int
	}{
		{store.Registered{Child: child, HasWeek: true, Version: 1, Received: at(9, 0)}, "2026-11-23", 1},
		{store.Registered{Child: child, HasWeek: true, Version: 2, Received: at(9, 0)}, "2026-11-23", 0},
		{store.Registered{Child: child, HasWeek: true, Version: 1, Received: at(9, 1)}, "2026-11-23", 0},
		{store.Registered{Child: child, HasWeek: true, Version: 1, Received: at(9, 0)}, "2026-11-16", 0},
		{store.Registered{Child: child}, "2026-11-23", 0},
	} {
		found, missing := c.take([]store.Registered{l.Registered}, l.week, at(9, 1))
		if len(found) != l.want || l.HasWeek && len(missing) != 1-l.want {
			t.Errorf("version %d of %s: %d in memory, %d to be opened", l.Version, l.week, len(found), len(missing))
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := newCache()
	list := map[store.Child]store.Week{}
	for i := range maxWeeks + 1 {
		list[store.Child{School: "ash", Pupil: pupilID(i)}] = store.Week{Marks: &record.Attendance{AM: []string{"/"}}, Version: 1}
	}
	c.put(list, "2026-11-23", at(9, 0))
	c.sweep(nil, at(9, 0))
	if len(c.entries) > maxWeeks {
		t.Errorf("%d weeks in memory", len(c.entries))
	}
	c.put(map[store.Child]store.Week{{School: "ash"}: {Marks: &record.Attendance{}}}, "2026-11-23", at(9, 0))
	c.sweep(nil, at(10, 1))
	if len(c.entries) != 0 {
		t.Error("a week that nobody has looked at for an hour is in memory")
	}
}

// The table of Meaning, and every code of the lists of today: none is unknown, no
// absence is taken for presence.
func TestMeaning(t *testing.T) {
	for _, c := range []struct {
		nation, codes string
		want          State
	}{
		{codes.NationEngland, `/ \ L B K P V W`, Present},
		{codes.NationEngland, "C C1 C2 E I J1 M R S T U G Q Y1 Y2 Y3 Y4 Y5 Y6 Y7 H J Y F", AbsentReason},
		{codes.NationEngland, "N O", AbsentNoReason},
		{codes.NationEngland, "D X Z #", NotInSession},
		{codes.NationEngland, "? 7 a X0 C9", NoMark},
		{codes.NationWales, `/ \ L B J P V W`, Present},
		{codes.NationWales, "D X", NotInSession},
		{codes.NationWales, "N O", AbsentNoReason},
		{codes.NationWales, "C E F H I M R S T C1", AbsentReason},
	} {
		for _, code := range strings.Fields(c.codes) {
			if got := MeaningOf(c.nation, monday, code); got.State != c.want {
				t.Errorf("%s in %s: %s, want %s", code, c.nation, got.State, c.want)
			}
		}
	}
	for b := range 128 {
		for _, second := range []string{"", "1", "2", "5"} {
			code := string(rune(b)) + second
			m := MeaningOf(codes.NationEngland, monday, code)
			if m.Known && m.State == Present && !m.Mark.Attended {
				t.Errorf("%q is presence, and the DfE does not count it as attendance", code)
			}
			if !m.Known && m.State != NoMark {
				t.Errorf("%q is in no list, and is %s", code, m.State)
			}
		}
	}
}
