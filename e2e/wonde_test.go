package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/cloud"
	"rollbridge/e2e/cloud/wonde"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/oracle"
	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A wondeWorld is a school whose MIS is read through Wonde.
type wondeWorld struct {
	*world
	double *wonde.Double
	server *cloud.Server
	api    stack.API
}

// newWonde is a school that has approved the agent, and has found out what no
// public source says: the members of in_care_details, needs, exclusions, results.
func newWonde(t *testing.T, config demoschool.Config) *wondeWorld {
	t.Helper()
	w := emptyWorld(t, config)
	w.asked = record.Datasets()
	o := &wondeWorld{world: w, double: wonde.New(w.school, "A1930499544", "token"+canary, time.Now().Add(-24*time.Hour))}
	schoolSays(o.double)
	o.server = w.serve(o.double)
	o.api = stack.API{
		Names: map[string]string{
			"domain": o.server.URL(), "school": o.double.School,
			"staff_roles": "Designated teacher, Deputy designated teacher, Attendance officer for looked-after children",
		},
		Password: o.double.Token,
		Columns:  wondeColumns,
	}
	return o
}

// schoolSays gives the members whose names are the school's to find out.
func schoolSays(d *wonde.Double) {
	day := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return t.Format(time.DateOnly)
	}
	d.InCareDetails = func(p *demoschool.Pupil) any {
		return map[string]any{"data": []any{map[string]any{"la_code": p.CareAuthority, "began": day(p.CareStart), "ended": day(p.CareEnd)}}}
	}
	d.SENNeeds = func(e demoschool.SEN) any {
		list := []any{}
		for i, need := range e.Needs {
			list = append(list, map[string]any{"rank": i + 1, "code": need})
		}
		return list
	}
	d.Exclusion = func(e demoschool.Exclusion) map[string]any {
		return map[string]any{
			"type": e.Category, "reasons": e.Reasons, "start_date": day(e.StartDate), "end_date": day(e.EndDate),
			"start_session": e.StartSession, "end_session": e.EndSession, "sessions": e.Sessions, "review": e.Review,
		}
	}
	d.Result = func(a demoschool.AssessmentResult) map[string]any {
		return map[string]any{
			"stage": a.Stage, "locale": a.Locale, "year": a.Year, "subject": a.Subject, "method": a.Method, "component": a.Component,
			"status": a.ResultStatus, "qualifier": a.ResultQualifier, "result": a.Result, "date": day(a.ResultDate), "set": a.ResultSet,
		}
	}
}

// wondeColumns are what the school wrote into its settings.
var wondeColumns = map[string]map[string]string{
	"pupil": {
		"CareAuthority": ".extended_details.data.in_care_details.data[0].la_code",
		"CareStart":     ".extended_details.data.in_care_details.data[0].began",
		"CareEnd":       ".extended_details.data.in_care_details.data[0].ended",
	},
	"sen": {"SENneeds": `[.sen_needs.data[] | "\(.rank):\(.code)"]`},
	"exclusion": {
		"exclusion": ".id", "Category": ".type", "Reasons": ".reasons", "StartDate": ".start_date", "EndDate": ".end_date",
		"StartSession": ".start_session", "EndSession": ".end_session", "Sessions": ".sessions", "Review": ".review",
	},
	"assessment_result": {
		"assessment_result": ".id", "Stage": ".stage", "Locale": ".locale", "Year": ".year", "Subject": ".subject", "Method": ".method",
		"Component": ".component", "ResultStatus": ".status", "ResultQualifier": ".qualifier", "Result": ".result", "ResultDate": ".date",
		"ResultSet": ".set", "Aspect": ".aspect.data.name",
	},
}

func (o *wondeWorld) enrol() {
	o.t.Helper()
	o.enrolAt(o.api.Source("wonde"), o.setUpCollector(stack.CollectorOptions{}), stack.AgentOptions{})
}

