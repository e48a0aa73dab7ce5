package calls_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"rollbridge/collector/audit"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// A school that does not report is on the list; one form records the call.
func TestACallFromTheListToTheHistory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road Primary")
		r.School("oak", "Oak Academy")
		child := r.child("abbey", "Forename<One>", northshire)
		ok := r.child("oak", "Oakname", northshire)
		r.Today(ok, "/")
		r.AsAt("oak", registertest.At(9, 35))
		b := r.caller()

		list := r.page(b, "/calls")
		contains(t, list, "Abbey Road Primary", "Not received", "01632 960101", "Nobody has called yet", "1 school to call",
			`href="/calls/new?authority=301&amp;school=abbey"`, `href="tel:01632960101"`)
		lacks(t, list, "Oak Academy", "Forename", "Surnamely")

		path := "/calls/new?school=abbey"
		pairs := r.form(b, path)
		contains(t, r.page(b, path), "Forename&lt;One&gt; Surnamely", "/ Present", "The register says: Not received")
		if n := len(r.audited(northshire, audit.ChildrenListed)); n != 2 {
			t.Errorf("%d looks at the children are in the log", n)
		}
		a := b.Post("/calls/new", append(pairs, "outcome", "marked", "mark-"+string(child.Pupil), "I", "note", "The office will look", "session", "AM")...)
		if a.Code != 303 || a.Location != "/calls" {
			t.Fatalf("%d to %s\n%s", a.Code, a.Location, a.Body)
		}
		list = r.page(b, "/calls")
		contains(t, list, "The call to Abbey Road Primary is recorded", "0 schools to call", "1 settled by a call")
		contains(t, r.page(b, "/calls?show=settled"), "alex", "Marks given by phone")
		got := r.ofDay(northshire)
		if len(got) != 1 || got[0].Children[0].Mark != "I" || got[0].Session != status.AM || !got[0].At.Equal(r.now) {
			t.Fatalf("%d calls", len(got))
		}
		if log := r.audited(northshire, audit.MarkByPhone); len(log) != 1 || log[0].School != "abbey" || len(log[0].Children) != 1 || log[0].About != got[0].ID {
			t.Errorf("in the log: %+v", log)
		}
		history := r.page(b, "/calls/history")
		contains(t, history, "1 call", "Abbey Road Primary", "alex", "Marks given by phone")
		lacks(t, history, "The office will look", "Forename")
		one := r.page(b, "/calls/of/abbey/"+got[0].ID)
		contains(t, one, "The office will look", "Forename&lt;One&gt; Surnamely", "I Illness")
		// The mark stands beside what the register says, when it comes.
		r.Today(child, "/")
		r.AsAt("abbey", registertest.At(10, 25))
		contains(t, r.page(b, path), "By phone I, alex, 10:20am", "Present (/)")
		for _, title := range []string{list, history, one} {
			head, _, _ := strings.Cut(title, "</title>")
			lacks(t, head, "Abbey", "Forename", string(child.Pupil))
		}
		lacks(t, r.server.Log.String(), "Forename", "The office")
	})
}

