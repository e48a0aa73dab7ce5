package demoschool

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counts says how many entries of each dataset the given pupils have.
func counts(s *School, pupils []*Pupil) map[string]int {
	n := map[string]int{}
	for _, p := range pupils {
		n["school_history"] += tally(s.SchoolHistory.Of(p.ID))
		n["sen"] += tally(s.SEN.Of(p.ID))
		n["welfare"] += tally(s.Welfare.Of(p.ID))
		n["pep"] += tally(s.PEP.Of(p.ID))
		n["agency_contact"] += tally(s.AgencyContact.Of(p.ID))
		n["behaviour"] += tally(s.Behaviour.Of(p.ID))
		n["achievement"] += tally(s.Achievement.Of(p.ID))
		n["detention"] += tally(s.Detention.Of(p.ID))
		n["exclusion"] += tally(s.Exclusion.Of(p.ID))
		n["exam_result"] += tally(s.ExamResult.Of(p.ID))
		n["assessment_result"] += tally(s.Assessment.Of(p.ID))
		n["kpi"] += tally(s.KPI.Of(p.ID))
	}
	return n
}

func tally[T any](all iter.Seq[T]) (n int) {
	for range all {
		n++
	}
	return n
}

// A school of 120 has some of everything, of the looked-after as of others.
func TestEveryDatasetIsThere(t *testing.T) {
	for seed := range uint64(12) {
		// From the second day of a school year to its last.
		today := []time.Time{Date(2026, time.September, 2), Date(2026, time.November, 16), Date(2027, time.July, 21)}[seed%3]
		s := New(Config{Seed: seed, Pupils: 120, Today: today})
		for kind, pupils := range map[string][]*Pupil{"looked after": s.LookedAfter(), "not looked after": s.NotLookedAfter()} {
			for dataset, n := range counts(s, pupils) {
				if n == 0 {
					t.Errorf("seed %d: no %s of those %s", seed, dataset, kind)
				}
			}
		}
		if n := tally(s.Staff()); n != 3 {
			t.Errorf("%d staff, want the designated teacher and two others", n)
		}
	}
}

// What happened did so while the pupil was on roll, and entries of one pupil
// can be told apart without their ids.
func TestEntriesArePlausible(t *testing.T) {
	s := New(Config{Seed: 4, Pupils: 600, LookedAfterShare: 0.1})
	seen := told(t)
	for p := range s.Pupils() {
		var last SchoolHistory
		for h := range s.SchoolHistory.Of(p.ID) {
			seen("school_history", h.Ref, h.EntryDate)
			if h.EntryDate.Before(p.DOB.AddDate(3, 11, 0)) || !last.LeavingDate.Before(h.EntryDate) && last.ID != "" {
				t.Errorf("stay from %v after %v, born %v", h.EntryDate, last.LeavingDate, p.DOB)
			}
			last = h
		}
		if last.URN != SchoolURN || last.EntryDate != p.EntryDate || last.LastSchool != Yes {
			t.Errorf("the last stay is %+v", last)
		}
		for e := range s.SEN.Of(p.ID) {
			seen("sen", e.Ref, e.StartDate)
			if (e.Provision == "N") != (len(e.Needs) == 0) || slices.Contains(e.Needs, "NSA") && (len(e.Needs) > 1 || e.Provision != "K") {
				t.Errorf("provision %s with needs %v", e.Provision, e.Needs)
			}
		}
		for _, book := range []*Book[Conduct]{s.Behaviour, s.Achievement} {
			for c := range book.Of(p.ID) {
				seen(fmt.Sprint(book.number), c.Ref, c.Date, c.Type)
				if c.Date.Before(p.EntryDate) || c.Date.After(s.Today()) || c.Date.Weekday() == time.Sunday || c.Points < 1 {
					t.Errorf("%+v of a pupil from %v", c, p.EntryDate)
				}
			}
		}
		for d := range s.Detention.Of(p.ID) {
			seen("detention", d.Ref, d.Date, d.StartTime)
			if d.Date.After(s.Today()) && d.Attended != Unknown || d.EndTime <= d.StartTime {
				t.Errorf("%+v", d)
			}
		}
		for a := range s.AgencyContact.Of(p.ID) {
			seen("agency_contact", a.Ref, a.Role)
		}
		for x := range s.PEP.Of(p.ID) {
			seen("pep", x.Ref, x.StartDate)
		}
		for k := range s.KPI.Of(p.ID) {
			seen("kpi", k.Ref, k.Name)
		}
		if tally(s.Welfare.Of(p.ID)) > 1 {
			t.Error("two welfare pages")
		}
	}
}

