package mis

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/shared/codes"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// gateYAML is a MIS that says in one resource who is in care, and in others who
// they are: pupils are asked for in batches, contacts by way of links, people one
// by one.
const gateYAML = `name: gated
driver: rest
capabilities: {caring_authority: true, care_dates: true, mis_id: true, snapshot: true}
null_means: unknown
dates: dd/mm/yyyy
api:
  url: "{host}/v1/{school}"
  evidence: documented
  names:
    host: {says: the address, url: true}
    school: {says: the id of the school, form: "[0-9]+"}
  auth: {kind: header, headers: {Authorization: "Bearer {password}"}}
  failed: .error != null
  as_at: .made
  freshness_minutes: 30
  query_dates: dd/mm/yyyy
  probes:
    - {get: scopes, rows: "", expect: '.name == "care"', says: "the scope care is not granted: ask the office"}
define: |
  def day: if . == null then null else split("-") | reverse | join("/") end;
lookups:
  authorities: {codes: true, get: authorities, rows: "", key: .id, value: .code}
  relations: {codes: true, get: relations, rows: "", key: .id, value: .word}
  links: {owner: .student, get: links, rows: rows, key: .student, many: true, value: '{person: .person, kind: lookup("relations"; .kind)}'}
  people: {from: links, ids: .person, get: "people/{key}", rows: "", key: .id, value: .}
  houses: {from: pupil, ids: .house, get: houses, rows: "", key: .id, value: .name}
datasets:
  pupil:
    evidence: documented
    gate:
      get: care
      rows: rows
      each: select(.ended == null or .ended >= $today)
      columns: {pupil: .student, InCare: .in_care, CareAuthority: 'lookup("authorities"; .authority)', CareStart: '.began | day'}
    get: students
    rows: rows
    query: {filter: "{pupils}"}
    batch: {size: 2, item: "id eq {pupil}", between: " or "}
    columns: {pupil: .id, Surname: .name, House: 'lookup("houses"; .house)'}
  contact:
    evidence: documented
    get: links
    rows: rows
    columns:
      pupil: .student
      contact: .person
      Surname: 'lookup("people"; .person).name'
      Relationship: 'lookup("relations"; .kind)'
  attendance:
    evidence: documented
    get: marks
    rows: rows
    query: {between: "{from} and {to}", who: "{pupils}"}
    batch: {size: 100, item: "{pupil}", between: ","}
    windows: {days: 30}
    columns: {pupil: .student, date: .day, session: .half, mark: .code}
`

