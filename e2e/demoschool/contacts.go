package demoschool

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// drawContacts gives pupil i contacts: a looked-after pupil has foster carers,
// a social worker and sometimes a parent; others have parents and relatives.
// Some pupils are brother or sister of the one before and share the contacts.
func (s *School) drawContacts(i int) {
	p := s.pupils[i]
	r := s.rng("contact", i)
	if i > 0 && chance(r, 60) && sameHome(s.pupils[i-1], p) {
		for _, c := range s.contacts[i-1] {
			c.PupilID = p.ID
			s.contacts[i] = append(s.contacts[i], c)
		}
		return
	}
	lines, postcode := address(r)
	home := Contact{Address: lines, Postcode: postcode}
	if chance(r, 500) {
		home.HomePhone = landline(r)
	}
	if p.InCare {
		s.fosterHome(r, i, home)
		return
	}
	home.ParentalResponsibility = true
	s.relative(r, i, home, "PAM", p.LegalSurname)
	if chance(r, 700) {
		s.relative(r, i, home, "PAF", p.LegalSurname)
	}
	home.ParentalResponsibility = false
	if chance(r, 120) {
		s.relative(r, i, home, pick(r, []string{"STF", "STM"}), pick(r, surnames))
	}
	if chance(r, 300) {
		s.relative(r, i, s.elsewhere(r), pick(r, []string{"FAM", "REL", "OTH", "CHM"}), pick(r, surnames))
	}
}

func (s *School) fosterHome(r *rand.Rand, i int, home Contact) {
	surname := pick(r, surnames)
	s.relative(r, i, home, "FOM", surname)
	if chance(r, 600) {
		s.relative(r, i, home, "FOF", surname)
	}
	worker := Contact{
		WorkPhone: landline(r),
		Address:   "Children's Services, 1 Council Square, Oakmere",
		Postcode:  "FA1 1AA",
	}
	s.relative(r, i, worker, "SWR", pick(r, surnames))
	if chance(r, 350) {
		parent := s.elsewhere(r)
		parent.ParentalResponsibility = true
		s.relative(r, i, parent, pick(r, []string{"PAM", "PAF"}), s.pupils[i].LegalSurname)
	}
}

func (s *School) elsewhere(r *rand.Rand) Contact {
	lines, postcode := address(r)
	return Contact{Address: lines, Postcode: postcode}
}

// relative adds a person who lives at c's address.
func (s *School) relative(r *rand.Rand, i int, c Contact, relationship, surname string) {
	female := chance(r, 600)
	switch relationship {
	case "PAM", "FOM", "STM":
		female = true
	case "PAF", "FOF", "STF":
		female = false
	}
	c.Title, c.Forename = pick(r, []string{"Mr", "Mr", "Dr"}), plainForename(r, "M")
	if female {
		c.Title, c.Forename = pick(r, []string{"Ms", "Mrs", "Miss", "Dr"}), plainForename(r, "F")
	}
	c.ID = s.newPersonID()
	c.PupilID = s.pupils[i].ID
	c.Surname, c.Relationship = surname, relationship
	c.Priority = len(s.contacts[i]) + 1
	if chance(r, 900) {
		c.MobilePhone = mobile(r)
	}
	if chance(r, 250) && c.WorkPhone == "" {
		c.WorkPhone = landline(r)
	}
	if chance(r, 800) {
		c.Email = fmt.Sprintf("%s.c%s@families.example", slug(c.Forename), c.ID)
	}
	s.contacts[i] = append(s.contacts[i], c)
}

func (s *School) newPersonID() string {
	s.nextPerson++
	return strconv.Itoa(500_000 + s.nextPerson)
}

// sameHome says that a person may be the contact of both. Foster carers are
// shared with nobody, so that a contact id seen outside the school tells by
// itself whether it may be there (until a mutation changes a pupil's care).
func sameHome(a, b *Pupil) bool { return !a.InCare && !b.InCare }
