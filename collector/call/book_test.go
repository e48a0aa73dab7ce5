package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func TestACallIsKeptForItsAuthorityOnly(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		r.School("oak", "Oak")
		mine, theirs := r.child("abbey", north), r.child("abbey", south)
		c := said("abbey", Absent, Child{mine.Pupil, "I"})
		c.Note, c.FollowUp = " first line\r\nsecond line ", at(11, 30)
		done := r.keep(c)
		if done.Again || len(done.Others) != 0 {
			t.Errorf("%t, %d others", done.Again, len(done.Others))
		}
		list := r.ofDay(northSight)
		if len(list) != 1 {
			t.Fatalf("%d calls", len(list))
		}
		got := list[0]
		if got.ID != c.ID || got.ByName != "alex" || got.Outcome != Absent || got.Note != "first line\nsecond line" ||
			!got.FollowUp.Equal(at(11, 30)) || !got.At.Equal(at(10, 20)) || !slices.Equal(got.Children, c.Children) || got.Authority != north {
			t.Errorf("by %s at %s, again at %s, %d children", got.ByName, got.At, got.FollowUp, len(got.Children))
		}
		if others := r.ofDay(southSight); len(others) != 0 {
			t.Error("another authority sees the call")
		}
		if _, err := r.book.Find(t.Context(), southSight, "abbey", c.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another authority finds it: %v", err)
		}
		for name, c := range map[string]Call{
			"another's child":      said("abbey", Absent, Child{theirs.Pupil, "I"}),
			"a child of nobody":    said("abbey", Absent, Child{registertest.PupilID(99), "I"}),
			"another school":       said("elm", Reached),
			"a child of elsewhere": said("oak", Absent, Child{mine.Pupil, "I"}),
		} {
			if _, err := r.book.Record(t.Context(), northSight, c, time.Time{}, nil); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(r.ofDay(northSight)); n != 1 {
			t.Errorf("%d calls are kept", n)
		}
		if found := r.fsck(); len(found) > 0 {
			t.Error(found)
		}
	})
}

func TestOneFormIsOneCall(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		c := said("abbey", NoAnswer)
		ran := 0
		then := func(*store.Tx) error { ran++; return nil }
		for n := range 3 {
			c.At = at(10, 20+n)
			done, err := r.book.Record(t.Context(), northSight, c, at(10, 15), then)
			if err != nil || done.Again != (n > 0) || !done.Call.At.Equal(at(10, 20)) {
				t.Errorf("%d: %t at %s, %v", n, done.Again, done.Call.At, err)
			}
		}
		if ran != 1 {
			t.Errorf("what belongs to it was done %d times", ran)
		}
		other := c
		other.Note = "It was engaged"
		if done, err := r.book.Record(t.Context(), northSight, other, at(10, 15), nil); !errors.Is(err, ErrUsed) || done.Call.ID != c.ID {
			t.Errorf("the same form with something else: %v", err)
		}
		other = c
		other.By = "sam-id"
		if _, err := r.book.Record(t.Context(), northSight, other, at(10, 15), nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's form: %v", err)
		}
		if n := len(r.ofDay(northSight)); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

// What belongs to a call is in its transaction: without the one there is no other.
func TestNoCallWithoutWhatBelongsToIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		mine := errors.New("mine")
		_, err := r.book.Record(t.Context(), northSight, said("abbey", Reached), time.Time{}, func(*store.Tx) error { return mine })
		if !errors.Is(err, mine) || len(r.ofDay(northSight)) != 0 {
			t.Errorf("%v, %d calls", err, len(r.ofDay(northSight)))
		}
	})
}

// Two people at one call are two calls, and the later one is told of the other;
// one form that a browser sends many times at once is one.
func TestCallersAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		forms := []Call{said("abbey", NoAnswer), said("abbey", Reached)}
		forms[1].By = "sam-id"
		const times = 4
		var wait sync.WaitGroup
		results := make(chan Recorded, len(forms)*times)
		for _, form := range forms {
			for range times {
				wait.Go(func() {
					done, err := r.book.Record(t.Context(), northSight, form, at(10, 15), nil)
					if err != nil {
						t.Errorf("%s: %v", form.By, err)
					}
					results <- done
				})
			}
		}
		wait.Wait()
		close(results)
		told, first := 0, 0
		for done := range results {
			if !done.Again {
				first++
				told += len(done.Others)
			}
		}
		if list := r.ofDay(northSight); len(list) != 2 || first != 2 || told != 1 {
			t.Errorf("%d calls, %d were the first, %d was told of the other", len(list), first, told)
		}
	})
}

