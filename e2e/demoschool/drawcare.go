package demoschool

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// SchoolURN is the school's number, from a range that the DfE has not reached.
const SchoolURN = "199000"

var primaries = []string{
	"Nettlebank Primary School", "St Wilfreda's CE Primary School", "Tumbledown Lane Infant & Junior School",
	"Ysgol Gynradd Pant-y-Gwcw", "Ecole Française \"La Coquille\"", "Quickbeam Community Primary School",
}

var secondaries = []string{"Drakemoor High School", "The Larkspur Academy", "Saltmarsh & District School"}

// cared reports whether pupil i was looked after by somebody when the school
// began, and which of them this was.
func (s *School) cared(i int) (turn int, was bool) {
	c := s.cares[i]
	return c.turn, c.authority != "" && !c.past && !c.unknown
}

// firstOfSeptember of the academic year in which pupil i began in a year group,
// 0 being reception.
func (s *School) firstOfSeptember(i, year int) time.Time {
	return Date(academicYear(s.cfg.Today)-atoi(s.pupils[i].Year)+year, time.September, 1)
}

// drawHistory gives a primary school, sometimes two, a secondary school before
// this one for who came late, and this one. Looked-after pupils have moved more.
func (s *School) drawHistory(i int) []SchoolHistory {
	r, p := s.rng("school_history", i), s.pupils[i]
	_, inCare := s.cared(i)
	began, secondary := s.firstOfSeptember(i, 0), s.firstOfSeptember(i, 7)
	var stays []SchoolHistory
	stay := func(name string, estab, urn int, from, to time.Time, reason string) {
		stays = append(stays, SchoolHistory{
			LEA: []string{SchoolAuthority, "815", "838"}[urn%3], Estab: strconv.Itoa(estab), URN: strconv.Itoa(urn),
			SchoolName: name, EntryDate: from, LeavingDate: to, LeavingReason: reason, LastSchool: No,
		})
	}
	n := r.IntN(len(primaries))
	left := Date(secondary.Year(), time.July, 21)
	if inCare || chance(r, 120) {
		moved := began.AddDate(0, 20+r.IntN(40), 7)
		stay(primaries[n], 2990+n, 199100+n, began, moved.AddDate(0, 0, -3), "IM")
		began, n = moved, (n+1)%len(primaries)
	}
	if !chance(r, 30) || inCare { // who is left out came from abroad
		stay(primaries[n], 2990+n, 199100+n, began, left, "PM")
	}
	if p.EntryDate.Year() > secondary.Year() {
		n = r.IntN(len(secondaries))
		stay(secondaries[n], 4990+n, 199200+n, secondary, p.EntryDate.AddDate(0, 0, -2), "IM")
	}
	return append(stays, SchoolHistory{
		LEA: SchoolAuthority, Estab: SchoolEstab, URN: SchoolURN, SchoolName: SchoolName,
		EntryDate: p.EntryDate, LeavingDate: p.LeavingDate, LastSchool: Yes,
	})
}

var (
	needTypes    = []string{"SPLD", "MLD", "SLD", "SEMH", "SLCN", "HI", "VI", "MSI", "PD", "ASD", "DS", "OTH"}
	disabilities = []string{"MOB", "HAND", "MED", "COMM", "LD", "HEAR", "VIS", "BEH", "CON", "AUT", "OTH"}
)

// drawSEN deals support and plans to the looked-after, half of whom have one,
// and draws them for a fifth of the others. Some have been reviewed: an older
// period has ended.
func (s *School) drawSEN(i int) []SEN {
	r := s.rng("sen", i)
	turn, inCare := s.cared(i)
	provision := choose([]chanceOf{{"K", 130}, {"E", 43}, {"N", 20}}, r.IntN(perMille))
	if inCare && turn%2 == 0 {
		provision = []string{"K", "E"}[turn/2%2]
	}
	if provision == "" {
		return nil
	}
	started := s.firstOfSeptember(i, 2).AddDate(0, 0, r.IntN(900))
	now := SEN{Provision: provision, StartDate: started, Needs: needs(r, provision)}
	if provision == "K" && !chance(r, 250) {
		return []SEN{now}
	}
	// A plan follows support; no need any more follows support that ended.
	before := SEN{Provision: "K", StartDate: started, Needs: needs(r, "K")}
	now.StartDate = started.AddDate(0, 3+r.IntN(12), 0)
	before.EndDate = now.StartDate.AddDate(0, 0, -1)
	return []SEN{before, now}
}

// needs are one to three types, ranked; NSA stands alone and only with support.
func needs(r *rand.Rand, provision string) []string {
	switch {
	case provision == "N":
		return nil
	case provision == "K" && chance(r, 80):
		return []string{"NSA"}
	}
	types := make([]string, 0, 3)
	for _, n := range r.Perm(len(needTypes))[:1+r.IntN(3)] {
		types = append(types, needTypes[n])
	}
	return types
}

// isServiceChild has a stream of its own since the pupil premium hangs on it.
func (s *School) isServiceChild(i int) bool { return chance(s.rng("service child", i), 20) }

