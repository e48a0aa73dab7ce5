package retention

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/shared/config"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

// The page for schools names the settings and defaults that are in force where
// nobody sets others.
func TestPeriodsAreThoseOfThePage(t *testing.T) {
	_, explained, err := settings.Load(settings.Given{DataDir: t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The audit log is of what people did: no school sent it.
	named := map[string]bool{"retention.audit_years": true}
	for _, k := range record.Keepings() {
		named[k.Setting] = true
		i := slices.IndexFunc(explained, func(s config.Setting) bool { return s.Key == k.Setting })
		if i < 0 || explained[i].Value != strconv.Itoa(k.Default) {
			t.Errorf("the rule %s: there is no setting %s with the default %d", k.Rule, k.Setting, k.Default)
		}
	}
	for _, s := range explained {
		if strings.HasPrefix(s.Key, "retention.") && !named[s.Key] {
			t.Errorf("no rule is of the setting %s", s.Key)
		}
	}
}

func TestCutoffs(t *testing.T) {
	p := settings.Retention{HistoryDays: 400, LeftDays: 30, AttendanceYears: 2}
	for now, marks := range map[string]record.Date{
		"2026-11-21T09:30:00Z": "2025-09-01", "2027-08-31T22:59:00Z": "2025-09-01", "2027-08-31T23:00:00Z": "2026-09-01", // British summer time
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		c := Cutoffs(p, at)
		if c.Marks != marks || !c.History.Equal(at.AddDate(0, 0, -400)) || !c.Left.Equal(at.AddDate(0, 0, -30)) {
			t.Errorf("%s: %+v", now, c)
		}
	}
	p.AttendanceYears = 1
	if c := Cutoffs(p, start); c.Marks != "2026-09-01" {
		t.Errorf("this year only: %s", c.Marks)
	}
}

// What docs/data.md says of each dataset is what the rules do: each rule takes
// something of just the datasets that record.Kept names under it.
func TestEachRuleTakesWhatThePageSays(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		for _, k := range record.Keepings() {
			t.Run(string(k.Rule), func(t *testing.T) {
				s := r.school(t)
				for _, child := range []record.PupilID{pupilID(1), pupilID(2), ""} {
					s.put(all(child, 1, 1)...)
					s.put(all(child, 1, 2)...)
					for _, one := range all(child, 1, 3) {
						if child != pupilID(2) {
							s.refuse(one)
						}
					}
				}
				s.leave(pupilID(2))
				s.mark(pupilID(1), false, "", record.DatasetAttendance)
				before := s.counts()
				took := 0
				for {
					n := 0
					s.must(s.store.Write(t.Context(), func(tx *store.Tx) (err error) {
						n, err = tx.Forget(t.Context(), s.id, k.Rule, Cutoffs(s.job.Periods, start.Add(5*year)))
						return err
					}))
					if n == 0 {
						break
					}
					took += n
				}
				lost := map[record.Dataset]bool{}
				for what, n := range before {
					if d := record.Dataset(strings.Fields(what + " ")[1]); s.counts()[what] < n && record.Fields(d) != nil {
						lost[d] = true
					}
				}
				for _, d := range record.Datasets() {
					if says := slices.Contains(record.Kept(d), k.Rule); says != lost[d] {
						t.Errorf("%s: the page says %v, the rule takes something: %v", d, says, lost[d])
					}
				}
				if took == 0 {
					t.Error("the rule took nothing")
				}
				s.fsck()
			})
		}
	})
}

