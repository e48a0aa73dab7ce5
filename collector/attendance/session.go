package attendance

import (
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
	NotOwed      Kind = "not_owed"     // none is taken, and none was owed yet: nothing to count
)

// Kinds lists the kinds that are counted, those first that count in the base.
func Kinds() []Kind {
	return []Kind{Attended, Authorised, Unauthorised, NotPossible, Unknown, NoMark}
}

// A Session is one mark of one child.
type Session struct {
	Day record.Date
	// Weekday is the day's, from Monday, 0.
	Weekday int
	Half    status.Session
	// Code is the DfE's, Local what the school's MIS has where that is another.
	Code, Local string
	Late        int // minutes
	Kind        Kind
	// Label is what the code means, in the words of its list; empty of a mark that
	// is not there or not known.
	Label string
}

// A Reader reads marks of schools of one nation, as register.MeaningOf takes it, and
// remembers what it has looked up: a report reads the same few codes a million times.
// It is not for several at once.
type Reader struct {
	nation string
	days   map[record.Date][7]record.Date
	means  map[dayCode]meaning
}

type dayCode struct {
	day  record.Date
	code string
}

type meaning struct {
	kind  Kind
	label string
}

// NewReader makes a reader that knows nothing yet.
func NewReader(nation string) *Reader {
	return &Reader{nation: nation, days: map[record.Date][7]record.Date{}, means: map[dayCode]meaning{}}
}

// Sessions are the marks of a week in their order, each read by the list of its own
// day. Weekend days without a mark are left out; owed says of the others which of them
// lack one.
func (r *Reader) Sessions(a *record.Attendance, owed Owed) []Session {
	list := make([]Session, 0, 2*len(a.AM))
	days := r.week(a.Week)
	for i := range min(len(a.AM), len(days)) {
		am := r.session(Session{Day: days[i], Weekday: i, Half: status.AM}, a.AM, a.LocalAM, a.LateAM)
		pm := r.session(Session{Day: days[i], Weekday: i, Half: status.PM}, a.PM, a.LocalPM, a.LatePM)
		if i >= 5 && am.Kind == NoMark && pm.Kind == NoMark {
			continue
		}
		list = append(list, owed.judge(am), owed.judge(pm))
	}
	return list
}

func (r *Reader) week(monday record.Date) [7]record.Date {
	days, known := r.days[monday]
	if !known {
		for i := range days {
			days[i] = monday.AddDays(i)
		}
		r.days[monday] = days
	}
	return days
}

func (r *Reader) session(s Session, marks, local []string, late []int) Session {
	i := s.Weekday
	s.Kind = NoMark
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
	key := dayCode{s.Day, s.Code}
	m, known := r.means[key]
	if !known {
		m = r.meaning(key)
		r.means[key] = m
	}
	s.Kind, s.Label = m.kind, m.label
	return s
}

func (r *Reader) meaning(k dayCode) meaning {
	m := register.MeaningOf(r.nation, k.day.Time(), k.code)
	if !m.Known {
		return meaning{kind: Unknown}
	}
	return meaning{kindOf(m.Mark), m.Mark.Label}
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
