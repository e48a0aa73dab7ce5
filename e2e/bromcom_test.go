package e2e

import (
	"strings"
	"testing"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/bromcom"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A bromcomWorld is a school whose Bromcom answers over one of its interfaces.
type bromcomWorld struct {
	*world
	odata   bromcom.OData
	partner bromcom.Partner
	server  *cloud.Server
	api     stack.API
}

// bromcomSchool has small pages, and texts that must stay.
func bromcomSchool(w *world) bromcom.School {
	return bromcom.School{School: w.school, ID: "17", Secret: canary + demoschool.CanaryNot + " stays at school", PageRows: 25}
}

func newOData(t *testing.T, config demoschool.Config) *bromcomWorld {
	t.Helper()
	b := &bromcomWorld{world: emptyWorld(t, config)}
	b.asked = record.Datasets()
	b.odata = bromcom.OData{School: bromcomSchool(b.world), User: "rollbridge", Password: "secret " + canary + demoschool.CanaryNot}
	b.server = b.serve(&b.odata)
	b.api = stack.API{
		Names: map[string]string{"host": b.server.URL(), "staff_codes": b.staffCodes()},
		User:  b.odata.User, Password: b.odata.Password, Columns: bromcom.ODataColumns(),
	}
	return b
}

// staffCodes are those of everybody whom the tests make staff with a role.
func (b *bromcomWorld) staffCodes() string {
	var codes []string
	for p := range b.school.Staff() {
		codes = append(codes, bromcom.StaffCode(p))
	}
	return strings.Join(append(codes, "S7013"), ",")
}

func newPartner(t *testing.T, config demoschool.Config) *bromcomWorld {
	t.Helper()
	b := &bromcomWorld{world: emptyWorld(t, config)}
	b.asked = record.Datasets()
	b.partner = bromcom.Partner{School: bromcomSchool(b.world), ApplicationID: "rollbridge", ApplicationSecret: "secret-" + canary + demoschool.CanaryNot}
	b.server = b.serve(&b.partner)
	b.api = stack.API{
		Names: map[string]string{"host": b.server.URL(), "school": b.partner.ID},
		User:  b.partner.ApplicationID, Password: b.partner.ApplicationSecret, Columns: bromcom.PartnerColumns(),
	}
	return b
}

func (b *bromcomWorld) enrol(profile string) {
	b.t.Helper()
	b.enrolAt(b.api.Source(profile), b.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
}

// TestBromcomOData takes every dataset over OData, whose filters have 20 terms at
// most and whose pages have links.
func TestBromcomOData(t *testing.T) {
	t.Parallel()
	b := newOData(t, small())
	b.enrol("bromcom-odata")
	b.tried()
	b.story(oracle.BromcomOData, nil)
	links := 0
	for _, r := range b.server.Seen() {
		if r.Status == 400 {
			t.Errorf("%s was asked with a filter that Bromcom refuses", r.Path)
		}
		if r.Query.Has("$skip") {
			links++
		}
	}
	if links == 0 {
		t.Error("no link to a page was followed")
	}
}

// TestBromcomPartner takes every dataset over the Partner Data API, whose page
// stands inside the filter and whose texts are padded.
func TestBromcomPartner(t *testing.T) {
	t.Parallel()
	b := newPartner(t, small())
	b.enrol("bromcom-partner")
	b.tried()
	b.story(oracle.BromcomPartner, nil)
	pages := 0
	for _, r := range b.server.Seen() {
		if r.Status == 400 {
			t.Errorf("%s was asked with a filter that Bromcom refuses", r.Path)
		}
		if strings.HasSuffix(r.Query.Get("entityFilter"), "{page:3}") {
			pages++
		}
	}
	if pages == 0 {
		t.Error("no fourth page was asked for, and every answer has 25 rows a page")
	}
}

// TestBromcomWithoutAnAuthority: until the school has named the column of the
// caring authority nothing is asked of Bromcom, and the agent says whom to ask.
func TestBromcomWithoutAnAuthority(t *testing.T) {
	t.Parallel()
	for profile, open := range map[string]func(*testing.T, demoschool.Config) *bromcomWorld{"bromcom-odata": newOData, "bromcom-partner": newPartner} {
		t.Run(profile, func(t *testing.T) {
			b := open(t, small())
			delete(b.api.Columns, "pupil")
			b.enrol(profile)
			r, err := b.agent.Try(b.ctx, "sync")
			b.must(err)
			if r.Code == 0 || !strings.Contains(r.Stderr, "CareAuthority is not known") || !strings.Contains(r.Stderr, "Bromcom's support") {
				t.Errorf("sync ended with %d and said:\n%s", r.Code, r.Stderr)
			}
			if n := len(b.server.Seen()); n > 0 {
				t.Errorf("Bromcom was asked %d times", n)
			}
		})
	}
}

// TestTroubleWithBromcomOData puts the agent through what OData answers when
// something is wrong.
func TestTroubleWithBromcomOData(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	b := newOData(t, config)
	b.enrol("bromcom-odata")
	b.syncAll(oracle.BromcomOData)
	const data, right = protocol.ProblemMISData, protocol.ProblemRightMissing
	well := b.odata
	const students = "/Nucleus/OData/Students"
	b.troubles(b.server, oracle.BromcomOData, func() { b.odata.Password, b.odata.Unticked = well.Password, nil }, []cloudTrouble{
		{name: "another password", begin: func() { b.odata.Password = "new" }, problem: right, says: "401"},
		{name: "students not released", begin: func() { b.odata.Unticked = []string{"Students"} }, problem: right, says: "403"},
		{name: "page 2 fails", faults: []cloud.Fault{{Path: students, Skip: 1, Kind: cloud.Status(400)}}, problem: data, says: "400"},
		{name: "the same page for ever", faults: []cloud.Fault{{Path: students, Kind: cloud.SamePage}}, problem: data, says: "again"},
		{name: "an object without rows", faults: []cloud.Fault{{Path: students, Kind: cloud.Empty}}, problem: data, says: "no rows where"},
		{name: "bytes that are no UTF-8", faults: []cloud.Fault{{Path: students, Kind: cloud.BadUTF8}}, problem: data, says: "UTF-8"},
		{name: "too many requests, then well", faults: []cloud.Fault{{Path: students, Skip: 2, Times: 2, Kind: cloud.Status(429), Seconds: 1}}},
	})
}

// TestTroubleWithBromcomPartner is the same of the Partner Data API. An entity
// that is not ticked is not permitted, and never taken for empty.
func TestTroubleWithBromcomPartner(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	b := newPartner(t, config)
	b.enrol("bromcom-partner")
	b.syncAll(oracle.BromcomPartner)
	const data, right = protocol.ProblemMISData, protocol.ProblemRightMissing
	well := b.partner
	mend := func() {
		b.partner.ApplicationSecret, b.partner.ID, b.partner.Unticked, b.partner.Unsuccessful = well.ApplicationSecret, well.ID, nil, nil
	}
	b.troubles(b.server, oracle.BromcomPartner, mend, []cloudTrouble{
		{name: "another secret", begin: func() { b.partner.ApplicationSecret = "new" }, problem: right, says: "401"},
		{name: "another school", begin: func() { b.partner.ID = "18" }, problem: right, says: "403"},
		{name: "students not ticked", begin: func() { b.partner.Unticked = []string{"StudentFlatView"} }, problem: right, says: "403"},
		{name: "children in care not ticked", begin: func() { b.partner.Unticked = []string{"StudentsInCare"} }, problem: right, says: "403"},
		{name: "no success, with status 200", begin: func() { b.partner.Unsuccessful = []string{"StudentFlatView"} }, problem: data, says: "pupil"},
		{name: "half an answer", faults: []cloud.Fault{{Path: "/v2/StudentAttendanceByWeek", Kind: cloud.Half}}, problem: data, says: "attendance"},
		{name: "a page of a filter", faults: []cloud.Fault{{Path: "/v2/", Kind: cloud.Login}}, problem: data, says: "filter"},
	})
	b.notTicked()
}

// notTicked: special needs that are not ticked any more are held, with what the
// collector has of them, and the others go on.
func (b *bromcomWorld) notTicked() {
	b.t.Helper()
	before := b.held().Counts()
	b.server.Change(func() { b.partner.Unticked = []string{"SENStudents"} })
	pupil := b.school.LookedAfter()[0].ID
	b.must(b.school.ChangeMark(pupil, b.school.Today(), demoschool.AM, "O"))
	r, err := b.agent.Try(b.ctx, "sync")
	b.must(err)
	status, err := b.agent.Command(b.ctx, "status")
	b.must(err)
	if said := r.Stdout + r.Stderr + status; !strings.Contains(said, "sen") || !strings.Contains(said, "403") {
		b.t.Errorf("nothing says that sen is not permitted: sync ended with %d\n%s", r.Code, said)
	}
	if now := b.held().Counts(); now["sen"] != before["sen"] || before["sen"] == 0 {
		b.t.Errorf("%d periods of special needs are held, and %d before", now["sen"], before["sen"])
	}
	b.server.Change(func() { b.partner.Unticked = nil })
	b.syncAll(oracle.BromcomPartner)
}
