package call

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"rollbridge/collector/calendar"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/register/registertest"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func sqlite(t *testing.T) *rig {
	t.Helper()
	return newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
}

// notSetUp adds a school without an agent.
func (r *rig) notSetUp(id, name string) {
	r.Helper()
	r.Must(r.Store.AddSchool(r.Context(), store.School{ID: id, Name: name}))
	r.Must(r.Store.SetProvision(r.Context(), store.Provision{School: id, Authority: north, Datasets: map[record.Dataset][]string{record.DatasetPupil: {"UPN"}}}))
}

func (r *rig) byPhone(school string) {
	r.Helper()
	r.Must(r.DB.Write(r.Context(), func(tx *database.Tx) error {
		return calendar.SetByPhone(r.Context(), tx, school, calendar.NoAgent, calendar.Change{At: at(8, 0)})
	}))
}

func (r *rig) closed(school string) {
	r.Helper()
	r.Must(r.DB.Write(r.Context(), func(tx *database.Tx) error {
		return calendar.Add(r.Context(), tx, school, []calendar.Entry{{Kind: calendar.INSET, First: monday, Last: monday}}, calendar.Change{At: at(8, 0)})
	}))
}

// checkin has a school's agent say something, signed by its key.
func (r *rig) checkin(school string, said protocol.Checkin) {
	r.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	r.Must(err)
	said.Agent, said.Version = envelope.AgentOf(public), "1"
	signed, err := protocol.Sign(key, protocol.DomainCheckin, said)
	r.Must(err)
	body, err := json.Marshal(protocol.Posted{Request: signed})
	r.Must(err)
	frame := protocol.Attempt{Message: protocol.MessageCheckin, Sender: protocol.Sender(said.Agent)}.Encode(body, key)
	r.Exec("UPDATE agents SET agent = ?, sign_key = ? WHERE school = ?", said.Agent[:], []byte(public), school)
	r.Exec("UPDATE attempts SET agent = ?, checkin = ? WHERE school = ?", said.Agent[:], frame, school)
}

// want is the list in short: "school why standing", the carried with a star.
func want(t *testing.T, what string, list []Item, items ...string) {
	t.Helper()
	var got []string
	for _, i := range list {
		text := i.School.School.School.ID + " " + string(i.Why) + " " + string(i.Standing)
		if i.Carried {
			text += " carried"
		}
		if i.Morning {
			text += " morning"
		}
		got = append(got, text)
	}
	if !slices.Equal(got, items) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, ", "), strings.Join(items, ", "))
	}
}

// full makes a school of every kind.
func full(t *testing.T) *rig {
	r := sqlite(t)
	for _, s := range []string{"received", "silent", "held", "paused", "phone", "stopped", "absent", "untaken", "away", "nobody"} {
		r.School(s, s)
		if s != "nobody" {
			r.child(s, north)
		}
	}
	r.notSetUp("new", "new")
	r.AsAt("nobody", at(8, 0))
	r.byPhone("phone")
	r.closed("away")
	r.stop("stopped", at(8, 0))
	r.checkin("paused", protocol.Checkin{Paused: true})
	r.checkin("held", protocol.Checkin{Problems: []protocol.Problem{{Code: protocol.ProblemRightMissing, Since: at(7, 0)}}})
	for school, mark := range map[string]string{"received": "/", "absent": "N", "untaken": ""} {
		c := store.Child{School: school, Pupil: registertest.PupilID(map[string]int{"received": 1, "absent": 7, "untaken": 8}[school])}
		r.Today(c, mark)
		r.AsAt(school, at(9, 35))
	}
	return r
}

func TestWhomToCall(t *testing.T) {
	r := full(t)
	want(t, "at eight", r.list(at(8, 0)), "new daily open", "phone daily open", "stopped daily open", "paused paused open")
	want(t, "late", r.list(at(9, 50)), "untaken not_taken open", "new daily open", "phone daily open", "stopped daily open", "absent children open", "paused paused open")
	want(t, "after the grace period", r.list(at(10, 15)), "held register open", "silent register open", "untaken not_taken open",
		"new daily open", "phone daily open", "stopped daily open", "absent children open", "paused paused open")
	saturday := registertest.On(registertest.Monday.AddDate(0, 0, 5), 10, 30)
	want(t, "on a Saturday", r.list(saturday))
}

