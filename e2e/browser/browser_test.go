package browser_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/account/accounttest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/e2e/browser"
)

// The pages of no section, in both languages, on a wide screen and a phone, are seen as
// they are by the whole of this package.
func TestPagesOfNoSection(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is not installed") //ci:needs chromium
	}
	db := dbtest.Migrated(t, dbtest.SQLite(t))
	site := webtest.Serve(t, &web.Site{DB: db, Store: store.New(db)}, nil)
	b := browser.Start(t)
	for _, o := range []browser.Options{{}, {Language: "cy"}, {Width: 390, Height: 844}, {NoScript: true}} {
		tab := b.Tab(t, o)
		for path, code := range map[string]int{"/accessibility": 200, "/cookies": 200, "/nothing": 404, "/session": 405} {
			if got := tab.Open(site.URL + path); got != code {
				t.Errorf("%s: %d", path, got)
			}
			tab.Check("as it is")
			if n := tab.Sides(); n < 1 || n > 2 {
				t.Errorf("%s prints on %d sides", path, n)
			}
		}
	}
	tab := b.Tab(t, browser.Options{})
	tab.Open(site.URL + "/cookies")
	tab.Reach("Skip to main content")
	tab.Follow("Cymraeg")
	tab.Says("Cwcis y gwasanaeth hwn")
	tab.Follow("English")
	tab.Says("Cookies of this service")
	dir := t.TempDir()
	tab.Shot(dir, "cookies")
	tab.PaperShot(dir, "cookies-print")
}

// Before a session ends the page says so by itself, over everything, and stays what it is:
// what was typed is still there after its reader has said that they are still there.
func TestAWarningBeforeTheSessionEnds(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is not installed") //ci:needs chromium
	}
	data := registertest.New(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	now := time.Now()
	site := &web.Site{DB: data.DB, Store: data.Store, Vault: data.Vault, Accounts: account.Open(data.DB, data.Vault), Now: func() time.Time { return now }}
	server := webtest.Serve(t, site, nil)
	u := accounttest.Join(t, site.Accounts, account.Person{Name: "jo", Role: account.Viewer, Authorities: []string{registertest.Northshire}}).User
	reader := server.As(u)
	end := now.Add(web.SessionLife)
	for end.Sub(now) > 50*time.Minute {
		now = now.Add(40 * time.Minute)
		reader.Get("/cookies")
	}
	now = end.Add(-web.SessionWarning - 2*time.Second)
	tab := browser.Start(t).Tab(t, browser.Options{})
	tab.Carry(server.URL, reader.Jar())
	tab.Open(server.URL + "/cookies")
	tab.Await("Your session ends in a few minutes")
	tab.Check("a session that ends")
	tab.Reach("Stay signed in")
	tab.Press(kb.Enter)
	tab.Await("You are still signed in.")
	if path := tab.Path(); path != "/cookies" {
		t.Errorf("saying that one is there leads to %s", path)
	}
}
