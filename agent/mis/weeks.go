package mis

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"rollbridge/shared/codes"
	"rollbridge/shared/record"
)

const (
	morning   = 0
	afternoon = 1

	schoolDays = 5
	weekDays   = 7

	// longestMark is the longest local code that is kept; a longer text is a
	// comment in the wrong column, and comments are never read.
	longestMark = 10
	maxLate     = 600
)

// A mark is one session as the MIS has it.
type mark struct {
	code string // "" not taken
	late int
	line int
}

// A week collects the marks of one child's week, in whatever order they come.
type week [2][weekDays]cell

// A cell is a mark in eight bytes: a school year of a pupil has hundreds, and
// they are all kept until the file is read. Line 0 means that there was none.
type cell struct {
	line uint32
	late uint16
	word uint16 // of reading.words
}

// mark puts one session's mark in its week. Marks of earlier academic years are
// counted as read and left alone: they are history that the school has sent.
// clash is the line of a different mark of the same session, 0 if there is none.
func (r *reading) mark(who *child, on day, session int, m mark) (clash int, err error) {
	if on.date < r.year {
		return 0, nil
	}
	w := who.weeks[on.monday]
	if w == nil {
		w = new(week)
		who.weeks[on.monday] = w
	}
	word, err := r.word(m.code)
	if err != nil {
		return 0, err
	}
	made, kept := cell{line: uint32(m.line), late: uint16(m.late), word: word}, &w[session][on.weekday]
	switch {
	case kept.line == 0:
		*kept = made
	case kept.word != made.word || kept.late != made.late:
		return int(kept.line), nil
	default:
		r.warn(record.DatasetAttendance, "mark", WarnRepeated)
	}
	return 0, nil
}

// maxWords bounds how many different marks a read may have: every list of codes
// has a few dozen.
const maxWords = 10_000

// word is the number of a mark's text among the different ones of this read, so
// that keeping it does not keep the row it was cut from.
func (r *reading) word(s string) (uint16, error) {
	if n, ok := r.numbers[s]; ok {
		return n, nil
	}
	if len(r.words) == maxWords {
		return 0, fault(record.DatasetAttendance, "attendance: more than %d different marks: check that the column of marks is read, not one of comments", maxWords)
	}
	n, text := uint16(len(r.words)), strings.Clone(s)
	r.words, r.numbers[text] = append(r.words, text), n
	return n, nil
}

// A day is a date and its place in a week; weekday is 0 for Monday.
type day struct {
	date, monday record.Date
	weekday      int
}

// maxDays bounds how many days are remembered: two years are 731.
const maxDays = 2000

// dayOf reads a date. A file of marks has millions of dates and a few hundred
// different ones, so each is worked out once.
func (r *reading) dayOf(text string) (day, bool) {
	if known, ok := r.days[text]; ok {
		return known, true
	}
	date, ok := readDate(text, r.plan.layout)
	if !ok {
		return day{}, false
	}
	made := day{date: date, monday: date.Monday(), weekday: weekday(date)}
	if len(r.days) < maxDays {
		r.days[strings.Clone(text)] = made
	}
	return made, true
}

func weekday(d record.Date) int { return (int(d.Time().Weekday()) + 6) % 7 }

// taken is the mark as it stands in a record: not taken is empty, whether the
// MIS writes nothing or a dash.
func taken(raw string) string {
	if !codes.Taken(raw) {
		return ""
	}
	return raw
}

// giveWeeks gives out the weeks of every child, in an order that does not
// depend on the order of the rows.
func (r *reading) giveWeeks() error {
	slices.SortFunc(r.children, func(a, b *child) int { return cmp.Compare(a.id, b.id) })
	for _, c := range r.children {
		for _, monday := range slices.Sorted(maps.Keys(c.weeks)) {
			out := r.attendance(c.id, monday, c.weeks[monday])
			if err := r.give(Row{Record: out, Authority: c.authority}); err != nil {
				return err
			}
		}
		c.weeks = nil // given out: the next child's need the room
	}
	return nil
}

func (r *reading) attendance(id record.PupilID, monday record.Date, w *week) *record.Attendance {
	days := schoolDays
	for _, half := range w {
		for _, m := range half[schoolDays:] {
			// A closed weekend is how exports pad the calendar, not a session.
			if code := r.words[m.word]; m.line != 0 && code != "" && code != "#" {
				days = weekDays
			}
		}
	}
	out := &record.Attendance{PupilID: id, Week: monday}
	var localAM, localPM []string
	var amLocal, pmLocal bool
	out.AM, localAM, out.LateAM, amLocal = r.half(monday, w[morning][:days], morning)
	out.PM, localPM, out.LatePM, pmLocal = r.half(monday, w[afternoon][:days], afternoon)
	if amLocal || pmLocal {
		out.LocalAM, out.LocalPM = localAM, localPM
	}
	return out
}

// half turns five or seven mornings or afternoons into DfE codes. local says
// whether any of them is not the text of the MIS; late is nil if all are 0.
func (r *reading) half(monday record.Date, marks []cell, session int) (dfe, raw []string, late []int, local bool) {
	dfe, raw = make([]string, len(marks)), make([]string, len(marks))
	minutes := make([]int, len(marks))
	first := monday.Time()
	anyLate := false
	for i, m := range marks {
		if m.line != 0 {
			raw[i], minutes[i] = r.words[m.word], int(m.late)
		}
		anyLate = anyLate || m.late > 0
		if raw[i] != "" {
			dfe[i] = r.dfeCode(first.AddDate(0, 0, i), raw[i], session)
		}
		local = local || dfe[i] != raw[i]
	}
	if !anyLate {
		minutes = nil
	}
	return dfe, raw, minutes, local
}

// dfeCode is the DfE's code for what the MIS wrote. A code that the day's list
// does not have is never a reason to drop a mark: if it has the form of a code
// (one or two characters) it stands as it is; a longer one leaves the code
// empty beside the local text, which says that a mark was taken.
func (r *reading) dfeCode(day time.Time, raw string, session int) string {
	code := r.plan.datasets[record.DatasetAttendance].code(aMark, raw)
	regime := codes.RegimeFor(r.plan.nation, day)
	if _, ok := codes.LookupMark(regime, code, day); ok {
		if code == `\` && session == morning || code == "/" && session == afternoon {
			r.warn(record.DatasetAttendance, "mark", WarnOtherSession)
		}
		return code
	}
	if upper := strings.ToUpper(code); upper != code {
		if _, ok := codes.LookupMark(regime, upper, day); ok {
			return upper
		}
	}
	r.warn(record.DatasetAttendance, "mark", WarnUnknownCode)
	if len(code) <= 2 {
		return code
	}
	return ""
}