func TestWhatACallSettles(t *testing.T) {
	r := sqlite(t)
	for _, s := range []string{"silent", "absent", "phone"} {
		r.School(s, s)
	}
	one, two := r.child("silent", north), r.child("silent", north)
	absent, present := r.child("absent", north), r.child("absent", north)
	phoned := r.child("phone", north)
	r.byPhone("phone")
	r.Today(absent, "N")
	r.Today(present, "/")
	r.AsAt("absent", at(9, 35))
	now := at(10, 30)
	open := []string{"silent register open", "phone daily open", "absent children open"}
	want(t, "no call", r.list(now), open...)
	r.keep(said("silent", NoAnswer))
	r.keep(said("absent", Reached))
	r.keep(said("phone", Marked, Child{phoned.Pupil, "/"}))
	want(t, "nobody answered, and none was named", r.list(now), "silent register open", "absent children open", "phone daily settled")
	r.keep(said("silent", Marked, Child{one.Pupil, "/"}))
	r.keep(said("absent", Absent, Child{absent.Pupil, "I"}))
	want(t, "one of two", r.list(now), "silent register open", "phone daily settled", "absent children settled")
	last := said("silent", Marked, Child{two.Pupil, "I"})
	last.FollowUp = at(11, 30)
	r.keep(last)
	want(t, "to be called again", r.list(now), "silent register waiting", "phone daily settled", "absent children settled")
	want(t, "when it is time", r.list(at(11, 30)), "silent register open", "phone daily settled", "absent children settled")
	// A correction takes the place of what it corrects.
	c := said("silent", NoAnswer)
	c.Corrects, c.At = last.ID, at(10, 40)
	r.keep(c)
	want(t, "corrected", r.list(now), "silent register open", "phone daily settled", "absent children settled")
	c = said("silent", Reached)
	c.At = at(10, 45)
	r.keep(c)
	want(t, "the school as a whole", r.list(now), "silent register settled", "phone daily settled", "absent children settled")
	// The register comes after all, and says something that nobody has asked about.
	r.Today(one, "N")
	r.Today(two, "/")
	r.AsAt("silent", at(10, 50))
	want(t, "a child whose mark was given by phone", r.list(at(10, 55)), "phone daily settled", "absent children settled", "silent children settled")
	r.Today(two, "N")
	want(t, "a child of whom the call that was corrected said something", r.list(at(10, 56)),
		"silent children open", "phone daily settled", "absent children settled")
}

func TestTheAfternoonTakesOverWhatIsOpen(t *testing.T) {
	r := sqlite(t)
	for _, s := range []string{"absent", "silent", "settled", "phone"} {
		r.School(s, s)
		r.child(s, north)
	}
	r.byPhone("phone")
	r.Today(store.Child{School: "absent", Pupil: registertest.PupilID(1)}, "N")
	r.AsAt("absent", at(9, 35))
	r.keep(said("settled", Reached))
	want(t, "in the morning", r.list(at(13, 44)), "silent register open", "phone daily open", "absent children open", "settled register settled")
	want(t, "before the afternoon's grace period ends", r.list(at(14, 0)),
		"silent register open carried", "phone daily open morning", "absent children open carried")
	want(t, "after it", r.list(at(14, 30)),
		"absent register open morning", "settled register open", "silent register open morning", "phone daily open morning")
}

func TestAFollowUpOfAnotherDay(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road")
	child := r.child("abbey", north)
	r.Today(child, "/")
	r.AsAt("abbey", at(9, 35))
	c := said("abbey", Reached)
	c.Day, c.At, c.FollowUp = "2026-11-20", at(10, 0).AddDate(0, 0, -3), at(11, 0)
	r.keep(c)
	want(t, "before", r.list(at(10, 30)), "abbey follow_up waiting")
	list := r.list(at(11, 0))
	want(t, "at the time", list, "abbey follow_up open")
	if !list[0].FollowUp.Equal(at(11, 0)) {
		t.Errorf("at %s", list[0].FollowUp)
	}
}

