package sqlserver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis/sqlserver"
)

func TestParseSelectFinds(t *testing.T) {
	q, err := sqlserver.ParseSelect(`
SELECT DISTINCT p.pupil, p.[InCare] AS "In care", COALESCE(p.UPN, N'–') AS UPN,
	CASE WHEN p.DOB < @today THEN 1 ELSE 0 END AS born,
	(SELECT COUNT(*) FROM sims.att_mark AS m WHERE m.person = p.pupil) AS marks
FROM rollbridge.pupil AS p
LEFT OUTER JOIN [roll bridge].[care]]s] c ON c.pupil = p.pupil AND LEFT(c.x, 2) = 'a;b--/*'
INNER JOIN (SELECT d.id AS id FROM Rollbridge.PUPIL d UNION ALL SELECT e.id FROM dbo.e e) AS x ON x.id = p.pupil
CROSS JOIN dbo.one
WHERE p.pupil IN (@pupils) AND EXISTS (SELECT 1 FROM dbo.f f WHERE f.since >= @since)
GROUP BY p.pupil HAVING COUNT(*) > 1 ORDER BY p.pupil DESC
`)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{q.Columns(), q.Objects(), q.Parameters()}
	want := []any{
		[]string{"pupil", "In care", "UPN", "born", "marks"},
		[]sqlserver.Object{{"sims", "att_mark"}, {"rollbridge", "pupil"}, {"roll bridge", "care]s"}, {"dbo", "e"}, {"dbo", "one"}, {"dbo", "f"}},
		[]string{"today", "pupils", "since"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if o := q.Objects()[2].String(); o != "[roll bridge].[care]]s]" {
		t.Errorf("object in brackets is %s", o)
	}
	if strings.HasPrefix(q.Text(), "\n") || !strings.HasPrefix(q.Text(), "SELECT") {
		t.Errorf("text begins %q", q.Text()[:10])
	}
}

func TestParseSelectTakes(t *testing.T) {
	for _, text := range []string{
		"SELECT a.b FROM s.t a",
		"select top (1) b from s.t",
		"SELECT TOP 5 b FROM s.t ORDER BY b, c DESC",
		"SELECT 'x' AS School, (SELECT COUNT(*) FROM s.t) AS Pupils",
		"SELECT b FROM s.t WHERE [date] BETWEEN @since AND '2026-01-01' OR NOT (c IS NULL)",
		"SELECT CAST(b AS decimal(5, 2)) AS b FROM s.t",
		"SELECT SUM(b) OVER (PARTITION BY c ORDER BY d) AS b FROM s.t",
		"SELECT b AS [Order] FROM s.[Order] AS o",
		"SELECT b * 2 - - 1 AS b FROM s.t WHERE b % 2 <> 0",
		"SELECT b FROM s.t WHERE c = 'DROP TABLE x; --'",
		"SELECT [DELETE] FROM s.t",
		"SELECT b FROM s.t UNION SELECT c FROM s.u EXCEPT SELECT d FROM s.v",
		"SELECT b FROM s.t RIGHT JOIN s.u ON t.a = RIGHT(u.a, 3) FULL OUTER JOIN s.v ON v.a = u.a",
		"SELECT b FROM s.t WHERE b IN (1, 2, @three)",
	} {
		if _, err := sqlserver.ParseSelect(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// refusals are queries with a part of what their refusal must say.
var refusals = [][2]string{
	{"", "must begin with SELECT"},
	{"DELETE FROM s.t", "must begin with SELECT"},
	{"WITH x AS (SELECT 1 AS a) SELECT a FROM x", "must begin with SELECT"},
	{"SELECT b FROM s.t;", "semicolon"},
	{"SELECT b FROM s.t; DROP TABLE s.t", "semicolon"},
	{"SELECT b FROM s.t\n-- note", "line 2: a comment"},
	{"SELECT b /* note */ FROM s.t", "comment"},
	{"SELECT b INTO s.u FROM s.t", "INTO is not allowed"},
	{"SELECT b FROM s.t DELETE FROM s.t", "DELETE is not allowed"},
	{"SELECT b FROM s.t\n\nWAITFOR DELAY '1'", "line 3: WAITFOR"},
	{"SELECT b FROM s.t EXEC sp_who", "EXEC is not allowed"},
	{"SELECT b FROM s.t xp_cmdshell", "xp_cmdshell is not allowed"},
	{"SELECT b FROM s.t SELECT c FROM s.t", "stands after the end"},
	{"SELECT b FROM OPENROWSET(BULK 'x', SINGLE_CLOB) AS a", "OPENROWSET"},
	{"SELECT b FROM s.t FOR XML AUTO", "FOR is not allowed"},
	{"SELECT b FROM s.t WITH (NOLOCK)", "hints are not allowed"},
	{"SELECT b FROM s.t (NOLOCK)", "hints are not allowed"},
	{"SELECT b FROM s.t a (INDEX)", "parenthesis after a table"},
	{"SELECT b FROM s.t OPTION (RECOMPILE)", "OPTION is not allowed"},
	{"SELECT b FROM s.t CROSS APPLY s.f(t.a) AS f", "APPLY"},
	{"SELECT b FROM s.t INNER HASH JOIN s.u ON 1 = 1", "JOIN must follow"},
	{"SELECT b FROM t", "has no schema: write schema.t"},
	{"SELECT b FROM (SELECT c AS b FROM t) x", "has no schema"},
	{"SELECT b FROM d.s.t", "another database"},
	{"SELECT b FROM v.d.s.t", "another database"},
	{"SELECT b FROM d..t", "two dots"},
	{"SELECT b FROM s.f(1) AS f", "table function"},
	{"SELECT b FROM f(1) AS f", "table function"},
	{"SELECT s.f(b) AS b FROM s.t", "function or method of the database"},
	{"SELECT [s].[f] (b) AS b FROM s.t", "function or method of the database"},
	{"SELECT LOWER(b).value('x') AS b FROM s.t", "methods are not allowed"},
	{"SELECT b FROM s.t, s.u", "JOIN"},
	{"SELECT b FROM s.t a, s.u", "JOIN"},
	{"SELECT b FROM (VALUES (1)) AS v", "VALUES is not allowed"},
	{"SELECT b FROM (s.t)", "must hold a SELECT"},
	{"SELECT b FROM #t", "temporary table"},
	{"SELECT b FROM @t", "must stand here as schema.name"},
	{"SELECT * FROM s.t", "name each column"},
	{"SELECT b, t.* FROM s.t", "name each column"},
	{"SELECT TOP (1) * FROM s.t", "name each column"},
	{"SELECT b FROM s.t WHERE EXISTS (SELECT * FROM s.u)", "SELECT 1"},
	{"SELECT COUNT(*) FROM s.t", "column 1 of the result has no name"},
	{"SELECT b, c + 1 FROM s.t", "column 2 of the result has no name"},
	{"SELECT b x FROM s.t", "has no name"},
	{"SELECT x = b FROM s.t", "has no name"},
	{"SELECT @x = b FROM s.t", "would be assigned"},
	{"SELECT b, t.B FROM s.t", "two columns B"},
	{"SELECT b AS Order FROM s.t", "AS must be followed by a name"},
	{"SELECT b AS 'x' FROM s.t", "AS must be followed by a name"},
	{"SELECT @@VERSION AS v FROM s.t", "@@"},
	{"SELECT b FROM s.t WHERE c = @pup_ils", "name of a parameter"},
	{"SELECT b FROM s.t WHERE c = @1", "name of a parameter"},
	{"SELECT b FROM s.t WHERE c@pupils = 1", "both for one name"},
	{"SELECT b FROM {schema}.t", "placeholder"},
	{"SELECT b FROM s.t WHERE c = 'x", "' is never closed"},
	{"SELECT b FROM s.t WHERE [c = 1", "[ is never closed"},
	{"SELECT b FROM s.t WHERE c = 'é'", "N'…'"},
	{"SELECT é FROM s.t", "[brackets]"},
	{"SELECT\u00a0b FROM s.t", "[brackets]"},
	{"SELECT [] FROM s.t", "empty name"},
	{"SELECT b FROM s.t WHERE (c = 1", "is not closed"},
	{"SELECT b FROM s.t WHERE c = 1)", "stands after the end"},
	{"SELECT b FROM s.t WHERE (c = 1 FROM s.u)", "cannot stand within"},
	{"SELECT b FROM s.t WHERE", "something is missing"},
	{"SELECT FROM s.t", "something is missing"},
	{"SELECT b FROM", "must stand here as schema.name"},
	{"SELECT b FROM s.t JOIN s.u", "ON must follow"},
	{"SELECT NEXT VALUE FOR s.q AS b FROM s.t", "FOR is not allowed"},
	{"SELECT b FROM s.t WHERE c = 0x41", "number runs into a letter"},
	{"SELECT b FROM s.t WHERE c = sys::x", "colon"},
	{"SELECT b FROM s.t WHERE c = $1", "does not need"},
	{"SELECT b FROM s.t WHERE c = 'a\x00b'", "zero character"},
	{"SELECT b FROM s.t WHERE c = '\xff'", "UTF-8"},
	{"SELECT " + strings.Repeat("(", 60) + "1" + strings.Repeat(")", 60) + " AS b FROM s.t", "more simply"},
	{"SELECT b FROM s.t WHERE c = '" + strings.Repeat("x", 70_000) + "'", "characters"},
}

func TestParseSelectRefuses(t *testing.T) {
	for _, r := range refusals {
		_, err := sqlserver.ParseSelect(r[0])
		if err == nil {
			t.Errorf("accepted %.200q", r[0])
		} else if !strings.Contains(err.Error(), r[1]) {
			t.Errorf("%.200q: error does not say %q: %v", r[0], r[1], err)
		}
	}
}

// outside is text without its quoted names and its texts, by a way of its own.
func outside(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		closing := map[byte]byte{'[': ']', '"': '"', '\'': '\''}[text[i]]
		if closing == 0 {
			b.WriteByte(text[i])
			continue
		}
		b.WriteByte(' ')
		for i++; i < len(text); i++ {
			if text[i] != closing {
				continue
			}
			if i+1 < len(text) && text[i+1] == closing {
				i++
				continue
			}
			break
		}
	}
	return b.String()
}

var neverOutside = strings.Fields(`INTO INSERT UPDATE DELETE MERGE EXEC EXECUTE DECLARE SET WAITFOR OPENROWSET OPENQUERY
	OPENDATASOURCE OPENXML FOR TRUNCATE CREATE ALTER DROP GRANT USE BEGIN COMMIT WITH NOLOCK OPTION`)

func FuzzParseSelect(f *testing.F) {
	for _, r := range refusals {
		f.Add(r[0])
	}
	f.Add("SELECT a AS [x;] FROM [s].\"t\" WHERE b IN (@c) AND d = N'é;'")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := sqlserver.ParseSelect(text)
		if err != nil {
			return
		}
		bare := outside(q.Text())
		if strings.ContainsAny(bare, ";#{}$\\") || strings.Contains(bare, "--") || strings.Contains(bare, "/*") || strings.Contains(bare, "@@") {
			t.Errorf("accepted %q", text)
		}
		fields := strings.FieldsFunc(strings.ToUpper(bare), func(r rune) bool {
			return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '@'
		})
		for _, w := range fields {
			if slices.Contains(neverOutside, w) || strings.HasPrefix(w, "XP_") || strings.HasPrefix(w, "SP_") {
				t.Errorf("accepted %q with %s", text, w)
			}
		}
		if len(fields) == 0 || fields[0] != "SELECT" || len(q.Columns()) == 0 {
			t.Errorf("accepted %q with columns %q", text, q.Columns())
		}
		for _, o := range q.Objects() {
			if o.Schema == "" || o.Name == "" {
				t.Errorf("accepted %q with object %v", text, o)
			}
		}
		if again, err := sqlserver.ParseSelect(q.Text()); err != nil || fmt.Sprint(again) != fmt.Sprint(q) {
			t.Errorf("its own text %q is read otherwise: %v", q.Text(), err)
		}
	})
}
