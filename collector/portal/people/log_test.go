package people_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/language"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register/registertest"
	"rollbridge/shared/record"
)

func TestReview(t *testing.T) {
	r := onSQLite(t)
	u := r.person("jo.lee", account.Caller, northshire)
	long := database.Micros(time.Now().Add(-200 * 24 * time.Hour))
	r.Exec("UPDATE users SET created_at = ?", long)
	r.says(r.get("/people"), "2 people are to be reviewed", "Review is due")
	if a := r.b.Post("/people/review"); a.Code != 422 || !strings.Contains(a.Body, "Tick each person") {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	if a := r.b.Post("/people/review", "person", u.ID); a.Code != 303 {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	r.says(r.get("/people"), "1 person is to be reviewed")
	if u := r.find("jo.lee"); u.ReviewedBy != r.admin.ID || u.Reviewed.IsZero() {
		t.Errorf("%+v", u)
	}
	if got := r.logged()[0]; got != r.admin.ID+" access_reviewed person="+u.ID {
		t.Error(got)
	}
	// The own access is another's to review, where there is another.
	r.person("second", account.Administrator, northshire)
	if a := r.b.Post("/people/review", "person", r.admin.ID); a.Code != 422 || !strings.Contains(a.Body, "Another administrator reviews") {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	other := r.person("other", account.Caller, southshire)
	if a := r.b.Post("/people/review", "person", other.ID); a.Code != http.StatusNotFound {
		t.Errorf("another's person: %d", a.Code)
	}
}

func TestClassification(t *testing.T) {
	r := onSQLite(t)
	r.says(r.get("/people/classification"), `value="OFFICIAL-SENSITIVE"`)
	for _, bad := range []string{" ", strings.Repeat("a", 81), "two\nlines"} {
		if a := r.b.Post("/people/classification", "label", bad); a.Code != 422 {
			t.Errorf("%q: %d", bad, a.Code)
		}
	}
	if a := r.b.Post("/people/classification", "label", "SWYDDOGOL – SENSITIF"); a.Code != 303 {
		t.Errorf("%d\n%s", a.Code, a.Body)
	}
	// It stands on the page as it is printed, too.
	r.says(r.get("/people/classification"), "The classification was changed", "SWYDDOGOL – SENSITIF", `<p class="portal-label">SWYDDOGOL – SENSITIF</p>`)
	list, _, err := r.site.Audit.Read(t.Context(), audit.Query{Chain: audit.OfAuthority(northshire), Limit: 1})
	r.Must(err)
	if list[0].Action != audit.LabelChanged || list[0].Reason != "OFFICIAL-SENSITIVE > SWYDDOGOL – SENSITIF" {
		t.Errorf("%+v", list[0])
	}
	all, err := r.Store.Authorities(t.Context())
	r.Must(err)
	if all[0].Label != "SWYDDOGOL – SENSITIF" || all[1].Label != "OFFICIAL-SENSITIVE" {
		t.Errorf("%+v", all)
	}
}

func TestAuditLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("ash", "Ash School")
		u := r.person("jo.lee", account.Caller, northshire)
		add := func(e audit.Entry) { t.Helper(); r.Must(r.site.Audit.Add(t.Context(), e)) }
		for n := range 30 {
			add(audit.Entry{Authority: northshire, User: u.ID, Action: audit.ChildViewed, Subject: audit.Subject{School: "ash", Children: []record.PupilID{registertest.PupilID(n)}}})
		}
		add(audit.Entry{Authority: northshire, User: audit.ByProgram, Action: audit.AlertSent, Subject: audit.Subject{About: "am"}})
		add(audit.Entry{Authority: northshire, User: u.ID, Action: audit.ChildrenExported, Subject: audit.Subject{School: "ash", Children: []record.PupilID{registertest.PupilID(1), registertest.PupilID(2)}, Reason: "=PEP meeting <b>"}})
		add(audit.Entry{Authority: southshire, User: "0000", Action: audit.ChildViewed, Subject: audit.Subject{School: "ash", Children: []record.PupilID{registertest.PupilID(99)}}})

		body := r.get("/people/audit")
		r.says(body, "Exported children", "=PEP meeting &lt;b&gt;", "jo.lee", "Rollbridge by itself", "2 children", "Ash School", "Older entries", "/children/ash/"+string(registertest.PupilID(29)))
		if strings.Contains(body, string(registertest.PupilID(99))) {
			t.Error("the page shows another authority's entry")
		}
		older := regexp.MustCompile(`href="(\?before=[0-9]+)"`).FindStringSubmatch(body)
		if older == nil {
			t.Fatalf("no older entries:\n%s", body)
		}
		r.says(r.get("/people/audit"+older[1]), "Invited a person", "Newest entries", "The operator")
		for query, want := range map[string]struct{ is, not string }{
			"person=" + u.ID:                      {">Viewed a child<", ">Sent an e-mail alert<"},
			"action=alert_sent":                   {">Sent an e-mail alert<", ">Viewed a child<"},
			"school=ash":                          {">Viewed a child<", ">Sent an e-mail alert<"},
			"day-day=1&day-month=1&day-year=2020": {"Nothing like that is in the log", "<tbody"},
			"person=command":                      {">Invited a person<", ">Viewed a child<"},
		} {
			body := r.get("/people/audit?" + query)
			table := body[strings.Index(body, "</form>"):]
			if i := strings.Index(body, "<tbody"); i > 0 {
				table = body[i:]
			}
			if !strings.Contains(table, want.is) || strings.Contains(table, want.not) {
				t.Errorf("%s:\n%s", query, table)
			}
		}
		for _, query := range []string{"person=nobody", "school=oak", "action=peeked", "day-day=40&day-month=1&day-year=2026"} {
			if a := r.b.Get("/people/audit?" + query); a.Code != 422 || strings.Contains(a.Body, "<tbody") {
				t.Errorf("%s: %d", query, a.Code)
			}
		}
		a := r.b.Post("/people/audit/export", "action", "children_exported")
		lines := strings.Split(strings.TrimSpace(a.Body), "\r\n")
		if a.Code != 200 || len(lines) != 3 || !strings.Contains(lines[0], "OFFICIAL-SENSITIVE") || !strings.Contains(lines[2], ",jo.lee,children_exported,301,ash,") || !strings.Contains(lines[2], ",'=PEP meeting <b>,") {
			t.Errorf("%d\n%s", a.Code, a.Body)
		}
		if got := a.Header.Get("Content-Disposition"); got != "attachment; filename=audit-log.csv" {
			t.Error(got)
		}
		if got := r.logged(); got[0] != r.admin.ID+" audit_exported csv action=children_exported" || !strings.Contains(got[1], "audit_read") {
			t.Errorf("%q", got[:2])
		}
	})
}

// Every action that there is has a sentence, in both languages.
func TestEveryActionHasASentence(t *testing.T) {
	for _, l := range language.All() {
		for _, a := range audit.Actions() {
			if key := "people.action." + string(a); language.In(l).T(key) == key {
				t.Errorf("%s is not there in %s", key, l)
			}
		}
	}
}

// Welsh pages have no text missing either.
func TestWelsh(t *testing.T) {
	r := onSQLite(t)
	r.b.Language = "cy"
	u := r.person("jo.lee", account.Caller, northshire)
	for _, path := range []string{"/people", "/people/invite", "/people/review", "/people/classification", "/people/audit", "/people/person/" + u.ID,
		"/people/person/" + u.ID + "/change", "/people/person/" + u.ID + "/remove", "/people/person/" + u.ID + "/reset"} {
		r.says(r.get(path), `<html lang="cy"`)
	}
}
