package mis

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// A support engineer's mistakes, each with the words that point to it.
func TestRESTProfilesThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"jq that cannot be read":    {"Surname: .surname", "Surname: '.surname |'", "test.yaml:24: the jq expression cannot be read, unexpected EOF"},
		"jq of another language":    {"Surname: .surname", "Surname: 'surname ?? x'", "test.yaml:24: the jq expression cannot be read, unexpected token \"x\" (after 11 characters)"},
		"an unknown function":       {"Surname: .surname", "Surname: .surname | trimm", "test.yaml:24: the jq expression cannot be used: function not defined: trimm/0"},
		"the environment":           {"Surname: .surname", "Surname: env.HOME", "test.yaml:24: the jq expression cannot be used: env cannot be used here"},
		"the environment again":     {"Surname: .surname", "Surname: $ENV.HOME", "$ENV cannot be used here"},
		"other input":               {"Surname: .surname", "Surname: input", "input cannot be used here"},
		"debug":                     {"Surname: .surname", "Surname: .surname | debug", "debug cannot be used here"},
		"a module":                  {"Surname: .surname", `Surname: 'include "x"; .a'`, "modules cannot be read here"},
		"an unknown variable":       {"Surname: .surname", "Surname: $pupils", "variable not defined: $pupils"},
		"an unknown lookup":         {"Surname: .surname", `Surname: 'lookup("x"; .y)'`, `test.yaml:24: there is no lookup "x"`},
		"a lookup without a name":   {"Surname: .surname", `Surname: 'lookup(.x; .y)'`, "the name of a lookup is written as a text"},
		"a lookup without a key":    {"Surname: .surname", `Surname: 'lookup("x")'`, "lookup takes a name and a key"},
		"an unknown field":          {"Surname: .surname", "Surnam: .surname", `test.yaml:24: a field that pupil records do not have (did you mean "Surname"?)`},
		"an empty expression":       {"Surname: .surname", `Surname: ""`, "test.yaml:24: the expression is empty"},
		"a needed field missing":    {", mark: .code", "", "test.yaml:41: mark is not given, and without it no attendance can be read"},
		"no pupil":                  {"columns: {pupil: .student, ", "columns: {", "pupil is not given: the jq that finds the pupil's id in a row"},
		"a misspelt name":           {"    rows: data.students", "    row: data.students", `test.yaml:19: a name that is not known here (did you mean "rows"?)`},
		"a misspelt name in api":    {"  evidence: documented\n  names", "  evidenc: documented\n  names", `test.yaml:8: a name that is not known here (did you mean "evidence"?)`},
		"an unknown placeholder":    {"status: active", "status: \"{stats}\"", "test.yaml:18: {stats} is not known here"},
		"a secret in a query":       {"status: active", "status: \"{password}\"", "test.yaml:18: {password} cannot stand here: a secret belongs under api.auth and never in an address"},
		"a secret in the address":   {"{host}/v1/{school}", "{host}/v1/{password}", "test.yaml:7: {password} cannot stand here"},
		"a token where none is":     {"status: active", "status: \"{token}\"", "{token} cannot stand here"},
		"{pupil} without a gate":    {"status: active", "status: \"{pupil}\"", "test.yaml:18: {pupil} is not known here"},
		"an address in a query":     {"status: active", "status: \"{host}\"", "{host} is a whole address"},
		"an address in the middle":  {"{host}/v1/{school}", "https://x.example/{host}", "{host} is a whole address: put it at the beginning"},
		"an address without https":  {"\"{host}/v1/{school}\"", "http://mis.example", "test.yaml:7: it must begin with https://"},
		"a path with a slash":       {"get: students", "get: /students", "test.yaml:17: get is a path below the address"},
		"a path with a query":       {"get: students", "get: students?x=1", "what stands behind a question mark belongs under query"},
		"a path upwards":            {"get: students", "get: a/../b", "get is a path below the address"},
		"no get":                    {"    get: students\n", "", "get is missing"},
		"a query as a text":         {"{status: active}", "status=active", "query holds the parameters of the request as name: value"},
		"a query as a list":         {"{status: active}", "[status]", "test.yaml:18: a value of the wrong kind"},
		"batches of nothing":        {"query: {status: active}", "query: {status: active}\n    batch: {size: 2, item: \"{pupil}\"}", "{pupils} in query and batch belong together"},
		"windows of nothing":        {"query: {from: \"{since}\", to: \"{today}\"}", "windows: {days: 3}", "windows need {from} and {to} in query"},
		"an unknown kind of paging": {"{kind: page, page: page", "{kind: pages, page: page", "kind must be one of none, page, skip, link"},
		"links without next":        {"paging: {kind: none}", "paging: {kind: link}", "kind link needs next"},
		"{page} nowhere":            {"{kind: page, page: page, ", "{kind: page, ", "the number of the page is not asked for"},
		"a bad form":                {"form: \"[0-9]+\"", "form: \"[0-9\"", "test.yaml:11: form is no regular expression"},
		"a name without words":      {"{says: the id of the school, ", "{", "says is missing"},
		"a reserved name":           {"    school: {", "    pupil: {says: x}\n    school: {", "a name is small letters, digits and underscores, and none of user"},
		"no auth":                   {"  auth: {kind: header, headers: {Authorization: \"Bearer {password}\"}}\n", "", "auth is missing"},
		"headers without a token":   {"auth: {kind: header, headers", "auth: {kind: token, post: \"{host}/t\", form: {a: b}, token: .t, headers", "{password} cannot stand here"},
		"a token for header":        {"auth: {kind: header, ", "auth: {kind: header, token: .t, ", "only kind token asks for a token"},
		"a gate of contacts":        {"    get: contacts", "    gate: {get: x, columns: {pupil: .a}}\n    get: contacts", "only pupil has a gate"},
		"care in two places":        {"    get: students", "    gate: {get: x, columns: {pupil: .a, InCare: .b, CareAuthority: .c}}\n    get: students", "the gate says who is in care: put InCare into gate.columns"},
		"a key without from":        {"status: active", "status: \"{key}\"", "{key} is one of the keys that from names"},
		"an unknown from":           {"    get: contacts", "    from: x\n    get: \"contacts/{key}\"", `there is no lookup "x"`},
		"an unknown feed":           {"    get: contacts", "    feeds: [x]\n    get: contacts", `there is no feed "x"`},
		"feeds of pupils":           {"    get: students", "    feeds: [x]\n    get: students", "pupils are read each time"},
		"changes without feeds":     {"snapshot: true}", "snapshot: true, changes: true}", "changes is true where the profile has feeds"},
		"confirm without ask":       {"    get: students", "    confirm: {Sex: {confirmed: false}}\n    get: students", "ask is missing"},
		"confirm of no field":       {"    get: students", "    confirm: {Sexx: {ask: x}}\n    get: students", `did you mean "Sex"?`},
		"evidence of nothing":       {"    get: students", "    column_evidence: {Sex: seen}\n    get: students", "column_evidence has a field that columns does not have"},
		"dates that are guessed":    {"dates: yyyy-mm-dd", "dates: mm/dd/yyyy", "test.yaml:5: dates must be one of yyyy-mm-dd, dd/mm/yyyy, dd-mm-yyyy"},
		"a file":                    {"    get: students", "    file: x.csv\n    get: students", "a web interface has no files"},
		"too old":                   {"  paging: {kind: page", "  freshness_minutes: 1441\n  paging: {kind: page", "freshness_minutes must be 0 to 1440"},
		"define with a value":       {"datasets:", "define: .a\ndatasets:", "define holds functions and nothing else"},
		"define with a lookup":      {"datasets:", "define: 'def f: lookup(\"x\"; .);'\ndatasets:", "lookup cannot be used in define"},
		"define a lookup":           {"datasets:", "define: 'def lookup(a; b): 1;'\ndatasets:", "lookup is a name of its own"},
		"a second line that fails":  {"Surname: .surname", "Surname: |\n        .surname\n        | )", "test.yaml:26: the jq expression cannot be read"},
		"a probe without words":     {"  paging: {kind: page", "  probes: [{get: x}]\n  paging: {kind: page", "probe 1: says must tell"},
		"a probe of pupils":         {"  paging: {kind: page", "  probes:\n    - {get: x, says: y}\n    - {get: \"x/{pupil}\", says: y}\n  paging: {kind: page", "test.yaml:15: {pupil} is not known here"},
		"api for files":             {"driver: rest", "driver: report", "only driver rest asks a web interface"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(restYAML, c.from, c.to, 1)
			if text == restYAML {
				t.Fatal("nothing was changed")
			}
			if _, err := parseProfile("test.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant in it %s", err, c.want)
			}
		})
	}
}

func TestRESTLookupsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"two kinds":               {"relations: {codes: true, ", "relations: {codes: true, owner: .x, ", "which rows are kept must be said by one of"},
		"no kind":                 {"relations: {codes: true, ", "relations: {", "which rows are kept must be said by one of"},
		"no key":                  {"rows: \"\", key: .id, value: .word", "rows: \"\", value: .word", "key is missing"},
		"a cycle":                 {"key: .id, value: .word", "key: .id, value: 'lookup(\"authorities\"; .)'", ""},
		"personal for everybody":  {"CareAuthority: 'lookup(\"authorities\"; .authority)'", "CareAuthority: 'lookup(\"links\"; .authority)'", `lookup "links" cannot be used here: this is read of everybody`},
		"codes from what is not":  {"value: .word", "value: 'lookup(\"links\"; .x)'", `codes: true is read before it is known who is in care, so it cannot use lookup "links"`},
		"from of codes":           {"people: {from: links, ids: .person, get: \"people/{key}\"", "people: {from: relations, get: people", "its keys can only be asked for one by one, with {key}"},
		"ids of nothing":          {"relations: {codes: true, ", "relations: {codes: true, ids: .x, ", "ids are found in the values of a lookup"},
		"a probe without a right": {"expect: '.name == \"care\"'", "expect: 'lookup(\"relations\"; .x)'", "a lookup cannot be used here"},
		"a batch without {pupil}": {"item: \"id eq {pupil}\"", "item: \"id eq\"", "item must have {pupil}"},
		"too large a batch":       {"{size: 2, ", "{size: 501, ", "size must be 1 to 500"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(gateYAML, c.from, c.to, 1)
			if c.want == "" {
				text = strings.Replace(text, "key: .id, value: .code", "key: .id, value: 'lookup(\"relations\"; .)'", 1)
				c.want = "needs itself, by way of others"
			}
			if text == gateYAML {
				t.Fatal("nothing was changed")
			}
			if _, err := parseProfile("test.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant in it %s", err, c.want)
			}
		})
	}
}

