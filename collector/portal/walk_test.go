package portal_test

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
	"rollbridge/shared/status"
)

// A walk is what is tried of one route.
type walk struct {
	// own is an address of the route with what is the walker's own; empty for the route's
	// path as it is.
	own string
	// foreign are addresses with what is another authority's, and with what is nobody's.
	foreign []string
	// form is what is posted, and others forms that name what is another authority's; {n}
	// stands for a number that differs from walker to walker.
	form   []string
	others [][]string
	// look is what the audit log must say of it.
	look audit.Action
	// caseload is an address for somebody who is limited to a caseload; those of own are
	// then not for them.
	caseload string
	// notFor is a role for which there is nothing at the address, though it has the right.
	notFor account.Role
}

// walks say of every route how it is tried. A route that is not here fails the test.
func walks(w *portaltest.World, colleague, limited, stranger account.User) map[string]walk {
	own := recorded(w, portaltest.Busy, w.Child)
	others := []string{"/calls/of/ash/" + recorded(w, portaltest.Other, w.Foreign), "/calls/of/yew/" + recorded(w, portaltest.Other, w.Elsewhere)}
	correct := func(path string) string { // a call as the form that corrects it names it
		of := strings.Split(path, "/")
		return "/calls/new?session=am&school=" + of[3] + "&corrects=" + of[4]
	}
	child := func(c store.Child) string { return "/children/" + c.School + "/" + string(c.Pupil) }
	nobody := store.Child{School: w.Child.School, Pupil: registertest.PupilID(999999)}
	foreignChildren := func(after string) []string {
		return []string{child(w.Foreign) + after, child(w.Elsewhere) + after, child(nobody) + after,
			child(store.Child{School: w.Elsewhere.School, Pupil: w.Child.Pupil}) + after, "/children/ash/x" + after}
	}
	foreignSchools := func(after string) []string {
		return []string{"/schools/yew" + after, "/schools/nowhere" + after, "/schools/%2e%2e" + after}
	}
	person := func(u account.User, after string) string { return "/people/person/" + u.ID + after }
	foreignPeople := func(after string) []string {
		return []string{person(stranger, after), "/people/person/0123456789abcdef" + after, "/people/person/x" + after}
	}
	day := []string{"kind", "closed", "session", "day", "first-day", "{n}", "first-month", "12", "first-year", "2026"}
	times := []string{"am_register", "9:30am", "am_late", "9:45am", "am_not_received", "10:15am", "pm_register", "1:45pm", "pm_late", "2pm", "pm_not_received", "2:30pm"}
	why := []string{"reason", "For the review", "basis", "reason", "format", "xlsx"}
	school := func(id string, more ...string) []string {
		return append([]string{"school", id, "session", "am"}, more...)
	}
	return map[string]walk{
		"POST /language":  {form: []string{"language", "cy", "back", "/"}},
		"POST /authority": {form: []string{"authority", portaltest.Busy}, others: [][]string{{"authority", portaltest.Other}, {"authority", "999"}}},
		"POST /session":   {}, "GET /accessibility": {}, "GET /cookies": {}, "GET /data": {}, "GET /stop": {}, "GET /.well-known/security.txt": {},

		"GET /sign-in": {}, "POST /sign-in": {}, "GET /sign-in/code": {}, "POST /sign-in/code": {}, "GET /sign-in/recovery": {}, "POST /sign-in/recovery": {},
		"GET /password": {}, "POST /password": {}, "GET /second-factor": {}, "POST /second-factor": {}, "GET /recovery-codes": {},
		"GET /account": {}, "GET /account/password": {}, "POST /account/password": {}, "GET /account/second-factor": {}, "POST /account/second-factor": {},
		"GET /account/recovery-codes": {}, "POST /account/recovery-codes": {}, "POST /account/sessions": {}, "POST /account/alerts": {},

		"GET /{$}":                        {own: "/"},
		"GET /today/children":             {own: "/today/children?session=am&state=absent_no_reason", look: audit.TodayListed, caseload: "/today/children?session=am&state=absent_reason"},
		"GET /today/print":                {look: audit.TodayPrinted},
		"GET /today/schools-to-phone.csv": {look: audit.TodayExported}, "GET /today/schools-to-phone.xlsx": {look: audit.TodayExported},

		"GET /schools":                       {own: "/schools?word=Received&sort=-name&page=2&q=Fictional"},
		"GET /schools/{school}":              {own: "/schools/ash", foreign: foreignSchools(""), look: audit.SchoolViewed},
		"GET /schools/{school}/deliveries":   {own: "/schools/ash/deliveries", foreign: foreignSchools("/deliveries"), look: audit.SchoolViewed},
		"GET /schools/{school}/days":         {own: "/schools/ash/days", foreign: foreignSchools("/days")},
		"POST /schools/{school}/days":        {own: "/schools/ash/days", foreign: foreignSchools("/days"), form: day, look: audit.CalendarChanged},
		"POST /schools/{school}/days/remove": {own: "/schools/ash/days/remove", foreign: foreignSchools("/days/remove"), form: []string{"entry", "closed 2026-12-0{n} "}, look: audit.CalendarChanged},
		"GET /schools/{school}/days/paste":   {own: "/schools/ash/days/paste", foreign: foreignSchools("/days/paste")},
		"POST /schools/{school}/days/paste":  {own: "/schools/ash/days/paste", foreign: foreignSchools("/days/paste"), form: []string{"dates", "closed, 2026-12-1{n}"}, look: audit.CalendarChanged},
		"GET /schools/{school}/times":        {own: "/schools/ash/times", foreign: foreignSchools("/times")},
		"POST /schools/{school}/times":       {own: "/schools/ash/times", foreign: foreignSchools("/times"), form: times, look: audit.CalendarChanged},
		"GET /schools/{school}/by-phone":     {own: "/schools/ash/by-phone", foreign: foreignSchools("/by-phone")},
		"POST /schools/{school}/by-phone":    {own: "/schools/juniper/by-phone", foreign: foreignSchools("/by-phone"), form: []string{"reason", "no_mis"}, look: audit.ByPhoneChanged},
		"GET /schools/{school}/deliveries/{generation}/{sequence}": {own: "/schools/ash/deliveries/1/1",
			foreign: append(foreignSchools("/deliveries/1/1"), "/schools/ash/deliveries/1/999", "/schools/ash/deliveries/x/1"), look: audit.SchoolViewed},

		"GET /children":                         {own: "/children", look: audit.ChildrenListed},
		"POST /children/search":                 {form: []string{"search", portaltest.Canary}, look: audit.ChildSearched},
		"GET /children/missing":                 {look: audit.RosterViewed, notFor: account.Caseload},
		"GET /children/export":                  {},
		"POST /children/export":                 {form: why, look: audit.ChildrenExported},
		"GET /children/{school}/{pupil}":        {own: child(w.Child), foreign: foreignChildren(""), look: audit.ChildViewed},
		"GET /children/{school}/{pupil}/export": {own: child(w.Child) + "/export", foreign: foreignChildren("/export")},
		"POST /children/{school}/{pupil}/export": {own: child(w.Child) + "/export", foreign: foreignChildren("/export"),
			form: why, look: audit.ChildrenExported},

		"GET /calls":          {look: audit.CallsListed},
		"POST /calls/claim":   {form: school("cherry"), others: [][]string{school("yew"), school("nowhere")}, look: audit.CallClaimed},
		"POST /calls/release": {form: school("cherry"), others: [][]string{school("yew"), school("nowhere")}, look: audit.CallReleased},
		"GET /calls/new": {own: "/calls/new?school=cherry&session=am", look: audit.ChildrenListed,
			foreign: []string{"/calls/new?school=yew&session=am", "/calls/new?school=nowhere&session=am", correct(others[0]), correct(others[1])}},
		"POST /calls/new":               {form: school("hazel", "id", strings.Repeat("0", 31)+"{n}", "outcome", "reached"), others: [][]string{school("yew", "outcome", "reached"), school("nowhere", "outcome", "reached")}, look: audit.CallRecorded},
		"GET /calls/history":            {look: audit.CallsListed},
		"GET /calls/of/{school}/{call}": {own: "/calls/of/ash/" + own, foreign: append(others, "/calls/of/ash/0123456789abcdef", "/calls/of/nowhere/x"), look: audit.CallsListed},
		"GET /calls/export":             {},
		"POST /calls/export":            {form: why, look: audit.CallsExported},

		"GET /reports": {}, "GET /reports/timeliness": {look: audit.ReportViewed}, "GET /reports/timeliness.csv": {look: audit.ReportExported},
		"GET /reports/attendance": {look: audit.ReportViewed}, "GET /reports/attendance.csv": {look: audit.ReportExported},
		"GET /reports/exclusions": {look: audit.ReportViewed}, "GET /reports/exclusions.csv": {look: audit.ReportExported},
		"GET /reports/progress": {look: audit.ReportViewed}, "GET /reports/progress.csv": {look: audit.ReportExported},

		"GET /people": {}, "GET /people/invite": {}, "POST /people/invite": {form: []string{"name", "somebody.new{n}", "role", "viewer"}, look: audit.PersonInvited}, "GET /people/review": {}, "POST /people/review": {form: []string{"person", colleague.ID}, look: audit.AccessReviewed},
		"GET /people/classification": {}, "POST /people/classification": {form: []string{"label", "OFFICIAL"}, look: audit.LabelChanged}, "GET /people/audit": {look: audit.AuditRead}, "POST /people/audit/export": {look: audit.AuditExported},
		"GET /people/person/{person}":           {own: person(colleague, ""), foreign: foreignPeople(""), look: audit.PersonViewed},
		"GET /people/person/{person}/change":    {own: person(colleague, "/change"), foreign: foreignPeople("/change"), look: audit.PersonViewed},
		"POST /people/person/{person}/change":   {own: person(colleague, "/change"), foreign: foreignPeople("/change"), form: []string{"role", "viewer"}, look: audit.PersonChanged},
		"GET /people/person/{person}/remove":    {own: person(colleague, "/remove"), foreign: foreignPeople("/remove"), look: audit.PersonViewed},
		"POST /people/person/{person}/remove":   {own: person(colleague, "/change"), foreign: foreignPeople("/remove")}, // people tries it
		"GET /people/person/{person}/reset":     {own: person(colleague, "/reset"), foreign: foreignPeople("/reset"), look: audit.PersonViewed},
		"POST /people/person/{person}/reset":    {own: person(colleague, "/reset"), foreign: foreignPeople("/reset"), look: audit.PersonReset},
		"GET /people/person/{person}/caseload":  {own: person(limited, "/caseload"), foreign: foreignPeople("/caseload"), look: audit.PersonViewed},
		"POST /people/person/{person}/caseload": {own: person(limited, "/caseload"), foreign: foreignPeople("/caseload")},

		"GET /school": {}, "GET /school/scope": {}, "GET /school/scope/accept": {}, "POST /school/scope/accept": {}, "GET /school/scope/change": {},
		"POST /school/scope/change": {}, "GET /school/preview": {}, "POST /school/preview": {}, "GET /school/held": {}, "POST /school/held": {}, "GET /school/log": {}, "GET /school/log/verify": {},
		"GET /school/log/statement": {}, "GET /school/pause": {}, "POST /school/pause": {}, "POST /school/resume": {}, "GET /school/revoke": {},
		"POST /school/revoke": {}, "GET /school/certificate": {},

		"POST /sign-out": {},
	}
}