func TestResultsAndExclusionsArePlausible(t *testing.T) {
	s := New(Config{Seed: 4, Pupils: 600, LookedAfterShare: 0.1})
	seen := told(t)
	for p := range s.Pupils() {
		year := atoi(p.Year)
		for e := range s.Exclusion.Of(p.ID) {
			seen("exclusion", e.Ref, e.StartDate)
			if (e.Category == "PERM") != (e.Sessions == 0) || len(e.Reasons) < 1 || len(e.Reasons) > 3 || e.Category == "PERM" != e.EndDate.IsZero() {
				t.Errorf("%+v", e)
			}
		}
		for e := range s.ExamResult.Of(p.ID) {
			seen("exam_result", e.Ref, e.Season, e.Subject, e.Component)
			if e.Level == "GCSE (9-1)" && year < 11 || e.ResultDate.After(s.Today()) {
				t.Errorf("year %d: %+v", year, e)
			}
		}
		if year > 11 && tally(s.ExamResult.Of(p.ID)) < 8 {
			t.Errorf("year %d has no GCSEs", year)
		}
		for a := range s.Assessment.Of(p.ID) {
			seen("assessment_result", a.Ref, a.Stage, a.Subject, a.Method, a.Component, a.ResultStatus)
		}
	}
}

// told reports an entry whose id, or whose natural parts for one pupil, have
// been seen before.
func told(t *testing.T) func(dataset string, r Ref, natural ...any) {
	ids := map[string]bool{}
	return func(dataset string, r Ref, natural ...any) {
		t.Helper()
		for _, key := range []string{dataset + "|" + r.ID, fmt.Sprint(dataset, "|", r.PupilID, natural)} {
			if ids[key] && !(dataset == "agency_contact" && strings.HasSuffix(key, r.ID)) {
				t.Errorf("twice: %s", key)
			}
			ids[key] = true
		}
	}
}

func firstOf[T any](t *testing.T, all iter.Seq[T]) T {
	t.Helper()
	for e := range all {
		return e
	}
	t.Fatal("there is no entry")
	panic("unreachable")
}

// changes adds, changes and removes an entry, and looks at the book each time.
func changes[T any](t *testing.T, s *School, b *Book[T], edit func(*T)) {
	t.Helper()
	p := s.LookedAfter()[0]
	whole := slices.Collect(b.all())
	had := slices.Collect(b.Of(p.ID))
	fresh := any(new(T)).(*T)
	asEntry(fresh).ref().PupilID = p.ID
	if b.single {
		must(t, b.Remove(had[0]))
		had = nil
	}
	added, err := b.Add(*fresh)
	must(t, err)
	if _, err := b.Add(added); err == nil {
		t.Error("the same entry twice")
	}
	edit(&added)
	must(t, b.Change(added))
	if diff := cmp.Diff(append(slices.Clone(had), added), slices.Collect(b.Of(p.ID))); diff != "" {
		t.Errorf("after adding and changing: %s", diff)
	}
	must(t, b.Remove(added))
	if diff := cmp.Diff(had, slices.Collect(b.Of(p.ID))); diff != "" {
		t.Errorf("after removing: %s", diff)
	}
	if b.Remove(added) == nil || b.Change(added) == nil {
		t.Error("an entry that is gone was removed or changed")
	}
	again, err := b.Add(*fresh)
	must(t, err)
	if !b.single && asEntry(&again).ref().ID == asEntry(&added).ref().ID {
		t.Error("an id was given a second time")
	}
	asEntry(&again).ref().PupilID = "none"
	if _, err := b.Add(again); err == nil {
		t.Error("an entry of an unknown pupil was added")
	}
	other := func(e T) bool { return asEntry(&e).ref().PupilID == p.ID }
	if diff := cmp.Diff(slices.DeleteFunc(whole, other), slices.DeleteFunc(slices.Collect(b.all()), other)); diff != "" {
		t.Errorf("entries of others have changed: %s", diff)
	}
}

func TestBooksChange(t *testing.T) {
	s := New(Config{Seed: 2, Pupils: 120, LookedAfterShare: 0.1})
	changes(t, s, s.SchoolHistory, func(h *SchoolHistory) { h.LeavingReason = "IM" })
	changes(t, s, s.SEN, func(e *SEN) { e.Provision, e.Needs = "K", []string{"SEMH", "MLD"} })
	changes(t, s, s.Welfare, func(w *Welfare) { w.YoungCarer = "S" })
	changes(t, s, s.PEP, func(p *PEP) { p.Status = "Overdue" })
	changes(t, s, s.AgencyContact, func(a *AgencyContact) { a.Surname = "Reedmace" })
	changes(t, s, s.Behaviour, func(c *Conduct) { c.Points = 4 })
	changes(t, s, s.Achievement, func(c *Conduct) { c.Points = 4 })
	changes(t, s, s.Detention, func(d *Detention) { d.Attended = No })
	changes(t, s, s.Exclusion, func(e *Exclusion) { e.Sessions = 3 })
	changes(t, s, s.ExamResult, func(e *ExamResult) { e.Result = "9" })
	changes(t, s, s.Assessment, func(a *AssessmentResult) { a.Result = "9" })
	changes(t, s, s.KPI, func(k *KPI) { k.Value = "100%" })
}

