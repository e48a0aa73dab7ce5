package schools_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/schools"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A rig is the pages of schools on a database, on a school day at 10:20.
type rig struct {
	*registertest.Rig
	now      time.Time
	server   *webtest.Server
	accounts *account.Accounts
	log      *audit.Log
	people   int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	data := registertest.New(t, db)
	r := &rig{Rig: data, now: registertest.At(10, 20), accounts: account.Open(db, data.Vault), log: audit.New(db, data.Vault)}
	site := &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: r.accounts, Audit: r.log,
		Now: func() time.Time { return r.now }}
	r.server = webtest.Serve(t, site, schools.Routes(site))
	return r
}

// as is a browser of a new person of one authority.
func (r *rig) as(role account.Role, authority string) *webtest.Browser {
	r.Helper()
	r.people++
	m := accounttest.Join(r.TB, r.accounts, account.Person{Name: fmt.Sprintf("person-%d", r.people), Role: role, Authorities: []string{authority}})
	return r.server.As(m.User)
}

// only has one authority ask a school, and no other.
func (r *rig) only(school, authority string) {
	r.Helper()
	r.Exec("DELETE FROM provisions WHERE school = ? AND authority <> ?", school, authority)
}

// times sets the times of both sessions of a school, in hours, from the beginning.
func (r *rig) times(school string, late, notReceived float64) {
	r.Helper()
	for _, session := range []string{"AM", "PM"} {
		r.Exec("INSERT INTO session_times (school, from_day, session, register_at, late_at, not_received_at, authority, changed_by, changed_at) VALUES (?, '2000-01-01', ?, 0, ?, ?, '', 'command', 1)",
			school, session, int(late*3600), int(notReceived*3600))
	}
}

func (r *rig) shows(a webtest.Answer, texts ...string) {
	r.Helper()
	if a.Code != http.StatusOK {
		r.Fatalf("%d\n%s\n%s", a.Code, a.Body, r.server.Log)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			r.Errorf("the page does not say %q:\n%s", text, a.Body)
		}
	}
	r.sound(a)
}

// sound says that a page has no text missing and is not too large.
func (r *rig) sound(a webtest.Answer) {
	r.Helper()
	for _, bad := range []string{">schools.", ">status.", ">web.", "schools.kind.", "no value", "ZgotmplZ", "%!"} {
		if strings.Contains(a.Body, bad) {
			r.Errorf("the page holds %q:\n%s", bad, a.Body)
		}
	}
	if len(a.Body) > 300<<10 {
		r.Errorf("the page has %d bytes", len(a.Body))
	}
}

func (r *rig) hides(a webtest.Answer, texts ...string) {
	r.Helper()
	for _, text := range texts {
		if strings.Contains(a.Body, text) {
			r.Errorf("the page says %q", text)
		}
	}
}

// logged are the entries of the audit log of an authority with an action.
func (r *rig) logged(authority string, action audit.Action) []audit.Record {
	r.Helper()
	list, _, err := r.log.Read(r.Context(), audit.Query{Chain: audit.OfAuthority(authority), Action: action})
	r.Must(err)
	return list
}

var languages = []string{"en", "cy"}

