package arbor

import (
	"slices"
	"time"

	"rollbridge/e2e/demoschool"
)

// The statuses of care. What they count as does not follow from their names.
const (
	lookedAfter    = "1"
	accommodated   = "2"
	previously     = "3"
	formerlyInCare = "4"
	notKnown       = "5"
)

func inCareStatuses(*Double) []object {
	status := func(id, name string, counts any) object {
		return thing("InCareStatus", id, object{"code": "STATUS_" + id, "inCareStatusName": name, "countsAsInCareStatus": counts, "active": true})
	}
	return []object{
		status(lookedAfter, "Looked after", true),
		status(accommodated, "Not under a care order (section 20)", true),
		status(previously, "Previously looked after", false),
		status(formerlyInCare, "In care before adoption", false),
		status(notKnown, "Not known", nil),
	}
}

// inCareStatusAssignments are what the office entered: of who is looked after,
// who was (ended, and beside it a status of its own that has not), and of whom
// nobody knows.
func inCareStatusAssignments(d *Double, p *demoschool.Pupil) []object {
	assigned := func(id, status, authority string, from, to time.Time) object {
		o := object{"student": student(p), "inCareStatus": link("InCareStatus", status), "startDate": day(from), "endDate": day(to), "responsibleLocalAuthority": nil}
		if authority != "" {
			o["responsibleLocalAuthority"] = link("LocalAuthority", authority)
		}
		return thing("InCareStatusAssignment", p.ID+id, o)
	}
	counting := []string{lookedAfter, accommodated}[len(p.ID+p.LegalForename)%2]
	switch {
	case p.InCareUnknown:
		return []object{assigned("1", notKnown, p.CareAuthority, p.CareStart, time.Time{})}
	case p.InCare:
		// An earlier time under another authority, and this one.
		earlier := p.CareStart.AddDate(0, -6, 0)
		return []object{
			assigned("1", lookedAfter, d.school.OtherAuthority(), earlier, p.CareStart.AddDate(0, 0, -1)),
			assigned("2", counting, p.CareAuthority, p.CareStart, time.Time{}),
		}
	case !p.CareEnd.IsZero():
		last := p.CareEnd.AddDate(0, 0, -1) // the day it ended is not in it
		if last.Before(p.CareStart) {
			last = p.CareStart
		}
		return []object{
			assigned("2", counting, p.CareAuthority, p.CareStart, last),
			assigned("3", []string{previously, formerlyInCare}[len(p.ID+p.LegalSurname)%2], p.CareAuthority, p.CareEnd, time.Time{}),
		}
	}
	return nil
}

// localAuthorities have the DfE's code in one property and one of another kind,
// which went out of use in 2011, in the other.
func localAuthorities(d *Double) []object {
	all := append([]string{demoschool.SchoolAuthority, "815", "838", d.school.OtherAuthority()}, d.school.Authorities()...)
	slices.Sort(all)
	var made []object
	for _, code := range slices.Compact(all) {
		made = append(made, thing("LocalAuthority", code, object{
			"name": "Fictional Council " + code, "authorityCode": code, "authorityCodePre2011": "00" + code[:1] + "X", "active": true,
		}))
	}
	return made
}

func childProtectionStatuses(*Double) []object {
	return codes("ChildProtectionStatus", "childProtectionStatusName", []string{"Subject to a child protection plan"})
}

func childProtectionStatusAssignments(d *Double, p *demoschool.Pupil) []object {
	var all []object
	assigned := func(id, authority string, from, to time.Time) {
		all = append(all, thing("ChildProtectionStatusAssignment", p.ID+id, object{
			"student": student(p), "childProtectionStatus": link("ChildProtectionStatus", "1"), "startDate": day(from), "endDate": day(to),
			"responsibleLocalAuthority": link("LocalAuthority", authority), "notes": "kept at school",
		}))
	}
	// Everybody had one that has ended.
	assigned("1", demoschool.SchoolAuthority, p.EntryDate.AddDate(-1, 0, 0), p.EntryDate.AddDate(0, -6, 0))
	for w := range d.school.Welfare.Of(p.ID) {
		if w.ProtectionPlan == demoschool.Yes {
			assigned("2", w.ProtectionAuthority, p.EntryDate, time.Time{})
		}
	}
	return all
}

// educationPlans are personal education plans and others.
func educationPlans(d *Double, p *demoschool.Pupil) []object {
	var all []object
	for e := range d.school.PEP.Of(p.ID) {
		all = append(all, thing("EducationPlan", e.ID, object{
			"student": student(p), "educationPlanType": named("EducationPlanType", "1", "Personal Education Plan (PEP)"),
			"startDate": day(e.StartDate), "scheduledReviewDate": day(e.ReviewDate), "endDate": day(e.EndDate),
			"summary": "kept at school", "content": "kept at school",
		}))
	}
	return append(all, thing("EducationPlan", p.ID, object{
		"student": student(p), "educationPlanType": named("EducationPlanType", "2", "Behaviour support plan"),
		"startDate": day(p.EntryDate), "scheduledReviewDate": nil, "endDate": nil,
	}))
}
