package mis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/standin"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// The same small school as in TestReadGivesTheRecordsOfPupilsInCare gives the
// same records, whether it is read from files or from a database.
func TestDatabaseGivesTheRecordsThatFilesGive(t *testing.T) {
	p, at := viewsSite(t, "")
	got := mustRead(t, p, at)
	wantDiff(t, mustRead(t, testProfile(t), site(small().write(t))).Lines, got.Lines)
	wantDiff(t, []record.Dataset{"pupil", "pupil", "contact", "contact", "attendance", "attendance"}, got.order)
	for i := range got.Report.Datasets {
		if asAt := got.Report.Datasets[i].AsAt; !asAt.Equal(got.Report.Started) {
			t.Errorf("dataset %d is as at %s, the read began %s", i, asAt, got.Report.Started)
		}
		got.Report.Datasets[i].AsAt = time.Time{}
	}
	wantDiff(t, []protocol.DatasetRead{
		{Dataset: "pupil", Rows: 2, Matched: 2, Complete: true},
		{Dataset: "contact", Rows: 2, Matched: 2, Complete: true},
		{Dataset: "attendance", Rows: 5, Matched: 5, Complete: true, From: "2026-09-01", To: "2026-11-16"},
	}, got.Report.Datasets)
	wantDiff(t, map[string]int{}, warnings(got.Report))
	if c := got.Report.Cost; c == nil || c.Queries < 6 || c.Bytes == 0 || c.Rows < 12 {
		t.Errorf("cost %+v", c)
	}
	if len(got.Report.Schema) != 64 {
		t.Errorf("schema fingerprint %q", got.Report.Schema)
	}
}

