package demoschool

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// The years of a secondary school with a sixth form, and how many of 100
// pupils each holds.
var yearSizes = []struct{ year, percent int }{{7, 17}, {8, 17}, {9, 17}, {10, 16}, {11, 16}, {12, 9}, {13, 8}}

const groupSize = 30

var houses = []string{"Bramble", "Heron", "Kestrel", "Otter"}

// upnAuthorities allocated the UPNs; 835 and 909 have been replaced since and
// stay inside UPNs for ever.
var upnAuthorities = []string{"933", "933", "933", "815", "838", "835", "909"}

// care is what is decided about a pupil before anything is drawn.
type care struct {
	authority string // empty: never in care
	turn      int    // which of the looked-after pupils this is
	unknown   bool
	past      bool
	pep       bool // had plans when the school began
}

func (s *School) admitPupils() {
	n := s.cfg.Pupils
	s.pupils = make([]*Pupil, 0, n)
	s.contacts = make([][]Contact, 0, n)
	cares := s.chooseCare()
	place := 0
	for i, y := range yearSizes {
		size := n * y.percent / 100
		if i == 0 {
			size = n
			for _, other := range yearSizes[1:] {
				size -= n * other.percent / 100
			}
		}
		for inYear := range size {
			s.admit(place, y.year, inYear, cares[place])
			place++
		}
	}
}

// chooseCare draws which pupils are looked after and by whom.
func (s *School) chooseCare() map[int]care {
	n := s.cfg.Pupils
	order := s.rng("care", 0).Perm(n)
	take := func(give func(turn int) care, count int) map[int]care {
		chosen := map[int]care{}
		for turn := 0; turn < count && len(order) > 0; turn++ {
			chosen[order[0]] = give(turn)
			order = order[1:]
		}
		return chosen
	}
	cares := map[int]care{}
	add := func(more map[int]care) {
		for i, c := range more {
			cares[i] = c
		}
	}
	byTurn := func(turn int) string { return s.cfg.Authorities[turn%len(s.cfg.Authorities)] }
	if share := s.cfg.LookedAfterShare; share > 0 {
		count := max(int(float64(n)*share+0.5), min(len(s.cfg.Authorities), n/2))
		add(take(func(turn int) care { return care{authority: byTurn(turn), turn: turn} }, count))
		add(take(func(turn int) care { return care{authority: s.otherAuthority, turn: turn} }, max(1, count/8)))
		add(take(func(turn int) care { return care{authority: byTurn(turn), turn: turn, past: true} }, n/100))
	}
	add(take(func(turn int) care { return care{authority: byTurn(turn), turn: turn, unknown: true} }, s.cfg.UnknownMarkers))
	return cares
}

// admit makes pupil i and the pupil's contacts.
func (s *School) admit(i, year, inYear int, c care) {
	r := s.rng("pupil", i)
	p := &Pupil{
		ID:          strconv.Itoa(20011 + 3*i),
		AdmissionNo: fmt.Sprintf("%06d", 1207+i),
		Sex:         pick(r, []string{"F", "M"}),
		Year:        strconv.Itoa(year),
		RegGroup:    fmt.Sprintf("%d%s", year, groupLetters(inYear/groupSize)),
		House:       houses[r.IntN(len(houses))],
		EnrolStatus: "C",
	}
	s.drawNames(r, p, specialTurn(i, c))
	s.drawDates(r, p, year)
	s.drawIdentifiers(r, p, i, year)
	s.drawCare(s.rng("care", i+1), p, c)
	if chance(r, 240) {
		p.FSM, p.FSMStart = true, p.EntryDate
	}
	p.PupilPremium = p.FSM || p.InCare || chance(r, 40)
	if chance(r, 8) {
		p.EnrolStatus = "M"
	}
	p.Email = "p" + p.ID + "@pupils.oakmere.example"
	if name := slug(p.LegalForename); name != "" {
		p.Email = name + "." + p.Email
	}
	if year >= 9 && chance(r, 600) {
		p.Phone = mobile(r)
	}

	if inYear%groupSize == 0 {
		s.regGroups = append(s.regGroups, p.RegGroup)
	}
	s.byID[p.ID] = len(s.pupils)
	s.pupils = append(s.pupils, p)
	s.contacts = append(s.contacts, nil)
	s.drawContacts(len(s.pupils) - 1)
	c.pep = p.PEP
	s.cares = append(s.cares, c)
	s.drawMore(p, i, c)
}

// drawMore fills in what came later to the model, from a stream of its own.
func (s *School) drawMore(p *Pupil, i int, c care) {
	r := s.rng("pupil more", i)
	if chance(r, 15) || p.InCare && c.turn%4 == 2 {
		p.FormerForename = plainForename(r, p.Sex)
	}
	if chance(r, 30) || p.InCare && c.turn%4 == 3 {
		p.Gender = pick(r, []string{"Non-binary", "Girl", "Boy", "Self-described"})
	}
	switch {
	case p.InCareUnknown:
	case c.past:
		p.InCareHere = answer(!p.CareEnd.Before(p.EntryDate))
	default:
		p.InCareHere = answer(p.InCare)
	}
	switch {
	case p.InCare:
		p.PremiumCode = "LAP"
	case !p.PupilPremium:
	case c.past:
		p.PremiumCode = "AFC"
	case p.FSM:
		p.PremiumCode = "DPP"
	case s.isServiceChild(i):
		p.PremiumCode = "SCP"
	}
}

