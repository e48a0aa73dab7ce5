package tsql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollbridge/e2e/standin/sqltype"
)

// school is a small school of a fictional vendor, with the views that a
// supplier of the contract would write over it.
const school = `CREATE TABLE mis.School (SchoolID int NOT NULL PRIMARY KEY, Name nvarchar(200) NOT NULL);
CREATE TABLE mis.Student (StudentID int NOT NULL PRIMARY KEY, UPN varchar(13) NULL, Surname nvarchar(200),
  Forename nvarchar(20) NULL, DateOfBirth date NULL, Sex char(1) NULL, FSM bit NULL, House nvarchar(40) NULL,
  Code uniqueidentifier NULL, Fee decimal(9,2) NULL, Changed datetime NULL, Seen datetime2(0) NULL, Photo varbinary(8) NULL,
  Rate float NULL, Small tinyint NULL, Clock time(3) NULL, Area char(3) NULL)
CREATE TABLE mis.StudentCare (StudentID int NOT NULL, InCare char(1) NULL, CareAuthority char(3) NULL,
  CONSTRAINT [PK_care] PRIMARY KEY CLUSTERED (StudentID ASC))
CREATE TABLE mis.SessionMark (StudentID int NOT NULL, MarkDate date NOT NULL, Session char(2) NOT NULL, Mark nvarchar(10) NULL,
  PRIMARY KEY (StudentID, MarkDate, Session))
CREATE TABLE sims.att_mark_normalised (person_id int, mark nvarchar(10), session_start datetime)
CREATE INDEX IX_mark ON sims.att_mark_normalised (person_id, session_start DESC)
GO
INSERT INTO mis.School VALUES (7, N'Elm Grove')
INSERT mis.Student (StudentID, UPN, Surname, Forename, DateOfBirth, Sex, FSM, House, Code, Fee, Changed, Seen, Photo, Rate, Small, Clock, Area) VALUES
 (12, 'A801200001001', N'O''Neill', N'Zoë', '2011-02-03', 'F', 1, N'Red ', '6f9619ff-8b86-d011-b42d-00c04fc964ff', 1.5, '2026-01-02 03:04:05.678', '2026-01-02T03:04:05', 0xCAFE, 1e3, 9, '10:20', '801'),
 (13, NULL, N'Ångström', N'🙂 Bo', '20120304', 'm', 0, NULL, NULL, -0.005, NULL, NULL, NULL, -2, NULL, NULL, NULL),
 (14, 'b801200001002', N'smith', NULL, NULL, NULL, NULL, N'red', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '9')
INSERT INTO mis.StudentCare (StudentID, InCare, CareAuthority) VALUES (12, 'Y', '801'), (13, 'N', NULL), (14, NULL, NULL)
INSERT INTO mis.SessionMark VALUES (12, '2026-01-05', 'AM', N'/'), (12, '2026-01-05', 'PM', N'\'), (13, '2026-01-05', 'AM', N'N'), (12, '2026-01-06', 'AM', NULL)
INSERT INTO sims.att_mark_normalised VALUES (12, N'/', '2026-01-05 09:00:00'), (12, N'\', '2026-01-05 13:00:00')
GO
CREATE SCHEMA rollbridge AUTHORIZATION dbo;
GO
CREATE VIEW rollbridge.pupil AS
SELECT CAST(s.StudentID AS nvarchar(40)) AS pupil, -- the id
  CASE WHEN c.InCare = 'Y' THEN CAST(1 AS bit) WHEN c.InCare = 'N' THEN CAST(0 AS bit) ELSE NULL END AS InCare,
  c.CareAuthority, CAST(s.UPN AS nvarchar(20)) AS UPN, s.Surname, s.Forename, s.DateOfBirth AS DOB
FROM mis.Student s
JOIN mis.StudentCare c ON c.StudentID = s.StudentID
WHERE c.InCare IS NULL OR c.InCare <> 'N';
GO
CREATE VIEW rollbridge.school AS
SELECT CAST(x.SchoolID AS nvarchar(20)) AS School, x.Name,
  (SELECT COUNT(*) FROM mis.Student) AS Pupils, (SELECT COUNT(*) FROM rollbridge.pupil) AS LookedAfter,
  CAST(NULL AS datetime2(0)) AS AsAt
FROM mis.School AS x
GO
CREATE VIEW rollbridge.attendance AS
SELECT CAST(m.StudentID AS nvarchar(40)) AS pupil, m.MarkDate AS [date], m.Session AS session, m.Mark AS mark
FROM mis.SessionMark AS m
WHERE EXISTS (SELECT * FROM rollbridge.pupil p WHERE p.pupil = CAST(m.StudentID AS nvarchar(40)))
`