// Of pupils who are not admitted nothing is asked but the row that says so.
func TestOnlyTheAdmittedAreAskedFor(t *testing.T) {
	p, at := viewsSite(t, "")
	all := mustRead(t, p, at)
	var offered []Candidate
	got, err := readAll(t, p, at, func(c Candidate) (bool, error) {
		offered = append(offered, c)
		return c.Authority == "815", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, []Candidate{
		{Care: MarkerInCare, Authority: "933", Place: "row 1 of pupil.who"},
		{Care: MarkerInCare, Authority: "815", Place: "row 2 of pupil.who"},
	}, offered)
	for _, r := range got.records {
		if r.Pupil() != record.NewPupilID(idKey, "p2") {
			t.Error("a record of a pupil who was not admitted was given out")
		}
	}
	// p1 has one row of the pupil, one contact and four marks of this year.
	if fewer := all.Report.Cost.Rows - got.Report.Cost.Rows; fewer != 6 {
		t.Errorf("%d rows fewer crossed the wire, want 6", fewer)
	}
	none, err := readAll(t, p, at, func(Candidate) (bool, error) { return false, nil })
	if err != nil || len(none.records) != 0 {
		t.Fatalf("%d records, %v", len(none.records), err)
	}
	if fewer := got.Report.Cost.Queries - none.Report.Cost.Queries; fewer != 3 {
		t.Errorf("%d questions fewer with nobody admitted, want 3", fewer)
	}
	for _, d := range none.Report.Datasets {
		if !d.Complete {
			t.Errorf("%s is not complete although nobody was to be read", d.Dataset)
		}
	}
}

func TestDatabasesThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		change, school string
		problem        protocol.ProblemCode
		want           string
	}{
		"no school":              {change: "DELETE FROM rollbridge.school", problem: protocol.ProblemMISData, want: "the query school gives no row"},
		"two schools":            {change: "INSERT INTO rollbridge.school (School, Pupils) VALUES (N'2', 5)", problem: protocol.ProblemMISData, want: "2 schools: set mis.server.school"},
		"another school":         {school: "7", problem: protocol.ProblemMISData, want: "mis.server.school names no school of this database, which has 1"},
		"the school twice":       {change: "INSERT INTO rollbridge.school (School, Pupils) VALUES (N'1', 5)", school: "1", problem: protocol.ProblemMISData, want: "two rows for the school"},
		"school without an id":   {change: "UPDATE rollbridge.school SET School = N' '", problem: protocol.ProblemMISData, want: "the school has no id"},
		"nobody on roll":         {change: "UPDATE rollbridge.school SET Pupils = 0", problem: protocol.ProblemRightMissing, want: "without a single pupil"},
		"fewer than none":        {change: "UPDATE rollbridge.school SET Pupils = -1", problem: protocol.ProblemMISData, want: "not a number of pupils"},
		"rows withheld":          {change: "UPDATE rollbridge.school SET LookedAfter = 3", problem: protocol.ProblemRightMissing, want: "rows are withheld: the MIS counts 3 pupils who are looked after or may be, and the query pupil.who gives 2"},
		"a copy of no time":      {change: "UPDATE rollbridge.school SET AsAt = '0001-01-01 00:00:00'", problem: protocol.ProblemMISData, want: "column AsAt"},
		"no id":                  {change: "UPDATE rollbridge.pupil SET pupil = NULL WHERE pupil = N'p2'", problem: protocol.ProblemMISData, want: "row 1 of pupil.who, column \"pupil\": the identifier is empty"},
		"a blank id":             {change: "UPDATE rollbridge.pupil SET pupil = N'  ' WHERE pupil = N'p2'", problem: protocol.ProblemMISData, want: "the identifier is empty: every pupil"},
		"ids withheld":           {change: "UPDATE rollbridge.pupil SET pupil = NULL", problem: protocol.ProblemIdentifier, want: "empty in every row"},
		"a pupil twice":          {change: "UPDATE rollbridge.pupil SET pupil = N'p1' WHERE pupil = N'p2'", problem: protocol.ProblemMISData, want: "row 2 of pupil.who, column \"pupil\": the pupil of row 1 again"},
		"a pupil's view missing": {change: "DROP TABLE rollbridge.pupil", problem: protocol.ProblemRightMissing, want: "[rollbridge].[pupil]"},
		"contact twice":          {change: "INSERT INTO rollbridge.contact (pupil, contact, Surname) VALUES (N'p1', N'c1', N'Zqjxton')", problem: protocol.ProblemMISData, want: "have the view or the query give each contact its own id"},
		"two marks":              {change: "INSERT INTO rollbridge.attendance (pupil, [date], session, mark) VALUES (N'p1', '2026-11-09', 'AM', N'N')", problem: protocol.ProblemMISData, want: "remove joins that repeat it"},
		"a mark of no day":       {change: "UPDATE rollbridge.attendance SET [date] = NULL WHERE pupil = N'p9'; INSERT INTO rollbridge.attendance (pupil, [date], session, mark) VALUES (N'p1', '9999-12-31', 'AM', N'N')", problem: protocol.ProblemMISData, want: "more than a year ahead"},
		"no session":             {change: "UPDATE rollbridge.attendance SET session = NULL", problem: protocol.ProblemMISData, want: "neither AM nor PM: correct the view or the query"},
		"a control character":    {change: "UPDATE rollbridge.pupil SET House = N'Zqjx\u0001' WHERE pupil = N'p1'", problem: protocol.ProblemMISData, want: "column \"House\": there is a control character"},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := viewsSite(t, c.change)
			at.Server.School = c.school
			got := refused(t, p, at)
			if got.Problem != c.problem || !strings.Contains(got.Text, c.want) {
				t.Errorf("%s: %s, want %s with %q", got.Problem, got.Text, c.problem, c.want)
			}
		})
	}
}

// More pupils than go with one question are asked for in parts, each once.
func TestManyPupilsAreAskedForInParts(t *testing.T) {
	const many = 1001
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(contractTables, "{id}", "int"))
	fmt.Fprintf(&b, "INSERT INTO rollbridge.school (School, Pupils, LookedAfter) VALUES (N'1', 2000, %d);\n", many)
	for i := range many {
		fmt.Fprintf(&b, "INSERT INTO rollbridge.pupil (pupil, InCare, CareAuthority, Surname) VALUES (%d, 1, '933', N'Zqjx');\n", i)
		fmt.Fprintf(&b, "INSERT INTO rollbridge.attendance (pupil, [date], session, mark) VALUES (%d, '2026-11-09', 'AM', N'/');\n", i)
	}
	_, at := sqlSite(t, b.String(), "rollbridge")
	p, err := LoadProfile("sql-views")
	if err != nil {
		t.Fatal(err)
	}
	got := mustRead(t, p, at)
	if d := got.Report.Datasets; d[0].Matched != many || d[2].Matched != many || len(got.records) != 2*many {
		t.Errorf("%d records, %+v", len(got.records), d)
	}
	_, one := viewsSite(t, "")
	if more := got.Report.Cost.Queries - mustRead(t, p, one).Report.Cost.Queries; more != 6 {
		t.Errorf("%d questions more than for two pupils, want two for each of three queries", more)
	}
}

