package web_test

import (
	"embed"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

//go:embed testdata/pages/*.html
var files embed.FS

var testPages = func() *web.Templates {
	dir, err := fs.Sub(files, "testdata")
	if err != nil {
		panic(err)
	}
	return web.NewTemplates(dir)
}()

// A rig is a site with a page of each kind, two authorities, and a clock.
type rig struct {
	*testing.T
	site   *web.Site
	server *webtest.Server
	now    time.Time
	people map[account.Role]account.User
	saved  []string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	dir := filepath.Join(t.TempDir(), "vault")
	r := &rig{T: t, now: time.Now(), people: map[account.Role]account.User{}}
	r.must(vault.Init(dir))
	v, err := vault.Open(dir)
	r.must(err)
	t.Cleanup(func() { _ = v.Close() })
	r.site = &web.Site{DB: db, Store: store.New(db), Vault: v, Accounts: account.Open(db, v), Now: func() time.Time { return r.now }}
	for _, code := range []string{"855", "856"} {
		r.must(r.site.Store.PutAuthority(t.Context(), store.Authority{Code: code, Why: "A reason"}))
	}
	r.server = webtest.Serve(t, r.site, []web.Route{
		{Method: http.MethodGet, Path: "/{$}", Right: account.SeeToday, Section: "today", Do: r.show},
		{Method: http.MethodGet, Path: "/calls/{id}", Right: account.RecordCalls, Section: "calls", Do: r.show},
		{Method: http.MethodPost, Path: "/calls/{id}", Right: account.RecordCalls, Section: "calls", Do: r.save},
		{Method: http.MethodGet, Path: "/lost", Right: account.SeeToday, Do: func(*web.Visit) error { return web.ErrNotFound }},
		{Method: http.MethodGet, Path: "/broken", Do: func(*web.Visit) error { return http.ErrBodyNotAllowed }},
		{Method: http.MethodGet, Path: "/busy", Do: func(*web.Visit) error { return &web.BusyError{Wait: 90 * time.Second} }},
		{Method: http.MethodPost, Path: "/sign-out", Do: func(v *web.Visit) error {
			if err := v.SignOut(); err != nil {
				return err
			}
			return v.Redirect("/sign-in")
		}},
	})
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// person is somebody of both authorities.
func (r *rig) person(role account.Role) account.User {
	r.Helper()
	if u, there := r.people[role]; there {
		return u
	}
	m := accounttest.Join(r.T, r.site.Accounts, account.Person{Name: string(role), Role: role, Authorities: []string{"855", "856"}})
	r.people[role] = m.User
	return m.User
}

func (r *rig) show(v *web.Visit) error {
	return v.Show(testPages, web.Page{Name: "form", Title: "A form", Data: v.Authority.Code})
}

func (r *rig) save(v *web.Visit) error {
	f := v.Form()
	note := f.Required("note", "web.cookies.name", "web.form.choice", 10)
	kind := f.Choice("kind", "one", "two")
	if !f.OK() {
		return v.Show(testPages, web.Page{Name: "form", Title: "A form", Problems: f.Problems(), Data: v.Authority.Code})
	}
	r.saved = append(r.saved, kind+":"+note)
	v.Flash("web.list.last", "Rest", note, "Last", kind)
	return v.Redirect("/calls/7")
}
