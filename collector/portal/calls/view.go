package calls

import (
	"cmp"
	"net/url"

	"rollbridge/collector/call"
	"rollbridge/collector/portal/web"
)

// A callLine is a call in one line, for the block "line".
type callLine struct {
	Path, When, Of, Who, What string
	Corrected                 bool
	CorrectedText             string
}

func callPath(o call.Call) string {
	return "/calls/of/" + url.PathEscape(o.School) + "/" + o.ID + "?authority=" + url.QueryEscape(o.Authority)
}

func line(v *web.View, o call.Call) callLine {
	return callLine{Path: callPath(o), When: v.Moment(o.At), Of: v.T("calls.one.title"), Who: cmp.Or(o.ByName, v.T("calls.somebody")),
		What: outcomeWords(v.Printer, o.Outcome), Corrected: o.Corrected, CorrectedText: v.T("calls.corrected")}
}

// Line is for the block "line".
func (listData) Line(v *web.View, o call.Call) callLine { return line(v, o) }

// Line is for the block "line".
func (formData) Line(v *web.View, o call.Call) callLine { return line(v, o) }

// Line is for the block "line"; the dot may be a pointer.
func (oneData) Line(v *web.View, o call.Call) callLine { return line(v, o) }

// Path is the address of a call.
func (historyData) Path(o call.Call) string { return callPath(o) }

// Formats are what an export can be.
func (historyData) Formats() []web.Option {
	return []web.Option{{Value: formatXLSX, Text: "Excel (XLSX)"}, {Value: formatCSV, Text: "CSV"}}
}

// About says which register a call was about.
func (d oneData) About(v *web.View) string {
	return v.Day(d.Call.Day) + ", " + sessionWords(v.Printer, d.Call.Session)
}

// BoxOf is for the block "box": the child's name with a box.
func (d formData) BoxOf(v *web.View, row childRow) web.Field {
	return v.Choose(row.Box, "calls.form.child", []web.Option{{Value: ticked, Text: row.Name}}, "value", row.About)
}

// maxSelects is up to how many children a form offers the marks beside each child.
// Beyond it the page would be too large, and the code is typed.
const maxSelects = 50

// MarksOf is for the block "marks": which mark the school gave by phone.
func (d formData) MarksOf(v *web.View, row childRow) web.Field {
	options := d.Marks
	if d.Typed() {
		options = nil
	}
	field := v.Choose(row.Select, "calls.form.mark", options, "value", row.Mark)
	field.Label = v.T("calls.form.mark-of", "Child", row.Name)
	return field
}

// Typed says that marks are typed and not chosen.
func (d formData) Typed() bool { return len(d.Children) > maxSelects }
