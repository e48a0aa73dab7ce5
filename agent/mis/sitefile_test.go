package mis

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

func shipped(t testing.TB, name string) *Profile {
	t.Helper()
	p, err := LoadProfile(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What a site file names holds, over profiles of every driver; the profile
// itself stays as it is, and what is not named too.
func TestSiteFileOverEveryDriver(t *testing.T) {
	for _, c := range []struct {
		profile, text string
		// want is what places of the profile say then.
		want map[string]string
	}{
		{"csv", `
null_means: not_in_care
datasets:
  pupil:
    file: children.csv
    columns: {CareAuthority: LAC authority, House: ""}
    null_means: {FSMeligible: "no"}
  contact: {identity: [Surname, Relationship]}
  attendance: {values: {mark: {Ill: I}}}
`, map[string]string{
			"null_means": "not_in_care", "datasets.pupil.file": "children.csv", "datasets.pupil.columns.CareAuthority": "LAC authority",
			"datasets.pupil.columns.House": "", "datasets.pupil.columns.UPN": "UPN", "datasets.pupil.null_means.FSMeligible": "no",
			"datasets.contact.identity": "Surname, Relationship", "datasets.attendance.values.mark.Ill": "I",
			"datasets.pupil.evidence": "site",
		}},
		{"ctf", "datasets: {sen: {identity: [StartDate], evidence: seen}}", map[string]string{
			"datasets.sen.identity": "StartDate", "datasets.sen.evidence": "seen", "datasets.sen.file": "*.xml"}},
		{"sims-report", `
datasets:
  pupil:
    report: Our pupils
    columns: {CareAuthority: Authority, UPN: Pupil no, House: ""}
`, map[string]string{
			"datasets.pupil.report": "Our pupils", "datasets.pupil.columns.CareAuthority": "Authority", "datasets.pupil.columns.UPN": "Pupil no",
			"datasets.pupil.column_evidence.UPN": "site", "datasets.pupil.column_evidence.Surname": "seen", "datasets.pupil.column_evidence.House": ""}},
		{"progresso", `
api: {names: {host: {default: "https://oakmere.progresso.net"}}}
lookups:
  needs: {get: learnerNeeds}
  staffed: {codes: true, get: positions, key: .id, value: .name}
datasets:
  pupil:
    query: {Status: Current}
    each: .
    columns: {AdmissionNumber: .candidateno}
  detention:
    columns: {Date: .date | day, detention: .id}
    confirm: {Date: {confirmed: true}}
`, map[string]string{
			"api.names.host.default": "https://oakmere.progresso.net", "api.names.host.says": "the address of this school's Progresso, such as https://SCHOOL.progresso.net",
			"lookups.needs.get": "learnerNeeds", "lookups.needs.key": ".learnerid", "lookups.staffed.value": ".name", "lookups.needs.owner": ".learnerid",
			"datasets.pupil.query.Status": "Current", "datasets.pupil.each": ".", "datasets.pupil.columns.AdmissionNumber": ".candidateno",
			"datasets.pupil.column_evidence.AdmissionNumber": "site", "datasets.pupil.gate.columns.InCare": ".lac",
			"datasets.detention.columns.Date": ".date | day", "datasets.detention.confirm.Date.confirmed": "true", "datasets.detention.columns.pupil": ".learnerid"}},
	} {
		t.Run(c.profile, func(t *testing.T) {
			p, at := shipped(t, c.profile), Site{File: siteFile(t, c.text)}
			laid, err := p.With(at.File)
			if err != nil {
				t.Fatal(err)
			}
			for place, want := range c.want {
				if got := placeIn(laid, place); got != want {
					t.Errorf("%s is %q, want %q", place, got, want)
				}
			}
			wantDiff(t, shipped(t, c.profile), p)
			if err := Lint(p, at); err != nil {
				t.Error(err)
			}
			found, err := Differences(p, at)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				if d.Here != placeIn(laid, d.Path) || d.Profile != placeIn(p, d.Path) || !strings.Contains(d.File, "site.yaml:") {
					t.Errorf("%+v; the profile says %q, what is laid over it %q", d, placeIn(p, d.Path), placeIn(laid, d.Path))
				}
			}
			if len(found) == 0 {
				t.Error("no difference is shown")
			}
			plain, over := somewhere(p), somewhere(p)
			over.File = at.File
			if fingerprint(t, p, plain) == fingerprint(t, p, over) {
				t.Error("the site file is no part of the fingerprint")
			}
		})
	}
}

func placeIn(p *Profile, place string) string {
	return textAt(reflect.ValueOf(p), strings.Split(place, "."))
}

func fingerprint(t testing.TB, p *Profile, at Site) string {
	t.Helper()
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return s.hash
}

// What the driver has no use for, and what makes a profile that cannot be read,
// is refused at its line in the site file.
func TestSiteFileIsRefusedAtItsLine(t *testing.T) {
	for _, c := range []struct{ profile, text, want string }{
		{"csv", "datasets:\n  pupil:\n    query: SELECT 1 AS pupil FROM a.b WHERE pupil IN (@pupils)", "site.yaml:3: the profile csv (driver file with format csv) has no use for query: remove it; there may be file, columns, identity, values, null_means, withhold, evidence"},
		{"csv", "null_means: unknown\nneeds: {a.b: {evidence: site, columns: {x: id}}}", "site.yaml:2: the profile csv (driver file with format csv) has no use for needs"},
		{"csv", "datasets:\n  pupil:\n    columns:\n      InCare: \"\"", "site.yaml:3: the heading of InCare is not given"},
		{"csv", "datasets:\n  pupil:\n    columns:\n      UPN: Legal Surname", "two fields are read from one column"},
		{"csv", "datasets:\n  pupil:\n    file: ../x.csv", "site.yaml:3: file must be the name of a file"},
		{"csv", "datasets:\n  pupil:\n    columns:\n      UNP: x", "site.yaml:4: a field that pupil records do not have (did you mean \"UPN\"?)"},
		{"csv", "datasets:\n  pupil:\n    <<: {file: x.csv}", "site.yaml:3: << cannot be used here"},
		{"csv", "datasets:\n  pupil: {null_means: {House: \"no\"}}", "site.yaml:2: it is no yes-or-no field"},
		{"ctf", "datasets:\n  pupil:\n    file: a*.xml", "site.yaml:3: the profile ctf (driver file with format ctf) has no use for file"},
		{"sql-views", "datasets:\n  pupil:\n    columns: {UPN: x}", "site.yaml:3: the profile sql-views (driver sql) has no use for columns"},
		{"sql-views", "api: {names: {host: {default: x}}}", "site.yaml:1: the profile sql-views (driver sql) has no use for api"},
		{"sims-report", "datasets:\n  pupil:\n    report: 'a \"b'", "site.yaml:3: report must be the name of a report"},
		{"sims-report", "datasets:\n  pupil:\n    get: x", "site.yaml:3: the profile sims-report (driver report) has no use for get"},
		{"progresso", "datasets:\n  pupil:\n    columns:\n      UPN: .upn |", "site.yaml:4: the jq expression cannot be read"},
		{"progresso", "datasets:\n  pupil:\n    columns:\n      UPN: lookup(\"nedds\"; .learnerid)", "site.yaml:4: there is no lookup \"nedds\" (did you mean \"needs\"?)"},
		{"progresso", "datasets:\n  pupil:\n    columns:\n      InCare: .lac", "site.yaml:4: the gate says who is in care: put InCare into gate.columns"},
		{"progresso", "datasets:\n  pupil:\n    get: /v2/x", "site.yaml:3: get is a path below the address"},
		{"progresso", "api:\n  names:\n    hosts: {default: x}", "site.yaml:3: the profile progresso does not ask for this name (did you mean \"host\"?)"},
		{"progresso", "api:\n  names:\n    host: {default: http://mis.example}", "site.yaml:3: the default must begin with https://"},
		{"progresso", "api:\n  auth: {kind: basic}", "site.yaml:2: a name that is not known here"},
		{"progresso", "lookups:\n  needs: {codes: true}", "site.yaml:2: which rows are kept must be said by one of"},
		{"progresso", "datasets:\n  pupil:\n    file: x.csv", "site.yaml:3: the profile progresso (driver rest) has no use for file"},
	} {
		f, err := parseSite("site.yaml", []byte(c.text))
		if err == nil {
			err = Lint(shipped(t, c.profile), Site{File: f})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with %q: error %v\nwant in it %q", c.profile, c.text, err, c.want)
		}
	}
}

// The settings' short form wins over the site file, and is shown so.
func TestSettingsWinOverTheSiteFile(t *testing.T) {
	p := testProfile(t)
	at := site(small().write(t))
	at.File = siteFile(t, "null_means: not_in_care\ndatasets: {pupil: {columns: {Surname: Nachname, Forename: Vorname}}}")
	at.NullMeans = "unknown"
	at.Datasets = map[record.Dataset]SiteDataset{
		"pupil": {Columns: map[string]string{"Surname": "Surname"}, Complete: new(true)}, "contact": {Drop: true},
	}
	found, err := Differences(p, at)
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, []Difference{
		{Path: "datasets.contact.drop", Profile: "false", Here: "true", Setting: "datasets.contact.drop"},
		{Path: "datasets.pupil.columns.Forename", Profile: "Forename", Here: "Vorname", File: at.File.at.file + ":2"},
	}, found)

	at.Datasets["pupil"] = SiteDataset{Columns: map[string]string{"Surname": "Surname", "Forename": "Forename"}}
	if _, err := readAll(t, p, at, everybody); err != nil {
		t.Errorf("the file is not read as the settings have it: %v", err)
	}
	at.Datasets["pupil"] = SiteDataset{}
	if _, err := readAll(t, p, at, everybody); err == nil || !strings.Contains(err.Error(), "Vorname") && !strings.Contains(err.Error(), "Nachname") {
		t.Errorf("the site file does not hold: %v", err)
	}
}