func TestList(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	r.School("elm", "Elm Road School")
	r.School("ash", "Ash Grove <Primary>")
	r.School("far", "Faraway School")
	r.only("far", registertest.Southshire)
	r.times("oak", 0, 0)
	r.times("elm", 23.9, 23.95)
	r.times("ash", 0, 0)
	r.AsAt("ash", r.now)
	b := r.as(account.Viewer, registertest.Northshire)
	all := b.Get("/schools")
	r.shows(all, "Oak Lane School", "Elm Road School", "Ash Grove &lt;Primary&gt;", "Not received", "Received", "01632 960101", "Not known")
	r.hides(all, "Faraway")
	if at := strings.Index(all.Body, "Oak Lane"); at < 0 || at > strings.Index(all.Body, "Elm Road") {
		t.Error("who needs somebody is not first")
	}
	for path, want := range map[string]string{
		"/schools?q=lane+OAK":                          "oak",
		"/schools?word=Not+received":                   "oak",
		"/schools?owner=authority":                     "oak",
		"/schools?owner=nobody":                        "elm ash",
		"/schools?word=Received&sort=-name":            "ash",
		"/schools?sort=name":                           "ash elm oak",
		"/schools?sort=-name":                          "oak elm ash",
		"/schools?sort=-register":                      "ash elm oak",
		"/schools?sort=children":                       "ash elm oak",
		"/schools?sort=heard%27&page=99":               "oak elm ash",
		"/schools?q=nothing+like+it":                   "",
		"/schools?q=%25":                               "",
		"/schools?q=%3Cscript%3Ealert(1)%3C/script%3E": "",
	} {
		a := b.Get(path)
		r.shows(a)
		last := -1
		for _, id := range strings.Fields(want) {
			at := strings.Index(a.Body, `href="/schools/`+id+`"`)
			if at <= last {
				t.Errorf("%s: %s is at %d, after %d", path, id, at, last)
			}
			last = at
		}
		if n := strings.Count(a.Body, `scope="row"`); n != len(strings.Fields(want)) {
			t.Errorf("%s: %d rows, want %s", path, n, want)
		}
		if filtered := strings.Contains(path, "q=") || strings.Contains(path, "word=") || strings.Contains(path, "owner="); filtered != strings.Contains(a.Body, ">Clear<") {
			t.Errorf("%s: clear is offered: %t", path, !filtered)
		}
		r.hides(a, "<script>alert", "Faraway")
	}
	if a := b.Get("/schools?sort=-name"); !strings.Contains(a.Body, `aria-sort="descending"`) {
		t.Error("the sorted column is not named")
	}
	if a := b.Get("/schools?word=Lost"); a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Error:") {
		t.Errorf("a word that is none: %d", a.Code)
	}
	b.Language = "cy"
	r.shows(b.Get("/schools"), `lang="cy"`, "Ysgolion", "Heb gyrraedd")
}

// Nothing of a school that this authority does not ask is there, on any page and for any
// form; and a form does nothing for who may only look.
func TestOtherAuthoritiesSchoolsAreNotThere(t *testing.T) {
	r := newRig(t)
	r.School("far", "Faraway School")
	r.School("oak", "Oak Lane School")
	r.only("far", registertest.Southshire)
	admin, viewer, caseload := r.as(account.Administrator, registertest.Northshire), r.as(account.Viewer, registertest.Northshire), r.as(account.Caseload, registertest.Northshire)
	unknown := admin.Get("/schools/nobody")
	tried := 0
	for _, route := range schools.Routes(&web.Site{}) {
		path := strings.NewReplacer("{school}", "far", "{generation}", "1", "{sequence}", "1").Replace(route.Path)
		sent := []string{"kind", "inset", "first-day", "1", "first-month", "12", "first-year", "2026", "session", "day", "reason", "moving", "dates", "inset,2026-12-01",
			"am_register", "9:00", "am_late", "9:10", "am_not_received", "9:20", "pm_register", "13:00", "pm_late", "13:10", "pm_not_received", "13:20"}
		if path == "/schools" {
			continue
		}
		tried++
		ask := func(b *webtest.Browser, path string) webtest.Answer {
			if route.Method == http.MethodPost {
				return b.Post(path, sent...)
			}
			return b.Get(path)
		}
		if a := ask(admin, path); a.Code != http.StatusNotFound || strings.Contains(a.Body, "Faraway") || a.Body != strings.ReplaceAll(unknown.Body, "/schools/nobody", path) && route.Method == http.MethodGet {
			t.Errorf("%s %s: %d", route.Method, path, a.Code)
		}
		own := strings.Replace(path, "far", "oak", 1)
		if a := ask(caseload, own); a.Code != http.StatusForbidden {
			t.Errorf("a caseload may %s %s: %d", route.Method, own, a.Code)
		}
		// Who may only look gets no form, and none of what forms do.
		form := route.Method == http.MethodPost || strings.HasSuffix(path, "/paste") || strings.HasSuffix(path, "/times") || strings.HasSuffix(path, "/by-phone")
		if a := ask(viewer, own); form != (a.Code == http.StatusForbidden) {
			t.Errorf("a viewer may %s %s: %d", route.Method, own, a.Code)
		}
		if a := ask(r.server.Anybody(), own); a.Code != http.StatusSeeOther || a.Location != "/sign-in" {
			t.Errorf("anybody may %s %s: %d %s", route.Method, own, a.Code, a.Location)
		}
	}
	if tried < 12 {
		t.Errorf("only %d routes were tried", tried)
	}
	var n int
	r.Must(r.DB.Read(t.Context(), func(tx *database.Tx) error {
		return tx.QueryRow(t.Context(), "SELECT (SELECT COUNT(*) FROM calendar_entries) + (SELECT COUNT(*) FROM session_times) + (SELECT COUNT(*) FROM by_phone)").Scan(&n)
	}))
	if n != 0 {
		t.Errorf("%d changes were made", n)
	}
	if len(r.logged(registertest.Northshire, audit.CalendarChanged)) != 0 {
		t.Error("a change that was refused is in the audit log")
	}
}