// Years later, what the MIS holds is there, and nothing else.
func TestYearsLater(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		stays, left, refused := pupilID(1), pupilID(2), pupilID(3)
		for _, child := range []record.PupilID{stays, left, refused, ""} {
			s.put(all(child, 1, 1)...)
		}
		s.now = s.now.Add(day)
		s.put(all(stays, 1, 2)...)
		s.put(all("", 1, 2)...)
		s.refuse(recordtest.Make(record.DatasetPupil, refused, 1, 2))
		s.rows("", func(w *store.Writer, row store.Row) error {
			if row.Dataset == record.DatasetContact && row.Pupil() == stays {
				return w.Remove(t.Context(), row, "left")
			}
			return nil
		})
		s.leave(left)
		if n := s.run(s.now.Add(399 * day)); !(School{Forgotten: n}).None() {
			t.Fatalf("too early: %v", n)
		}
		// Only the left child's first versions are older than 400 days half a day
		// later: the versions before those of the second day.
		n := s.run(s.now.Add(20 * year))
		pupils := len(all(stays, 1, 1))
		want := store.Forgotten{record.RuleLeft: 1, record.RuleMarks: 0, record.RuleHistory: pupils + 2, record.RuleRefused: 1}
		for _, k := range record.Keepings() {
			if n[k.Rule] != want[k.Rule] {
				t.Errorf("%s: %d went, %d should", k.Rule, n[k.Rule], want[k.Rule])
			}
		}
		for what, n := range s.counts() {
			if strings.HasPrefix(what, "history") || strings.HasPrefix(what, "quarantine") || strings.Contains(what, string(left)) {
				t.Errorf("%d of %s are left", n, what)
			}
		}
		if n := s.run(s.now.Add(20 * year)); !(School{Forgotten: n}).None() {
			t.Errorf("a second run forgot %v", n)
		}

		// Everything goes on: the same records again, changed ones, a removal, a
		// refused one that came again, and the forgotten child as a new one.
		s.now = s.now.Add(20 * year)
		s.put(all(stays, 1, 3)...)
		s.refuse(recordtest.Make(record.DatasetPupil, refused, 1, 2))
		s.put(recordtest.Make(record.DatasetPupil, refused, 1, 4))
		s.put(all(left, 1, 7)...)
		s.leave(refused)
		s.fsck()
		if s.counts()["pupils  "+string(left)] != 1 {
			t.Error("the child did not come back")
		}
	})
}

func TestAChildWhoIsBackInTimeIsKept(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		back, refused, away := pupilID(1), pupilID(2), pupilID(3)
		for _, child := range []record.PupilID{back, refused, away} {
			s.put(all(child, 1, 1)...)
			s.leave(child)
		}
		s.now = s.now.Add(399 * day)
		s.put(recordtest.Make(record.DatasetPupil, back, 1, 2))
		s.refuse(recordtest.Make(record.DatasetPupil, refused, 1, 2))
		s.job.Periods.HistoryDays = 36_500
		if n := s.run(s.now.Add(10 * year)); n[record.RuleLeft] != 1 {
			t.Errorf("%v went", n)
		}
		found := s.counts()
		for _, child := range []record.PupilID{back, refused} {
			if found["pupils  "+string(child)] != 1 || found["history contact "+string(child)] != 1 {
				t.Errorf("of a child who is back is left: %v", found)
			}
		}
		if found["pupils  "+string(away)] != 0 || found["history contact "+string(away)] != 0 {
			t.Error("a child who left is there")
		}
	})
}

// An agent on a new machine counts nothing until its first batch is applied:
// meanwhile everything that was on the list stays.
func TestNothingOnTheListGoesBetweenTwoAgents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		s.put(all(pupilID(1), 1, 1)...)
		s.put(all(pupilID(2), 1, 1)...)
		s.leave(pupilID(2))
		s.refuse(recordtest.Make(record.DatasetPupil, pupilID(2), 1, 2))
		before := s.counts()
		s.must(s.store.Write(t.Context(), func(tx *store.Tx) error {
			return tx.Begin(t.Context(), store.Agent{School: s.id, Generation: 2})
		}))
		s.run(s.now.Add(2 * day))
		if diff := cmp.Diff(before, s.counts()); diff != "" {
			t.Error(diff)
		}
		// Years later too, what is no week and no earlier version stays.
		s.run(s.now.Add(10 * year))
		for what, n := range s.counts() {
			if strings.HasPrefix(what, "records") && n != before[what] {
				t.Errorf("%s: %d of %d", what, n, before[what])
			}
			delete(before, what)
		}
		for what := range before {
			if strings.HasPrefix(what, "records") && !strings.Contains(what, "attendance") {
				t.Errorf("%s are gone", what)
			}
		}
	})
}

