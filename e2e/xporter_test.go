package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/xporter"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// An xporterWorld is a school that has authorised the agent in Xporter on Demand.
type xporterWorld struct {
	*world
	service *xporter.Service
	server  *cloud.Server
	api     stack.API
}

func newXporter(t *testing.T, config demoschool.Config) *xporterWorld {
	t.Helper()
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	x := &xporterWorld{world: w, service: xporter.New(w.school)}
	x.server = w.serve(x.service)
	x.api = stack.API{
		Names: map[string]string{
			"host": x.server.URL(), "sts": x.server.URL(), "estab": xporter.Estab, "relying_party": x.service.RelyingParty,
			"staff_roles": "Designated teacher, Deputy designated teacher, Attendance officer for looked-after children",
		},
		Password: x.service.Secret,
		Columns:  map[string]map[string]string{"detention": xporter.Detentions.Columns},
	}
	return x
}

func (x *xporterWorld) enrol() {
	x.t.Helper()
	x.enrolAt(x.api.Source("xporter"), x.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
}

// oneOpenPeriod ends every period of special needs of a pupil but the last, as an
// MIS does in which needs and provision are lists of their own.
func (w *world) oneOpenPeriod(pupil string) {
	w.t.Helper()
	all := slices.Collect(w.school.SEN.Of(pupil))
	for i, e := range all {
		if i+1 < len(all) && e.EndDate.IsZero() {
			e.EndDate = all[i+1].StartDate.AddDate(0, 0, -1)
			w.must(w.school.SEN.Change(e))
		}
	}
}

// asked are the requests for a list since the last Forget.
func (x *xporterWorld) requests(list string) []cloud.Request {
	return slices.DeleteFunc(x.server.Seen(), func(r cloud.Request) bool {
		return !strings.HasPrefix(r.Path, xporter.API+"School/"+xporter.Estab+"/"+list)
	})
}

// TestXporter takes every dataset that Xporter has, in small pages: what is there
// at first, what is added, changed and taken away, a child who comes into care and
// one who leaves it. Whoever is not looked after is asked about by nobody.
func TestXporter(t *testing.T) {
	t.Parallel()
	x := newXporter(t, small())
	x.service.MaxPage = 7
	x.enrol()
	x.tried()
	x.syncAll(oracle.Xporter)
	if n := len(x.requests("Students")); n < 2*120/7 {
		t.Errorf("%d requests for students in pages of 7", n)
	}
	cared := x.school.LookedAfter()
	for _, r := range x.server.Seen() {
		if dir, id := path.Split(r.Path); strings.HasSuffix(dir, "/StudentContacts/") || strings.HasSuffix(dir, "/AttendanceForDateRange/") {
			if !slices.ContainsFunc(cared, func(p *demoschool.Pupil) bool { return p.ID == id }) {
				t.Errorf("%s was asked of somebody who is not looked after", dir)
			}
		}
	}

	x.story(oracle.Xporter, x.oneOpenPeriod)
}

// TestXporterOptOuts: whom the school has taken out in the portal is not read,
// and what was sent before goes.
func TestXporterOptOuts(t *testing.T) {
	t.Parallel()
	x := newXporter(t, small())
	x.enrol()
	x.syncAll(oracle.Xporter)
	before := x.held().Counts()

	cared := x.school.LookedAfter()
	out := cared[3].ID
	var contact string
	for c := range x.school.Contacts(cared[4].ID) {
		contact = c.ID
	}
	x.service.GDPR.Students, x.service.GDPR.ContactIDs = []string{out}, []string{contact}
	_, err := x.agent.Command(x.ctx, "sync")
	x.must(err)
	contacts := 1
	for range x.school.Contacts(out) {
		contacts++
	}
	x.must(stack.Await(x.ctx, "what was taken out to go", func() (bool, error) {
		now := x.held().Counts()
		return now["pupil"] == before["pupil"]-1 && now["contact"] == before["contact"]-contacts, nil
	}))

	// Where people are let in one by one, the lists say who is in.
	in := xporter.GDPR{IsOptIn: true}
	for p := range x.school.Pupils() {
		in.Students = append(in.Students, p.ID)
		for c := range x.school.Contacts(p.ID) {
			if c.ID != contact {
				in.ContactIDs = append(in.ContactIDs, c.ID)
			}
		}
	}
	for s := range x.school.Staff() {
		in.Staff = append(in.Staff, s.ID)
	}
	x.service.GDPR = in
	_, err = x.agent.Command(x.ctx, "sync")
	x.must(err)
	x.must(stack.Await(x.ctx, "who was let in to be there", func() (bool, error) {
		now := x.held().Counts()
		return now["pupil"] == before["pupil"] && now["contact"] == before["contact"]-1 && now["staff"] == before["staff"], nil
	}))
}

// TestTroubleWithXporter puts the agent through what the service answers when
// something is wrong: each time the sync fails with a sentence, no pupil is named,
// and nothing of what the collector holds goes.
func TestTroubleWithXporter(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	x := newXporter(t, config)
	x.enrol()
	x.syncAll(oracle.Xporter)
	const (
		students = xporter.API + "School/" + xporter.Estab + "/Students"
		contacts = xporter.API + "School/" + xporter.Estab + "/Contacts"
		history  = xporter.API + "School/" + xporter.Estab + "/StudentSchoolHistory"
	)
	const data, down, right = protocol.ProblemMISData, protocol.ProblemMISDown, protocol.ProblemRightMissing
	// One dataset is kept as it was, the rest is sealed.
	const held = protocol.ProblemHeld
	without := func(scope string) func() {
		return func() {
			x.service.Scopes = slices.DeleteFunc(x.service.Scopes, func(s string) bool { return s == scope })
		}
	}
	well := *x.service
	well.Scopes = slices.Clone(well.Scopes)
	x.troubles(x.server, oracle.Xporter, func() {
		x.service.Secret, x.service.Scopes, x.service.Withdrawn, x.service.Broken, x.service.MaxPage = well.Secret, slices.Clone(well.Scopes), nil, "", 0
	}, []cloudTrouble{
		{name: "another secret", begin: func() { x.service.Secret = "new" }, problem: data, says: "no token that can be used"},
		{name: "no scope of the family", begin: without("StudentFamily"), problem: right, says: "StudentFamily is not granted"},
		{name: "no scope of the UPN", begin: without("UPN"), problem: right, says: "scope UPN is not granted"},
		{name: "students withdrawn", begin: func() { x.service.Withdrawn = []string{"school.students"} }, problem: right, says: "list of students may not be asked"},
		{name: "an error inside 200", begin: func() { x.service.Broken = "Something went wrong for " + canary + "NOT" }, problem: data, says: "an error of its own"},
		{name: "contacts withdrawn: an error inside 200", begin: func() { x.service.Withdrawn = []string{"school.contacts"} }, problem: data, says: "contacts with an error of its own"},
		{name: "403", faults: []cloud.Fault{{Path: students, Kind: cloud.Status(403)}}, problem: right, says: "HTTP 403"},
		{name: "403 of a dataset", faults: []cloud.Fault{{Path: history, Kind: cloud.Status(403)}}, problem: held, says: "school_history"},
		{name: "404", faults: []cloud.Fault{{Path: students, Kind: cloud.Status(404)}}, problem: data, says: "pupil"},
		{name: "500 for ever", faults: []cloud.Fault{{Path: students, Kind: cloud.Status(500)}}, problem: down, says: "500"},
		{name: "503, then well", faults: []cloud.Fault{{Path: students, Times: 2, Kind: cloud.Status(503), Seconds: 1}}},
		{name: "429, then well", faults: []cloud.Fault{{Path: history, Times: 1, Kind: cloud.Status(429), Seconds: 1}}},
		{name: "a token that ends in the middle", faults: []cloud.Fault{{Path: history, Skip: 2, Times: 1, Kind: cloud.ExpireToken}}},
		{name: "a page of a filter", faults: []cloud.Fault{{Path: students, Kind: cloud.Login}}, problem: data, says: "filter"},
		{name: "words", faults: []cloud.Fault{{Path: students, Kind: cloud.Garbage}}, problem: data, says: "JSON"},
		{name: "half an answer", faults: []cloud.Fault{{Path: students, Kind: cloud.Half}}, problem: data, says: "pupil"},
		{name: "the same page for ever", begin: func() { x.service.MaxPage = 50 }, faults: []cloud.Fault{{Path: students, Kind: cloud.SamePage}}, problem: data, says: "of row 1 again"},
		{name: "pupils without their pages", faults: []cloud.Fault{{Path: students, Kind: cloud.Garbage, Body: `{"Students":[{"Id":1,"InLeaCare":0}]}`}}, problem: data, says: "expression last"},
		{name: "an empty answer", faults: []cloud.Fault{{Path: history, Kind: cloud.Empty}}, problem: data, says: "history holds no rows"},
		{name: "another charset", faults: []cloud.Fault{{Path: students, Kind: cloud.WrongCharset}}, problem: data, says: "UTF-8"},
		{name: "sent elsewhere", faults: []cloud.Fault{{Path: students, Kind: cloud.Redirect}}, problem: data, says: "another address"},
		{name: "page 2 fails", begin: func() { x.service.MaxPage = 50 }, faults: []cloud.Fault{{Path: students, Skip: 1, Kind: cloud.Status(400)}}, problem: data, says: "pupil"},
	})
}

// oneByOne are the requests for single contacts, for the history of single pupils
// and for their exclusions: what is asked for only if something changed.
func (x *xporterWorld) oneByOne() int {
	n := 0
	for _, list := range []string{"Contacts/", "StudentSchoolHistory/", "StudentExclusions/"} {
		n += len(x.requests(list))
	}
	return n
}

// tokens are the change tokens with which a list was asked, in order, the pages of
// one change set once.
func (x *xporterWorld) tokens(list string) []string {
	var all []string
	for _, r := range x.requests(list) {
		if token := r.Query.Get("changedRows"); token != "" {
			all = append(all, token)
		}
	}
	return slices.Compact(all)
}

// TestXporterChanges: what the service says has not changed is carried and not
// asked for again; what changed or went is read; a change token is used only once
// what was read with it has been sealed; and a token that the service no longer
// takes leads to a whole read.
func TestXporterChanges(t *testing.T) {
	t.Parallel()
	x := newXporter(t, small())
	x.service.MaxPage, x.service.BareChanges = 40, true
	x.enrol()
	x.syncAll(oracle.Xporter)
	if first := x.tokens("StudentContacts"); len(first) != 1 || first[0] != "*" {
		t.Errorf("the first change set was asked for with %v", first)
	}

	// Nothing has changed but a mark.
	cared := x.school.LookedAfter()
	x.server.Forget()
	x.must(x.school.ChangeMark(cared[0].ID, x.school.Today(), demoschool.AM, "I"))
	x.syncAll(oracle.Xporter)
	if n := x.oneByOne(); n != 0 {
		t.Errorf("%d requests for what has not changed", n)
	}
	before := x.tokens("StudentContacts")
	if len(before) != 1 || before[0] == "*" {
		t.Fatalf("the second change set was asked for with %v", before)
	}

	// Somebody else's history changes: a row without its pupil may be anybody's.
	x.server.Forget()
	other := x.school.NotLookedAfter()[0].ID
	stay := one(x.world, "school history", x.school.SchoolHistory.Of(other))
	stay.SchoolName = "A Renamed Fictional School"
	x.must(x.school.SchoolHistory.Change(stay))
	x.syncAll(oracle.Xporter)
	if len(x.requests("StudentSchoolHistory/")) == 0 || len(x.requests("Contacts/")) != 0 {
		t.Errorf("%d requests for histories, %d for contacts", len(x.requests("StudentSchoolHistory/")), len(x.requests("Contacts/")))
	}

	// A contact goes, another comes, but the read fails after the change set has
	// been asked for: its token is not used.
	x.server.Forget()
	for c := range x.school.Contacts(cared[1].ID) {
		x.must(x.school.RemoveContact(cared[1].ID, c.ID))
		break
	}
	_, err := x.school.AddContact(cared[0].ID, demoschool.Contact{Forename: "Noor", Surname: "Example", Relationship: "CAR", MobilePhone: "07700 900123"})
	x.must(err)
	x.server.Stage(cloud.Fault{Path: xporter.API + "School/" + xporter.Estab + "/AttendanceForDateRange", Kind: cloud.Status(400)})
	r, err := x.agent.Try(x.ctx, "sync")
	x.must(err)
	x.server.Calm()
	if r.Code != exitMIS {
		t.Fatalf("the sync ended with %d:\n%s", r.Code, r.Stderr)
	}
	failed := x.tokens("StudentContacts")
	x.server.Forget()
	x.syncAll(oracle.Xporter)
	if again := x.tokens("StudentContacts"); !slices.Equal(again, failed) {
		t.Errorf("a failed read asked with %v, the next with %v", failed, again)
	}
	if len(x.requests("Contacts/")) == 0 {
		t.Error("contacts were not asked for although one went")
	}

	// The collector is away: what was read is sealed, and so its token is used.
	x.server.Forget()
	x.must(x.collector.Close())
	x.turnPages(cared[0].ID, cared[1].ID)
	x.oneOpenPeriod(cared[0].ID)
	_, err = x.agent.Try(x.ctx, "sync")
	x.must(err)
	sealed := x.tokens("StudentSchoolHistory")
	x.server.Forget()
	_, err = x.collector.Start(x.ctx, "")
	x.must(err)
	x.syncAll(oracle.Xporter)
	if after := x.tokens("StudentSchoolHistory"); slices.Equal(after, sealed) || len(x.requests("StudentSchoolHistory/")) != 0 {
		t.Errorf("a sealed read asked with %v, the next with %v, and %d requests", sealed, after, len(x.requests("StudentSchoolHistory/")))
	}

	// A child comes into care: nothing is carried. Then the service has forgotten.
	x.must(x.school.EnterCare(x.school.NotLookedAfter()[1].ID, x.school.Authorities()[1], x.school.Today()))
	x.must(x.school.LeaveCare(cared[2].ID, x.school.Today()))
	x.server.Forget()
	x.syncAll(oracle.Xporter)
	if x.oneByOne() == 0 {
		t.Error("nothing was asked for although a child came into care")
	}
	x.service.Forget()
	x.server.Forget()
	x.syncAll(oracle.Xporter)
	// The first of the feeds is refused, and then none is asked with an old token.
	if tokens := x.tokens("PersonComms"); len(tokens) != 2 || tokens[1] != "*" || x.oneByOne() == 0 {
		t.Errorf("a forgotten token: asked with %v, and %d requests", tokens, x.oneByOne())
	}
	x.sound()
}
