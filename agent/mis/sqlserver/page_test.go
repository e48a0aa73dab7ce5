package sqlserver_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/docs"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

const viewsPage = "mis/sql-views.md"

// A setUp is a database in which an administrator did what a page says.
type setUp struct {
	*instance.Database
	settings sqlserver.Settings
	needs    []sqlserver.Need
}

// follow runs a page's T-SQL to the letter over the tables of the demo school,
// then gives the login a password of its own and allows snapshots.
func follow(t *testing.T, page, profile string, tables func(*demoschool.School) []demoschool.Table) *setUp {
	t.Helper()
	in, err := instance.New(t.Context(), t.TempDir(), standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := in.NewDatabase(t.Context(), "SchoolMIS")
	if err != nil {
		t.Fatal(err)
	}
	made := demoschool.New(demoschool.Config{Seed: 11, Pupils: 60, LookedAfterShare: 0.2, UnknownMarkers: 1})
	if err := demoschool.Load(t.Context(), db.Admin(), tables(made)); err != nil {
		t.Fatal(err)
	}
	s := &setUp{Database: db, settings: sqlserver.Settings{Host: in.Host(), Port: in.Port(), Database: db.Name(), User: "rollbridge_agent", Password: password,
		Encryption: in.Encryption(), CertificateFile: in.CertificateFile()}}
	s.run(t, script(t, page, docs.Run))
	if page == viewsPage {
		s.run(t, script(t, page, docs.More))
	}
	s.run(t, "ALTER LOGIN rollbridge_agent WITH PASSWORD = N'"+password+"'")
	s.run(t, strings.ReplaceAll(script(t, viewsPage, docs.Optional), "[SchoolMIS]", "["+db.Name()+"]"))
	loaded, err := mis.LoadProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	source, err := mis.Open(loaded, mis.Site{Server: &mis.Server{Settings: s.settings}})
	if err != nil {
		t.Fatal(err)
	}
	s.needs = source.Needs()
	return s
}

func followViews(t *testing.T) *setUp {
	t.Helper()
	return follow(t, viewsPage, "sql-views", (*demoschool.School).TablesSQL)
}

func script(t *testing.T, page string, mark docs.Mark) string {
	t.Helper()
	text, err := docs.Script(page, mark)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *setUp) run(t *testing.T, script string) {
	t.Helper()
	if err := s.Run(t.Context(), script); err != nil {
		t.Fatalf("%v in\n%s", err, script)
	}
}

// remove takes everything away as the page says. A server notices a little later
// that a session has gone, and drops no login before (15434).
func (s *setUp) remove(t *testing.T, page string) {
	t.Helper()
	steps := script(t, page, docs.Remove)
	if page == viewsPage {
		steps = script(t, page, docs.RemoveMore) + steps
	}
	for batch := range strings.SplitSeq(steps, "GO\n") {
		var busy mssql.Error
		err := s.Run(t.Context(), batch)
		for end := time.Now().Add(20 * time.Second); errors.As(err, &busy) && busy.Number == 15434 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
			err = s.Run(t.Context(), batch)
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, batch)
		}
	}
}

func (s *setUp) probe(t *testing.T) []sqlserver.Finding {
	t.Helper()
	session := open(t, s.settings)
	found, err := session.Probe(t.Context(), s.needs)
	if err := errors.Join(err, session.Close()); err != nil {
		t.Fatal(err)
	}
	return found
}

// verify wants a fault that says so, or none.
func (s *setUp) verify(t *testing.T, reason sqlserver.Reason, says ...string) *sqlserver.Fault {
	t.Helper()
	session := open(t, s.settings)
	_, err := session.Verify(t.Context(), s.needs)
	if closed := session.Close(); closed != nil {
		t.Error(closed)
	}
	if reason != "" {
		return wantFault(t, err, reason, says...)
	}
	if err != nil {
		t.Error(err)
	}
	return nil
}