// A list of 500 schools shows 25 at a time and stays small.
func TestFiveHundredSchools(t *testing.T) {
	r := newRig(t)
	r.Exec("INSERT INTO schools (school, name, phone, created_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT 'school-' || i, 'Fictional School ' || i, '01632 960101', 1 FROM n")
	r.Exec("INSERT INTO provisions (school, authority, datasets) SELECT school, ?, '{}' FROM schools", registertest.Northshire)
	b := r.as(account.Viewer, registertest.Northshire)
	a := b.Get("/schools?sort=name&page=20")
	r.shows(a, "476 to 500 of 500")
	if n := strings.Count(a.Body, `href="/schools/school-`); n != 25 {
		t.Errorf("%d schools", n)
	}
	if a := b.Get("/schools?q=school+499"); !strings.Contains(a.Body, "1 of 500") {
		t.Error("one of 500 was not found")
	}
}

// One school in every state that a page knows, in both languages.
func TestOneSchool(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	r.times("oak", 0, 0)
	now := r.now
	child := r.Pupil("oak", record.Pupil{ID: registertest.PupilID(1), Surname: "Fictional", CareAuthority: registertest.Northshire})
	r.AsAt("oak", now.AddDate(0, 0, -1))
	for n, at := range []time.Time{now.Add(-30 * time.Hour), now.Add(-26 * time.Hour)} {
		r.Exec(`INSERT INTO deliveries (school, generation, sequence, first_sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged, pupils, bytes, attendance_as_at)
			VALUES ('oak', 1, ?, ?, ?, ?, ?, 41, 3, 2, 0, 1, 100, ?)`, n+1, n+1, n == 0, database.Micros(at), database.Micros(at), database.Micros(at.Add(-time.Minute)))
	}
	r.Exec("INSERT INTO quarantine (school, dataset, key, sequence, reasons, body, at) VALUES ('oak', 'pupil', ?, 1, ?, ?, ?)",
		string(child.Pupil), `["UPN:check_character"]`, []byte("b"), database.Micros(now.Add(-26*time.Hour)))
	r.Exec("UPDATE records SET refused = TRUE WHERE school = 'oak'")
	r.Exec("INSERT INTO holds (school, code, why, dataset, authority, gone, of_, since, origin) VALUES ('oak', 'ABCD', 'disappearance', 'contact', '', 5, 9, ?, 'agent')", database.Micros(now.Add(-time.Hour)))
	b := r.as(account.Administrator, registertest.Northshire)
	for _, language := range languages {
		b.Language = language
		a := b.Get("/schools/oak")
		r.shows(a, "Oak Lane School", "<svg", "<desc", `href="/schools/oak/deliveries/1/2"`, `href="/schools/oak/days"`, `href="/schools/oak/times"`, "/children?school=oak")
		r.hides(a, "41", "Fictional", "style=") // another authority asks the school too
		r.shows(b.Get("/schools/oak/deliveries"), "/deliveries/1/1")
		r.shows(b.Get("/schools/oak/deliveries/1/2"))
		for _, page := range []string{"days", "days/paste", "times", "by-phone"} {
			r.shows(b.Get("/schools/oak/"+page), "Oak Lane School")
		}
	}
	b.Language = "en"
	a := b.Get("/schools/oak")
	r.shows(a, "Held for checking", "Many contact records are missing", "UPN has a wrong check letter", "The school office", "Last heard from", "24 hours ago")
	r.only("oak", registertest.Northshire)
	r.shows(b.Get("/schools/oak/deliveries"), "41 new or changed, 3 removed, 2 refused")
	if a := b.Get("/schools/oak/deliveries/1/99"); a.Code != http.StatusNotFound {
		t.Errorf("a delivery that is not there: %d", a.Code)
	}
	if a := b.Get("/schools/oak/deliveries/x/-1"); a.Code != http.StatusNotFound {
		t.Errorf("a delivery that is no number: %d", a.Code)
	}
	if n := len(r.logged(registertest.Northshire, audit.SchoolViewed)); n != 8 {
		t.Errorf("%d looks at the school are in the audit log", n)
	}
}

