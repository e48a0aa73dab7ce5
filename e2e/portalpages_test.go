package e2e

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/language"
	"rollbridge/collector/portal"
	"rollbridge/collector/portal/console"
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
		{"sign-in-service-away", "", "", "/sign-in/service", false, 502},
		{"sign-in-service-again", "", "", "/sign-in/service/back", false, 400},
		{"sign-in-ended", "", "", "/sign-in?ended", false, 0},
		{"accessibility", "", "", "/accessibility", false, 0},
		{"cookies", "", "", "/cookies", false, 0},
		{"stop", "", "", g.collector.PublicURL + "/stop", false, 0},
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

// otherDays looks at a morning long after anything has come from any school, and at a day
// without school.
func (g *gallery) otherDays() {
	g.Helper()
	for _, day := range []struct{ name, says, dywed string }{
		{"silent", "Nothing at all has been heard from any school", "Ni chlywyd dim"},
		{"closed", "No school is in session", "Nid oes ysgol"},
	} {
		after := 31
		if day.name == "closed" {
			after = 33 // a Saturday
		}
		setClock(g.T, g.clock, time.Until(portaltest.Now().AddDate(0, 0, after)))
		g.windows = map[string]*browser.Tab{} // every session has ended
		for page, path := range map[string]string{"today-": "/", "today-paper-": "/today/print", "calls-": "/calls", "schools-": "/schools", "school-": "/schools/lime", "reports-": "/reports/timeliness"} {
			g.see(page+day.name, "administrator", portaltest.Busy, path)
		}
		for _, tab := range g.both("administrator", portaltest.Busy) {
			says := day.says
			if tab.Narrow() {
				says = day.dywed
			}
			tab.Open(g.collector.PortalURL)
			tab.Says(says)
		}
	}
}

// unseen are routes that answer with no page of the portal.
var unseen = map[string]string{
	"/stop": "leads to the page of intake, which is looked at", "/.well-known/security.txt": "a text for researchers",
	"/reports/timeliness.csv": "a file", "/reports/attendance.csv": "a file", "/reports/exclusions.csv": "a file", "/reports/progress.csv": "a file",
	"/today/schools-to-phone.csv": "a file", "/today/schools-to-phone.xlsx": "a file",
	"/school/log/statement": "a file", "/school/certificate": "a file",
}

// Each page, in each state that it has, breaks no rule of accessibility, on a wide screen
// in English and on a phone in Welsh, is under 300 KB and says nothing about a child in its
// title or address. With SCREENSHOTS set to a directory, a picture of each is written
// there: what is seen first at 1366×768, the whole page, a phone, and as it is printed.
func TestPortalPages(t *testing.T) {
	needChromium(t)
	g := newGallery(t)
	g.shots = os.Getenv("SCREENSHOTS")
	for _, v := range g.views() {
		for _, tab := range g.both(v.role, v.authority) {
			g.open(tab, v)
		}
	}
	g.callPages()
	g.peoplePages()
	g.newcomers()
	g.consolePages()
	g.hostedPages()
	g.otherDays()
	g.refusals()
	g.neglected()
	g.allSeen()
}

// both are the two windows in which somebody looks at pages: wide in English, and a phone
// in Welsh.
func (g *gallery) both(role, authority string) []*browser.Tab {
	g.Helper()
	return []*browser.Tab{g.window(role, authority, browser.Options{}), g.window(role, authority, onPhone)}
}

var onPhone = browser.Options{Language: "cy", Width: 390, Height: 844}

func (g *gallery) window(role, authority string, o browser.Options) *browser.Tab {
	g.Helper()
	key := role + authority + o.Language
	if g.windows[key] == nil {
		g.windows[key] = g.tab(role, authority, o)
	}
	return g.windows[key]
}

// open goes to a page in one state, and looks at it.
func (g *gallery) open(tab *browser.Tab, v sight) {
	g.Helper()
	want := v.code
	if want == 0 || v.send {
		want = http.StatusOK
	}
	address := v.path
	if strings.HasPrefix(address, "/") {
		address = g.collector.PortalURL + address
	}
	if got := tab.Open(address); got != want {
		g.Errorf("%s: %d, want %d", v.name, got, want)
	}
	if v.send {
		tab.Send()
		g.wrong(tab, v.name, v.code)
		return
	}
	g.look(tab, v.name)
}

// see has both windows of somebody look at a page.
func (g *gallery) see(name, role, authority, path string) {
	g.Helper()
	for _, tab := range g.both(role, authority) {
		g.open(tab, sight{name: name, path: path})
	}
}

// wrong looks at a page that says what is wrong with what was sent.
func (g *gallery) wrong(tab *browser.Tab, name string, code int) {
	g.Helper()
	if got := tab.Status(); got != code {
		g.Errorf("%s: its form was answered with %d, want %d", name, got, code)
	}
	if title := tab.Title(); !strings.HasPrefix(title, "Error: ") && !strings.HasPrefix(title, "Gwall: ") {
		g.Errorf("%s: the title %q does not say that there is an error", name, title)
	}
	g.look(tab, name)
}

// look looks at the page as it stands, and takes its pictures.
func (g *gallery) look(tab *browser.Tab, name string) {
	g.Helper()
	if tab.Status() == http.StatusOK {
		path, _, _ := strings.Cut(tab.Path(), "?")
		g.seen = append(g.seen, path)
	}
	html := tab.HTML()
	if len(html) > 300<<10 {
		g.Errorf("%s is %d KB", name, len(html)>>10)
	}
	for _, bad := range []string{portaltest.Canary, "<no value>", "%!"} {
		if strings.Contains(html, bad) && !(bad == portaltest.Canary && g.ofOperator(tab)) {
			g.Errorf("%s has %q", name, bad)
		}
	}
	for _, key := range unsaid.FindAllString(tab.Text(), 3) {
		g.Errorf("%s shows the name of a text: %s", name, key)
	}
	if tab.Narrow() {
		tab.Check(name + " in Welsh on a phone")
		return
	}
	tab.Check(name)
	if g.shots != "" {
		tab.Screen(g.shots, name)
		tab.Shot(g.shots, name+"-whole")
		tab.Size(390, 844)
		tab.Shot(g.shots, name+"-narrow")
		tab.PaperShot(g.shots, name+"-print")
		tab.Size(1366, 768)
	}
}

// unsaid finds the name of a text where the text should be.
var unsaid = regexp.MustCompile(`\b(` + strings.Join(language.Sections(), "|") + `)\.[a-z][a-z0-9_-]*[a-z0-9](\.[a-z0-9_-]+)*\b`)

// allSeen fails where a page of the portal or of the console was not looked at.
func (g *gallery) allSeen() {
	g.Helper()
	site := &web.Site{}
	routes := slices.Concat(web.Own(), portal.Routes(site, portal.Options{}), console.Routes(site, console.Sources{}))
	known := map[string]bool{}
	for _, r := range routes {
		known[r.Path] = true
		if r.Method != http.MethodGet || unseen[r.Path] != "" {
			continue
		}
		if !slices.ContainsFunc(g.seen, func(path string) bool { return fits(r.Path, path) }) {
			g.Errorf("nobody has looked at %s: add it to the views, in each state that it has", r.Path)
		}
	}
	for path := range unseen {
		if !known[path] {
			g.Errorf("%s is no route any more", path)
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