// drawWelfare gives each pupil a page, but for a few of those not looked after
// whose page nobody has filled in.
func (s *School) drawWelfare(i int) []Welfare {
	r := s.rng("welfare", i)
	turn, inCare := s.cared(i)
	c := s.cares[i]
	if !inCare && chance(r, 30) {
		return nil
	}
	w := Welfare{
		ProtectionPlan: No, YoungCarer: "N", PostLookedAfter: "N", KinshipCare: "ND", ServiceChild: "N",
		MedicalFlag: answer(chance(r, 90)), Disabilities: []string{"NONE"},
	}
	if chance(r, 50) || inCare && turn%5 == 1 {
		w.ProtectionPlan, w.ProtectionAuthority = Yes, s.otherAuthority
		if c.authority != "" {
			w.ProtectionAuthority = c.authority
		}
	}
	if chance(r, 60) || inCare && turn%4 == 1 {
		w.YoungCarer = pick(r, []string{"P", "S"})
	}
	if c.past {
		w.PostLookedAfter = pick(r, []string{"A", "G", "C", "O"})
	}
	if chance(r, 15) || inCare && turn%4 == 2 {
		w.KinshipCare = pick(r, []string{"KF", "KI", "KU"})
	}
	switch {
	case s.isServiceChild(i):
		w.ServiceChild = "Y"
	case chance(r, 40):
		w.ServiceChild = pick(r, []string{"U", "R"})
	}
	if chance(r, 60) {
		w.MedicalFlag = Unknown
	}
	switch {
	case chance(r, 60) || inCare && turn%3 == 0:
		first := r.IntN(len(disabilities) - 1)
		w.Disabilities = slices.Clone(disabilities[first : first+1+r.IntN(2)])
	case chance(r, 100):
		w.Disabilities = nil
	}
	return []Welfare{w}
}

// drawPEPs gives a plan for each of the last terms in care to pupils who have
// plans; only the newest is open.
func (s *School) drawPEPs(i int) []PEP {
	r, c := s.rng("pep", i), s.cares[i]
	if !c.pep && !c.past {
		return nil
	}
	term := func(back int) time.Time { return s.cfg.Today.AddDate(0, -4*back, -r.IntN(20)) }
	n := 1 + r.IntN(3)
	var plans []PEP
	for back := n - 1; back >= 0; back-- {
		plan := PEP{StartDate: term(back), Status: pick(r, []string{"Agreed", "Draft", "Awaiting signature"})}
		plan.ReviewDate = plan.StartDate.AddDate(0, 3, 0)
		if back > 0 || c.past {
			plan.EndDate, plan.Status = plan.ReviewDate.AddDate(0, 0, r.IntN(10)), pick(r, []string{"Reviewed", "Superseded"})
		}
		plans = append(plans, plan)
	}
	return plans
}

// agencyRoles are who works with pupils, and for which agency; an authority's
// has its code behind the name.
var agencyRoles = []struct{ agency, kind, role string }{
	{"Children's Services ", "Local authority", "Social worker"},
	{"Review Service ", "Local authority", "Independent reviewing officer"},
	{"Virtual School ", "Local authority", "Education adviser"},
	{"Children & Young People's Wellbeing Service", "Health", "Practitioner"},
}

// peoplePerRole work for one agency; each serves several pupils under one id.
const peoplePerRole = 3

// drawAgencyContacts gives the looked-after pupils the authority's people, and
// a few of the others somebody of a service.
func (s *School) drawAgencyContacts(i int) []AgencyContact {
	r, c := s.rng("agency_contact", i), s.cares[i]
	turn, inCare := s.cared(i)
	if !inCare {
		if chance(r, 80) {
			return []AgencyContact{s.person(r, "", 3)}
		}
		return nil
	}
	people := []AgencyContact{s.person(r, c.authority, 0), s.person(r, c.authority, 1)}
	if turn%3 == 1 {
		people = append(people, s.person(r, c.authority, 2))
	}
	return people
}

// person is one of the three whom an agency has in a role, always the same for
// one number. Nobody serves both kinds of pupils, looked after and not.
func (s *School) person(of *rand.Rand, authority string, role int) AgencyContact {
	n, job := of.IntN(peoplePerRole), agencyRoles[role]
	place := slices.Index(append([]string{"", s.otherAuthority}, s.cfg.Authorities...), authority)
	r := s.rng("agency "+authority+" "+job.role, n)
	a := AgencyContact{
		Agency: job.agency + authority, AgencyType: job.kind, Role: job.role,
		WorkPhone: landline(r), Address: "Level 2, 1 Council Square, Oakmere", Postcode: "FA1 1AA",
	}
	a.ID = strconv.Itoa(600_000 + (place*len(agencyRoles)+role)*peoplePerRole + n)
	a.Title, a.Forename, a.Surname = "Ms", plainForename(r, "F"), pick(r, surnames)
	if chance(r, 300) {
		name := s.specialName(r.IntN(40))
		a.Title, a.Forename, a.Surname = "", name.forename, name.surname
	}
	if chance(r, 700) {
		a.Mobile = mobile(r)
	}
	a.Email = fmt.Sprintf("%s.a%s@agency.example", slug(a.Forename), a.ID)
	return a
}
