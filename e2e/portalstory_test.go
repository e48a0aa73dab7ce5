package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/stack"
)

// What people come for, done as they do it: by keyboard alone, once with JavaScript and
// once without. Each finds its way by the names that a screen reader says, and what the
// keyboard is at can be seen.
func TestPortalStories(t *testing.T) {
	needChromium(t)
	g := newGallery(t)
	for name, o := range map[string]browser.Options{"with JavaScript": {}, "without JavaScript": {NoScript: true}} {
		g.Run(name, func(t *testing.T) {
			g := *g
			g.T = t
			g.signIn(o)
			g.phone(o)
			g.callByKeys(o)
			g.findChild(o)
			g.editDays(o)
			g.invite(o)
			g.inWelsh(o)
			g.endedMidForm(o)
		})
	}
}

// signIn goes from the address that everybody knows to Today.
func (g *gallery) signIn(o browser.Options) {
	g.Helper()
	p := g.person("viewer", portaltest.Busy)
	tab := g.browser.Tab(g, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("Sign in") // with nothing filled in
	tab.Says("There is a problem", "Enter your user name")
	g.enter(tab, p)
	tab.Says("Attendance received this morning")
	tab.Check("after signing in")
	tab.Follow("Sign out")
	if path := tab.Path(); path != "/sign-in" {
		g.Errorf("signing out leads to %s", path)
	}
}

// enter fills in the two steps of a sign-in.
func (g *gallery) enter(tab *browser.Tab, p *stack.Person) {
	g.Helper()
	tab.Fill("User name", p.Name)
	tab.Fill("Password", p.Password)
	tab.Follow("Sign in")
	code, err := g.collector.Code(g.ctx, p)
	g.must(err)
	tab.Check("asking for a code")
	tab.Fill("Code", code)
	tab.Go()
}

// phone is the morning of somebody who calls: which school, what happened, the number,
// and a record of it.
func (g *gallery) phone(o browser.Options) {
	g.Helper()
	school := "Cherry School"
	if o.NoScript { // the other has been phoned by now
		school = "Fictional School 02"
	}
	tab := g.tab("caller", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Says("Schools to phone", school, "Not received", "01632 960101")
	tab.Follow("Record call to " + school)
	tab.Says("Record a call", school)
	tab.Follow("Record the call")
	tab.Says("There is a problem")
	tab.Choose("Reached, nothing more to do")
	tab.Fill("Note (optional)", "The office sends the register by e-mail.")
	tab.Follow("Record the call")
	tab.Says(school)
	tab.Check("after a call")
}

// callByKeys records what comes of two calls with the fewest keys: a call is written down
// in twenty seconds, so no form may put more of them in the way.
func (g *gallery) callByKeys(o browser.Options) {
	g.Helper()
	schools := []string{"Fictional School 03", "Fictional School 05"}
	if o.NoScript {
		schools = []string{"Fictional School 06", "Fictional School 08"}
	}
	tab := g.tab("caller", portaltest.Busy, o)
	for i, keys := range [][]string{
		{kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.Enter}, // no answer
		{" ", kb.Tab, kb.Tab, "i", kb.Tab, kb.Enter},         // the mark of the first child
	} {
		tab.Open(g.collector.PortalURL + "/calls")
		tab.Follow("Record a call " + schools[i])
		tab.Press(kb.Tab, kb.Enter) // to the content
		tab.Press(kb.Tab, kb.Tab)
		if got := tab.Focused(); got != "Marks given by phone" {
			g.Fatalf("the keyboard is at %q and not at what came of the call", got)
		}
		tab.Press(keys[:len(keys)-1]...)
		tab.Go()
		tab.Says("The call to " + schools[i] + " is recorded")
	}
}

// findChild looks a child up by name, in its own script.
func (g *gallery) findChild(o browser.Options) {
	g.Helper()
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("Children")
	tab.Fill("Name or UPN", "Żaneta")
	tab.Go()
	if path := tab.Path(); path != "/children/search" {
		g.Errorf("the address of a search is %s", path)
	}
	tab.Check("what was found")
	tab.Follow("Żaneta Łąć-Brzęczyszczykiewicz")
	tab.Says("Łąć-Brzęczyszczykiewicz", "Ash Tree Primary School")
}

// editDays enters a closure and takes it back.
func (g *gallery) editDays(o browser.Options) {
	g.Helper()
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL + "/schools/lime")
	tab.Follow("Term dates and closures")
	tab.Says("Term dates and closures of Lime School")
	tab.Fill("Day", "18")
	tab.Fill("Month", "12")
	tab.Fill("Year", "2026")
	tab.Follow("Add")
	tab.Says("Done", "Friday 18 December 2026")
	tab.Check("a closure that was entered")
	tab.Follow("Remove INSET day, Friday 18 December 2026")
	tab.Says("removed", "No closure is entered.")
}

// invite gives somebody access, and shows the one-time password once.
func (g *gallery) invite(o browser.Options) {
	g.Helper()
	name := "jo.lee"
	if o.NoScript {
		name = "sam.lee"
	}
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("People")
	tab.Follow("Invite a person")
	tab.Follow("Invite")
	tab.Says("There is a problem")
	tab.Fill("User name", name)
	tab.Choose("Viewer")
	tab.Follow("Invite")
	tab.Says(name, "One-time password")
	tab.Check("an invitation to hand over")
}

// inWelsh changes the language on the way, which stays.
func (g *gallery) inWelsh(o browser.Options) {
	g.Helper()
	tab := g.tab("viewer", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL + "/schools")
	tab.Follow("Cymraeg")
	if path := tab.Path(); path != "/schools" {
		g.Errorf("the choice of a language leads to %s", path)
	}
	tab.Follow("Heddiw")
	tab.Says("yn aros i gael ei adolygu")
	tab.Check("Today in Welsh")
	tab.Follow("English")
	tab.Says("Schools to phone")
}

// endedMidForm types into a form, lets the session end, sends, signs in again and finds
// all of it.
func (g *gallery) endedMidForm(o browser.Options) {
	g.Helper()
	// Somebody else each time: a code of a second factor works once, also when the clock
	// has gone back.
	p, err := g.collector.Join(g.ctx, stack.Person{Name: either(o, "late.one", "late.two"), Role: "caller", Authorities: []string{portaltest.Busy}})
	g.must(err)
	b, err := g.collector.As(g.ctx, p)
	g.must(err)
	tab := g.browser.Tab(g, o)
	tab.Carry(b.Base, b.Client.Jar)
	tab.Open(g.collector.PortalURL + "/calls/new?school=hazel&session=am")
	tab.Choose("Reached, nothing more to do")
	tab.Fill("Note (optional)", "Typed before the session ended.")
	setClock(g.T, g.clock, time.Until(portaltest.Now().Add(2*time.Hour)))
	defer setClock(g.T, g.clock, time.Until(portaltest.Now()))
	tab.Follow("Record the call")
	tab.Says("Your session has ended")
	g.enter(tab, p)
	tab.Says("What you typed is still here")
	if html := tab.HTML(); tab.ValueOf("note") != "Typed before the session ended." {
		g.Errorf("the note is gone:\n%.3000s", html)
	}
	tab.Check("a form that was kept")
	tab.Follow("Record the call")
	tab.Says("Hazel School")
}