func TestRESTSites(t *testing.T) {
	whole := func() Site {
		return Site{API: &API{Names: map[string]string{"host": "https://mis.example", "school": "7"}, Password: "geheim"}}
	}
	for name, c := range map[string]struct {
		change func(*Site)
		want   string
	}{
		"nothing wrong":           {func(*Site) {}, ""},
		"an address of here":      {func(s *Site) { s.API.Names["host"] = "http://127.0.0.1:8080/" }, ""},
		"nothing given":           {func(s *Site) { s.API = nil }, "mis.api.names.host is not given: the address\nmis.api.names.school is not given: the id of the school\nmis.api.password is not given"},
		"a name of another form":  {func(s *Site) { s.API.Names["school"] = "Zqjx" }, "mis.api.names.school (the id of the school) must be of the form [0-9]+"},
		"an address without TLS":  {func(s *Site) { s.API.Names["host"] = "http://mis.example" }, "mis.api.names.host (the address) must begin with https://"},
		"an address with a login": {func(s *Site) { s.API.Names["host"] = "https://Zqjx@mis.example" }, "must not hold a user name or password"},
		"an address with a query": {func(s *Site) { s.API.Names["host"] = "https://mis.example?x" }, "without a question mark"},
		"a misspelt name":         {func(s *Site) { s.API.Names["scool"] = "7" }, `does not ask (did you mean "school"?); it asks for host, school`},
		"a user for nothing":      {func(s *Site) { s.API.User = "u" }, "mis.api.user is not used by this profile: remove it"},
		"no password":             {func(s *Site) { s.API.Password = "" }, "mis.api.password is not given"},
		"a folder too":            {func(s *Site) { s.Dir = "/x" }, "remove mis.folder"},
		"an encoding":             {func(s *Site) { s.Encoding = "utf-8" }, "a web interface answers in UTF-8"},
		"dates of files":          {func(s *Site) { s.Dates = "mm/dd/yyyy" }, "web interfaces write dates as one of yyyy-mm-dd, dd/mm/yyyy, dd-mm-yyyy"},
		"a file of a dataset":     {func(s *Site) { s.Datasets = map[record.Dataset]SiteDataset{"contact": {File: "x"}} }, "a web interface has no files"},
		"jq that cannot be read":  {func(s *Site) { s.Datasets = columnsOf("contact", "Order", ".a |") }, "mis.datasets.contact.columns.Order: the jq expression cannot be read"},
		"an unknown field":        {func(s *Site) { s.Datasets = columnsOf("contact", "Ordr", ".a") }, `did you mean "Order"?`},
		"a column taken away":     {func(s *Site) { s.Datasets = columnsOf("pupil", "CareAuthority", "") }, "datasets.pupil: the name of CareAuthority is not known, and without it no pupil can be read. give it under mis.datasets.pupil.columns"},
		"two of one expression":   {func(s *Site) { s.Datasets = columnsOf("contact", "Title", ".forename") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			site := whole()
			c.change(&site)
			_, err := Open(restProfile(t, restYAML), site)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant in it %s", err, c.want)
			}
			noCanary(t, err)
			var ours *Error
			if err != nil && !errors.As(err, &ours) {
				t.Errorf("a %T", err)
			}
		})
	}
}

