package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/record/recordtest"
	"rollbridge/shared/status"
)

// What one authority may have: portaltest has a school of 200 children, too.
const (
	manySchools = 1000
	manyPeople  = 300
)

// crowd fills Busy up: schools of which all are to be phoned, some with a child, calls and a
// new exclusion, and people.
func (p *tour) crowd() {
	p.Helper()
	p.Must(p.DB.Write(p.Context(), func(tx *database.Tx) error { // at once: to enrol each is the work of minutes
		for n := range manySchools {
			id := fmt.Sprintf("many-%03d", n)
			for _, query := range []string{
				"INSERT INTO schools (school, name, phone, created_at) VALUES (?, 'School of the Holy and Undivided Fiction, Number " + id + "', '01632 960101', 1)",
				"INSERT INTO provisions (school, authority, datasets) SELECT ?, authority, datasets FROM provisions WHERE school = 'cherry'",
			} {
				if _, err := tx.Exec(p.Context(), query, id); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	for n := range 60 {
		id := fmt.Sprintf("many-%03d", n)
		c := p.Pupil(id, record.Pupil{ID: registertest.PupilID(100_000 + n), Forename: "Wolfeschlegelstein", Surname: fmt.Sprint("Hausenbergerdorff ", n), CareAuthority: portaltest.Busy, NCYearActual: "7"})
		p.Today(c, "N")
		e := recordtest.Make(record.DatasetExclusion, c.Pupil, 1, 1).(*record.Exclusion)
		e.StartDate, e.Category = "2026-11-20", "SUSP"
		p.Put(id, e)
	}
	book := call.New(p.Store, p.Vault)
	for n := range 60 {
		_, err := book.Record(p.Context(), store.Sight{Authority: portaltest.Busy}, call.Call{ID: call.NewID(), School: fmt.Sprintf("many-%03d", n), Day: "2026-11-23", Session: status.AM,
			Outcome: call.NoAnswer, By: "0123456789abcdef", Note: strings.Repeat("A long note. ", 30), At: portaltest.Now()}, portaltest.Now(), nil)
		p.Must(err)
	}
	// As an invitation leaves them: to make each password is the work of seconds.
	for n := range manyPeople {
		id := fmt.Sprintf("%016x", n)
		p.Exec("INSERT INTO users (id, name, role, password, must_change, created_at, one_time_until) VALUES (?, ?, 'viewer', 'none', TRUE, 1, 1)", id, fmt.Sprintf("person-%03d", n))
		p.Exec("INSERT INTO user_authorities (user_id, authority) VALUES (?, ?)", id, portaltest.Busy)
	}
}

// No page is larger than 300 KB, whatever one authority has.
func TestNoPageIsLarge(t *testing.T) {
	p := newTour(t)
	p.crowd()
	s := webtest.Serve(t, p.site, portal.Routes(p.site, portal.Options{Vault: p.Vault, LeftDays: 400}))
	admin := p.walk(account.Administrator, s)
	limited := p.walk(account.Caseload, s)
	for _, path := range []string{
		"/", "/today/children?session=am&state=absent_no_reason", "/today/children?session=am&state=not_received", "/today/children?session=am&state=present", "/today/print",
		"/schools", "/schools?sort=-name&page=9", "/schools/lime", "/children", "/children?page=4", "/children/missing", "/children/export", "/calls", "/calls/history", "/calls/export",
		"/calls/new?school=lime&session=am", "/reports/timeliness", "/reports/timeliness?page=9&days=91", "/reports/attendance", "/reports/exclusions", "/reports/progress",
		"/people", "/people/review", "/people/audit", "/people/person/" + limited.user.ID + "/caseload?school=lime",
	} {
		a := admin.browser.Get(path)
		if a.Code != http.StatusOK || len(a.Body) > 300<<10 {
			t.Errorf("%s: %d, %d KB", path, a.Code, len(a.Body)>>10)
		}
	}
	if a := admin.browser.Get("/reports/timeliness.csv"); strings.Count(a.Body, "Undivided Fiction") != manySchools {
		t.Errorf("the file has %d schools", strings.Count(a.Body, "Undivided Fiction"))
	}
	if a := admin.browser.Post("/children/search", "search", "Hausenbergerdorff"); a.Code != http.StatusOK || len(a.Body) > 300<<10 {
		t.Errorf("a search: %d, %d KB", a.Code, len(a.Body)>>10)
	}
}
