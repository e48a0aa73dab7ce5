package schools

import (
	"embed"
	"errors"
	"net/http"

	"rollbridge/collector/calendar"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
)

//go:embed pages/*.html
var files embed.FS

var templates = web.NewTemplates(files)

// pages are the pages of one site.
type pages struct{ *web.Site }

// Routes are the pages of this section.
func Routes(s *web.Site) []web.Route {
	p := &pages{s}
	route := func(method, path string, right account.Right, do func(*web.Visit) error) web.Route {
		return web.Route{Method: method, Path: path, Right: right, Section: "schools", Do: do}
	}
	const one = "/schools/{school}"
	return []web.Route{
		route(http.MethodGet, "/schools", account.SeeSchools, p.list),
		route(http.MethodGet, one, account.SeeSchools, p.show),
		route(http.MethodGet, one+"/deliveries", account.SeeSchools, p.deliveries),
		route(http.MethodGet, one+"/deliveries/{generation}/{sequence}", account.SeeSchools, p.delivery),
		route(http.MethodGet, one+"/days", account.SeeSchools, p.days),
		route(http.MethodPost, one+"/days", account.EditSchools, p.addDays),
		route(http.MethodPost, one+"/days/remove", account.EditSchools, p.removeDays),
		route(http.MethodGet, one+"/days/paste", account.EditSchools, p.showPaste),
		route(http.MethodPost, one+"/days/paste", account.EditSchools, p.paste),
		route(http.MethodGet, one+"/times", account.EditSchools, p.showTimes),
		route(http.MethodPost, one+"/times", account.EditSchools, p.setTimes),
		route(http.MethodGet, one+"/by-phone", account.EditSchools, p.showPhone),
		route(http.MethodPost, one+"/by-phone", account.EditSchools, p.setPhone),
	}
}

// find reads what is known of the school that the address names, with everybody
// else's of the same moment; web.ErrNotFound if this authority does not ask it.
func (p *pages) find(v *web.Visit) (overview.School, overview.Overview, error) {
	if v.Authority.Code == "" { // no authority would be all of them
		return overview.School{}, overview.Overview{}, web.ErrNotFound
	}
	o, err := overview.Read(v.Context(), p.Store, v.Authority.Code, v.Now)
	if err != nil {
		return overview.School{}, o, err
	}
	for _, s := range o.Schools {
		if s.School.ID == v.R.PathValue("school") {
			return s, o, nil
		}
	}
	return overview.School{}, o, web.ErrNotFound
}

// by is a change that the person of this visit makes.
func by(v *web.Visit) calendar.Change {
	return calendar.Change{Author: calendar.Author{Authority: v.Authority.Code, User: v.User.ID}, At: v.Now}
}

// changed says who changed something: by name if it was somebody of this authority.
func (p *pages) changed(v *web.Visit, c calendar.Change) (string, error) {
	who := v.T("schools.by.operator")
	switch {
	case c.At.IsZero():
		return "", nil
	case c.Authority == v.Authority.Code:
		u, found, err := p.Accounts.ByID(v.Context(), c.User)
		if err != nil {
			return "", err
		}
		who = v.T("schools.by.gone")
		if found {
			who = u.Name
		}
	case c.Authority != "":
		who = v.T("schools.by.other")
	}
	return v.T("schools.changed", "Who", who, "When", v.Moment(c.At, v.Now)), nil
}

// problem puts a fault of a calendar into a form's problems, in the reader's words.
// Any other error comes back.
func problem(v *web.Visit, f *web.Form, err error) error {
	var fault *calendar.Fault
	if !errors.As(err, &fault) {
		return err
	}
	f.Add(fault.Field, "schools.fault."+fault.Kind, faultValues(v, fault)...)
	return nil
}

func faultValues(v *web.Visit, f *calendar.Fault) []any {
	values := []any{"Max", v.Number(calendar.MaxDays), "Lines", v.Number(calendar.MaxLines)}
	if f.With != nil {
		values = append(values, "What", v.T("schools.kind."+string(f.With.Kind)), "First", v.Day(f.With.First), "Last", v.Day(f.With.Last))
	}
	return values
}
