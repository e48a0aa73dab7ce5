package calls

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"net/http"
	"slices"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/language"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

//go:embed pages/*.html
var files embed.FS

var templates = web.NewTemplates(files)

// section is what the pages are made of.
type section struct {
	site      *web.Site
	book      *call.Book
	registers *register.Registers
}

// Routes are the pages of calls.
func Routes(s *web.Site, book *call.Book, registers *register.Registers) []web.Route {
	c := &section{s, book, registers}
	get := func(path string, right account.Right, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Right: right, Section: "calls", Do: do}
	}
	post := func(path string, right account.Right, do func(*web.Visit) error) web.Route {
		return web.Route{Method: http.MethodPost, Path: path, Right: right, Section: "calls", Do: do}
	}
	return []web.Route{
		get("/calls", account.RecordCalls, c.list),
		post("/calls/claim", account.RecordCalls, c.claim),
		post("/calls/release", account.RecordCalls, c.release),
		get("/calls/new", account.RecordCalls, c.form),
		post("/calls/new", account.RecordCalls, c.record),
		get("/calls/history", account.RecordCalls, c.history),
		get("/calls/of/{school}/{call}", account.RecordCalls, c.one),
		get("/calls/export", account.Export, c.askExport),
		post("/calls/export", account.Export, c.export),
	}
}

// mine are the authorities that a person works for, the present one first.
func (c *section) mine(v *web.Visit) ([]store.Authority, error) {
	all, err := c.site.Store.Authorities(v.Context())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(a store.Authority) bool { return !v.User.Of(a.Code) })
	slices.SortStableFunc(all, func(a, b store.Authority) int {
		return cmp.Or(-cmp.Compare(weight(a, v), weight(b, v)), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

func weight(a store.Authority, v *web.Visit) int {
	if a.Code == v.Authority.Code {
		return 1
	}
	return 0
}

// of is the authority that a page is about: the one that it names, if the person
// works for it, or the present one.
func (c *section) of(v *web.Visit, code string) (store.Authority, error) {
	if code == "" || code == v.Authority.Code {
		return v.Authority, nil
	}
	all, err := c.mine(v)
	if err != nil {
		return store.Authority{}, err
	}
	at := slices.IndexFunc(all, func(a store.Authority) bool { return a.Code == code })
	if at < 0 {
		return store.Authority{}, web.ErrNotFound
	}
	return all[at], nil
}

func sight(v *web.Visit, a store.Authority) store.Sight {
	return store.Sight{Authority: a.Code, Only: v.User.Only}
}

// log enters what was done in the audit log of the authority that it concerns.
func (c *section) log(v *web.Visit, a store.Authority, action audit.Action, subject audit.Subject) error {
	return c.site.Audit.Add(v.Context(), entry(v, a, action, subject))
}

// logIn is log in the transaction of what was done.
func (c *section) logIn(ctx context.Context, entries ...audit.Entry) call.Then {
	return func(tx *store.Tx) error {
		for _, e := range entries {
			if err := c.site.Audit.AddIn(ctx, tx.Tx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

func entry(v *web.Visit, a store.Authority, action audit.Action, subject audit.Subject) audit.Entry {
	e := v.Entry(action, subject)
	e.Authority = a.Code
	return e
}

// absent turns what the book does not find into the page for it.
func absent(err error) error {
	if errors.Is(err, call.ErrNotFound) {
		return web.ErrNotFound
	}
	return err
}

// A morning is what is known of one authority's schools and children now.
type morning struct {
	overview.Overview
	call.Day
}

func (m morning) day() record.Date { return record.DateOf(m.At.In(status.London())) }

// items is the list of one authority.
func (c *section) items(v *web.Visit, a store.Authority) (items []call.Item, m morning, err error) {
	if m.Overview, err = overview.ReadUncounted(v.Context(), c.site.Store, a.Code, v.Now); err != nil {
		return nil, m, err
	}
	m.Day, err = c.book.Day(v.Context(), c.registers, sight(v, a), a, m.Overview, m.Session)
	return call.List(m.Day), m, err
}

// sessionWords says which register: "morning register".
func sessionWords(p *language.Printer, s status.Session) string {
	if s == status.AM {
		return p.T("calls.session.am")
	}
	return p.T("calls.session.pm")
}

// childName is what a child is called.
func childName(p *language.Printer, r *record.Pupil) string {
	if r == nil {
		return p.T("calls.child.nameless")
	}
	first, last := cmp.Or(r.PreferredForename, r.Forename), cmp.Or(r.PreferredSurname, r.Surname)
	switch {
	case first == "" && last == "":
		return p.T("calls.child.nameless")
	case first == "" || last == "":
		return first + last
	}
	return first + " " + last
}