// TestWonde takes every dataset that Wonde passes on, with both forms of the link
// to the next page: what is there at first, what is added, changed and taken away,
// a child who comes into care and one who leaves it.
func TestWonde(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	o.double.MostPage = 50
	o.enrol()
	o.tried()
	o.server.Forget()
	o.syncAll(oracle.Wonde)
	pages := 0
	for _, r := range o.server.Seen() {
		if strings.HasSuffix(r.Path, "/attendance/session") {
			pages++
		}
	}
	if pages < 100 {
		t.Errorf("%d requests for marks in pages of 50", pages)
	}

	o.story(oracle.Wonde, func(changed string) {
		o.oneOpenPeriod(changed)
		o.double.LinksNext = true
		o.double.Revise(time.Now())
	})
}

// TestWondeFeed: lists in which nothing of the pupils in care was updated, and from
// which nothing was deleted, are not asked for again.
func TestWondeFeed(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	o.enrol()
	o.syncAll(oracle.Wonde)
	cared := o.school.LookedAfter()
	for _, c := range []struct {
		name   string
		change func()
		reads  string // lists that are read whole
	}{
		{"nothing", func() {}, ""},
		{"a mark of somebody else", func() {
			o.must(o.school.ChangeMark(o.school.NotLookedAfter()[0].ID, o.school.Today(), demoschool.AM, "I"))
		}, ""},
		{"a mark of a pupil in care", func() { o.must(o.school.ChangeMark(cared[0].ID, o.school.Today(), demoschool.AM, "I")) }, "attendance/session"},
		{"an entry deleted", func() {
			o.must(o.school.Behaviour.Remove(one(o.world, "behaviour", o.school.Behaviour.Of(cared[1].ID))))
		}, "achievements attendance/session behaviours"},
	} {
		c.change()
		o.double.Revise(time.Now())
		o.server.Forget()
		o.syncAll(oracle.Wonde)
		whole := map[string]bool{}
		for _, r := range o.server.Seen() {
			list := strings.TrimPrefix(r.Path, "/v1.0/schools/"+o.double.School+"/")
			if r.Query.Get("updated_after") == "" && strings.Contains("attendance/session behaviours achievements", list) {
				whole[list] = true
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(whole)), " "); got != c.reads {
			t.Errorf("%s: %q was read again, want %q", c.name, got, c.reads)
		}
	}
	o.sound()
}

// TestWondeAsksForTheAuthority: no public source says where it stands, so nothing
// is read until the school says it, and the agent says whom to ask.
func TestWondeAsksForTheAuthority(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	o.api.Columns = nil
	o.enrol()
	r, err := o.agent.Try(o.ctx, "sync")
	o.must(err)
	if r.Code == 0 || !strings.Contains(r.Stderr, "Ask Wonde") || !strings.Contains(r.Stderr, "mis.datasets.pupil.columns.CareAuthority") {
		t.Errorf("sync ended with %d and said:\n%s", r.Code, r.Stderr)
	}
	for _, seen := range o.server.Seen() {
		t.Errorf("%s was asked for", seen.Path)
	}
}

// TestWondeNullIsNotNo: an MIS that passes the marker on for those in care only
// leaves it unclear who else is, unless the school says what its null means.
func TestWondeNullIsNotNo(t *testing.T) {
	t.Parallel()
	o := newWonde(t, small())
	o.enrol()
	o.syncAll(oracle.Wonde)
	before := o.held().Counts()
	o.double.NotSupplied["extended_details.in_lea_care"] = true
	o.must(o.school.LeaveCare(o.school.LookedAfter()[0].ID, o.school.Today()))
	o.double.Revise(time.Now())
	_, err := o.agent.Command(o.ctx, "sync")
	o.must(err)
	if now := o.held().Counts(); now["pupil"] != before["pupil"] {
		t.Errorf("%d pupils are held, and %d before: a null was taken for no", now["pupil"], before["pupil"])
	}
	r, err := stack.Run(o.ctx, o.agent.Programs.Agent, "", append(o.agent.Env(), "ROLLBRIDGE_MIS_NULL_MEANS=not_in_care"), "sync")
	o.must(err)
	if r.Code != 0 {
		t.Fatalf("sync ended with %d and said:\n%s", r.Code, r.Stderr)
	}
	want, err := oracle.Question{Route: oracle.Wonde, Datasets: o.asked}.Answer(o.school)
	o.must(err)
	o.becomes(want)
}

