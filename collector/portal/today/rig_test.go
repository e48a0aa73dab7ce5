package today_test

import (
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/today"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

const northshire = registertest.Northshire

// A rig is the pages of Today over a collector's data, with a clock.
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
	r := &rig{Rig: data, now: registertest.At(10, 16)}
	r.site = &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault),
		Now: func() time.Time { return r.now }}
	r.book = call.New(data.Store, data.Vault)
	r.server = webtest.Serve(t, r.site, today.Routes(r.site, register.New(data.Store, data.Vault), r.book))
	return r
}

// as is a browser of a new person of Northshire.
func (r *rig) as(role account.Role, only ...store.Child) *webtest.Browser {
	r.Helper()
	p := account.Person{Name: string(role), Role: role, Authorities: []string{northshire}}
	if role == account.Caseload {
		p.Only = only
	}
	return r.server.As(join(r, p))
}

func join(r *rig, p account.Person) account.User {
	r.Helper()
	return accounttest.Join(r, r.site.Accounts, p).User
}

// child puts a child with a name on a school's list.
func (r *rig) child(school, name string) store.Child {
	r.Helper()
	r.pupils++
	return r.Pupil(school, record.Pupil{ID: registertest.PupilID(r.pupils), Forename: name, Surname: "Surnamely", CareAuthority: northshire})
}

// received puts a school whose register is in as at 9:35am, with a child for each
// mark; the children are named by the school and the mark.
func (r *rig) received(id, name string, marks ...string) (list []store.Child) {
	r.Helper()
	r.School(id, name)
	for _, mark := range marks {
		c := r.child(id, "Forename"+id+mark)
		r.Today(c, mark)
		list = append(list, c)
	}
	r.AsAt(id, registertest.At(9, 35))
	return list
}

// audited counts the entries of an action.
func (r *rig) audited(action audit.Action) (found []audit.Record) {
	r.Helper()
	list, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(northshire)})
	r.Must(err)
	for _, e := range list {
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

func (r *rig) page(b *webtest.Browser, path string) string {
	r.Helper()
	a := b.Get(path)
	if a.Code != 200 {
		r.Fatalf("%s: %d to %s\n%s\n%s", path, a.Code, a.Location, a.Body, r.server.Log)
	}
	for _, bad := range []string{"<no value>", ">today.", " today.", "%!"} {
		if strings.Contains(a.Body, bad) {
			r.Errorf("%s has %q", path, bad)
		}
	}
	return a.Body
}

// order says whether texts come in this order, each once or more.
func order(body string, texts ...string) bool {
	for _, text := range texts {
		at := strings.Index(body, text)
		if at < 0 {
			return false
		}
		body = body[at+len(text):]
	}
	return true
}
