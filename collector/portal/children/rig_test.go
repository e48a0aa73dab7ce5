package children_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/children"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
)

const (
	north = registertest.Northshire
	south = registertest.Southshire
	// canary stands in everything of another authority, of a stopped school and of a
	// child outside the caseload. It must be on no page.
	canary = "Xanary"
)

// A rig is the pages of children over a collector's data, with a clock.
type rig struct {
	*registertest.Rig
	site   *web.Site
	server *webtest.Server
	now    time.Time
	pupils int
	seen   []string // every answer's body
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	data := registertest.New(t, db)
	r := &rig{Rig: data, now: registertest.At(10, 16)}
	r.site = &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault),
		Now: func() time.Time { return r.now }}
	r.server = webtest.Serve(t, r.site, children.Routes(r.site, 400))
	return r
}

// everything asks a school for every field of every dataset, for one authority.
func (r *rig) everything(school, authority string) {
	r.Helper()
	asked := map[record.Dataset][]string{}
	for _, d := range record.Datasets() {
		asked[d] = []string{}
		for _, f := range record.Fields(d) {
			asked[d] = append(asked[d], f.Name)
		}
	}
	r.Must(r.Store.SetProvision(r.Context(), store.Provision{School: school, Authority: authority, Datasets: asked}))
}

// reads says which datasets a school's last read had in scope.
func (r *rig) reads(school string, list ...record.Dataset) {
	r.Helper()
	var parts []string
	for _, d := range list {
		parts = append(parts, fmt.Sprintf("%q:%d", d, registertest.At(9, 35).UnixMicro()))
	}
	r.Exec("UPDATE positions SET reads = ? WHERE school = ?", "{"+strings.Join(parts, ",")+"}", school)
}

// child puts a child with a name on a school's list.
func (r *rig) child(school, authority, forename, surname string) store.Child {
	r.Helper()
	r.pupils++
	return r.Pupil(school, record.Pupil{ID: registertest.PupilID(r.pupils), Forename: forename, Surname: surname, CareAuthority: authority,
		UPN: registertest.UPN(r.pupils), DOB: "2013-05-14", NCYearActual: fmt.Sprint(1 + r.pupils%11)})
}

// full puts a record of each dataset of a child, with a word in all that can hold it.
func (r *rig) full(c store.Child, word string) {
	r.Helper()
	for _, d := range record.Datasets() {
		if !d.OfPupils() || d == record.DatasetPupil {
			continue
		}
		rec := recordtest.Make(d, c.Pupil, 1, 1)
		switch x := rec.(type) {
		case *record.Behaviour:
			x.Comments = word
		case *record.Contact:
			x.Surname = word
		case *record.KPI:
			x.Name, x.Value = word, "=1+1"
		case *record.PEP:
			x.Status = word
		}
		r.Put(c.School, rec)
	}
}

// coded puts records of a child whose values are codes of the national lists, and one that
// is of none.
func (r *rig) coded(c store.Child) {
	r.Helper()
	contact := recordtest.Make(record.DatasetContact, c.Pupil, 2, 1).(*record.Contact)
	contact.Relationship, contact.Phones = "FOM", []record.Phone{{Type: "M", Number: "01632 960001"}}
	sen := recordtest.Make(record.DatasetSEN, c.Pupil, 2, 1).(*record.SEN)
	sen.SENProvision, sen.SENNeeds = "K", []record.SENNeed{{Rank: 1, Type: "HI"}}
	exclusion := recordtest.Make(record.DatasetExclusion, c.Pupil, 2, 1).(*record.Exclusion)
	exclusion.Reasons, exclusion.Review = []string{"BU"}, "Rhestr neb (Q)"
	for _, rec := range []record.Record{contact, sen, exclusion} {
		r.Put(c.School, rec)
	}
}

// leave takes a child off the list with everything, as apply does.
func (r *rig) leave(c store.Child) {
	r.Helper()
	r.Write(c.School, func(w *store.Writer) error {
		all, err := w.All(r.Context())
		if err != nil {
			return err
		}
		if err := w.Leave(r.Context(), c.Pupil); err != nil {
			return err
		}
		for _, row := range all {
			if row.Pupil() == c.Pupil {
				if err := w.Remove(r.Context(), row, "left"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// as is a browser of a new person.
func (r *rig) as(name string, role account.Role, authority string, only ...store.Child) *webtest.Browser {
	r.Helper()
	p := account.Person{Name: name, Role: role, Authorities: []string{authority}}
	if role == account.Caseload {
		p.Only = only
	}
	return r.server.As(accounttest.Join(r, r.site.Accounts, p).User)
}

func path(c store.Child) string { return "/children/" + c.School + "/" + string(c.Pupil) }

// get asks for a page and wants it to come.
func (r *rig) get(b *webtest.Browser, path string) string {
	r.Helper()
	a := b.Get(path)
	if a.Code != 200 {
		r.Fatalf("%s: %d\n%s%s", path, a.Code, r.server.Log, a.Body)
	}
	if len(a.Body) > 300<<10 {
		r.Errorf("%s has %d bytes", path, len(a.Body))
	}
	r.seen = append(r.seen, a.Body)
	return a.Body
}

// clean wants nothing of others in any answer, and nothing of anybody in the log.
func (r *rig) clean() {
	r.Helper()
	for _, body := range append(r.seen, r.server.Log.String()) {
		if at := strings.Index(body, canary); at >= 0 {
			r.Errorf("something of others: %s", body[max(0, at-200):min(len(body), at+100)])
		}
	}
	if log := r.server.Log.String(); log != "" {
		r.Errorf("the log says %s", log)
	}
}

// audited are the entries of an action in an authority's chain, the newest first.
func (r *rig) audited(authority string, action audit.Action) []audit.Record {
	r.Helper()
	list, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(authority), Action: action, Limit: 1000})
	r.Must(err)
	return list
}

func has(t *testing.T, body string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func lacks(t *testing.T, body string, banned ...string) {
	t.Helper()
	for _, b := range banned {
		if strings.Contains(body, b) {
			t.Errorf("the page has %q", b)
		}
	}
}

func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}
