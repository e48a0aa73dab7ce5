package e2e

import (
	"fmt"
	"net/http"
	"strings"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/stack"
)

// callPages are the pages that only calls make: one call, a call that corrects it, the list
// with calls on it, and a school that somebody else is calling.
func (g *gallery) callPages() {
	g.Helper()
	const admin, busy = "administrator", portaltest.Busy
	caller := g.signedIn("caller", busy)
	send := func(path string, pairs ...string) {
		g.Helper()
		page, err := caller.Post(g.ctx, path, pairs...)
		g.must(err)
		if page.Code != http.StatusSeeOther {
			g.Fatalf("%s is answered with %d:\n%s", path, page.Code, page.Body)
		}
	}
	send("/calls/new", "id", strings.Repeat("0123", 8), "opened", fmt.Sprint(portaltest.Now().UnixMicro()), "school", "cherry", "session", "AM", "outcome", "no_answer", "note", "The line was engaged.", "follow_up", "14:05")
	send("/calls/claim", "school", "hazel")
	g.see("calls-called", admin, busy, "/calls")
	g.see("calls-history-of-a-day", admin, busy, "/calls/history?from-day=23&from-month=11&from-year=2026&to-day=23&to-month=11&to-year=2026")
	for _, tab := range g.both(admin, busy) {
		tab.Open(g.collector.PortalURL + "/calls/history?from-day=99&from-month=11&from-year=2026")
		g.wrong(tab, "calls-history-error", http.StatusUnprocessableEntity)
		tab.Open(g.collector.PortalURL + "/calls/history")
		tab.Click(`main a[href^="/calls/of/cherry/"]`)
		g.look(tab, "call")
		if tab.Has(`main a[href*="corrects="]`) {
			tab.Click(`main a[href*="corrects="]`)
			g.look(tab, "call-correct")
		}
		g.open(tab, sight{name: "calls-new-claimed", path: "/calls/new?school=hazel&session=am"})
		tab.Open(g.collector.PortalURL + "/calls")
		tab.Click(`form[action="/calls/claim"]:has(input[value="hazel"]) button`)
		if tab.Status() != http.StatusConflict {
			g.Errorf("two at one call: %d", tab.Status())
		}
		g.look(tab, "calls-claimed")
	}
}

// peoplePages are the pages of people in the states that only what somebody does brings
// about: invited, refused, given a new password, removed.
func (g *gallery) peoplePages() {
	g.Helper()
	const admin, busy = "administrator", portaltest.Busy
	own := "/people/person/" + g.userID(admin, busy)
	for _, name := range []string{"invited.only", "has.left"} {
		_, err := g.collector.Command(g.ctx, "user", "invite", name, "--role", "viewer", "--authority", busy, "--until", "2026-12-18")
		g.must(err)
	}
	_, err := g.collector.Command(g.ctx, "user", "disable", "has.left")
	g.must(err)
	limited := "/people/person/" + g.userID("caseload", busy)
	g.see("people-every-state", admin, busy, "/people")
	g.see("person-invited", admin, busy, "/people/person/"+g.idOf("invited.only"))
	g.see("person-removed", admin, busy, "/people/person/"+g.idOf("has.left"))
	g.see("person-self", admin, busy, own)
	g.see("person-caseload-school", admin, busy, limited+"/caseload?school=ash")
	g.see("people-audit-filtered", admin, busy, "/people/audit?action=child_viewed&school=ash&day-day=23&day-month=11&day-year=2026")
	g.see("people-audit-nothing", admin, busy, "/people/audit?action=label_changed")
	for _, tab := range g.both(admin, busy) {
		at := func(path string) { g.Helper(); tab.Open(g.collector.PortalURL + path) }
		for name, path := range map[string]string{"person-remove-self": own + "/remove", "people-review-error": "/people/review"} {
			at(path)
			tab.Send()
			g.wrong(tab, name, http.StatusUnprocessableEntity)
		}
		at(limited + "/change")
		tab.Set("email", "no address")
		tab.Send()
		g.wrong(tab, "person-change-error", http.StatusUnprocessableEntity)
		at("/people/audit?day-day=99&day-month=x&day-year=1")
		g.wrong(tab, "people-audit-error", http.StatusUnprocessableEntity)
		at("/people/classification")
		tab.Set("label", "")
		tab.Send()
		g.wrong(tab, "people-classification-error", http.StatusUnprocessableEntity)
		at("/people/invite")
		tab.Set("name", "a name with spaces")
		tab.Set("email", "no address")
		tab.Set("until", "31")
		tab.Send()
		g.wrong(tab, "people-invite-errors", http.StatusUnprocessableEntity)
		at(limited + "/caseload?school=ash")
		tab.Pick(`input[name="children"]`)
		tab.Click(`button[value="add"]`)
		g.look(tab, "person-caseload-chosen")
		at("/people/person/" + g.idOf("invited.only") + "/reset")
		tab.Send()
		g.look(tab, "person-hand-over")
	}
}

