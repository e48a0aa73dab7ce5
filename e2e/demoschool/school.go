package demoschool

import (
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The school's own identity. Its authority is where it stands, which need not
// be the authority that looks after a pupil.
const (
	SchoolName      = "Oakmere Fictional Academy"
	SchoolAuthority = "933"
	SchoolEstab     = "1234"
)

// School is the MIS: pupils, contacts and marks, kept small enough that 20,000
// pupils and a year of marks take some tens of megabytes. One goroutine at a
// time may use it.
type School struct {
	cfg            Config
	otherAuthority string

	pupils   []*Pupil
	byID     map[string]int // index into pupils, contacts and marks
	contacts [][]Contact

	Books
	cares     []care // how each pupil began
	open      []time.Time
	staff     []Staff
	nextStaff int

	regGroups []string

	days  []schoolDay // the whole academic year
	upTo  int         // how many of days have rows
	marks [][]cell    // per pupil, two for each day up to upTo: AM, PM
	codes codeTable

	today      time.Time
	asAt       time.Time
	upnSerials map[int]int // by allocation year
	nextPerson int         // contact ids
}

// New makes the school that c describes. It panics where c.Validate reports an
// error: what a person typed is to be validated first.
func New(c Config) *School {
	if err := c.Validate(); err != nil {
		panic("demoschool: " + err.Error())
	}
	c = c.withDefaults()
	s := &School{
		cfg:        c,
		byID:       make(map[string]int, c.Pupils),
		codes:      newCodeTable(),
		days:       schoolYear(academicYear(c.Today)),
		today:      c.Today,
		asAt:       c.Today.Add(afterMorning),
		upnSerials: map[int]int{},
	}
	s.otherAuthority = unprovisioned(c.Authorities)
	s.open = lastAndThisYear(c.Today)
	s.openBooks()
	s.admitPupils()
	s.appointStaff()
	s.fillRegisters()
	for i := range s.pupils {
		s.stamp(i)
	}
	return s
}

// unprovisioned is a real authority (the London codes 302 to 320) that is not
// in the list.
func unprovisioned(authorities []string) string {
	code := 302
	for slices.Contains(authorities, strconv.Itoa(code)) {
		code++
	}
	return strconv.Itoa(code)
}

// Today is the date the school has reached: Config.Today, or the latest day
// whose register was taken since.
func (s *School) Today() time.Time { return s.today }

// AsAt is the school-local moment of the last register taken. A file that
// carries a time of its own carries this one.
func (s *School) AsAt() time.Time { return s.asAt }

// Authorities are the provisioned authorities.
func (s *School) Authorities() []string { return slices.Clone(s.cfg.Authorities) }

// OtherAuthority looks after a few pupils and is not provisioned.
func (s *School) OtherAuthority() string { return s.otherAuthority }

// SchoolDays are the days of the academic year, to its end in July, that have
// registers.
func (s *School) SchoolDays() []time.Time {
	days := make([]time.Time, len(s.days))
	for i, d := range s.days {
		days[i] = d.date
	}
	return days
}

// Pupils yields the pupils on roll in a fixed order. A pupil who has left is
// not among them, nor in any file. Change pupils only through the mutations.
func (s *School) Pupils() iter.Seq[*Pupil] {
	return func(yield func(*Pupil) bool) {
		for _, p := range s.pupils {
			if s.onRoll(p) && !yield(p) {
				return
			}
		}
	}
}

// Pupil finds a pupil by MIS id, on roll or not; nil if there is none.
func (s *School) Pupil(pupilID string) *Pupil {
	if i, ok := s.byID[pupilID]; ok {
		return s.pupils[i]
	}
	return nil
}

// Contacts yields a pupil's contacts by priority; none for an unknown id.
func (s *School) Contacts(pupilID string) iter.Seq[Contact] {
	i, ok := s.byID[pupilID]
	if !ok {
		return func(func(Contact) bool) {}
	}
	return slices.Values(s.contacts[i])
}

// Marks yields a pupil's sessions of the academic year in order, from the
// first day on roll to the last day reached; none for an unknown id.
func (s *School) Marks(pupilID string) iter.Seq[Mark] {
	return func(yield func(Mark) bool) {
		i, ok := s.byID[pupilID]
		if !ok {
			return
		}
		for at, c := range s.marks[i] {
			if c.code == noRecord {
				continue
			}
			m := Mark{PupilID: pupilID, Date: s.days[at/2].date, Session: AM, Code: s.codes.text[c.code], MinutesLate: int(c.minutes)}
			if at%2 == 1 {
				m.Session = PM
			}
			if !yield(m) {
				return
			}
		}
	}
}

// LookedAfter lists the pupils on roll whom one of the authorities looks
// after; with none given, one of the provisioned authorities.
func (s *School) LookedAfter(authorities ...string) []*Pupil {
	if len(authorities) == 0 {
		authorities = s.cfg.Authorities
	}
	var found []*Pupil
	for p := range s.Pupils() {
		if p.InCare && slices.Contains(authorities, p.CareAuthority) {
			found = append(found, p)
		}
	}
	return found
}

// NotLookedAfter lists the pupils on roll whose care marker says no. Pupils of
// OtherAuthority and those whose marker is unknown are in neither list.
func (s *School) NotLookedAfter() []*Pupil {
	var found []*Pupil
	for p := range s.Pupils() {
		if !p.InCare && !p.InCareUnknown {
			found = append(found, p)
		}
	}
	return found
}

// Provisioned reports whether p is looked after by a provisioned authority:
// one of the pupils who may leave the school's machine.
func (s *School) Provisioned(p *Pupil) bool {
	return p.InCare && slices.Contains(s.cfg.Authorities, p.CareAuthority)
}

func (s *School) onRoll(p *Pupil) bool {
	return p.LeavingDate.IsZero() || !p.LeavingDate.Before(s.today)
}

// rng is the random stream of one dataset for one thing in it.
func (s *School) rng(dataset string, i int) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(dataset))
	return rand.New(rand.NewPCG(mix(s.cfg.Seed^h.Sum64()), mix(uint64(i))))
}

