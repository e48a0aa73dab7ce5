package instance_test

import (
	"strings"
	"testing"
)

const tables = `
CREATE SCHEMA mis AUTHORIZATION dbo
GO
CREATE SCHEMA rollbridge AUTHORIZATION dbo
GO
CREATE TABLE mis.Student (id int NOT NULL PRIMARY KEY, name nvarchar(40) NULL, secret nvarchar(40) NULL)
GO
INSERT INTO mis.Student (id, name, secret) VALUES (1, N'Ada', N'x')
GO
CREATE VIEW rollbridge.pupil AS SELECT id, name FROM mis.Student
`

func TestRights(t *testing.T) {
	tests := []struct {
		name, grants, query string
		want                int32 // 0: it works
	}{
		{"nothing", "", "SELECT id FROM mis.Student", 229},
		{"object", "GRANT SELECT ON mis.Student TO @u", "SELECT id FROM mis.Student", 0},
		{"class", "GRANT SELECT ON OBJECT::mis.Student TO @u", "SELECT id FROM mis.Student", 0},
		{"revoked", "GRANT SELECT ON mis.Student TO @u\nGO\nREVOKE SELECT ON mis.Student FROM @u", "SELECT id FROM mis.Student", 229},
		{"columns", "GRANT SELECT ON mis.Student (id, name) TO @u", "SELECT name FROM mis.Student WHERE id = 1", 0},
		{"other column", "GRANT SELECT ON mis.Student (id, name) TO @u", "SELECT secret FROM mis.Student", 230},
		{"column in WHERE", "GRANT SELECT ON mis.Student (id, name) TO @u", "SELECT id FROM mis.Student WHERE secret = N'x'", 230},
		{"column denied", "GRANT SELECT ON mis.Student TO @u\nGO\nDENY SELECT ON mis.Student (secret) TO @u", "SELECT secret FROM mis.Student", 230},
		{"beside a column denied", "GRANT SELECT ON mis.Student TO @u\nGO\nDENY SELECT ON mis.Student (secret) TO @u", "SELECT id FROM mis.Student", 0},
		{"GRANT after a column's DENY", "DENY SELECT ON mis.Student (secret) TO @u\nGO\nGRANT SELECT ON mis.Student TO @u", "SELECT secret FROM mis.Student", 0},
		{"column granted, object denied", "DENY SELECT ON mis.Student TO @u\nGO\nGRANT SELECT ON mis.Student (id) TO @u", "SELECT id FROM mis.Student", 0},
		{"schema", "GRANT SELECT ON SCHEMA::mis TO @u", "SELECT id FROM mis.Student", 0},
		{"other schema", "GRANT SELECT ON SCHEMA::rollbridge TO @u", "SELECT id FROM mis.Student", 229},
		{"DENY over schema", "GRANT SELECT ON SCHEMA::mis TO @u\nGO\nDENY SELECT ON mis.Student TO @u", "SELECT id FROM mis.Student", 229},
		{"DENY of the schema over GRANT", "GRANT SELECT ON mis.Student TO @u\nGO\nDENY SELECT ON SCHEMA::mis TO @u", "SELECT id FROM mis.Student", 229},
		{"database", "GRANT SELECT TO @u", "SELECT id FROM mis.Student", 0},
		{"reader role", "ALTER ROLE db_datareader ADD MEMBER @u", "SELECT id FROM mis.Student", 0},
		{"reader role left", "ALTER ROLE db_datareader ADD MEMBER @u\nGO\nALTER ROLE db_datareader DROP MEMBER @u", "SELECT id FROM mis.Student", 229},
		{"DENY over the role", "ALTER ROLE db_datareader ADD MEMBER @u\nGO\nDENY SELECT ON mis.Student TO @u", "SELECT id FROM mis.Student", 229},
		{"public", "GRANT SELECT ON mis.Student TO public", "SELECT id FROM mis.Student", 0},
		{"owner", "ALTER ROLE db_owner ADD MEMBER @u", "DELETE FROM mis.Student", 0},
		{"reader writes", "ALTER ROLE db_datareader ADD MEMBER @u", "INSERT INTO mis.Student (id) VALUES (2)", 229},
		{"writer", "ALTER ROLE db_datawriter ADD MEMBER @u", "INSERT INTO mis.Student (id) VALUES (2)", 0},
		{"view, chained", "GRANT SELECT ON rollbridge.pupil TO @u", "SELECT name FROM rollbridge.pupil", 0},
		{"view, table denied", "GRANT SELECT ON rollbridge.pupil TO @u\nGO\nDENY SELECT ON mis.Student TO @u", "SELECT name FROM rollbridge.pupil", 0},
		{"below the view", "GRANT SELECT ON rollbridge.pupil TO @u", "SELECT id FROM mis.Student", 229},
		{"view, not granted", "GRANT SELECT ON mis.Student TO @u", "SELECT name FROM rollbridge.pupil", 229},
		{"CREATE TABLE", "ALTER ROLE db_datareader ADD MEMBER @u", "CREATE TABLE dbo.Mine (a int NULL)", 262},
		{"CREATE LOGIN", "ALTER ROLE db_owner ADD MEMBER @u", "CREATE LOGIN another_fictional WITH PASSWORD = N'Plainly-Fictional-1'", 15247},
		{"GRANT by a reader", "GRANT SELECT ON mis.Student TO @u", "GRANT SELECT ON mis.Student TO public", 15151},
		{"no such object", "", "SELECT id FROM mis.Nothing", 208},
		{"no such column", "GRANT SELECT ON mis.Student TO @u", "SELECT nothing FROM mis.Student", 207},
	}
	_, d := database(t)
	run(t, d, tables)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			name, db := user(t, d)
			run(t, d, forUser(test.grants, name))
			defer run(t, d, "DROP USER ["+name+"]\nGO\nREVOKE SELECT ON mis.Student FROM public")
			_, err := tryColumn(t.Context(), db, test.query)
			wantNumber(t, err, test.want)
			if test.want == 0 && err != nil {
				t.Error(err)
			}
		})
	}
}