// Of a school that has stopped only that is shown, and what remains.
func TestAStoppedSchool(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	r.AsAt("oak", r.now)
	r.Pupil("oak", record.Pupil{ID: registertest.PupilID(1), Surname: "Fictional", CareAuthority: registertest.Northshire})
	r.Exec("INSERT INTO deliveries (school, generation, sequence, first_sequence, full_, received_at, applied_at, upserts, removals, refused, unchanged, pupils, bytes) VALUES ('oak', 1, 1, 1, TRUE, ?, 1, 1, 0, 0, 0, 1, 100)",
		database.Micros(r.now))
	stopped := r.now.Add(-48 * time.Hour)
	r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'oak'", database.Micros(stopped))
	r.Exec("INSERT INTO stops (school, generation, source, said_at, hidden_at, destroy_at, hold, records, children) VALUES ('oak', 1, 'code', ?, ?, ?, ?, 9, 1)",
		database.Micros(stopped), database.Micros(stopped), database.Micros(stopped.AddDate(0, 0, 30)), []byte("h"))
	b := r.as(account.Caller, registertest.Northshire)
	a := b.Get("/schools/oak")
	r.shows(a, "Stopped by school", "with its revocation code", "It is destroyed on", "Phone the school each day", "Hidden")
	r.hides(a, "<svg", "deliveries/1/1", "View the children")
	for _, path := range []string{"/schools/oak/deliveries", "/schools/oak/deliveries/1/1"} {
		if a := b.Get(path); a.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	r.shows(b.Get("/schools"), "Stopped by school", "Hidden")
}

func TestCalendarForms(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	b, other := r.as(account.Caller, registertest.Northshire), r.as(account.Administrator, registertest.Southshire)
	day := r.now.In(status.London()).AddDate(0, 0, 10)
	date := func(field string, t time.Time) []string {
		return []string{field + "-day", fmt.Sprint(t.Day()), field + "-month", fmt.Sprint(int(t.Month())), field + "-year", fmt.Sprint(t.Year())}
	}
	add := func(pairs ...string) webtest.Answer { return b.Post("/schools/oak/days", pairs...) }
	if a := add(append(date("first", day), "kind", "inset", "session", "day")...); a.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	mine := b.Get("/schools/oak/days")
	r.shows(mine, "INSET day", "Changed by person-1", "INSET day added")
	theirs := other.Get("/schools/oak/days")
	r.shows(theirs, "INSET day", "Changed by another authority")
	r.hides(theirs, "person-1")
	for name, c := range map[string]struct {
		form []string
		says string
	}{
		"nothing":                {nil, "Choose what these days are"},
		"no day":                 {[]string{"kind", "inset"}, "Enter the first day"},
		"half a day":             {[]string{"kind", "inset", "first-day", "3"}, "month"},
		"31 February":            {[]string{"kind", "inset", "first-day", "31", "first-month", "2", "first-year", "2027"}, "Error:"},
		"the same again":         {append(date("first", day), "kind", "inset", "session", "day"), "overlap with another entry, INSET day"},
		"ends before it starts":  {append(append(date("first", day), date("last", day.AddDate(0, 0, -3))...), "kind", "holiday"), "The last day is before the first"},
		"years apart":            {append(append(date("first", day), date("last", day.AddDate(1, 0, 0))...), "kind", "term"), "more than 200 days"},
		"one session of a week":  {append(append(date("first", day.AddDate(0, 0, 20)), date("last", day.AddDate(0, 0, 24))...), "kind", "strike", "session", "PM"), "on one day only"},
		"a kind that is none":    {append(date("first", day), "kind", "<script>"), "Error:"},
		"a session that is none": {append(date("first", day), "kind", "inset", "session", "noon"), "Error:"},
		"too long":               {[]string{"kind", "inset", "first-day", strings.Repeat("9", 5000), "first-month", "2", "first-year", "2027"}, "Error:"},
	} {
		a := add(c.form...)
		if a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, c.says) || !strings.Contains(a.Body, "<title>Error:") || !strings.Contains(a.Body, "govuk-error-summary") {
			t.Errorf("%s: %d does not say %q\n%s", name, a.Code, c.says, a.Body)
		}
		r.sound(a)
		r.hides(a, "<script>\"")
	}
	if a := b.Post("/schools/oak/days/paste", "dates", "term,3 Sep 2026,23 Oct 2026\nholiday,26/10/2026,30/10/2026"); a.Code != http.StatusSeeOther {
		t.Errorf("paste: %d\n%s", a.Code, a.Body)
	}
	r.shows(b.Get("/schools/oak/days"), "2 dates added", "Term", "Half term or holiday")
	for text, says := range map[string]string{
		"":                               "Paste at least one line",
		"party,1/1/2027":                 "Line 1: Choose what these days are",
		"inset,1/2/2027\ninset,soon":     "Line 2: Enter the first day",
		"inset,1/2/2027\nterm,1/10/2026": "Date 2 of the list: These days overlap with another entry, Term",
	} {
		a := b.Post("/schools/oak/days/paste", "dates", text)
		if a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, says) {
			t.Errorf("paste %q: %d does not say %q\n%s", text, a.Code, says, a.Body)
		}
	}
	id := "inset " + day.Format(time.DateOnly)
	for _, says := range []string{"INSET day removed", "Somebody else has removed that already"} {
		if a := b.Post("/schools/oak/days/remove", "entry", id+" "); a.Code != http.StatusSeeOther {
			t.Errorf("remove: %d", a.Code)
		}
		r.shows(b.Get("/schools/oak/days"), says)
	}
	entries := r.logged(registertest.Northshire, audit.CalendarChanged)
	if len(entries) != 3 || entries[0].School != "oak" {
		t.Errorf("the audit log has %+v", entries)
	}
}