// false is obeyed where a profile says true, and a list replaces a list.
func TestSiteFileReplacesSingleValues(t *testing.T) {
	p := shipped(t, "progresso")
	laid, err := p.With(siteFile(t, "lookups: {years: {codes: false, owner: .learnerid}}\ndatasets: {kpi: {identity: [Name]}}"))
	if err != nil {
		t.Fatal(err)
	}
	if l := laid.Lookups["years"]; l.Codes || l.Owner == "" || l.Get != "academicYear" {
		t.Errorf("%+v", l)
	}
	if !p.Lookups["years"].Codes {
		t.Error("the profile was changed")
	}
	twice, err := laid.With(siteFile(t, "datasets: {kpi: {identity: [Date]}}"))
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, []string{"Date"}, twice.Datasets[record.DatasetKPI].Identity)
	wantDiff(t, []string{"Name"}, laid.Datasets[record.DatasetKPI].Identity)
}

func TestSiteFileThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadSite(filepath.Join(dir, "none.yaml")); err == nil || !strings.Contains(err.Error(), "site file") {
		t.Errorf("%v", err)
	}
	if _, err := LoadSite(dir); err == nil {
		t.Error("a folder was read")
	}
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, []byte(strings.Repeat("#", maxSettings+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadSite(large); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("%v", err)
	}
}
