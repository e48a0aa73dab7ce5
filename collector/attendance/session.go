package attendance

import (
	"time"

	"rollbridge/collector/register"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Kind says what a mark counts as.
type Kind string

// The kinds.
const (
	Attended     Kind = "attended"     // present, or at an approved activity
	Authorised   Kind = "authorised"   // absent, and the school has authorised it
	Unauthorised Kind = "unauthorised" // absent, and it has not; also where no reason is known
	NotPossible  Kind = "not_possible" // the child could not, or did not have to, be there
	NoMark       Kind = "no_mark"      // none is taken
	Unknown      Kind = "unknown"      // a code that no list explains, or a mark that could not be read
)

// Kinds lists the kinds, those first that count in the base.
func Kinds() []Kind {
	return []Kind{Attended, Authorised, Unauthorised, NotPossible, Unknown, NoMark}
}

// A Session is one mark of one child.
type Session struct {
	Day  record.Date
	Half status.Session
	// Code is the DfE's, Local what the school's MIS has where that is another.
	Code, Local string
	Late        int // minutes
	Kind        Kind
	// Label is what the code means, in the words of its list; empty of a mark that
	// is not there or not known.
	Label string
}

// Sessions are the marks of a week in their order, each read by the list of its own
// day. nation is that of the school, as register.MeaningOf takes it. Weekend days
// without a mark are left out.
func Sessions(a *record.Attendance, nation string) []Session {
	list := make([]Session, 0, 2*len(a.AM))
	for i := range a.AM {
		day := a.Week.AddDays(i)
		am := session(day, status.AM, nation, a.AM, a.LocalAM, a.LateAM, i)
		pm := session(day, status.PM, nation, a.PM, a.LocalPM, a.LatePM, i)
		if i >= 5 && am.Kind == NoMark && pm.Kind == NoMark {
			continue
		}
		list = append(list, am, pm)
	}
	return list
}

func session(day record.Date, half status.Session, nation string, marks, local []string, late []int, i int) Session {
	s := Session{Day: day, Half: half, Kind: NoMark}
	if i < len(marks) {
		s.Code = marks[i]
	}
	if i < len(local) && local[i] != s.Code {
		s.Local = local[i]
	}
	if i < len(late) {
		s.Late = late[i]
	}
	if !codes.Taken(s.Code) {
		if s.Local != "" {
			s.Kind = Unknown // the MIS has a mark, and it could not be made a code
		}
		return s
	}
	m := register.MeaningOf(nation, day.Time(), s.Code)
	if !m.Known {
		s.Kind = Unknown
		return s
	}
	s.Label, s.Kind = m.Mark.Label, kindOf(m.Mark)
	return s
}

func kindOf(m codes.Mark) Kind {
	switch {
	case m.Possible && m.Attended:
		return Attended
	case !m.Possible:
		return NotPossible
	case m.Category == codes.CategoryUnauthorised:
		return Unauthorised
	}
	return Authorised
}

// Weekday is the index of a session's day from Monday, 0.
func (s Session) Weekday() int { return (int(s.Day.Time().Weekday()) + 6) % 7 }

// Until says whether the session lies before the end of a day.
func (s Session) Until(day time.Time) bool { return s.Day <= record.DateOf(day) }
