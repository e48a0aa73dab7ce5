package children

import (
	"errors"
	"io"
	"slices"
	"strconv"

	"rollbridge/collector/attendance"
	"rollbridge/collector/audit"
	"rollbridge/collector/export"
	"rollbridge/collector/portal/web"
	attend "rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

// The kinds of file, and what an export rests on.
const (
	formatXLSX = "xlsx"
	formatDOCX = "docx"

	basisReason  = "reason"
	basisConsent = "consent"
)

const (
	maxReason = 500
	// maxDocument bounds the children of a document, which has pages for each.
	maxDocument = 50
	// maxCohort bounds the children of a workbook.
	maxCohort = 3000
)

// An exportPage asks why something is exported, and as what.
type exportPage struct {
	Action, Back   string
	Count          int
	Label          string
	Bases, Formats []web.Option
	TooMany        bool
}

// A wish is what the form says.
type wish struct{ format, basis, reason string }

func (p pages) askChild(v *web.Visit) error {
	f, err := p.file(v)
	if err != nil {
		return err
	}
	return p.ask(v, path(f.Child), "", 1)
}

func (p pages) exportChild(v *web.Visit) error {
	f, err := p.file(v)
	if err != nil {
		return err
	}
	asked, ok := readWish(v)
	if !ok {
		return p.ask(v, path(f.Child), "", 1)
	}
	w := words{v.Printer}
	book := w.book(v, asked, 1)
	book.Title = w.T("children.export.of-child")
	book.Parts = w.parts(v, f)
	return p.orAsk(v, p.send(v, asked, "child", []store.Listing{f.Listing}, book), path(f.Child), "", 1)
}

func (p pages) askCohort(v *web.Visit) error {
	list, f, err := p.cohort(v)
	if err != nil {
		return err
	}
	return p.ask(v, "/children", f.query(), len(list))
}

func (p pages) exportCohort(v *web.Visit) error {
	list, f, err := p.cohort(v)
	if err != nil {
		return err
	}
	asked, ok := readWish(v)
	if !ok || len(list) == 0 || len(list) > maxCohort {
		return p.ask(v, "/children", f.query(), len(list))
	}
	if asked.format == formatDOCX && len(list) > maxDocument {
		v.Form().Add("format", "children.export.too-many", "Most", v.Number(maxDocument))
		return p.ask(v, "/children", f.query(), len(list))
	}
	w := words{v.Printer}
	book := w.book(v, asked, len(list))
	book.Title = w.T("children.export.of-children")
	if asked.format == formatXLSX {
		book.Parts = p.sheets(v, list)
		return p.orAsk(v, p.send(v, asked, "children", list, book), "/children", f.query(), len(list))
	}
	for _, l := range list {
		file, err := p.site.Store.File(v.Context(), p.site.Vault, v.Sight(), l.Child)
		if err != nil {
			return err
		}
		book.Parts = append(book.Parts, w.parts(v, file)...)
	}
	return p.orAsk(v, p.send(v, asked, "children", list, book), "/children", f.query(), len(list))
}

// orAsk shows the form again where a file would be too large.
func (p pages) orAsk(v *web.Visit, err error, back, query string, n int) error {
	if errors.Is(err, errTooLarge) {
		return p.ask(v, back, query, n)
	}
	return err
}

// cohort are the children that the address's filter chooses, by name.
func (p pages) cohort(v *web.Visit) ([]store.Listing, filter, error) {
	f := readFilter(v.R.URL.Query())
	list, err := p.site.Store.Children(v.Context(), p.site.Vault, v.Sight())
	list = slices.DeleteFunc(list, func(l store.Listing) bool { return !f.takes(l) })
	order(list, "name")
	return list, f, err
}

// ask shows the form; back is the page that it came from.
func (p pages) ask(v *web.Visit, back, query string, n int) error {
	page := exportPage{Action: back + "/export" + query, Back: back + query, Count: n, Label: v.Authority.Label, TooMany: n > maxCohort}
	for _, basis := range []string{basisReason, basisConsent} {
		page.Bases = append(page.Bases, web.Option{Value: basis, Text: v.T("children.export.basis." + basis), Hint: v.T("children.export.basis." + basis + "-hint")})
	}
	for _, format := range []string{formatXLSX, formatDOCX} {
		page.Formats = append(page.Formats, web.Option{Value: format, Text: v.T("children.export.format." + format), Hint: v.T("children.export.format." + format + "-hint")})
	}
	return v.Show(templates, web.Page{Name: "export", Title: v.T("children.export.title"), Problems: v.Form().Problems(), Data: page})
}

// readWish reads the form. Nothing is exported without a word of why.
func readWish(v *web.Visit) (wish, bool) {
	f := v.Form()
	asked := wish{format: f.Choice("format", formatXLSX, formatDOCX), basis: f.Choice("basis", basisReason, basisConsent)}
	if asked.basis == "" && f.Problems().Of("basis") == "" {
		f.Add("basis", "children.export.basis.empty")
	}
	asked.reason = f.Lines("reason", "children.export.reason", maxReason)
	if asked.reason == "" && f.Problems().Of("reason") == "" {
		f.Add("reason", "children.export.reason-empty")
	}
	if asked.format == "" && f.Problems().Of("format") == "" {
		f.Add("format", "children.export.format.empty")
	}
	return asked, f.OK()
}

// book is what every export begins with: the label, who made it, when, and of how many.
func (w words) book(v *web.Visit, asked wish, n int) export.Book {
	return export.Book{Label: v.Authority.Label, Lines: []string{
		w.T("children.export.line", "Authority", v.Authority.Name, "Person", v.User.Name, "Moment", w.Date(v.Now)+", "+w.Time(v.Now)),
		w.N("children.export.count", n) + " " + w.T("children.export.recorded."+asked.basis),
	}}
}

// send makes the file and enters it in the audit log before any of it is sent.
func (p pages) send(v *web.Visit, asked wish, name string, list []store.Listing, book export.Book) error {
	about := audit.Subject{About: asked.format + " " + asked.basis + " of " + strconv.Itoa(len(list)), Reason: asked.reason}
	if err := p.site.Audit.AddAll(v.Context(), entries(v, audit.ChildrenExported, list, about)); err != nil {
		return err
	}
	kind, write := "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", export.XLSX
	if asked.format == formatDOCX {
		kind, write = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", export.DOCX
	}
	err := v.Download(name+"."+asked.format, kind, func(out io.Writer) error { return write(out, book) })
	if errors.Is(err, export.ErrTooLarge) {
		v.Form().Add("format", "children.export.too-large")
		return errTooLarge
	}
	return err
}

// errTooLarge: the form says so already.
var errTooLarge = errors.New("the file would be too large")

// parts are one child's: the registration, attendance, and a table for each dataset.
func (w words) parts(v *web.Visit, f store.File) (parts []export.Part) {
	first := export.Part{Title: w.name(f.Pupil), Lines: []string{w.T("children.export.from", "School", f.SchoolName), w.standing(f.Listing)},
		Head: []string{w.T("children.export.field"), w.T("children.export.value")}}
	var rows [][]string
	for _, g := range w.groups(f, v.Now) {
		for _, r := range g.Rows {
			rows = append(rows, []string{r.Key, r.Value})
		}
		if g.NotAsked != "" {
			rows = append(rows, []string{w.T("children.not-asked"), g.NotAsked})
		}
		if g.Empty != "" {
			rows = append(rows, []string{w.T("children.empty"), g.Empty})
		}
	}
	first.Rows = export.Rows(rows)
	parts = append(parts, first, w.attendancePart(v, f))
	for _, d := range tables {
		s := w.section(f, d)
		part := export.Part{Title: s.Title, Level: 2, Lines: w.sectionLines(v, s)}
		if len(s.Rows) > 0 {
			part.Head = append(slices.Clone(s.Head), w.T("children.received"), w.T("children.version"), w.T("children.note"))
			part.Rows = export.Rows(w.sectionRows(v, s))
		}
		parts = append(parts, part)
	}
	for _, g := range w.staff(f) {
		part := export.Part{Title: w.dataset(record.DatasetStaff), Level: 2, Head: first.Head}
		var rows [][]string
		for _, r := range g.Rows {
			rows = append(rows, []string{r.Key, r.Value})
		}
		part.Rows = export.Rows(rows)
		parts = append(parts, part)
	}
	return parts
}

func (w words) sectionLines(v *web.Visit, s section) (lines []string) {
	if s.Missing != "" {
		lines = append(lines, s.Missing)
	}
	if !s.AsAt.IsZero() {
		lines = append(lines, w.T("children.as-at", "When", w.Moment(s.AsAt, v.Now)))
	}
	if s.NotAsked != "" {
		lines = append(lines, w.T("children.not-asked")+": "+s.NotAsked)
	}
	if s.Empty != "" {
		lines = append(lines, w.T("children.empty")+": "+s.Empty)
	}
	return lines
}

func (w words) sectionRows(v *web.Visit, s section) (rows [][]string) {
	for _, r := range s.Rows {
		rows = append(rows, append(slices.Clone(r.Cells), w.received(v, r), strconv.Itoa(r.Version), r.Note))
	}
	return rows
}

func (w words) received(v *web.Visit, l line) string {
	if l.Received.IsZero() {
		return ""
	}
	return w.Moment(l.Received, v.Now)
}

// attendancePart has every week that is held, of all years.
func (w words) attendancePart(v *web.Visit, f store.File) export.Part {
	nation := attend.NationOf(v.Authority.Code)
	newest := w.register(f, nation, "")
	part := export.Part{Title: newest.Section.Title, Level: 2, Lines: w.sectionLines(v, newest.Section)}
	var rows [][]string
	for _, y := range newest.Years {
		r := w.register(f, nation, y.Start)
		part.Lines = append(part.Lines, r.Year+": "+r.Rate)
		for _, one := range r.Weeks {
			rows = append(rows, append(weekRow(w, one.Monday, one.Cells), w.received(v, one.line), strconv.Itoa(one.Version)))
		}
	}
	if len(rows) > 0 {
		part.Head = append(w.weekHead(), w.T("children.received"), w.T("children.version"))
		part.Rows = export.Rows(rows)
	}
	return part
}

func (w words) weekHead() []string {
	head := []string{w.T("children.week")}
	for _, day := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		head = append(head, w.T("children.weekday."+day)+" "+w.T("children.am"), w.T("children.weekday."+day)+" "+w.T("children.pm"))
	}
	return head
}

