package mis

import (
	"errors"
	"strings"
	"testing"

	"rollbridge/e2e/standin"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// sqlThings is a profile of datasets beside pupils, as a school's own queries
// would read them.
const sqlThings = `
name: test-things
driver: sql
capabilities: {caring_authority: true, mis_id: true, snapshot: true}
null_means: unknown
needs:
  mis.School: {evidence: seen, columns: {School: id, Pupils: whole}}
  mis.Pupil: {evidence: seen, columns: {pupil: id, InCare: flag, CareAuthority: text}}
  mis.Incident: {evidence: seen, columns: {id: id, pupil: id, at: time, kind: text, points: number}}
  mis.Detention: {evidence: seen, columns: {pupil: id, starts: time, attended: flag}}
  mis.Need: {evidence: seen, columns: {pupil: id, entry: id, began: date, place: whole, need: text}}
  mis.Person: {evidence: seen, columns: {id: id, role: text, surname: text}}
school: SELECT School, Pupils FROM mis.School
datasets:
  pupil:
    evidence: seen
    who: SELECT pupil, InCare, CareAuthority FROM mis.Pupil WHERE InCare = 1
    query: SELECT pupil FROM mis.Pupil WHERE pupil IN (@pupils)
  behaviour:
    evidence: seen
    query: SELECT pupil, id AS behaviour, at AS [Date], kind AS [Type], points AS Points FROM mis.Incident WHERE pupil IN (@pupils)
  detention:
    evidence: seen
    identity: [Date, StartTime]
    query: SELECT pupil, starts AS [Date], starts AS StartTime, attended AS Attended FROM mis.Detention WHERE pupil IN (@pupils)
  sen:
    evidence: seen
    query: SELECT pupil, entry AS sen, began AS StartDate, place AS SENtypeRank, need AS SENtype FROM mis.Need WHERE pupil IN (@pupils)
  staff:
    evidence: seen
    query: SELECT id AS staff, role AS Role, surname AS Surname FROM mis.Person WHERE role IS NOT NULL
`

const sqlThingsRows = `
CREATE SCHEMA mis AUTHORIZATION dbo;
GO
CREATE TABLE mis.School (School int NOT NULL, Pupils int NOT NULL);
CREATE TABLE mis.Pupil (pupil int NOT NULL, InCare bit NULL, CareAuthority char(3) NULL);
CREATE TABLE mis.Incident (id int NOT NULL, pupil int NULL, at datetime NULL, kind nvarchar(40) NULL, points decimal(9,2) NULL);
CREATE TABLE mis.Detention (pupil int NULL, starts datetime NULL, attended bit NULL);
CREATE TABLE mis.Need (pupil int NULL, entry int NULL, began date NULL, place int NULL, need nvarchar(10) NULL);
CREATE TABLE mis.Person (id int NOT NULL, role nvarchar(40) NULL, surname nvarchar(40) NULL);
INSERT INTO mis.School (School, Pupils) VALUES (1, 3);
INSERT INTO mis.Pupil (pupil, InCare, CareAuthority) VALUES (1, 1, '933'), (2, 1, '815'), (3, 0, NULL);
INSERT INTO mis.Incident (id, pupil, at, kind, points) VALUES (7, 1, '2026-11-09 10:15:00', N'Zqjx', 2.00), (8, 2, '1753-01-01 00:00:00', N'Zqjx', NULL), (9, 3, '2026-11-09 10:15:00', N'Zqjx', 1);
INSERT INTO mis.Detention (pupil, starts, attended) VALUES (1, '2026-11-10 15:30:00', 1), (1, '2026-11-10 12:15:00', NULL);
INSERT INTO mis.Need (pupil, entry, began, place, need) VALUES (1, 5, '2025-09-01', 2, N'MLD'), (1, 5, '2025-09-01', 1, N'SEMH');
INSERT INTO mis.Person (id, role, surname) VALUES (70, N'Zqjx', N'Zqjxman'), (71, NULL, N'Zqjxley');
GO
`

func sqlThingsSource(t *testing.T, profile, change string) *Source {
	t.Helper()
	p, err := parseProfile("test.yaml", []byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	_, at := sqlSite(t, sqlThingsRows+change, "mis")
	s, err := Open(p, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestThingsOfADatabase(t *testing.T) {
	got, err := readDatasets(t, sqlThingsSource(t, sqlThings, ""), record.Datasets(), everybody)
	if err != nil {
		t.Fatal(err)
	}
	p1, p2 := record.NewPupilID(idKey, "1"), record.NewPupilID(idKey, "2")
	sub := func(d record.Dataset, parts ...string) string { return record.NewSubID(idKey, d, parts...) }
	at1530 := sub("detention", "person", "2026-11-10", "15:30")
	at1215 := sub("detention", "person", "2026-11-10", "12:15")
	wantDiff(t, map[string]string{
		"pupil " + string(p1): `{"pupil":"` + string(p1) + `","InCare":true,"CareAuthority":"933"}`,
		"pupil " + string(p2): `{"pupil":"` + string(p2) + `","InCare":true,"CareAuthority":"815"}`,
		"behaviour " + string(p1) + "/" + sub("behaviour", "7"): `{"pupil":"` + string(p1) + `","behaviour":"` + sub("behaviour", "7") + `","Date":"2026-11-09","Type":"Zqjx","Points":2}`,
		"behaviour " + string(p2) + "/" + sub("behaviour", "8"): `{"pupil":"` + string(p2) + `","behaviour":"` + sub("behaviour", "8") + `","Type":"Zqjx"}`,
		"detention " + string(p1) + "/" + at1530:                `{"pupil":"` + string(p1) + `","detention":"` + at1530 + `","Date":"2026-11-10","StartTime":"15:30","Attended":true}`,
		"detention " + string(p1) + "/" + at1215:                `{"pupil":"` + string(p1) + `","detention":"` + at1215 + `","Date":"2026-11-10","StartTime":"12:15"}`,
		"sen " + string(p1) + "/" + sub("sen", "5"):             `{"pupil":"` + string(p1) + `","sen":"` + sub("sen", "5") + `","StartDate":"2025-09-01","SENneeds":[{"SENtypeRank":1,"SENtype":"SEMH"},{"SENtypeRank":2,"SENtype":"MLD"}]}`,
		"staff " + sub("staff", "70"):                           `{"staff":"` + sub("staff", "70") + `","Role":"Zqjx","Surname":"Zqjxman"}`,
	}, got.Lines)
	wantDiff(t, map[string]int{"behaviour.Date.not_understood": 1}, warnings(got.Report))
	for _, d := range got.Report.Datasets {
		if offered := strings.Contains(sqlThings, "  "+string(d.Dataset)+":\n"); d.Complete != offered || d.AsAt.IsZero() == offered || d.Rows != d.Matched {
			t.Errorf("%+v", d)
		}
	}
}

// Staff are asked for though nobody is admitted, and nothing else is.
func TestStaffOfADatabaseWithNobodyInCare(t *testing.T) {
	s := sqlThingsSource(t, sqlThings, "UPDATE mis.Pupil SET InCare = 0;")
	got, err := readDatasets(t, s, record.Datasets(), everybody)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.records) != 1 || got.records[0].Dataset() != record.DatasetStaff {
		t.Errorf("%d records", len(got.records))
	}
	none := sqlThingsSource(t, sqlThings, "DELETE FROM mis.Person; DELETE FROM mis.Incident;")
	if got, err = readDatasets(t, none, record.Datasets(), everybody); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, map[string]int{"staff..no_rows": 1}, warnings(got.Report))
	for _, d := range got.Report.Datasets {
		if d.Dataset == record.DatasetStaff && d.Complete || d.Dataset == record.DatasetBehaviour && !d.Complete {
			t.Errorf("%+v", d)
		}
	}
}

func TestThingsOfADatabaseThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct{ change, want string }{
		"twice":               {"UPDATE mis.Incident SET id = 7, pupil = 1", "row 2 of behaviour and row 1: one entry of one pupil twice, and not the same"},
		"no id":               {"UPDATE mis.Need SET entry = NULL WHERE place = 1", `of sen, column "sen": the identifier of the period of special needs is empty: every row must have one; correct the view or the query`},
		"needs apart":         {"UPDATE mis.Need SET began = '2024-09-01' WHERE place = 1", "row 2 of sen and row 1: one period of special needs"},
		"a control character": {"UPDATE mis.Person SET surname = N'Zqjx\u0001'", `row 1 of staff, column "Surname": there is a control character`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readDatasets(t, sqlThingsSource(t, sqlThings, c.change), record.Datasets(), everybody)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want in it %q", err, c.want)
			}
		})
	}
}

