package e2e

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"rollbridge/collector/language"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/collector/portal/web"
	"rollbridge/e2e/browser"
)

// A sight is a page in one state, as one person sees it.
type sight struct {
	name            string
	role, authority string // role "" is nobody
	path            string
	send            bool // the page's form as it is: with nothing filled in
	code            int  // 0 is 200
}

// views are all pages of the portal, each in the states that it has.
func (g *gallery) views() []sight {
	const admin = "administrator"
	busy, good, empty := portaltest.Busy, portaltest.Good, portaltest.Empty
	person := "/people/person/" + g.userID("caller", busy)
	limited := "/people/person/" + g.userID("caseload", busy)
	child := "/children/" + g.data.Child.School + "/" + string(g.data.Child.Pupil)
	list := []sight{
		{"sign-in", "", "", "/sign-in", false, 0},
		{"sign-in-error", "", "", "/sign-in", true, 422},
		{"sign-in-ended", "", "", "/sign-in?ended", false, 0},
		{"accessibility", "", "", "/accessibility", false, 0},
		{"cookies", "", "", "/cookies", false, 0},
		{"data", "", "", "/data", false, 0},
		{"not-found", "", "", "/nothing", false, 404},
		{"not-found-signed-in", admin, busy, "/children/ash/nobody", false, 404},
		{"forbidden", "viewer", busy, "/calls", false, 403},

		{"today", admin, busy, "/", false, 0},
		{"today-afternoon", admin, busy, "/?session=pm", false, 0},
		{"today-good", admin, good, "/", false, 0},
		{"today-empty", admin, empty, "/", false, 0},
		{"today-viewer", "viewer", busy, "/", false, 0},
		{"today-paper", admin, busy, "/today/print", false, 0},

		{"schools", admin, busy, "/schools", false, 0},
		{"schools-second-page", admin, busy, "/schools?page=2&sort=-name", false, 0},
		{"schools-none", admin, busy, "/schools?q=there+is+none", false, 0},
		{"schools-empty", admin, empty, "/schools", false, 0},
		{"school-deliveries", admin, busy, "/schools/ash/deliveries", false, 0},
		{"school-delivery", admin, busy, "/schools/ash/deliveries/1/1", false, 0},
		{"school-days", admin, busy, "/schools/ivy/days", false, 0},
		{"school-days-error", admin, busy, "/schools/ash/days", true, 422},
		{"school-days-paste", admin, busy, "/schools/ash/days/paste", false, 0},
		{"school-days-paste-error", admin, busy, "/schools/ash/days/paste", true, 422},
		{"school-times", admin, busy, "/schools/ash/times", false, 0},
		{"school-by-phone", admin, busy, "/schools/ash/by-phone", false, 0},

		{"children", admin, busy, "/children", false, 0},
		{"children-second-page", admin, busy, "/children?page=2", false, 0},
		{"children-empty", admin, empty, "/children", false, 0},
		{"children-missing", admin, busy, "/children/missing", false, 0},
		{"children-export", admin, busy, "/children/export", false, 0},
		{"children-export-error", admin, busy, "/children/export", true, 422},
		{"child", admin, busy, child, false, 0},
		{"child-export", admin, busy, child + "/export", false, 0},
		{"child-export-error", admin, busy, child + "/export", true, 422},

		{"calls", admin, busy, "/calls", false, 0},
		{"calls-empty", admin, empty, "/calls", false, 0},
		{"calls-new", admin, busy, "/calls/new?school=cherry&session=am", false, 0},
		{"calls-new-error", admin, busy, "/calls/new?school=cherry&session=am", true, 422},
		{"calls-history", admin, busy, "/calls/history", false, 0},
		{"calls-export", admin, busy, "/calls/export", false, 0},
		{"calls-export-error", admin, busy, "/calls/export", true, 422},

		{"reports", admin, busy, "/reports", false, 0},
		{"reports-timeliness", admin, busy, "/reports/timeliness", false, 0},
		{"reports-attendance", admin, busy, "/reports/attendance", false, 0},
		{"reports-exclusions", admin, busy, "/reports/exclusions", false, 0},
		{"reports-progress", admin, busy, "/reports/progress", false, 0},
		{"reports-empty", admin, empty, "/reports/attendance", false, 0},

		{"people", admin, busy, "/people", false, 0},
		{"people-invite", admin, busy, "/people/invite", false, 0},
		{"people-invite-error", admin, busy, "/people/invite", true, 422},
		{"people-review", admin, busy, "/people/review", false, 0},
		{"people-classification", admin, busy, "/people/classification", false, 0},
		{"people-audit", admin, busy, "/people/audit", false, 0},
		{"people-audit-empty", admin, empty, "/people/audit", false, 0},
		{"person", admin, busy, person, false, 0},
		{"person-change", admin, busy, person + "/change", false, 0},
		{"person-remove", admin, busy, person + "/remove", false, 0},
		{"person-reset", admin, busy, person + "/reset", false, 0},
		{"person-caseload", admin, busy, limited + "/caseload", false, 0},

		{"account", admin, busy, "/account", false, 0},
		{"account-password", admin, busy, "/account/password", false, 0},
		{"account-password-error", admin, busy, "/account/password", true, 422},
		{"account-second-factor", admin, busy, "/account/second-factor", false, 0},
		{"account-recovery-codes", admin, busy, "/account/recovery-codes", false, 0},

		{"school-own", "school", "ash", "/school", false, 0},
	}
	for _, id := range []string{"ash", "beech", "cherry", "dogwood", "fir", "hazel", "ivy", "juniper", "lime"} {
		list = append(list, sight{"school-" + id, admin, busy, "/schools/" + id, false, 0})
	}
	for _, state := range []string{"absent_no_reason", "no_mark", "absent_reason", "present", "not_in_session", "not_received"} {
		list = append(list, sight{"today-" + state, admin, busy, "/today/children?session=am&state=" + state, false, 0})
	}
	return list
}