func newGate() *cloud {
	return &cloud{answers: map[string]any{
		"scopes":      `[{"name":"students"},{"name":"care"}]`,
		"authorities": `[{"id":1,"code":"823"},{"id":2,"code":"825"}]`,
		"relations":   `[{"id":"m","word":"PAM"},{"id":"f","word":"PAF"}]`,
		"care": `{"made":"2026-01-01T00:00:00Z","rows":[
			{"student":1,"in_care":"Y","authority":1,"began":"2020-01-02"},
			{"student":2,"in_care":"Y","authority":2,"began":null},
			{"student":3,"in_care":"Y","authority":1,"began":null},
			{"student":4,"in_care":"N","authority":null},
			{"student":5,"in_care":"Y","authority":1,"ended":"2020-01-01"}]}`,
		"students": func(w http.ResponseWriter, r *http.Request) {
			var rows []string
			for part := range strings.SplitSeq(r.URL.Query().Get("filter"), " or ") {
				id := strings.TrimPrefix(part, "id eq ")
				rows = append(rows, `{"id":`+id+`,"name":"Name `+id+`","house":"h1"}`)
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"rows":[%s]}`, strings.Join(rows, ","))
		},
		"links":     `{"rows":[{"student":1,"person":"p1","kind":"m"},{"student":1,"person":"p2","kind":"f"},{"student":3,"person":"p1","kind":"m"},{"student":4,"person":"p9","kind":"m"}]}`,
		"people/p1": `{"id":"p1","name":"One"}`, "people/p2": `{"id":"p2","name":"Two"}`,
		"houses": `[{"id":"h1","name":"Red"},{"id":"h2","name":"Blue"}]`,
		"marks":  `{"rows":[{"student":1,"day":"01/10/2026","half":"AM","code":"/"}]}`,
	}}
}

func TestRESTGate(t *testing.T) {
	c := newGate()
	s, err := Open(restProfile(t, gateYAML), c.start(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.Freshness() != 30*time.Minute {
		t.Errorf("freshness %s", s.Freshness())
	}
	got, err := readSource(t, s, func(c Candidate) (bool, error) { return c.Authority == "823", nil })
	if err != nil {
		t.Fatal(err)
	}
	var pupils, contacts []string
	for _, r := range got.records {
		switch r := r.(type) {
		case *record.Pupil:
			pupils = append(pupils, fmt.Sprint(r.Surname, r.CareStart, r.House, r.CareAuthority))
		case *record.Contact:
			contacts = append(contacts, r.Surname+" "+r.Relationship)
		}
	}
	slices.Sort(contacts)
	wantDiff(t, []string{"Name 12020-01-02Red823", "Name 3Red823"}, pupils)
	wantDiff(t, []string{"One PAM", "One PAM", "Two PAF"}, contacts)
	var paths []string
	windows := 0
	for _, path := range c.paths() {
		if strings.HasPrefix(path, "marks?") {
			windows++
			continue
		}
		paths = append(paths, path)
	}
	wantDiff(t, []string{"scopes?", "authorities?", "care?", "students?filter=id+eq+1+or+id+eq+3", "houses?", "relations?", "links?", "people/p1?", "people/p2?", "links?"}, paths)
	if want := len(spans(span{today.AcademicYearStart(), today}, 30)); windows != want {
		t.Errorf("%d windows of marks, want %d", windows, want)
	}
	if d := got.Report.Datasets[0]; !d.AsAt.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || d.Rows != 4 {
		t.Errorf("%+v", d)
	}
	if d := got.Report.Datasets[2]; got.Report.Started.Sub(d.AsAt) != 30*time.Minute || d.From != today.AcademicYearStart() || d.To != today {
		t.Errorf("%+v", d)
	}
}

func TestRESTGateFaults(t *testing.T) {
	for name, c := range map[string]struct {
		path    string
		answer  any
		change  string // of the profile: old=>new
		problem protocol.ProblemCode
		want    string
	}{
		"a scope is missing":        {"scopes", `[{"name":"students"}]`, "", protocol.ProblemRightMissing, "probe 1: the scope care is not granted"},
		"an error inside 200":       {"care", `{"error":"x","rows":[]}`, "", protocol.ProblemMISData, ""},
		"two rows, not the same":    {"care", `{"rows":[{"student":1,"in_care":"Y","authority":1},{"student":1,"in_care":"Y","authority":2}]}`, "", protocol.ProblemMISData, "row 2 of pupil.gate, column \"pupil\": the pupil of row 1 again"},
		"nobody of the gate":        {"students", `{"rows":[]}`, "", protocol.ProblemMISData, "the MIS gives no pupil at all"},
		"others than asked for":     {"students", `{"rows":[{"id":77}]}`, "", protocol.ProblemMISData, "row 1 of pupil, column \"pupil\": it is not a pupil who was asked for"},
		"one key twice":             {"relations", `[{"id":"m","word":"PAM"},{"id":"m","word":"PAF"}]`, "", protocol.ProblemMISData, "row 2 of lookups.relations: one key twice"},
		"a lookup that is refused":  {"relations", 401, "", protocol.ProblemRightMissing, ""},
		"a value without a shape":   {"links", `{"rows":[7]}`, "", protocol.ProblemMISData, "row 1 of lookups.links, owner: its expression cannot be applied"},
		"no time under as_at":       {"care", `{"made":"yesterday","rows":[{"student":1,"in_care":"Y","authority":1}]}`, "", protocol.ProblemMISData, "the answer for pupil.gate says under api.as_at no time"},
		"a key that is not there":   {"people/p1", 404, "", protocol.ProblemMISData, ""},
		"ids of the gate are other": {"students", `{"rows":[{"id":"x1"}]}`, `filter: "{pupils}"}` + "\n    batch: {size: 2, item: \"id eq {pupil}\", between: \" or \"}=>all: yes}", protocol.ProblemMISData, "not one of the pupils in care (there are 3) is among the pupils"},
	} {
		t.Run(name, func(t *testing.T) {
			server, yaml := newGate(), gateYAML
			server.answers[c.path] = c.answer
			if from, to, ok := strings.Cut(c.change, "=>"); ok {
				if yaml = strings.Replace(yaml, from, to, 1); yaml == gateYAML {
					t.Fatal("nothing was changed")
				}
			}
			if got := refusedREST(t, yaml, server); got.Problem != c.problem || !strings.Contains(got.Text, c.want) {
				t.Errorf("%s: %s\nwant %s: %s", got.Problem, got.Text, c.problem, c.want)
			}
		})
	}
}

// Rows of a lookup of which it cannot be told whose they are would be passed over,
// and everything that hangs on them be shown as gone. They stop the dataset, or
// the read.
func TestRESTLookupsThatSayNothing(t *testing.T) {
	byPupil := "links: {owner: .student, get: links, query: {who: \"{pupil}\"}, rows: rows"
	for name, c := range map[string]struct {
		path, answer, change string
		stops                bool
		want                 string
	}{
		"no owner in any row":     {"links", `{"rows":[{"person":"p1","kind":"m"},{}]}`, "", true, "no row of lookups.links (there are 2) says of which pupil it is"},
		"no key in any row":       {"people/p1", `{"name":"One"}`, "", false, "row 1 of lookups.people, key: it is not what was asked for"},
		"no key in any code":      {"relations", `[{"word":"PAM"},{"word":"PAF"}]`, "", true, "no row of lookups.relations (there are 2) has what it is found by"},
		"another than asked for":  {"people/p1", `{"id":"p2","name":"Two"}`, "", false, "row 1 of lookups.people, key: it is not what was asked for"},
		"an empty object":         {"people/p1", `{}`, "", false, "row 1 of lookups.people, key: it is not what was asked for"},
		"owner written otherwise": {"links", `{"rows":[{"student":"S1","person":"p1","kind":"m"}]}`, "links: {owner: .student, get: links, rows: rows=>" + byPupil, false, "row 1 of lookups.links, owner: it is not what was asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newGate()
			server.answers[c.path] = c.answer
			from, to, _ := strings.Cut(c.change, "=>")
			// The rows of contacts are those of a pupil here, so that only lookups are wrong.
			profile := strings.Replace(strings.Replace(gateYAML, from, to, 1), "  contact:\n    evidence: documented\n    get: links\n    rows: rows\n",
				"  contact:\n    evidence: documented\n    get: students\n    rows: rows\n    query: {filter: \"{pupils}\"}\n    batch: {size: 2, item: \"id eq {pupil}\", between: \" or \"}\n    each: '.id as $p | lookup(\"links\"; $p)[] + {student: $p}'\n", 1)
			if !c.stops {
				if got := refusedREST(t, profile, server); !strings.Contains(got.Text, c.want) {
					t.Errorf("%s\nwant %s", got.Text, c.want)
				}
				return
			}
			stops := mustRead(t, restProfile(t, profile), server.start(t)).Report.Stops
			if len(stops) != 1 || stops[0].Dataset != record.DatasetContact || !strings.Contains(stops[0].Text, c.want) {
				t.Errorf("%+v\nwant %s", stops, c.want)
			}
		})
	}
}

// A pupil whom the gate has and the list has not is passed over; the same row
// again counts once; who is not in the gate is not in care.
func TestRESTGateBesideAWholeList(t *testing.T) {
	c := newGate()
	c.answers["students"] = `{"rows":[{"id":1,"name":"A","house":null},{"id":2,"name":"B"},{"id":4,"name":"D"},{"id":9,"name":"I"}]}`
	c.answers["care"] = `{"rows":[{"student":1,"in_care":"Y","authority":1},{"student":1,"in_care":"Y","authority":1},{"student":3,"in_care":"Y","authority":1},{"student":4,"in_care":null}]}`
	yaml := strings.Replace(gateYAML, "filter: \"{pupils}\"}\n    batch: {size: 2, item: \"id eq {pupil}\", between: \" or \"}", "all: yes}", 1)
	got := mustRead(t, restProfile(t, yaml), c.start(t))
	d := got.Report.Datasets[0]
	if d.Rows != 4 || d.Matched != 1 || got.Report.Unknown != 1 || d.Complete {
		t.Errorf("%+v, %d unknown", d, got.Report.Unknown)
	}
	found := warnings(got.Report)
	delete(found, "attendance.mark.repeated") // this cloud gives all marks for each slice of the year
	wantDiff(t, map[string]int{"pupil.pupil.repeated": 1, "pupil.pupil.no_pupil": 1, "pupil.InCare.unclear": 1}, found)
}

// An authority's roster says whose a pupil is: of a list of everybody, beside a
// gate or without.
func TestRESTRoster(t *testing.T) {
	marked, err := codes.MakeUPN("823432100001")
	accepted, bad := codes.MakeUPN("823432100002")
	if err = errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	roster := func() *Roster {
		return NewRoster([]protocol.RosterEntry{{Authority: "823", UPN: marked.Reveal(), DOB: "2010-02-28"}, {Authority: "823", UPN: accepted.Reveal(), DOB: "2011-05-06"}},
			func(e protocol.RosterEntry) bool { return e.DOB == "2011-05-06" })
	}
	rows := fmt.Sprintf(`{"id":11,"upn":%q,"born":"2010-02-28","surname":"A","care":{"marker":true,"authority":null}},{"id":12,"upn":%q,"born":"2011-05-06T00:00:00","surname":"B","care":{"marker":false}},{"id":13,"care":{"marker":true,"authority":"823"}}`, marked.Reveal(), accepted.Reveal())
	gated := strings.NewReplacer("    get: students\n", `    gate: {get: care, rows: "", paging: {kind: none}, columns: {pupil: .student, InCare: .in_care, CareAuthority: .authority}}`+"\n    get: students\n",
		"      InCare: .care.marker\n      CareAuthority: .care.authority\n", "").Replace(restYAML)
	for name, yaml := range map[string]string{"without a gate": restYAML, "beside a gate": gated} {
		t.Run(name, func(t *testing.T) {
			c := newCloud()
			c.answers["students"] = `{"last":true,"data":{"students":[` + rows + `]}}`
			c.answers["care"] = `[{"student":11,"in_care":true,"authority":null},{"student":13,"in_care":true,"authority":"823"}]`
			s, err := Open(restProfile(t, yaml), c.start(t))
			if err != nil {
				t.Fatal(err)
			}
			var sent []string
			ask := Ask{Datasets: []record.Dataset{record.DatasetPupil}, Today: today, IDKey: idKey, Roster: roster()}
			report, err := s.Read(t.Context(), ask, everybody, func(r Row) error {
				sent = append(sent, r.Record.(*record.Pupil).Surname+" "+r.Authority)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			wantDiff(t, []string{"A 823", "B 823", " 823"}, sent)
			wantDiff(t, []protocol.RosterUse{{Authority: "823", Sent: 2, Accepted: 1}}, report.Roster)
			ask.Roster = NewRoster([]protocol.RosterEntry{{Authority: "823", UPN: accepted.Reveal(), DOB: "2011-05-06"}}, func(protocol.RosterEntry) bool { return false })
			waiting, _, err := s.Waiting(t.Context(), ask)
			if err != nil || len(waiting) != 1 || waiting[0].Surname != "B" {
				t.Errorf("%+v, %v", waiting, err)
			}
		})
	}
}
