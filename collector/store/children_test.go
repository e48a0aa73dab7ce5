package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

func childID(n int) record.PupilID { return record.PupilID(fmt.Sprintf("%032x", n)) }

// childShelf is a shelf whose school two authorities ask for pupils.
func childShelf(t *testing.T, db *database.DB) *shelf {
	s := newShelf(t, db)
	for _, code := range []string{authority, "302"} {
		s.must(s.store.PutAuthority(t.Context(), Authority{Code: code, Why: "because"}))
		s.must(s.store.SetProvision(t.Context(), Provision{"oak", code, map[record.Dataset][]string{record.DatasetPupil: {"Surname"}, record.DatasetPEP: {"Status"}}}))
	}
	return s
}

// child is a pupil's own record, of an authority and with a UPN made of upn; none
// if it is 0.
func (s *shelf) child(n int, code string, upn int) *record.Pupil {
	s.Helper()
	p := recordtest.Make(record.DatasetPupil, childID(n), 1, n).(*record.Pupil)
	p.CareAuthority, p.UPN, p.Surname = code, "", fmt.Sprintf("Fictional %d", n)
	if upn > 0 {
		u, err := codes.MakeUPN(fmt.Sprintf("301%09d", upn))
		s.must(err)
		p.UPN = u.Reveal()
	}
	return p
}

