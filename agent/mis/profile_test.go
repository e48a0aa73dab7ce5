package mis

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/demoschool"
	"rollbridge/shared/record"
)

func TestShippedProfilesLoad(t *testing.T) {
	names := ProfileNames()
	for _, name := range []string{"bromcom-odata", "bromcom-partner", "csv", "ctf", "progresso", "sims-report", "sims-sql", "sql-views"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no profile %s", name)
		}
	}
	for _, name := range names {
		p, err := LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name {
			t.Errorf("the profile in %s.yaml calls itself %s", name, p.Name)
		}
		if _, err := Open(p, somewhere(p)); err != nil {
			t.Error(err)
		}
	}
}

// somewhere is a site that opens, with nothing in it.
func somewhere(p *Profile) Site {
	switch p.Driver {
	case "file":
		return Site{Dir: "x"}
	case driverReport:
		return reportSite(p, "/x/CommandReporter.exe")
	case driverREST:
		return interfaceSite(p)
	}
	return Site{Server: &Server{Settings: sqlserver.Settings{Host: "h", Database: "d", User: "u", Password: "p"}}}
}

// interfaceSite gives every name that a profile asks for, and a column for each
// field that it needs and does not know.
func interfaceSite(p *Profile) Site {
	site := Site{API: &API{Names: map[string]string{}}, Datasets: map[record.Dataset]SiteDataset{}}
	for name, own := range p.API.Names {
		switch {
		case own.Default != nil:
		case own.URL:
			site.API.Names[name] = "https://mis.example"
		default:
			form, _ := own.form() // LoadProfile has read it
			samples := []string{"1234567", "A1234567", "x"}
			site.API.Names[name] = samples[max(0, slices.IndexFunc(samples, form.MatchString))]
		}
	}
	signIn := p.API.Auth.Kind
	for _, values := range []map[string]string{p.API.Auth.Form, p.API.Auth.JSON, p.API.Auth.Headers} {
		for _, text := range values {
			signIn += text
		}
	}
	if p.API.Auth.Kind == "basic" || strings.Contains(signIn, "{user}") {
		site.API.User = "u"
	}
	if p.API.Auth.Kind == "basic" || strings.Contains(signIn, "{password}") {
		site.API.Password = "p"
	}
	for d, own := range p.Datasets {
		columns := map[string]string{}
		for name := range own.Confirm {
			if own.Columns[name] == "" {
				columns[name] = ".x"
			}
		}
		site.Datasets[d] = SiteDataset{Columns: columns}
	}
	return site
}

// unmapped says of which fields a shipped profile has no column of its own, as
// dataset.field.
type unmapped []string

func (u unmapped) check(t *testing.T, column func(d record.Dataset, field string) string) {
	t.Helper()
	for _, d := range record.Datasets() {
		for _, field := range ownNames(d) {
			if missing := column(d, field) == ""; missing != slices.Contains(u, string(d)+"."+field) {
				t.Errorf("%s.%s: no column is %t", d, field, missing)
			}
		}
	}
}

// The shipped CSV profile maps every field that the records have.
func TestShippedCSVProfileIsComplete(t *testing.T) {
	p, err := LoadProfile("csv")
	if err != nil {
		t.Fatal(err)
	}
	// Needs stand in one cell.
	none := unmapped{"contact.Phones.other", "agency_contact.Phones.home", "agency_contact.Phones.other", "sen.SENtypeRank", "sen.SENtype"}
	none.check(t, func(d record.Dataset, field string) string { return p.Datasets[d].Columns[field] })
}

// It reads the files that the demo school exports, and no heading more.
func TestShippedCSVProfileReadsTheDemoSchool(t *testing.T) {
	p, err := LoadProfile("csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range demoschool.CSVFiles() {
		columns := map[string]string{}
		for _, h := range f.Headings {
			columns[h.Field] = h.Text
		}
		own := p.Datasets[record.Dataset(f.Dataset)]
		wantDiff(t, f.Name, own.File)
		wantDiff(t, columns, own.Columns)
	}
}

func TestBadProfilesAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, want string }{
		"unknown name":            {"null_means", "null_mean", `test.yaml:6: a name that is not known here (did you mean "null_means"?)`},
		"unknown dataset":         {"  contact:", "  contacts:", `test.yaml:15: a dataset that is not known (did you mean "contact"?)`},
		"unknown field":           {"Surname: Surname, F", "Sirname: Surname, F", `(did you mean "Surname"?)`},
		"unknown part":            {"    evidence: site\n    columns: {pupil", "    evidense: site\n    columns: {pupil", `did you mean "evidence"?`},
		"given twice":             {"dates: dd/mm/yyyy", "dates: dd/mm/yyyy\ndates: dd/mm/yyyy", "test.yaml:10: a name is given twice"},
		"wrong kind":              {"mis_id: true", "mis_id: [1]", "test.yaml:5: a value of the wrong kind (a list, where there must be true or false)"},
		"no YAML":                 {"driver: file", "driver: \"file", "cannot be read as YAML"},
		"not settings":            {profileYAML, "just words", "name: value"},
		"empty":                   {profileYAML, "", "name: value"},
		"two documents":           {"name: test", "name: test\n---\nname: test", "second document"},
		"dates that are guessed":  {"dd/mm/yyyy", "auto", "test.yaml:9: dates must be one of dd-mm-yyyy, dd/mm/yyyy, mm/dd/yyyy, yyyy-mm-dd"},
		"unknown encoding":        {"utf-8", "utf-9", "encoding must be one of"},
		"unknown delimiter":       {"comma", "','", "delimiter must be one of"},
		"unknown driver":          {"driver: file", "driver: rest", "test.yaml:3: driver and format"},
		"null_means missing":      {"null_means: unknown", "", "null_means must be one of"},
		"a path for a file":       {"file: pupils.csv", "file: ../pupils.csv", "without a path"},
		"one column for two":      {"Forename: Forename", "Forename: surname", "two fields are read from one column"},
		"needed column not given": {"InCare: In Care, ", "", "the heading of InCare is not given"},
		"values of no code":       {"values: {mark", "values: {late", "values cannot be given"},
		"no evidence":             {"    evidence: site\n    columns: {contact", "    columns: {contact", "evidence must be one of"},
		"name":                    {"name: test", "name: A b", "test.yaml:2: name must be given"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(profileYAML, c.old, c.replacement, 1)
			if text == profileYAML {
				t.Fatal("the test changes nothing")
			}
			_, err := parseProfile("test.yaml", []byte(text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

func TestLoadProfileNamesWhatThereIs(t *testing.T) {
	if _, err := LoadProfile("cvs"); err == nil || !strings.Contains(err.Error(), `did you mean "csv"?`) || !strings.Contains(err.Error(), strings.Join(ProfileNames(), ", ")) {
		t.Errorf("error %v", err)
	}
	if _, err := LoadProfile(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a missing file was loaded")
	}
	path := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(path, []byte(profileYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := LoadProfile(path); err != nil || p.Name != "test" {
		t.Errorf("%v", err)
	}
}

func TestOpenRefusesSettingsThatCannotWork(t *testing.T) {
	csv, ctf := testProfile(t), ctfProfile(t)
	for name, c := range map[string]struct {
		p    *Profile
		s    Site
		want string
	}{
		"no profile":       {nil, Site{Dir: "x"}, "no profile"},
		"no folder":        {csv, Site{}, "folder"},
		"dates of a ctf":   {ctf, Site{Dir: "x", Dates: "dd/mm/yyyy"}, "its own encoding and dates"},
		"columns of a ctf": {ctf, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"UPN": "x"}}}}, "fixed names"},
		"needed column":    {csv, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"InCare": ""}}}}, "heading of InCare"},
		"shared column":    {csv, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"UPN": "surname"}}}}, "one column"},
		"unknown field":    {csv, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupil": {Columns: map[string]string{"CareAuthorty": "x"}}}}, `did you mean "CareAuthority"?`},
		"unknown dataset":  {csv, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupils": {}}}, `did you mean "pupil"?`},
		"path in a name":   {csv, Site{Dir: "x", Datasets: map[record.Dataset]SiteDataset{"pupil": {File: "/etc/passwd"}}}, "file must be the name of a file"},
		"settle":           {csv, Site{Dir: "x", SettleSeconds: new(-1)}, "settle_seconds must be from 0"},
		"nation":           {csv, Site{Dir: "x", Nation: "Scotland"}, "nation must be one of"},
	} {
		if _, err := Open(c.p, c.s); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
}

// `profile test` sends people to docs/profiles.md for the words of warnings.
func TestWarningsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("api.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`Warn\w+ += "(\w+)"`).FindAllSubmatch(source, -1)
	if len(codes) < 11 {
		t.Fatalf("found %d codes", len(codes))
	}
	for _, c := range codes {
		if !strings.Contains(string(page), "\n| `"+string(c[1])+"` | ") {
			t.Errorf("the page does not explain %s", c[1])
		}
	}
}
