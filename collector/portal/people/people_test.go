package people_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/people"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
)

const (
	northshire = registertest.Northshire
	southshire = registertest.Southshire
)

// A rig is the pages of people over a collector's data.
type rig struct {
	*registertest.Rig
	site   *web.Site
	server *webtest.Server
	admin  account.User // of Northshire
	b      *webtest.Browser
}

func newRig(t *testing.T, db *database.DB) *rig {
	t.Helper()
	data := registertest.New(t, db)
	r := &rig{Rig: data}
	r.site = &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault)}
	r.server = webtest.Serve(t, r.site, people.Routes(r.site))
	r.admin = r.person("admin", account.Administrator, northshire)
	r.b = r.server.As(r.admin)
	return r
}

func onSQLite(t *testing.T) *rig { t.Helper(); return newRig(t, dbtest.Migrated(t, dbtest.SQLite(t))) }

func (r *rig) person(name string, role account.Role, authorities ...string) account.User {
	r.Helper()
	return accounttest.Join(r, r.site.Accounts, account.Person{Name: name, Role: role, Authorities: authorities}).User
}

// get is a page that must be there.
func (r *rig) get(path string) string {
	r.Helper()
	a := r.b.Get(path)
	if a.Code != http.StatusOK {
		r.Fatalf("GET %s: %d", path, a.Code)
	}
	if strings.Contains(a.Body, ">people.") || strings.Contains(a.Body, "<no value>") || strings.Contains(a.Body, "people.role.") {
		r.Errorf("%s: a text is missing\n%s", path, a.Body)
	}
	return a.Body
}

// says ends the test if a page does not hold texts.
func (r *rig) says(body string, texts ...string) {
	r.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			_, main, _ := strings.Cut(body, "<main")
			main, _, _ = strings.Cut(main, "</main>")
			r.Errorf("the page does not say %q:\n%s", text, main)
		}
	}
}

// logged are the entries of Northshire's chain, the newest first, each as "who action about".
func (r *rig) logged() (list []string) {
	r.Helper()
	records, _, err := r.site.Audit.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(northshire), Limit: 1000})
	r.Must(err)
	for _, e := range records {
		if e.Action == audit.PersonViewed {
			continue // what every page of a person leaves; portal's walk looks for it
		}
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.User, e.Action, e.About)))
	}
	return list
}

func (r *rig) find(name string) account.User {
	r.Helper()
	u, found, err := r.site.Accounts.ByName(r.Context(), name)
	r.Must(err)
	if !found {
		r.Fatalf("there is no %s", name)
	}
	return u
}

var oneTime = regexp.MustCompile(`<code class="portal-key">([a-z0-9-]+)</code>`)

// An administrator invites somebody, and the one-time password lets that person in.
func TestInvitation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.says(r.get("/people/invite"), "Invite a person", "Caller", "Last day of access")
		a := r.b.Post("/people/invite", "name", " Jo.Lee ", "email", "Jo@Council.Example", "role", "caller", "until-day", "31", "until-month", "7", "until-year", "2199")
		m := oneTime.FindStringSubmatch(a.Body)
		if a.Code != 200 || m == nil || !strings.Contains(a.Body, "jo.lee") || !strings.Contains(a.Body, "shown only now") {
			t.Fatalf("%d\n%s", a.Code, a.Body)
		}
		if a.Header.Get("Cache-Control") != "no-store" || strings.Contains(r.server.Log.String(), m[1]) {
			t.Error("the one-time password may be kept somewhere")
		}
		u, err := r.site.Accounts.SignIn(t.Context(), "jo.lee", m[1], "192.0.2.7")
		r.Must(err)
		if u.Role != account.Caller || u.Email != "jo@council.example" || !u.Of(northshire) || u.Until.Format(time.RFC3339) != "2199-07-31T23:00:00Z" || u.InvitedBy != r.admin.ID {
			t.Errorf("%+v", u)
		}
		r.says(r.get("/people"), "jo.lee", "Invited", "Wed 31 Jul 2199")
		r.says(r.get("/people/person/"+u.ID), "jo.lee", "Caller", "jo@council.example", "admin,")
		want := r.admin.ID + " person_invited person=" + u.ID + " role=caller authorities=301 until=2199-08-01"
		if got := r.logged(); got[0] != want {
			t.Errorf("the log ends with %q, not %q", got[0], want)
		}
	})
}