// Whom somebody is to call again stays on the list until a call ends it or says when
// next, as the form promises of a call that nobody answered.
func TestAFollowUpThatNobodyAnswers(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road")
	r.Today(r.child("abbey", north), "/")
	r.AsAt("abbey", at(9, 35))
	asked := said("abbey", Reached)
	asked.Day, asked.At, asked.FollowUp = "2026-11-20", at(10, 0).AddDate(0, 0, -3), at(10, 0)
	r.keep(asked)
	r.keep(said("abbey", NoAnswer))
	list := r.list(at(10, 30))
	want(t, "nobody answered", list, "abbey follow_up open")
	if list[0].Asked.ID != asked.ID || len(list[0].Calls) != 1 {
		t.Errorf("the call that asked for it is %q, of %d today", list[0].Asked.ID, len(list[0].Calls))
	}
	later := said("abbey", NoAnswer)
	later.At, later.FollowUp = at(10, 35), at(11, 30)
	r.keep(later)
	want(t, "later", r.list(at(10, 40)), "abbey follow_up waiting")
	c := said("abbey", NoAnswer)
	c.Corrects, c.At = later.ID, at(10, 45)
	r.keep(c)
	want(t, "not later after all", r.list(at(10, 50)), "abbey follow_up open")
	last := said("abbey", Reached)
	last.At = at(11, 0)
	r.keep(last)
	want(t, "reached", r.list(at(11, 5)))
}

// A call about one child does not end what is to be asked about another.
func TestAFollowUpOfAnotherChild(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road")
	one, two := r.child("abbey", north), r.child("abbey", north)
	r.Today(one, "/")
	r.Today(two, "N")
	r.AsAt("abbey", at(9, 35))
	asked := said("abbey", Reached, Child{one.Pupil, ""})
	asked.FollowUp = at(11, 0)
	r.keep(asked)
	other := said("abbey", Marked, Child{two.Pupil, "I"})
	other.At = at(10, 30)
	r.keep(other)
	want(t, "another child", r.list(at(11, 0)), "abbey children open")
	last := said("abbey", Reached, Child{one.Pupil, ""}, Child{two.Pupil, ""})
	last.At = at(11, 5)
	r.keep(last)
	want(t, "both", r.list(at(11, 10)), "abbey children settled")
}

// A child of whom the school says why it is absent, and that it is asked about again
// on another day, needs no call any more today.
func TestWhatIsFollowedOnAnotherDayIsSettledToday(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road")
	child := r.child("abbey", north)
	c := said("abbey", Absent, Child{child.Pupil, "I"})
	c.FollowUp = at(9, 0).AddDate(0, 0, 1)
	r.keep(c)
	want(t, "today", r.list(at(10, 30)), "abbey register settled")
	r.School("oak", "Oak")
	r.child("oak", north)
	c = said("oak", NoAnswer)
	c.FollowUp = at(9, 0).AddDate(0, 0, 1)
	r.keep(c)
	want(t, "where nobody answered", r.list(at(10, 30)), "oak register open", "abbey register settled")
}

// A school from which nothing comes, and which has no afternoon, is not lost where
// nobody reached it in the morning.
func TestADailyCallIsCarriedOverWhereThereIsNoAfternoon(t *testing.T) {
	r := sqlite(t)
	r.School("phone", "phone")
	r.child("phone", north)
	r.byPhone("phone")
	r.Must(r.DB.Write(t.Context(), func(tx *database.Tx) error {
		return calendar.Add(t.Context(), tx, "phone", []calendar.Entry{{Kind: calendar.INSET, First: monday, Last: monday, Session: status.PM}}, calendar.Change{At: at(8, 0)})
	}))
	want(t, "in the afternoon", r.list(at(14, 0)), "phone daily open carried")
}

