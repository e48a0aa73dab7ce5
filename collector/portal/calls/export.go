package calls

import (
	"cmp"
	"errors"
	"io"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/export"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// maxReason bounds the reason of an export.
const maxReason = 500

// The formats of an export.
const (
	formatXLSX = "xlsx"
	formatCSV  = "csv"
)

func (c *section) askExport(v *web.Visit) error {
	d, _, err := c.exportData(v)
	if err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "export", Title: v.T("calls.export.title"), Data: d})
}

func (c *section) exportData(v *web.Visit) (d historyData, names map[string]string, err error) {
	if d.Authority, err = c.of(v, v.Form().Raw("authority")); err != nil {
		return d, nil, err
	}
	names, err = c.choices(v, &d)
	return d, names, err
}

// export gives the contact history as a file, with the reason in the audit log.
func (c *section) export(v *web.Visit) error {
	f := v.Form()
	d, names, err := c.exportData(v)
	if err != nil {
		return err
	}
	q := filter(f, d)
	reason := f.Required("reason", "calls.export.reason", "calls.export.reason-missing", maxReason)
	format := f.Choice("format", formatXLSX, formatCSV)
	if !f.OK() {
		return v.Show(templates, web.Page{Name: "export", Title: v.T("calls.export.title"), Problems: f.Problems(), Data: d})
	}
	list, _, err := c.book.History(v.Context(), sight(v, d.Authority), q)
	if err != nil {
		return err
	}
	rows, children, err := c.rows(v, d.Authority, list, names)
	if err != nil {
		return err
	}
	// One entry for each school whose children are named, and one for the whole.
	entries := []audit.Entry{entry(v, d.Authority, audit.CallsExported, audit.Subject{About: format, Reason: reason})}
	for school, ids := range children {
		entries = append(entries, entry(v, d.Authority, audit.CallsExported, audit.Subject{School: school, Children: ids, About: format, Reason: reason}))
	}
	if err := c.site.Audit.AddAll(v.Context(), entries); err != nil {
		return err
	}
	made := v.T("calls.export.made", "Time", v.Printer.Date(v.Now)+", "+v.Time(v.Now))
	title := v.T("calls.history.title") + ", " + d.Authority.Name
	if format == formatCSV {
		return v.Download("calls.csv", "text/csv; charset=utf-8", func(w io.Writer) error {
			return export.CSV(w, []string{d.Authority.Label, title, made}, rows)
		})
	}
	book := export.Book{Label: d.Authority.Label, Title: title, Lines: []string{made},
		Parts: []export.Part{{Title: v.T("calls.history.title"), Head: rows[0], Rows: export.Rows(rows[1:])}}}
	return orAsk(v, d, v.Download("calls.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", func(w io.Writer) error {
		return export.XLSX(w, book)
	}))
}

// orAsk shows the form again where the calls are more than a workbook holds.
func orAsk(v *web.Visit, d historyData, err error) error {
	if !errors.Is(err, export.ErrTooLarge) {
		return err
	}
	v.Form().Add("format", "calls.export.too-large")
	return v.Show(templates, web.Page{Name: "export", Title: v.T("calls.export.title"), Problems: v.Form().Problems(), Data: d})
}

// rows are the calls as a table, with its head, and which children it names.
func (c *section) rows(v *web.Visit, a store.Authority, list []call.Call, names map[string]string) (rows [][]string, children map[string][]record.PupilID, err error) {
	listed, err := c.site.Store.Children(v.Context(), c.site.Vault, sight(v, a))
	if err != nil {
		return nil, nil, err
	}
	called := map[store.Child]string{}
	for _, l := range listed {
		called[l.Child] = childName(v.Printer, l.Pupil)
	}
	head := []string{}
	for _, key := range []string{"at", "by", "school", "day", "session", "outcome", "children", "reason", "note", "follow-up", "corrected"} {
		head = append(head, v.T("calls.export.column."+key))
	}
	rows, children = [][]string{head}, map[string][]record.PupilID{}
	for _, o := range list {
		var about []string
		for _, child := range o.Children {
			name := cmp.Or(called[store.Child{School: o.School, Pupil: child.Pupil}], v.T("calls.child.gone"))
			if child.Mark != "" {
				name += " (" + child.Mark + ")"
			}
			about = append(about, name)
			children[o.School] = append(children[o.School], child.Pupil)
		}
		corrected := ""
		if o.Corrected {
			corrected = v.T("calls.corrected")
		}
		rows = append(rows, []string{stamp(o.At), o.ByName, cmp.Or(names[o.School], o.School), string(o.Day), sessionWords(v.Printer, o.Session),
			outcomeWords(v.Printer, o.Outcome), strings.Join(about, "; "), o.Reason, o.Note, stamp(o.FollowUp), corrected})
	}
	return rows, children, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(status.London()).Format("2006-01-02 15:04")
}
