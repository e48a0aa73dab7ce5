package demoschool

import (
	"slices"
	"testing"
	"time"
)

func markOf(s *School, pupilID string, day time.Time, session Session) (Mark, bool) {
	for m := range s.Marks(pupilID) {
		if m.Date.Equal(day) && m.Session == session {
			return m, true
		}
	}
	return Mark{}, false
}

func TestChangeMark(t *testing.T) {
	s := New(Config{Seed: 1, Pupils: 60})
	p, day := s.LookedAfter()[0], s.Today().AddDate(0, 0, -4)
	for _, code := range []string{"L", "Y5", "", "X01", "/"} {
		must(t, s.ChangeMark(p.ID, day, AM, code))
		m, ok := markOf(s, p.ID, day, AM)
		if !ok || m.Code != code || (code == "L") != (m.MinutesLate > 0) {
			t.Errorf("after changing to %q the mark is %+v", code, m)
		}
	}
	before := slices.Collect(s.Marks(p.ID))
	for name, err := range map[string]error{
		"unknown pupil": s.ChangeMark("none", day, AM, "I"),
		"a Sunday":      s.ChangeMark(p.ID, s.Today().AddDate(0, 0, -1), AM, "I"),
		"not yet":       s.ChangeMark(p.ID, s.Today().AddDate(0, 0, 1), AM, "I"),
		"session":       s.ChangeMark(p.ID, day, "EV", "I"),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if !slices.Equal(before, slices.Collect(s.Marks(p.ID))) {
		t.Error("a refused change changed a mark")
	}
}

func TestTakeRegister(t *testing.T) {
	s := New(Config{Seed: 1, Pupils: 60})
	kept := s.NotLookedAfter()[0]
	must(t, s.ChangeMark(kept.ID, s.Today(), PM, "M"))
	must(t, s.TakeRegister(s.Today(), PM))
	if want := s.Today().Add(afterAfternoon); !s.AsAt().Equal(want) {
		t.Errorf("as at %v, want %v", s.AsAt(), want)
	}
	wednesday := s.Today().AddDate(0, 0, 2)
	monday := s.Today()
	must(t, s.TakeRegister(wednesday, AM))
	if !s.Today().Equal(wednesday) {
		t.Errorf("today is %v after a later register", s.Today())
	}
	for p := range s.Pupils() {
		for _, want := range []struct {
			day     time.Time
			session Session
			taken   bool
		}{{monday, PM, true}, {monday.AddDate(0, 0, 1), AM, false}, {wednesday, AM, true}, {wednesday, PM, false}} {
			m, ok := markOf(s, p.ID, want.day, want.session)
			if !ok || m.Taken() != want.taken {
				t.Fatalf("%v %s: taken is %v, want %v", want.day, want.session, m.Taken(), want.taken)
			}
		}
	}
	if m, _ := markOf(s, kept.ID, monday, PM); m.Code != "M" {
		t.Errorf("taking the register replaced a mark by %q", m.Code)
	}
	if s.TakeRegister(s.Today().AddDate(0, 0, 3), AM) == nil {
		t.Error("a Saturday was accepted")
	}
	if s.TakeRegister(s.Today().AddDate(1, 0, 0), AM) == nil {
		t.Error("a day of the next academic year was accepted")
	}
}

// A register gives the marks that the generator would have given.
func TestTakingARegisterLaterGivesTheSameMarks(t *testing.T) {
	early := New(Config{Seed: 9, Pupils: 80, LookedAfterShare: -1})
	must(t, early.TakeRegister(early.Today(), PM))
	late := New(Config{Seed: 9, Pupils: 80, LookedAfterShare: -1, Today: early.Today().AddDate(0, 0, 1)})
	for p := range early.Pupils() {
		a, _ := markOf(early, p.ID, early.Today(), PM)
		b, _ := markOf(late, p.ID, early.Today(), PM)
		if a.Code != b.Code && b.Taken() {
			t.Fatalf("mark is %q when taken later, %q when generated", a.Code, b.Code)
		}
	}
}

func TestCareAndRoll(t *testing.T) {
	s := New(Config{Seed: 2, Pupils: 100})
	p := s.NotLookedAfter()[5]
	must(t, s.EnterCare(p.ID, "838", s.Today()))
	if !slices.Contains(s.LookedAfter("838"), p) || slices.Contains(s.LookedAfter("815"), p) || !p.CareStart.Equal(s.Today()) {
		t.Error("entering care is not seen")
	}
	must(t, s.LeaveCare(p.ID, s.Today()))
	if slices.Contains(s.LookedAfter(), p) || !p.CareEnd.Equal(s.Today()) || p.CareAuthority != "838" {
		t.Error("leaving care is not seen")
	}
	if s.LeaveCare(p.ID, s.Today()) == nil {
		t.Error("left care twice")
	}
	if s.EnterCare(p.ID, "8", s.Today()) == nil || s.EnterCare("none", "838", s.Today()) == nil {
		t.Error("a wrong authority or pupil was accepted")
	}

	leaver := s.LookedAfter()[0]
	must(t, s.LeaveRoll(leaver.ID, s.Today()))
	if !slices.Contains(s.LookedAfter(), leaver) {
		t.Error("gone on the last day on roll")
	}
	must(t, s.TakeRegister(s.Today().AddDate(0, 0, 1), AM))
	if slices.Contains(s.LookedAfter(), leaver) || s.Pupil(leaver.ID).EnrolStatus != "P" {
		t.Error("still on roll after the last day")
	}
	if s.LeaveRoll(p.ID, Date(2000, time.January, 3)) == nil {
		t.Error("left before entry")
	}
}

func TestContactsUPNAndName(t *testing.T) {
	s := New(Config{Seed: 4, Pupils: 1000})
	p := s.LookedAfter()[0]
	first := len(slices.Collect(s.Contacts(p.ID)))
	id, err := s.AddContact(p.ID, Contact{Surname: "Reedmace", Relationship: "CAR"})
	must(t, err)
	all := slices.Collect(s.Contacts(p.ID))
	if last := all[len(all)-1]; len(all) != first+1 || last.ID != id || last.PupilID != p.ID || last.Priority != first+1 {
		t.Errorf("added contact is %+v", last)
	}
	if _, err := s.AddContact(p.ID, Contact{ID: id}); err == nil {
		t.Error("the same contact twice")
	}
	must(t, s.RemoveContact(p.ID, id))
	if len(slices.Collect(s.Contacts(p.ID))) != first || s.RemoveContact(p.ID, id) == nil {
		t.Error("the contact is still there")
	}

	at := slices.IndexFunc(s.LookedAfter(), func(p *Pupil) bool { return IsTemporaryUPN(p.UPN) })
	p = s.LookedAfter()[at]
	old := p.UPN
	must(t, s.GivePermanentUPN(p.ID))
	if p.FormerUPN != old || IsTemporaryUPN(p.UPN) || p.UPN[:1] != upnCheck(p.UPN[1:]) {
		t.Errorf("UPN %s, former %s, was %s", p.UPN, p.FormerUPN, old)
	}
	if s.GivePermanentUPN(p.ID) == nil {
		t.Error("a second permanent UPN was given")
	}

	surname := p.LegalSurname
	must(t, s.Rename(p.ID, NewName{Surname: "Nightjar"}))
	if p.LegalSurname != "Nightjar" || p.FormerSurname != surname {
		t.Errorf("renamed to %s, formerly %s", p.LegalSurname, p.FormerSurname)
	}
}