// recorded is a call about a child that somebody of an authority has made.
func recorded(w *portaltest.World, authority string, c store.Child) string {
	w.Helper()
	reason := "Ill"
	if authority == portaltest.Other {
		reason = portaltest.Canary
	}
	done, err := call.New(w.Store, w.Vault).Record(w.Context(), store.Sight{Authority: authority}, call.Call{ID: call.NewID(), School: c.School, Day: "2026-11-23", Session: status.AM,
		Outcome: call.Absent, Children: []call.Child{{Pupil: c.Pupil}}, Reason: reason, By: "0123456789abcdef", At: portaltest.Now()}, portaltest.Now(), nil)
	w.Must(err)
	return done.Call.ID
}

// A walker is somebody who tries every page.
type walker struct {
	n       int          // each has another
	user    account.User // zero for somebody who is not signed in
	browser *webtest.Browser
}

type tour struct {
	*testing.T
	*portaltest.World
	site *web.Site
}

func newTour(t *testing.T) *tour {
	t.Helper()
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	dir := t.TempDir() + "/vault"
	if err := vault.Init(dir); err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	p := &tour{T: t, World: portaltest.Fill(t, db, v)}
	p.site = &web.Site{DB: db, Store: p.Store, Vault: v, Accounts: account.Open(db, v), Audit: audit.New(db, v)}
	now, real := portaltest.Now(), clock.Now()
	p.site.Now = func() time.Time { return now.Add(clock.Now().Sub(real)) }
	return p
}