func weekRow(w words, monday record.Date, cells []mark) []string {
	row := make([]string, 1, 15)
	row[0] = w.Day(monday)
	for i := range 14 {
		text := ""
		if i < len(cells) {
			text = cells[i].Code
			if cells[i].Local != "" {
				text += " [" + cells[i].Local + "]"
			}
			if cells[i].Late > 0 {
				text += " " + w.N("web.minutes", cells[i].Late)
			}
		}
		row = append(row, text)
	}
	return row
}

// sheets are a cohort's: one of the children and one for each dataset, written as they
// are read.
func (p pages) sheets(v *web.Visit, list []store.Listing) []export.Part {
	w := words{v.Printer}
	sight := store.Sight{Authority: v.Authority.Code, Only: []store.Child{}}
	pupils := make(map[store.Child]*record.Pupil, len(list))
	for _, l := range list {
		sight.Only = append(sight.Only, l.Child)
		pupils[l.Child] = l.Pupil
	}
	parts := []export.Part{w.childrenSheet(v, list)}
	reader := attendance.NewReader(attend.NationOf(v.Authority.Code))
	for _, d := range record.Datasets() {
		if !d.OfPupils() || d == record.DatasetPupil {
			continue
		}
		part := export.Part{Title: w.dataset(d), Head: append([]string{w.T("children.column.name"), w.T("children.column.school")}, w.sheetHead(d)...)}
		part.Rows = func(add func([]string) error) error {
			return p.site.Store.EachRecord(v.Context(), p.site.Vault, sight, d, "", func(l store.Listing, r store.Stored) error {
				row := []string{w.name(pupils[l.Child]), l.SchoolName}
				row = append(row, w.sheetRow(reader, r)...)
				return add(append(row, w.received(v, line{Received: r.Received}), strconv.Itoa(r.Version)))
			})
		}
		parts = append(parts, part)
	}
	return parts
}

