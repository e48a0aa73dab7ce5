package tsql

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollbridge/e2e/standin/sqltype"
)

func TestParseStatements(t *testing.T) {
	yes, no := true, false
	for batch, want := range map[string][]Statement{
		"":                                     nil,
		" ;; -- nothing\n":                     nil,
		"CREATE SCHEMA [roll]] bridge]":        {&CreateSchema{Name: "roll] bridge"}},
		"CREATE DATABASE [Sch-1]; USE [Sch-1]": {&CreateDatabase{"Sch-1"}, &UseDatabase{"Sch-1"}},
		"DROP DATABASE IF EXISTS x":            {&DropDatabase{"x", true}},
		"ALTER DATABASE x MODIFY NAME = y":     {&AlterDatabase{Name: "x", NewName: "y"}},
		"ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON":            {&AlterDatabase{Option: "ALLOW_SNAPSHOT_ISOLATION", On: true}},
		"alter database x set single_user with rollback immediate":          {&AlterDatabase{Name: "x", Option: "SINGLE_USER"}},
		"CREATE LOGIN a WITH PASSWORD = N'p''w', CHECK_POLICY = OFF":        {&CreateLogin{Name: "a", Password: "p'w", Options: map[string]string{"CHECK_POLICY": "OFF"}}},
		`CREATE LOGIN [DOMAIN\account$] FROM WINDOWS`:                       {&CreateLogin{Name: `DOMAIN\account$`, Windows: true}},
		"ALTER LOGIN a DISABLE ALTER LOGIN a ENABLE":                        {&AlterLogin{Name: "a", Enable: &no}, &AlterLogin{Name: "a", Enable: &yes}},
		"ALTER LOGIN a WITH PASSWORD = 'x' UNLOCK":                          {&AlterLogin{Name: "a", Password: "x", Unlock: true}},
		"DROP LOGIN a; DROP USER IF EXISTS a":                               {&DropLogin{"a"}, &DropUser{"a", true}},
		"CREATE USER a":                                                     {&CreateUser{Name: "a", Login: "a"}},
		"CREATE USER a FOR LOGIN b WITH DEFAULT_SCHEMA = c":                 {&CreateUser{Name: "a", Login: "b", DefaultSchema: "c"}},
		"CREATE USER a WITHOUT LOGIN":                                       {&CreateUser{Name: "a", WithoutLogin: true}},
		"ALTER ROLE db_owner ADD MEMBER a":                                  {&AlterRole{Role: "db_owner", Member: "a"}},
		"ALTER SERVER ROLE sysadmin DROP MEMBER a":                          {&AlterRole{Role: "sysadmin", Member: "a", Drop: true, Server: true}},
		"GRANT SELECT ON rollbridge.school TO a, public":                    {&Permission{Action: "GRANT", Rights: []string{"SELECT"}, Class: "OBJECT", On: Name{"rollbridge", "school"}, Users: []string{"a", "public"}}},
		"DENY SELECT, INSERT ON OBJECT::m.t (a, [b]) TO a":                  {&Permission{Action: "DENY", Rights: []string{"SELECT", "INSERT"}, Class: "OBJECT", On: Name{"m", "t"}, Columns: []string{"a", "b"}, Users: []string{"a"}}},
		"REVOKE EXEC ON SCHEMA::m FROM a":                                   {&Permission{Action: "REVOKE", Rights: []string{"EXECUTE"}, Class: "SCHEMA", On: Name{"", "m"}, Users: []string{"a"}}},
		"GRANT VIEW DEFINITION, CREATE TABLE TO a":                          {&Permission{Action: "GRANT", Rights: []string{"VIEW DEFINITION", "CREATE TABLE"}, Class: "DATABASE", Users: []string{"a"}}},
		"SET NOCOUNT ON SET LOCK_TIMEOUT 5000; SET DEADLOCK_PRIORITY LOW":   {&SetOption{"NOCOUNT", "ON"}, &SetOption{"LOCK_TIMEOUT", "5000"}, &SetOption{"DEADLOCK_PRIORITY", "LOW"}},
		"SET ANSI_NULLS, XACT_ABORT ON SET LOCK_TIMEOUT -1":                 {&SetOption{"ANSI_NULLS", "ON"}, &SetOption{"XACT_ABORT", "ON"}, &SetOption{"LOCK_TIMEOUT", "-1"}},
		"SET TRANSACTION ISOLATION LEVEL READ COMMITTED":                    {&SetOption{"TRANSACTION ISOLATION LEVEL", "READ COMMITTED"}},
		"BEGIN TRAN COMMIT TRANSACTION; ROLLBACK":                           {&Transaction{"BEGIN"}, &Transaction{"COMMIT"}, &Transaction{"ROLLBACK"}},
		"CREATE PROCEDURE mis.Store @x int = NULL AS BEGIN SET @x = 1; END": {&CreateProcedure{Procedure: Name{"mis", "Store"}}},
		"DROP VIEW IF EXISTS a.b, c DROP INDEX i ON a.t":                    {&Drop{Kind: "VIEW", Names: []Name{{"a", "b"}, {"", "c"}}, IfExists: true}, &Drop{Kind: "INDEX", Names: []Name{{"", "i"}}, Table: Name{"a", "t"}}},
		"CREATE TABLE a.b (c int CONSTRAINT k PRIMARY KEY, d varchar(max) NOT NULL,)": {&CreateTable{Table: Name{"a", "b"}, Key: []string{"c"}, KeyName: "k", Columns: []Column{
			{Name: "c", Type: sqltype.Type{Kind: sqltype.Int}}, {Name: "d", Type: sqltype.Type{Kind: sqltype.VarChar, Length: sqltype.Max}}}}},
	} {
		got, err := Parse(batch)
		if err != nil {
			t.Errorf("%s: %v", batch, err)
		} else if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Select{})); d != "" {
			t.Errorf("%s\n%s", batch, d)
		}
	}
}

