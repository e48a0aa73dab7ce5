package children

import (
	"fmt"
	"slices"

	"rollbridge/collector/attendance"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A register is a child's attendance of one academic year as a page shows it.
type register struct {
	Section section // without rows: why nothing is there, and for when it is true
	Year    string  // "2026/27"
	Years   []year  // those that something is held of, the newest first
	Tally   attendance.Tally
	// Rate is a sentence with the percentage and its base; Threshold says that it is
	// persistent or severe absence, mostly empty.
	Rate, Threshold string
	Counts          []count
	Strip           strip
	// Columns are the heads of the sessions in the table of marks.
	Columns []string
	Weeks   []week
	Codes   []meaning
}

type year struct {
	Start, Name string
	Here        bool
}

type count struct {
	Text string
	N    int
}

// A week is one row of the table of marks.
type week struct {
	Monday record.Date
	Cells  []mark
	line
}

// A mark is one session of the table.
type mark struct {
	Code, Local, Meaning string
	Late                 int
	Kind                 attendance.Kind
}

// A meaning explains a code that stands on the page.
type meaning struct {
	Code, Text string
	Kind       attendance.Kind
	Counts     string
}

// Paint is that of the code's cells.
func (m meaning) Paint() Paint { return paints[m.Kind] }

// register makes the part of attendance: of the academic year that begins on start,
// or of the newest that something is held of.
func (w words) register(f store.File, nation, start string) register {
	r := register{Section: section{ID: "attendance", Title: w.dataset(record.DatasetAttendance)}}
	r.Section.Missing, r.Section.AsAt = w.missing(f, record.DatasetAttendance)
	list := f.Of(record.DatasetAttendance)
	if len(list) == 0 {
		return r
	}
	r.Section.Missing = ""
	of := map[string][]store.Stored{}
	for _, s := range list {
		// A week belongs to the year of its Friday: the first of a year may begin in August.
		begins := string(s.Record.Key().Week().AddDays(4).AcademicYearStart())
		of[begins] = append(of[begins], s)
	}
	var starts []string
	for begins := range of {
		starts = append(starts, begins)
	}
	slices.Sort(starts)
	slices.Reverse(starts)
	if !slices.Contains(starts, start) {
		start = starts[0]
	}
	for _, begins := range starts {
		r.Years = append(r.Years, year{begins, yearName(begins), begins == start})
	}
	r.Year = yearName(start)
	r.fill(w, f, of[start], nation)
	return r
}

// yearName is "2026/27" of the year that begins on a day.
func yearName(start string) string {
	t := record.Date(start).Time()
	return fmt.Sprintf("%d/%02d", t.Year(), (t.Year()+1)%100)
}

func (r *register) fill(w words, f store.File, list []store.Stored, nation string) {
	slices.SortFunc(list, func(a, b store.Stored) int {
		if a.Record.Key().Week() < b.Record.Key().Week() {
			return -1
		}
		return 1
	})
	codes, reader, owed := map[string]meaning{}, attendance.NewReader(nation), owedBy(f)
	days := 5
	for _, s := range list {
		a := s.Record.(*record.Attendance)
		row := week{Monday: a.Week, Cells: make([]mark, 14), line: line{Received: s.Received, Version: s.Version, Note: w.note(f, s)}}
		for i := range row.Cells {
			row.Cells[i] = mark{Kind: attendance.NotOwed, Meaning: w.T("children.kind.not_owed")}
		}
		for _, one := range reader.Sessions(a, owed) {
			r.Tally.Add(one)
			at := 2*one.Weekday + halfOf(one)
			days = max(days, one.Weekday+1)
			if one.Kind == attendance.NoMark {
				one.Code = noMark
			}
			row.Cells[at] = mark{one.Code, one.Local, w.meaning(one), one.Late, one.Kind}
			if one.Code != "" && one.Kind != attendance.NotOwed {
				codes[one.Code] = meaning{one.Code, w.meaning(one), one.Kind, w.T("children.counts." + string(one.Kind))}
			}
		}
		r.Weeks = append(r.Weeks, row)
	}
	for i := range r.Weeks {
		r.Weeks[i].Cells = r.Weeks[i].Cells[:2*days]
	}
	for _, m := range codes {
		r.Codes = append(r.Codes, m)
	}
	slices.SortFunc(r.Codes, func(a, b meaning) int {
		kinds := attendance.Kinds()
		if a.Kind != b.Kind {
			return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind)
		}
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	for _, kind := range attendance.Kinds() {
		if n := r.Tally.Count[kind]; n > 0 {
			r.Counts = append(r.Counts, count{w.T("children.kind." + string(kind)), n})
		}
	}
	r.Rate = w.rate(r.Tally)
	switch {
	case r.Tally.Severe():
		r.Threshold = w.T("children.severe")
	case r.Tally.Persistent():
		r.Threshold = w.T("children.persistent")
	}
	r.Columns = w.weekHead()[1 : 1+2*days]
	r.Strip = w.strip(*r, days)
}

// noMark stands for a mark that is owed and not there.
const noMark = "-"

// owedBy is what a child's school owes of the child: nothing after the child left.
func owedBy(f store.File) attendance.Owed {
	owed := attendance.Owed{Calendar: f.Calendar, AsAt: f.Reads[record.DatasetAttendance]}
	if f.Standing == store.StandingLeft && f.Since.Before(owed.AsAt) {
		owed.AsAt = f.Since
	}
	return owed
}

// halfOf is 0 for a morning and 1 for an afternoon.
func halfOf(s attendance.Session) int {
	if s.Half == status.PM {
		return 1
	}
	return 0
}

// meaning is what a mark means, in words.
func (w words) meaning(s attendance.Session) string {
	if s.Label != "" {
		return w.Mark(s.Label)
	}
	return w.T("children.kind." + string(s.Kind))
}

// rate says a percentage with its base.
func (w words) rate(t attendance.Tally) string {
	share, ok := t.PerMille()
	if !ok {
		return w.T("children.rate-none")
	}
	return w.T("children.rate", "Percent", fmt.Sprintf("%d.%d", share/10, share%10), "Attended", w.Number(t.Count[attendance.Attended]),
		"Possible", w.Number(t.Possible()), "From", w.Day(t.First), "To", w.Day(t.Last))
}

// A strip is the picture of a year: a column for each week, a cell for each session. A
// week of which nothing is held leaves its column empty, so that it is seen to lack. Its
// text alternative says the totals; the table beside it has every mark.
type strip struct {
	Width, Height int
	Text          string
	Rows          []label
	Months        []label
	Cells         []cell
}

type label struct {
	X, Y int
	Text string
}

type cell struct {
	X, Y, TextX, TextY int
	Text               string
	Paint
}

// Paint is how a kind of mark is drawn: colours that keep their contrast, and a letter
// in each cell, so that nothing is said by colour alone.
type Paint struct{ Fill, Ink, Line string }

var paints = map[attendance.Kind]Paint{
	attendance.Attended:     {"#cce2d8", "#003d22", "#0f7a52"},
	attendance.Authorised:   {"#fff2b3", "#4d3d00", "#7d6608"},
	attendance.Unauthorised: {"#ca3535", "#ffffff", "#7a1f1f"},
	attendance.NotPossible:  {"#e5e6e7", "#282d30", "#858b8f"},
	attendance.Unknown:      {"#fbdbe8", "#6b0f37", "#b1215f"},
	attendance.NoMark:       {"#ffffff", "#282d30", "#282d30"},
	attendance.NotOwed:      {"#ffffff", "#282d30", "#d8dadb"},
}

// The size of a cell and of the room for labels, in pixels.
const (
	cellWide, cellHigh = 20, 18
	leftRoom, topRoom  = 64, 22
)

func (w words) strip(r register, days int) strip {
	first, last := r.Weeks[0].Monday, r.Weeks[len(r.Weeks)-1].Monday
	s := strip{Height: topRoom + 2*days*cellHigh, Text: w.T("children.strip-text", "Year", r.Year, "Rate", r.Rate)}
	for i := range 2 * days {
		s.Rows = append(s.Rows, label{0, topRoom + i*cellHigh + 13, r.Columns[i]})
	}
	held := make(map[record.Date][]mark, len(r.Weeks))
	for _, one := range r.Weeks {
		held[one.Monday] = one.Cells
	}
	month, x := "", 0
	for monday := first; monday <= last; monday = monday.AddDays(7) {
		if m := string(monday[:7]); m != month {
			month = m
			s.Months = append(s.Months, label{leftRoom + x*cellWide, 14, w.T("children.month." + m[5:])})
		}
		for y, c := range held[monday] {
			text := c.Code
			if c.Kind == attendance.Unknown && text == "" {
				text = "?"
			}
			left, top := leftRoom+x*cellWide, topRoom+y*cellHigh
			s.Cells = append(s.Cells, cell{left, top, left + cellWide/2, top + 13, text, paints[c.Kind]})
		}
		x++
	}
	s.Width = leftRoom + cellWide*x
	return s
}