// clean wants nothing amiss.
func (s *setUp) clean(t *testing.T) {
	t.Helper()
	for _, f := range worse(s.probe(t)) {
		t.Errorf("found %+v", f)
	}
}

// cured runs what a finding hands to the administrator, and wants nothing amiss
// after it.
func (s *setUp) cured(t *testing.T, says string, level sqlserver.Level) {
	t.Helper()
	bad := worse(s.probe(t))
	if len(bad) != 1 || bad[0].Level != level || !strings.Contains(bad[0].What, says) {
		t.Errorf("want one finding that says %q, found %+v", says, bad)
	}
	for _, f := range bad {
		s.run(t, f.TSQL)
	}
	s.clean(t)
}

func TestThePageIsAllThatIsNeeded(t *testing.T) {
	s := followViews(t)
	s.clean(t)
	s.verify(t, "")
	if !strings.Contains(script(t, viewsPage, docs.Run), "N'"+sqlserver.PagePassword+"'") {
		t.Error("the password that the probe warns of is not the page's")
	}
	// Taken away and made again, nothing of the first time is in the way.
	s.remove(t, viewsPage)
	if _, err := sqlserver.Open(t.Context(), s.settings, quiet()); err == nil {
		t.Error("the login is still there")
	}
	var left int
	if err := s.Admin().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM sys.schemas WHERE name = 'rollbridge'").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left, %v", left, err)
	}
	s.run(t, script(t, viewsPage, docs.Run))
}

func TestTheSIMSPageIsAllThatIsNeeded(t *testing.T) {
	s := follow(t, "mis/sims-sql.md", "sims-sql", func(school *demoschool.School) []demoschool.Table {
		return demoschool.TablesSIMS(demoschool.SIMSSchool{School: school, ID: 3, Own: true})
	})
	s.clean(t)
	s.run(t, "REVOKE SELECT ON sims.sims_person FROM rollbridge_agent")
	bad := worse(s.probe(t))
	if len(bad) != 1 || bad[0].Level != sqlserver.LevelFail || !strings.Contains(bad[0].What, "[sims].[sims_person]") {
		t.Errorf("found %+v", bad)
	}
	s.run(t, bad[0].TSQL)
	s.clean(t)
	s.remove(t, "mis/sims-sql.md")
}

// Each right that is missing is named, and the T-SQL handed over gives it.
func TestEachMissingRightIsNamedAndGiven(t *testing.T) {
	s := followViews(t)
	for _, view := range []string{"school", "pupil", "contact", "attendance"} {
		t.Run(view, func(t *testing.T) {
			s.run(t, "REVOKE SELECT ON rollbridge."+view+" FROM rollbridge_agent")
			f := s.verify(t, sqlserver.Schema, "GRANT SELECT ON [rollbridge].["+view+"] TO [rollbridge_agent];")
			if f.Object != "[rollbridge].["+view+"]" {
				t.Errorf("the fault is about %s", f.Object)
			}
			s.cured(t, "[rollbridge].["+view+"]: does not exist, or the login may not see it", sqlserver.LevelFail)
		})
	}
	t.Run("one column", func(t *testing.T) {
		s.run(t, "DENY SELECT ON rollbridge.pupil (UPN) TO rollbridge_agent")
		s.cured(t, "may not read [UPN]", sqlserver.LevelFail)
	})
	t.Run("seen but not readable", func(t *testing.T) {
		s.run(t, "REVOKE SELECT ON rollbridge.contact FROM rollbridge_agent\nGO\nGRANT INSERT ON rollbridge.contact TO rollbridge_agent")
		bad := worse(s.probe(t))
		if len(bad) != 2 || bad[0].Level != sqlserver.LevelFail || !strings.Contains(bad[0].What, "[rollbridge].[contact]: the login may not read it") {
			t.Errorf("found %+v", bad)
		}
		for _, f := range bad {
			s.run(t, f.TSQL)
		}
		s.clean(t)
	})
}