func TestTheFormSentTwiceAndSentWithSomethingElse(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	r.child("abbey", "Forename", northshire)
	b := r.caller()
	pairs := r.form(b, "/calls/new?school=abbey")
	for range 2 {
		if a := b.Post("/calls/new", append(pairs, "outcome", "no_answer")...); a.Code != 303 {
			t.Fatalf("%d\n%s", a.Code, a.Body)
		}
	}
	if n, log := len(r.ofDay(northshire)), r.audited(northshire, audit.CallRecorded); n != 1 || len(log) != 1 {
		t.Fatalf("%d calls, %d in the log", n, len(log))
	}
	a := b.Post("/calls/new", append(pairs, "outcome", "other", "note", "They were engaged")...)
	if a.Code != 422 {
		t.Fatalf("%d to %s", a.Code, a.Location)
	}
	r.words("the form again", a.Body)
	contains(t, a.Body, "Error:", "They were engaged", "was recorded at 10:20am", `name="corrects"`, "the morning register of 23 November 2026")
	if n := len(r.ofDay(northshire)); n != 1 {
		t.Fatalf("%d calls", n)
	}
	r.now = registertest.At(10, 25)
	var again []string
	for _, m := range hidden.FindAllStringSubmatch(a.Body, -1) {
		again = append(again, m[1], m[2])
	}
	if a := b.Post("/calls/new", append(again, "outcome", "other", "note", "They were engaged")...); a.Code != 303 {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	list := r.ofDay(northshire)
	if len(list) != 2 || list[1].Outcome != call.NoAnswer || !list[1].Corrected || list[0].Outcome != call.Other {
		t.Errorf("%d calls", len(list))
	}
	if n := len(r.audited(northshire, audit.CallChanged)); n != 1 {
		t.Errorf("%d corrections in the log", n)
	}
}

func TestTwoCallersAtOneSchool(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("abbey", "Abbey Road Primary")
		r.child("abbey", "Forename", northshire)
		alex, _ := r.person("alex", account.Caller, northshire)
		sam, _ := r.person("sam", account.Caller, northshire)
		if a := alex.Post("/calls/claim", "school", "abbey", "authority", northshire); a.Code != 303 || a.Location != "/calls/new?authority=301&school=abbey" {
			t.Fatalf("%d to %s\n%s", a.Code, a.Location, a.Body)
		}
		contains(t, r.page(alex, "/calls"), "You are calling since 10:20am", "I am not calling it after all")
		contains(t, r.page(sam, "/calls"), "alex is calling since 10:20am")
		contains(t, r.page(sam, "/calls/new?school=abbey"), "alex is calling since 10:20am")
		a := sam.Post("/calls/claim", "school", "abbey", "authority", northshire)
		if a.Code != 409 {
			t.Fatalf("%d", a.Code)
		}
		r.words("claimed", a.Body)
		contains(t, a.Body, "alex said at 10:20am", "Abbey Road Primary", "Take it over")
		if a := sam.Post("/calls/claim", "school", "abbey", "authority", northshire, "take", "yes"); a.Code != 303 {
			t.Fatalf("%d", a.Code)
		}
		contains(t, r.page(alex, "/calls"), "sam is calling since 10:20am")
		if a := sam.Post("/calls/release", "school", "abbey", "authority", northshire); a.Code != 303 {
			t.Fatalf("%d", a.Code)
		}
		lacks(t, r.page(alex, "/calls"), "sam is calling")
		if claims, releases := len(r.audited(northshire, audit.CallClaimed)), len(r.audited(northshire, audit.CallReleased)); claims != 2 || releases != 1 {
			t.Errorf("%d claims and %d releases in the log", claims, releases)
		}
		// Both record at the same moment: both are kept, and one is told of the other.
		forms := [][]string{r.form(alex, "/calls/new?school=abbey"), r.form(sam, "/calls/new?school=abbey")}
		var wait sync.WaitGroup
		for i, b := range []*webtest.Browser{alex, sam} {
			wait.Go(func() {
				if a := b.Post("/calls/new", append(forms[i], "outcome", "no_answer", "session", "AM")...); a.Code != 303 {
					t.Errorf("%d\n%s", a.Code, a.Body)
				}
			})
		}
		wait.Wait()
		if n := len(r.ofDay(northshire)); n != 2 {
			t.Errorf("%d calls", n)
		}
		told := 0
		for _, page := range []string{r.page(alex, "/calls"), r.page(sam, "/calls")} {
			contains(t, page, ", alex: No answer", ", sam: No answer")
			told += strings.Count(page, "recorded one too")
		}
		if told != 1 {
			t.Errorf("%d of them were told of the other", told)
		}
	})
}

