package entry_test

import (
	"strings"
	"testing"

	"rollbridge/collector/audit"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/entry"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
)

// Who wants e-mails about sessions says so on the page of the own account.
func TestTheChoiceOfEMails(t *testing.T) {
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	data := registertest.New(t, db)
	site := &web.Site{DB: db, Store: data.Store, Vault: data.Vault, Accounts: account.Open(db, data.Vault), Audit: audit.New(db, data.Vault)}
	server := webtest.Serve(t, site, entry.Routes(site, nil))
	as := func(name, email string, role account.Role) *webtest.Browser {
		return server.As(accounttest.Join(t, site.Accounts, account.Person{Name: name, Email: email, Role: role, Authorities: []string{registertest.Northshire}}).User)
	}
	wants := func(name string) bool {
		u, _, err := site.Accounts.ByName(t.Context(), name)
		data.Must(err)
		return u.Alerts
	}
	alex := as("alex", "alex@example.org", account.Caller)
	for _, choice := range []struct {
		value string
		want  bool
	}{{"yes", true}, {"yes", true}, {"no", false}, {"perhaps", false}} {
		if a := alex.Post("/account/alerts", "alerts", choice.value); a.Code != 303 || wants("alex") != choice.want {
			t.Errorf("%s: %d, %t", choice.value, a.Code, wants("alex"))
		}
	}
	if a := alex.Get("/account"); !strings.Contains(a.Body, "Send me these e-mails") {
		t.Errorf("%d, and nothing to choose", a.Code)
	}
	for _, b := range []*webtest.Browser{as("sam", "", account.Caller), as("ana", "ana@example.org", account.Caseload)} {
		if a := b.Post("/account/alerts", "alerts", "yes"); a.Code != 404 {
			t.Errorf("without an address, or with a caseload: %d", a.Code)
		}
	}
	if a := server.Anybody().Post("/account/alerts", "alerts", "yes"); a.Code != 303 || a.Location != "/sign-in" {
		t.Errorf("not signed in: %d to %s", a.Code, a.Location)
	}
}
