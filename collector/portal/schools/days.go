package schools

import (
	"errors"
	"slices"
	"strings"

	"rollbridge/collector/audit"
	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// daysPage is the data of pages/days.html.
type daysPage struct {
	ID, Name          string
	Tables            map[string][]entryRow // terms and others
	Older             int                   // entries of earlier academic years, which are not shown
	Known             record.Date
	Kinds, Sessions   []web.Option
	CanEdit, NoneLeft bool
}

// The tables of the page; terms come last in the alphabet, and so on the page.
const (
	terms  = "terms"
	others = "others"
)

// entryRow is one entry of a calendar.
type entryRow struct {
	calendar.Entry
	What, When, Changed string
}

func (p *pages) days(v *web.Visit) error { return p.showDays(v, nil) }

func (p *pages) showDays(v *web.Visit, problems web.Problems) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	d := &daysPage{ID: s.School.ID, Name: s.School.Name, Kinds: kindOptions(v), Sessions: sessionOptions(v), Known: s.Calendar.Known(), CanEdit: canEdit(v),
		Tables: map[string][]entryRow{terms: nil, others: nil}}
	today := record.DateOf(v.Now.In(status.London()))
	d.NoneLeft = d.Known < today
	for _, e := range s.Calendar.Entries {
		if e.Last < today.AcademicYearStart() {
			d.Older++
			continue
		}
		row, err := p.entryRow(v, e)
		if err != nil {
			return err
		}
		table := others
		if e.Kind == calendar.Term {
			table = terms
		}
		d.Tables[table] = append(d.Tables[table], row)
	}
	return v.Show(templates, web.Page{Name: "days", Title: v.T("schools.days.title", "School", s.School.Name), Data: d, Problems: problems})
}

func (p *pages) entryRow(v *web.Visit, e calendar.Entry) (entryRow, error) {
	changed, err := p.changed(v, e.Changed)
	return entryRow{e, v.T("schools.kind." + string(e.Kind)), entryWords(v, e), changed}, err
}

// entryWords says which days an entry is about.
func entryWords(v *web.Visit, e calendar.Entry) string {
	switch {
	case e.Session == status.AM:
		return v.T("schools.days.am", "Day", v.Date(midday(e.First)))
	case e.Session == status.PM:
		return v.T("schools.days.pm", "Day", v.Date(midday(e.First)))
	case e.First == e.Last:
		return v.Date(midday(e.First))
	}
	return v.T("schools.days.range", "First", v.Date(midday(e.First)), "Last", v.Date(midday(e.Last)))
}

func kindOptions(v *web.Visit) (list []web.Option) {
	for _, k := range calendar.Kinds() {
		list = append(list, web.Option{Value: string(k), Text: v.T("schools.kind." + string(k))})
	}
	return list
}

func sessionOptions(v *web.Visit) []web.Option {
	return []web.Option{{Value: "day", Text: v.T("schools.whole-day")}, {Value: "AM", Text: v.T("schools.am")}, {Value: "PM", Text: v.T("schools.pm")}}
}

func (p *pages) addDays(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	f := v.Form()
	e, ok := entry(v, f)
	if !ok {
		return p.showDays(v, f.Problems())
	}
	err = p.change(v, s.School.ID, audit.CalendarChanged, "add "+aboutEntry(e), func(tx *database.Tx) error {
		return calendar.Add(v.Context(), tx, s.School.ID, []calendar.Entry{e}, by(v))
	})
	if err := problem(v, f, err); err != nil {
		return err
	}
	if !f.OK() {
		return p.showDays(v, f.Problems())
	}
	v.Flash("schools.days.added", "What", v.T("schools.kind."+string(e.Kind)), "When", entryWords(v, e))
	return v.Redirect("/schools/" + s.School.ID + "/days")
}

// entry reads the form that adds one.
func entry(v *web.Visit, f *web.Form) (e calendar.Entry, ok bool) {
	e.Kind = calendar.Kind(f.Choice("kind", kindNames()...))
	if e.Kind == "" && f.OK() {
		f.Add("kind", "schools.fault.kind")
	}
	e.First, e.Last = f.Date("first", "schools.days.first"), f.Date("last", "schools.days.last")
	if e.First == "" && f.Problems().Of("first") == "" {
		f.Add("first", "schools.fault.first")
	}
	if e.Last == "" {
		e.Last = e.First
	}
	if session := f.Choice("session", "day", "AM", "PM"); session != "day" {
		e.Session = status.Session(session)
	}
	return e, f.OK()
}

