package mis

import (
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// noCanary fails if a text that a person or a log may see repeats the canary.
func noCanary(t testing.TB, err error) {
	t.Helper()
	if err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(canary)) {
		t.Errorf("the error repeats a value: %v", err)
	}
}

func FuzzProfile(f *testing.F) {
	f.Add(profileYAML)
	f.Add(strings.Replace(profileYAML, "    values: {mark", "    identity: [Zqjx]\n    values: {mark", 1))
	f.Add(profileYAML + "  behaviour: {file: b.csv, evidence: site, identity: [Date, Zqjx], columns: {pupil: Zqjx, Date: d}}\n  staff: {file: s.csv, evidence: site}")
	f.Add(reportYAML)
	f.Add("name: Zqjx\nZqjx: &Zqjx [Zqjx]\ndatasets: {Zqjx: {columns: {Zqjx: Zqjx}}}")
	f.Add("datasets: {pupil: , contact: *Zqjx}")
	f.Add("folder: Zqjx\ndatasets: {pupil: {columns: {InCare: Zqjx}}}")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseProfile("test.yaml", []byte(text))
		noCanary(t, err)
		var site Site
		root, err := decodeStrict("site.yaml", []byte(text), &site)
		if err == nil {
			noCanary(t, checkSite(site, false, places{file: "site.yaml", root: root}))
		}
		noCanary(t, err)
		if p == nil {
			return
		}
		if _, err := Open(p, somewhere(p)); err != nil {
			t.Errorf("a profile that was accepted cannot be opened: %v", err)
		}
	})
}

// Profiles and site files of driver sql: whatever is accepted can be laid one
// over the other, and opened.
func FuzzSQLProfile(f *testing.F) {
	f.Add(sqlYAML, siteYAML)
	f.Add(sqlThings, "datasets: {detention: {identity: [StartTime]}, staff: {query: SELECT id AS staff FROM mis.Person}}")
	f.Add(sqlThings, "datasets: {welfare: {identity: [Zqjx]}, behaviour: {query: \"SELECT pupil, kind AS [Type] FROM mis.Incident WHERE pupil IN (@pupils)\"}}")
	f.Add(strings.Replace(sqlYAML, "{schema}.school", "{schema}..school", 1), "datasets: {attendance: {evidence: site}, contact: }")
	f.Add(strings.Replace(sqlYAML, "|\n", ">\n", 1), "needs: {a.b: , \"{schema}.c\": {columns: {\"\": id}}}\nschool: SELECT 1 AS School, 2 AS Pupils")
	f.Fuzz(func(t *testing.T, profile, site string) {
		p, err := parseProfile("test.yaml", []byte(profile))
		if err != nil {
			return
		}
		if _, err := Open(p, somewhere(p)); err != nil {
			t.Errorf("a profile that was accepted cannot be opened: %v", err)
		}
		own, err := parseSite("site.yaml", []byte(site))
		if err != nil {
			return
		}
		at := somewhere(p)
		at.File = own
		if s, err := Open(p, at); err == nil && p.Driver == driverSQL && len(s.Needs()) == 0 && len(s.plan.sql.school.Objects()) > 0 {
			t.Error("queries over tables need nothing")
		}
	})
}

// fuzzRead reads whatever the files hold and checks what every read promises.
func fuzzRead(t *testing.T, p *Profile, at Site) {
	t.Helper()
	got, err := readAll(t, p, at, everybody)
	noCanary(t, err)
	if err != nil {
		return
	}
	pupils := 0
	for _, r := range got.records {
		if _, isPupil := r.(*record.Pupil); isPupil {
			pupils++
		}
		if r.Dataset().OfPupils() != r.Pupil().Valid() || len(r.Key()) > record.MaxKeyBytes {
			t.Errorf("a %s record has a key of the wrong form", r.Dataset())
		}
	}
	if d := got.Report.Datasets[0]; pupils != d.Matched || d.Matched+got.Report.Unknown > d.Rows {
		t.Errorf("%d pupils of %+v, %d unknown", pupils, d, got.Report.Unknown)
	}
}

