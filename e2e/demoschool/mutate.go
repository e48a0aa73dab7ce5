package demoschool

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Every mutation either happens whole or returns an error and changes nothing.
// Errors name no pupil: tests print them into logs that are scanned.
var errNoPupil = errors.New("no pupil has that id: take one from Pupils, LookedAfter or NotLookedAfter")

func (s *School) index(pupilID string) (int, error) {
	i, ok := s.byID[pupilID]
	if !ok {
		return 0, errNoPupil
	}
	return i, nil
}

func (s *School) dayIndex(day time.Time) (int, error) {
	date := dateOf(day)
	at := slices.IndexFunc(s.days, func(d schoolDay) bool { return d.date.Equal(date) })
	if at < 0 {
		return 0, fmt.Errorf("%s is not a school day of this academic year: take one from SchoolDays", date.Format(time.DateOnly))
	}
	return at, nil
}

func checkSession(session Session) error {
	if session != AM && session != PM {
		return fmt.Errorf("session %q: give AM or PM", session)
	}
	return nil
}

// ChangeMark replaces one mark by code, which may be "", "-" (not taken) or
// one that no standard knows. L and U get minutes late by themselves.
func (s *School) ChangeMark(pupilID string, day time.Time, session Session, code string) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("change mark: %w", err)
	}
	at, err := s.dayIndex(day)
	if err != nil {
		return fmt.Errorf("change mark: %w", err)
	}
	if err := checkSession(session); err != nil {
		return fmt.Errorf("change mark: %w", err)
	}
	if at >= s.upTo || s.marks[i][2*at+half(session)].code == noRecord {
		return errors.New("change mark: the pupil has no row on that day: choose a day on roll, or take the register first")
	}
	number, err := s.codes.intern(code)
	if err != nil {
		return fmt.Errorf("change mark: %w", err)
	}
	s.marks[i][2*at+half(session)] = cell{code: number, minutes: s.minutesLate(i, s.days[at].date, session, code)}
	return nil
}

// TakeRegister marks everybody on roll who has no mark in that session;
// existing marks stay, so taking it twice changes nothing. A day after Today
// becomes Today: the sessions in between stay not taken, and pupils whose
// last day has passed leave the files.
func (s *School) TakeRegister(day time.Time, session Session) error {
	at, err := s.dayIndex(day)
	if err != nil {
		return fmt.Errorf("take register: %w", err)
	}
	if err := checkSession(session); err != nil {
		return fmt.Errorf("take register: %w", err)
	}
	s.openDays(at + 1)
	s.takeRegister(at, session, false)
	date := s.days[at].date
	if date.After(s.today) {
		s.today = date
	}
	taken := date.Add(afterMorning)
	if session == PM {
		taken = date.Add(afterAfternoon)
	}
	if taken.After(s.asAt) {
		s.asAt = taken
	}
	for _, p := range s.pupils {
		if !s.onRoll(p) {
			p.EnrolStatus = "P"
		}
	}
	return nil
}

// EnterCare records that authority looks after the pupil from day. An empty
// authority is the gap that schools leave: a marker without an authority.
func (s *School) EnterCare(pupilID, authority string, day time.Time) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("enter care: %w", err)
	}
	if authority != "" && !authorityForm.MatchString(authority) {
		return errors.New("enter care: give the three digits of an authority code, or none")
	}
	p := s.pupils[i]
	p.InCare, p.InCareUnknown = true, false
	p.CareAuthority, p.CareStart, p.CareEnd = authority, dateOf(day), time.Time{}
	p.PupilPremium, p.PremiumCode, p.InCareHere = true, "LAP", Yes
	s.stamp(i)
	return nil
}

// LeaveCare records that the pupil's care ended on day. Authority and dates
// stay, as schools leave them.
func (s *School) LeaveCare(pupilID string, day time.Time) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("leave care: %w", err)
	}
	p := s.pupils[i]
	if !p.InCare {
		return errors.New("leave care: the pupil is not in care: choose one from LookedAfter")
	}
	p.InCare, p.PEP, p.CareEnd = false, false, dateOf(day)
	s.stamp(i)
	return nil
}