func kindNames() (list []string) {
	for _, k := range calendar.Kinds() {
		list = append(list, string(k))
	}
	return list
}

// aboutEntry is an entry for the audit log: a closed word and dates.
func aboutEntry(e calendar.Entry) string {
	return strings.TrimSpace(string(e.Kind) + " " + string(e.First) + "/" + string(e.Last) + " " + string(e.Session))
}

// change makes a change to a school's calendar, and enters it in the audit log in the
// same transaction.
func (p *pages) change(v *web.Visit, school string, action audit.Action, about string, do func(*database.Tx) error) error {
	return p.DB.Write(v.Context(), func(tx *database.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return p.Audit.AddIn(v.Context(), tx, v.Entry(action, audit.Subject{School: school, About: about}))
	})
}

func (p *pages) removeDays(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	f := v.Form()
	i := slices.IndexFunc(s.Calendar.Entries, func(e calendar.Entry) bool { return entryID(e) == f.Raw("entry") })
	if i < 0 { // somebody else was quicker
		v.Flash("schools.days.gone")
		return v.Redirect("/schools/" + s.School.ID + "/days")
	}
	e := s.Calendar.Entries[i]
	err = p.change(v, s.School.ID, audit.CalendarChanged, "remove "+aboutEntry(e), func(tx *database.Tx) error {
		return calendar.Remove(v.Context(), tx, s.School.ID, e)
	})
	if err != nil && !errors.Is(err, calendar.ErrNotFound) {
		return err
	}
	v.Flash("schools.days.removed", "What", v.T("schools.kind."+string(e.Kind)), "When", entryWords(v, e))
	return v.Redirect("/schools/" + s.School.ID + "/days")
}

// entryID names an entry within its school.
func entryID(e calendar.Entry) string {
	return string(e.Kind) + " " + string(e.First) + " " + string(e.Session)
}

// ID is for the form that removes the entry.
func (r entryRow) ID() string { return entryID(r.Entry) }

// pastePage is the data of pages/paste.html.
type pastePage struct{ ID, Name string }

func (p *pages) showPaste(v *web.Visit) error { return p.pasteAgain(v, nil) }

func (p *pages) pasteAgain(v *web.Visit, problems web.Problems) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "paste", Title: v.T("schools.paste.title", "School", s.School.Name), Data: pastePage{s.School.ID, s.School.Name}, Problems: problems})
}

// maxPaste bounds a list of dates.
const maxPaste = 20_000

// paste adds a list of dates, all or none.
func (p *pages) paste(v *web.Visit) error {
	s, _, err := p.find(v)
	if err != nil {
		return err
	}
	f := v.Form()
	text := f.Lines("dates", "schools.paste.dates", maxPaste)
	if text == "" && f.OK() {
		f.Add("dates", "schools.paste.empty")
	}
	if !f.OK() {
		return p.pasteAgain(v, f.Problems())
	}
	entries, faults := calendar.Parse(text)
	for _, fault := range faults {
		f.Add("dates", "schools.paste.line", "Line", v.Number(fault.Line), "Fault", v.T("schools.fault."+fault.Kind, faultValues(v, fault)...))
	}
	if len(entries) == 0 && f.OK() {
		f.Add("dates", "schools.paste.empty")
	}
	if !f.OK() {
		return p.pasteAgain(v, f.Problems())
	}
	err = p.change(v, s.School.ID, audit.CalendarChanged, "paste "+v.Number(len(entries))+" entries", func(tx *database.Tx) error {
		return calendar.Add(v.Context(), tx, s.School.ID, entries, by(v))
	})
	var fault *calendar.Fault
	switch {
	case errors.As(err, &fault):
		f.Add("dates", "schools.paste.entry", "Fault", v.T("schools.fault."+fault.Kind, faultValues(v, fault)...), "Line", v.Number(fault.Line))
		return p.pasteAgain(v, f.Problems())
	case err != nil:
		return err
	}
	v.Flash("schools.paste.done", "Count", v.Number(len(entries)))
	return v.Redirect("/schools/" + s.School.ID + "/days")
}