func TestClaims(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		claim := func(by string, when time.Time, takeOver bool) (Claim, error) {
			return r.book.Claim(t.Context(), northSight, Claim{School: "abbey", Day: monday, Session: status.AM, By: by, At: when}, takeOver, nil)
		}
		runs := func(now time.Time) string {
			list, err := r.book.Claims(t.Context(), northSight, monday, status.AM, now)
			r.Must(err)
			if len(list) == 0 {
				return ""
			}
			return list[0].ByName
		}
		// Two at once: one has it, and the other is told who has.
		var wait sync.WaitGroup
		got := make([]Claim, 2)
		errs := make([]error, 2)
		for i, by := range []string{"alex-id", "sam-id"} {
			wait.Go(func() { got[i], errs[i] = claim(by, at(10, 20), false) })
		}
		wait.Wait()
		winner := slices.IndexFunc(errs, func(err error) bool { return err == nil })
		loser := 1 - winner
		if winner < 0 || !errors.Is(errs[loser], ErrClaimed) || got[loser].By != got[winner].By || !got[loser].At.Equal(at(10, 20)) {
			t.Fatalf("%v: %+v", errs, got)
		}
		first, second := got[winner].By, []string{"sam-id", "alex-id"}[winner]
		if got[loser].ByName != strings.TrimSuffix(first, "-id") {
			t.Errorf("the second is told of %q", got[loser].ByName)
		}
		if c, err := claim(first, at(10, 25), false); err != nil || !c.At.Equal(at(10, 20)) || !c.Until.Equal(at(10, 35)) {
			t.Errorf("one's own again: %+v, %v", c, err)
		}
		if c, err := claim(second, at(10, 26), true); err != nil || c.By != second || !c.At.Equal(at(10, 26)) {
			t.Errorf("taken over: %+v, %v", c, err)
		}
		if _, err := claim(first, at(10, 27), false); !errors.Is(err, ErrClaimed) {
			t.Errorf("after it was taken over: %v", err)
		}
		if _, err := claim(first, at(10, 36), false); err != nil {
			t.Errorf("after its end: %v", err)
		}
		if _, err := r.book.Claim(t.Context(), southSight, Claim{School: "abbey", Day: monday, Session: status.AM, By: "south-id", At: at(10, 36)}, false, nil); err != nil {
			t.Errorf("another authority's call is its own affair: %v", err)
		}
		if _, err := r.book.Claim(t.Context(), northSight, Claim{School: "elm", Day: monday, Session: status.AM, By: first, At: at(10, 36)}, false, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("a school that is not there: %v", err)
		}
		// Somebody else's is not released, one's own is; a recorded call ends it too.
		r.Must(r.book.Release(t.Context(), northSight, "abbey", monday, second, nil))
		if runs(at(10, 37)) == "" {
			t.Error("another's claim was released")
		}
		if runs(at(10, 46)) != "" {
			t.Error("a claim runs on after its end")
		}
		r.Must(r.book.Release(t.Context(), northSight, "abbey", monday, first, nil))
		if runs(at(10, 37)) != "" {
			t.Error("one's own claim was not released")
		}
		_, err := claim("alex-id", at(10, 40), false)
		r.Must(err)
		r.keep(said("abbey", NoAnswer))
		if runs(at(10, 41)) != "" {
			t.Error("the claim outlives the call")
		}
	})
}