func TestUses(t *testing.T) {
	d := open(t, school)
	for batch, want := range map[string][]Use{
		"SELECT pupil FROM rollbridge.pupil WHERE inCARE = 1":                                    {{"rollbridge", "pupil", []string{"InCare", "pupil"}, RightSelect}},
		"SELECT COUNT(*) FROM mis.School":                                                        {{"mis", "School", nil, RightSelect}},
		"UPDATE mis.School SET Name = ''":                                                        {{"mis", "School", []string{"Name"}, RightUpdate}},
		"UPDATE mis.School SET Name = '' WHERE SchoolID = 9":                                     {{"mis", "School", []string{"Name"}, RightUpdate}, {"mis", "School", []string{"SchoolID"}, RightSelect}},
		"DELETE mis.School WHERE EXISTS (SELECT 1 FROM mis.Student s WHERE s.FSM = 0 AND 1 = 0)": {{"mis", "School", nil, RightDelete}, {"mis", "Student", []string{"FSM"}, RightSelect}},
		"INSERT mis.School SELECT StudentID, Surname FROM mis.Student WHERE 1 = 0":               {{"mis", "School", nil, RightInsert}, {"mis", "Student", []string{"StudentID", "Surname"}, RightSelect}},
	} {
		r, err := d.run(batch)
		if err != nil {
			t.Errorf("%s: %v", batch, err)
		} else if diff := cmp.Diff(want, r.query.Uses); diff != "" {
			t.Errorf("%s\n%s", batch, diff)
		}
	}
}

func TestChange(t *testing.T) {
	d := open(t, school)
	for _, c := range []struct{ batch, query, want string }{
		{"UPDATE mis.Student SET Surname = UPPER(Forename), Small = Small + 1, Area = '1' WHERE StudentID = 12", "SELECT Surname, Small, Area FROM mis.Student WHERE StudentID = 12", "ZOË,10,1  "},
		{"UPDATE mis.Student SET FSM = NULL, UPN = 5, House = CAST(StudentID AS nvarchar(40))", "SELECT FSM, UPN, House FROM mis.Student WHERE StudentID = 13", "NULL,5,13"},
		{"DELETE FROM mis.Student WHERE StudentID IN ('12', '13')", "SELECT StudentID FROM mis.Student", "14"},
		{"INSERT mis.School (Name, SchoolID) SELECT Surname, StudentID FROM mis.Student", "SELECT * FROM mis.School ORDER BY SchoolID", "7,Elm Grove|14,smith"},
		{"INSERT mis.School VALUES (@n, @v)", "SELECT Name FROM mis.School WHERE SchoolID = 12", "it's"},
	} {
		if _, err := d.run(c.batch, text("@n", " 12"), text("@v", "it's")); err != nil {
			t.Fatalf("%s: %v", c.batch, err)
		}
		r, err := d.run(c.query)
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		if got := show(r.rows); got != c.want {
			t.Errorf("after %s\n  %s gives %s, want %s", c.batch, c.query, got, c.want)
		}
	}
}
