package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/status"
)

// overviewPage is how everything stands.
type overviewPage struct {
	At          time.Time
	Session     status.Session
	Alarms      []status.Part
	Schools     int
	Words       []wordCount
	Authorities []authorityLine
	Unasked     int // schools that no authority asks
}

// A wordCount is how many schools have a status word.
type wordCount struct {
	Word    status.Word
	Schools int
}

// An authorityLine is how the schools of one authority stand.
type authorityLine struct {
	Code, Name         string
	Schools, Received  int
	Words              []wordCount // but for Received
	Holds, Unconfirmed int
}

func (p *pages) overview(v *web.Visit) error {
	o, err := p.known(v)
	if err != nil {
		return err
	}
	asked, err := p.Store.AskedBy(v.Context())
	if err != nil {
		return err
	}
	authorities, err := p.Store.Authorities(v.Context())
	if err != nil {
		return err
	}
	page := overviewPage{At: o.At, Session: o.Session, Schools: len(o.Schools), Words: countWords(o.Schools, o.Session)}
	for _, a := range authorities {
		var list []overview.School
		line := authorityLine{Code: a.Code, Name: a.Name}
		for _, s := range o.Schools {
			if slices.Contains(asked[s.School.ID], a.Code) {
				list = append(list, s)
				line.Holds += len(s.Holds)
				line.Unconfirmed += s.Pending
			}
		}
		line.Schools = len(list)
		for _, w := range countWords(list, o.Session) {
			if w.Word == status.Received {
				line.Received = w.Schools
				continue
			}
			line.Words = append(line.Words, w)
		}
		page.Authorities = append(page.Authorities, line)
	}
	for _, s := range o.Schools {
		if len(asked[s.School.ID]) == 0 {
			page.Unasked++
		}
	}
	if page.Alarms, err = p.Alarms(v.Context(), o.At); err != nil {
		return err
	}
	return show(v, "overview", "console.overview.title", page)
}

// countWords counts schools by their word, in the order of the vocabulary.
func countWords(list []overview.School, session status.Session) (out []wordCount) {
	counts := map[status.Word]int{}
	for _, s := range list {
		counts[s.Now(session).Word]++
	}
	for _, w := range status.Words() {
		if counts[w] > 0 {
			out = append(out, wordCount{w, counts[w]})
		}
	}
	return out
}

// schoolsPage is the table of all schools.
type schoolsPage struct {
	Words, Authorities []web.Option
	Word, Authority    string
	Filtered           bool
	Rows               []schoolRow
	Paging             web.Paging
}

type schoolRow struct {
	ID, Name                          string
	Asked                             string
	AM, PM                            status.Word
	Next, Acts                        string
	Heard, Register                   time.Time
	Waiting, SetAside, Refused, Holds int
	Pending                           int
	Version                           string
}

func (p *pages) schools(v *web.Visit) error {
	o, err := p.known(v)
	if err != nil {
		return err
	}
	asked, err := p.Store.AskedBy(v.Context())
	if err != nil {
		return err
	}
	page := schoolsPage{Words: []web.Option{{Text: v.T("console.any")}}, Authorities: []web.Option{{Text: v.T("console.any")}}}
	for _, w := range status.Words() {
		page.Words = append(page.Words, web.Option{Value: string(w), Text: v.Word(w)})
	}
	authorities, err := p.Store.Authorities(v.Context())
	if err != nil {
		return err
	}
	for _, a := range authorities {
		page.Authorities = append(page.Authorities, web.Option{Value: a.Code, Text: a.Code + " " + a.Name})
	}
	form := v.Form()
	page.Word, page.Authority = form.Choice("word", values(page.Words)...), form.Choice("authority", values(page.Authorities)...)
	page.Filtered = page.Word != "" || page.Authority != ""
	var rows []schoolRow
	for _, s := range o.Schools {
		if page.Word != "" && string(s.Now(o.Session).Word) != page.Word || page.Authority != "" && !slices.Contains(asked[s.School.ID], page.Authority) {
			continue
		}
		rows = append(rows, schoolRowOf(v, s, o.Session, asked[s.School.ID]))
	}
	order(rows, form.Raw("sort"))
	page.Paging = v.Paging(len(rows))
	page.Rows = rows[page.Paging.From():page.Paging.To()]
	return v.Show(templates, web.Page{Name: "schools", Title: v.T("console.menu.schools"), Problems: form.Problems(), Data: page})
}

func schoolRowOf(v *web.Visit, s overview.School, session status.Session, asked []string) schoolRow {
	verdict := s.Now(session)
	return schoolRow{
		ID: s.School.ID, Name: s.School.Name, Asked: strings.Join(asked, ", "), AM: s.AM.Word, PM: s.PM.Word,
		Next: v.NextStep(verdict), Acts: v.Acts(verdict), Heard: s.LastHeard, Register: s.AttendanceAsAt,
		Waiting: s.Waiting, SetAside: s.SetAside, Refused: s.Quarantined, Holds: len(s.Holds), Pending: s.Pending, Version: version(v, s.Version),
	}
}

func values(options []web.Option) (list []string) {
	for _, o := range options {
		list = append(list, o.Value)
	}
	return list
}

// order sorts by a column; without one, those that need somebody stay first.
func order(rows []schoolRow, by string) {
	column, down := strings.CutPrefix(by, "-")
	compare := map[string]func(a, b schoolRow) int{
		"name":     func(a, b schoolRow) int { return strings.Compare(a.Name, b.Name) },
		"heard":    func(a, b schoolRow) int { return a.Heard.Compare(b.Heard) },
		"register": func(a, b schoolRow) int { return a.Register.Compare(b.Register) },
		"waiting":  func(a, b schoolRow) int { return a.Waiting + a.SetAside - b.Waiting - b.SetAside },
		"refused":  func(a, b schoolRow) int { return a.Refused - b.Refused },
	}[column]
	if compare == nil {
		return
	}
	slices.SortStableFunc(rows, func(a, b schoolRow) int {
		if down {
			a, b = b, a
		}
		return compare(a, b)
	})
}

// Count is a number, or nothing to say.
func (r schoolRow) Count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