func TestACorrectionAdds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		child := r.child("abbey", north)
		old := said("abbey", Marked, Child{child.Pupil, "N"})
		r.keep(old)
		right := said("abbey", Marked, Child{child.Pupil, "/"})
		right.Corrects, right.By, right.At = old.ID, "sam-id", at(10, 30)
		r.keep(right)
		list := r.ofDay(northSight)
		if len(list) != 2 || list[0].ID != right.ID || list[0].Corrected || list[1].ID != old.ID || !list[1].Corrected || list[1].Children[0].Mark != "N" {
			t.Fatalf("%d calls", len(list))
		}
		marks, err := r.book.ByPhone(t.Context(), northSight, monday, status.AM)
		if m := marks[child]; err != nil || m.Code != "/" || m.ByName != "sam" || !m.At.Equal(at(10, 30)) {
			t.Errorf("by phone %+v, %v", m, err)
		}
		if marks, _ := r.book.ByPhone(t.Context(), northSight, monday, status.PM); len(marks) != 0 {
			t.Errorf("a mark of the morning is one of the afternoon: %v", marks)
		}
		for name, change := range map[string]func(*Call){
			"no such call":    func(c *Call) { c.Corrects = NewID() },
			"another session": func(c *Call) { c.Session = status.PM },
			"another day":     func(c *Call) { c.Day = "2026-11-24" },
		} {
			c := said("abbey", Reached)
			c.Corrects = old.ID
			change(&c)
			if _, err := r.book.Record(t.Context(), northSight, c, time.Time{}, nil); err == nil {
				t.Errorf("%s was corrected", name)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		r.School("oak", "Oak")
		child, brother := r.child("abbey", north), r.child("abbey", north)
		for n := range 30 {
			c := said([]string{"abbey", "oak"}[n%2], NoAnswer)
			c.Day, c.At = record.Date("2026-11-02").AddDays(n/2), at(10, 20).AddDate(0, 0, n/2-21)
			if n%3 == 0 {
				c.By = "sam-id"
			}
			if n == 4 {
				c.Outcome, c.Children, c.Note = Marked, []Child{{child.Pupil, "I"}, {brother.Pupil, "/"}}, "note"
			}
			r.keep(c)
		}
		for name, c := range map[string]struct {
			f           Filter
			here, total int
		}{
			"all":          {Filter{}, 30, 30},
			"first page":   {Filter{Size: 25}, 25, 30},
			"second page":  {Filter{Size: 25, Page: 2}, 5, 30},
			"beyond":       {Filter{Size: 25, Page: 3}, 0, 30},
			"a school":     {Filter{School: "oak", Size: 25}, 15, 15},
			"a person":     {Filter{By: "sam-id", Size: 25}, 10, 10},
			"some days":    {Filter{From: "2026-11-03", To: "2026-11-04", Size: 25}, 4, 4},
			"a child":      {Filter{School: "abbey", Child: child.Pupil, Size: 25}, 1, 1},
			"another page": {Filter{School: "abbey", Child: child.Pupil, Size: 25, Page: 2}, 0, 1},
		} {
			list, total, err := r.book.History(t.Context(), northSight, c.f)
			if err != nil || len(list) != c.here || total != c.total {
				t.Errorf("%s: %d of %d, %v", name, len(list), total, err)
			}
		}
		// A caseload sees calls about its own children, without the others and without
		// what somebody wrote.
		only := store.Sight{Authority: north, Only: []store.Child{child}}
		list, total, err := r.book.History(t.Context(), only, Filter{})
		if err != nil || total != 1 || len(list[0].Children) != 1 || list[0].Note != "" {
			t.Errorf("%d calls, %v", total, err)
		}
		marks, err := r.book.MarksOf(t.Context(), northSight, child, "2026-11-02", "2026-11-30")
		if err != nil || len(marks) != 1 || marks[0].Code != "I" || marks[0].Day != "2026-11-04" {
			t.Errorf("%+v, %v", marks, err)
		}
	})
}