func TestWhatWaitsInAHoldIsNotTouched(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		child, other := pupilID(1), pupilID(2)
		for n := range 2 {
			s.put(all(child, 1, n+1)...)
			s.put(all(other, 1, n+1)...)
			s.put(recordtest.Make(record.DatasetStaff, "", 1, n+1), recordtest.Make(record.DatasetStaff, "", 2, n+1))
		}
		s.refuse(recordtest.Make(record.DatasetContact, child, 1, 3))
		s.mark(child, false, "", record.DatasetAttendance)
		s.mark(child, false, "ABCD-EFGH", record.DatasetPupil)
		held := refOf(recordtest.Make(record.DatasetStaff, "", 1, 1))
		s.rows("", func(w *store.Writer, row store.Row) error {
			if row.Ref == held {
				return w.Mark(t.Context(), row, false, "JKLM-NPQR")
			}
			return nil
		})
		before := s.counts()
		s.run(s.now.Add(10 * year))
		after := s.counts()
		for what, n := range before {
			if strings.Contains(what, string(child)) && after[what] != n {
				t.Errorf("%s: %d of %d are left", what, after[what], n)
			}
		}
		if after["history staff "] != 1 || after["history contact "+string(other)] != 0 {
			t.Errorf("left are %v", after)
		}
		// Released, the child goes like any other.
		s.mark(child, true, "", record.DatasetPupil)
		s.leave(child)
		if n := s.run(s.now.Add(10 * year)); n[record.RuleLeft] != 1 || s.counts()["pupils  "+string(child)] != 0 {
			t.Errorf("%v went after the release", n)
		}
	})
}

// A week of an earlier year goes only when it does not count any more, with
// every version; what the year before last brought of a removed child too.
func TestMarksOfEarlierYears(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		s.job.Periods = settings.Retention{HistoryDays: 36_500, LeftDays: 36_500, AttendanceYears: 1}
		child, left := pupilID(1), pupilID(2)
		for thing := range 3 {
			s.put(recordtest.Make(record.DatasetAttendance, child, thing, 1), recordtest.Make(record.DatasetAttendance, left, thing, 1))
			s.put(recordtest.Make(record.DatasetAttendance, child, thing, 2))
		}
		s.refuse(recordtest.Make(record.DatasetAttendance, child, 0, 3))
		s.put(recordtest.Make(record.DatasetPupil, child, 1, 1), recordtest.Make(record.DatasetPupil, left, 1, 1))
		s.leave(left)
		// The year is not over at the school: all of it counts.
		s.job.Periods.AttendanceYears = 2
		if n := s.run(start.Add(year)); !(School{Forgotten: n}).None() {
			t.Fatalf("went in the year after: %v", n)
		}
		s.job.Periods.AttendanceYears = 1
		if n := s.run(start.Add(year)); n[record.RuleMarks] != 3 || s.counts()["records attendance "+string(child)] != 3 {
			t.Fatalf("%v went while it counts", n)
		}
		s.mark(child, false, "", record.DatasetAttendance)
		if n := s.run(start.Add(year)); n[record.RuleMarks] != 3 {
			t.Errorf("%v went", n)
		}
		for what := range s.counts() {
			if strings.Contains(what, "attendance") {
				t.Errorf("%s are left", what)
			}
		}
	})
}

// With a child go the ids that the child had before.
func TestEarlierIDsGoWithTheChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		s.job.Periods.HistoryDays = 36_500
		for n := range 3 {
			s.put(recordtest.Make(record.DatasetPupil, pupilID(10*n), 1, 1))
			s.rename(pupilID(10*n), pupilID(10*n+1))
			s.rename(pupilID(10*n+1), pupilID(10*n+2))
		}
		s.leave(pupilID(2))  // the whole of one child
		s.leave(pupilID(12)) // an earlier id of this one is in use again
		s.put(recordtest.Make(record.DatasetPupil, pupilID(10), 1, 2))
		if n := s.run(s.now.Add(2 * year)); n[record.RuleLeft] != 2 {
			t.Errorf("%v went", n)
		}
		want := []string{string(pupilID(10)), string(pupilID(20)), string(pupilID(21)), string(pupilID(22))}
		var got []string
		for what := range s.counts() {
			if id, ok := strings.CutPrefix(what, "pupils  "); ok {
				got = append(got, id)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v are left", got)
		}
		// Ids that nobody has any more are not pointed at.
		s.job.Periods.HistoryDays = 400
		s.run(s.now.Add(2 * year))
		for what := range s.counts() {
			if strings.HasPrefix(what, "was") {
				t.Errorf("%s points at nobody", what)
			}
		}
	})
}

