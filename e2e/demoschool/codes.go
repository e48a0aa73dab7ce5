package demoschool

import (
	"strings"
	"time"
)

// chanceOf is a code and the share of draws, of 1,000, that it takes.
type chanceOf struct {
	code  string
	share int
}

// The mix follows England's published totals: about 93 of 100 sessions
// attended, illness far ahead of every other absence. Rare codes are commoner
// than in life, so that a school of 1,000 holds every ENG-2024 code but Z.
var (
	spells = []chanceOf{
		{"I", 560}, {"G", 110}, {"V", 60}, {"C", 50}, {"E", 40}, {"T", 30}, {"K", 30}, {"B", 30},
		{"W", 20}, {"C1", 20}, {"Y1", 20}, {"Y5", 10}, {"Y6", 10}, {"Q", 10},
	}
	oneSessions = []chanceOf{
		{"L", 22}, {"U", 5}, {"M", 7}, {"I", 8}, {"N", 4}, {"O", 3}, {"P", 3}, {"B", 2}, {"V", 2},
		{"C", 1}, {"R", 1}, {"J1", 1}, {"Y3", 1}, {"Y7", 1},
	}
	sixthForm = []chanceOf{{"X", 60}, {"S", 15}, {"W", 10}, {"J1", 3}}
)

// oneCharacter is what Config.OneCharacterMarks draws in place of a
// two-character code: another thing happened to the pupil. It is not a
// translation, and no writer uses it.
func oneCharacter(code string) string {
	switch {
	case len(code) < 2:
		return code
	case code == "J1":
		return "M"
	case strings.HasPrefix(code, "Y"):
		return "Q"
	default:
		return "C"
	}
}

// drawCode decides what happened to pupil i in a session.
func (s *School) drawCode(i int, day schoolDay, session Session) string {
	code := s.drawAnyCode(i, day, session)
	if code == "N" && s.cfg.Today.Sub(day.date) > 7*24*time.Hour {
		code = "O" // the reason had to be established within five school days
	}
	if s.cfg.OneCharacterMarks {
		code = oneCharacter(code)
	}
	return code
}

func (s *School) drawAnyCode(i int, day schoolDay, session Session) string {
	p := s.pupils[i]
	if day.closed {
		return "#"
	}
	trait := s.draw("trait", i, time.Time{}, AM)
	switch {
	case day.closedPM && session == PM:
		return "Y4"
	case day.noBuses && trait%3 == 0:
		return "Y2"
	case trait < 8 && session == PM:
		return "C2" // a part-time timetable: mornings only
	case p.EnrolStatus == "M" && day.date.Weekday() == time.Thursday:
		return "D" // Thursdays at the other school
	}
	if code := s.spell(i, day, trait >= 900); code != "" {
		return code
	}
	if p.Year == "12" || p.Year == "13" {
		if code := choose(sixthForm, s.draw("sixth", i, day.date, session)); code != "" {
			return code
		}
	}
	if code := choose(oneSessions, s.draw("session", i, day.date, session)); code != "" {
		return code
	}
	if session == PM {
		return `\`
	}
	return "/"
}

// spell is an absence of one to five days within a week; a pupil who is often
// away has one in every fourth week, others in every thirtieth.
func (s *School) spell(i int, day schoolDay, oftenAway bool) string {
	likely := 33
	if oftenAway {
		likely = 250
	}
	if s.draw("spell", i, day.monday, AM) >= likely {
		return ""
	}
	first := s.draw("spell first", i, day.monday, AM) % 5
	length := 1 + s.draw("spell length", i, day.monday, AM)%5
	at := int(day.date.Weekday()) - int(time.Monday)
	if at < first || at >= first+length {
		return ""
	}
	return choose(spells, s.draw("spell kind", i, day.monday, AM))
}

// choose is the code whose share of the thousand n falls into, "" beyond them.
func choose(from []chanceOf, n int) string {
	for _, c := range from {
		if n < c.share {
			return c.code
		}
		n -= c.share
	}
	return ""
}

// Statutory categories of ENG-2024, for the totals that a CTF carries.
const (
	presentCodes      = `/ \ L B K P V W`
	authorisedCodes   = "C C1 C2 E I J1 M R S T"
	unauthorisedCodes = "G N O U"
)

// sessionTotals counts sessions as attendance returns do: possible is the sum
// of the other three, and codes of no category count nowhere.
type sessionTotals struct{ attended, authorised, unauthorised int }

func (t sessionTotals) possible() int { return t.attended + t.authorised + t.unauthorised }

func (t *sessionTotals) add(code string) {
	switch {
	case isOneOf(code, presentCodes):
		t.attended++
	case isOneOf(code, authorisedCodes):
		t.authorised++
	case isOneOf(code, unauthorisedCodes):
		t.unauthorised++
	}
}

func isOneOf(code, list string) bool {
	for c := range strings.FieldsSeq(list) {
		if c == code {
			return true
		}
	}
	return false
}