// remove takes records of a pupil away, as apply does.
func (s *shelf) remove(id record.PupilID, why string) {
	s.Helper()
	s.write(func(w *Writer) error {
		all, err := w.All(s.Context())
		if err != nil {
			return err
		}
		for _, row := range all {
			if row.Pupil() != id {
				continue
			}
			if row.Dataset == record.DatasetPupil && why == "left" {
				if err := w.Leave(s.Context(), id); err != nil {
					return err
				}
			}
			if err := w.Remove(s.Context(), row, why); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *shelf) standings(sight Sight) string {
	s.Helper()
	list, err := s.store.Children(s.Context(), s.vault, sight)
	s.must(err)
	slices.SortFunc(list, func(a, b Listing) int { return cmp.Compare(a.Child.Pupil, b.Child.Pupil) })
	var words []string
	for _, l := range list {
		name := "-"
		if l.Pupil != nil {
			name = strings.TrimPrefix(l.Pupil.Surname, "Fictional ")
		}
		words = append(words, strings.TrimLeft(string(l.Child.Pupil), "0")+":"+name+":"+string(l.Standing))
		if (l.Standing == StandingOn) != l.Since.IsZero() && l.Standing != StandingHeld {
			s.Errorf("child %s is %s since %v", l.Child.Pupil, l.Standing, l.Since)
		}
	}
	return strings.Join(words, " ")
}

func (s *shelf) sees(sight Sight, want string) {
	s.Helper()
	if got := s.standings(sight); got != want {
		s.Errorf("sight %+v sees %q, want %q", sight, got, want)
	}
}

func TestChildrenInSight(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		whole := Sight{Authority: authority}
		s.sees(whole, "")
		s.put(s.child(1, authority, 1), s.child(2, authority, 2), s.child(3, "302", 3), s.child(4, authority, 0), s.child(5, "999", 5))
		s.sees(whole, "1:1:on 2:2:on 4:4:on")
		s.sees(Sight{Authority: "302"}, "3:3:on")
		s.sees(Sight{}, "")
		s.sees(Sight{Authority: "999"}, "")
		s.sees(Sight{Authority: authority, Only: []Child{}}, "")
		s.sees(Sight{Authority: authority, Only: []Child{{"oak", childID(2)}, {"oak", childID(3)}, {"elm", childID(1)}}}, "2:2:on")

		s.write(func(w *Writer) error {
			return w.Mark(s.Context(), s.row(w, Ref{record.DatasetPupil, record.Key(childID(1))}), false, "ABCD1234")
		})
		s.remove(childID(2), "left")
		s.remove(childID(4), "scope")
		s.sees(whole, "1:1:held 2:2:left 4:4:not_given")

		// A new id: the caseload that names the old one means the child.
		s.write(func(w *Writer) error { return w.Follow(s.Context(), childID(11), childID(1)) })
		s.put(s.child(11, authority, 1))
		s.remove(childID(1), "renamed")
		s.sees(whole, "2:2:left 4:4:not_given b:11:on")
		s.sees(Sight{Authority: authority, Only: []Child{{"oak", childID(1)}}}, "b:11:on")

		// What is kept of one who left may be gone before the child is.
		s.exec("DELETE FROM record_history WHERE key = ?", string(childID(2)))
		s.sees(whole, "2:-:left 4:4:not_given b:11:on")

		s.must(s.store.DropProvision(t.Context(), "oak", "302"))
		s.sees(Sight{Authority: "302"}, "")
		s.stop("oak", time.Now())
		s.sees(whole, "")
	})
}

func (s *shelf) file(sight Sight, n int) (File, error) {
	return s.store.File(s.Context(), s.vault, sight, Child{"oak", childID(n)})
}

func TestFileOfAChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		whole := Sight{Authority: authority}
		put := func(n int, code string) {
			s.put(s.child(n, code, n))
			for _, d := range record.Datasets() {
				if d.OfPupils() && d != record.DatasetPupil {
					s.put(recordtest.Make(d, childID(n), 1, n))
				}
			}
		}
		put(1, authority)
		put(2, "302")
		s.put(recordtest.Make(record.DatasetStaff, "", 1, 1))
		for name, try := range map[string]struct {
			sight Sight
			n     int
		}{"another's": {whole, 2}, "nobody": {whole, 3}, "no authority": {Sight{}, 1}, "of the other": {Sight{Authority: "302"}, 1},
			"not of the caseload": {Sight{Authority: authority, Only: []Child{{"oak", childID(2)}}}, 1}} {
			if f, err := s.file(try.sight, try.n); !errors.Is(err, ErrNotFound) || f.Pupil != nil || len(f.Records) > 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		f, err := s.file(whole, 1)
		s.must(err)
		if want := len(record.Datasets()) - 1; len(f.Records) != want {
			t.Errorf("%d records, want %d", len(f.Records), want)
		}
		for _, r := range f.Records {
			if r.Record.Pupil() != childID(1) || r.Version != 1 || r.Received.IsZero() || r.AsAt.IsZero() {
				t.Errorf("a %s record of version %d, received %v", r.Record.Dataset(), r.Version, r.Received)
			}
		}
		if len(f.Staff) != 1 || f.Staff[0].(*record.Staff).Email != "" || f.Staff[0].(*record.Staff).Surname == "" {
			t.Errorf("%d of the staff, or with fields that are not given", len(f.Staff))
		}
		if got := f.Asked[record.DatasetPEP]; !slices.Equal(got, []string{"Status"}) {
			t.Errorf("asked for %v", got)
		}
		if fmt.Sprintf("%v %+v %s", f, f, f.Listing) != "[child] [child] [child]" {
			t.Error("a file prints what it holds")
		}

		// What went before the child left is not brought back with it.
		gone := recordtest.Make(record.DatasetContact, childID(1), 1, 1)
		s.write(func(w *Writer) error { return w.Remove(s.Context(), s.row(w, Ref{gone.Dataset(), gone.Key()}), "left") })
		s.remove(childID(1), "left")
		f, err = s.file(whole, 1)
		s.must(err)
		if f.Standing != StandingLeft || len(f.Of(record.DatasetContact)) != 0 || len(f.Of(record.DatasetPEP)) != 1 || len(f.Records) != len(record.Datasets())-2 {
			t.Errorf("%s with %d records, %d contacts", f.Standing, len(f.Records), len(f.Of(record.DatasetContact)))
		}
		s.stop("oak", time.Now())
		if _, err := s.file(whole, 1); !errors.Is(err, ErrNotFound) {
			t.Errorf("a stopped school's child: %v", err)
		}
	})
}

// A child who has a new id keeps the weeks of earlier years, if the same
// authority looked after it.
func TestEarlierWeeksOfAChildWithANewID(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		old, other := recordtest.Make(record.DatasetAttendance, childID(1), 1, 1), recordtest.Make(record.DatasetAttendance, childID(2), 2, 1)
		s.put(s.child(1, authority, 1), old, s.child(2, "302", 2), other)
		s.write(func(w *Writer) error { return w.Follow(s.Context(), childID(11), childID(1)) })
		s.write(func(w *Writer) error { return w.Follow(s.Context(), childID(12), childID(2)) })
		s.put(s.child(11, authority, 1), s.child(12, authority, 2), recordtest.Make(record.DatasetAttendance, childID(11), 3, 1))
		for n, want := range map[int]int{11: 2, 12: 0} {
			f, err := s.file(Sight{Authority: authority}, n)
			s.must(err)
			if got := len(f.Of(record.DatasetAttendance)); got != want {
				t.Errorf("child %d has %d weeks, want %d", n, got, want)
			}
		}
	})
}