// LeaveRoll records day as the pupil's last on roll. The pupil stays in every
// file while that day is not before Today, and in none afterwards.
func (s *School) LeaveRoll(pupilID string, day time.Time) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("leave roll: %w", err)
	}
	p := s.pupils[i]
	if dateOf(day).Before(p.EntryDate) {
		return errors.New("leave roll: the day is before the pupil's entry: choose a later one")
	}
	p.LeavingDate = dateOf(day)
	s.leaveHistory(i, p.LeavingDate)
	if !s.onRoll(p) {
		p.EnrolStatus = "P"
	}
	return nil
}

// AddContact adds c to a pupil and returns its ID. An empty c.ID gets a new
// one, a zero Priority the next; c.PupilID is set. The canary is added where
// the school has one.
func (s *School) AddContact(pupilID string, c Contact) (string, error) {
	i, err := s.index(pupilID)
	if err != nil {
		return "", fmt.Errorf("add contact: %w", err)
	}
	if slices.ContainsFunc(s.contacts[i], func(have Contact) bool { return have.ID == c.ID }) {
		return "", errors.New("add contact: the pupil has a contact with that id: leave the id empty for a new one")
	}
	if c.ID == "" {
		c.ID = s.newPersonID()
	}
	if c.Priority == 0 {
		c.Priority = len(s.contacts[i]) + 1
	}
	c.PupilID = pupilID
	s.contacts[i] = append(s.contacts[i], c)
	slices.SortStableFunc(s.contacts[i], func(a, b Contact) int { return a.Priority - b.Priority })
	s.stamp(i)
	return c.ID, nil
}

// RemoveContact takes one contact from one pupil.
func (s *School) RemoveContact(pupilID, contactID string) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("remove contact: %w", err)
	}
	at := slices.IndexFunc(s.contacts[i], func(c Contact) bool { return c.ID == contactID })
	if at < 0 {
		return errors.New("remove contact: the pupil has no contact with that id: take one from Contacts")
	}
	s.contacts[i] = slices.Delete(s.contacts[i], at, at+1)
	return nil
}

// GivePermanentUPN gives a permanent UPN to a pupil who has a temporary one,
// which becomes the former UPN, or none.
func (s *School) GivePermanentUPN(pupilID string) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("give permanent UPN: %w", err)
	}
	p := s.pupils[i]
	if p.UPN != "" && !IsTemporaryUPN(p.UPN) {
		return errors.New("give permanent UPN: the pupil has one: choose a pupil with a temporary UPN or none")
	}
	if p.UPN != "" {
		p.FormerUPN = p.UPN
	}
	p.UPN = s.allocateUPN(SchoolAuthority, s.today.Year(), false)
	return nil
}

// NewName is what a pupil is renamed to; an empty part stays as it was.
type NewName struct{ Forename, Surname string }

// Rename changes a pupil's legal name, and the preferred one with it where the
// two were the same. The old legal surname becomes the former one.
func (s *School) Rename(pupilID string, to NewName) error {
	i, err := s.index(pupilID)
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	p := s.pupils[i]
	if to.Forename != "" {
		if p.PreferredForename == p.LegalForename {
			p.PreferredForename = to.Forename
		}
		p.LegalForename = to.Forename
	}
	if to.Surname != "" && to.Surname != s.unmarked(p.LegalSurname) {
		if p.PreferredSurname == p.LegalSurname {
			p.PreferredSurname = to.Surname
		}
		p.FormerSurname, p.LegalSurname = p.LegalSurname, to.Surname
	}
	s.stamp(i)
	return nil
}

// leaveHistory ends the stay at this school where it is kept and not drawn.
func (s *School) leaveHistory(i int, day time.Time) {
	kept := s.SchoolHistory.kept[i]
	if kept == nil {
		return
	}
	for n := range kept.entries {
		if h := &kept.entries[n]; h.URN == SchoolURN && h.EntryDate.Equal(s.pupils[i].EntryDate) {
			h.LeavingDate = day
		}
	}
}
