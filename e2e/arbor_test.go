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
	a.server = w.serve(a.double)
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
	a.tried()
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

	a.story(oracle.Arbor, a.oneOpenPeriod)
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
	password := a.double.Password
	a.troubles(a.server, oracle.Arbor, func() {
		clear(a.double.Forbidden)
		clear(a.double.Hidden)
		a.double.Password = password
	}, []cloudTrouble{
		{name: "another password", begin: func() { a.double.Password = "new" }, problem: right, says: "sign-in"},
		{name: "no right to pupils", begin: forbid("Student"), problem: right, says: "Student"},
		{name: "no right to persons", begin: hide("Student.person"), problem: right, says: "Person"},
		{name: "no right to statuses", begin: forbid("InCareStatus"), problem: right, says: "InCareStatus"},
		{name: "no right to what a status counts as", begin: hide("InCareStatus.countsAsInCareStatus"), problem: right, says: "InCareStatus"},
		{name: "no right to assignments", begin: forbid("InCareStatusAssignment"), problem: data, says: "whether this account may read it"},
		{name: "no right to whose an assignment is", begin: hide("InCareStatusAssignment.student"), problem: protocol.ProblemIdentifier, says: "pupil"},
		{name: "no right to the authority of an assignment", begin: hide("InCareStatusAssignment.responsibleLocalAuthority"), problem: right, says: "CareAuthority"},
		{name: "no right to when an assignment ends", begin: hide("InCareStatusAssignment.endDate"), problem: right, says: "InCare"},
		{name: "no right to when an assignment begins", begin: hide("InCareStatusAssignment.startDate"), problem: right, says: "InCare"},
		{name: "no right to authorities", begin: forbid("LocalAuthority"), problem: right, says: "LocalAuthority"},
		{name: "404", faults: []cloud.Fault{{Path: "/rest-v2/in-care-status-assignments", Kind: cloud.Status(404)}}, problem: data, says: "gate"},
		{name: "422", faults: []cloud.Fault{{Path: "/rest-v2/in-care-status-assignments", Kind: cloud.Status(422)}}, problem: data, says: "gate"},
		{name: "500 for ever", faults: []cloud.Fault{{Path: "/rest-v2/persons", Kind: cloud.Status(500)}}, problem: down, says: "500"},
		{name: "502, then well", faults: []cloud.Fault{{Path: "/rest-v2/students", Times: 2, Kind: cloud.Status(502), Seconds: 1}}},
		{name: "429, then well", faults: []cloud.Fault{{Path: "/rest-v2/attendance-records", Skip: 3, Times: 1, Kind: cloud.Status(429), Seconds: 1}}},
		{name: "a sign-in page", faults: []cloud.Fault{{Path: "/rest-v2/students", Kind: cloud.Login}}, problem: data, says: "filter"},
		{name: "half an answer", faults: []cloud.Fault{{Path: "/rest-v2/persons", Kind: cloud.Half}}, problem: data, says: "ends in the middle"},
		{name: "the same page for ever", faults: []cloud.Fault{{Path: "/rest-v2/educational-institution-enrolments", Kind: cloud.SamePage}}, problem: data, says: "page"},
		{name: "page 2 fails", faults: []cloud.Fault{{Path: "/rest-v2/educational-institution-enrolments", Skip: 1, Kind: cloud.Status(400)}}, problem: data, says: "enrolments"},
	})
}