// idOf is the number of a person of a name.
func (g *gallery) idOf(name string) (id string) {
	g.Helper()
	db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
	g.must(err)
	defer func() { g.must(db.Close()) }()
	g.must(db.Read(g.ctx, func(tx *database.Tx) error {
		return tx.QueryRow(g.ctx, "SELECT id FROM users WHERE name = ?", name).Scan(&id)
	}))
	return id
}

// newcomers take the first steps, each in one window: an invitation, a password, the second
// factor, its recovery codes, and a phone that was lost.
func (g *gallery) newcomers() {
	g.Helper()
	for name, o := range map[string]browser.Options{"newcomer": {}, "newydd": onPhone} {
		out, err := g.collector.Command(g.ctx, "user", "invite", name, "--role", "viewer", "--authority", portaltest.Busy)
		g.must(err)
		p := &stack.Person{Name: name, Password: "three random words"}
		g.firstSteps(g.browser.Tab(g, o), p, strings.TrimSpace(out))
		g.secondSteps(g.browser.Tab(g, o), p)
	}
}

func (g *gallery) firstSteps(tab *browser.Tab, p *stack.Person, oneTime string) {
	g.Helper()
	refused := func(name string) {
		g.Helper()
		tab.Send()
		g.wrong(tab, name, http.StatusUnprocessableEntity)
	}
	g.firstStep(tab, p.Name, oneTime)
	g.look(tab, "password")
	refused("password-error")
	tab.Set("password", p.Password)
	tab.Set("again", p.Password)
	tab.Send()
	g.look(tab, "second-factor")
	refused("second-factor-error")
	p.Key = strings.ReplaceAll(tab.TextOf(".portal-key"), " ", "")
	g.code(tab, p)
	g.look(tab, "recovery-codes")
	for code := range strings.FieldsSeq(tab.TextOf(".portal-codes")) {
		p.Recovery = append(p.Recovery, code)
	}
	tab.Click("main a.govuk-button")
	if path := tab.Path(); path != "/" {
		g.Errorf("the first sign-in leads to %s", path)
	}
}

// firstStep gives a name and a password.
func (g *gallery) firstStep(tab *browser.Tab, name, password string) {
	g.Helper()
	tab.Open(g.collector.PortalURL + "/sign-in")
	tab.Set("name", name)
	tab.Set("password", password)
	tab.Send()
}

func (g *gallery) code(tab *browser.Tab, p *stack.Person) {
	g.Helper()
	code, err := g.collector.Code(g.ctx, p)
	g.must(err)
	tab.Set("code", code)
	tab.Send()
}

// secondSteps are those of somebody whose phone is lost.
func (g *gallery) secondSteps(tab *browser.Tab, p *stack.Person) {
	g.Helper()
	refused := func(name string) {
		g.Helper()
		tab.Send()
		g.wrong(tab, name, http.StatusUnprocessableEntity)
	}
	g.firstStep(tab, p.Name, p.Password)
	g.look(tab, "code")
	refused("code-error")
	tab.Set("code", "000000")
	refused("code-wrong")
	tab.Click(`main a[href="/sign-in/recovery"]`)
	g.look(tab, "recovery")
	refused("recovery-error")
	tab.Set("code", p.Recovery[0])
	tab.Send()
	g.look(tab, "account-recovered")
	for name, path := range map[string]string{"recovery-codes-new": "/account/recovery-codes", "second-factor-new": "/account/second-factor"} {
		tab.Open(g.collector.PortalURL + path)
		tab.Set("password", p.Password)
		tab.Send()
		g.look(tab, name)
	}
}

// refusals are what the portal says where it cannot do what is asked: too many wrong
// passwords, and a fault of its own.
func (g *gallery) refusals() {
	g.Helper()
	for _, tab := range g.both("", "") {
		for range 20 { // each makes the next wait longer
			if g.firstStep(tab, "newcomer", "guessed"); tab.Status() == http.StatusTooManyRequests {
				break
			}
		}
		g.wrong(tab, "sign-in-too-often", http.StatusTooManyRequests)
	}
	rename := func(from, to string) {
		g.Helper()
		db, err := database.Open(g.ctx, "sqlite:"+g.collector.DatabaseFile())
		g.must(err)
		g.must(db.Write(g.ctx, func(tx *database.Tx) error {
			_, err := tx.Exec(g.ctx, "ALTER TABLE "+from+" RENAME TO "+to)
			return err
		}))
		g.must(db.Close())
	}
	rename("calls", "calls_away")
	for _, tab := range g.both("administrator", portaltest.Busy) {
		g.open(tab, sight{name: "fault", path: "/calls/history", code: http.StatusInternalServerError})
	}
	rename("calls_away", "calls")
}
