package mis

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// The server of this package's tests: the stand-in, or a real one (package
// e2e/instance). It is started by the first test that needs it.
var (
	server     *instance.Instance
	startOnce  sync.Once
	startError error
	databases  atomic.Int32
)

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "/QUIET") {
		os.Exit(standInReporter(os.Args[1:]))
	}
	code := m.Run()
	if server != nil {
		if err := server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the server:", err)
			code = 1
		}
		os.RemoveAll(serverDir)
	}
	os.Exit(code)
}

var serverDir string

func sqlServer(t testing.TB) *instance.Instance {
	t.Helper()
	startOnce.Do(func() {
		if serverDir, startError = os.MkdirTemp("", "mis-sql-"); startError == nil {
			server, startError = instance.New(context.Background(), serverDir, standin.Options{})
		}
	})
	if startError != nil {
		t.Fatal(startError)
	}
	return server
}

// The contract's views (docs/mis/sql-views.md), here as tables: two pupils in
// care and one who is not. pupilType is what an id is.
const contractTables = `
CREATE SCHEMA rollbridge AUTHORIZATION dbo;
GO
CREATE TABLE rollbridge.school (School nvarchar(20) NOT NULL, Name nvarchar(200) NULL, Pupils int NOT NULL, LookedAfter int NULL, AsAt datetime2(0) NULL);
CREATE TABLE rollbridge.pupil (pupil {id} NULL, InCare bit NULL, CareAuthority char(3) NULL, UPN nvarchar(13) NULL, FormerUPN nvarchar(13) NULL,
	UniqueLearnerNumber nvarchar(10) NULL, AdmissionNumber nvarchar(20) NULL, Surname nvarchar(200) NULL, Forename nvarchar(200) NULL,
	MiddleNames nvarchar(200) NULL, PreferredSurname nvarchar(200) NULL, PreferredForename nvarchar(200) NULL, FormerSurname nvarchar(200) NULL,
	FormerForename nvarchar(200) NULL, Gender nvarchar(40) NULL, InCareAtCurrentSchool bit NULL, PupilPremiumIndicator nvarchar(10) NULL,
	DOB date NULL, Sex char(1) NULL, NCyearActual nvarchar(10) NULL, RegGroup nvarchar(20) NULL, House nvarchar(40) NULL, Email nvarchar(200) NULL,
	Phone nvarchar(100) NULL, CareStart date NULL, CareEnd date NULL, PersonalEducationPlan bit NULL, FSMeligible bit NULL, PupilPremium bit NULL,
	EnrolStatus char(1) NULL, EntryDate datetime NULL, LeavingDate datetime NULL);
CREATE TABLE rollbridge.contact (pupil {id} NULL, contact nvarchar(40) NULL, Title nvarchar(20) NULL, Forename nvarchar(200) NULL, Surname nvarchar(200) NULL,
	Relationship nvarchar(40) NULL, [Order] int NULL, Responsibility bit NULL, PhoneHome nvarchar(100) NULL, PhoneMobile nvarchar(100) NULL,
	PhoneWork nvarchar(100) NULL, PhoneOther nvarchar(100) NULL, Email nvarchar(200) NULL, Address nvarchar(400) NULL, PostCode nvarchar(10) NULL);
CREATE TABLE rollbridge.attendance (pupil {id} NULL, [date] date NULL, session char(2) NULL, mark nvarchar(10) NULL, late int NULL);
GO
`

const contractRows = `
INSERT INTO rollbridge.school (School, Name, Pupils, LookedAfter) VALUES (N'1', N'Larkfield', 3, 2);
INSERT INTO rollbridge.pupil (pupil, InCare, CareAuthority, UPN, Surname, Forename, DOB, Sex, NCyearActual) VALUES
	(N'p1', 1, '933', N'B801200005001', N'Zqjxman', N'Ann', '2013-04-03', 'F', N'Year  8'),
	(N'p2', 1, '815', NULL, N'Zqjxley', N'Ben', '2014-06-05', 'M', N'7'),
	(N'p3', 0, NULL, NULL, N'Zqjxton', N'Cat', '2012-08-07', 'F', N'9');
INSERT INTO rollbridge.contact (pupil, contact, Surname, Relationship, PhoneMobile) VALUES
	(N'p1', N'c1', N'Zqjxman', N'FOM', N'07700 900123'),
	(N'p2', N'c1', N'Zqjxley', N'SWR', N'07700 900124'),
	(N'p3', N'c3', N'Zqjxton', N'PAM', N'07700 900125');
INSERT INTO rollbridge.attendance (pupil, [date], session, mark, late) VALUES
	(N'p1', '2026-11-09', 'AM', N'/', NULL), (N'p1', '2026-11-09', 'PM', N'\', NULL), (N'p1', '2026-11-10', 'AM', N'L', 12),
	(N'p1', '2026-11-10', 'PM', N'-', NULL), (N'p1', '2025-11-10', 'AM', N'/', NULL), (N'p2', '2026-11-09', 'AM', N'C1', NULL),
	(N'p3', '2026-11-09', 'AM', N'/', NULL);
GO
`

// contract is the tables with their rows, ids of the given type.
func contract(idType string) string {
	return strings.ReplaceAll(contractTables, "{id}", idType) + contractRows
}

const password = "Kestrel-Lane-5521"

// sqlSite runs the script in a database of its own and gives a site whose login
// may SELECT the schemas named.
func sqlSite(t testing.TB, script string, schemas ...string) (*instance.Database, Site) {
	t.Helper()
	s := sqlServer(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d, err := s.NewDatabase(ctx, fmt.Sprintf("mis%d", databases.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	user := "reader_" + d.Name()
	var b strings.Builder
	b.WriteString(script)
	fmt.Fprintf(&b, "\nGO\nCREATE LOGIN %s WITH PASSWORD = N'%s';\nCREATE USER %s FOR LOGIN %s;\n", user, password, user, user)
	for _, schema := range schemas {
		fmt.Fprintf(&b, "GRANT SELECT ON SCHEMA::%s TO %s;\n", schema, user)
	}
	if err := d.Run(ctx, b.String()); err != nil {
		t.Fatal(err)
	}
	return d, Site{Server: &Server{Settings: sqlserver.Settings{
		Host: s.Host(), Port: s.Port(), Database: d.Name(), User: user, Password: password,
		Encryption: s.Encryption(), CertificateFile: s.CertificateFile(),
	}}}
}

// viewsSite is a school whose database is the contract's, changed by a script.
func viewsSite(t testing.TB, change string) (*Profile, Site) {
	t.Helper()
	p, err := LoadProfile("sql-views")
	if err != nil {
		t.Fatal(err)
	}
	_, at := sqlSite(t, contract("nvarchar(40)")+change, "rollbridge")
	return p, at
}
