package e2e

import (
	"bytes"
	"strings"
	"testing"

	"rollbridge/collector/portal/portaltest"
	"rollbridge/e2e/browser"
	"rollbridge/e2e/stack"
	"rollbridge/shared/status"
)

// The rest of what people come for, as TestPortalStories has the first of it: each kind of
// person, by keyboard alone, once with JavaScript and once without.
func TestPortalByKeyboard(t *testing.T) {
	needChromium(t)
	g := newGallery(t)
	g.hosted = g.host()
	stories := map[string]func(*gallery, browser.Options){
		"today": (*gallery).lookAtToday, "calls": (*gallery).callWithOthers, "schools": (*gallery).findSchool, "times": (*gallery).keepTimes,
		"export": (*gallery).exportChild, "reports": (*gallery).readReports, "people": (*gallery).lookAfterPeople, "caseload": (*gallery).chooseCaseload,
		"first steps": (*gallery).beginAnew, "own account": (*gallery).ownAccount, "two authorities": (*gallery).changeAuthority,
		"school": (*gallery).decideForSchool, "stop code": (*gallery).enterStopCode, "operator": (*gallery).operate,
	}
	for name, o := range map[string]browser.Options{"with JavaScript": {}, "without JavaScript": {NoScript: true}} {
		for story, do := range stories {
			g.Run(story+" "+name, func(t *testing.T) {
				g := *g
				g.T = t
				do(&g, o)
			})
		}
	}
}

// either is the first with JavaScript and the second without: what one has done the other
// cannot do again.
func either(o browser.Options, first, second string) string {
	if o.NoScript {
		return second
	}
	return first
}

// named is what a selector finds first, as a screen reader names it.
func named(tab *browser.Tab, selector string) string {
	return strings.Join(strings.Fields(tab.TextOf(selector)), " ")
}