// show writes a result on one line: rows with |, cells with a comma.
func show(rows [][]any) string {
	var lines []string
	for _, r := range rows {
		var cells []string
		for _, c := range r {
			switch x := c.(type) {
			case nil:
				cells = append(cells, "NULL")
			case time.Time:
				cells = append(cells, x.Format("2006-01-02T15:04:05.999"))
			default:
				cells = append(cells, fmt.Sprint(x))
			}
		}
		lines = append(lines, strings.Join(cells, ","))
	}
	return strings.Join(lines, "|")
}

func TestSelect(t *testing.T) {
	d := open(t, school)
	for _, c := range []struct{ query, want, types string }{
		{"SELECT * FROM rollbridge.pupil ORDER BY pupil", "12,true,801,A801200001001,O'Neill,Zoë,2011-02-03T00:00:00|14,NULL,NULL,b801200001002,smith,NULL,NULL",
			"nvarchar(40) bit char(3) nvarchar(20) nvarchar(200) nvarchar(20) date"},
		{"select School, Name, Pupils, LookedAfter, AsAt from Rollbridge.SCHOOL", "7,Elm Grove,3,2,NULL", "nvarchar(20) nvarchar(200) int int datetime2(0)"},
		{"SELECT p.Surname AS [Name.first] FROM rollbridge.pupil AS p WHERE p.pupil IN (@a, @b)", "O'Neill", "nvarchar(200)"},
		{"SELECT StudentID FROM mis.Student WHERE StudentID IN (@a, @b) AND StudentID NOT IN (SELECT StudentID FROM mis.StudentCare WHERE InCare = 'n')", "12", "int"},
		{"SELECT [date], session, mark FROM rollbridge.attendance WHERE pupil IN (@a) AND [date] >= @since ORDER BY [date] DESC, session", "2026-01-06T00:00:00,AM,NULL|2026-01-05T00:00:00,AM,/|2026-01-05T00:00:00,PM,\\", "date char(2) nvarchar(10)"},
		{`SELECT CAST(m.session_start AS date) AS [date], CASE WHEN DATEPART(hour, m.session_start) < 12 THEN 'AM' ELSE 'PM' END AS session, m.mark
		  FROM sims.att_mark_normalised m WHERE m.session_start >= @since AND m.person_id IN (@a) ORDER BY m.session_start`, "2026-01-05T00:00:00,AM,/|2026-01-05T00:00:00,PM,\\", "date varchar(2) nvarchar(10)"},
		{"SELECT StudentID FROM mis.Student WHERE House = 'RED  ' ORDER BY 1", "12|14", "int"},
		{"SELECT COUNT(*), COUNT(House), COUNT(DISTINCT House), MIN(DateOfBirth), MAX(StudentID) FROM mis.Student", "3,2,1,2011-02-03T00:00:00,14", "int int int date int"},
		{"SELECT House, COUNT(*) AS n FROM mis.Student GROUP BY House HAVING COUNT(*) > 1", "Red ,2", "nvarchar(40) int"},
		{"SELECT CAST(session_start AS date) AS d, COUNT(*) AS n FROM sims.att_mark_normalised GROUP BY CAST(session_start AS date)", "2026-01-05T00:00:00,2", "date int"},
		{"SELECT Fee, Changed, Seen, Photo, Rate, Small, Clock, Code, Area FROM mis.Student WHERE StudentID = 12", "1.50,2026-01-02T03:04:05.677,2026-01-02T03:04:05,[202 254],1000,9,0000-01-01T10:20:00,6F9619FF-8B86-D011-B42D-00C04FC964FF,801",
			"decimal(9,2) datetime datetime2(0) varbinary(8) float tinyint time(3) uniqueidentifier char(3)"},
		{"SELECT Fee, Area FROM mis.Student WHERE StudentID > 12 ORDER BY StudentID", "-0.01,NULL|NULL,9  ", "decimal(9,2) char(3)"},
		{"SELECT StudentID FROM mis.Student WHERE Code = '{6F9619FF-8B86-D011-B42D-00C04FC964FF}'", "12", "int"},
		{"SELECT StudentID FROM mis.Student WHERE Code = @guid AND Fee = 1.5 AND FSM = 1 AND Rate = 1000 AND Sex = 'f'", "12", "int"},
		{"SELECT StudentID FROM mis.Student WHERE DateOfBirth BETWEEN '2011-01-01' AND '20111231'", "12", "int"},
		{"SELECT StudentID FROM mis.Student WHERE Changed >= @since AND Seen > '2026-01-02'", "12", "int"},
		{"SELECT COALESCE(UPN, 'none') u, ISNULL(Forename, N'?') f, NULLIF(Sex, 'M') x FROM mis.Student ORDER BY StudentID", "A801200001001,Zoë,F|none,🙂 Bo,NULL|b801200001002,?,NULL", "varchar(13) nvarchar(20) char(1)"},
		{"SELECT UPPER(Forename), LEN(Forename), LOWER(UPN), RTRIM(House) FROM mis.Student WHERE StudentID = 12", "ZOË,3,a801200001001,Red", "nvarchar(20) int varchar(13) nvarchar(40)"},
		{"SELECT LEN(Forename) FROM mis.Student WHERE StudentID = 13", "5", "int"},
		{"SELECT d.n FROM (SELECT StudentID AS n FROM mis.Student) AS d LEFT JOIN mis.SessionMark m ON m.StudentID = d.n WHERE m.Mark IS NULL AND m.MarkDate IS NULL", "14", "int"},
		{"SELECT d.k FROM (SELECT StudentID, UPN FROM mis.Student) d (k, u) WHERE d.u = 'B801200001002'", "14", "int"},
		{"SELECT TOP (1) StudentID FROM mis.Student ORDER BY StudentID DESC", "14", "int"},
		{"SELECT DISTINCT StudentID FROM mis.SessionMark ORDER BY StudentID", "12|13", "int"},
		{"SELECT 'a' AS x UNION ALL SELECT N'bc' UNION ALL SELECT NULL ORDER BY x", "NULL|a|bc", "nvarchar(2)"},
		{"SELECT COUNT(*) FROM (SELECT 'a' AS x UNION SELECT 'A ') u", "1", "int"},
		{"SELECT 2 + 3 * -4, -(StudentID - 1) FROM mis.Student WHERE StudentID = 12", "-10,-11", "int int"},
		{"SELECT s.StudentID, (SELECT m.Mark FROM mis.SessionMark m WHERE m.StudentID = s.StudentID AND m.MarkDate = '2026-01-06') FROM mis.Student s WHERE s.StudentID = 12", "12,NULL", "int nvarchar(10)"},
		{"SELECT CASE Sex WHEN 'F' THEN 1 WHEN 'M' THEN 2 END FROM mis.Student ORDER BY StudentID", "1|2|NULL", "int"},
		{"SELECT CAST(DateOfBirth AS varchar(10)), CAST(Seen AS nvarchar(30)), CAST(Code AS nvarchar(40)), CAST('12' AS int), CAST(Surname AS nvarchar(2)) FROM mis.Student WHERE StudentID=12",
			"2011-02-03,2026-01-02 03:04:05,6F9619FF-8B86-D011-B42D-00C04FC964FF,12,O'", "varchar(10) nvarchar(30) nvarchar(40) int nvarchar(2)"},
		{"SELECT StudentID FROM mis.Student WHERE UPN = NULL OR NOT (House = 'Red')", "", "int"},
		{"SELECT DB_NAME(), SUSER_SNAME(), IS_SRVROLEMEMBER('sysadmin'), GETDATE(), CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), @@VERSION, IS_MEMBER('db_owner')",
			"School,rollbridge_agent,0,2026-03-04T09:30:00,15.0.2000.5,Microsoft SQL Server,NULL", "nvarchar(128) nvarchar(128) int datetime nvarchar(128) nvarchar(300) int"},
		{"SELECT HAS_PERMS_BY_NAME(QUOTENAME(N'mis') + N'.' + QUOTENAME(Area), 'OBJECT', 'SELECT') FROM mis.Student WHERE StudentID IN (12, 13) ORDER BY StudentID", "0|NULL", "int"},
		{"SELECT HAS_PERMS_BY_NAME('[mis].[Student]', 'OBJECT', 'SELECT')", "1", "int"},
		{"SELECT COUNT(*) FROM mis.Student s CROSS JOIN mis.School x WHERE (s.StudentID = 12 OR (s.StudentID = 13)) /* a /* nested */ remark */", "2", "int"},
		{"SELECT NULL, '', 0x0A, 1e2", "NULL,,[10],100", "int varchar(1) varbinary(1) float"},
		{"SELECT StudentID FROM mis.Student ORDER BY Code DESC, StudentID", "12|13|14", "int"},
		{"SELECT StudentID FROM mis.Student WHERE UPN IN ('a801200001001 ', NULL)", "12", "int"},
		{"SELECT CAST('20260102 03:04:05.999' AS datetime), CAST('20260102 03:04:05.002' AS datetime), CAST(N'a🙂' AS nvarchar(3))", "2026-01-02T03:04:06,2026-01-02T03:04:05.003,a🙂", "datetime datetime nvarchar(3)"},
		{"SELECT StudentID FROM mis.StudentCare WHERE CareAuthority = 801", "12", "int"},
		{"SELECT StudentID FROM mis.Student WHERE EXISTS (SELECT 1 FROM mis.SessionMark m WHERE m.StudentID = Student.StudentID AND m.Mark = N'N')", "13", "int"},
	} {
		r, err := d.run(c.query, text("@a", "12"), text("@b", "13 "), date("@since", 2025, 9, 1),
			Param{Name: "@guid", Type: sqltype.Type{Kind: sqltype.NVarChar, Length: 36}, Value: "6f9619ff-8b86-d011-b42d-00c04fc964ff"})
		if err != nil {
			t.Errorf("%s\n  %v", c.query, err)
			continue
		}
		var types []string
		for _, col := range r.query.Columns {
			types = append(types, col.Type.String())
		}
		if got := show(r.rows); got != c.want {
			t.Errorf("%s\n  gives %s\n  want  %s\n  %s", c.query, got, c.want, r.query.SQL)
		}
		if got := strings.Join(types, " "); got != c.types {
			t.Errorf("%s\n  has types %s\n  want      %s", c.query, got, c.types)
		}
	}
}