func columnsOf(d record.Dataset, field, text string) map[record.Dataset]SiteDataset {
	return map[record.Dataset]SiteDataset{d: {Columns: map[string]string{field: text}}}
}

// What no source publishes comes from the school: without it nothing is opened,
// or nothing offered.
func TestRESTNamesToConfirm(t *testing.T) {
	text := strings.NewReplacer("      CareAuthority: .care.authority\n", "      CareAuthority: \"\"\n",
		"    get: students\n", "    confirm: {CareAuthority: {confirmed: false, ask: \"Ask the office for the code of the authority.\"}}\n    get: students\n",
		"columns: {pupil: .student, contact: .id, Forename: .forename, Surname: .surname, Order: .order}", "confirm: {Surname: {ask: Ask.}}\n    columns: {pupil: .student}").Replace(restYAML)
	p := restProfile(t, text)
	if err := Lint(p, Site{}); err != nil {
		t.Errorf("lint: %v", err)
	}
	c := newCloud()
	at := c.start(t)
	if _, err := Open(p, at); err == nil || !strings.Contains(err.Error(), "the name of CareAuthority is not known") || !strings.Contains(err.Error(), "Ask the office for the code of the authority.") {
		t.Errorf("%v", err)
	}
	at.Datasets = columnsOf("pupil", "CareAuthority", ".care.authority")
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, "[attendance pupil]", fmt.Sprint(s.Datasets()))
	at.Datasets["contact"] = SiteDataset{Columns: map[string]string{"Surname": ".surname"}}
	got := mustRead(t, p, at)
	if d := got.Report.Datasets[1]; d.Matched != 2 {
		t.Errorf("%+v", d)
	}
}
