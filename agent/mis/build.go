package mis

import (
	"crypto/sha256"
	"strings"

	"rollbridge/shared/record"
)

// newChild names an admitted pupil (design.md §4): by the MIS's id and the
// permanent UPN if there is one. Where the route has no MIS id, by the
// permanent UPN, or else by legal names, date of birth and sex. was is the
// name without the UPN.
func (r *reading) newChild(raw rawRow, authority string) (c *child, was record.PupilID) {
	parts, withUPN := []string{raw[pID]}, permanentUPN(raw[pUPN])
	if !r.plan.misID {
		parts = []string{"person", raw[pSurname], raw[pForename], raw[pDOB], raw[pSex]}
	}
	plain := record.NewPupilID(r.ask.IDKey, parts...)
	c = &child{id: plain, authority: authority, contacts: map[record.Key]sighting{}, weeks: map[record.Date]*week{}}
	if withUPN == "" {
		return c, ""
	}
	if r.plan.misID {
		c.id = record.NewPupilID(r.ask.IDKey, raw[pID], withUPN)
	} else {
		c.id = record.NewPupilID(r.ask.IDKey, "upn", withUPN)
	}
	return c, plain
}

// admitted keeps an admitted pupil and gives out the pupil's record.
func (r *reading) admitted(raw rawRow, at place, authority string) (*child, error) {
	c, was := r.newChild(raw, authority)
	r.children = append(r.children, c)
	r.counts[record.DatasetPupil].matched++
	if !r.wants(record.DatasetPupil) {
		return c, nil
	}
	p, err := r.pupil(raw, at, c)
	if err != nil {
		return nil, err
	}
	return c, r.give(Row{Record: p, Was: was, Misspelt: misspeltUPN(raw[pUPN]), Authority: authority})
}

func (r *reading) pupil(raw rawRow, at place, who *child) (*record.Pupil, error) {
	c := &cells{r: r, d: record.DatasetPupil, raw: raw, at: at}
	p := &record.Pupil{
		ID:                    who.id,
		UPN:                   c.upn(pUPN),
		FormerUPN:             c.formerUPN(pFormerUPN),
		UniqueLearnerNumber:   c.uln(pULN),
		AdmissionNumber:       c.text(pAdmission),
		Surname:               c.text(pSurname),
		Forename:              c.text(pForename),
		MiddleNames:           c.text(pMiddle),
		PreferredSurname:      c.text(pPreferredSurname),
		PreferredForename:     c.text(pPreferredForename),
		FormerSurname:         c.text(pFormerSurname),
		DOB:                   c.date(pDOB),
		Sex:                   c.code(pSex, "sex"),
		NCYearActual:          c.year(pYear),
		RegGroup:              c.text(pRegGroup),
		House:                 c.text(pHouse),
		Email:                 c.text(pEmail),
		Phone:                 c.text(pPhone),
		InCare:                true,
		CareAuthority:         who.authority,
		CareStart:             c.date(pCareStart),
		CareEnd:               c.date(pCareEnd),
		PersonalEducationPlan: c.yesNo(pPEP),
		FSMEligible:           c.yesNo(pFSM),
		PupilPremium:          c.yesNo(pPremium),
		EnrolStatus:           c.code(pEnrolStatus, "enrolment_status"),
		EntryDate:             c.date(pEntry),
		LeavingDate:           c.date(pLeaving),
	}
	// The marker decides, not the dates; but a marker that outlived them is worth a look.
	if today := r.ask.Today; p.CareEnd != "" && p.CareEnd < today || p.CareStart > today {
		c.warn(pInCare, WarnOutside)
	}
	return p, c.err
}

// contact keeps one contact row of an admitted pupil out of duplicates and
// gives it out.
func (r *reading) contact(raw rawRow, at place, who *child, give func(Row) error) error {
	c := &cells{r: r, d: record.DatasetContact, raw: raw, at: at}
	out := &record.Contact{
		PupilID:        who.id,
		Title:          c.text(cTitle),
		Forename:       c.text(cForename),
		Surname:        c.text(cSurname),
		Relationship:   c.code(cRelationship, "contact_relationship"),
		Order:          c.number(cOrder, 99),
		Responsibility: c.yesNo(cResponsibility),
		Phones:         c.phones(),
		Emails:         c.emails(),
	}
	if address := (record.Address{Lines: c.lines(cAddress), PostCode: c.text(cPostCode)}); len(address.Lines) > 0 || address.PostCode != "" {
		out.Addresses = []record.Address{address}
	}
	if c.err != nil {
		return c.err
	}
	identity := []string{raw[cID]}
	if raw[cID] == "" {
		if raw[cForename] == "" && raw[cSurname] == "" {
			return r.fieldFault(c.d, at, cSurname, "a contact without a name cannot be told from others: correct it in the MIS")
		}
		identity = []string{"person", raw[cForename], raw[cSurname], raw[cRelationship]}
	}
	out.ID = record.NewSubID(r.ask.IDKey, record.DatasetContact, identity...)
	line, err := record.Encode(out)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(line)
	if before, twice := who.contacts[out.Key()]; twice {
		if before.sum != sum {
			return fault(c.d, "%s and %s: one contact of one pupil twice, and not the same: correct it in the MIS, or have %s give each contact its own id", at, at.other(before.line), r.plan.words.maker)
		}
		r.warn(c.d, "contact", WarnRepeated)
		return nil
	}
	who.contacts[out.Key()] = sighting{line: at.line, sum: sum}
	return give(Row{Record: out, Authority: who.authority})
}

// phones are the telephone numbers with CBDS types. A cell of the CTF route
// holds several numbers of one type on lines of their own.
func (c *cells) phones() []record.Phone {
	var phones []record.Phone
	for _, kind := range []struct {
		field int
		code  string
	}{{cHome, "H"}, {cMobile, "M"}, {cWork, "W"}, {cOther, ""}} {
		for number := range strings.SplitSeq(c.bounded(kind.field, c.raw[kind.field]), "\n") {
			if number = strings.TrimSpace(number); number != "" {
				phones = append(phones, record.Phone{Type: kind.code, Number: c.printable(kind.field, number)})
			}
		}
	}
	return phones
}

func (c *cells) emails() []string {
	var emails []string
	for _, part := range strings.FieldsFunc(c.bounded(cEmail, c.raw[cEmail]), func(r rune) bool { return r == ';' || r == ',' || r == '\n' }) {
		if part = strings.TrimSpace(part); part != "" {
			emails = append(emails, c.printable(cEmail, part))
		}
	}
	return emails
}