// A view of a dataset that may not leave is not even looked at.
func TestDatasetsNotAskedForAreNotNeeded(t *testing.T) {
	p, at := viewsSite(t, "DROP TABLE rollbridge.contact;\nDROP TABLE rollbridge.attendance;\n")
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	ask := Ask{Datasets: []record.Dataset{record.DatasetPupil}, Today: today, IDKey: idKey}
	if _, err := s.Read(context.Background(), ask, everybody, func(Row) error { return nil }); err != nil {
		t.Error(err)
	}
}

// A query of the school's own may be wrong in ways that no view is.
func TestQueriesThatGiveTheWrongRows(t *testing.T) {
	for name, c := range map[string]struct{ query, want string }{
		"one too few": {"SELECT pupil, Surname FROM {schema}.pupil WHERE pupil IN (@pupils) AND UPN IS NOT NULL",
			"row 2 of pupil.who: the pupil is missing from the answer to the query pupil"},
		"twice": {"SELECT p.pupil, p.Surname FROM {schema}.pupil AS p INNER JOIN {schema}.attendance AS a ON a.pupil = p.pupil WHERE p.pupil IN (@pupils)",
			"again: there must be one row for each pupil"},
		"of somebody else": {"SELECT CASE WHEN pupil = 'p1' THEN 'p3' ELSE pupil END AS pupil, Surname FROM {schema}.pupil WHERE pupil IN (@pupils)",
			"it is not the id of one pupil who was asked for"},
		"of nobody": {"SELECT NULLIF(pupil, 'p1') AS pupil, Surname FROM {schema}.pupil WHERE pupil IN (@pupils)",
			"the identifier of the pupil is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := viewsSite(t, "")
			at.File = siteFile(t, "datasets:\n  pupil:\n    query: "+c.query+"\n")
			if got := refused(t, p, at); !strings.Contains(got.Text, c.want) {
				t.Errorf("%s, want in it %q", got.Text, c.want)
			}
		})
	}
}

func TestValuesOfADatabase(t *testing.T) {
	change := `
UPDATE rollbridge.pupil SET Surname = N'O''Zqjx ', Forename = N' Ån𠮷 ', House = N'  ', DOB = '0001-01-01', CareStart = '1753-01-01', CareEnd = '1899-12-31',
	EntryDate = '2024-09-04 00:00:00', PersonalEducationPlan = 1, FSMeligible = 0, PupilPremium = NULL, UniqueLearnerNumber = N'' WHERE pupil = N'p1';
UPDATE rollbridge.contact SET [Order] = 2, Responsibility = 0, Address = N'4 Mill Lane, Larkfield', PostCode = N'LA1 1ZZ' WHERE pupil = N'p1';
INSERT INTO rollbridge.contact (pupil, contact, Surname, Relationship, PhoneMobile) VALUES (N'p2', N'c1', N'Zqjxley', N'SWR', N'07700 900124');
INSERT INTO rollbridge.attendance (pupil, [date], session, mark) VALUES (N'p2', '2026-11-09', 'AM', N'C1'), (N'p2', '2026-11-12', 'PM', NULL);
UPDATE rollbridge.school SET LookedAfter = NULL, AsAt = '2026-07-01 08:30:00';
`
	p, at := viewsSite(t, change)
	got := mustRead(t, p, at)
	var ann *record.Pupil
	var carer *record.Contact
	for _, r := range got.records {
		if p, ok := r.(*record.Pupil); ok && p.UPN != "" {
			ann = p
		}
		if c, ok := r.(*record.Contact); ok && ann != nil && c.PupilID == ann.ID {
			carer = c
		}
	}
	wantDiff(t, &record.Pupil{
		ID: record.NewPupilID(idKey, "p1", "B801200005001"), UPN: "B801200005001", Surname: "O'Zqjx", Forename: "Ån𠮷", Sex: "F", NCYearActual: "8",
		InCare: true, CareAuthority: "933", PersonalEducationPlan: new(true), FSMEligible: new(false), EntryDate: "2024-09-04",
	}, ann)
	if carer.Order != 2 || *carer.Responsibility || carer.Addresses[0].PostCode != "LA1 1ZZ" || len(carer.Addresses[0].Lines) != 2 {
		t.Errorf("contact %+v", carer)
	}
	wantDiff(t, map[string]int{
		"pupil.DOB.not_understood": 1, "pupil.CareStart.not_understood": 1, "pupil.CareEnd.not_understood": 1,
		"contact.contact.repeated": 1, "attendance.mark.repeated": 1,
	}, warnings(got.Report))
	// Half past eight by the clock in London in summer.
	if asAt := got.Report.Datasets[0].AsAt; !asAt.Equal(time.Date(2026, 7, 1, 7, 30, 0, 0, time.UTC)) {
		t.Errorf("as at %s", asAt)
	}
	if !got.Report.Datasets[1].Complete {
		t.Error("warnings make nothing incomplete")
	}
}