// What is wrong is said beside its field, and what was typed stays.
func TestInvitationsThatAreRefused(t *testing.T) {
	r := onSQLite(t)
	r.person("taken", account.Viewer, southshire)
	good := map[string]string{"name": "jo.lee", "email": "", "role": "viewer", "until-day": "", "until-month": "", "until-year": ""}
	for name, c := range map[string]struct {
		change map[string]string
		says   string
	}{
		"no name":                 {map[string]string{"name": " "}, "Enter a user name"},
		"a name with a space":     {map[string]string{"name": "Jo Lee"}, "A user name is 2 to 64 letters"},
		"a name of another":       {map[string]string{"name": "TAKEN"}, "already a person with this user name"},
		"a name that is a tag":    {map[string]string{"name": "<script>x"}, "A user name is 2 to 64 letters"},
		"no role":                 {map[string]string{"role": ""}, "Choose a role"},
		"an operator":             {map[string]string{"role": "operator"}, "Choose one of the options"},
		"no e-mail address":       {map[string]string{"email": "jo at council"}, "Write the e-mail address like"},
		"a day in the past":       {map[string]string{"until-day": "1", "until-month": "1", "until-year": "2020"}, "must not be in the past"},
		"a day that is not":       {map[string]string{"until-day": "31", "until-month": "2", "until-year": "2199"}, "must be a day that exists"},
		"half a day":              {map[string]string{"until-day": "31"}, "must have a"},
		"a name that is too long": {map[string]string{"name": strings.Repeat("a", 65)}, "64 characters or fewer"},
	} {
		t.Run(name, func(t *testing.T) {
			var form []string
			for field, value := range good {
				if v, is := c.change[field]; is {
					value = v
				}
				form = append(form, field, value)
			}
			a := r.b.Post("/people/invite", form...)
			if a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, c.says) || !strings.Contains(a.Body, "<title>Error: Invite a person") || strings.Contains(a.Body, "<script>x") {
				t.Errorf("%d\n%s", a.Code, a.Body)
			}
		})
	}
	for _, e := range r.logged() {
		if strings.Contains(e, "person_invited") && !strings.Contains(e, audit.ByCommand) {
			t.Errorf("a refused invitation is in the log: %s", e)
		}
	}
}