var roles = []account.Role{"", account.Administrator, account.Caller, account.Viewer, account.Caseload, account.Operator, account.SchoolRole}

func (p *tour) walk(role account.Role, s *webtest.Server) walker {
	p.Helper()
	if role == "" {
		return walker{browser: s.Anybody()}
	}
	person := account.Person{Name: "the-" + string(role), Role: role}
	switch {
	case role.OfAuthority():
		person.Authorities = []string{portaltest.Busy}
	case role == account.SchoolRole:
		person.School = "ash"
	}
	if role == account.Caseload {
		person.Only = []store.Child{p.Child}
	}
	u := accounttest.Join(p, p.site.Accounts, person).User
	return walker{slices.Index(roles, role), u, s.As(u)}
}

// since are the entries of Busy's audit log after one.
func (p *tour) since(seq int64) []audit.Record {
	p.Helper()
	list, _, err := p.site.Audit.Read(p.Context(), audit.Query{Chain: audit.OfAuthority(portaltest.Busy)})
	p.Must(err)
	return slices.DeleteFunc(list, func(e audit.Record) bool { return e.Seq <= seq })
}

func (p *tour) newest() (seq int64) {
	p.Helper()
	for _, e := range p.since(0) {
		seq = max(seq, e.Seq)
	}
	return seq
}

