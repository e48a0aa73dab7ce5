package demoschool

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
)

// The roles of the staff whom an authority must reach. Everybody else on the
// staff list has none.
var staffRoles = []string{"Designated teacher", "Deputy designated teacher", "Attendance officer for looked-after children"}

// otherStaff are in the MIS's table of staff and in no export.
const otherStaff = 9

func (s *School) appointStaff() {
	for n := range len(staffRoles) + otherStaff {
		r := s.rng("staff", n)
		person := Staff{ID: s.newStaffID(), Phone: landline(r)}
		person.Title, person.Forename, person.Surname = "Mr", plainForename(r, "M"), pick(r, surnames)
		if chance(r, 600) {
			person.Title, person.Forename = pick(r, []string{"Ms", "Mrs", "Dr"}), plainForename(r, "F")
		}
		if n == 1 {
			name := s.specialName(0)
			person.Title, person.Forename, person.Surname = "", name.forename, name.surname
		}
		if n < len(staffRoles) {
			person.Role = staffRoles[n]
		}
		person.Email = fmt.Sprintf("%s.s%s@staff.oakmere.example", slug(person.Forename), person.ID)
		person.Address, person.Postcode = address(r)
		s.staff = append(s.staff, person)
	}
}

func (s *School) newStaffID() string {
	s.nextStaff++
	return strconv.Itoa(7000 + s.nextStaff)
}

// Staff yields the designated teacher and the others who have a role for
// looked-after children.
func (s *School) Staff() iter.Seq[Staff] {
	return func(yield func(Staff) bool) {
		for person := range s.everyStaff() {
			if person.Role != "" && !yield(person) {
				return
			}
		}
	}
}

// everyStaff yields the whole list, marked. Staff belong to the school, so whose
// authority asks does not matter: who has a role may leave, and carries the mark
// of the looked-after; who has none may not, and carries the other.
func (s *School) everyStaff() iter.Seq[Staff] {
	return func(yield func(Staff) bool) {
		for _, person := range s.staff {
			verdict := s.cfg.Canary + CanaryNot
			if person.Role != "" {
				verdict = s.cfg.Canary + CanaryLookedAfter
			}
			s.mark(&person, verdict)
			if !yield(person) {
				return
			}
		}
	}
}

// AddStaff puts a person on the staff list and returns the person with an ID.
func (s *School) AddStaff(person Staff) (Staff, error) {
	if person.ID != "" {
		return person, errors.New("add staff: leave the id empty: a new one is given")
	}
	person.ID = s.newStaffID()
	s.staff = append(s.staff, person)
	return person, nil
}

// ChangeStaff puts person in place of the one with that ID. An empty role takes
// the person out of every export.
func (s *School) ChangeStaff(person Staff) error {
	at := s.findStaff(person)
	if at < 0 {
		return errNoStaff
	}
	s.staff[at] = person
	return nil
}

// RemoveStaff takes the person with person's ID off the list.
func (s *School) RemoveStaff(person Staff) error {
	at := s.findStaff(person)
	if at < 0 {
		return errNoStaff
	}
	s.staff = slices.Delete(s.staff, at, at+1)
	return nil
}

var errNoStaff = errors.New("no member of staff has that id: take one from Staff")

func (s *School) findStaff(person Staff) int {
	return slices.IndexFunc(s.staff, func(have Staff) bool { return have.ID == person.ID })
}
