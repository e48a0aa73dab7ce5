package sqlserver_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
)

// A schoolMIS is a database on the stand-in with a view that the agent's login may
// read, and a table that it may not.
type schoolMIS struct {
	*instance.Database
	server   *standin.Server
	settings sqlserver.Settings
}

const schoolScript = `
CREATE TABLE dbo.Student (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL, born date NULL)
GO
INSERT INTO dbo.Student (id, name, born) VALUES (1, N'Zoë', '2010-05-01'), (2, N'Łukasz', NULL), (3, NULL, '2011-06-02')
GO
CREATE SCHEMA rollbridge AUTHORIZATION dbo
GO
CREATE VIEW rollbridge.pupil AS SELECT s.id AS pupil, s.name AS Forename, s.born AS DOB FROM dbo.Student AS s
GO
CREATE LOGIN rollbridge_agent WITH PASSWORD = N'` + password + `'
GO
CREATE USER rollbridge_agent FOR LOGIN rollbridge_agent
GO
GRANT SELECT ON rollbridge.pupil TO rollbridge_agent
`

func newSchool(t *testing.T, o standin.Options) *schoolMIS {
	t.Helper()
	in, err := instance.Staged(t.Context(), t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := in.NewDatabase(t.Context(), "MIS")
	if err != nil {
		t.Fatal(err)
	}
	s := &schoolMIS{Database: db, server: in.StandIn(), settings: sqlserver.Settings{Host: in.Host(), Port: in.Port(), Database: "MIS",
		User: "rollbridge_agent", Password: password, Encryption: in.Encryption(), CertificateFile: in.CertificateFile()}}
	s.sql(t, schoolScript)
	return s
}

func (s *schoolMIS) sql(t *testing.T, script string) {
	t.Helper()
	if err := s.Run(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}

const readPupils = "SELECT p.pupil, p.Forename, p.DOB FROM rollbridge.pupil AS p WHERE p.pupil IN (@pupils)"

// read gives the rows as text.
func read(t *testing.T, session *sqlserver.Session, query string) ([]string, error) {
	t.Helper()
	var rows []string
	err := session.Query(t.Context(), parse(t, query), sqlserver.Values{Lists: map[string][]string{"pupils": {"1", "2", "3"}}}, func(cells []sqlserver.Cell) error {
		var row []string
		for _, c := range cells {
			if c.Null {
				c.Text = "NULL"
			}
			row = append(row, c.Text)
		}
		rows = append(rows, strings.Join(row, " "))
		return nil
	})
	slices.Sort(rows)
	return rows, err
}

var allPupils = []string{"1 Zoë 2010-05-01", "2 Łukasz NULL", "3 NULL 2011-06-02"}

func wantRows(t *testing.T, session *sqlserver.Session, want []string) {
	t.Helper()
	got, err := read(t, session, readPupils)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

// TestSchool reads, and shows that nothing but the package's own statements and
// the query was sent.
func TestSchool(t *testing.T) {
	s := newSchool(t, standin.Options{})
	session := open(t, s.settings)
	wantRows(t, session, allPupils)
	var sent []string
	for _, st := range s.server.Statements() {
		if st.Login == "rollbridge_agent" {
			sent = append(sent, st.Text)
		}
	}
	want := strings.Replace(readPupils, "@pupils", "@pupils_1, @pupils_2, @pupils_3", 1)
	if len(sent) != 3 || !strings.HasPrefix(sent[0], "SET NOCOUNT ON") || !slices.Contains(sqlserver.FixedTexts(), sent[1]) || sent[2] != want {
		t.Errorf("sent %q", sent)
	}
}

func TestSchoolRefusals(t *testing.T) {
	s := newSchool(t, standin.Options{})
	s.sql(t, `CREATE VIEW rollbridge.closed AS SELECT s.id AS pupil, s.name AS Forename FROM dbo.Student AS s
GO
GRANT SELECT ON rollbridge.closed (pupil) TO rollbridge_agent`)
	session := open(t, s.settings)
	for query, c := range map[string]struct {
		number int32
		reason sqlserver.Reason
		says   string
	}{
		"SELECT s.id FROM dbo.Student AS s":                              {229, sqlserver.Right, "GRANT SELECT ON [dbo].[Student] TO [rollbridge_agent]"},
		"SELECT c.Forename FROM rollbridge.closed AS c":                  {230, sqlserver.Right, "GRANT SELECT ON [rollbridge].[closed]"},
		"SELECT x.pupil FROM rollbridge.gone AS x":                       {208, sqlserver.Schema, "[rollbridge].[gone] does not exist"},
		"SELECT p.Surname FROM rollbridge.pupil AS p":                    {207, sqlserver.Schema, "The column [Surname] does not exist in [rollbridge].[pupil]"},
		"SELECT CAST(p.Forename AS int) AS n FROM rollbridge.pupil AS p": {245, sqlserver.Data, "not of the type"},
	} {
		_, err := read(t, session, query)
		if f := wantFault(t, err, c.reason, c.says); f.Number != c.number {
			t.Errorf("%s: number %d, want %d", query, f.Number, c.number)
		}
	}
	wantRows(t, session, allPupils)
}

func TestSchoolSignOn(t *testing.T) {
	s := newSchool(t, standin.Options{})
	lock := func(locked bool) {
		if err := s.server.Lock("rollbridge_agent", locked); err != nil {
			t.Fatal(err)
		}
	}
	lock(true)
	refused(t, s.settings, sqlserver.Login, "is locked", "UNLOCK")
	lock(false)
	s.sql(t, "ALTER LOGIN rollbridge_agent DISABLE")
	refused(t, s.settings, sqlserver.Login, "ALTER LOGIN [rollbridge_agent] ENABLE")
	s.sql(t, "ALTER LOGIN [rollbridge_agent] ENABLE")
	open(t, s.settings)
	if err := s.server.ExpirePassword("rollbridge_agent"); err != nil {
		t.Fatal(err)
	}
	refused(t, s.settings, sqlserver.Login, "has expired")
	s.sql(t, "ALTER LOGIN [rollbridge_agent] WITH PASSWORD = N'"+password+"2'")
	refused(t, s.settings, sqlserver.Login, "password is wrong")
	s.settings.Password += "2"
	open(t, s.settings)

	s.sql(t, "DROP USER rollbridge_agent")
	refused(t, s.settings, sqlserver.Database, "CREATE USER [rollbridge_agent] FOR LOGIN [rollbridge_agent]")
	s.sql(t, "CREATE USER [rollbridge_agent] FOR LOGIN [rollbridge_agent]\nGO\nGRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent]")
	wantRows(t, open(t, s.settings), allPupils)
}

// TestSchoolRenamed: vendors' updates and the new year rename databases.
func TestSchoolRenamed(t *testing.T) {
	s := newSchool(t, standin.Options{})
	session := open(t, s.settings)
	if err := s.Rename(t.Context(), "MIS_2025"); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, session, readPupils)
	wantFault(t, err, sqlserver.Down)
	refused(t, s.settings, sqlserver.Database, "MIS is not there", "renamed")
	s.settings.Database = "MIS_2025"
	wantRows(t, open(t, s.settings), allPupils)
}

func TestSchoolComesBack(t *testing.T) {
	s := newSchool(t, standin.Options{})
	session := open(t, s.settings)
	if err := s.server.Stop(); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, session, readPupils)
	wantFault(t, err, sqlserver.Down)
	refused(t, s.settings, sqlserver.Down)
	if err := s.server.Restart(); err != nil {
		t.Fatal(err)
	}
	_, err = read(t, session, readPupils)
	wantFault(t, err, sqlserver.Down)
	wantRows(t, open(t, s.settings), allPupils)

	if err := s.server.Renew(); err != nil {
		t.Fatal(err)
	}
	// The file of the settings is the stand-in's own and is renewed too: a pin
	// that was read before tells the difference.
	wantRows(t, open(t, s.settings), allPupils)
}

// TestSchoolFaults stages what a busy server does.
func TestSchoolFaults(t *testing.T) {
	s := newSchool(t, standin.Options{})
	s.settings.QueryTime = 300 * time.Millisecond
	for name, c := range map[string]struct {
		fault  standin.Fault
		reason sqlserver.Reason
	}{
		"deadlock":          {standin.Fault{Error: &tds.Error{Number: 1205, Class: 13}}, sqlserver.Busy},
		"snapshot conflict": {standin.Fault{Error: &tds.Error{Number: 3960}}, sqlserver.Busy},
		"deadlock at row":   {standin.Fault{AtRow: 2, Error: &tds.Error{Number: 1205, Class: 13}}, sqlserver.Busy},
		"cut":               {standin.Fault{Cut: true}, sqlserver.Down},
		"cut at row":        {standin.Fault{AtRow: 2, Cut: true}, sqlserver.Down},
		"hang":              {standin.Fault{Hang: true}, sqlserver.Slow},
		"hang at row":       {standin.Fault{AtRow: 1, Hang: true}, sqlserver.Slow},
		"endless":           {standin.Fault{AtRow: 1, Endless: true}, sqlserver.Slow},
		"fatal":             {standin.Fault{Error: &tds.Error{Number: 823, Class: 24}}, sqlserver.Down},
	} {
		t.Run(name, func(t *testing.T) {
			session := open(t, s.settings)
			c.fault.Contains, c.fault.Times = "rollbridge.pupil", 1
			undo := s.server.Stage(c.fault)
			defer undo()
			_, err := read(t, session, readPupils)
			wantFault(t, err, c.reason)
			wantRows(t, open(t, s.settings), allPupils)
		})
	}
}

// TestSchoolLocked: somebody has changed a row and not committed.
func TestSchoolLocked(t *testing.T) {
	s := newSchool(t, standin.Options{})
	tx, err := s.Admin().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE dbo.Student SET name = N'Other' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	s.settings.LockTime = 100 * time.Millisecond
	session := open(t, s.settings)
	_, err = read(t, session, readPupils)
	if f := wantFault(t, err, sqlserver.Busy, "100ms", "lock_seconds"); f.Number != 1222 {
		t.Errorf("%+v", f)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, session, allPupils)
}

// TestSchoolSnapshot: a session sees the moment of its first question, whatever
// happens meanwhile.
func TestSchoolSnapshot(t *testing.T) {
	s := newSchool(t, standin.Options{})
	s.sql(t, "ALTER DATABASE MIS SET ALLOW_SNAPSHOT_ISOLATION ON")
	session := open(t, s.settings)
	wantRows(t, session, allPupils)
	s.sql(t, "DELETE FROM dbo.Student WHERE id = 2")
	wantRows(t, session, allPupils)
	wantRows(t, open(t, s.settings), []string{allPupils[0], allPupils[2]})
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	// The rollback has ended the transaction: the database can be switched back.
	s.sql(t, "ALTER DATABASE MIS SET ALLOW_SNAPSHOT_ISOLATION OFF")
	wantRows(t, open(t, s.settings), []string{allPupils[0], allPupils[2]})
}

func TestSchoolOfOldAndStrict(t *testing.T) {
	for name, o := range map[string]standin.Options{
		"TLS 1.0 with 3DES": {MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
		"strict":            {Strict: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSchool(t, o)
			s.settings.Encryption = "strict"
			if !o.Strict {
				s.settings.Encryption = ""
				refused(t, s.settings, sqlserver.Encryption, "old_ciphers")
				s.settings.TLSMin, s.settings.OldCiphers = "1.0", true
			}
			wantRows(t, open(t, s.settings), allPupils)
		})
	}
}

func TestSchoolOfWindowsAndInstance(t *testing.T) {
	host := browserHost(t)
	s := newSchool(t, standin.Options{Listen: net.JoinHostPort(host, "0"), Instance: "SIMS", BrowserAddress: host + ":1434",
		Windows: map[string]string{`SCHOOL\svc-rollbridge`: password}})
	s.sql(t, `CREATE LOGIN [SCHOOL\svc-rollbridge] FROM WINDOWS
GO
CREATE USER [SCHOOL\svc-rollbridge] FOR LOGIN [SCHOOL\svc-rollbridge]
GO
GRANT SELECT ON rollbridge.pupil TO [SCHOOL\svc-rollbridge]`)
	s.settings.Port, s.settings.Instance = 0, "SIMS"
	s.settings.Login, s.settings.User = "windows", `SCHOOL\svc-rollbridge`
	wantRows(t, open(t, s.settings), allPupils)
}

// TestSchoolCancelled: the server is told, and the caller gets its own error.
func TestSchoolCancelled(t *testing.T) {
	s := newSchool(t, standin.Options{})
	session := open(t, s.settings)
	ctx, cancel := context.WithCancel(t.Context())
	undo := s.server.Stage(standin.Fault{Contains: "rollbridge.pupil", Hang: true, Do: cancel})
	defer undo()
	err := session.Query(ctx, parse(t, "SELECT p.pupil FROM rollbridge.pupil AS p"), sqlserver.Values{}, count(new(int)))
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