// drawNames gives a plain name, or the special one whose turn it is; a negative
// turn is none's.
func (s *School) drawNames(r *rand.Rand, p *Pupil, turn int) {
	name := fullName{plainForename(r, p.Sex), pick(r, surnames)}
	if turn >= 0 {
		name = s.specialName(turn)
	}
	p.LegalForename, p.LegalSurname = name.forename, name.surname
	p.PreferredForename, p.PreferredSurname = name.forename, name.surname
	if chance(r, 120) {
		p.PreferredForename = plainForename(r, p.Sex)
	}
	if chance(r, 30) {
		p.PreferredSurname = pick(r, surnames)
	}
	if chance(r, 40) {
		p.FormerSurname = pick(r, surnames)
	}
	if chance(r, 700) {
		p.MiddleNames = plainForename(r, p.Sex)
		if chance(r, 150) {
			p.MiddleNames += " " + plainForename(r, p.Sex)
		}
	}
}

// drawDates gives the date of birth that the year group asks for (age at
// 31 August) and the dates on roll: most pupils came in September of year 7,
// some in a later year, a few in this one; a few have given notice.
func (s *School) drawDates(r *rand.Rand, p *Pupil, year int) {
	start := academicYear(s.cfg.Today)
	p.DOB = Date(start-year-5, time.September, 1).AddDate(0, 0, r.IntN(365))
	p.EntryDate = Date(start-(year-7), time.September, 1)
	switch {
	case chance(r, 60) && year > 7:
		p.EntryDate = Date(start-r.IntN(year-7), time.January, 8)
	case chance(r, 15):
		first := s.days[:max(1, s.reached(s.cfg.Today))]
		p.EntryDate = first[r.IntN(len(first))].date
	}
	if chance(r, 4) {
		p.LeavingDate = s.cfg.Today.AddDate(0, 0, 7+r.IntN(60))
	}
}

// reached is how many of the year's school days are not after day.
func (s *School) reached(day time.Time) int {
	n := 0
	for n < len(s.days) && !s.days[n].date.After(day) {
		n++
	}
	return n
}

func (s *School) drawIdentifiers(r *rand.Rand, p *Pupil, i, year int) {
	reception := academicYear(s.cfg.Today) - year
	p.UPN = s.allocateUPN(pick(r, upnAuthorities), reception, false)
	if year >= 9 {
		p.ULN = uln(i)
	}
	switch d := r.IntN(1000); {
	case d < 20:
		p.UPN = s.allocateUPN(SchoolAuthority, p.EntryDate.Year(), true)
	case d < 30:
		p.UPN = ""
	case d < 50:
		p.FormerUPN = s.allocateUPN(pick(r, upnAuthorities), reception, d < 40)
	}
}

func (s *School) drawCare(r *rand.Rand, p *Pupil, c care) {
	if c.authority == "" {
		return
	}
	p.CareAuthority = c.authority
	p.CareStart = s.cfg.Today.AddDate(0, 0, -30-r.IntN(1500))
	p.InCareUnknown = c.unknown
	p.InCare = !c.past && !c.unknown
	if c.past {
		p.CareEnd = p.CareStart.AddDate(0, 0, 20)
	}
	p.PEP = p.InCare && chance(r, 900)
	if !p.InCare {
		return
	}
	// Few pupils are looked after, so these kinds of UPN are dealt, not drawn:
	// every school with eight of them has each.
	reception := academicYear(s.cfg.Today) - atoi(p.Year)
	switch c.turn % 8 {
	case 1, 2, 3, 4:
		p.FormerUPN = ""
		p.UPN = s.allocateUPN(pick(r, upnAuthorities), reception, false)
	case 5:
		p.FormerUPN = ""
		p.UPN = s.allocateUPN(SchoolAuthority, p.EntryDate.Year(), true)
	case 6:
		p.UPN, p.FormerUPN = "", ""
	case 7:
		p.UPN = s.allocateUPN(pick(r, upnAuthorities), reception, false)
		p.FormerUPN = s.allocateUPN(SchoolAuthority, reception, true)
	}
}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// groupLetters names registration groups A to Z, then AA, AB and on.
func groupLetters(n int) string {
	if n < 26 {
		return string(rune('A' + n))
	}
	return groupLetters(n/26-1) + groupLetters(n%26)
}

// mobile and landline draw from the ranges that Ofcom reserves for drama.
func mobile(r *rand.Rand) string   { return fmt.Sprintf("07700 900%03d", r.IntN(1000)) }
func landline(r *rand.Rand) string { return fmt.Sprintf("01632 960%03d", r.IntN(1000)) }

// address is a street address in a town that is on no map.
func address(r *rand.Rand) (lines, postcode string) {
	streets := []string{"Heron Row", "Tumbledown Lane", "Nine Acre Rise", "Lantern Street", "St Wilfreda's Close", "Ffordd y Barcud"}
	line := fmt.Sprintf("%d %s", 1+r.IntN(140), pick(r, streets))
	switch r.IntN(12) {
	case 0:
		line = fmt.Sprintf("Flat %d, %s", 1+r.IntN(30), line)
	case 1:
		line = `"The Old Forge", ` + line
	}
	letters := "ABDEFGHJLNPQRSTUWXYZ"
	var end strings.Builder
	for range 2 {
		end.WriteByte(letters[r.IntN(len(letters))])
	}
	// FA and KB are not postcode areas.
	return line + ", Oakmere", fmt.Sprintf("%s%d %d%s", pick(r, []string{"FA", "KB"}), 1+r.IntN(19), r.IntN(10), end.String())
}
