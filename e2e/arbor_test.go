package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/arbor"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// An arborWorld is a school that has made an application user in Arbor.
type arborWorld struct {
	*world
	double *arbor.Double
	server *cloud.Server
	api    stack.API
}

func newArbor(t *testing.T, config demoschool.Config) *arborWorld {
	t.Helper()
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	a := &arborWorld{world: w, double: arbor.New(w.school, "rollbridge", "secret "+canary)}
	var err error
	a.server, err = cloud.Start(a.double)
	w.must(err)
	t.Cleanup(func() {
		if err := a.server.Close(); err != nil {
			t.Error(err)
		}
	})
	a.api = stack.API{
		Names: map[string]string{
			"address":     a.server.URL(),
			"staff_roles": "Designated teacher, Deputy designated teacher, Attendance officer for looked-after children",
		},
		User: a.double.User, Password: a.double.Password,
	}
	return a
}

func (a *arborWorld) enrol() {
	a.t.Helper()
	a.enrolAt(a.api.Source("arbor"), a.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
}

// TestArbor takes every dataset that Arbor has, with registers of lessons beside
// those of the roll call: what is there at first, what is added, changed and taken
// away, a child who comes into care, one who leaves it and one who leaves the
// school. Nothing is asked of anybody who is not looked after.
func TestArbor(t *testing.T) {
	t.Parallel()
	a := newArbor(t, small())
	a.double.LessonRegisters = true
	a.enrol()
	tested, err := a.agent.Command(a.ctx, "profile", "test")
	a.must(err)
	if !strings.Contains(tested, "looked after (by authority") {
		t.Errorf("profile test says:\n%s", tested)
	}
	a.server.Forget()
	a.syncAll(oracle.Arbor)
	cared := a.school.LookedAfter()
	ofCared := func(id string) bool {
		return slices.ContainsFunc(cared, func(p *demoschool.Pupil) bool { return p.ID == id })
	}
	records := 0
	for _, r := range a.server.Seen() {
		student := r.Query.Get("filters.student.equals")
		if student != "" && !ofCared(path.Base(student)) || path.Base(path.Dir(r.Path)) == "students" && !ofCared(path.Base(r.Path)) {
			t.Fatal("somebody was asked about who is not looked after")
		}
		if strings.HasSuffix(r.Path, "/attendance-records") {
			records++
		}
	}
	if records < 3*len(cared) {
		t.Errorf("%d requests for the records of %d pupils: they come in pages of 100", records, len(cared))
	}

	a.turnPages(cared[0].ID, cared[1].ID)
	a.oneOpenPeriod(cared[0].ID)
	a.must(a.school.ChangeMark(cared[0].ID, a.school.Today(), demoschool.AM, "I"))
	a.syncAll(oracle.Arbor)

	a.must(a.school.EnterCare(a.school.NotLookedAfter()[1].ID, a.school.Authorities()[1], a.school.Today()))
	a.must(a.school.LeaveCare(cared[2].ID, a.school.Today()))
	a.must(a.school.LeaveRoll(cared[3].ID, a.school.Today().AddDate(0, 0, -1)))
	a.syncAll(oracle.Arbor)
	a.sound()
}

// TestArborStatusNotKnown: a status that does not say whether it counts is
// neither in care nor out of it, so its pupil is not sent, and meanwhile nothing
// is removed.
func TestArborStatusNotKnown(t *testing.T) {
	t.Parallel()
	config := small()
	config.UnknownMarkers = 1
	a := newArbor(t, config)
	a.enrol()
	a.syncAll(oracle.Arbor)
	before := a.held().Counts()
	a.must(a.school.LeaveCare(a.school.LookedAfter()[0].ID, a.school.Today()))
	_, err := a.agent.Command(a.ctx, "sync")
	a.must(err)
	if now := a.held().Counts(); now["pupil"] != before["pupil"] {
		t.Errorf("%d pupils are held, and %d before: one was removed while it was not clear who is in care", now["pupil"], before["pupil"])
	}
}

// TestTroubleWithArbor puts the agent through what Arbor answers when something
// is wrong, empty objects above all: each time the sync fails with a sentence, no
// pupil is named, and nothing of what the collector holds goes.
func TestTroubleWithArbor(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	a := newArbor(t, config)
	a.enrol()
	a.syncAll(oracle.Arbor)
	const data, down, right = protocol.ProblemMISData, protocol.ProblemMISDown, protocol.ProblemRightMissing
	forbid := func(resource string) func() { return func() { a.double.Forbidden[resource] = true } }
	hide := func(property string) func() { return func() { a.double.Hidden[property] = true } }
	for _, c := range []struct {
		name    string
		begin   func()
		faults  []cloud.Fault
		problem protocol.ProblemCode // "": the sync goes well
		says    string
	}{
		{"another password", func() { a.double.Password = "new" }, nil, right, "sign-in"},
		{"no right to pupils", forbid("Student"), nil, right, "Student"},
		{"no right to persons", hide("Student.person"), nil, right, "Person"},
		{"no right to statuses", forbid("InCareStatus"), nil, right, "InCareStatus"},
		{"no right to what a status counts as", hide("InCareStatus.countsAsInCareStatus"), nil, right, "InCareStatus"},
		{"no right to assignments", forbid("InCareStatusAssignment"), nil, data, "whether this account may read it"},
		{"no right to whose an assignment is", hide("InCareStatusAssignment.student"), nil, protocol.ProblemIdentifier, "pupil"},
		{"no right to the authority of an assignment", hide("InCareStatusAssignment.responsibleLocalAuthority"), nil, right, "CareAuthority"},
		{"no right to when an assignment ends", hide("InCareStatusAssignment.endDate"), nil, right, "InCare"},
		{"no right to when an assignment begins", hide("InCareStatusAssignment.startDate"), nil, right, "InCare"},
		{"no right to authorities", forbid("LocalAuthority"), nil, right, "LocalAuthority"},
		{"404", nil, []cloud.Fault{{Path: "/rest-v2/in-care-status-assignments", Kind: cloud.Status(404)}}, data, "gate"},
		{"422", nil, []cloud.Fault{{Path: "/rest-v2/in-care-status-assignments", Kind: cloud.Status(422)}}, data, "gate"},
		{"500 for ever", nil, []cloud.Fault{{Path: "/rest-v2/persons", Kind: cloud.Status(500)}}, down, "500"},
		{"502, then well", nil, []cloud.Fault{{Path: "/rest-v2/students", Times: 2, Kind: cloud.Status(502), Seconds: 1}}, "", ""},
		{"429, then well", nil, []cloud.Fault{{Path: "/rest-v2/attendance-records", Skip: 3, Times: 1, Kind: cloud.Status(429), Seconds: 1}}, "", ""},
		{"a sign-in page", nil, []cloud.Fault{{Path: "/rest-v2/students", Kind: cloud.Login}}, data, "filter"},
		{"half an answer", nil, []cloud.Fault{{Path: "/rest-v2/persons", Kind: cloud.Half}}, data, "ends in the middle"},
		{"the same page for ever", nil, []cloud.Fault{{Path: "/rest-v2/educational-institution-enrolments", Kind: cloud.SamePage}}, data, "page"},
		{"page 2 fails", nil, []cloud.Fault{{Path: "/rest-v2/educational-institution-enrolments", Skip: 1, Kind: cloud.Status(400)}}, data, "enrolments"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a.t = t
			before, sealed := a.held(), a.lastRead().Sealed
			password := a.double.Password
			a.server.Change(func() {
				if c.begin != nil {
					c.begin()
				}
			})
			a.server.Stage(c.faults...)
			r, err := stack.Run(a.ctx, a.agent.Programs.Agent, "", a.agent.Env(), "sync")
			a.must(err)
			a.server.Calm()
			a.server.Change(func() {
				clear(a.double.Forbidden)
				clear(a.double.Hidden)
				a.double.Password = password
			})
			last := a.lastRead()
			for _, found := range marks([]byte(r.Stdout + r.Stderr + last.Text)) {
				t.Errorf("%s was said", found)
			}
			if c.problem == "" {
				if r.Code != 0 {
					t.Errorf("sync ended with %d and said:\n%s", r.Code, r.Stderr)
				}
				return
			}
			if r.Code != exitMIS || !strings.Contains(r.Stderr, c.says) {
				t.Errorf("sync ended with %d, want %d, and said:\n%s\nwant in it: %s", r.Code, exitMIS, r.Stderr, c.says)
			}
			if last.Problem != c.problem || last.Sealed != sealed {
				t.Errorf("the agent noted problem %q and batch %d, want %q and %d", last.Problem, last.Sealed.Sequence, c.problem, sealed.Sequence)
			}
			a.must(oracle.Same(before, a.held()))
		})
	}
	a.t = t
	a.syncAll(oracle.Arbor)
	a.sound()
}