func TestStaffChange(t *testing.T) {
	s := New(Config{Pupils: 10})
	before := slices.Collect(s.Staff())
	added, err := s.AddStaff(Staff{Role: "Head of year", Surname: "Inkpen"})
	must(t, err)
	added.Phone = "01632 960111"
	must(t, s.ChangeStaff(added))
	if got := slices.Collect(s.Staff()); !slices.Equal(got, append(slices.Clone(before), added)) {
		t.Errorf("after adding: %+v", got)
	}
	must(t, s.RemoveStaff(added))
	left := before[0]
	left.Role = ""
	must(t, s.ChangeStaff(left))
	if got := slices.Collect(s.Staff()); !slices.Equal(got, before[1:]) {
		t.Errorf("after taking a role away: %+v", got)
	}
	if s.RemoveStaff(added) == nil || s.ChangeStaff(added) == nil {
		t.Error("a person who is gone was removed or changed")
	}
	if again, err := s.AddStaff(Staff{}); err != nil || again.ID == added.ID {
		t.Errorf("the id %s was given a second time (%v)", again.ID, err)
	}
	if _, err := s.AddStaff(before[1]); err == nil {
		t.Error("the same person was added twice")
	}
}

// The stay at this school ends with the roll, drawn or kept.
func TestLeavingEndsTheStay(t *testing.T) {
	s := New(Config{Seed: 2, Pupils: 60})
	for i, p := range s.LookedAfter()[:2] {
		if i == 1 {
			_, err := s.SchoolHistory.Add(SchoolHistory{Ref: Ref{PupilID: p.ID}, SchoolName: "Elsewhere"})
			must(t, err)
		}
		must(t, s.LeaveRoll(p.ID, s.Today()))
		ended := 0
		for h := range s.SchoolHistory.Of(p.ID) {
			if h.URN == SchoolURN && h.LeavingDate.Equal(s.Today()) {
				ended++
			}
		}
		if ended != 1 {
			t.Errorf("%d stays at this school ended, want 1", ended)
		}
	}
}

// A register taken, a name changed or care ended changes no entry.
func TestBooksDoNotFollowOtherMutations(t *testing.T) {
	s := New(Config{Seed: 6, Pupils: 120, LookedAfterShare: 0.1})
	before := counts(s, slices.Collect(s.Pupils()))
	behaviour, plans := slices.Collect(s.Behaviour.all()), slices.Collect(s.PEP.all())
	p := s.LookedAfter()[0]
	must(t, s.TakeRegister(s.Today().AddDate(0, 0, 2), AM))
	must(t, s.Rename(p.ID, NewName{Surname: "Nightjar"}))
	must(t, s.LeaveCare(p.ID, s.Today()))
	must(t, s.EnterCare(s.NotLookedAfter()[3].ID, "815", s.Today()))
	if diff := cmp.Diff(before, counts(s, slices.Collect(s.Pupils()))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(behaviour, slices.Collect(s.Behaviour.all())) + cmp.Diff(plans, slices.Collect(s.PEP.all())); diff != "" {
		t.Error(diff)
	}
	if p = s.LookedAfter()[0]; p.InCareHere != Yes || p.PremiumCode != "LAP" {
		t.Errorf("looked after, but in care here %v and premium %q", p.InCareHere, p.PremiumCode)
	}
}

// What a school of 20,000 keeps in memory of its books is nothing until one is
// changed.
func TestBooksKeepNothing(t *testing.T) {
	s := New(Config{Pupils: 300})
	tally(s.Behaviour.all())
	if n := len(s.Behaviour.kept); n != 0 {
		t.Errorf("%d pages are kept of a book that was only read", n)
	}
	must(t, s.Behaviour.Remove(firstOf(t, s.Behaviour.all())))
	if n := len(s.Behaviour.kept); n != 1 {
		t.Errorf("%d pages are kept after one change", n)
	}
}

// personalTexts are the texts of the books that carry the canary of a pupil.
func personalTexts[T any](b *Book[T], pupilID string) (all []string) {
	for e := range b.Of(pupilID) {
		texts, phones := asEntry(&e).personal()
		for _, text := range append(texts, phones...) {
			if *text != "" {
				all = append(all, *text)
			}
		}
	}
	return all
}

func TestStaffCanary(t *testing.T) {
	s := New(Config{Pupils: 40, Canary: "ZQJX"})
	told := tally(s.Staff())
	lookedAfter, not := 0, 0
	for person := range s.everyStaff() {
		switch {
		case strings.HasPrefix(person.Surname, "ZQJX"+CanaryLookedAfter) && person.Role != "":
			lookedAfter++
		case strings.HasPrefix(person.Surname, "ZQJX"+CanaryNot) && person.Role == "":
			not++
		}
	}
	if lookedAfter != told || not != otherStaff {
		t.Errorf("%d and %d marks, want %d and %d", lookedAfter, not, told, otherStaff)
	}
}