func TestThingsCutShortVoidTheRead(t *testing.T) {
	in := sqlServer(t).StandIn()
	if in == nil {
		return // a real server has no faults on demand; e2e tests what it can
	}
	s := sqlThingsSource(t, sqlThings, "")
	t.Cleanup(in.Stage(standin.Fault{Contains: "mis.Incident", AtRow: 1, Cut: true}))
	_, err := readDatasets(t, s, record.Datasets(), everybody)
	var ours *Error
	if !errors.As(err, &ours) || ours.Problem != protocol.ProblemMISDown {
		t.Errorf("error %v", err)
	}
}

// A query of staff can neither ask for pupils nor bring what is theirs.
func TestQueriesOfStaffThatAreRefused(t *testing.T) {
	const good = "SELECT id AS staff, role AS Role, surname AS Surname FROM mis.Person WHERE role IS NOT NULL"
	for name, c := range map[string]struct{ query, want string }{
		"by pupils":         {good + " AND id IN (@pupils)", "a parameter that this query cannot have"},
		"with a pupil":      {"SELECT pupil, id AS staff FROM mis.Incident", "column 1 of the query has a name that is not known here"},
		"with a marker":     {"SELECT id AS staff, role AS InCare FROM mis.Person", "column 2 of the query has a name that is not known here"},
		"some of the staff": {"SELECT TOP 5 id AS staff, surname AS Surname FROM mis.Person", "the query has TOP"},
		"nothing apart":     {"SELECT id AS Phone FROM mis.Person", "nothing tells one member of staff from another"},
	} {
		_, err := parseProfile("test.yaml", []byte(strings.Replace(sqlThings, good, c.query, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want in it %q", name, err, c.want)
		}
	}
	if _, err := parseProfile("test.yaml", []byte(strings.Replace(sqlThings, "Detention WHERE pupil IN (@pupils)", "Detention", 1))); err == nil {
		t.Error("a query for everybody's detentions was accepted")
	}
	if _, err := parseProfile("test.yaml", []byte(strings.Replace(sqlThings, "identity: [Date", "identity: [Type", 1))); err == nil || !strings.Contains(err.Error(), "test.yaml:24: Type is part of the identity and is not read") {
		t.Errorf("an identity of what is not asked for: %v", err)
	}
}
