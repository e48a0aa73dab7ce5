package calls

import (
	"cmp"
	"net/url"
	"slices"

	"rollbridge/collector/call"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/status"
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

// happened is what a school is called about: what the verdict says, in the words that
// it has everywhere, where it is about a register that did not come.
func happened(p *language.Printer, why call.Why, s overview.School, verdict status.Verdict) string {
	switch why {
	case call.WhyRegister, call.WhyDaily, call.WhyPaused:
		parts := slices.Clone(verdict.Parts)
		if verdict.Word == status.NotReceived && len(s.Problems) > 0 {
			parts = append(parts, overview.ProblemWords(s.Problems[0]).What...)
		}
		return p.Parts(parts, verdict.At)
	case call.WhyFollowUp, call.WhyNotTaken, call.WhyChildren:
		return p.T("calls.why." + string(why))
	}
	return ""
}

// Happened is what the school is called about.
func (listData) Happened(v *web.View, i call.Item) string {
	return happened(v.Printer, i.Why, i.School.School, i.School.Verdict)
}

// Happened is what the school is called about; empty where it is on no list.
func (d formData) Happened(v *web.View) string {
	return happened(v.Printer, d.Why, d.School, d.School.Now(d.Session))
}

// Asked is the call of another day or session after which somebody is to call again,
// nil where there is none.
func (listData) Asked(i call.Item) *call.Call { return asked(i) }

func asked(i call.Item) *call.Call {
	if i.Asked.ID == "" || slices.ContainsFunc(i.Calls, func(c call.Call) bool { return c.ID == i.Asked.ID }) {
		return nil
	}
	return &i.Asked
}

// Says is what the register says of a child; empty where that is not known.
func (formData) Says(v *web.View, row childRow) string {
	if row.State == "" {
		return ""
	}
	text := v.T("calls.state." + string(row.State))
	if row.Code != "" {
		text += " (" + row.Code + ")"
	}
	return v.T("calls.form.register", "What", text)
}

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