func FuzzCSV(f *testing.F) {
	p := testProfile(f)
	f.Add(pupilsCSV, contactsCSV, marksCSV, uint8(0))
	f.Add("\ufeff"+pupilsCSV, strings.ReplaceAll(contactsCSV, "\r\n", "\n"), marksCSV, uint8(1))
	f.Add(strings.Replace(pupilsCSV, "Ben", `"B""en`+"\n"+`x"`, 1), contactsCSV, "Pupil ID,Date,Session,Mark,Late\n", uint8(2))
	f.Fuzz(func(t *testing.T, pupils, contacts, marks string, form uint8) {
		at := site(school{"pupils.csv": pupils, "contacts.csv": contacts, "marks.csv": marks}.write(t))
		at.Encoding = []string{"utf-8", "windows-1252", "utf-16"}[form%3]
		at.Delimiter = []string{"comma", "semicolon", "tab"}[form/3%3]
		at.NullMeans = nullMeanings[form/9%2]
		fuzzRead(t, p, at)
	})
}

// FuzzThings reads whatever a file of any dataset holds, with an id of its own
// and without.
func FuzzThings(f *testing.F) {
	var datasets []record.Dataset
	for i, d := range record.Datasets() {
		if d == record.DatasetPupil || d == record.DatasetAttendance {
			continue
		}
		row := make([]string, len(ownNames(d)))
		for i := range row {
			row[i] = "1"
		}
		row[0] = "p1"
		f.Add(uint8(len(datasets)), strings.Join(row, ",")+"\n"+strings.Join(row, ",")+"\n", i%2 == 0)
		datasets = append(datasets, d)
	}
	f.Add(uint8(1), "p1,7,E,01/09/2025,,\"1:MLD;2:Zqjx\",3,ASD\np1,7,E,01/09/2025,,,4,PD\n", true)
	f.Add(uint8(8), "p1,7,SUSP,\"PP;Zqjx\",01/09/2025 09:15,02/09/2025,am,pm,4,,\"Zqjx\nZqjx\"\n", false)
	f.Fuzz(func(t *testing.T, which uint8, rows string, named bool) {
		d := datasets[int(which)%len(datasets)]
		p, about := wholeProfile(d, nil), descriptions[d]
		if about.id >= 0 && !named {
			delete(p.Datasets[d].Columns, string(d))
		}
		s, err := Open(p, site(school{
			"pupil.csv":        "pupil,InCare,CareAuthority\np1,Yes,933\nZqjx,No,\n",
			string(d) + ".csv": strings.Join(ownNames(d), ",") + "\n" + rows,
		}.write(t)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := readDatasets(t, s, []record.Dataset{d}, everybody)
		if err != nil {
			return
		}
		for _, r := range got.records {
			if r.Dataset().OfPupils() != r.Pupil().Valid() || len(r.Key()) > record.MaxKeyBytes {
				t.Errorf("a %s record has a key of the wrong form", d)
			}
			line, err := record.Encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := record.Decode(d, line); err != nil {
				t.Errorf("a %s record cannot be read again: %v", d, err)
			} else if twice, _ := record.Encode(again); string(twice) != string(line) {
				t.Errorf("a %s record is not the same when it is read again", d)
			}
		}
		if read := got.Report.Datasets[0]; read.Matched > read.Rows || len(got.records) > read.Matched {
			t.Errorf("%d records of %+v", len(got.records), read)
		}
	})
}

func FuzzCTF(f *testing.F) {
	p := ctfProfile(f)
	f.Add(ctfSchool()[ctfOne], ctfText("2026-11-15T09:45:00", ctfAnn+ctfCat), false)
	f.Add(strings.Replace(ctfSchool()[ctfOne], "utf-8", "iso-8859-1", 1), "", true)
	f.Add(strings.Replace(ctfSchool()[ctfOne], "<CTfile>", "<!DOCTYPE Zqjx><CTfile>", 1), "<Zqjx", true)
	f.Fuzz(func(t *testing.T, first, second string, one bool) {
		files := school{ctfOne: first}
		if !one {
			files["Zqjx.xml"] = second
		}
		fuzzRead(t, p, site(files.write(t)))
	})
}