func TestChange(t *testing.T) {
	r := onSQLite(t)
	u := r.person("jo.lee", account.Caller, northshire)
	path := "/people/person/" + u.ID
	r.says(r.get(path+"/change"), "User name: jo.lee", `value="caller" checked`)
	if a := r.b.Post(path+"/change", "role", "viewer", "email", "jo@council.example"); a.Code != 303 || a.Location != path {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	r.says(r.get(path), "The access of jo.lee was changed", "Viewer", "jo@council.example", "No end")
	if u := r.find("jo.lee"); u.Role != account.Viewer || !u.Until.IsZero() {
		t.Errorf("%+v", u)
	}
	if got, want := r.logged()[0], r.admin.ID+" person_changed person="+u.ID+" role=viewer authorities=301"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if a := r.b.Post(path+"/change", "role", ""); a.Code != 422 || !strings.Contains(a.Body, "Choose a role") {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
}

// An administrator of two authorities chooses among those, and no others.
func TestTwoAuthorities(t *testing.T) {
	r := onSQLite(t)
	r.b = r.server.As(r.person("both", account.Administrator, northshire, southshire))
	r.says(r.get("/people/invite"), "Whose schools and children")
	if a := r.b.Post("/people/invite", "name", "jo.lee", "role", "caller"); a.Code != 422 || !strings.Contains(a.Body, "Choose at least one authority") {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	if a := r.b.Post("/people/invite", "name", "jo.lee", "role", "caller", "authorities", "933"); a.Code != 422 {
		t.Errorf("another's authority: %d", a.Code)
	}
	if a := r.b.Post("/people/invite", "name", "jo.lee", "role", "caller", "authorities", northshire, "authorities", southshire); a.Code != 200 {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	if u := r.find("jo.lee"); !u.Of(northshire) || !u.Of(southshire) {
		t.Errorf("%+v", u)
	}
	// It is in the log of both.
	for _, code := range []string{northshire, southshire} {
		list, _, err := r.site.Audit.Read(t.Context(), audit.Query{Chain: audit.OfAuthority(code), Action: audit.PersonInvited, Limit: 1})
		r.Must(err)
		if !strings.Contains(list[0].About, r.find("jo.lee").ID) {
			t.Errorf("%s: %+v", code, list[0])
		}
	}
	// The administrator of one can only take such a person out.
	r.b = r.server.As(r.admin)
	u := r.find("jo.lee")
	r.says(r.get("/people/person/"+u.ID), "works for other authorities too", "and others")
	for _, page := range []string{"/change", "/reset", "/caseload"} {
		if a := r.b.Get("/people/person/" + u.ID + page); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", page, a.Code)
		}
	}
	r.says(r.get("/people/person/"+u.ID+"/remove"), "goes on working for the others")
	if a := r.b.Post("/people/person/" + u.ID + "/remove"); a.Code != 303 {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	if u := r.find("jo.lee"); u.Of(northshire) || !u.Of(southshire) || !u.Disabled.IsZero() {
		t.Errorf("%+v", u)
	}
	if got := r.logged()[0]; got != r.admin.ID+" person_removed person="+u.ID {
		t.Error(got)
	}
}

// Removal ends sessions at once; a new one-time password gives the access back.
func TestRemoveAndReset(t *testing.T) {
	r := onSQLite(t)
	u := r.person("jo.lee", account.Administrator, northshire)
	theirs := r.server.As(u)
	if a := theirs.Get("/people"); a.Code != 200 {
		t.Fatal(a.Code)
	}
	r.says(r.get("/people/person/"+u.ID+"/remove"), "Every session of the person ends at once")
	if a := r.b.Post("/people/person/" + u.ID + "/remove"); a.Location != "/people" {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	if a := theirs.Get("/people"); a.Code != 303 || !strings.HasPrefix(a.Location, "/sign-in") {
		t.Errorf("a removed person still sees people: %d", a.Code)
	}
	r.says(r.get("/people"), "The access of jo.lee has ended", "1 person whose access has ended")
	r.says(r.get("/people/person/"+u.ID), "Give the access back")
	a := r.b.Post("/people/person/" + u.ID + "/reset")
	m := oneTime.FindStringSubmatch(a.Body)
	if a.Code != 200 || m == nil {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	if _, err := r.site.Accounts.SignIn(t.Context(), "jo.lee", m[1], "192.0.2.7"); err != nil {
		t.Error(err)
	}
	got := r.logged()
	if got[0] != r.admin.ID+" person_reset person="+u.ID || got[1] != r.admin.ID+" person_removed person="+u.ID {
		t.Errorf("%q", got[:2])
	}
}

// Nobody locks out himself or the authority.
func TestNobodyIsLockedOut(t *testing.T) {
	r := onSQLite(t)
	own := "/people/person/" + r.admin.ID
	r.says(r.get(own), "This is your own access")
	if a := r.b.Post(own + "/remove"); a.Code != 422 || !strings.Contains(a.Body, "ask another administrator") {
		t.Errorf("remove: %d\n%s", a.Code, a.Body)
	}
	for _, page := range []string{"/change", "/reset"} {
		if a := r.b.Get(own + page); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", page, a.Code)
		}
	}
	if a := r.b.Post(own+"/change", "role", "viewer"); a.Code != http.StatusNotFound {
		t.Errorf("change: %d", a.Code)
	}
	// Of the last administrator of Southshire another, of both, may not take the role.
	last := r.person("last", account.Administrator, southshire)
	r.b = r.server.As(r.person("both", account.Administrator, northshire, southshire))
	r.Must(r.site.Accounts.Disable(t.Context(), account.User{}, "admin"))
	r.b.Post("/authority", "authority", southshire)
	if a := r.b.Post("/people/person/"+last.ID+"/change", "role", "viewer", "authorities", southshire); a.Code != 303 {
		t.Errorf("one of two: %d\n%s", a.Code, a.Body)
	}
	other := r.person("other", account.Administrator, southshire)
	b := r.server.As(other)
	if a := b.Post("/people/person/" + r.find("both").ID + "/remove"); a.Code != 303 {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	if u := r.find("both"); u.Of(southshire) || !u.Of(northshire) {
		t.Errorf("%+v", u)
	}
}

// Of other authorities' people there is nothing, whatever the address.
func TestOthersAreNotThere(t *testing.T) {
	r := onSQLite(t)
	r.School("ash", "Ash School")
	other := r.person("other", account.Caseload, southshire)
	operator := r.person("op", account.Operator)
	school := accounttest.Join(r, r.site.Accounts, account.Person{Name: "head", Role: account.SchoolRole, School: "ash"}).User
	if body := r.get("/people"); strings.Contains(body, "other") || strings.Contains(body, ">op<") || strings.Contains(body, "head<") {
		t.Error("the list shows others")
	}
	nobody := "0000000000000000"
	for _, id := range []string{other.ID, operator.ID, school.ID, nobody, "x"} {
		for _, page := range []string{"", "/change", "/remove", "/reset", "/caseload"} {
			get := r.b.Get("/people/person/" + id + page)
			if get.Code != http.StatusNotFound {
				t.Errorf("GET %s of %s: %d", page, id, get.Code)
			}
			if page == "" {
				continue
			}
			if a := r.b.Post("/people/person/"+id+page, "role", "viewer", "do", "add"); a.Code != http.StatusNotFound {
				t.Errorf("POST %s of %s: %d", page, id, a.Code)
			}
		}
	}
	for _, role := range []account.Role{account.Caller, account.Viewer, account.Caseload} {
		b := r.server.As(r.person("x-"+string(role), role, northshire))
		for _, path := range []string{"/people", "/people/invite", "/people/review", "/people/audit", "/people/classification", "/people/person/" + r.admin.ID} {
			if a := b.Get(path); a.Code != http.StatusForbidden {
				t.Errorf("%s asks for %s: %d", role, path, a.Code)
			}
		}
		if a := b.Post("/people/audit/export"); a.Code != http.StatusForbidden {
			t.Errorf("%s exports the log: %d", role, a.Code)
		}
	}
}

func TestCaseload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("ash", "Ash School")
		r.School("birch", "Birch School")
		var list []store.Child
		for n, name := range []string{"Zoë", "Ben", "Aneira"} {
			school, authority := []string{"ash", "ash", "birch"}[n], []string{northshire, northshire, southshire}[n]
			list = append(list, r.Pupil(school, record.Pupil{ID: registertest.PupilID(n + 1), Forename: name, Surname: "Surnamely", CareAuthority: authority}))
		}
		value := func(c store.Child) string { return c.School + "/" + string(c.Pupil) }
		a := r.b.Post("/people/invite", "name", "jo.lee", "role", "caseload")
		u := r.find("jo.lee")
		if !strings.Contains(a.Body, "/people/person/"+u.ID+"/caseload") {
			t.Errorf("the caseload is not the next step:\n%s", a.Body)
		}
		path := "/people/person/" + u.ID + "/caseload"
		body := r.get(path)
		r.says(body, "No child is in this caseload yet", "Ash School")
		if strings.Contains(body, "Zoë") || strings.Contains(body, "Birch") {
			t.Error("more is shown than was asked for")
		}
		r.says(r.get(path+"?school=ash"), "Surnamely, Zoë", "Surnamely, Ben")
		if a := r.b.Post(path, "do", "add", "school", "ash", "children", value(list[0])); a.Location != path+"?school=ash" {
			t.Fatalf("%d\n%s", a.Code, a.Body)
		}
		if u := r.find("jo.lee"); len(u.Only) != 1 || u.Only[0] != list[0] {
			t.Errorf("%+v", u.Only)
		}
		r.says(r.get(path), "Surnamely, Zoë", "Children in it: 1")
		// A child of another authority is not there.
		if a := r.b.Post(path, "do", "add", "children", value(list[2])); a.Code != http.StatusNotFound {
			t.Errorf("another's child: %d", a.Code)
		}
		// A change of something else keeps the caseload; another role ends it.
		if a := r.b.Post("/people/person/"+u.ID+"/change", "role", "caseload", "email", "jo@council.example"); a.Code != 303 {
			t.Errorf("%d\n%s", a.Code, a.Body)
		}
		if u := r.find("jo.lee"); len(u.Only) != 1 || u.Email == "" {
			t.Errorf("%+v", u)
		}
		if a := r.b.Post(path, "do", "take", "present", value(list[0])); a.Code != 303 {
			t.Errorf("%d\n%s", a.Code, a.Body)
		}
		if u := r.find("jo.lee"); u.Only == nil || len(u.Only) != 0 {
			t.Errorf("%+v", u.Only)
		}
		// Which child came and went is in the log of the authority and of the school.
		for _, chain := range []audit.Chain{audit.OfAuthority(northshire), audit.OfSchool("ash")} {
			changed, _, err := r.site.Audit.Read(t.Context(), audit.Query{Chain: chain, Action: audit.CaseloadChanged})
			r.Must(err)
			var texts []string
			for _, e := range changed {
				texts = append(texts, fmt.Sprintf("%t %s %s", e.User == r.admin.ID, e.About, e.Children))
			}
			who := "true person=" + u.ID
			if want := []string{fmt.Sprintf("%s taken out [%s]", who, list[0].Pupil), fmt.Sprintf("%s added [%s]", who, list[0].Pupil)}; !slices.Equal(texts, want) {
				t.Errorf("%s: %q, not %q", chain, texts, want)
			}
		}
		// Who saw which names is in the log of the school, too.
		seen, _, err := r.site.Audit.Read(t.Context(), audit.Query{Chain: audit.OfSchool("ash"), Action: audit.ChildrenListed})
		r.Must(err)
		if len(seen) != 2 || len(seen[1].Children) != 2 || seen[1].User != r.admin.ID {
			t.Errorf("%+v", seen)
		}
	})
}
