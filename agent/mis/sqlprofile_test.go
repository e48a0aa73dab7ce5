package mis

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/record"
)

const sqlYAML = `
name: test-sql
driver: sql
capabilities: {caring_authority: true, mis_id: true, snapshot: true}
null_means: unknown
needs:
  "{schema}.school": {evidence: documented, columns: {School: id, Pupils: whole, LookedAfter: whole, AsAt: time}}
  "{schema}.pupil": {evidence: documented, columns: {pupil: id, InCare: flag, CareAuthority: text, UPN: text, Surname: text}}
  mis.Mark:
    evidence: seen
    columns: {pupil: id, date: date, session: text, mark: text}
school: SELECT School, Pupils, LookedAfter, AsAt FROM {schema}.school
datasets:
  pupil:
    evidence: documented
    who: SELECT pupil, InCare, CareAuthority FROM {schema}.pupil
    query: |
      SELECT pupil, UPN, Surname
      FROM {schema}.pupil
      WHERE pupil IN (@pupils)
  attendance:
    evidence: seen
    query: SELECT pupil, [date], session, mark FROM mis.Mark WHERE pupil IN (@pupils) AND [date] >= @since
    values: {mark: {Ill: I}}
`

func TestBadSQLProfilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, want string }{
		"a format":                 {"driver: sql", "driver: sql\nformat: csv", "test.yaml:3: driver and format"},
		"dates":                    {"null_means", "dates: dd/mm/yyyy\nnull_means", "test.yaml:3: a database says its own"},
		"no id":                    {"mis_id: true, ", "", "test.yaml:4: mis_id must be true"},
		"no null_means":            {"null_means: unknown", "", "null_means must be one of"},
		"misspelt needs":           {"needs:", "need:", `test.yaml:6: a name that is not known here (did you mean "needs"?)`},
		"misspelt columns":         {"    columns: {pupil: id, date", "    colums: {pupil: id, date", `test.yaml:11: a name that is not known here (did you mean "columns"?)`},
		"misspelt who":             {"    who:", "    whom:", `test.yaml:16: a name that is not known here (did you mean "who"?)`},
		"kind":                     {"mark: text}", "mark: txt}", `test.yaml:11: a kind that is not known (did you mean "text"?)`},
		"evidence of a need":       {"    evidence: seen\n    columns", "    evidence: guessed\n    columns", "test.yaml:10: evidence must be one of"},
		"need without columns":     {"\n    columns: {pupil: id, date: date, session: text, mark: text}", "", "test.yaml:9: give evidence and columns"},
		"need of three parts":      {"  mis.Mark:", "  db.mis.Mark:", "test.yaml:9: a table or view is named as schema.name"},
		"need with a quote":        {"  mis.Mark:", "  \"mis.Mark]\":", "test.yaml:9: a table or view is named as schema.name"},
		"object not listed":        {"FROM mis.Mark", "FROM mis.Marks", "test.yaml:23: datasets.attendance.query reads mis.Marks, which needs does not list"},
		"no school":                {"school: SELECT School, Pupils, LookedAfter, AsAt FROM {schema}.school", "", "school is not given"},
		"school without Pupils":    {"School, Pupils, L", "School, L", "test.yaml:12: the query gives no column Pupils"},
		"school by parameter":      {"FROM {schema}.school\n", "FROM {schema}.school WHERE School = @school\n", "test.yaml:12: a parameter that this query cannot have"},
		"unknown column of school": {"AsAt FROM", "AsAt AS AsAtt FROM", `test.yaml:12: column 4 of the query has a name that is not known here (did you mean "AsAt"?)`},
		"no who":                   {"    who: SELECT pupil, InCare, CareAuthority FROM {schema}.pupil\n", "", "test.yaml:14: datasets.pupil.who is not given"},
		"who without authority":    {"InCare, CareAuthority FROM", "InCare FROM", "test.yaml:16: the query gives no column CareAuthority"},
		"more of everybody":        {"InCare, CareAuthority FROM", "InCare, CareAuthority, Surname FROM", "test.yaml:16: column 4 of the query has a name that is not known here"},
		"who of marks":             {"    evidence: seen\n    query", "    evidence: seen\n    who: SELECT pupil FROM mis.Mark\n    query", "test.yaml:23: only pupil has who"},
		"no query":                 {"\n      SELECT pupil, UPN, Surname\n      FROM {schema}.pupil\n      WHERE pupil IN (@pupils)", "", "test.yaml:17: datasets.pupil.query is not given"},
		"misspelt field":           {"UPN, Surname", "UPN, Surname AS Sirname", `test.yaml:17: column 3 of the query has a name that is not known here (did you mean "Surname"?)`},
		"a field twice":            {"UPN, Surname", "UPN, Surname AS UPN", "test.yaml:18: the result has two columns UPN"},
		"the marker again":         {"UPN, Surname", "UPN, Surname AS InCare", "test.yaml:17: column 3 of the query"},
		"everybody's rows":         {"      WHERE pupil IN (@pupils)\n", "", "test.yaml:17: the query must ask for the pupils admitted only"},
		"everybody but them":       {"pupil IN (@pupils)", "pupil NOT IN (@pupils)", "test.yaml:17: @pupils must stand once"},
		"them or others":           {"pupil IN (@pupils)\n", "pupil IN (@pupils) OR UPN IS NULL\n", "test.yaml:17: @pupils must stand once"},
		"some of the pupils":       {"SELECT pupil, UPN", "SELECT TOP (500) pupil, UPN", "test.yaml:17: the query has TOP"},
		"some of who":              {"who: SELECT pupil", "who: SELECT TOP 9 pupil", "test.yaml:16: the query has TOP"},
		"every year":               {" AND [date] >= @since", "", "test.yaml:23: the query must ask for this academic year only"},
		"unknown parameter":        {"@since", "@sinse", `did you mean "since"?`},
		"no session":               {"session, mark FROM", "mark FROM", "test.yaml:23: the query gives no column session"},
		"a file":                   {"    who:", "    file: x.csv\n    who:", "a database has no files"},
		"values of no code":        {"values: {mark", "values: {date", "values cannot be given"},
		"another statement":        {"SELECT pupil, UPN, Surname\n", "DELETE\n", "test.yaml:18: "},
		"a write in line 3":        {"      WHERE pupil IN (@pupils)\n", "      WHERE pupil IN (@pupils);\n", "test.yaml:20: "},
		"a comment":                {"SELECT pupil, UPN, Surname\n", "SELECT pupil, UPN,\n        Surname -- legal\n", "test.yaml:19: "},
		"a bad query in one line":  {"SELECT School, Pupils", "SELECT *, Pupils", "test.yaml:12: "},
		"a dataset of nothing":     {"  attendance:", "  contact:\n  attendance:", "test.yaml:21: this dataset says nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(sqlYAML, c.old, c.replacement, 1)
			if text == sqlYAML {
				t.Fatal("the test changes nothing")
			}
			_, err := parseProfile("test.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

func sqlProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := parseProfile("test.yaml", []byte(sqlYAML))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A profile of files knows nothing of questions.
func TestFilesAreNotAsked(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement string }{
		"needs":  {"datasets:", "needs: {a.b: {evidence: seen, columns: {c: id}}}\ndatasets:"},
		"school": {"datasets:", "school: SELECT a FROM b.c\ndatasets:"},
		"query":  {"    file: pupils.csv", "    file: pupils.csv\n    query: SELECT a FROM b.c"},
	} {
		_, err := parseProfile("test.yaml", []byte(strings.Replace(profileYAML, c.old, c.replacement, 1)))
		if err == nil || !strings.Contains(err.Error(), "files are not asked") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const siteYAML = `
null_means: not_in_care
needs:
  local.Contacts: {evidence: site, columns: {pupil: id, contact: id, Surname: text}}
datasets:
  contact:
    query: |
      SELECT pupil, contact, Surname
      FROM local.Contacts
      WHERE pupil IN (@pupils)
  attendance:
    values: {session: {M: AM}}
`

func TestBadSiteFilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, want string }{
		"misspelt":         {"null_means", "null_mean", `site.yaml:2: a name that is not known here (did you mean "null_means"?)`},
		"an unknown part":  {"    query: |", "    fyle: x.csv\n    query: |", `site.yaml:7: a name that is not known here (did you mean "file"?)`},
		"a meaning":        {"not_in_care", "no", "site.yaml:2: null_means must be one of"},
		"unknown dataset":  {"  contact:", "  contacts:", `site.yaml:6: a dataset that is not known (did you mean "contact"?)`},
		"a kind":           {"pupil: id", "pupil: ident", "site.yaml:4: a kind that is not known"},
		"a bad query":      {"FROM local.Contacts", "FROM Contacts", "site.yaml:9: "},
		"drop":             {"    values", "    drop: true\n    values", "site.yaml:12: a name that is not known here"},
		"says nothing":     {"    values: {session: {M: AM}}", "", "site.yaml:11: this dataset says nothing"},
		"a query of all":   {"WHERE pupil IN (@pupils)", "ORDER BY pupil", "site.yaml:7: the query must ask for the pupils admitted only"},
		"value of no code": {"{session:", "{late:", "site.yaml:12: values cannot be given"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(siteYAML, c.old, c.replacement, 1)
			if text == siteYAML {
				t.Fatal("the test changes nothing")
			}
			_, err := parseSite("site.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

func siteFile(t testing.TB, text string) *SiteFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "site.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := LoadSite(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSiteFileIsLaidOverTheProfile(t *testing.T) {
	p := sqlProfile(t)
	before := sqlYAML
	made, err := p.With(siteFile(t, siteYAML))
	if err != nil {
		t.Fatal(err)
	}
	if made.NullMeans != nullNotInCare || p.NullMeans != nullUnknown {
		t.Errorf("null_means %q over %q", made.NullMeans, p.NullMeans)
	}
	if d := made.Datasets[record.DatasetContact]; d == nil || d.Evidence != "site" || p.Datasets[record.DatasetContact] != nil {
		t.Error("the new dataset is missing, or in the profile itself")
	}
	marks := made.Datasets[record.DatasetAttendance]
	wantDiff(t, map[string]map[string]string{"mark": {"Ill": "I"}, "session": {"M": "AM"}}, marks.Values)
	if marks.Query.Text != p.Datasets[record.DatasetAttendance].Query.Text || marks.Evidence != "seen" {
		t.Error("what the site file does not name was changed")
	}
	wantDiff(t, sqlProfile(t), p)
	if before != sqlYAML {
		t.Error("changed")
	}

	dropped := p.without(map[record.Dataset]SiteDataset{"attendance": {Drop: true}, "pupil": {}})
	if dropped.Datasets[record.DatasetAttendance] != nil || dropped.Datasets[record.DatasetPupil] == nil {
		t.Error("drop does not leave out what it names, and no more")
	}
	wantDiff(t, sqlProfile(t), p)
}

// Together they are judged as one profile.
func TestSiteFileThatDoesNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		p    *Profile
		text string
		want string
	}{
		"object not listed": {sqlProfile(t), strings.Replace(siteYAML, "  local.Contacts: {", "  local.Contact: {", 1), "datasets.contact.query reads local.Contacts, which needs does not list"},
		"new without query": {sqlProfile(t), "datasets: {contact: {values: {Relationship: {Mum: PAM}}}}", "datasets.contact.query is not given"},
		"files":             {testProfile(t), "school: SELECT 1 AS School, 2 AS Pupils", "site.yaml:1: the profile test (driver file with format csv) has no use for school"},
	} {
		at := Site{File: siteFile(t, c.text)}
		if err := Lint(c.p, at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
}

// The example in docs/profiles.md works over the profile that it names.
func TestSiteFileOfTheDocumentation(t *testing.T) {
	p, err := LoadProfile("sims-sql")
	if err != nil {
		t.Fatal(err)
	}
	at := somewhere(p)
	at.File = siteFile(t, documentedSite(t))
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	is := func(n sqlserver.Need) bool {
		return n.Object == sqlserver.Object{Schema: "rollbridge", Name: "contact"}
	}
	if !slices.ContainsFunc(s.Needs(), is) {
		t.Error("the view of the site file is not among the needs")
	}
}

func documentedSite(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml site\n(.*?)```").FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/profiles.md has no example of a site file")
	}
	return string(m[1])
}

func TestNeedsAreThoseOfTheQueriesInUse(t *testing.T) {
	at := Site{Datasets: map[record.Dataset]SiteDataset{"attendance": {Drop: true}}, Server: &Server{Schema: "rb", Settings: sqlserver.Settings{Host: "h", Database: "d", User: "u", Password: "p"}}}
	s, err := Open(sqlProfile(t), at)
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, []sqlserver.Need{
		{Object: sqlserver.Object{Schema: "rb", Name: "pupil"}, Evidence: "documented", Columns: map[string]sqlserver.Kind{
			"pupil": sqlserver.KindID, "InCare": sqlserver.KindFlag, "CareAuthority": sqlserver.KindText, "UPN": sqlserver.KindText, "Surname": sqlserver.KindText}},
		{Object: sqlserver.Object{Schema: "rb", Name: "school"}, Evidence: "documented", Columns: map[string]sqlserver.Kind{
			"School": sqlserver.KindID, "Pupils": sqlserver.KindWhole, "LookedAfter": sqlserver.KindWhole, "AsAt": sqlserver.KindTime}},
	}, s.Needs())
	if text := s.plan.sql.who.Text(); !strings.Contains(text, "[rb].pupil") {
		t.Errorf("the schema is not in the query: %s", text)
	}
}

// The fingerprint travels to the collector.
func TestFingerprintHasNoCredentials(t *testing.T) {
	p := sqlProfile(t)
	hash := func(change func(*Site)) string {
		at := somewhere(p)
		change(&at)
		s, err := Open(p, at)
		if err != nil {
			t.Fatal(err)
		}
		return s.hash
	}
	plain := hash(func(*Site) {})
	for name, same := range map[string]func(*Site){
		"password": func(s *Site) { s.Server.Settings.Password = "other" },
		"user":     func(s *Site) { s.Server.Settings.User = "other" },
		"host":     func(s *Site) { s.Server.Settings.Host = "other" },
	} {
		if hash(same) != plain {
			t.Errorf("%s is part of the fingerprint", name)
		}
	}
	for name, other := range map[string]func(*Site){
		"schema":    func(s *Site) { s.Server.Schema = "other" },
		"school":    func(s *Site) { s.Server.School = "2" },
		"site file": func(s *Site) { s.File = siteFile(t, siteYAML) },
	} {
		if hash(other) == plain {
			t.Errorf("%s is not part of the fingerprint", name)
		}
	}
}

func TestOpenRefusesADatabaseThatCannotBeRead(t *testing.T) {
	p := sqlProfile(t)
	for name, c := range map[string]struct {
		change func(*Site)
		want   string
	}{
		"no server":     {func(s *Site) { s.Server = nil }, "mis.server.host"},
		"no database":   {func(s *Site) { s.Server.Settings.Database = "" }, "mis.server.database is missing"},
		"a folder":      {func(s *Site) { s.Dir = "x" }, "remove mis.folder"},
		"dates":         {func(s *Site) { s.Dates = "dd/mm/yyyy" }, "a database says its own"},
		"final newline": {func(s *Site) { s.FinalNewline = "optional" }, "final_newline"},
		"columns": {func(s *Site) {
			s.Datasets = map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"UPN": "x"}}}
		}, "mis.site_file"},
		"drop of nothing": {func(s *Site) { s.Datasets = map[record.Dataset]SiteDataset{"contact": {Drop: true}} }, "datasets has contact, which the profile test-sql does not read"},
		"drop of pupils":  {func(s *Site) { s.Datasets = map[record.Dataset]SiteDataset{"pupil": {Drop: true}} }, "pupil cannot be left out"},
		"drop and more": {func(s *Site) {
			s.Datasets = map[record.Dataset]SiteDataset{"attendance": {Drop: true, Complete: new(false)}}
		}, "a dataset that is left out needs nothing else"},
		"contacts":       {func(s *Site) { s.Datasets = map[record.Dataset]SiteDataset{"contact": {Complete: new(false)}} }, "does not read"},
		"schema":         {func(s *Site) { s.Server.Schema = "a b" }, "mis.server.schema"},
		"quote in it":    {func(s *Site) { s.Server.Schema = "x] FROM a.b --" }, "mis.server.schema"},
		"a server's own": {func(s *Site) { s.Server.Settings.Host = "" }, "mis.server.host is missing"},
	} {
		at := somewhere(p)
		c.change(&at)
		if _, err := Open(p, at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
	if _, err := Open(testProfile(t), Site{Dir: "x", Server: &Server{}}); err == nil || !strings.Contains(err.Error(), "remove mis.server") {
		t.Errorf("a server for files: %v", err)
	}
}

// The shipped profiles know every field, or say why not.
func TestShippedSQLProfileIsComplete(t *testing.T) {
	p, err := LoadProfile("sql-views")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(p, somewhere(p))
	if err != nil {
		t.Fatal(err)
	}
	// A need has a row of its own.
	unmapped{"agency_contact.Phones.home", "sen.SENneeds"}.check(t, func(d record.Dataset, field string) string {
		return s.plan.datasets[d].headings[descriptions[d].number(field)]
	})
}

func TestAskedPupilsAreFoundDespiteCollations(t *testing.T) {
	a := newAskedPupils()
	for _, id := range []string{"ab1", "X2", "x2", "Ü3"} {
		a.add(&askedPupil{id: id})
	}
	for id, want := range map[string]string{"ab1": "ab1", "AB1": "ab1", "X2": "X2", "x2": "x2", "ü3": "Ü3", "ab": "", "u3": ""} {
		got := ""
		if p := a.find(id); p != nil {
			got = p.id
		}
		if got != want {
			t.Errorf("%s finds %q, want %q", id, got, want)
		}
	}
	b := newAskedPupils()
	b.add(&askedPupil{id: "Ab"})
	b.add(&askedPupil{id: "aB"})
	if b.find("AB") != nil {
		t.Error("an id that could be two pupils finds one")
	}
}
