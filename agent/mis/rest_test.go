package mis

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// restYAML is a small MIS: pupils who say themselves whether they are in care.
const restYAML = `name: cloud
driver: rest
capabilities: {caring_authority: true, mis_id: true, snapshot: true}
null_means: not_in_care
dates: yyyy-mm-dd
api:
  url: "{host}/v1/{school}"
  evidence: documented
  names:
    host: {says: the address, url: true}
    school: {says: the id of the school, form: "[0-9]+"}
  auth: {kind: header, headers: {Authorization: "Bearer {password}"}}
  paging: {kind: page, page: page, size: size, rows: 2, last: .last}
datasets:
  pupil:
    evidence: documented
    get: students
    query: {status: active}
    rows: data.students
    columns:
      pupil: .id
      InCare: .care.marker
      CareAuthority: .care.authority
      Surname: .surname
      Forename: '.forename // .known_as'
      UPN: .upn
      DOB: .born
      Email: 'first(.emails[]?.address)'
  contact:
    evidence: documented
    get: contacts
    rows: data
    each: '.people[] + {student}'
    columns: {pupil: .student, contact: .id, Forename: .forename, Surname: .surname, Order: .order}
  attendance:
    evidence: documented
    get: "marks/{pupil}"
    query: {from: "{since}", to: "{today}"}
    rows: ""
    paging: {kind: none}
    columns: {pupil: $pupil, date: .day, session: .half, mark: .code}
`

