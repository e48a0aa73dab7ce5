package mis

import (
	"cmp"
	"maps"
	"slices"
	"strings"

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

// A week collects the marks of one child's week, in whatever order they come.
type week [2][weekDays]mark

// A mark is one session as the MIS has it; line 0 means that there was none.
type mark struct {
	code string // "" not taken
	late int32
	line int32
}

// mark puts one session's mark in its week. Marks of earlier academic years are
// counted as read and left alone: they are history that the school has sent.
func (r *reading) mark(who *child, on day, session int, m mark) (before mark, clash bool) {
	if on.date < r.year {
		return mark{}, false
	}
	w := who.weeks[on.monday]
	if w == nil {
		w = new(week)
		who.weeks[on.monday] = w
	}
	cell := &w[session][on.weekday]
	if cell.line == 0 {
		m.code = r.word(m.code)
		*cell = m
		return mark{}, false
	}
	if cell.code != m.code || cell.late != m.late {
		return *cell, true
	}
	r.warn(record.DatasetAttendance, "mark", WarnRepeated)
	return mark{}, false
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
	}
	return nil
}

func (r *reading) attendance(id record.PupilID, monday record.Date, w *week) *record.Attendance {
	days := schoolDays
	for _, half := range w {
		for _, m := range half[schoolDays:] {
			// A closed weekend is how exports pad the calendar, not a session.
			if m.code != "" && m.code != "#" {
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
func (r *reading) half(monday record.Date, marks []mark, session int) (dfe, raw []string, late []int, local bool) {
	dfe, raw = make([]string, len(marks)), make([]string, len(marks))
	minutes := make([]int, len(marks))
	anyLate := false
	for i, m := range marks {
		raw[i], minutes[i] = m.code, int(m.late)
		anyLate = anyLate || m.late > 0
		if m.code != "" {
			dfe[i] = r.dfeCode(monday.AddDays(i), m.code, session)
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
func (r *reading) dfeCode(day record.Date, raw string, session int) string {
	code := r.plan.datasets[record.DatasetAttendance].code(aMark, raw)
	regime := codes.RegimeFor(r.plan.nation, day.Time())
	if _, ok := codes.LookupMark(regime, code, day.Time()); ok {
		if code == `\` && session == morning || code == "/" && session == afternoon {
			r.warn(record.DatasetAttendance, "mark", WarnOtherSession)
		}
		return code
	}
	if upper := strings.ToUpper(code); upper != code {
		if _, ok := codes.LookupMark(regime, upper, day.Time()); ok {
			return upper
		}
	}
	r.warn(record.DatasetAttendance, "mark", WarnUnknownCode)
	if len(code) <= 2 {
		return code
	}
	return ""
}
