package calls_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/calls"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

const (
	northshire = registertest.Northshire
	southshire = registertest.Southshire
	monday     = record.Date("2026-11-23")
)

// A rig is the pages of calls over a collector's data, with a clock.
type rig struct {
	*registertest.Rig
	site   *web.Site
	server *webtest.Server
	book   *call.Book
	now    time.Time
	pupils int
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	data := registertest.New(t, db)
	r := &rig{Rig: data, now: registertest.At(10, 20)}
	r.site = &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault),
		Now: func() time.Time { return r.now }}
	r.book = call.New(data.Store, data.Vault)
	r.server = webtest.Serve(t, r.site, calls.Routes(r.site, r.book, register.New(data.Store, data.Vault)))
	return r
}

func sqlite(t *testing.T) *rig {
	t.Helper()
	return newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
}

// person is a browser of a new person, and who that is.
func (r *rig) person(name string, role account.Role, authorities ...string) (*webtest.Browser, account.User) {
	r.Helper()
	u := accounttest.Join(r, r.site.Accounts, account.Person{Name: name, Role: role, Authorities: authorities}).User
	return r.server.As(u), u
}

func (r *rig) caller() *webtest.Browser {
	r.Helper()
	b, _ := r.person("alex", account.Caller, northshire)
	return b
}

// child puts a child with a name on a school's list.
func (r *rig) child(school, name, authority string) store.Child {
	r.Helper()
	r.pupils++
	return r.Pupil(school, record.Pupil{ID: registertest.PupilID(r.pupils), Forename: name, Surname: "Surnamely", CareAuthority: authority})
}

// page is a page that must be shown.
func (r *rig) page(b *webtest.Browser, path string) string {
	r.Helper()
	a := b.Get(path)
	if a.Code != 200 {
		r.Fatalf("%s: %d to %s\n%s\n%s", path, a.Code, a.Location, a.Body, r.server.Log)
	}
	r.words(path, a.Body)
	return a.Body
}

var keyLike = regexp.MustCompile(`[^a-z/.-]calls\.[a-z]+`)

// words looks for texts that are not there.
func (r *rig) words(path, body string) {
	r.Helper()
	for _, bad := range []string{"<no value>", "%!", "ZgotmplZ"} {
		if strings.Contains(body, bad) {
			r.Errorf("%s has %q", path, bad)
		}
	}
	if found := keyLike.FindString(body); found != "" {
		r.Errorf("%s has the key %q", path, found)
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// form reads the hidden inputs of the form that records a call, as pairs to post.
func (r *rig) form(b *webtest.Browser, path string) (pairs []string) {
	r.Helper()
	_, form, found := strings.Cut(r.page(b, path), `<form action="/calls/new"`)
	if !found {
		r.Fatalf("%s has no form", path)
	}
	form, _, _ = strings.Cut(form, "</form>")
	for _, m := range hidden.FindAllStringSubmatch(form, -1) {
		pairs = append(pairs, m[1], m[2])
	}
	return pairs
}

// ofDay are the calls of Monday that an authority has.
func (r *rig) ofDay(authority string) []call.Call {
	r.Helper()
	list, err := r.book.OfDay(r.Context(), store.Sight{Authority: authority}, monday)
	r.Must(err)
	return list
}

// audited finds the entries of an action in an authority's log.
func (r *rig) audited(authority string, action audit.Action) (found []audit.Record) {
	r.Helper()
	list, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(authority)})
	r.Must(err)
	for _, e := range list {
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

// contains fails the test for each text that is not on the page.
func contains(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page has no %q", text)
		}
	}
}

// lacks fails the test for each text that is on the page.
func lacks(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}
