package record

import (
	"errors"
	"time"

	"rollbridge/shared/codes"
)

func (c *checker) pupil(p *Pupil) {
	c.id("pupil", p.ID)
	c.upn(p)
	if p.UniqueLearnerNumber != "" {
		if _, err := codes.ParseULN(p.UniqueLearnerNumber); err != nil {
			c.warn("UniqueLearnerNumber", FaultCheck, "The ULN is not a valid one: correct it in the MIS.")
		}
	}
	if c.date("DOB", p.DOB) && p.DOB > c.day {
		c.fail("DOB", FaultFuture, "The date of birth lies in the future: correct it in the MIS.")
	}
	for _, d := range []struct {
		field string
		date  Date
	}{{"CareStart", p.CareStart}, {"CareEnd", p.CareEnd}, {"EntryDate", p.EntryDate}, {"LeavingDate", p.LeavingDate}} {
		c.date(d.field, d.date)
	}
	c.order(p.CareStart, "CareEnd", p.CareEnd)
	c.order(p.EntryDate, "LeavingDate", p.LeavingDate)
	c.order(p.DOB, "EntryDate", p.EntryDate)
	c.order(p.DOB, "CareStart", p.CareStart)
	c.listed("Sex", "sex", p.Sex)
	c.listed("NCyearActual", "nc_year", p.NCYearActual)
	c.listed("EnrolStatus", "enrolment_status", p.EnrolStatus)
	if p.CareAuthority != "" {
		if _, err := codes.ResolveAuthority(p.CareAuthority, c.day.Time()); err != nil {
			c.warn("CareAuthority", FaultUnknown, "The caring authority is not the code of one present authority: correct it in the MIS.")
		}
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

// listed warns of a code that is not in its code set.
func (c *checker) listed(field, codeset, code string) {
	if code == "" {
		return
	}
	if _, ok := codes.Lookup(codeset, code); !ok {
		c.warn(field, FaultUnknown, field+" holds a code that is not in the list: it is kept as it is; check it in the MIS.")
	}
}

func (c *checker) contact(k *Contact) {
	c.id("pupil", k.PupilID)
	if len(k.ID) != 32 || !isHex(k.ID) {
		c.fail("contact", FaultMalformed, "The contact's id is not 32 hexadecimal digits: the agent must be updated.")
	}
	if k.Relationship != "" {
		if _, ok := codes.Relationship(k.Relationship); !ok {
			c.warn("Relationship", FaultUnknown, "Relationship holds a code that is not in the list: it is kept as it is; check it in the MIS.")
		}
	}
	if k.Order < 0 || k.Order > 1000 {
		c.warn("Order", FaultRange, "The contact's priority is not a small number: check it in the MIS.")
	}
	for _, p := range k.Phones {
		c.listed("Phones", "phone_type", p.Type)
	}
}

func (c *checker) attendance(a *Attendance) {
	c.id("pupil", a.PupilID)
	switch {
	case a.Week == "":
		c.fail("week", FaultNotADate, "The week is empty: the agent must be updated.")
	case !c.date("week", a.Week):
	case a.Week.Monday() != a.Week:
		c.fail("week", FaultNotMonday, "The week does not begin on a Monday: the agent must be updated.")
	case a.Week > c.day:
		c.warn("week", FaultFuture, "The week has not begun yet: check the dates in the MIS.")
	}
	days := len(a.AM)
	if days != 5 && days != 7 {
		c.fail("am", FaultLength, "A week has 5 or 7 mornings: the agent must be updated.")
	}
	c.sameLength("pm", len(a.PM), days, false)
	c.sameLength("localAM", len(a.LocalAM), days, true)
	c.sameLength("localPM", len(a.LocalPM), days, true)
	c.sameLength("lateAM", len(a.LateAM), days, true)
	c.sameLength("latePM", len(a.LatePM), days, true)
	c.marks("am", a.AM, a.Week)
	c.marks("pm", a.PM, a.Week)
	c.minutes("lateAM", a.LateAM)
	c.minutes("latePM", a.LatePM)
}

func (c *checker) sameLength(field string, n, days int, optional bool) {
	if n != days && !(optional && n == 0) {
		c.fail(field, FaultLength, field+" does not have as many days as the mornings: the agent must be updated.")
	}
}

// marks judges each mark once per kind of fault: a wrong column would
// otherwise give ten sentences.
func (c *checker) marks(field string, marks []string, week Date) {
	long, unknown := false, false
	monday := week.Time()
	for i, m := range marks {
		switch {
		case m == "":
		case len([]rune(m)) > 2:
			long = true
		default:
			unknown = unknown || !knownMark(m, monday.AddDate(0, 0, i))
		}
	}
	if long {
		c.fail(field, FaultTooLong, "A mark has more than two characters: check that the right column is read.")
	}
	if unknown {
		c.warn(field, FaultUnknown, "A mark is not in the DfE's list of the day: it is kept as it is; map it in the profile.")
	}
}

func knownMark(code string, day time.Time) bool {
	for _, nation := range []string{codes.NationEngland, codes.NationWales} {
		if _, ok := codes.LookupMark(codes.RegimeFor(nation, day), code, day); ok {
			return true
		}
	}
	return false
}

func (c *checker) minutes(field string, late []int) {
	for _, m := range late {
		if m < 0 || m > 24*60 {
			c.fail(field, FaultRange, "Minutes late are not between 0 and a day: correct them in the MIS.")
			return
		}
	}
}