func TestRefused(t *testing.T) {
	d := open(t, school)
	for number, queries := range map[int32][]string{
		102: {"SELEC 1", "SELECT 1 +", "SELECT (1", "SELECT 1a", "SELECT * FROM mis.Student WHERE StudentID ==1", "CREATE TABLE x (a int", "SELECT ?"},
		105: {"SELECT 'a", "SELECT [a"}, 113: {"SELECT 1 /* x"}, 111: {"SELECT 1 CREATE VIEW a.b AS SELECT 1 AS x"},
		156: {"SELECT Order FROM mis.Student", "SELECT FROM mis.Student", "CREATE VIEW a.b AS SELECT 1 AS x UPDATE mis.School SET Name = ''"},
		137: {"SELECT @none"}, 4145: {"SELECT 1 WHERE 1", "SELECT 1 WHERE 1 = 1 AND 2"},
		207: {"SELECT Nothing FROM mis.Student", "UPDATE mis.Student SET Nothing = 1", "SELECT s.Nothing FROM mis.Student s"},
		208: {"SELECT 1 FROM mis.Nothing", "SELECT 1 FROM Student", "DELETE FROM mis.Nothing"},
		209: {"SELECT StudentID FROM mis.Student s JOIN mis.StudentCare c ON 1 = 1"}, 4104: {"SELECT x.StudentID FROM mis.Student", "SELECT 1 FROM mis.Student s JOIN mis.School x ON y.a = 1"},
		147: {"SELECT 1 FROM mis.Student WHERE COUNT(*) > 1"}, 8120: {"SELECT UPN, COUNT(*) FROM mis.Student", "SELECT UPN FROM mis.Student GROUP BY House"},
		145: {"SELECT DISTINCT UPN FROM mis.Student ORDER BY StudentID"}, 1033: {"SELECT x.a FROM (SELECT UPN a FROM mis.Student ORDER BY UPN) x"},
		104: {"SELECT UPN AS a FROM mis.Student UNION ALL SELECT 'x' ORDER BY StudentID"}, 205: {"SELECT 1 UNION SELECT 1, 2"},
		116: {"SELECT (SELECT 1, 2)"}, 512: {"SELECT (SELECT StudentID FROM mis.Student)"}, 8133: {"SELECT CASE WHEN 1 = 1 THEN NULL END"},
		206: {"SELECT 1 FROM mis.Student WHERE DateOfBirth = 1"}, 241: {"SELECT 1 FROM mis.Student WHERE DateOfBirth = 'soon'", "SELECT 1 FROM mis.Student WHERE DateOfBirth > '2026-02-30'"},
		242: {"SELECT 1 FROM mis.Student WHERE Changed > '17521231'", "SELECT 1 FROM mis.Student WHERE Changed > @old"},
		245: {"SELECT 1 FROM mis.Student WHERE StudentID IN (@bad)", "SELECT CAST(Surname AS int) FROM mis.Student", "SELECT 1 FROM mis.Student WHERE Surname = 1"},
		244: {"SELECT 1 FROM mis.Student WHERE Small = '256'"}, 248: {"SELECT 1 FROM mis.Student WHERE StudentID = '3000000000'"},
		8114: {"SELECT CAST('x' AS bigint)"}, 8115: {"SELECT 2147483647 + StudentID FROM mis.Student", "INSERT mis.Student (StudentID, Fee) VALUES (1, 12345678.9)"},
		220: {"SELECT CAST(StudentID + 300 AS tinyint) FROM mis.Student"}, 8169: {"SELECT 1 FROM mis.Student WHERE Code = 'x'"},
		191: {"SELECT " + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500)}, 9810: {"SELECT DATEPART(hour, DateOfBirth) FROM mis.Student"},
		515:  {"INSERT mis.School VALUES (1, NULL)", "INSERT mis.School (SchoolID) VALUES (1)", "UPDATE mis.School SET Name = NULL", "INSERT mis.School SELECT 1, Forename FROM mis.Student WHERE StudentID = 14"},
		2627: {"INSERT mis.School VALUES (7, 'again')"}, 213: {"INSERT mis.School VALUES (1)"}, 109: {"INSERT mis.School (SchoolID, Name) VALUES (1)"}, 110: {"INSERT mis.School (SchoolID, Name) VALUES (1, '', 2)"},
		2628:  {"INSERT mis.Student (StudentID, UPN) VALUES (1, 'A8012000010011')", "INSERT mis.Student (StudentID, UPN) SELECT 1, Name FROM (SELECT CAST('12345678901234' AS varchar(20)) AS Name) n"},
		10738: {"INSERT mis.School VALUES (1, '')" + strings.Repeat(", (1, '')", 1000)}, 264: {"UPDATE mis.School SET Name = '', name = ''"},
		8110: {"CREATE TABLE a.b (c int PRIMARY KEY, d int PRIMARY KEY)"}, 1011: {"SELECT 1 FROM mis.Student s JOIN mis.School s ON 1 = 1"},
		8155: {"SELECT 1 FROM (SELECT 1) x"}, 4511: {"CREATE VIEW a.b AS SELECT 1"}, 408: {"SELECT UPN FROM mis.Student ORDER BY 'a'"}, 108: {"SELECT UPN FROM mis.Student ORDER BY 2"},
		NotTranslated: {
			"SELECT Surname + Forename FROM mis.Student", "SELECT 1 / 2", "SELECT CONVERT(int, '1')", "SELECT UPN FROM mis.Student WHERE UPN LIKE 'A%'",
			"SELECT 1 FROM mis.Student WITH (NOLOCK)", "SELECT 1 FROM mis.Student, mis.School", "SELECT TOP 1 WITH TIES UPN FROM mis.Student ORDER BY UPN",
			"SELECT COUNT(*) OVER () FROM mis.Student", "SELECT 1 FROM mis.Student FOR XML PATH", "SELECT 1 INTO x.y FROM mis.Student", "EXEC sp_help", "DECLARE @x int",
			"SELECT 1 FROM mis.Student s CROSS APPLY mis.f(s.UPN) x", "SELECT SERVERPROPERTY('ProductVersion')", "SELECT 1 FROM db.mis.Student", "MERGE mis.Student",
			"SELECT 1 FROM mis.Student WHERE DateOfBirth = '03/04/2011'", "SELECT CASE WHEN 1 = 1 THEN 'a' ELSE 1 END", "SELECT UPN FROM mis.Student ORDER BY Surname",
			"SELECT 1 FROM mis.Student WHERE Fee > 1", "SELECT Fee FROM mis.Student ORDER BY Fee", "SELECT DATEADD(day, 1, DateOfBirth) FROM mis.Student", "SELECT STRING_AGG(UPN, ',') FROM mis.Student",
			"SELECT 1 FROM mis.Student WHERE Surname = N'Straße'", "INSERT mis.Student (StudentID, UPN) VALUES (1, N'Ł')", "INSERT mis.School VALUES (1, 'a'), (2, 3)",
			"INSERT rollbridge.school VALUES ('1', '', 1, 1, NULL)", "CREATE TABLE a.b (c int IDENTITY)", "CREATE TABLE a.b (c xml)", "CREATE VIEW a.b AS SELECT DB_NAME() AS x",
			"SELECT CAST(Changed AS varchar(30)) FROM mis.Student", "SET QUOTED_IDENTIFIER OFF", "SET DATEFORMAT dmy", "SELECT 1 FROM #x", "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
			"SELECT CAST(N'a🙂' AS nvarchar(2))", "CREATE UNIQUE INDEX x ON mis.Student (UPN)", "SELECT IIF(1 = 1, 1, 2)", "TRUNCATE TABLE mis.Student", "SELECT 1 EXCEPT SELECT 2", "SELECT x = 1", "SELECT SUM(StudentID) FROM mis.Student",
		},
	} {
		for _, q := range queries {
			r, err := d.run(q, text("@bad", "x1"), date("@old", 1752, 1, 1))
			var e *Error
			if !errors.As(err, &e) || e.Number != number {
				t.Errorf("%.100s\n  gives %v %s, want error %d", q, err, show(r.rows), number)
			}
		}
	}
}