// The same UPN at another school is shown to those who may see both.
func TestTheSameChildElsewhere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		s.put(s.child(1, authority, 7), s.child(2, authority, 7), s.child(3, "302", 7), s.child(4, authority, 8))
		for name, try := range map[string]struct {
			sight Sight
			want  []record.PupilID
		}{
			"all":      {Sight{Authority: authority}, []record.PupilID{childID(2)}},
			"caseload": {Sight{Authority: authority, Only: []Child{{"oak", childID(1)}}}, nil},
		} {
			f, err := s.file(try.sight, 1)
			s.must(err)
			var got []record.PupilID
			for _, l := range f.Elsewhere {
				got = append(got, l.Child.Pupil)
			}
			if !slices.Equal(got, try.want) {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

func TestEachRecordOfACohort(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		weeks := func(n int) []record.Record {
			return []record.Record{recordtest.Make(record.DatasetAttendance, childID(n), 1, 1), recordtest.Make(record.DatasetAttendance, childID(n), 3, 1)}
		}
		for n, code := range map[int]string{1: authority, 2: "302", 3: authority} {
			s.put(append(weeks(n), s.child(n, code, n))...)
		}
		s.put(weeks(3)[1]) // an earlier version in the history
		s.remove(childID(3), "left")
		read := func(sight Sight, from record.Date) string {
			var got []string
			s.must(s.store.EachRecord(s.Context(), s.vault, sight, record.DatasetAttendance, from, func(l Listing, r Stored) error {
				if l.Child.Pupil != r.Record.Pupil() {
					t.Error("a record of another child")
				}
				got = append(got, strings.TrimLeft(string(l.Child.Pupil), "0")+"@"+string(r.Record.Key().Week()))
				return nil
			}))
			slices.Sort(got)
			return strings.Join(got, " ")
		}
		for name, try := range map[string]struct {
			sight Sight
			from  record.Date
			want  string
		}{
			"all":      {Sight{Authority: authority}, "", "1@2026-09-07 1@2026-09-21 3@2026-09-07 3@2026-09-21"},
			"late":     {Sight{Authority: authority}, "2026-09-14", "1@2026-09-21 3@2026-09-21"},
			"caseload": {Sight{Authority: authority, Only: []Child{{"oak", childID(3)}}}, "", "3@2026-09-07 3@2026-09-21"},
			"other":    {Sight{Authority: "302"}, "", "2@2026-09-07 2@2026-09-21"},
			"nobody":   {Sight{}, "", ""},
		} {
			if got := read(try.sight, try.from); got != try.want {
				t.Errorf("%s: %s, want %s", name, got, try.want)
			}
		}
	})
}

func TestNewExclusions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		s := childShelf(t, db)
		start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		s.batch = uint64(start.Unix())
		since := start.Add(time.Minute)
		excluded := func(n, thing int, category string, began record.Date) *record.Exclusion {
			e := recordtest.Make(record.DatasetExclusion, childID(n), thing, 1).(*record.Exclusion)
			e.Category, e.StartDate = category, began
			return e
		}
		before := excluded(1, 1, "SUSP", "2026-11-18")
		s.put(s.child(1, authority, 1), s.child(2, "302", 2), s.child(3, authority, 3), before, excluded(3, 1, "SUSP", "2026-11-17"))
		s.batch = uint64(since.Unix())
		changed := *before
		changed.Comments = "Another word"
		s.put(&changed,
			excluded(1, 2, "SUSP", "2026-11-20"),                                       // new
			excluded(1, 3, "SUSP", "2025-11-20"),                                       // of last year
			excluded(2, 1, "PERM", "2026-11-20"), excluded(3, 1, "PERM", "2026-11-17"), // another authority's; became permanent
			excluded(3, 2, "LNCH", ""), recordtest.Make(record.DatasetDetention, childID(1), 1, 1)) // no day is known
		list, err := s.store.NewExclusions(t.Context(), s.vault, Sight{Authority: authority}, since)
		s.must(err)
		var got []string
		for _, n := range list {
			got = append(got, strings.TrimLeft(string(n.Child.Pupil), "0")+n.Exclusion.Category+n.Was)
		}
		slices.Sort(got)
		if want := []string{"1SUSP", "3LNCH", "3PERMSUSP"}; !slices.Equal(got, want) {
			t.Errorf("new are %v, want %v", got, want)
		}
		if fmt.Sprint(list[0]) != "[child]" {
			t.Error("a new exclusion prints what it holds")
		}
		list, err = s.store.NewExclusions(t.Context(), s.vault, Sight{Authority: authority, Only: []Child{{"oak", childID(1)}}}, since)
		if err != nil || len(list) != 1 {
			t.Errorf("the caseload has %d, %v", len(list), err)
		}
	})
}