// Each right that is too much is named, and the T-SQL handed over takes it away.
func TestEachRightTooMuchIsNamedAndTaken(t *testing.T) {
	s := followViews(t)
	s.run(t, "CREATE PROCEDURE mis.Tidy AS SELECT StudentID FROM mis.Student")
	for name, c := range map[string]struct{ give, says string }{
		"insert":         {"GRANT INSERT ON mis.Student TO rollbridge_agent", "INSERT on [mis].[Student]"},
		"update a view":  {"GRANT UPDATE ON rollbridge.pupil TO rollbridge_agent", "UPDATE on [rollbridge].[pupil]"},
		"delete":         {"GRANT DELETE ON mis.SessionMark TO rollbridge_agent", "DELETE on [mis].[SessionMark]"},
		"alter a view":   {"GRANT ALTER ON rollbridge.contact TO rollbridge_agent", "ALTER on [rollbridge].[contact]"},
		"control":        {"GRANT CONTROL ON mis.School TO rollbridge_agent", "CONTROL on [mis].[School]"},
		"read a table":   {"GRANT SELECT ON mis.StudentCare TO rollbridge_agent", "SELECT on what is not needed: [mis].[StudentCare]"},
		"read a schema":  {"GRANT SELECT ON SCHEMA::mis TO rollbridge_agent", "SELECT on what is not needed: [mis]."},
		"write a schema": {"GRANT UPDATE ON SCHEMA::mis TO rollbridge_agent", "UPDATE on the whole schema [mis]"},
		"execute":        {"GRANT EXECUTE ON mis.Tidy TO rollbridge_agent", "EXECUTE on [mis].[Tidy]"},
		"execute all":    {"GRANT EXECUTE TO rollbridge_agent", "EXECUTE on the whole database"},
		"make tables":    {"GRANT CREATE TABLE TO rollbridge_agent", "CREATE TABLE on the whole database"},
		"read all":       {"GRANT SELECT TO rollbridge_agent", "SELECT on the whole database"},
		"control all":    {"GRANT CONTROL TO rollbridge_agent", "CONTROL on the whole database"},
		"db_datareader":  {"ALTER ROLE db_datareader ADD MEMBER rollbridge_agent", "role db_datareader"},
		"db_datawriter":  {"ALTER ROLE db_datawriter ADD MEMBER rollbridge_agent", "role db_datawriter"},
		"db_ddladmin":    {"ALTER ROLE db_ddladmin ADD MEMBER rollbridge_agent", "role db_ddladmin"},
		"db_owner":       {"ALTER ROLE db_owner ADD MEMBER rollbridge_agent", "role db_owner"},
		"sysadmin":       {"ALTER SERVER ROLE sysadmin ADD MEMBER rollbridge_agent", "server role sysadmin"},
		"other roles":    {"ALTER ROLE db_securityadmin ADD MEMBER rollbridge_agent", "role db_securityadmin"},
	} {
		t.Run(name, func(t *testing.T) {
			s.run(t, c.give)
			s.cured(t, c.says, sqlserver.LevelWarn)
		})
	}
}