// A child keeps what was said by phone when the school's system gives it another id.
func TestAChildWithANewID(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		old := r.child("abbey", north)
		r.keep(said("abbey", Marked, Child{old.Pupil, "/"}))
		now := r.child("abbey", north)
		r.Write("abbey", func(w *store.Writer) error { return w.Follow(t.Context(), now.Pupil, old.Pupil) })
		list, err := r.book.OfChild(t.Context(), northSight, now)
		if err != nil || len(list) != 1 {
			t.Errorf("%d calls, %v", len(list), err)
		}
		if marks, err := r.book.MarksOf(t.Context(), northSight, now, monday, monday); err != nil || len(marks) != 1 {
			t.Errorf("%v, %v", marks, err)
		}
	})
}

func TestFollowUps(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		c := said("abbey", Reached)
		c.FollowUp = at(11, 30)
		r.keep(c)
		due := func(now time.Time) int {
			list, err := r.book.FollowUps(t.Context(), northSight, now, r.ofDay(northSight))
			r.Must(err)
			return len(list)
		}
		tomorrow := at(11, 0).AddDate(0, 0, 1)
		if due(at(11, 0)) != 1 || due(tomorrow) != 1 || due(at(11, 0).AddDate(0, 0, -1)) != 0 {
			t.Errorf("%d on the day, %d after it", due(at(11, 0)), due(tomorrow))
		}
		again := said("abbey", NoAnswer)
		again.At = at(11, 35)
		r.keep(again)
		if due(at(12, 0)) != 1 {
			t.Error("nobody answered, and nobody is to call again")
		}
		if due(tomorrow) != 0 {
			t.Error("somebody called again, and is to do it once more on the next day")
		}
		again = said("abbey", Reached)
		again.At = at(11, 45)
		r.keep(again)
		if due(at(12, 0)) != 0 {
			t.Error("somebody called again, and is to do it once more")
		}
	})
}

// As a school stops, what was said of it until then is hidden, and destroyed with
// its data. What was said since is the authority's own, and stays when the school
// begins anew.
func TestAStoppedSchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		child := r.child("abbey", north)
		r.keep(said("abbey", Marked, Child{child.Pupil, "I"}))
		stop := r.stop("abbey", at(10, 30))
		if n := len(r.ofDay(northSight)); n != 0 {
			t.Errorf("%d calls of before are shown", n)
		}
		if _, err := r.book.Record(t.Context(), northSight, said("abbey", Marked, Child{child.Pupil, "I"}), time.Time{}, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("a child of a school that stopped: %v", err)
		}
		since := said("abbey", Reached)
		since.At, since.Note = at(10, 40), "They report by phone"
		r.keep(since)
		check := func(what string) {
			t.Helper()
			if list := r.ofDay(northSight); len(list) != 1 || list[0].ID != since.ID || list[0].Note != since.Note {
				t.Errorf("%s: %d calls", what, len(list))
			}
			if found := r.fsck(); len(found) > 0 {
				t.Errorf("%s: %v", what, found)
			}
		}
		check("stopped")
		r.Must(r.Store.Write(t.Context(), func(tx *store.Tx) error {
			for {
				if n, err := tx.DestroyPiece(t.Context(), stop); err != nil || n == 0 {
					return err
				}
			}
		}))
		rows := func() (n int) {
			r.Must(r.DB.Read(t.Context(), func(tx *database.Tx) error { return tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM calls").Scan(&n) }))
			return n
		}
		if rows() != 1 {
			t.Errorf("%d calls are left in the database", rows())
		}
		check("destroyed")
		r.Must(r.Store.Write(t.Context(), func(tx *store.Tx) error {
			return tx.KeepOwn(t.Context(), r.Vault, "abbey", func() error { return tx.ForgetSchool(t.Context(), "abbey") })
		}))
		check("begun anew")
		r.stop("abbey", at(11, 0))
		if n := len(r.ofDay(northSight)); n != 0 {
			t.Errorf("%d calls are shown when it has stopped again", n)
		}
		r.Must(r.Store.Write(t.Context(), func(tx *store.Tx) error {
			return tx.KeepOwn(t.Context(), r.Vault, "abbey", func() error { return tx.ForgetSchool(t.Context(), "abbey") })
		}))
		if rows() != 0 {
			t.Errorf("%d hidden calls outlive the new beginning", rows())
		}
	})
}