// unseen are pages that are seen only on the way to others, or are no pages; the stories
// and the sections' own tests look at them.
var unseen = map[string]bool{
	"/sign-in/code": true, "/sign-in/recovery": true, "/password": true, "/second-factor": true, "/recovery-codes": true,
	"/calls/of/{school}/{call}": true, "/stop": true, "/.well-known/security.txt": true,
	"/reports/timeliness.csv": true, "/reports/attendance.csv": true, "/reports/exclusions.csv": true, "/reports/progress.csv": true,
	"/today/schools-to-phone.csv": true, "/today/schools-to-phone.xlsx": true,
	"/school/scope": true, "/school/scope/accept": true, "/school/scope/change": true, "/school/preview": true, "/school/log": true,
	"/school/log/verify": true, "/school/log/statement": true, "/school/pause": true, "/school/revoke": true, "/school/certificate": true,
}

// Each page, in each state that it has, breaks no rule of accessibility, on a wide screen
// in English and on a phone in Welsh, is under 300 KB and says nothing about a child in
// its title or address. With SCREENSHOTS set to a directory, a picture of each is written
// there: what is seen first at 1366×768, the whole page, a phone, and as it is printed.
func TestPortalPages(t *testing.T) {
	needChromium(t)
	g := newGallery(t)
	views := g.views()
	g.allSeen(views)
	shots := os.Getenv("SCREENSHOTS")
	windows := map[string]*browser.Tab{}
	window := func(v sight, o browser.Options) *browser.Tab {
		key := v.role + v.authority + o.Language
		if windows[key] == nil {
			windows[key] = g.tab(v.role, v.authority, o)
		}
		return windows[key]
	}
	for _, v := range views {
		wide := window(v, browser.Options{})
		g.look(wide, v)
		wide.Check(v.name)
		if shots != "" {
			wide.Screen(shots, v.name)
			wide.Shot(shots, v.name+"-whole")
			wide.Size(390, 844)
			wide.Shot(shots, v.name+"-narrow")
			wide.PaperShot(shots, v.name+"-print")
			wide.Size(1366, 768)
		}
		phone := window(v, browser.Options{Language: "cy", Width: 390, Height: 844})
		g.look(phone, v)
		phone.Check(v.name + " in Welsh on a phone")
	}
}

func (g *gallery) look(tab *browser.Tab, v sight) {
	g.Helper()
	want := v.code
	if want == 0 || v.send {
		want = http.StatusOK
	}
	if got := tab.Open(g.collector.PortalURL + v.path); got != want {
		g.Errorf("%s: %d, want %d", v.name, got, want)
	}
	if v.send {
		if got := tab.Send(); got != v.code {
			g.Errorf("%s: its form was answered with %d, want %d", v.name, got, v.code)
		}
		if title := tab.Title(); !strings.HasPrefix(title, "Error: ") && !strings.HasPrefix(title, "Gwall: ") {
			g.Errorf("%s: the title %q does not say that there is an error", v.name, title)
		}
	}
	html := tab.HTML()
	if len(html) > 300<<10 {
		g.Errorf("%s is %d KB", v.name, len(html)>>10)
	}
	for _, bad := range []string{portaltest.Canary, "<no value>", "%!"} {
		if strings.Contains(html, bad) {
			g.Errorf("%s has %q", v.name, bad)
		}
	}
	for _, key := range unsaid.FindAllString(tab.Text(), 3) {
		g.Errorf("%s shows the name of a text: %s", v.name, key)
	}
}

// unsaid finds the name of a text where the text should be.
var unsaid = regexp.MustCompile(`\b(` + strings.Join(language.Sections(), "|") + `)\.[a-z][a-z0-9_-]*[a-z0-9](\.[a-z0-9_-]+)*\b`)

// allSeen fails where a page is not among the views.
func (g *gallery) allSeen(views []sight) {
	g.Helper()
	site := &web.Site{}
	for _, r := range append(web.Own(), portal.Routes(site, portal.Options{})...) {
		if r.Method != http.MethodGet || unseen[r.Path] {
			continue
		}
		seen := false
		for _, v := range views {
			path, _, _ := strings.Cut(v.path, "?")
			seen = seen || fits(r.Path, path)
		}
		if !seen {
			g.Errorf("no view shows %s: add one, in each state that it has", r.Path)
		}
	}
}

// fits says whether a path is one of a route's.
func fits(route, path string) bool {
	if route == "/{$}" {
		return path == "/"
	}
	a, b := strings.Split(route, "/"), strings.Split(path, "/")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !strings.HasPrefix(a[i], "{") {
			return false
		}
	}
	return true
}
