package mis

import (
	"cmp"
	"slices"
	"strings"

	"rollbridge/shared/record"
)

// twoCharacterCodes is the first CTF of the time of two-character codes (from
// August 2024). How those stand in a string of marks is not published, so from
// then on only a string whose length fits exactly is believed.
const twoCharacterCodes = 24

// ctfSessions is one string of marks: two characters, morning and afternoon,
// for every calendar date from start.
type ctfSessions struct {
	start, marks string
	line         int
	day          record.Date // start, once read
}

func (w *ctfWalk) beginSessions() { w.pupil.current = ctfSessions{line: w.x.line()} }

// endSessions counts a string of any pupil, and keeps it until the pupil ends
// unless the pupil is known not to be in care.
func (w *ctfWalk) endSessions(string) error {
	s := w.pupil.current
	w.pupil.current = ctfSessions{}
	own := w.file.head.school
	if y := w.pupil.yearSchool; y[0] != "" && y[0] != own[0] || y[1] != "" && y[1] != own[1] {
		return nil // marks that another school took
	}
	w.pupil.rows[record.DatasetAttendance]++
	day, ok := readDate(s.start, w.r.plan.layout)
	if s.day = day; ok {
		if end := s.end(); end >= max(day, w.r.year) && end <= w.file.head.date {
			w.r.window(max(day, w.r.year))
			w.r.window(end)
		}
	}
	if !w.pupil.out {
		w.pupil.sessions = append(w.pupil.sessions, s)
	}
	return nil
}

// end is the last date of the string.
func (s ctfSessions) end() record.Date { return s.day.AddDays(len(s.marks)/2 - 1) }

// sessionsOf puts an admitted pupil's strings into weeks. One that is not
// understood is left out whole: a shifted string would put every mark on the
// wrong day.
func (w *ctfWalk) sessionsOf(who *child, at place) error {
	const d = record.DatasetAttendance
	list := w.pupil.sessions
	w.r.counts[d].matched += len(list)
	if !w.r.wants(d) {
		return nil
	}
	for _, s := range list {
		if s.day == "" {
			return fault(d, "%s line %d, element AttendanceStartDate: %s", w.file.shown, s.line, "it is not a date of the form yyyy-mm-dd: correct it in the MIS")
		}
	}
	slices.SortStableFunc(list, func(a, b ctfSessions) int { return cmp.Compare(a.day, b.day) })
	for i, s := range list {
		next := record.Date("")
		if i+1 < len(list) {
			next = list[i+1].day
		}
		if !w.understood(s, next) {
			w.r.incomplete[d] = true
			w.r.warn(d, "AttendanceMarks", WarnUnparsed)
			continue
		}
		for n := range len(s.marks) {
			m := mark{code: taken(strings.TrimSpace(s.marks[n : n+1])), line: s.line}
			on, _ := w.r.dayOf(string(s.day.AddDays(n / 2)))
			// Strings that overlap were not understood, so there is no clash.
			if _, err := w.r.mark(who, on, n%2, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// understood says whether every mark of a string has a certain date: its
// length must fit the dates up to the next string, or up to the day of the
// file, and it must hold nothing but one-character codes.
func (w *ctfWalk) understood(s ctfSessions, next record.Date) bool {
	if s.marks == "" || len(s.marks)%2 != 0 || strings.Trim(s.marks, `/\ABCDEFGHIJKLMNOPQRSTUVWXYZ#- `) != "" {
		return false
	}
	end, head := s.end(), w.file.head
	if next != "" {
		return end == next.AddDays(-1)
	}
	if head.version < twoCharacterCodes {
		return end <= s.day.AcademicYearStart().AddDays(365)
	}
	left, _ := readDate(w.pupil.raw[pLeaving], w.r.plan.layout)
	return end == head.date || left != "" && left < head.date && end == left
}
