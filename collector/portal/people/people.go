package people

import (
	"embed"
	"net/http"
	"slices"
	"time"

	"rollbridge/collector/audit"
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
		return web.Route{Method: method, Path: path, Right: right, Section: "people", Do: do}
	}
	const get, post, one = http.MethodGet, http.MethodPost, "/people/person/{person}"
	return []web.Route{
		route(get, "/people", account.ManagePeople, p.list),
		route(get, "/people/invite", account.ManagePeople, p.showInvite),
		route(post, "/people/invite", account.ManagePeople, p.invite),
		route(get, "/people/review", account.ManagePeople, p.showReview),
		route(post, "/people/review", account.ManagePeople, p.review),
		route(get, "/people/classification", account.ManagePeople, p.showLabel),
		route(post, "/people/classification", account.ManagePeople, p.setLabel),
		route(get, "/people/audit", account.ReadAudit, p.log),
		route(post, "/people/audit/export", account.ReadAudit, p.exportLog),
		route(get, one, account.ManagePeople, p.show),
		route(get, one+"/change", account.ManagePeople, p.showChange),
		route(post, one+"/change", account.ManagePeople, p.change),
		route(get, one+"/remove", account.ManagePeople, p.showRemove),
		route(post, one+"/remove", account.ManagePeople, p.remove),
		route(get, one+"/reset", account.ManagePeople, p.showReset),
		route(post, one+"/reset", account.ManagePeople, p.reset),
		route(get, one+"/caseload", account.ManagePeople, p.showCaseload),
		route(post, one+"/caseload", account.ManagePeople, p.setCaseload),
	}
}

// here are the people of the authority of this visit, in the order of their names.
func (p *pages) here(v *web.Visit) ([]account.User, error) {
	list, err := p.Accounts.Manageable(v.Context(), v.User)
	return slices.DeleteFunc(list, func(u account.User) bool { return !u.Of(v.Authority.Code) }), err
}

// find is the person that the address names; web.ErrNotFound for one of another authority.
func (p *pages) find(v *web.Visit) (account.User, error) {
	list, err := p.here(v)
	if err != nil {
		return account.User{}, err
	}
	for _, u := range list {
		if u.ID == v.R.PathValue("person") {
			return u, nil
		}
	}
	return account.User{}, web.ErrNotFound
}

// seen enters a look at a page of one person.
func seen(v *web.Visit, u account.User) error {
	return v.Log(audit.PersonViewed, audit.Subject{About: "person=" + u.ID})
}

// A person is somebody as a page shows them.
type person struct {
	account.User
	Self bool // who looks
	// Wholly says that the person works for no authority but the administrator's own, and
	// so may be changed and given a new password.
	Wholly bool
	State  string
	Ended  bool
	Due    bool // the access is to be reviewed
}

// The states of an account, each a text below people.state.
const (
	stateActive   = "active"
	stateInvited  = "invited"
	stateLate     = "late" // the invitation has run out
	stateDisabled = "disabled"
	stateOver     = "over" // the access came to its end by itself
)

func personOf(v *web.Visit, u account.User) person {
	c := person{User: u, Self: u.ID == v.User.ID, Wholly: account.Manages(v.User, u), State: stateOf(u, v.Now)}
	c.Ended = c.State == stateDisabled || c.State == stateOver
	c.Due = !c.Ended && !v.Now.Before(u.ReviewDue())
	return c
}

func stateOf(u account.User, now time.Time) string {
	switch {
	case !u.Disabled.IsZero():
		return stateDisabled
	case !u.Works(now):
		return stateOver
	case u.MustChange && !now.Before(u.OneTimeUntil):
		return stateLate
	case u.MustChange || !u.Second && !u.OpenID:
		return stateInvited
	}
	return stateActive
}

// LastDay is the last day of an access that ends by itself.
func (c person) LastDay() time.Time {
	if c.Until.IsZero() {
		return c.Until
	}
	return c.Until.Add(-time.Second)
}

// listPage is the list of people.
type listPage struct {
	Rows   []person
	Ended  []person
	Due    int
	Paging web.Paging
}

func (p *pages) list(v *web.Visit) error {
	all, err := p.here(v)
	if err != nil {
		return err
	}
	var page listPage
	for _, u := range all {
		c := personOf(v, u)
		if c.Ended {
			page.Ended = append(page.Ended, c)
			continue
		}
		page.Rows = append(page.Rows, c)
		if c.Due {
			page.Due++
		}
	}
	page.Paging = v.Paging(len(page.Rows))
	page.Rows = page.Rows[page.Paging.From():page.Paging.To()]
	return v.Show(templates, web.Page{Name: "list", Title: v.T("people.title"), Data: page})
}

// showPage is one person.
type showPage struct {
	person
	InvitedByName, ReviewedByName string
	Places                        []string // names of the authorities that the reader may know
	Others                        bool     // there are more
	Children                      int
}

func (p *pages) show(v *web.Visit) error {
	u, err := p.find(v)
	if err != nil {
		return err
	}
	if err := seen(v, u); err != nil {
		return err
	}
	all, err := p.Accounts.List(v.Context())
	if err != nil {
		return err
	}
	page := showPage{person: personOf(v, u), Children: len(u.Only)}
	page.InvitedByName = nameOf(v, all, u.InvitedBy)
	if !u.Reviewed.IsZero() {
		page.ReviewedByName = nameOf(v, all, u.ReviewedBy)
	}
	own, err := p.mine(v)
	if err != nil {
		return err
	}
	for _, o := range own {
		if u.Of(o.Value) {
			page.Places = append(page.Places, o.Text)
		}
	}
	page.Others = len(page.Places) < len(u.Authorities)
	return v.Show(templates, web.Page{Name: "show", Title: v.T("people.one.title"), Data: page})
}

// nameOf is who did something: by name if it is somebody whom the reader may know.
func nameOf(v *web.Visit, all []account.User, id string) string {
	for _, u := range all {
		switch {
		case u.ID != id:
		case u.Role == account.Operator:
			return v.T("people.by.operator")
		case slices.ContainsFunc(u.Authorities, v.User.Of):
			return u.Name
		}
	}
	if id == "" || id == audit.ByCommand {
		return v.T("people.by.operator")
	}
	return v.T("people.by.other")
}

// mine are the authorities that the reader may give.
func (p *pages) mine(v *web.Visit) (list []web.Option, err error) {
	all, err := p.Store.Authorities(v.Context())
	for _, a := range all {
		if v.User.Of(a.Code) {
			list = append(list, web.Option{Value: a.Code, Text: a.Name})
		}
	}
	return list, err
}

// SecondKind says how the person proves who it is beside the password, as a text below
// people.second.
func (c person) SecondKind() string {
	switch {
	case c.OpenID:
		return "service"
	case c.Second:
		return "app"
	}
	return "none"
}