// What is not as the contract says fails by name, before anything is read.
func TestViewsThatAreNotAsPrinted(t *testing.T) {
	s := followViews(t)
	const marks = "CREATE VIEW rollbridge.attendance AS SELECT m.StudentID AS pupil, %s AS [date], m.Session AS session, m.Mark AS mark, m.MinutesLate AS late FROM mis.SessionMark AS m"
	for name, c := range map[string]struct{ make, says string }{
		"missing": {"", "[rollbridge].[attendance]: does not exist, or the login may not see it"},
		"no late": {"CREATE VIEW rollbridge.attendance AS SELECT m.StudentID AS pupil, m.MarkDate AS [date], m.Session AS session, m.Mark AS mark FROM mis.SessionMark AS m",
			"[rollbridge].[attendance]: column [late] is missing"},
		"text for a date":   {strings.Replace(marks, "%s", "m.Mark", 1), "column [date] is nvarchar(10)"},
		"number for a date": {strings.Replace(marks, "%s", "m.MinutesLate", 1), "column [date] is int"},
	} {
		t.Run(name, func(t *testing.T) {
			s.run(t, "DROP VIEW rollbridge.attendance")
			if c.make != "" {
				s.run(t, c.make+"\nGO\nGRANT SELECT ON rollbridge.attendance TO rollbridge_agent")
			}
			defer func() {
				if c.make == "" {
					s.run(t, strings.Replace(marks, "%s", "m.MarkDate", 1))
				}
			}()
			s.verify(t, sqlserver.Schema, c.says)
			bad := worse(s.probe(t))
			if len(bad) != 1 || bad[0].Level != sqlserver.LevelFail || !strings.Contains(bad[0].What, c.says) {
				t.Errorf("found %+v", bad)
			}
		})
	}
}

// Empty identifiers and missing rows are told apart from order.
func TestEmptyIdentifiersAndNoRows(t *testing.T) {
	s := followViews(t)
	s.run(t, `DROP VIEW rollbridge.contact
GO
CREATE VIEW rollbridge.contact AS SELECT k.StudentID AS pupil, CAST(NULL AS nvarchar(40)) AS contact, k.Title AS Title, k.Forename AS Forename,
	k.Surname AS Surname, k.Relationship AS Relationship, k.Priority AS [Order], k.ParentalResponsibility AS Responsibility, k.HomePhone AS PhoneHome,
	k.MobilePhone AS PhoneMobile, k.WorkPhone AS PhoneWork, k.WorkPhone AS PhoneOther, k.Email AS Email, k.Address AS Address, k.Postcode AS PostCode
FROM mis.StudentContact AS k
GO
GRANT SELECT ON rollbridge.contact TO rollbridge_agent`)
	bad := worse(s.probe(t))
	if len(bad) != 1 || bad[0].Level != sqlserver.LevelFail || !strings.Contains(bad[0].What, "[rollbridge].[contact]: [contact] is empty in ") {
		t.Errorf("found %+v", bad)
	}
	s.run(t, "UPDATE mis.StudentContact SET Forename = N' '\nGO\nDELETE FROM mis.SessionMark")
	for _, f := range s.probe(t) {
		if strings.Contains(f.What, "[rollbridge].[attendance]") && (f.Level != sqlserver.LevelWarn || !strings.Contains(f.Do, "withheld")) {
			t.Errorf("no marks at all: %+v", f)
		}
	}
}

// Without snapshots the finding says what to run, and that helps.
func TestSnapshotIsRecommended(t *testing.T) {
	s := followViews(t)
	s.run(t, "ALTER DATABASE ["+s.Name()+"] SET ALLOW_SNAPSHOT_ISOLATION OFF")
	s.cured(t, "does not allow snapshot isolation", sqlserver.LevelWarn)
}

// The variant with a Windows account makes a login of that name. A real server
// would look for the account in its domain.
func TestWindowsAccountOfThePage(t *testing.T) {
	in, err := instance.Staged(t.Context(), t.TempDir(), standin.Options{Windows: map[string]string{`SCHOOL\rollbridge$`: password}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	db, err := in.NewDatabase(t.Context(), "SchoolMIS")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Run(t.Context(), script(t, viewsPage, docs.Instead)); err != nil {
		t.Fatal(err)
	}
	session := open(t, sqlserver.Settings{Host: in.Host(), Port: in.Port(), Database: db.Name(), Login: sqlserver.LoginWindows,
		User: `SCHOOL\rollbridge$`, Password: password, CertificateFile: in.CertificateFile()})
	found, err := session.Probe(t.Context(), nil)
	if err != nil || len(found) == 0 || !strings.Contains(found[0].What, `as [SCHOOL\rollbridge$]`) {
		t.Errorf("found %+v, %v", found, err)
	}
}