func TestTheListSaysWhoIsCalling(t *testing.T) {
	r := sqlite(t)
	r.School("abbey", "Abbey Road")
	_, err := r.book.Claim(t.Context(), northSight, Claim{School: "abbey", Day: monday, Session: status.AM, By: "sam-id", At: at(10, 20)}, false, nil)
	r.Must(err)
	if list := r.list(at(10, 21)); len(list) != 1 || list[0].Claim == nil || list[0].Claim.ByName != "sam" {
		t.Errorf("%d items", len(list))
	}
	if list := r.list(at(10, 31)); list[0].Claim != nil {
		t.Error("the claim has ended")
	}
}

func TestFaults(t *testing.T) {
	child := Child{Pupil: registertest.PupilID(1)}
	now := at(10, 20)
	good := func() Call {
		c := said("abbey", Reached)
		c.Authority = north
		return c
	}
	for name, c := range map[string]struct {
		change func(*Call)
		want   string
	}{
		"nothing":                {func(c *Call) { c.Outcome = "" }, "outcome: missing"},
		"no such outcome":        {func(c *Call) { c.Outcome = "maybe" }, "outcome: unknown"},
		"marks without a mark":   {func(c *Call) { c.Outcome, c.Children = Marked, []Child{child} }, "children: missing"},
		"absent without a child": {func(c *Call) { c.Outcome, c.Reason = Absent, "ill" }, "children: missing"},
		"absent without why":     {func(c *Call) { c.Outcome, c.Children = Absent, []Child{child} }, "reason: missing"},
		"no such mark":           {func(c *Call) { c.Outcome, c.Children = Marked, []Child{{child.Pupil, "?!"}} }, "children: code"},
		"a mark, but no answer":  {func(c *Call) { c.Outcome, c.Children = NoAnswer, []Child{{child.Pupil, "/"}} }, "children: mark"},
		"other without a note":   {func(c *Call) { c.Outcome = Other }, "note: missing"},
		"a long reason":          {func(c *Call) { c.Reason = strings.Repeat("é", MaxReason+1) }, "reason: too_long"},
		"a long note":            {func(c *Call) { c.Note = strings.Repeat("é", MaxNote+1) }, "note: too_long"},
		"no text":                {func(c *Call) { c.Note = "a\x00b" }, "note: controls"},
		"no UTF-8":               {func(c *Call) { c.Reason = "\xff" }, "reason: controls"},
		"a time that has gone":   {func(c *Call) { c.FollowUp = now }, "follow_up: past"},
		"next year":              {func(c *Call) { c.FollowUp = now.AddDate(1, 0, 0) }, "follow_up: too_late"},
		"":                       {func(*Call) {}, ""},
		"a note of its longest":  {func(c *Call) { c.Note = strings.Repeat("é", MaxNote) }, ""},
		"absent with a mark":     {func(c *Call) { c.Outcome, c.Children = Absent, []Child{{child.Pupil, "I"}} }, ""},
		"in every script":        {func(c *Call) { c.Note = "שלום, 你好, مرحبا" }, ""},
	} {
		call := good()
		c.change(&call)
		err := call.tidy().check(now)
		var fault *FaultError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	for name, change := range map[string]func(*Call){
		"id": func(c *Call) { c.ID = "1" }, "person": func(c *Call) { c.By = "" }, "session": func(c *Call) { c.Session = "noon" }, "day": func(c *Call) { c.Day = "" },
	} {
		call := good()
		change(&call)
		if call.check(now) == nil {
			t.Errorf("a call without its %s is taken", name)
		}
	}
}

func TestCodesOfASession(t *testing.T) {
	for _, c := range []struct {
		authority string
		session   status.Session
		has, not  string
	}{
		{north, status.AM, "/", "\\"}, {north, status.PM, "\\", "/"}, {north, status.AM, "C1", "H"}, {"660", status.AM, "H", "C1"},
	} {
		list := Codes(c.authority, monday, c.session)
		has := func(code string) bool {
			for _, m := range list {
				if m.Code == code {
					return true
				}
			}
			return false
		}
		if !has(c.has) || has(c.not) {
			t.Errorf("%s %s has %d codes: %s %t, %s %t", c.authority, c.session, len(list), c.has, has(c.has), c.not, has(c.not))
		}
	}
}