func TestTimesAndPhoneForms(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	b := r.as(account.Caller, registertest.Northshire)
	good := map[string]string{"am_register": "8:40am", "am_late": "8.50", "am_not_received": "9:15", "pm_register": "1pm", "pm_late": "13:10", "pm_not_received": "1:30pm"}
	send := func(change ...string) webtest.Answer {
		var pairs []string
		for k, v := range good {
			for i := 0; i < len(change); i += 2 {
				if change[i] == k {
					v = change[i+1]
				}
			}
			pairs = append(pairs, k, v)
		}
		return b.Post("/schools/oak/times", pairs...)
	}
	for name, c := range map[string][]string{
		"empty":        {"am_late", "", "Morning: enter a time for"},
		"no time":      {"am_late", "soon", "Error:"},
		"late early":   {"am_late", "8:00", "is before the register"},
		"grace early":  {"pm_not_received", "13:05", "is before the time from which it is late"},
		"pm before am": {"pm_register", "8:00", "is not after the morning"},
	} {
		if a := send(c[0], c[1]); a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, c[2]) || !strings.Contains(a.Body, `href="#`+c[0]) {
			t.Errorf("%s: %d does not say %q\n%s", name, a.Code, c[2], a.Body)
		}
	}
	if a := send(); a.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	r.shows(b.Get("/schools/oak"), "8:40am", "1:30pm", "The session times are saved")
	r.shows(b.Get("/schools/oak/times"), `value="8:40am"`, "Changed by person-1")

	if a := b.Post("/schools/oak/by-phone"); a.Code != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Choose why the school reports by phone") {
		t.Errorf("without a reason: %d", a.Code)
	}
	if a := b.Post("/schools/oak/by-phone", "reason", "a name"); a.Code != http.StatusUnprocessableEntity {
		t.Errorf("a reason that is none: %d", a.Code)
	}
	if a := b.Post("/schools/oak/by-phone", "reason", "no_mis"); a.Code != http.StatusSeeOther {
		t.Errorf("by phone: %d", a.Code)
	}
	r.shows(b.Get("/schools/oak"), "By phone", "The school&#39;s system cannot be read")
	r.shows(b.Get("/schools?word=By+phone"), "Oak Lane School")
	r.shows(b.Get("/schools/oak/by-phone"), "Changed by person-1")
	if a := b.Post("/schools/oak/by-phone", "end", "yes"); a.Code != http.StatusSeeOther {
		t.Errorf("ended: %d", a.Code)
	}
	r.hides(b.Get("/schools/oak"), "By phone<")
	if n := len(r.logged(registertest.Northshire, audit.ByPhoneChanged)); n != 2 {
		t.Errorf("%d changes of by phone are in the audit log", n)
	}
	if e := r.logged(registertest.Northshire, audit.CalendarChanged); len(e) != 1 || e[0].About != "times AM 08:40/08:50/09:15 PM 13:00/13:10/13:30" {
		t.Errorf("the audit log has %+v", e)
	}
}

