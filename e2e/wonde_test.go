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
	var err error
	o.server, err = cloud.Start(o.double)
	w.must(err)
	t.Cleanup(func() {
		if err := o.server.Close(); err != nil {
			t.Error(err)
		}
	})
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
	tested, err := o.agent.Command(o.ctx, "profile", "test")
	o.must(err)
	if !strings.Contains(tested, "looked after (by authority") {
		t.Errorf("profile test says:\n%s", tested)
	}
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

	cared := o.school.LookedAfter()
	o.turnPages(cared[0].ID, cared[1].ID)
	o.oneOpenPeriod(cared[0].ID)
	o.must(o.school.ChangeMark(cared[0].ID, o.school.Today(), demoschool.AM, "I"))
	o.double.LinksNext = true
	o.double.Revise(time.Now())
	o.syncAll(oracle.Wonde)

	o.must(o.school.EnterCare(o.school.NotLookedAfter()[1].ID, o.school.Authorities()[1], o.school.Today()))
	o.must(o.school.LeaveCare(cared[2].ID, o.school.Today()))
	o.must(o.school.LeaveRoll(cared[3].ID, o.school.Today().AddDate(0, 0, -1)))
	o.double.Revise(time.Now())
	o.syncAll(oracle.Wonde)
	o.sound()
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
	for _, c := range []struct {
		name    string
		begin   func()
		faults  []cloud.Fault
		problem protocol.ProblemCode // "": the sync goes well
		says    string
	}{
		{"another token", func() { o.double.Token = "new" }, nil, right, "sign-in"},
		{"access pending", func() { o.double.Access = wonde.Pending }, nil, right, "HTTP 403"},
		{"access declined", func() { o.double.Access = wonde.Declined }, nil, right, "HTTP 403"},
		{"access revoked", func() { o.double.Access = wonde.Revoked }, nil, right, "HTTP 403"},
		{"another region", func() { o.double.OtherRegion = true }, nil, right, "wrong region"},
		{"another school", func() { o.double.School = "A2" }, nil, data, "HTTP 404"},
		{"no scope of the marker", without("extended_details.in_lea_care"), nil, right, "in_lea_care"},
		{"no scope of extended details", without("extended_details"), nil, right, "in_lea_care"},
		{"no scope of what the authority is in", without("extended_details.in_care_details"), nil, right, "CareAuthority"},
		{"422", nil, []cloud.Fault{{Path: students, Kind: cloud.Status(422)}}, data, "HTTP 422"},
		{"500 for ever", nil, []cloud.Fault{{Path: students, Kind: cloud.Status(500)}}, down, "500"},
		{"503, then well", nil, []cloud.Fault{{Path: students, Times: 2, Kind: cloud.Status(503), Seconds: 1}}, "", ""},
		{"429, then well", nil, []cloud.Fault{{Path: sessions, Skip: 3, Times: 1, Kind: cloud.Status(429), Seconds: 1}}, "", ""},
		{"a sign-in page", nil, []cloud.Fault{{Path: students, Kind: cloud.Login}}, data, "filter"},
		{"half an answer", nil, []cloud.Fault{{Path: sessions, Kind: cloud.Half}}, data, "ends in the middle"},
		{"more, and no link", func() { o.double.MostPage, o.double.NoNext = 50, true }, nil, data, "expression next"},
		{"the same page for ever", func() { o.double.MostPage = 50 }, []cloud.Fault{{Path: students, Kind: cloud.SamePage}}, data, "page"},
		{"page 2 fails", func() { o.double.MostPage = 50 }, []cloud.Fault{{Path: students, Skip: 3, Kind: cloud.Status(400)}}, data, "pupil"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.t = t
			before, sealed := o.held(), o.lastRead().Sealed
			school, token := o.double.School, o.double.Token
			o.server.Change(func() {
				if c.begin != nil {
					c.begin()
				}
			})
			o.server.Stage(c.faults...)
			r, err := stack.Run(o.ctx, o.agent.Programs.Agent, "", o.agent.Env(), "sync")
			o.must(err)
			o.server.Calm()
			o.server.Change(func() {
				o.double.School, o.double.Token, o.double.Access, o.double.OtherRegion = school, token, wonde.Approved, false
				o.double.MostPage, o.double.NoNext = 0, false
				clear(o.double.WithoutScope)
			})
			last := o.lastRead()
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
			o.must(oracle.Same(before, o.held()))
		})
	}
	o.t = t
	o.syncAll(oracle.Wonde)
	o.sound()
}
