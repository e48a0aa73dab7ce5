package calls_test

import (
	"strings"
	"testing"

	"rollbridge/collector/calendar"
	"rollbridge/collector/call"
	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// What happened and what to do is said in the words that it has on every page.
func TestTheListSaysWhatHappened(t *testing.T) {
	r := sqlite(t)
	for _, s := range []string{"silent", "stopped", "phone"} {
		r.School(s, s+" school")
		r.child(s, "Forename", northshire)
	}
	r.Heard("silent", registertest.At(8, 58))
	r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'stopped'", database.Micros(registertest.At(8, 0)))
	r.Must(r.DB.Write(t.Context(), func(tx *database.Tx) error {
		return calendar.SetByPhone(t.Context(), tx, "phone", calendar.NoAgent, calendar.Change{At: registertest.At(8, 0)})
	}))
	b := r.caller()
	list := r.page(b, "/calls")
	contains(t, list, "Phone the school. The agent was last heard from at 8:58am.", "Stopped Mon 23 Nov.", status.ByPhone.Next().English)
	lacks(t, list, "The register has not come")
	contains(t, r.page(b, "/calls/new?school=silent"), "Phone the school. The agent was last heard from at 8:58am.")
}

// Who is asked to call again sees which call asked for it, also one of another day.
func TestWhyToCallAgain(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	r.Today(r.child("abbey", "Forename", northshire), "/")
	r.AsAt("abbey", registertest.At(9, 35))
	b, u := r.person("alex", account.Caller, northshire)
	friday := registertest.On(registertest.Monday.AddDate(0, 0, -3), 14, 40)
	asked := call.Call{ID: call.NewID(), School: "abbey", Day: "2026-11-20", Session: status.PM, Outcome: call.Reached, By: u.ID, At: friday, FollowUp: registertest.At(10, 0)}
	_, err := r.book.Record(t.Context(), store.Sight{Authority: northshire}, asked, friday, nil)
	r.Must(err)
	for _, path := range []string{"/calls", "/calls/new?school=abbey"} {
		contains(t, r.page(b, path), "Somebody asked to call again.", "/calls/of/abbey/"+asked.ID, "Fri 20 Nov at 2:40pm")
	}
	// What it was about is not what is known today.
	correct := r.page(b, "/calls/new?school=abbey&corrects="+asked.ID)
	contains(t, correct, "This is about the afternoon register of 20 November 2026.")
	lacks(t, correct, ">Received<", "Somebody asked to call again", "The register says")
	pairs := r.form(b, "/calls/new?school=abbey")
	if a := b.Post("/calls/new", append(pairs, "outcome", "no_answer")...); a.Code != 303 {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	contains(t, r.page(b, "/calls"), "Abbey Road Primary", "/calls/of/abbey/"+asked.ID, "No answer")
}

// Of a school whose children are not known nothing is offered that needs one.
func TestASchoolWithoutNames(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road Primary")
	child := r.child("abbey", "Forename", northshire)
	b := r.caller()
	before := r.form(b, "/calls/new?school=abbey")
	r.Exec("UPDATE schools SET revoked_at = ? WHERE school = 'abbey'", database.Micros(registertest.At(10, 18)))
	page := r.page(b, "/calls/new?school=abbey")
	contains(t, page, "Stopped by school", "Write in the note whom you asked about", `value="reached"`)
	lacks(t, page, `value="marked"`, `value="absent"`, "Why absent", "Forename")
	// The form was open while the school stopped.
	a := b.Post("/calls/new", append(before, "outcome", "marked", "mark-"+string(child.Pupil), "I", "note", "She is ill")...)
	if a.Code != 422 {
		t.Fatalf("%d\n%s", a.Code, a.Body)
	}
	contains(t, a.Body, "Choose another outcome, and write in the note", `href="#children-none"`, "She is ill")
}

// A form leads back to where it was opened from, and a claim to the register that it
// was about, also when it is taken over.
func TestWhereAFormLeadsBackTo(t *testing.T) {
	r := sqlite(t)
	r.now = registertest.At(14, 0)
	r.School("abbey", "Abbey Road Primary")
	r.child("abbey", "Forename", northshire)
	alex, _ := r.person("alex", account.Caller, northshire)
	sam, _ := r.person("sam", account.Caller, northshire)
	contains(t, r.page(alex, "/calls/new?school=abbey&from=today"), `<a class="govuk-link" href="/">Back to Today</a>`)
	contains(t, r.page(alex, "/calls/new?school=abbey"), `<a class="govuk-link" href="/calls">Back to the list of calls</a>`)
	about := []string{"school", "abbey", "authority", northshire, "session", "AM"}
	contains(t, r.page(alex, "/calls"), "This is about the morning")
	if a := alex.Post("/calls/claim", about...); a.Location != "/calls/new?authority=301&school=abbey&session=AM" {
		t.Fatalf("%d to %s", a.Code, a.Location)
	}
	a := sam.Post("/calls/claim", about...)
	_, form, _ := strings.Cut(a.Body, `<form action="/calls/claim"`)
	var again []string
	for _, m := range hidden.FindAllStringSubmatch(form, -1) {
		again = append(again, m[1], m[2])
	}
	if a := sam.Post("/calls/claim", again...); a.Location != "/calls/new?authority=301&school=abbey&session=AM" {
		t.Errorf("taken over: %d to %s", a.Code, a.Location)
	}
}