// Of every page and form, for everybody: it is given to those with its right and to nobody
// else; what is another authority's gets the same answer as what is nobody's; every look
// that is allowed is in the audit log, and none that is not; and nothing of another
// authority's is in any answer.
func TestEveryRouteForEverybody(t *testing.T) {
	p := newTour(t)
	routes := portal.Routes(p.site, portal.Options{Vault: p.Vault, LeftDays: 400})
	s := webtest.Serve(t, p.site, routes)
	join := func(name string, role account.Role, authority string) account.User {
		return accounttest.Join(p, p.site.Accounts, account.Person{Name: name, Role: role, Authorities: []string{authority}}).User
	}
	table := walks(p.World, join("colleague", account.Viewer, portaltest.Busy), join("limited", account.Caseload, portaltest.Busy), join("stranger", account.Viewer, portaltest.Other))
	all := append(web.Own(), routes...)
	for _, r := range all {
		if _, listed := table[r.Method+" "+r.Path]; !listed {
			t.Errorf("%s %s is not in the table of this test: say how it is tried", r.Method, r.Path)
		}
	}
	if len(table) > len(all) {
		t.Errorf("the table has %d routes, the portal %d", len(table), len(all))
	}
	for _, role := range roles {
		who := p.walk(role, s)
		for _, r := range all {
			if r.Path == "/sign-out" || r.Path == "/account/sessions" || r.Path == "/account/password" {
				continue // ends the walk; entry tries it
			}
			p.try(who, s, r, table[r.Method+" "+r.Path])
		}
	}
}