// A right that is taken away counts for the next statement of an open session.
func TestRevokedMeanwhile(t *testing.T) {
	_, d := database(t)
	run(t, d, tables)
	name, db := user(t, d)
	run(t, d, forUser("GRANT SELECT ON rollbridge.pupil TO @u", name))
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	want(t, column(t, c, "SELECT name FROM rollbridge.pupil"), "Ada")
	run(t, d, forUser("REVOKE SELECT ON rollbridge.pupil TO @u", name))
	_, err = tryColumn(t.Context(), c, "SELECT name FROM rollbridge.pupil")
	wantNumber(t, err, 229)
}

// The owner of the tables did not give the view's owner, and so nobody else, anything.
func TestBrokenChain(t *testing.T) {
	_, d := database(t)
	run(t, d, tables)
	other, _ := user(t, d)
	run(t, d, "CREATE SCHEMA theirs AUTHORIZATION ["+other+"]\nGO\nCREATE VIEW theirs.v AS SELECT name FROM mis.Student")
	name, db := user(t, d)
	run(t, d, forUser("GRANT SELECT ON theirs.v TO @u", name))
	_, err := tryColumn(t.Context(), db, "SELECT name FROM theirs.v")
	wantNumber(t, err, 229)
	run(t, d, forUser("GRANT SELECT ON mis.Student TO @u", name))
	want(t, column(t, db, "SELECT name FROM theirs.v"), "Ada")
}

func TestVisibility(t *testing.T) {
	_, d := database(t)
	run(t, d, tables)
	run(t, d, "CREATE PROCEDURE mis.Purge AS DELETE FROM mis.Student")
	name, db := user(t, d)
	const seen = "SELECT TABLE_NAME FROM INFORMATION_SCHEMA.TABLES"
	want(t, column(t, db, seen))
	want(t, column(t, db, "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS"))
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('mis.Student', 'OBJECT', 'SELECT') AS p"), "NULL")
	want(t, column(t, db, "SELECT OBJECT_ID('mis.Student') AS o"), "NULL")
	run(t, d, forUser("GRANT SELECT ON rollbridge.pupil TO @u\nGO\nGRANT EXECUTE ON mis.Purge TO @u", name))
	want(t, column(t, db, seen), "pupil")
	want(t, column(t, db, "SELECT COLUMN_NAME FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'rollbridge' ORDER BY ORDINAL_POSITION"), "id", "name")
	want(t, column(t, db, "SELECT DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS WHERE COLUMN_NAME = 'name'"), "nvarchar")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('rollbridge.pupil', 'OBJECT', 'SELECT') AS p"), "1")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('[rollbridge].[pupil]', 'OBJECT', 'DELETE') AS p"), "0")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('rollbridge.pupil', 'OBJECT', 'SELECT', 'name', 'COLUMN') AS p"), "1")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('rollbridge.pupil', 'OBJECT', 'SELECT', 'nothing', 'COLUMN') AS p"), "NULL")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE') AS p"), "0")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'NO SUCH RIGHT') AS p"), "NULL")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(schema_id)) + '.' + QUOTENAME(name), 'OBJECT', 'SELECT') AS p FROM sys.objects ORDER BY name"), "1", "0")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME('mis.Purge', 'OBJECT', 'EXECUTE') AS p"), "1")
	want(t, column(t, db, "SELECT name FROM sys.objects ORDER BY name"), "pupil", "Purge")
	want(t, column(t, db, "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE') AS p"), "0")
	want(t, column(t, db, "SELECT IS_SRVROLEMEMBER('sysadmin') AS p"), "0")
	want(t, column(t, db, "SELECT IS_SRVROLEMEMBER('nothing') AS p"), "NULL")
	want(t, column(t, db, "SELECT IS_MEMBER('db_owner') AS p"), "0")
	want(t, column(t, db, "SELECT IS_MEMBER('no_such_role') AS p"), "NULL")
	run(t, d, forUser("DENY VIEW DEFINITION ON rollbridge.pupil TO @u", name))
	want(t, column(t, db, seen))
	run(t, d, forUser("ALTER ROLE db_owner ADD MEMBER @u", name))
	want(t, column(t, db, "SELECT IS_MEMBER('db_owner') AS p"), "1")
	want(t, column(t, d.Admin(), "SELECT IS_SRVROLEMEMBER('sysadmin') AS p"), "1")
}

// What a view reads may have gone since.
func TestViewOfWhatHasGone(t *testing.T) {
	_, d := database(t)
	run(t, d, tables)
	run(t, d, "DROP TABLE mis.Student")
	_, err := tryColumn(t.Context(), d.Admin(), "SELECT name FROM rollbridge.pupil")
	if n := number(err); n != 208 && n != 4413 {
		t.Errorf("error %v, want 208 or 4413", err)
	}
	run(t, d, "CREATE TABLE mis.Student (id int NOT NULL)")
	_, err = tryColumn(t.Context(), d.Admin(), "SELECT name FROM rollbridge.pupil")
	if n := number(err); n != 207 && n != 4413 {
		t.Errorf("error %v, want 207 or 4413", err)
	}
}

func forUser(script, name string) string { return strings.ReplaceAll(script, "@u", "["+name+"]") }
