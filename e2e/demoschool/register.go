package demoschool

import (
	"fmt"
	"time"
)

const (
	notTaken = "-"

	afterMorning   = 9*time.Hour + 45*time.Minute
	afterAfternoon = 14*time.Hour + 15*time.Minute

	perMille = 1000
)

// cell is one session of one pupil, two bytes, since a large school has
// millions. The code is an index into the school's code table.
type cell struct{ code, minutes uint8 }

// The first entries of every code table.
const (
	noRecord  = 0 // not on roll that day: no row at all
	blankCode = 1
	dashCode  = 2
)

// codeTable numbers the codes in use.
type codeTable struct {
	text   []string
	number map[string]uint8
}

func newCodeTable() codeTable {
	return codeTable{
		text:   []string{"\x00", "", notTaken},
		number: map[string]uint8{"": blankCode, notTaken: dashCode},
	}
}

// intern numbers a code, which may be one that no standard knows.
func (t *codeTable) intern(code string) (uint8, error) {
	if n, ok := t.number[code]; ok {
		return n, nil
	}
	if len(t.text) > 255 {
		return 0, fmt.Errorf("more than %d different attendance codes: use fewer", len(t.text)-1)
	}
	n := uint8(len(t.text))
	t.text = append(t.text, code)
	t.number[code] = n
	return n, nil
}

// fillRegisters takes every register up to Config.Today's morning.
func (s *School) fillRegisters() {
	s.marks = make([][]cell, len(s.pupils))
	for i := range s.marks {
		s.marks[i] = make([]cell, 0, 2*len(s.days))
	}
	s.openDays(s.reached(s.cfg.Today))
	for at := range s.upTo {
		day := s.days[at]
		s.takeRegister(at, AM, true)
		if !day.date.Equal(s.cfg.Today) || day.closed {
			s.takeRegister(at, PM, true)
		}
	}
}

// openDays makes rows, not yet taken, for the first n days.
func (s *School) openDays(n int) {
	for i, p := range s.pupils {
		for at := len(s.marks[i]) / 2; at < n; at++ {
			c := cell{code: dashCode}
			if s.days[at].date.Before(p.EntryDate) {
				c.code = noRecord
			}
			s.marks[i] = append(s.marks[i], c, c)
		}
	}
	s.upTo = max(s.upTo, n)
}

// takeRegister marks everybody on roll who has no mark in that session.
// With forget, a teacher here and there has not taken it, which leaves a blank.
func (s *School) takeRegister(at int, session Session, forget bool) {
	day := s.days[at]
	var forgotten map[string]bool
	if forget && !day.closed {
		forgotten = s.forgottenBy(day.date, session)
	}
	for i, p := range s.pupils {
		c := &s.marks[i][2*at+half(session)]
		if c.code != dashCode && c.code != blankCode || !p.LeavingDate.IsZero() && p.LeavingDate.Before(day.date) {
			continue
		}
		if forgotten[p.RegGroup] {
			c.code = blankCode
			continue
		}
		code := s.drawCode(i, day, session)
		number, err := s.codes.intern(code)
		if err != nil {
			panic(err) // the generator's own codes are about forty
		}
		*c = cell{code: number, minutes: s.minutesLate(i, day.date, session, code)}
	}
}

func half(session Session) int {
	if session == PM {
		return 1
	}
	return 0
}

// draw is a number below perMille that depends on nothing but the seed and its
// arguments, so that a register gives the same marks whenever it is taken.
func (s *School) draw(salt string, i int, day time.Time, session Session) int {
	x := s.cfg.Seed
	for k := range len(salt) {
		x = x*131 + uint64(salt[k])
	}
	x = mix(x ^ mix(uint64(i)<<1|uint64(half(session))) ^ mix(uint64(day.Unix())+7))
	return int(x % perMille)
}

// forgottenBy lists the registration groups whose register was not taken.
func (s *School) forgottenBy(day time.Time, session Session) map[string]bool {
	forgotten := map[string]bool{}
	for _, group := range s.regGroups {
		if s.draw("forgotten "+group, 0, day, session) < 2 {
			forgotten[group] = true
		}
	}
	return forgotten
}

func (s *School) minutesLate(i int, day time.Time, session Session, code string) uint8 {
	switch code {
	case "L":
		return uint8(1 + s.draw("late", i, day, session)%30)
	case "U":
		return uint8(31 + s.draw("late", i, day, session)%60)
	default:
		return 0
	}
}