// A school's staff are there for the authority that was given them, and no other.
func TestContacts(t *testing.T) {
	r := newRig(t)
	r.School("oak", "Oak Lane School")
	r.Put("oak", &record.Staff{ID: "0123456789abcdef0123456789abcdef", Role: "Designated teacher", Forename: "Ada", Surname: "Fictional", Email: "ada@school.example", Phone: "01632 960199"})
	r.Exec("UPDATE positions SET given = ? WHERE school = 'oak'", `{"staff":{"`+registertest.Northshire+`":["Role","Forename","Surname","Phone"]}}`)
	if caller := r.as(account.Caller, registertest.Northshire).Get("/schools/oak"); !strings.Contains(caller.Body, `href="/calls/new?authority=301&amp;school=oak"`) ||
		!strings.Contains(caller.Body, `href="/calls/history?authority=301&amp;school=oak"`) {
		t.Errorf("who calls is not led to the form:\n%s", caller.Body)
	}
	mine, theirs := r.as(account.Viewer, registertest.Northshire).Get("/schools/oak"), r.as(account.Viewer, registertest.Southshire).Get("/schools/oak")
	r.shows(mine, "Designated teacher", "Ada Fictional", "01632 960199")
	r.hides(mine, "ada@school.example", "/calls/")
	r.shows(theirs, "The school has given no member of staff")
	r.hides(theirs, "Fictional", "960199")
}
