package record

import (
	"fmt"
	"unicode/utf8"
)

// MaxStatusRunes bounds the word that a MIS has for how far a plan is.
const MaxStatusRunes = 50

func (s *SEN) check(c *checker) {
	c.order(s.StartDate, "EndDate", s.EndDate)
	if !ranked(s.SENNeeds) {
		c.warn("SENneeds", FaultOrder, "The ranks of SENneeds are not 1, 2, 3 and so on, each once: correct them in the MIS.")
	}
	for _, n := range s.SENNeeds {
		if n.Type == "NSA" && s.SENProvision != "" && s.SENProvision != "K" {
			c.warn("SENneeds", FaultConflict, "The need NSA goes with the provision K only: correct one of them in the MIS.")
		}
	}
}

// ranked says whether needs have the ranks from 1 without a gap, in any order,
// or none at all.
func ranked(needs []SENNeed) bool {
	seen, given := make([]bool, len(needs)+1), 0
	for _, n := range needs {
		if n.Rank == 0 {
			continue
		}
		if n.Rank < 0 || n.Rank > len(needs) || seen[n.Rank] {
			return false
		}
		seen[n.Rank] = true
		given++
	}
	return given == 0 || given == len(needs)
}

func (p *PEP) check(c *checker) {
	c.order(p.StartDate, "ReviewDate", p.ReviewDate)
	c.order(p.StartDate, "EndDate", p.EndDate)
	if utf8.RuneCountInString(p.Status) > MaxStatusRunes {
		c.fail("Status", FaultTooLong, fmt.Sprintf("Status is longer than %d characters: check that the right column is read.", MaxStatusRunes))
	}
}