func (p *tour) try(who walker, s *webtest.Server, r web.Route, w walk) {
	p.Helper()
	name := string(who.user.Role) + " " + r.Method + " " + r.Path
	ask := func(path string, form []string) webtest.Answer {
		if r.Method == http.MethodPost {
			sent := slices.Clone(form)
			for i := range sent {
				sent[i] = strings.ReplaceAll(sent[i], "{n}", strconv.Itoa(who.n))
			}
			return who.browser.Post(path, sent...)
		}
		return who.browser.Get(path)
	}
	path := cmp.Or(w.own, r.Path)
	if who.user.Role == account.Caseload && w.caseload != "" {
		path = w.caseload
	}
	before := p.newest()
	a := ask(path, w.form)
	added := p.since(before)
	if strings.Contains(a.Body, portaltest.Canary) && !slices.Contains(w.form, portaltest.Canary) {
		p.Errorf("%s: the answer has something of another authority's", name)
	}
	switch {
	case r.Right == "":
		if a.Code >= 500 {
			p.Errorf("%s: %d", name, a.Code)
		}
		return
	case who.user.ID == "":
		if a.Code != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			p.Errorf("%s is given to nobody: %d to %q", name, a.Code, a.Location)
		}
	case !who.user.May(r.Right) && r.Path == "/{$}":
		if begins := map[account.Role]string{account.SchoolRole: "/school", account.Operator: "/account"}[who.user.Role]; a.Code != http.StatusSeeOther || a.Location != begins {
			p.Errorf("%s: %d to %q, not to %q", name, a.Code, a.Location, begins)
		}
	case !who.user.May(r.Right):
		if a.Code != http.StatusForbidden {
			p.Errorf("%s without the right: %d", name, a.Code)
		}
	case w.notFor != "" && w.notFor == who.user.Role:
		if a.Code != http.StatusNotFound {
			p.Errorf("%s: %d", name, a.Code)
		}
	default:
		p.allowed(name, who, r, w, a, added)
		p.foreign(name, w, ask)
		return
	}
	if len(added) > 0 {
		p.Errorf("%s: what was not shown is in the audit log: %v", name, added)
	}
	for _, path := range w.foreign {
		if a := ask(path, w.form); a.Code != http.StatusSeeOther && a.Code != http.StatusForbidden || strings.Contains(a.Body, portaltest.Canary) {
			p.Errorf("%s without the right, %s: %d", name, path, a.Code)
		}
	}
}

func (p *tour) allowed(name string, who walker, r web.Route, w walk, a webtest.Answer, added []audit.Record) {
	p.Helper()
	if a.Code >= 400 && (r.Method == http.MethodGet || a.Code != http.StatusUnprocessableEntity) && r.Right != account.SchoolPage || a.Code >= 500 {
		p.Errorf("%s: %d\n%.400s", name, a.Code, mainPart(a.Body))
	}
	if child := named.FindString(a.Body); child != "" && !slices.ContainsFunc(added, func(e audit.Record) bool { return len(e.Children) > 0 && e.User == who.user.ID }) {
		p.Errorf("%s names a child (%s), and no child is in the audit log: %v", name, child, added)
	}
	if w.look == "" {
		return
	}
	found := slices.ContainsFunc(added, func(e audit.Record) bool { return e.Action == w.look && e.User == who.user.ID })
	if !found {
		p.Errorf("%s was answered with %d and is not in the audit log as %s: %v\n%.3000s", name, a.Code, w.look, added, mainPart(a.Body))
	}
}

// named finds the name of a child.
var named = regexp.MustCompile("Brzęczyszczykiewicz|عبد الرحمن|歐陽|Hồng|Παπαδόπουλος|Преображенская|ਸਿੰਘ|Featherstonehaugh|van der Berg|כהן|ap Llŷr")

// address is what differs between two answers that say the same.
var address = regexp.MustCompile(`(value|href|action)="[^"]*"|data-ends="\d+"`)

// foreign tries what is another authority's and what is nobody's: all get one answer.
func (p *tour) foreign(name string, w walk, ask func(string, []string) webtest.Answer) {
	p.Helper()
	bodies := map[string]string{}
	same := func(what string, a webtest.Answer) {
		if a.Code != http.StatusNotFound || strings.Contains(a.Body, portaltest.Canary) {
			p.Errorf("%s, %s: %d to %q", name, what, a.Code, a.Location)
		}
		bodies[address.ReplaceAllString(a.Body, "")] = what
	}
	for _, path := range w.foreign {
		same(path, ask(path, w.form))
	}
	for _, form := range w.others {
		path := w.own
		if path == "" {
			path = name[strings.LastIndex(name, " ")+1:]
		}
		same(strings.Join(form, " "), ask(path, form))
	}
	if len(bodies) > 1 {
		p.Errorf("%s: an answer tells what is there from what is not: %v", name, bodies)
	}
}

// mainPart is what a page says apart from its frame.
func mainPart(body string) string {
	_, after, _ := strings.Cut(body, "<main")
	before, _, _ := strings.Cut(after, "</main>")
	return before
}