func TestUnclearMarkersOfADatabase(t *testing.T) {
	for name, c := range map[string]struct {
		change, nullMeans string
		unknown, records  int
	}{
		"NULL":                     {"UPDATE rollbridge.pupil SET InCare = NULL WHERE pupil = N'p2'", "", 1, 3},
		"NULL that is no":          {"UPDATE rollbridge.pupil SET InCare = NULL WHERE pupil = N'p2'", "not_in_care", 0, 3},
		"no authority":             {"UPDATE rollbridge.pupil SET CareAuthority = NULL WHERE pupil = N'p2'", "", 1, 3},
		"blank authority":          {"UPDATE rollbridge.pupil SET CareAuthority = '' WHERE pupil = N'p2'", "", 1, 3},
		"no authority of the list": {"UPDATE rollbridge.pupil SET CareAuthority = '999' WHERE pupil = N'p2'", "", 1, 3},
	} {
		p, at := viewsSite(t, c.change)
		at.NullMeans = c.nullMeans
		got := mustRead(t, p, at)
		if got.Report.Unknown != c.unknown || len(got.records) != c.records {
			t.Errorf("%s: %d unknown and %d records", name, got.Report.Unknown, len(got.records))
		}
		for _, d := range got.Report.Datasets {
			if d.Complete != (c.unknown == 0) {
				t.Errorf("%s: %s complete is %v", name, d.Dataset, d.Complete)
			}
		}
	}
}

// Contacts or marks of nobody at all are the commonest failure, not news.
func TestEmptyViewsRemoveNothing(t *testing.T) {
	p, at := viewsSite(t, "DELETE FROM rollbridge.contact;\nDELETE FROM rollbridge.attendance;\n")
	got := mustRead(t, p, at)
	wantDiff(t, map[string]int{"contact..no_rows": 1, "attendance..no_rows": 1}, warnings(got.Report))
	for _, d := range got.Report.Datasets {
		if d.Complete != (d.Dataset == record.DatasetPupil) {
			t.Errorf("%s complete is %v", d.Dataset, d.Complete)
		}
	}
}

var orderBy = regexp.MustCompile(`\sORDER BY .*`)

// Ids are what the MIS has, whatever their type and however a table writes them.
func TestIdsOfADatabase(t *testing.T) {
	const guid = "6F9619FF-8B86-D011-B42D-00C04FC964F"
	p, err := LoadProfile("sql-views")
	if err != nil {
		t.Fatal(err)
	}
	// The stand-in orders no texts on which collations differ.
	for _, own := range p.Datasets {
		own.Who, own.Query.Text = orderBy.ReplaceAllString(own.Who, ""), orderBy.ReplaceAllString(own.Query.Text, "")
	}
	for name, c := range map[string]struct {
		idType, change string
		from, to       string // of every p in the rows
		want           []string
	}{
		"whole numbers":       {idType: "int", from: "N'p", to: "'10", want: []string{"101", "102"}},
		"GUIDs":               {idType: "uniqueidentifier", from: "N'p", to: "'" + guid, want: []string{guid + "1", guid + "2"}},
		"blanks at the end":   {idType: "char(10)", want: []string{"p1", "p2"}},
		"another case":        {idType: "varchar(40)", change: "UPDATE rollbridge.contact SET pupil = 'P1 ' WHERE pupil = 'p1';\nUPDATE rollbridge.attendance SET pupil = 'P2' WHERE pupil = 'p2';", want: []string{"p1", "p2"}},
		"a quote in it":       {idType: "nvarchar(40)", from: "N'p", to: "N'o''", want: []string{"o'1", "o'2"}},
		"not in ASCII":        {idType: "nvarchar(40)", from: "N'p", to: "N'é", want: []string{"é1", "é2"}},
		"blanks at the start": {idType: "nvarchar(40)", from: "N'p", to: "N' p", want: []string{"p1", "p2"}},
	} {
		t.Run(name, func(t *testing.T) {
			script := contract(c.idType) + c.change
			if c.from != "" {
				script = strings.ReplaceAll(script, c.from, c.to)
			}
			_, at := sqlSite(t, script, "rollbridge")
			got := mustRead(t, p, at)
			want := []record.PupilID{record.NewPupilID(idKey, c.want[0], "B801200005001"), record.NewPupilID(idKey, c.want[1])}
			marks := map[record.PupilID]int{}
			for _, r := range got.records {
				marks[r.Pupil()]++
			}
			wantDiff(t, map[record.PupilID]int{want[0]: 3, want[1]: 3}, marks)
		})
	}
}

