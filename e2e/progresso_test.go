package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/progresso"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A progressoWorld is a school that has a user for the interface of Progresso.
type progressoWorld struct {
	*world
	double *progresso.Double
	server *cloud.Server
}

func newProgresso(t *testing.T, config demoschool.Config) *progressoWorld {
	t.Helper()
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	p := &progressoWorld{world: w, double: &progresso.Double{
		School: w.school, User: "rollbridge", Password: "p&ss=w%rd " + canary + demoschool.CanaryNot, Secret: canary + demoschool.CanaryNot + " stays at school",
	}}
	p.server = w.serve(p.double)
	p.enrolAt(stack.API{
		Names: map[string]string{"host": p.server.URL()}, User: p.double.User, Password: p.double.Password, Columns: progresso.Columns(),
	}.Source("progresso"), w.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
	return p
}

// serve runs a double of a MIS for as long as the test.
func (w *world) serve(double http.Handler) *cloud.Server {
	w.t.Helper()
	s, err := cloud.Start(double)
	w.must(err)
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Errorf("end the double: %v", err)
		}
	})
	return s
}

// tried runs a trial of the profile, which must find pupils.
func (w *world) tried() {
	w.t.Helper()
	out, err := w.agent.Command(w.ctx, "profile", "test")
	w.must(err)
	if !strings.Contains(out, "looked after (by authority") {
		w.t.Errorf("profile test says:\n%s", out)
	}
}

// story syncs what is there at first, then what is added, changed and taken away,
// then a child who comes into care, one who leaves it and one who leaves the school.
func (w *world) story(route oracle.Route) {
	w.t.Helper()
	w.syncAll(route)
	cared := w.school.LookedAfter()
	w.turnPages(cared[0].ID, cared[1].ID)
	w.must(w.school.ChangeMark(cared[0].ID, w.school.Today(), demoschool.AM, "I"))
	w.syncAll(route)

	w.must(w.school.EnterCare(w.school.NotLookedAfter()[0].ID, w.school.Authorities()[1], w.school.Today()))
	w.must(w.school.LeaveCare(cared[2].ID, w.school.Today()))
	w.must(w.school.LeaveRoll(cared[3].ID, w.school.Today().AddDate(0, 0, -1)))
	w.syncAll(route)
	w.sound()
}

// TestProgresso takes every dataset over Progresso. Whatever can be asked of one
// child is asked of nobody who is not looked after, and no address has a secret.
func TestProgresso(t *testing.T) {
	t.Parallel()
	p := newProgresso(t, small())
	p.tried()
	p.server.Forget()
	p.syncAll(oracle.Progresso)
	cared := p.school.LookedAfter()
	for _, r := range p.server.Seen() {
		id := r.Query.Get("LearnerId")
		if id != "" && !slices.ContainsFunc(cared, func(c *demoschool.Pupil) bool { return c.ID == id }) {
			t.Errorf("%s was asked of somebody who is not looked after", r.Path)
		}
		if len(marks([]byte(r.Query.Encode()))) > 0 {
			t.Errorf("the password stood in the address of %s", r.Path)
		}
	}
	p.story(oracle.Progresso)
}

// TestTroubleWithProgresso puts the agent through what Progresso answers when
// something is wrong.
func TestTroubleWithProgresso(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	p := newProgresso(t, config)
	p.syncAll(oracle.Progresso)
	const data, down, right = protocol.ProblemMISData, protocol.ProblemMISDown, protocol.ProblemRightMissing
	well := *p.double
	p.troubles(p.server, oracle.Progresso, func() { p.double.Password, p.double.Without = well.Password, nil }, []cloudTrouble{
		{name: "another password", begin: func() { p.double.Password = "new"; p.double.Expire() }, problem: right, says: "sign"},
		{name: "a token that ends mid-read", faults: []cloud.Fault{{Path: "/v2/BMEvents", Skip: 2, Times: 1, Kind: cloud.ExpireToken}}},
		{name: "no token is good", faults: []cloud.Fault{{Path: "/v2/Learners", Kind: cloud.Status(401)}}, problem: right, says: "401"},
		{name: "no right to the marker", begin: func() { p.double.Without = []string{"LAC", "LACLA"} }, problem: right, says: "LAC and LACLA"},
		{name: "no right to the authority", begin: func() { p.double.Without = []string{"LACLA"} }, problem: right, says: "LAC and LACLA"},
		{name: "no learners", faults: []cloud.Fault{{Path: "/v2/Learners", Kind: cloud.Status(204)}}, problem: data, says: "no pupil"},
		{name: "a request that it does not understand", faults: []cloud.Fault{{Path: "/v2/LearnerContacts", Kind: cloud.Status(400)}}, problem: data, says: "contact"},
		{name: "half an answer", faults: []cloud.Fault{{Path: "/v2/Learners", Kind: cloud.Half}}, problem: data, says: "pupil"},
		{name: "a connection that breaks", faults: []cloud.Fault{{Path: "/v2/LearnerExclusions", Kind: cloud.Cut}}, problem: down, says: "exclusion"},
		{name: "a page of a filter", faults: []cloud.Fault{{Path: "/v2/Employees", Kind: cloud.Login}}, problem: data, says: "filter"},
		{name: "another encoding", faults: []cloud.Fault{{Path: "/v2/Learners", Kind: cloud.WrongCharset}}, problem: data, says: "UTF-8"},
		{name: "sent elsewhere", faults: []cloud.Fault{{Path: "/v2/Learners", Kind: cloud.Redirect}}, problem: data, says: "302"},
		{name: "busy, then well", faults: []cloud.Fault{{Path: "/v2/LearnerRollCallAttendance", Skip: 1, Times: 2, Kind: cloud.Status(503), Seconds: 1}}},
	})
}

// A cloudTrouble is something that goes wrong at a MIS, by begin or by faults.
type cloudTrouble struct {
	name    string
	begin   func()
	faults  []cloud.Fault
	problem protocol.ProblemCode // "": the sync goes well all the same
	says    string
}

// troubles syncs in each: it fails with a sentence, no pupil is named, and nothing
// of what the collector holds goes; mend puts begin right. At the end all is well.
func (w *world) troubles(server *cloud.Server, route oracle.Route, mend func(), all []cloudTrouble) {
	w.t.Helper()
	t := w.t
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			before, sealed := w.held(), w.lastRead().Sealed
			if c.begin != nil {
				server.Change(c.begin)
			}
			for i := range c.faults {
				c.faults[i].Body = w.somebody()
			}
			server.Stage(c.faults...)
			r, err := w.agent.Try(w.ctx, "sync")
			w.must(err)
			server.Calm()
			server.Change(mend)
			last := w.lastRead()
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
			w.must(oracle.Same(before, w.held()))
		})
	}
	w.t = t
	w.syncAll(route)
	w.sound()
}

// somebody is what an answer of the MIS may say of a pupil.
func (w *world) somebody() string {
	return "not for " + w.school.NotLookedAfter()[0].LegalSurname
}
