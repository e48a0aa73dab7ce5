package browser_test

import (
	"os/exec"
	"testing"

	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/portal/web/webtest"
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