// A clock that was set back leaves no gap between versions.
func TestVersionsGoInTheirOrder(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		for n, at := range []time.Duration{0, 100 * day, 50 * day, 200 * day} {
			s.now = start.Add(at)
			s.put(recordtest.Make(record.DatasetPupil, pupilID(1), 1, n+1))
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{460 * day, 0}, {510 * day, 2}, {610 * day, 1}} {
			if n := s.run(start.Add(c.after)); n[record.RuleHistory] != c.want {
				t.Errorf("after %s: %v went, %d should", c.after, n, c.want)
			}
		}
	})
}

// Ended between any two pieces, it leaves everything whole and goes on where it
// stopped; no piece is large.
func TestEndedBetweenPieces(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		for n := range 2 {
			var list []record.Record
			for thing := range 450 {
				list = append(list, recordtest.Make(record.DatasetContact, pupilID(1), thing, n+1))
			}
			s.put(list...)
		}
		s.put(recordtest.Make(record.DatasetPupil, pupilID(1), 1, 1))
		for n := range 3 {
			s.put(all(pupilID(10+n), 1, 1)...)
			s.leave(pupilID(10 + n))
		}
		pieces, total := 0, store.Forgotten{}
		for {
			ctx, stop := context.WithCancel(t.Context())
			s.job.Forgot = func(_ string, rule record.Rule, n int) {
				if n > 200 {
					t.Errorf("a piece of %d", n)
				}
				total[rule] += n
				pieces++
				stop()
			}
			_, err := s.job.Run(ctx, s.now.Add(3*year))
			stop()
			s.fsck()
			if err == nil {
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		s.job.Forgot = nil
		if pieces != 3+3 || total[record.RuleLeft] != 3 || total[record.RuleHistory] != 450 {
			t.Errorf("%d pieces of %v", pieces, total)
		}
		if n := s.run(s.now.Add(3 * year)); !(School{Forgotten: n}).None() {
			t.Errorf("left over was %v", n)
		}
	})
}

// No statement of a run walks a whole table: what is asked each day of each
// school must not cost more with every school and every year.
func TestNoStatementWalksATable(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	s := newRig(t, db).school(t)
	s.put(all(pupilID(1), 1, 1)...)
	s.put(all(pupilID(1), 1, 2)...)
	s.refuse(recordtest.Make(record.DatasetContact, pupilID(1), 1, 3))
	s.put(all(pupilID(2), 1, 1)...)
	s.leave(pupilID(2))
	s.mark(pupilID(1), false, "", record.DatasetAttendance)
	c := Cutoffs(s.job.Periods, start.Add(5*year))
	for _, k := range record.Keepings() {
		s.must(s.store.Write(t.Context(), func(tx *store.Tx) error {
			due, err := tx.Due(t.Context(), s.id, c)
			if err != nil || due[k.Rule] == 0 {
				t.Errorf("%s: nothing is due, %v", k.Rule, err)
			}
			_, err = tx.Forget(t.Context(), s.id, k.Rule, c)
			return err
		}))
	}
	dbtest.NoWalks(t, db, 20)
}

