package people

import (
	"io"
	"strconv"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// logPage is a page of the audit log.
type logPage struct {
	People, Schools, Actions []web.Option
	User, School, Action     string
	Day                      record.Date
	Filtered                 bool
	Rows                     []logRow
	Older                    string // the address of the next page; empty for none
	Newest                   string
}

// A logRow is an entry as the page shows it.
type logRow struct {
	At                        time.Time
	Who, What, School, Detail string
	Children                  []string // the addresses of their pages
	Reason                    string
	Gone                      bool
	Seq                       int64
}

// filter reads what the page is narrowed to. What is not one of the choices is a problem
// beside its field.
func (p *pages) filter(v *web.Visit) (page logPage, q audit.Query, err error) {
	names, err := p.everybody(v)
	if err != nil {
		return page, q, err
	}
	schools, err := p.Store.Schools(v.Context(), v.Authority.Code)
	if err != nil {
		return page, q, err
	}
	page.People = append([]web.Option{{Text: v.T("people.log.anybody")}}, names...)
	page.Schools = []web.Option{{Text: v.T("people.log.any-school")}}
	for _, s := range schools {
		page.Schools = append(page.Schools, web.Option{Value: s.School.ID, Text: s.School.Name})
	}
	page.Actions = []web.Option{{Text: v.T("people.log.any-action")}}
	for _, a := range audit.Actions() {
		page.Actions = append(page.Actions, web.Option{Value: string(a), Text: v.T("people.action." + string(a))})
	}
	form := v.Form()
	page.User, page.School = form.Choice("person", values(page.People)...), form.Choice("school", values(page.Schools)...)
	page.Action, page.Day = form.Choice("action", values(page.Actions)...), form.Date("day", "people.log.day")
	page.Filtered = page.User != "" || page.School != "" || page.Action != "" || page.Day != ""
	q = audit.Query{Chain: audit.OfAuthority(v.Authority.Code), User: page.User, School: page.School, Action: audit.Action(page.Action), Limit: web.PageSize}
	if page.Day != "" {
		y, m, n := page.Day.Time().Date()
		q.From, q.To = time.Date(y, m, n, 0, 0, 0, 0, status.London()), time.Date(y, m, n+1, 0, 0, 0, 0, status.London())
	}
	return page, q, nil
}

func values(options []web.Option) (list []string) {
	for _, o := range options {
		list = append(list, o.Value)
	}
	return list
}

// everybody are the people of this authority, and those who are no people.
func (p *pages) everybody(v *web.Visit) (list []web.Option, err error) {
	all, err := p.here(v)
	for _, u := range all {
		list = append(list, web.Option{Value: u.ID, Text: u.Name})
	}
	return append(list,
		web.Option{Value: audit.ByCommand, Text: v.T("people.by.operator")},
		web.Option{Value: audit.ByProgram, Text: v.T("people.by.program")}), err
}

func (p *pages) log(v *web.Visit) error {
	page, q, err := p.filter(v)
	if err != nil {
		return err
	}
	form := v.Form()
	if n, err := strconv.ParseInt(form.Raw("before"), 10, 64); err == nil && n > 0 {
		q.Before = n
	}
	if form.OK() {
		if err := p.fill(v, &page, q); err != nil {
			return err
		}
		if err := v.Log(audit.AuditRead, audit.Subject{School: page.School, About: aboutQuery(q)}); err != nil {
			return err
		}
	}
	return v.Show(templates, web.Page{Name: "log", Title: v.T("people.log.title"), Problems: form.Problems(), Data: page})
}

// aboutQuery says what of the log was read.
func aboutQuery(q audit.Query) string {
	var parts []string
	if q.User != "" {
		parts = append(parts, "person="+q.User)
	}
	if q.Action != "" {
		parts = append(parts, "action="+string(q.Action))
	}
	if !q.From.IsZero() {
		parts = append(parts, "day="+q.From.In(status.London()).Format(time.DateOnly))
	}
	return strings.Join(parts, " ")
}

// fill reads the entries of the page.
func (p *pages) fill(v *web.Visit, page *logPage, q audit.Query) error {
	list, more, err := p.Audit.Read(v.Context(), q)
	if err != nil {
		return err
	}
	all, err := p.Accounts.List(v.Context())
	if err != nil {
		return err
	}
	schools := map[string]string{}
	for _, o := range page.Schools {
		schools[o.Value] = o.Text
	}
	for _, r := range list {
		page.Rows = append(page.Rows, rowOf(v, r, all, schools))
	}
	address := v.R.URL.Query()
	address.Del("before")
	if q.Before > 0 {
		page.Newest = "?" + address.Encode()
	}
	if more {
		address.Set("before", strconv.FormatInt(list[len(list)-1].Seq, 10))
		page.Older = "?" + address.Encode()
	}
	return nil
}

func rowOf(v *web.Visit, r audit.Record, all []account.User, schools map[string]string) logRow {
	row := logRow{At: r.At, What: v.T("people.action." + string(r.Action)), School: r.School, Reason: r.Reason, Gone: r.ReasonGone, Seq: r.Seq}
	if name := schools[r.School]; r.School != "" && name != "" {
		row.School = name
	}
	row.Who = nameIn(v, all, r.User)
	row.Detail = detail(v, r.About, all)
	for _, id := range r.Children {
		row.Children = append(row.Children, "/children/"+r.School+"/"+string(id))
	}
	return row
}

// detail says what an entry is about, with the name of a person in place of the number.
func detail(v *web.Visit, about string, all []account.User) string {
	words := strings.Fields(about)
	for i, w := range words {
		if id, is := strings.CutPrefix(w, "person="); is {
			words[i] = nameIn(v, all, id)
		}
	}
	return strings.Join(words, " ")
}

// nameIn is who somebody in the log of this authority is: also of who has left it since.
func nameIn(v *web.Visit, all []account.User, id string) string {
	if id == audit.ByProgram {
		return v.T("people.by.program")
	}
	for _, u := range all {
		if u.ID == id && u.Role != account.Operator {
			return u.Name
		}
	}
	return nameOf(v, all, id)
}

// exportLog is the log as a file: what the page is narrowed to, all of it.
func (p *pages) exportLog(v *web.Visit) error {
	page, q, err := p.filter(v)
	if err != nil {
		return err
	}
	if !v.Form().OK() {
		return web.ErrNotFound
	}
	all, err := p.Accounts.List(v.Context())
	if err != nil {
		return err
	}
	who := map[string]string{audit.ByCommand: v.T("people.by.operator"), audit.ByProgram: v.T("people.by.program")}
	for _, u := range all {
		who[u.ID] = nameIn(v, all, u.ID)
	}
	if err := v.Log(audit.AuditExported, audit.Subject{School: page.School, About: strings.TrimSpace("csv " + aboutQuery(q))}); err != nil {
		return err
	}
	q.Limit = 0
	return v.Download("audit-log.csv", "text/csv; charset=utf-8", func(w io.Writer) error {
		return p.Audit.WriteCSV(v.Context(), w, q, v.Authority.Label, who)
	})
}
