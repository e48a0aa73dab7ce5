package e2e

import (
	"slices"
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
	p.story(oracle.Progresso, nil)
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