// Two processes that forget at once, beside a school that goes on sending, forget
// each thing once.
func TestTwoAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := newRig(t, db).school(t)
		for n := range 8 {
			s.put(all(pupilID(n), 1, 1)...)
			s.leave(pupilID(n))
		}
		s.put(recordtest.Make(record.DatasetPupil, pupilID(99), 1, 1))
		type end struct {
			n   int
			err error
		}
		ends := make(chan end)
		for range 2 {
			go func() {
				list, err := s.job.Run(t.Context(), start.Add(3*year))
				n := 0
				for _, one := range list {
					n += one.Forgotten[record.RuleLeft]
				}
				ends <- end{n, err}
			}()
		}
		a, b := <-ends, <-ends
		if err := errors.Join(a.err, b.err); err != nil || a.n+b.n != 8 {
			t.Errorf("%d and %d children went, %v", a.n, b.n, err)
		}
		s.fsck()
	})
}

// Whatever has happened at a school: a run changes nothing that counts or waits,
// leaves everything whole, and leaves nothing to do.
func TestAnySchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		rapid.Check(t, func(t *rapid.T) {
			s := r.school(t)
			for range rapid.IntRange(1, 25).Draw(t, "steps") {
				s.step(t)
			}
			kept := s.protected()
			s.run(s.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "days")) * day))
			if diff := cmp.Diff(kept, s.protected()); diff != "" {
				t.Errorf("what counts or waits changed: %s", diff)
			}
			later := s.now.Add(10 * year)
			s.run(later)
			if n := s.run(later); !(School{Forgotten: n}).None() {
				t.Errorf("a second run forgot %v", n)
			}
			s.put(all(pupilID(1), 1, 9)...)
			s.fsck()
			s.end()
		})
	})
}

func (s *shelf) step(t *rapid.T) {
	s.now = s.now.Add(time.Duration(rapid.IntRange(-20, 150).Draw(t, "pass")) * day)
	child := pupilID(rapid.IntRange(0, 3).Draw(t, "child"))
	datasets := record.Datasets()
	d := datasets[rapid.IntRange(0, len(datasets)-1).Draw(t, "dataset")]
	made := recordtest.Make(d, child, rapid.IntRange(0, 2).Draw(t, "thing"), rapid.IntRange(1, 5).Draw(t, "version"))
	switch rapid.IntRange(0, 6).Draw(t, "step") {
	case 0, 1:
		s.put(recordtest.Make(record.DatasetPupil, child, 1, 1), recordtest.Make(record.DatasetContact, child, 1, 2), recordtest.Make(record.DatasetStaff, "", 1, 3))
	case 2:
		s.put(made)
	case 3:
		s.refuse(made)
	case 4:
		s.leave(child)
		s.write(func(w *store.Writer) error { return w.DropEmpty(s.Context()) })
	case 5:
		s.mark(child, false, rapid.SampledFrom([]string{"", "ABCD-EFGH"}).Draw(t, "held"), d)
	case 6:
		s.mark(child, true, "", datasets...)
	}
}

// protected is what no run may change: rows that count or wait, and everything of
// the children who have one that waits.
func (s *shelf) protected() map[string]string {
	s.t.Helper()
	kept, waits := map[string]string{}, map[record.PupilID]bool{}
	s.rows("", func(_ *store.Writer, row store.Row) error {
		if row.Held != "" && row.Pupil() != "" {
			waits[row.Pupil()] = true
		}
		if row.Counted || row.Held != "" {
			kept[fmt.Sprintf("%s %s", row.Dataset, row.Key)] = fmt.Sprint(row.Version, row.HasBody, row.Tag, row.Counted, row.Refused, row.Held)
		}
		return nil
	})
	for what, n := range s.counts() {
		for child := range waits {
			if strings.Contains(what, string(child)) {
				kept[what] = fmt.Sprint(n)
			}
		}
	}
	return maps.Clone(kept)
}

func TestCallsGoAfterTheShorterPeriod(t *testing.T) {
	now := time.Date(2026, 7, 1, 23, 30, 0, 0, time.UTC) // the 2nd in London
	for _, c := range []struct {
		history, left int
		want          record.Date
	}{{400, 400, "2025-05-28"}, {400, 30, "2026-06-02"}, {30, 400, "2026-06-02"}} {
		if got := Calls(settings.Retention{HistoryDays: c.history, LeftDays: c.left}, now); got != c.want {
			t.Errorf("%d and %d: %s, want %s", c.history, c.left, got, c.want)
		}
	}
}