// Whatever happens to the connection, a read is whole or void, and says so.
func TestFaultsOfTheServerVoidTheRead(t *testing.T) {
	in := sqlServer(t).StandIn()
	if in == nil {
		return // a real server has no faults on demand; e2e tests what it can
	}
	for name, f := range map[string]standin.Fault{
		"cut before the first row": {Contains: "[rollbridge].pupil", Cut: true},
		"cut among the pupils":     {Contains: "FSMeligible", AtRow: 1, Cut: true},
		"cut among the contacts":   {Contains: "[rollbridge].contact", AtRow: 1, Cut: true},
		"cut among the marks":      {Contains: "[rollbridge].attendance", AtRow: 3, Cut: true},
		"cut after the last mark":  {Contains: "[rollbridge].attendance", AtRow: 5, Cut: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := viewsSite(t, "")
			t.Cleanup(in.Stage(f))
			if got := refused(t, p, at); got.Problem != protocol.ProblemMISDown {
				t.Errorf("%s: %s", got.Problem, got.Text)
			}
		})
	}
}

// A right that is taken away after the schema was looked at, while pupils are
// read already.
func TestRightTakenAwayAmongTheRows(t *testing.T) {
	in := sqlServer(t).StandIn()
	if in == nil {
		return // as above
	}
	p, err := LoadProfile("sql-views")
	if err != nil {
		t.Fatal(err)
	}
	d, at := sqlSite(t, contract("nvarchar(40)"), "rollbridge")
	if got := mustRead(t, p, at); len(got.records) != 6 {
		t.Fatalf("%d records", len(got.records))
	}
	var denied error
	t.Cleanup(in.Stage(standin.Fault{Contains: "FSMeligible", AtRow: 1, Times: 1, Do: func() {
		denied = d.Run(context.Background(), "DENY SELECT ON rollbridge.attendance TO reader_"+d.Name()+";")
	}}))
	got := mustRead(t, p, at)
	if denied != nil {
		t.Fatal(denied)
	}
	wantStop(t, got, record.DatasetAttendance, protocol.WhyPermission, "[rollbridge].[attendance]")
}

func TestCancelEndsTheRead(t *testing.T) {
	p, at := viewsSite(t, "")
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ask := Ask{Datasets: asked, Today: today, IDKey: idKey}
	_, err = s.Read(ctx, ask, everybody, func(Row) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if in := sqlServer(t).StandIn(); in != nil { // a server that never answers
		hung, end := context.WithCancel(context.Background())
		defer end()
		undo := in.Stage(standin.Fault{Contains: "[rollbridge].attendance", AtRow: 2, Do: end, Hang: true})
		if _, err := s.Read(hung, ask, everybody, func(Row) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		undo()
	}
	stop := errors.New("stop")
	if _, err := s.Read(context.Background(), ask, everybody, func(Row) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the sink: %v", err)
	}
	if _, err := s.Read(context.Background(), ask, func(Candidate) (bool, error) { return false, stop }, nil); !errors.Is(err, stop) {
		t.Errorf("an error of admit: %v", err)
	}
}

func TestSchemaFingerprintIsOfTheColumnsNeeded(t *testing.T) {
	p, at := viewsSite(t, "")
	before := mustRead(t, p, at).Report.Schema
	if again := mustRead(t, p, at).Report.Schema; again != before {
		t.Error("two reads of one database have two fingerprints")
	}
	_, at = viewsSite(t, "CREATE TABLE rollbridge.other (a int NULL);")
	if same := mustRead(t, p, at).Report.Schema; same != before {
		t.Error("a table that nobody reads changes the fingerprint")
	}
	script := strings.Replace(contract("nvarchar(40)"), "House nvarchar(40)", "House nvarchar(50)", 1)
	_, at = sqlSite(t, script, "rollbridge")
	if other := mustRead(t, p, at).Report.Schema; other == before {
		t.Error("a column of another type does not change the fingerprint")
	}
}