// TestTroubleWithWonde puts the agent through what Wonde answers when something is
// wrong, no data and nulls above all: each time the sync fails with a sentence, no
// pupil is named, and nothing of what the collector holds goes.
func TestTroubleWithWonde(t *testing.T) {
	t.Parallel()
	config := small()
	config.Canary = canary
	o := newWonde(t, config)
	o.enrol()
	o.syncAll(oracle.Wonde)
	const (
		data, down, right = protocol.ProblemMISData, protocol.ProblemMISDown, protocol.ProblemRightMissing

		students = "/v1.0/schools/A1930499544/students"
		sessions = "/v1.0/schools/A1930499544/attendance/session"
	)
	without := func(scope string) func() { return func() { o.double.WithoutScope[scope] = true } }
	school, token := o.double.School, o.double.Token
	o.troubles(o.server, oracle.Wonde, func() {
		o.double.School, o.double.Token, o.double.Access, o.double.OtherRegion = school, token, wonde.Approved, false
		o.double.MostPage, o.double.NoNext = 0, false
		clear(o.double.WithoutScope)
	}, []cloudTrouble{
		{name: "another token", begin: func() { o.double.Token = "new" }, problem: right, says: "sign-in"},
		{name: "access pending", begin: func() { o.double.Access = wonde.Pending }, problem: right, says: "HTTP 403"},
		{name: "access declined", begin: func() { o.double.Access = wonde.Declined }, problem: right, says: "HTTP 403"},
		{name: "access revoked", begin: func() { o.double.Access = wonde.Revoked }, problem: right, says: "HTTP 403"},
		{name: "another region", begin: func() { o.double.OtherRegion = true }, problem: right, says: "wrong region"},
		{name: "another school", begin: func() { o.double.School = "A2" }, problem: data, says: "HTTP 404"},
		{name: "no scope of the marker", begin: without("extended_details.in_lea_care"), problem: right, says: "in_lea_care"},
		{name: "no scope of extended details", begin: without("extended_details"), problem: right, says: "in_lea_care"},
		{name: "no scope of what the authority is in", begin: without("extended_details.in_care_details"), problem: right, says: "CareAuthority"},
		{name: "422", faults: []cloud.Fault{{Path: students, Kind: cloud.Status(422)}}, problem: data, says: "HTTP 422"},
		{name: "500 for ever", faults: []cloud.Fault{{Path: students, Kind: cloud.Status(500)}}, problem: down, says: "500"},
		{name: "503, then well", faults: []cloud.Fault{{Path: students, Times: 2, Kind: cloud.Status(503), Seconds: 1}}},
		{name: "429, then well", faults: []cloud.Fault{{Path: sessions, Skip: 3, Times: 1, Kind: cloud.Status(429), Seconds: 1}}},
		{name: "a sign-in page", faults: []cloud.Fault{{Path: students, Kind: cloud.Login}}, problem: data, says: "filter"},
		{name: "half an answer", faults: []cloud.Fault{{Path: sessions, Kind: cloud.Half}}, problem: data, says: "ends in the middle"},
		{name: "more, and no link", begin: func() { o.double.MostPage, o.double.NoNext = 50, true }, problem: data, says: "expression next"},
		{name: "the same page for ever", begin: func() { o.double.MostPage = 50 }, faults: []cloud.Fault{{Path: students, Kind: cloud.SamePage}}, problem: data, says: "page"},
		{name: "page 2 fails", begin: func() { o.double.MostPage = 50 }, faults: []cloud.Fault{{Path: students, Skip: 3, Kind: cloud.Status(400)}}, problem: data, says: "pupil"},
	})
}