// lookAtToday goes from a figure to the children behind it, and takes the list along on
// paper and as files.
func (g *gallery) lookAtToday(o browser.Options) {
	g.Helper()
	tab := g.tab("viewer", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow(named(tab, ".today-count--absent_reason a"))
	tab.Says("Łąć-Brzęczyszczykiewicz", "Illness")
	tab.Check("the children behind a figure")
	tab.Follow("Back to Today")
	tab.Follow("Afternoon")
	tab.Says("Attendance received this afternoon")
	tab.Follow("Morning")
	if file := tab.Save("Download as CSV"); !bytes.Contains(file, []byte("Cherry School")) || bytes.Contains(file, []byte("Brzęczyszczykiewicz")) {
		g.Errorf("the file says:\n%s", file)
	}
	if file := tab.Save("Download as a workbook (XLSX)"); !bytes.HasPrefix(file, []byte("PK")) {
		g.Error("the workbook is none")
	}
	tab.Follow("Print the list")
	tab.Says("Cherry School", "01632 960101")
	tab.Check("the list on paper")
	if n := tab.Sides(); n > 2 {
		g.Errorf("the list is %d sides of A4", n)
	}
}

// callWithOthers says who is calling, gives it back, notes a mark and when to call again,
// and corrects the call; another sees who is calling, and takes it over.
func (g *gallery) callWithOthers(o browser.Options) {
	g.Helper()
	school := either(o, "Fictional School 03", "Fictional School 05")
	tab := g.tab("caller", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("Calls")
	tab.Follow("I am calling this one " + school)
	tab.Says("Record a call", school)
	tab.Follow("Back to the list of calls")
	tab.Says("You are calling since")

	other := g.tab("administrator", portaltest.Busy, o)
	other.Open(g.collector.PortalURL + "/calls")
	other.Says("caller-" + portaltest.Busy + " is calling since")
	other.Follow("I am calling this one " + school)
	other.Says("Somebody else is calling this school")
	other.Follow("Take it over")
	other.Says("Record a call", school)
	other.Follow("Back to the list of calls")
	other.Follow("I am not calling it after all " + school)
	other.Says("It is open to the others again.")

	tab.Follow("Check again")
	tab.Follow("Record a call " + school)
	child := named(tab, ".calls-marks label")
	tab.Choose("Marks given by phone")
	tab.Select("Mark given by phone for "+child, "I ")
	tab.Fill("Call again at (optional)", "2.30pm")
	tab.Check("a call that is written down")
	tab.Follow("Record the call")
	tab.Says("The call to "+school+" is recorded.", "Call again at")
	tab.Follow("Contact history")
	tab.Select("School", school)
	tab.Follow("Show")
	tab.Says("1 call")
	tab.Reach("Clear")
	tab.Follow(named(tab, `main a[href^="/calls/of/"]`))
	tab.Says(child, "I Illness")
	tab.Follow("Correct this call")
	tab.Choose("No answer")
	tab.Select("Mark given by phone for "+child, "No mark")
	tab.Follow("Record the correction")
	tab.Says("The correction for " + school + " is recorded.")
}

// findSchool narrows, sorts and turns the pages of the list.
func (g *gallery) findSchool(o browser.Options) {
	g.Helper()
	tab := g.tab("viewer", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("Schools")
	tab.Follow(named(tab, `main th[aria-sort] a`))
	tab.Check("sorted")
	tab.Follow("Next page")
	if path := tab.Path(); !strings.Contains(path, "page=2") || !strings.Contains(path, "sort=") {
		g.Errorf("the next page of what is sorted is %s", path)
	}
	tab.Select("Status", string(status.ByPhone))
	tab.Follow("Show")
	tab.Says("Juniper School")
	tab.Follow("Clear")
	tab.Fill("Name of the school", "ash tree")
	tab.Go()
	tab.Follow("Ash Tree Primary School and Nursery of the Very Long Name in the Valley of Ystradgynlais")
	tab.Says("Last heard from", "Last register received")
}

// keepTimes changes when a school's registers are expected, and whether it reports by phone.
func (g *gallery) keepTimes(o browser.Options) {
	g.Helper()
	tab := g.tab("caller", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL + "/schools/lime")
	tab.Follow("Change the session times")
	tab.Fill("Late from", "half past")
	tab.Follow("Save the times")
	tab.Says("There is a problem")
	tab.Fill("Late from", "9.50")
	tab.Follow("Save the times")
	tab.Says("The session times are saved")
	tab.Follow("Registers by phone")
	tab.Choose("The school is changing its system or server")
	tab.Follow("Put on the call list every day")
	tab.Says("The school now reports by phone")
	tab.Follow("Registers by phone")
	tab.Follow("Registers come from an agent again")
	tab.Says("Registers are expected from the agent again")
	tab.Follow("Term dates and closures")
	tab.Follow("Paste a list of dates")
	tab.Fill("Dates", "inset, "+either(o, "2027-01-04", "2027-01-05"))
	tab.Follow("Add these dates")
	tab.Says("1 dates added")
}

// exportChild takes what is held of a child along, with the reason.
func (g *gallery) exportChild(o browser.Options) {
	g.Helper()
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL + "/children/" + g.data.Child.School + "/" + string(g.data.Child.Pupil))
	tab.Follow("Export")
	tab.Follow("Export")
	tab.Says("There is a problem", "Choose what the export rests on")
	tab.Choose("A reason in the work of the authority")
	tab.Fill("The reason, or the consent", "The plan is due.")
	if file := tab.Save("Export"); !bytes.HasPrefix(file, []byte("PK")) {
		g.Error("the workbook is none")
	}
}

// readReports goes through all reports, and chooses another time of one.
func (g *gallery) readReports(o browser.Options) {
	g.Helper()
	tab := g.tab("viewer", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	for _, report := range []string{"How timely schools are", "Attendance and its trend", "Suspensions and exclusions", "Progress by key stage"} {
		tab.Follow("Reports")
		tab.Follow(report)
		tab.Says(report, "Correct at")
	}
	tab.Follow("Reports")
	tab.Follow("How timely schools are")
	tab.Select("Period", "Last 91 days")
	tab.Follow("Show")
	tab.Says("The 91 days until")
	if file := tab.Save("Download the tables (CSV)"); !bytes.Contains(file, []byte("Cherry School")) {
		g.Errorf("the file says:\n%s", file)
	}
}

// lookAfterPeople reviews and changes access, ends and gives it back, and reads the audit
// log, which tells of it.
func (g *gallery) lookAfterPeople(o browser.Options) {
	g.Helper()
	who := either(o, "robin.lee", "kim.lee")
	_, err := g.collector.Command(g.ctx, "user", "invite", who, "--role", "viewer", "--authority", portaltest.Busy)
	g.must(err)
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("People")
	tab.Follow("Access review")
	tab.Tick(who)
	tab.Follow("Confirm those that are ticked")
	tab.Says("Confirmed: 1")
	tab.Follow("People")
	tab.Follow(who)
	tab.Follow("Change the access of " + who)
	tab.Choose("Caller")
	tab.Fill("Day", "31")
	tab.Fill("Month", "7")
	tab.Fill("Year", "2027")
	tab.Follow("Save")
	tab.Says("The access of "+who+" was changed", "31 July 2027")
	tab.Follow("End access")
	tab.Says("Every session of the person ends at once")
	tab.Follow("End this access")
	tab.Says("The access of " + who + " has ended")
	tab.Open(g.collector.PortalURL + "/people/person/" + g.idOf(who))
	tab.Follow("Give the access back")
	tab.Follow("Make a one-time password")
	tab.Says("One-time password", who)
	tab.Follow("Back to people")
	tab.Follow("Classification of exports")
	tab.Fill("Classification", "OFFICIAL-SENSITIVE")
	tab.Follow("Save")
	tab.Says("The classification was changed")
	tab.Follow("People")
	tab.Follow("Audit log")
	tab.Select("What", "Ended a")
	tab.Follow("Show")
	tab.Says(who)
	if file := tab.Save("Export as CSV"); !bytes.Contains(file, []byte("person_removed")) {
		g.Errorf("the audit log as a file says:\n%s", file)
	}
}

// chooseCaseload chooses whom somebody sees, who then sees nobody else.
func (g *gallery) chooseCaseload(o browser.Options) {
	g.Helper()
	g.person("caseload", portaltest.Busy)
	tab := g.tab("administrator", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL + "/people/person/" + g.userID("caseload", portaltest.Busy) + "/caseload")
	tab.Select("School", "Cherry School")
	tab.Follow("Show its children")
	child := named(tab, `label[for="children"]`)
	tab.Tick(child)
	tab.Follow("Add to the caseload")
	tab.Says("Children in it: 1")
	theirs := g.tab("caseload", portaltest.Busy, o)
	theirs.Open(g.collector.PortalURL)
	theirs.Follow("Children")
	surname, forename, _ := strings.Cut(child, ", ")
	theirs.Says("1 child", surname, forename)
	theirs.Check("the children of a caseload")
	tab.Tick(child)
	tab.Follow("Take out")
	tab.Says("Children in it: 0")
}

// beginAnew takes the first steps with an invitation: a password, an app, and the codes.
func (g *gallery) beginAnew(o browser.Options) {
	g.Helper()
	p := &stack.Person{Name: either(o, "new.one", "new.two"), Password: "three random words"}
	oneTime, err := g.collector.Command(g.ctx, "user", "invite", p.Name, "--role", "viewer", "--authority", portaltest.Busy)
	g.must(err)
	tab := g.browser.Tab(g, o)
	tab.Open(g.collector.PortalURL)
	tab.Fill("User name", p.Name)
	tab.Fill("Password", strings.TrimSpace(oneTime))
	tab.Go()
	tab.Says("Choose a password")
	tab.Fill("New password", p.Password)
	tab.Fill("The same password again", p.Password)
	tab.Follow("Continue")
	p.Key = strings.ReplaceAll(tab.TextOf(".portal-key"), " ", "")
	code, err := g.collector.Code(g.ctx, p)
	g.must(err)
	tab.Fill("Code", code)
	tab.Follow("Continue")
	tab.Says("These codes are shown only now.")
	recovery := strings.Fields(tab.TextOf(".portal-codes"))[0]
	tab.Follow("I have kept them")
	tab.Says("Attendance received this morning")
	tab.Follow("Sign out")

	tab.Fill("User name", p.Name)
	tab.Fill("Password", p.Password)
	tab.Follow("Sign in")
	tab.Follow("I cannot get a code")
	tab.Fill("Recovery code", strings.ToUpper(recovery))
	tab.Go()
	tab.Says("You used a recovery code, and 9 are left.")
}

// ownAccount changes what is one's own.
func (g *gallery) ownAccount(o browser.Options) {
	g.Helper()
	p := g.person("viewer", portaltest.Busy)
	tab := g.tab("viewer", portaltest.Busy, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow(p.Name)
	tab.Follow("Sign out everywhere else")
	tab.Says("You are signed out everywhere else.")
	tab.Follow("Change your password")
	tab.Fill("Present password", p.Password)
	p.Password += " more"
	tab.Fill("New password", p.Password)
	tab.Fill("The same password again", p.Password)
	tab.Follow("Change password")
	tab.Says("Your password was changed.")
}

// changeAuthority has somebody who works for two see one at a time.
func (g *gallery) changeAuthority(o browser.Options) {
	g.Helper()
	if g.people["team"] == nil {
		joined, err := g.collector.Join(g.ctx, stack.Person{Name: "team", Role: "caller", Authorities: []string{portaltest.Busy, portaltest.Good}})
		g.must(err)
		g.people["team"] = joined
	}
	b, err := g.collector.As(g.ctx, g.people["team"])
	g.must(err)
	tab := g.browser.Tab(g, o)
	tab.Carry(b.Base, b.Client.Jar)
	tab.Open(g.collector.PortalURL)
	tab.Says("Cherry School")
	tab.Select("Authority", "Brent")
	tab.Follow("Change")
	tab.Says("There is no school to phone now.")
	tab.Follow("Calls")
	tab.Check("calls for two authorities")
	tab.Select("Authority", "Barking")
	tab.Follow("Change")
	tab.Says("Cherry School")
}

// decideForSchool has the head of a hosted school look at what would leave, stop that for
// one dataset and allow it again, read the logbook, and pause.
func (g *gallery) decideForSchool(o browser.Options) {
	g.Helper()
	tab := g.tab("school", schoolID, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("What the next delivery would send")
	tab.Follow("Show it, shortened")
	tab.Check("what would leave")
	tab.Follow("Your school")
	tab.Follow("What is asked, and what may leave")
	tab.Follow(named(tab, `main a[href*="what=deny"]`))
	tab.Check("a dataset that is to stay")
	tab.Follow("Cancel")
	tab.Open(g.collector.PortalURL + "/school")
	tab.Follow("Pause")
	tab.Follow("Pause")
	tab.Says("There is a problem")
	tab.Choose("Until we resume")
	tab.Follow("Pause")
	tab.Says("The agent is paused")
	tab.Follow("Resume")
	tab.Says("It reads and sends")
	tab.Follow("Stop for good")
	tab.Follow("Stop and destroy the data")
	tab.Says("There is a problem")
	tab.Follow("Cancel")
}

// enterStopCode is whoever has the revocation code and no machine any more.
func (g *gallery) enterStopCode(o browser.Options) {
	g.Helper()
	tab := g.browser.Tab(g, o)
	tab.Open(g.collector.PortalURL)
	tab.Follow("Stop a school")
	tab.Fill("Revocation code", "not a code")
	tab.Go()
	tab.Says("There is a problem")
	tab.Check("a revocation code that is none")
}

// operate goes through the operator's pages.
func (g *gallery) operate(o browser.Options) {
	g.Helper()
	p := g.person("operator", "")
	tab := g.browser.Tab(g, o)
	tab.Open(g.collector.PrivateURL)
	g.enter(tab, p)
	tab.Says("Schools by status")
	tab.Follow("View schools: Not received")
	tab.Says("Cherry School")
	for _, page := range []string{"Agents", "Batches", "Codes", "Releases", "Upkeep", "Overview"} {
		tab.Follow(page)
		tab.Check("the operator's " + page)
	}
}