// A team that calls for two authorities has one list, with each named.
func TestACallingTeam(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	north, south := r.child("abbey", "Northchild", northshire), r.child("abbey", "Southchild", southshire)
	team, _ := r.person("team", account.Caller, northshire, southshire)
	list := r.page(team, "/calls")
	contains(t, list, "2 schools to call", `href="/calls/new?authority=301&amp;school=abbey"`, `href="/calls/new?authority=302&amp;school=abbey"`)
	one := r.page(team, "/calls?authority=302")
	contains(t, one, "1 school to call", `href="/calls?authority=302">Check again`)
	lacks(t, one, `href="/calls/new?authority=301`)
	form := r.page(team, "/calls/new?school=abbey&authority=302")
	contains(t, form, "Southchild")
	lacks(t, form, "Northchild")
	pairs := r.form(team, "/calls/new?school=abbey&authority=302")
	if a := team.Post("/calls/new", append(pairs, "outcome", "marked", "mark-"+string(south.Pupil), "/")...); a.Code != 303 {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	if n, s := len(r.ofDay(northshire)), len(r.ofDay(southshire)); n != 0 || s != 1 {
		t.Errorf("%d calls for one, %d for the other", n, s)
	}
	if n, s := len(r.audited(northshire, audit.MarkByPhone)), len(r.audited(southshire, audit.MarkByPhone)); n != 0 || s != 1 {
		t.Errorf("%d in the log of one, %d in that of the other", n, s)
	}
	contains(t, r.page(team, "/calls"), "1 school to call")
	id := r.ofDay(southshire)[0].ID
	contains(t, r.page(team, "/calls/of/abbey/"+id+"?authority=302"), "Southchild")

	// Somebody of Northshire alone sees nothing of it.
	b := r.caller()
	for _, path := range []string{"/calls?authority=302", "/calls/new?school=abbey&authority=302", "/calls/history?authority=302", "/calls/of/abbey/" + id,
		"/calls/of/abbey/" + id + "?authority=302", "/calls/new?school=elm", "/calls/new?school=abbey&corrects=" + id, "/calls/of/elm/" + id, "/calls/of/abbey/x"} {
		if a := b.Get(path); a.Code != 404 {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
	pairs = r.form(b, "/calls/new?school=abbey")
	if a := b.Post("/calls/new", append(pairs, "outcome", "marked", "mark-"+string(south.Pupil), "/")...); a.Code != 422 {
		t.Errorf("a mark of another authority's child: %d", a.Code)
	}
	for _, path := range []string{"/calls/claim", "/calls/release", "/calls/new"} {
		if a := b.Post(path, "school", "abbey", "authority", southshire, "outcome", "reached"); a.Code != 404 {
			t.Errorf("%s for another authority: %d", path, a.Code)
		}
		if a := b.Post("/calls/new", "school", "abbey", "outcome", "reached"); a.Code != 404 {
			t.Errorf("a form without its number: %d", a.Code)
		}
		if a := b.Post(path, "school", "elm", "outcome", "reached"); a.Code != 404 {
			t.Errorf("%s to a school that is not there: %d", path, a.Code)
		}
	}
	if n := len(r.ofDay(northshire)); n != 0 {
		t.Errorf("%d calls", n)
	}
	_ = north
}

func TestBadForms(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	child := r.child("abbey", "Forename", northshire)
	b := r.caller()
	pairs := r.form(b, "/calls/new?school=abbey")
	mark, about := "mark-"+string(child.Pupil), "about-"+string(child.Pupil)
	for name, c := range map[string]struct {
		says  string
		pairs []string
	}{
		"empty":                {"Choose what came of the call", nil},
		"no such outcome":      {"Choose one of the options", []string{"outcome", "maybe"}},
		"no mark":              {"choose the mark that the school gave", []string{"outcome", "marked"}},
		"no such mark":         {"Choose a mark that is in the list", []string{"outcome", "marked", mark, "<script>"}},
		"a mark, and nobody":   {"the school was not reached", []string{"outcome", "no_answer", mark, "/"}},
		"absent, and no why":   {"Write why the children are absent", []string{"outcome", "absent", about, "yes"}},
		"absent, and who":      {"Tick the children", []string{"outcome", "absent", "reason", "ill"}},
		"other, and no note":   {"Write in the note", []string{"outcome", "other"}},
		"a long note":          {"must be 1,000 characters or fewer", []string{"outcome", "reached", "note", strings.Repeat("x", 1001)}},
		"a long reason":        {"must be 200 characters or fewer", []string{"outcome", "reached", "reason", strings.Repeat("x", 201)}},
		"no text":              {"characters that cannot be shown", []string{"outcome", "reached", "reason", "a\x07b"}},
		"no time":              {"must be a time such as", []string{"outcome", "reached", "follow_up", "soon"}},
		"a time that has gone": {"has gone", []string{"outcome", "reached", "follow_up", "9:00am"}},
		"no such day":          {"Choose one of the options", []string{"outcome", "reached", "follow_up", "11:00", "follow_day", "2027-01-01"}},
	} {
		a := b.Post("/calls/new", append(pairs, c.pairs...)...)
		if a.Code != 422 || !strings.Contains(a.Body, c.says) || !strings.Contains(a.Body, "<title>Error:") {
			t.Errorf("%s: %d, has no %q", name, a.Code, c.says)
		}
		r.words(name, a.Body)
		lacks(t, a.Body, "<script>")
	}
	if n := len(r.ofDay(northshire)); n != 0 {
		t.Fatalf("%d calls", n)
	}
	// What is scripted is kept and shown as text.
	if a := b.Post("/calls/new", append(pairs, "outcome", "absent", about, "yes", "reason", "<script>alert(1)</script>", "note", "שלום\n你好", "follow_up", "11.30am", "follow_day", "2026-11-24")...); a.Code != 303 {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	got := r.ofDay(northshire)[0]
	if !got.FollowUp.Equal(registertest.On(registertest.Monday.AddDate(0, 0, 1), 11, 30)) || got.Note != "שלום\n你好" {
		t.Errorf("again at %s", got.FollowUp)
	}
	one := r.page(b, "/calls/of/abbey/"+got.ID)
	contains(t, one, "&lt;script&gt;alert(1)", "שלום", "Tue 24 Nov at 11:30am")
	correct := r.page(b, "/calls/new?school=abbey&corrects="+got.ID)
	contains(t, correct, "Correct a call", `value="11:30am"`, `value="2026-11-24" selected`, "&lt;script&gt;", "This is about the morning register")
}

func TestASessionThatEndsWhileOneCalls(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	r.child("abbey", "Forename", northshire)
	b, u := r.person("alex", account.Caller, northshire)
	pairs := r.form(b, "/calls/new?school=abbey")
	r.now = registertest.At(12, 30)
	a := b.Post("/calls/new", append(pairs, "outcome", "other", "note", "They call back")...)
	if a.Code != 303 || !strings.HasPrefix(a.Location, "/sign-in") {
		t.Fatalf("%d to %s", a.Code, a.Location)
	}
	if n := len(r.ofDay(northshire)); n != 0 {
		t.Fatalf("%d calls", n)
	}
	next := b.SignIn(u)
	if next != "/calls/new?school=abbey" {
		t.Fatalf("goes on at %s", next)
	}
	page := r.page(b, next)
	contains(t, page, "They call back", `value="other" checked`, "Your session had ended")
}

func TestExport(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	child := r.child("abbey", "=Forename", northshire)
	r.Must(r.Store.Write(t.Context(), func(tx *store.Tx) error { return tx.SetLabel(t.Context(), northshire, "OFFICIAL-SENSITIVE TEST") }))
	b, u := r.person("admin", account.Administrator, northshire)
	_, err := r.book.Record(t.Context(), store.Sight{Authority: northshire}, call.Call{ID: call.NewID(), School: "abbey", Day: monday, Session: status.AM,
		Outcome: call.Absent, Children: []call.Child{{Pupil: child.Pupil, Mark: "I"}}, Reason: "=ill", By: u.ID, At: r.now}, r.now, nil)
	r.Must(err)
	r.page(b, "/calls/export")
	a := b.Post("/calls/export", "format", "csv")
	if a.Code != 422 {
		t.Errorf("without a reason: %d", a.Code)
	}
	r.words("export", a.Body)
	if n := len(r.audited(northshire, audit.CallsExported)); n != 0 {
		t.Fatalf("%d exports in the log", n)
	}
	a = b.Post("/calls/export", "format", "csv", "reason", "For the review")
	if a.Code != 200 || a.Header.Get("Content-Disposition") != "attachment; filename=calls.csv" {
		t.Fatalf("%d, %s\n%s", a.Code, a.Header.Get("Content-Disposition"), a.Body)
	}
	contains(t, a.Body, "OFFICIAL-SENSITIVE TEST", "'=Forename Surnamely (I)", "'=ill", "Abbey Road Primary", "admin", "2026-11-23 10:20")
	log := r.audited(northshire, audit.CallsExported)
	if len(log) != 2 || log[0].Reason != "For the review" || len(log[0].Children)+len(log[1].Children) != 1 {
		t.Errorf("in the log: %+v", log)
	}
	a = b.Post("/calls/export", "format", "xlsx", "reason", "For the review", "school", "abbey")
	if a.Code != 200 || !strings.HasPrefix(a.Body, "PK") {
		t.Errorf("%d of %d bytes", a.Code, len(a.Body))
	}
	caller := r.caller()
	if a := caller.Get("/calls/export"); a.Code != 403 {
		t.Errorf("a caller exports: %d", a.Code)
	}
	if a := caller.Post("/calls/export", "format", "csv", "reason", "x"); a.Code != 403 {
		t.Errorf("a caller exports: %d", a.Code)
	}
}

func TestWhoMayNotCall(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	viewer, _ := r.person("viewer", account.Viewer, northshire)
	for _, path := range []string{"/calls", "/calls/new?school=abbey", "/calls/history"} {
		if a := viewer.Get(path); a.Code != 403 {
			t.Errorf("%s: %d", path, a.Code)
		}
		if a := r.server.Anybody().Get(path); a.Code != 303 {
			t.Errorf("%s, not signed in: %d", path, a.Code)
		}
	}
	if a := viewer.Post("/calls/new", "school", "abbey", "outcome", "reached"); a.Code != 403 {
		t.Errorf("a viewer records a call: %d", a.Code)
	}
}

// Pages stay small, also on the morning on which 500 schools are silent, and a
// school has 200 children.
func TestManySchoolsAndManyChildren(t *testing.T) {
	r := sqlite(t)
	for n := range 500 {
		r.School(fmt.Sprintf("school-%d", n), fmt.Sprintf("School %03d", n))
	}
	for n := range 200 {
		r.child("school-1", fmt.Sprintf("Forename%d", n), northshire)
	}
	b := r.caller()
	list := r.page(b, "/calls")
	contains(t, list, "500 schools to call", "Showing 1 to 25 of 500")
	form := r.page(b, "/calls/new?school=school-1")
	contains(t, form, "Forename199")
	for name, page := range map[string]string{"list": list, "form": form} {
		if len(page) > 300<<10 {
			t.Errorf("the %s has %d bytes", name, len(page))
		}
	}
	last := "mark-" + string(registertest.PupilID(200))
	for code, want := range map[string]int{"Y7": 303, " y6": 303, "zz": 422} {
		a := b.Post("/calls/new", append(r.form(b, "/calls/new?school=school-1"), "outcome", "marked", last, code)...)
		if a.Code != want {
			t.Errorf("%s is typed: %d", code, a.Code)
		}
	}
	contains(t, r.page(b, "/calls?page=20"), "Showing 476 to 500 of 500")
	contains(t, r.page(b, "/calls?page=99"), "Showing 476 to 500 of 500")
}

func TestTheHistoryIsFilteredAndPaged(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	r.School("oak", "Oak Academy")
	b, u := r.person("alex", account.Caller, northshire)
	for n := range 30 {
		_, err := r.book.Record(t.Context(), store.Sight{Authority: northshire}, call.Call{ID: call.NewID(), School: []string{"abbey", "oak"}[n%2],
			Day: monday.AddDays(-n / 3), Session: status.AM, Outcome: call.NoAnswer, By: u.ID, At: r.now.AddDate(0, 0, -n/3)}, r.now, nil)
		r.Must(err)
	}
	contains(t, r.page(b, "/calls/history"), "30 calls", "Showing 1 to 25 of 30", `?page=2`)
	contains(t, r.page(b, "/calls/history?page=2"), "Showing 26 to 30 of 30")
	contains(t, r.page(b, "/calls/history?school=oak&by="+u.ID), "15 calls", "Clear")
	contains(t, r.page(b, "/calls/history?from-day=23&from-month=11&from-year=2026"), "3 calls")
	a := b.Get("/calls/history?from-day=23&from-month=11&from-year=2026&to-day=22&to-month=11&to-year=2026")
	contains(t, a.Body, "The last day must be the first day or later")
	a = b.Get("/calls/history?from-day=31&from-month=2&from-year=2026")
	contains(t, a.Body, "must be a day that exists")
	a = b.Get("/calls/history?school=elm")
	contains(t, a.Body, "Choose one of the options")
}

func TestInWelsh(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	r.child("abbey", "Forename", northshire)
	b, _ := r.person("alex", account.Administrator, northshire)
	b.Language = "cy"
	for path, text := range map[string]string{
		"/calls": "Galwadau", "/calls/new?school=abbey": "Beth ddaeth o&#39;r alwad?", "/calls/history": "Hanes cysylltu", "/calls/export": "Allforio",
	} {
		page := r.page(b, path)
		contains(t, page, text, `lang="cy"`)
		lacks(t, page, "Record a call", "Contact history", "Who called")
	}
}
