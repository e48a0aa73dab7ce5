package mis

import (
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// wantStop says that a read stopped one dataset, nothing else, and for why.
func wantStop(t *testing.T, got result, d record.Dataset, why protocol.Why, says string) {
	t.Helper()
	if len(got.Report.Stops) != 1 {
		t.Fatalf("%d stops: %+v", len(got.Report.Stops), got.Report.Stops)
	}
	s := got.Report.Stops[0]
	if s.Dataset != d || s.Why != why || !strings.Contains(s.Text, says) || strings.Contains(s.Text, canary) {
		t.Errorf("%s of %s, %q, want %s of %s with %q", s.Why, s.Dataset, s.Text, why, d, says)
	}
	for _, read := range got.Report.Datasets {
		if empty := (protocol.DatasetRead{Dataset: d}); read.Dataset == d && (read.Complete || read.Rows != 0 || !read.AsAt.IsZero()) {
			t.Errorf("the read of what was stopped says %+v, want %+v", read, empty)
		} else if read.Dataset != d && !read.Complete {
			t.Errorf("the read of %s, which is well, says %+v", read.Dataset, read)
		}
	}
	if _, there := got.Report.Schemas[d]; there {
		t.Errorf("%s has a fingerprint although it was not read", d)
	}
}

// What stops contacts or marks leaves the rest of the read as it is.
func TestOneDatasetIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		edit func(string) string
		d    record.Dataset
		why  protocol.Why
		says string
	}{
		"a heading gone": {"contacts.csv", func(s string) string { return strings.Replace(s, "Surname", "Zqjx", 1) },
			record.DatasetContact, protocol.WhyPermission, `no column headed "Surname"`},
		"pupil's id empty in every row": {"contacts.csv", func(s string) string { return blank(s, "Pupil ID") },
			record.DatasetContact, protocol.WhyIdentifier, `column "Pupil ID": the identifier of the pupil is empty`},
		"own id empty in every row": {"contacts.csv", func(s string) string { return blank(s, "Contact ID") },
			record.DatasetContact, protocol.WhyIdentifier, `column "Contact ID": the identifier of the contact is empty`},
		"pupil of every mark": {"marks.csv", func(s string) string { return blank(s, "Pupil ID") },
			record.DatasetAttendance, protocol.WhyIdentifier, `none of 6 rows has one`},
	} {
		t.Run(name, func(t *testing.T) {
			whole := mustRead(t, testProfile(t), site(small().write(t)))
			files := small()
			files[c.file] = c.edit(files[c.file])
			if files[c.file] == small()[c.file] {
				t.Fatal("the test changes nothing")
			}
			got := mustRead(t, testProfile(t), site(files.write(t)))
			wantStop(t, got, c.d, c.why, c.says)
			for key, line := range whole.Lines {
				if d, _, _ := strings.Cut(key, " "); d != string(c.d) && got.Lines[key] != line {
					t.Errorf("a %s record is missing or another", d)
				}
			}
		})
	}
}

// Of the pupils the same faults end the read.
func TestPupilsAreNeverStoppedAlone(t *testing.T) {
	for problem, edit := range map[protocol.ProblemCode]func(string) string{
		protocol.ProblemRightMissing: func(s string) string { return strings.Replace(s, "In Care", "Zqjx", 1) },
		protocol.ProblemIdentifier:   func(s string) string { return blank(s, "Pupil ID") },
	} {
		files := small()
		files["pupils.csv"] = edit(files["pupils.csv"])
		if err := refused(t, testProfile(t), site(files.write(t))); err.Problem != problem || err.Dataset != record.DatasetPupil {
			t.Errorf("%s of %s, want %s: %s", err.Problem, err.Dataset, problem, err.Text)
		}
	}
}

// Whatever calls it: a fault of the pupils is no stop, nor is one of another
// dataset than is read.
func TestWhatIsNoStop(t *testing.T) {
	r := &reading{}
	for of, d := range map[record.Dataset]record.Dataset{record.DatasetPupil: record.DatasetPupil, record.DatasetContact: record.DatasetSEN, "": record.DatasetSEN} {
		if err := r.stopped(d, absent(of, "gone")); err == nil || len(r.report.Stops) != 0 {
			t.Errorf("a fault of %q while %s is read: %v, %v", of, d, err, r.report.Stops)
		}
	}
}

// Other faults of a dataset still end the whole read: a file that is cut short
// may be cut short everywhere.
func TestOtherFaultsStopEverything(t *testing.T) {
	if err := refused(t, testProfile(t), site(small().with("contacts.csv", "c1,p1", ",p1").write(t))); err.Problem != protocol.ProblemMISData {
		t.Errorf("one empty id among others: %s", err.Problem)
	}
}

// blank empties a column of a CSV without quotes.
func blank(text, column string) string {
	var out []string
	at := -1
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimRight(line, "\r\n"), ",")
		if at < 0 {
			at = slices.Index(cells, column)
		} else {
			cells[at] = ""
		}
		out = append(out, strings.Join(cells, ",")+"\r\n")
	}
	return strings.Join(out, "")
}