// sheetFields are the fields of a dataset that say something to people.
func sheetFields(d record.Dataset) (list []string) {
	for _, f := range record.Fields(d) {
		if !hidden(d, f.Name) {
			list = append(list, f.Name)
		}
	}
	return list
}

func (w words) sheetHead(d record.Dataset) (head []string) {
	if d == record.DatasetAttendance {
		head = append(w.weekHead(), w.T("children.kind.attended"), w.T("children.possible"))
	} else {
		for _, name := range sheetFields(d) {
			head = append(head, w.field(name))
		}
	}
	return append(head, w.T("children.received"), w.T("children.version"))
}

func (w words) sheetRow(reader *attendance.Reader, r store.Stored) (row []string) {
	a, ok := r.Record.(*record.Attendance)
	if !ok {
		values := w.values(r.Record)
		for _, name := range sheetFields(r.Record.Dataset()) {
			row = append(row, values[name])
		}
		return row
	}
	var tally attendance.Tally
	cells := make([]mark, 14)
	for _, s := range reader.Sessions(a, attendance.Owed{}) { // an empty cell says no more than that
		tally.Add(s)
		cells[2*s.Weekday+halfOf(s)] = mark{Code: s.Code, Local: s.Local, Late: s.Late}
	}
	return append(weekRow(w, a.Week, cells), strconv.Itoa(tally.Count[attendance.Attended]), strconv.Itoa(tally.Possible()))
}

func (w words) childrenSheet(v *web.Visit, list []store.Listing) export.Part {
	part := export.Part{Title: w.dataset(record.DatasetPupil), Head: []string{w.T("children.column.name"), w.T("children.column.school"), w.T("children.column.standing")}}
	fields := sheetFields(record.DatasetPupil)
	for _, name := range fields {
		part.Head = append(part.Head, w.field(name))
	}
	part.Head = append(part.Head, w.T("children.as-at-head"), w.T("children.received"), w.T("children.version"))
	part.Rows = func(add func([]string) error) error {
		for _, l := range list {
			row := []string{w.name(l.Pupil), l.SchoolName, w.standing(l)}
			values := map[string]string{}
			if l.Pupil != nil {
				values = w.values(l.Pupil)
			}
			for _, name := range fields {
				row = append(row, values[name])
			}
			asAt := ""
			if !l.AsAt.IsZero() {
				asAt = w.Moment(l.AsAt, v.Now)
			}
			if err := add(append(row, asAt, w.received(v, line{Received: l.Received}), strconv.Itoa(l.Version))); err != nil {
				return err
			}
		}
		return nil
	}
	return part
}