// mix scatters the bits of x (the finaliser of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// stamp writes the canary of pupil i's verdict into the pupil and contacts,
// replacing the mark of an earlier verdict.
func (s *School) stamp(i int) {
	if s.cfg.Canary == "" {
		return
	}
	p := s.pupils[i]
	verdict := s.verdict(p)
	for _, text := range []*string{
		&p.LegalSurname, &p.LegalForename, &p.MiddleNames, &p.PreferredSurname,
		&p.PreferredForename, &p.FormerSurname, &p.FormerForename, &p.Email,
	} {
		*text = s.marked(*text, verdict)
	}
	p.Phone = s.noted(p.Phone, verdict)
	for at := range s.contacts[i] {
		c := &s.contacts[i][at]
		for _, text := range []*string{&c.Forename, &c.Surname, &c.Email, &c.Address} {
			*text = s.marked(*text, verdict)
		}
		for _, phone := range []*string{&c.HomePhone, &c.MobilePhone, &c.WorkPhone} {
			*phone = s.noted(*phone, verdict)
		}
	}
}

// verdict is the canary that p's texts carry now; empty without a canary.
func (s *School) verdict(p *Pupil) string {
	switch {
	case s.cfg.Canary == "":
		return ""
	case s.Provisioned(p):
		return s.cfg.Canary + CanaryLookedAfter
	default:
		return s.cfg.Canary + CanaryNot
	}
}

// mark writes a verdict into the texts of an entry, as stamp does.
func (s *School) mark(e interface {
	personal() (texts, phones []*string)
}, verdict string) {
	if s.cfg.Canary == "" {
		return
	}
	texts, phones := e.personal()
	for _, text := range texts {
		*text = s.marked(*text, verdict)
	}
	for _, phone := range phones {
		*phone = s.noted(*phone, verdict)
	}
}

func (s *School) marked(text, verdict string) string {
	if text == "" {
		return ""
	}
	return verdict + s.unmarked(text)
}

func (s *School) unmarked(text string) string {
	if s.cfg.Canary == "" {
		return text
	}
	for _, verdict := range []string{CanaryLookedAfter, CanaryNot} {
		if rest, ok := strings.CutPrefix(text, s.cfg.Canary+verdict); ok {
			return rest
		}
	}
	return text
}

func (s *School) noted(phone, verdict string) string {
	if phone == "" {
		return ""
	}
	number, _, _ := strings.Cut(phone, " ("+s.cfg.Canary)
	return number + " (" + verdict + ")"
}