func TestReportsAreStoppedOneByOne(t *testing.T) {
	for _, c := range []struct {
		d    record.Dataset
		gone string
		why  protocol.Why
		says string
	}{
		{record.DatasetContact, "contact_id", protocol.WhyIdentifier, "Third Party Reporter"},
		{record.DatasetAttendance, "Mark>", protocol.WhyPermission, `column "Mark"`},
	} {
		texts := wholeReports()
		want, err := texts.read(t, reportProfile(t), Site{})
		if err != nil {
			t.Fatal(err)
		}
		texts[c.d] = strings.ReplaceAll(texts[c.d], c.gone, strings.Repeat("x", 3)+c.gone[len(strings.TrimRight(c.gone, ">")):])
		got, err := texts.read(t, reportProfile(t), Site{})
		if err != nil {
			t.Fatal(err)
		}
		wantStop(t, got, c.d, c.why, c.says)
		if len(got.Lines) == 0 || len(got.Lines) > len(want.Lines) {
			t.Errorf("%d records of %d", len(got.Lines), len(want.Lines))
		}
	}
}

func TestDatabaseObjectsAreStoppedOneByOne(t *testing.T) {
	marks := func(columns string) string {
		return "DROP TABLE rollbridge.attendance;\nCREATE TABLE rollbridge.attendance (" + columns + ")"
	}
	for name, c := range map[string]struct {
		change string
		d      record.Dataset
		why    protocol.Why
		says   string
	}{
		"a view missing": {"DROP TABLE rollbridge.contact", record.DatasetContact, protocol.WhyPermission, "[rollbridge].[contact]"},
		"a column missing": {marks("pupil nvarchar(40) NULL, [date] date NULL, session char(2) NULL, late int NULL"),
			record.DatasetAttendance, protocol.WhyPermission, "mark"},
		"a column of other type": {marks("pupil nvarchar(40) NULL, [date] nvarchar(10) NULL, session char(2) NULL, mark nvarchar(10) NULL, late int NULL"),
			record.DatasetAttendance, protocol.WhyPermission, "date"},
		"no ids": {"UPDATE rollbridge.contact SET contact = NULL", record.DatasetContact, protocol.WhyIdentifier,
			"the identifier of the contact is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := viewsSite(t, c.change)
			wantStop(t, mustRead(t, p, at), c.d, c.why, c.says)
		})
	}
}

// A fingerprint is of what is read: what nobody reads, and the data, change
// nothing.
func TestSchemasOfCSV(t *testing.T) {
	read := func(s school) map[record.Dataset]string {
		return mustRead(t, testProfile(t), site(s.write(t))).Report.Schemas
	}
	before := read(small())
	if len(before) != 3 {
		t.Fatalf("fingerprints of %d datasets", len(before))
	}
	column := func(place int) func(string) string {
		return func(text string) string {
			var out []string
			for line := range strings.Lines(text) {
				cells := strings.Split(strings.TrimRight(line, "\r\n"), ",")
				out = append(out, strings.Join(slices.Insert(cells, place, "Zqjx"), ",")+"\r\n")
			}
			return strings.Join(out, "")
		}
	}
	for name, c := range map[string]struct {
		edit    func(string) string
		changes bool
	}{
		"a column more":         {column(5), false},
		"a column more between": {column(1), false},
		"other data":            {func(s string) string { return strings.ReplaceAll(s, "123", "321") }, false},
		"capital letters":       {func(s string) string { return strings.Replace(s, "Surname", "SURNAME", 1) }, false},
		"columns that change places": {func(s string) string {
			return strings.Replace(strings.Replace(strings.Replace(s, "Contact ID", "@", 1), "Pupil ID", "Contact ID", 1), "@", "Pupil ID", 1)
		}, true},
	} {
		files := small()
		files["contacts.csv"] = c.edit(files["contacts.csv"])
		after := read(files)
		if files["contacts.csv"] == contactsCSV || (after[record.DatasetContact] != before[record.DatasetContact]) != c.changes ||
			after[record.DatasetPupil] != before[record.DatasetPupil] || after[record.DatasetAttendance] != before[record.DatasetAttendance] {
			t.Errorf("%s: changes %v, want %v, and of contacts only", name, after[record.DatasetContact] != before[record.DatasetContact], c.changes)
		}
	}
}

func TestSchemasOfADatabase(t *testing.T) {
	p, at := viewsSite(t, "")
	before := mustRead(t, p, at).Report.Schemas
	for _, c := range []struct {
		from, to string
		changes  record.Dataset
	}{
		{"House nvarchar(40)", "House nvarchar(50)", ""},
		{"House nvarchar(40)", "House varchar(40)", record.DatasetPupil},
		{"late int", "late smallint", record.DatasetAttendance},
	} {
		script := strings.Replace(contract("nvarchar(40)"), c.from, c.to, 1)
		if script == contract("nvarchar(40)") {
			t.Fatalf("the contract has no %q", c.from)
		}
		_, at := sqlSite(t, script, "rollbridge")
		for d, now := range mustRead(t, p, at).Report.Schemas {
			if (now != before[d]) != (d == c.changes) {
				t.Errorf("%s becomes %s: the fingerprint of %s changes: %v", c.from, c.to, d, now != before[d])
			}
		}
	}
}

// Every school's CTF goes up by a version each autumn, which alarms nobody; one
// that is not known yet does.
func TestSchemasOfACTF(t *testing.T) {
	form := func(version string) string {
		got := mustRead(t, ctfProfile(t), site(ctfSchool().with(ctfOne, "25.0", version).write(t)))
		return got.Report.Schemas[record.DatasetPupil]
	}
	if known := form("25.1"); form("24.0") != known || form("26.0") == known || form("27.0") == form("26.0") {
		t.Error("the fingerprint goes by a known version, or does not go by one that is not")
	}
}

func TestReportsHaveNoSchema(t *testing.T) {
	got, err := wholeReports().read(t, reportProfile(t), Site{})
	if err != nil || len(got.Report.Schemas) != 0 {
		t.Errorf("%v, %v", got.Report.Schemas, err)
	}
}