func TestForget(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		for n := range 5 {
			c := said("abbey", NoAnswer)
			c.Day, c.At = monday.AddDays(-n), at(10, 20).AddDate(0, 0, -n)
			r.keep(c)
		}
		n, err := r.book.Forget(t.Context(), monday.AddDays(-2))
		if err != nil || n != 2 {
			t.Errorf("%d forgotten, %v", n, err)
		}
		if _, total, err := r.book.History(t.Context(), northSight, Filter{}); err != nil || total != 3 {
			t.Errorf("%d left, %v", total, err)
		}
	})
}

func TestFsckFindsACallThatDoesNotOpen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		for name, spoil := range map[string]string{
			"another authority's": "UPDATE calls SET authority = '302'",
			"another's place":     "UPDATE calls SET call = 'x'",
			"hidden":              "UPDATE calls SET hidden = TRUE",
		} {
			r := newRig(t, fresh(t, db))
			r.School("abbey", "Abbey Road")
			r.keep(said("abbey", Reached))
			r.Exec(spoil)
			if len(r.fsck()) == 0 {
				t.Errorf("%s: nothing is found", name)
			}
		}
	})
}

// fresh is another database of the same dialect.
func fresh(t *testing.T, db *database.DB) *database.DB {
	t.Helper()
	if db.Dialect == database.SQLite {
		return dbtest.Migrated(t, dbtest.SQLite(t))
	}
	return dbtest.Migrated(t, dbtest.Postgres(t))
}

// canary is what stands in each field that may say something about a child.
const canary = "CANARY-5f3a"

// Nothing that somebody wrote, no mark and no child concerned is anywhere in the
// database in clear.
func TestNothingOfACallIsInClear(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		child := r.child("abbey", north)
		c := said("abbey", Absent, Child{child.Pupil, "Y7"})
		c.Reason, c.Note = canary+" reason", canary+" note"
		r.keep(c)
		for _, table := range []string{"calls", "call_claims"} {
			for _, cell := range cells(t, db, table) {
				for _, secret := range []string{canary, string(child.Pupil), "Y7", "absent"} {
					if strings.Contains(cell, secret) {
						t.Errorf("%s has %q in clear", table, secret)
					}
				}
			}
		}
		for _, table := range tables(t, db) {
			for _, cell := range cells(t, db, table) {
				if strings.Contains(cell, canary) {
					t.Errorf("%s has the free text in clear", table)
				}
			}
		}
		if text := fmt.Sprintf("%v %+v %s", c, c, c); strings.Contains(text, canary) {
			t.Error("a call prints what it holds")
		}
	})
}

func tables(t *testing.T, db *database.DB) (list []string) {
	t.Helper()
	query := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if db.Dialect == database.Postgres {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	read(t, db, query, func(row []any) { list = append(list, fmt.Sprint(row[0])) })
	if len(list) < 20 {
		t.Fatalf("%d tables", len(list))
	}
	return list
}

// cells are all values of a table as text.
func cells(t *testing.T, db *database.DB, table string) (list []string) {
	t.Helper()
	read(t, db, "SELECT * FROM "+table, func(row []any) {
		for _, v := range row {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			list = append(list, fmt.Sprint(v))
		}
	})
	return list
}

func read(t *testing.T, db *database.DB, query string, f func([]any)) {
	t.Helper()
	err := db.Read(t.Context(), func(tx *database.Tx) error {
		rows, err := tx.Query(t.Context(), query)
		if err != nil {
			return err
		}
		defer rows.Close()
		names, err := rows.Columns()
		for err == nil && rows.Next() {
			row, at := make([]any, len(names)), make([]any, len(names))
			for i := range row {
				at[i] = &row[i]
			}
			if err = rows.Scan(at...); err == nil {
				f(row)
			}
		}
		return errors.Join(err, rows.Err())
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestARecordThatEndsInTheMiddleIsNone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := r.book.Record(ctx, northSight, said("abbey", Reached), time.Time{}, func(*store.Tx) error { cancel(); return ctx.Err() })
		if err == nil || len(r.ofDay(northSight)) != 0 {
			t.Errorf("%v, %d calls", err, len(r.ofDay(northSight)))
		}
	})
}