// A cloud answers GET requests by path; a value is a body of JSON, a status or a
// function.
type cloud struct {
	sync.Mutex
	answers map[string]any // by path below /v1/7/, with ?page=2 and up behind it
	asked   []string       // paths with their queries
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Lock()
	defer c.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/7/")
	c.asked = append(c.asked, path+"?"+r.URL.Query().Encode())
	key := path
	if page := r.URL.Query().Get("page"); page != "" && page != "1" {
		key += "?page=" + page
	}
	switch body := c.answers[key].(type) {
	case int:
		w.WriteHeader(body)
	case string:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	case func(http.ResponseWriter, *http.Request):
		body(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (c *cloud) paths() []string {
	c.Lock()
	defer c.Unlock()
	return append([]string(nil), c.asked...)
}

// newCloud answers as restYAML expects.
func newCloud() *cloud {
	return &cloud{answers: map[string]any{
		"students": `{"data":{"students":[
			{"id":11,"surname":"Fictional","forename":"Ada","upn":"A823432100001","born":"2010-02-28T00:00:00Z","emails":[{"address":"a@school.example"},{"address":"b@school.example"}],"care":{"marker":true,"authority":"823"}},
			{"id":12,"surname":"Imaginary","forename":"Ben","born":"2011-05-06","care":{"marker":false,"authority":null}}]},"last":false}`,
		"students?page=2": `{"data":{"students":[{"id":13,"surname":"Invented","known_as":"Cy","born":null,"care":null}]},"last":true}`,
		"contacts":        `{"last":true,"data":[{"student":11,"people":[{"id":"c1","forename":"Pat","surname":"Carer","order":1},{"id":"c2","forename":"Sam","surname":"Carer","order":2}]},{"student":12,"people":[{"id":"c3","forename":"No","surname":"One"}]}]}`,
		"marks/11":        `[{"day":"2026-10-01","half":"AM","code":"/"},{"day":"2026-10-01","half":"PM","code":"\\"}]`,
	}}
}

func (c *cloud) start(t testing.TB) Site {
	t.Helper()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return Site{API: &API{Names: map[string]string{"host": s.URL, "school": "7"}, Password: "geheim", RequestTime: 10 * time.Second}}
}

func restProfile(t testing.TB, text string) *Profile {
	t.Helper()
	p, err := parseProfile("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestREST(t *testing.T) {
	c := newCloud()
	got := mustRead(t, restProfile(t, restYAML), c.start(t))
	var pupils []*record.Pupil
	things := map[record.Dataset]int{}
	for _, r := range got.records {
		things[r.Dataset()]++
		if p, ok := r.(*record.Pupil); ok {
			pupils = append(pupils, p)
		}
	}
	if len(pupils) != 1 || pupils[0].Surname != "Fictional" || pupils[0].DOB != "2010-02-28" || pupils[0].Email != "a@school.example" {
		t.Errorf("pupils: %+v", pupils)
	}
	wantDiff(t, map[record.Dataset]int{record.DatasetPupil: 1, record.DatasetContact: 2, record.DatasetAttendance: 1}, things)
	year := today.AcademicYearStart()
	read := map[record.Dataset]protocol.DatasetRead{}
	for _, d := range got.Report.Datasets {
		if !d.Complete || d.AsAt.IsZero() {
			t.Errorf("%+v", d)
		}
		d.AsAt, d.Complete = time.Time{}, false
		read[d.Dataset] = d
	}
	wantDiff(t, map[record.Dataset]protocol.DatasetRead{
		record.DatasetPupil:      {Dataset: record.DatasetPupil, Rows: 3, Matched: 1, Excluded: 2},
		record.DatasetContact:    {Dataset: record.DatasetContact, Rows: 3, Matched: 2, Excluded: 1},
		record.DatasetAttendance: {Dataset: record.DatasetAttendance, Rows: 2, Matched: 2, From: year, To: today},
	}, read)
	wantDiff(t, []string{
		"students?page=1&size=2&status=active", "students?page=2&size=2&status=active", "contacts?page=1&size=2",
		"marks/11?from=" + string(year) + "&to=" + string(today),
	}, c.paths())
	if q := got.Report.Requests; q == nil || q.Requests != 4 || q.Rows < 7 || q.Bytes == 0 {
		t.Errorf("the cost is %+v", q)
	}
}

// refusedREST reads and returns the *Error that must come.
func refusedREST(t *testing.T, yaml string, c *cloud) *Error {
	t.Helper()
	return refused(t, restProfile(t, yaml), c.start(t))
}

func TestRESTFaultsOfTheData(t *testing.T) {
	const student = `{"data":{"students":[%s]},"last":true}`
	in := func(members string) string {
		return fmt.Sprintf(student, `{"id":11,"care":{"marker":true,"authority":"823"},"forename":"A"`+members+`}`)
	}
	for name, c := range map[string]struct {
		path    string
		answer  any
		profile func(string) string
		problem protocol.ProblemCode
		want    string
	}{
		"page 2 fails":            {"students?page=2", 404, nil, protocol.ProblemMISData, ""},
		"an object for a text":    {"students", in(`,"surname":{"x":1}`), nil, protocol.ProblemMISData, `row 1 of pupil, column "Surname": its expression gives neither`},
		"an object in a list":     {"students", in(""), set("surname", `[{x: 1}]`, "Surname"), protocol.ProblemMISData, `column "Surname": its expression gives neither`},
		"a list of lists":         {"students", in(""), set("surname", `[["x"]]`, "Surname"), protocol.ProblemMISData, `column "Surname": its expression gives neither`},
		"a text for an object":    {"students", fmt.Sprintf(student, `{"id":11,"care":"yes"}`), nil, protocol.ProblemMISData, `row 1 of pupil, column "CareAuthority": its expression cannot be applied`},
		"several values":          {"students", in(""), set("surname", `.surname, .forename`, "Surname"), protocol.ProblemMISData, `column "Surname": its expression gives more than one value`},
		"jq that never ends":      {"students", in(""), set("surname", `last(repeat(1))`, "Surname"), protocol.ProblemMISData, `column "Surname": its expression takes too many steps`},
		"a jq error":              {"students", in(""), set("surname", `.forename + 1`, "Surname"), protocol.ProblemMISData, `column "Surname": its expression cannot be applied`},
		"a date in another order": {"students", in(`,"born":"28/02/2010"`), nil, protocol.ProblemMISData, `column "DOB": it is not a date of the form yyyy-mm-dd`},
		"half a character":        {"students", in(`,"surname":"a\ud800b"`), nil, protocol.ProblemMISData, ""},
		"one pupil twice":         {"students", fmt.Sprintf(student, `{"id":11,"care":{"marker":true,"authority":"823"}},{"id":"11","care":{"marker":true,"authority":"823"}}`), nil, protocol.ProblemMISData, "row 2 of pupil, column \"pupil\": the pupil of row 1 again"},
		"no pupil":                {"students", fmt.Sprintf(student, ``), nil, protocol.ProblemMISData, "the MIS gives no pupil at all"},
		"no ids":                  {"students", fmt.Sprintf(student, `{"id":null,"care":{"marker":true,"authority":"823"}},{"care":{"marker":false}}`), nil, protocol.ProblemIdentifier, "no row of pupil has a value for pupil"},
		"one without an id":       {"students", fmt.Sprintf(student, `{"id":1,"care":{"marker":true,"authority":"823"}},{"care":{"marker":false}}`), nil, protocol.ProblemMISData, "row 2 of pupil"},
		"no marker in any row":    {"students", fmt.Sprintf(student, `{"id":1,"care":{"authority":"823"}},{"id":2}`), nil, protocol.ProblemRightMissing, "no row of pupil has a value for InCare"},
		"no authority in any row": {"students", fmt.Sprintf(student, `{"id":1,"care":{"marker":"Y"}},{"id":2}`), nil, protocol.ProblemRightMissing, "no row of pupil has a value for CareAuthority"},
		"a page without the part": {"students?page=2", fmt.Sprintf(student, `{"id":13,"surname":"C"}`), nil, protocol.ProblemMISData, `row 3 of pupil, column "InCare": the row has not the part of others`},
		"rows of another pupil":   {"marks/11", `[{"day":"2026-10-01","half":"AM","code":"/","of":12}]`, func(s string) string { return strings.Replace(s, "pupil: $pupil", "pupil: .of", 1) }, protocol.ProblemMISData, `row 1 of attendance, column "pupil": it is not a pupil who was asked for`},
		"ids in two ways":         {"contacts", `{"last":true,"data":[{"student":"S11","people":[{"id":"c1","forename":"Pat"}]}]}`, nil, protocol.ProblemMISData, "not one row of contact (there are 1) is of a pupil"},
		"not permitted":           {"students", 403, nil, protocol.ProblemRightMissing, ""},
		"signed out":              {"contacts", 401, nil, protocol.ProblemRightMissing, ""},
		"a list that is missing":  {"contacts", `{"last":true}`, nil, protocol.ProblemMISData, ""},
		"each that fails":         {"contacts", `{"last":true,"data":[{"student":11,"people":[1]}]}`, nil, protocol.ProblemMISData, "row 1 of the answer for contact, each: its expression cannot be applied"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCloud()
			server.answers[c.path] = c.answer
			yaml := restYAML
			if c.profile != nil {
				yaml = c.profile(yaml)
			}
			if yaml == restYAML && c.profile != nil {
				t.Fatal("nothing was changed")
			}
			got := refusedREST(t, yaml, server)
			if got.Problem != c.problem || !strings.Contains(got.Text, c.want) {
				t.Errorf("%s: %s\nwant %s: %s", got.Problem, got.Text, c.problem, c.want)
			}
			if want := name == "not permitted" || name == "signed out"; got.NoAccess != want {
				t.Errorf("it counts as a grant that is withdrawn: %v, want %v", got.NoAccess, want)
			}
		})
	}
}

// set replaces the expression of a column.
func set(_, text, field string) func(string) string {
	return func(yaml string) string {
		lines := strings.Split(yaml, "\n")
		for i, line := range lines {
			if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name == field {
				lines[i] = "      " + field + ": '" + text + "'"
			}
		}
		return strings.Join(lines, "\n")
	}
}

// A day with a time and a zone behind it is London's day, in summer too.
func TestRESTDaysWithATime(t *testing.T) {
	for written, want := range map[string]record.Date{
		"2010-06-01":                    "2010-06-01",
		"2010-06-01T00:00:00":           "2010-06-01",
		"2010-06-01 23:30:00":           "2010-06-01",
		"2010-05-31T23:00:00Z":          "2010-06-01",
		"2010-05-31 23:00:00.000Z":      "2010-06-01",
		"2010-06-01T00:00:00+01:00":     "2010-06-01",
		"2010-06-01T00:00:00Z":          "2010-06-01",
		"2010-12-01T00:00:00Z":          "2010-12-01",
		"2010-11-30T23:00:00.0000000Z":  "2010-11-30",
		"2010-06-01T00:00:00.000+01:00": "2010-06-01",
	} {
		c := newCloud()
		c.answers["students"] = `{"data":{"students":[{"id":11,"surname":"A","born":"` + written + `","care":{"marker":true,"authority":"823"}}]},"last":true}`
		for _, r := range mustRead(t, restProfile(t, restYAML), c.start(t)).records {
			if p, ok := r.(*record.Pupil); ok && p.DOB != want {
				t.Errorf("%s is %s, want %s", written, p.DOB, want)
			}
		}
	}
}

// A right that is missing for one dataset stops that one.
func TestRESTStopsOneDataset(t *testing.T) {
	c := newCloud()
	c.answers["contacts"] = 403
	got := mustRead(t, restProfile(t, restYAML), c.start(t))
	if len(got.Report.Stops) != 1 || got.Report.Stops[0].Dataset != record.DatasetContact || got.Report.Stops[0].Why != protocol.WhyPermission {
		t.Errorf("%+v", got.Report.Stops)
	}
}

// NULL everywhere, and names in every plane.
func TestRESTNullAndUnicode(t *testing.T) {
	c := newCloud()
	name := "Ωλ 字 \U0001F9D2 \U000E0041 \U0010FFFD e\u0301"
	text, _ := json.Marshal(name)
	c.answers["students"] = `{"last":true,"data":{"students":[
		{"id":11,"surname":` + string(text) + `,"forename":null,"upn":null,"born":null,"emails":null,"care":{"marker":1,"authority":823}},
		{"id":12,"surname":null,"forename":null,"upn":null,"born":null,"emails":null,"care":null},
		{"id":13,"care":{}}]}}`
	c.answers["contacts"], c.answers["marks/11"] = `{"last":true,"data":[]}`, 204
	got := mustRead(t, restProfile(t, restYAML), c.start(t))
	if len(got.records) != 1 || got.records[0].(*record.Pupil).Surname != name {
		t.Errorf("%+v", got.records)
	}
	wantDiff(t, map[string]int{"contact..no_rows": 1, "attendance..no_rows": 1}, warnings(got.Report))
}

// Two pupils with one UPN are two pupils.
func TestRESTOneUPNTwice(t *testing.T) {
	c := newCloud()
	one := `{"id":%d,"upn":"A823432100001","care":{"marker":true,"authority":"823"}}`
	c.answers["students"] = fmt.Sprintf(`{"last":true,"data":{"students":[`+one+","+one+"]}}", 11, 14)
	c.answers["marks/14"] = `[]`
	got := mustRead(t, restProfile(t, restYAML), c.start(t))
	if n := got.Report.Datasets[0].Matched; n != 2 || len(got.Lines) != 2+2+1 {
		t.Errorf("%d pupils, %d records", n, len(got.Lines))
	}
}

// Where nobody is admitted, nothing is asked that could only be of nobody.
func TestRESTAsksNothingOfNobody(t *testing.T) {
	c := newCloud()
	got, err := readAll(t, restProfile(t, restYAML), c.start(t), func(Candidate) (bool, error) { return false, nil })
	if err != nil || len(got.records) != 0 || len(c.paths()) != 2 {
		t.Errorf("%v, %d records, asked %q", err, len(got.records), c.paths())
	}
	for _, d := range got.Report.Datasets {
		if !d.Complete {
			t.Errorf("%+v", d)
		}
	}
}

var errTest = errors.New("of the test")

// An error of the caller comes back as it is, through jq and the transport.
func TestRESTErrorsOfTheCaller(t *testing.T) {
	c := newCloud()
	s, err := Open(restProfile(t, restYAML), c.start(t))
	if err != nil {
		t.Fatal(err)
	}
	for of, sink := range map[record.Dataset]func(Row) error{
		record.DatasetPupil: nil, record.DatasetContact: nil,
	} {
		sink = func(r Row) error {
			if r.Record.Dataset() == of {
				return errTest
			}
			return nil
		}
		if _, err := s.Read(t.Context(), Ask{Datasets: asked, Today: today, IDKey: idKey}, everybody, sink); !errors.Is(err, errTest) {
			t.Errorf("%s: %v", of, err)
		}
	}
}
