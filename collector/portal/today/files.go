package today

import (
	"io"
	"strings"

	"rollbridge/collector/audit"
	"rollbridge/collector/export"
	"rollbridge/collector/portal/web"
)

// paper is the page for a printer: all schools of the list, two sides of A4 for as
// many as a morning has.
func (t *section) paper(v *web.Visit) error {
	m, err := t.read(v)
	if err != nil {
		return err
	}
	data := m.page(v)
	data.Rows = m.rows(v, m.phone)
	if err := v.Log(audit.TodayPrinted, audit.Subject{About: data.Session}); err != nil {
		return err
	}
	return v.Show(pages, web.Page{Name: "print", Title: v.T("today.title." + data.Session), Data: data, Print: true})
}

func (t *section) csv(v *web.Visit) error {
	b, err := t.exported(v)
	if err != nil {
		return err
	}
	p := b.Parts[0]
	rows := [][]string{p.Head}
	if err := p.Rows(func(row []string) error { rows = append(rows, row); return nil }); err != nil {
		return err
	}
	return v.Download("schools-to-phone.csv", "text/csv; charset=utf-8", func(w io.Writer) error { return export.CSV(w, append([]string{b.Label, b.Title}, b.Lines...), rows) })
}

func (t *section) xlsx(v *web.Visit) error {
	b, err := t.exported(v)
	if err != nil {
		return err
	}
	return v.Download("schools-to-phone.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w io.Writer) error { return export.XLSX(w, b) })
}

// exported is the list as a file has it. It names no child.
func (t *section) exported(v *web.Visit) (export.Book, error) {
	m, err := t.read(v)
	if err != nil {
		return export.Book{}, err
	}
	session := strings.ToLower(string(m.Session))
	if err := v.Log(audit.TodayExported, audit.Subject{About: session}); err != nil {
		return export.Book{}, err
	}
	var rows [][]string
	for _, r := range m.rows(v, m.phone) {
		rows = append(rows, []string{r.School, r.Children, v.Word(r.Word), r.What, r.Since, r.Acts, r.Phone, r.Phoned})
	}
	head := []string{"school", "children", "status", "what", "since", "acts", "phone", "phoned"}
	for i, name := range head {
		head[i] = v.T("today.head." + name)
	}
	return export.Book{
		Label: v.Authority.Label, Title: v.T("today.title." + session),
		Lines: []string{v.T("today.correct", "Date", v.Date(v.Now), "Time", v.Time(v.Now)), m.summary(v)},
		Parts: []export.Part{{Title: v.T("today.count.phone"), Head: head, Rows: export.Rows(rows)}},
	}, nil
}
