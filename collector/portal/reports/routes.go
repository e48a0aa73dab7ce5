package reports

import (
	"embed"
	"io"
	"net/http"
	"slices"

	"rollbridge/collector/audit"
	"rollbridge/collector/export"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var templates = web.NewTemplates(pageFiles)

// pages are the pages of reports.
type pages struct{ site *web.Site }

// A kind is one report: its name in addresses, the keys of what it is called and of what
// it says, and what makes it.
type kind struct {
	name, title, what string
	make              func(*web.Visit) (report, error)
}

func (p pages) kinds() []kind {
	return []kind{
		{"timeliness", "reports.timeliness.title", "reports.timeliness.what", p.timeliness},
		{"attendance", "reports.attendance.title", "reports.attendance.what", p.attendance},
		{"exclusions", "reports.exclusions.title", "reports.exclusions.what", p.exclusions},
		{"progress", "reports.progress.title", "reports.progress.what", p.progress},
	}
}

// Routes are the pages of reports.
func Routes(s *web.Site) []web.Route {
	p := pages{s}
	get := func(path string, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Right: account.SeeReports, Section: "reports", Do: do}
	}
	routes := []web.Route{get("/reports", p.index)}
	for _, k := range p.kinds() {
		routes = append(routes,
			get("/reports/"+k.name, func(v *web.Visit) error { return p.show(v, k) }),
			get("/reports/"+k.name+".csv", func(v *web.Visit) error { return p.file(v, k) }))
	}
	return routes
}

type indexEntry struct{ Path, Title, What string }

func (p pages) index(v *web.Visit) error {
	var list []indexEntry
	for _, k := range p.kinds() {
		list = append(list, indexEntry{"/reports/" + k.name, v.T(k.title), v.T(k.what)})
	}
	return v.Show(templates, web.Page{Name: "index", Title: v.T("reports.title"), Data: list})
}

func (p pages) show(v *web.Visit, k kind) error {
	r, err := k.make(v)
	if err != nil {
		return err
	}
	r.Path = "/reports/" + k.name
	r.File = r.Path + ".csv"
	q := v.R.URL.Query()
	q.Del("page")
	if len(q) > 0 {
		r.File += "?" + q.Encode()
	}
	r.page(v)
	if err := p.site.Audit.AddAll(v.Context(), r.entries(v, audit.ReportViewed, k.name)); err != nil {
		return err
	}
	return v.Show(templates, web.Page{Name: "report", Title: v.T(k.title), Data: r})
}

// file sends the report's table.
func (p pages) file(v *web.Visit, k kind) error {
	r, err := k.make(v)
	if err != nil {
		return err
	}
	r.Named = nil
	if err := p.site.Audit.AddAll(v.Context(), r.entries(v, audit.ReportExported, k.name)); err != nil {
		return err
	}
	head := []string{v.Authority.Label}
	rows := [][]string{{v.T(k.title)}}
	for _, line := range slices.Concat([]sentence{say(r.Period)}, r.Lines, []sentence{say(v.T("reports.small"))}) {
		rows = append(rows, []string{line.guarded(v)})
	}
	for _, t := range r.Tables {
		rows = append(rows, []string{}, []string{t.Caption}, t.heads())
		rows = append(rows, t.guarded(v)...)
	}
	return v.Download("report-"+k.name+".csv", "text/csv; charset=utf-8", func(w io.Writer) error { return export.CSV(w, head, rows) })
}
