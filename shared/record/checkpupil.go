package record

import (
	"errors"

	"rollbridge/shared/codes"
)

func (p *Pupil) check(c *checker) {
	c.upn(p)
	if p.UniqueLearnerNumber != "" {
		if _, err := codes.ParseULN(p.UniqueLearnerNumber); err != nil {
			c.warn("UniqueLearnerNumber", FaultCheck, "The ULN is not a valid one: correct it in the MIS.")
		}
	}
	if p.DOB > c.day && !p.DOB.Time().IsZero() {
		c.fail("DOB", FaultFuture, "The date of birth lies in the future: correct it in the MIS.")
	}
	c.order(p.CareStart, "CareEnd", p.CareEnd)
	c.order(p.EntryDate, "LeavingDate", p.LeavingDate)
	c.order(p.DOB, "EntryDate", p.EntryDate)
	c.order(p.DOB, "CareStart", p.CareStart)
	c.authority("CareAuthority", p.CareAuthority)
	if !p.InCare && !p.ByRoster {
		c.fail("InCare", FaultConflict, "Nothing says that the pupil is looked after, neither the MIS nor the authority's roster: correct InCare in the MIS.")
	}
	if p.ByRoster && p.CareAuthority == "" {
		c.fail("CareAuthority", FaultConflict, "A pupil who is sent by a roster is that authority's: the agent must name it.")
	}
	if p.InCare && p.InCareAtCurrentSchool != nil && !*p.InCareAtCurrentSchool {
		c.warn("InCareAtCurrentSchool", FaultConflict, "A pupil in care has been in care at this school: correct InCare or InCareAtCurrentSchool in the MIS.")
	}
}

func (c *checker) upn(p *Pupil) {
	if p.UPN != "" {
		_, err := codes.ParseUPN(p.UPN)
		var fault *codes.UPNError
		switch {
		case err == nil:
		case errors.Is(err, codes.ErrUnknownAuthority):
			c.warn("UPN", FaultUnknown, "Characters 2 to 4 of the UPN are not a known authority: check it in the MIS.")
		case errors.As(err, &fault) && fault.Kind == codes.UPNCheckLetter:
			c.fail("UPN", FaultCheck, "The check letter of the UPN does not fit its digits: correct it in the MIS.")
		default:
			c.fail("UPN", FaultMalformed, "The UPN is not a letter, eleven digits, then a digit or a letter: correct it in the MIS.")
		}
	}
	if p.FormerUPN == "" {
		return
	}
	former, err := codes.ParseUPN(p.FormerUPN)
	switch {
	case err != nil && !errors.Is(err, codes.ErrUnknownAuthority):
		c.warn("FormerUPN", FaultMalformed, "The former UPN is not a valid one: correct it in the MIS.")
	case !former.Temporary():
		// An adopted child's new UPN must never lead back to the old one.
		c.fail("FormerUPN", FaultPermanent, "A permanent former UPN must not be sent: leave the column out of the profile.")
	}
}

func (h *SchoolHistory) check(c *checker) {
	if h.LEA != "" {
		// A former authority is where the school was at the time.
		if _, ok := codes.LookupAuthority(h.LEA); !ok {
			c.warn("LEA", FaultUnknown, "LEA is not the code of an authority: correct it in the MIS.")
		}
	}
	c.digits("Estab", h.Estab, 4)
	c.digits("URN", h.URN, 6)
	c.order(h.EntryDate, "LeavingDate", h.LeavingDate)
}

func (w *Welfare) check(c *checker) { c.authority("ProtectionAuthority", w.ProtectionAuthority) }
