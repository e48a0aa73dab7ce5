package sqlserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tds"
)

var nvarchar = sqltype.Type{Kind: sqltype.NVarChar, Length: 40}

// pupils answers with n rows of one column "pupil".
func pupils(n int) func(context.Context, tds.Request, *tds.Response) error {
	return func(_ context.Context, _ tds.Request, w *tds.Response) error {
		if err := w.Columns([]tds.Column{{Name: "pupil", Type: nvarchar}}); err != nil {
			return err
		}
		for i := range n {
			if err := w.Row([]any{fmt.Sprint(i)}); err != nil {
				return err
			}
		}
		return w.Done(int64(n))
	}
}

func parse(t *testing.T, text string) sqlserver.Select {
	t.Helper()
	q, err := sqlserver.ParseSelect(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const pupilQuery = "SELECT p.pupil FROM rollbridge.pupil AS p WHERE p.since >= @since AND p.pupil IN (@pupils) AND p.school = @school"

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("id", i)
	}
	return out
}

func values(pupils []string) sqlserver.Values {
	return sqlserver.Values{Lists: map[string][]string{"pupils": pupils}, Dates: map[string]string{"since": "2025-09-01", "today": "2026-01-01"},
		Texts: map[string]string{"school": "Zoë's"}}
}

func count(n *int) func([]sqlserver.Cell) error {
	return func([]sqlserver.Cell) error { *n++; return nil }
}

func TestQueryInChunks(t *testing.T) {
	s := (&server{answer: pupils(2)}).start(t)
	session := open(t, s.settings(t))
	q := parse(t, pupilQuery)
	rows := 0
	for _, n := range []int{0, 1, 500, 1001} {
		list := ids(n)
		if n == 1001 {
			list[1000] = "Łukasz"
		}
		if err := session.Query(t.Context(), q, values(list), count(&rows)); err != nil {
			t.Fatal(err)
		}
	}
	sent := s.sent()[2:]
	sizes := []int{1, 500, 500, 500, 1}
	if len(sent) != len(sizes) || rows != 2*len(sizes) {
		t.Fatalf("%d statements, %d rows", len(sent), rows)
	}
	for i, r := range sent {
		if len(r.Params) != sizes[i]+2 {
			t.Errorf("statement %d has %d parameters", i, len(r.Params))
		}
		if !strings.HasPrefix(r.Text, "SELECT p.pupil FROM rollbridge.pupil AS p WHERE p.since >= @since AND p.pupil IN (@pupils_1") ||
			!strings.HasSuffix(r.Text, fmt.Sprintf("@pupils_%d) AND p.school = @school", sizes[i])) {
			t.Errorf("statement %d is %.200s", i, r.Text)
		}
	}
	type sentAs struct {
		name  string
		kind  sqltype.Kind
		value any
	}
	kinds := func(r tds.Request) (out []sentAs) {
		for _, p := range r.Params {
			if d, ok := p.Value.(time.Time); ok {
				p.Value = d.Format(time.DateTime)
			}
			out = append(out, sentAs{p.Name, p.Type.Kind, p.Value})
		}
		return out
	}
	want := []sentAs{{"@since", sqltype.Date, "2025-09-01 00:00:00"}, {"@school", sqltype.NVarChar, "Zoë's"}, {"@pupils_1", sqltype.VarChar, "id0"}}
	if d := cmp.Diff(want, kinds(sent[0]), cmp.AllowUnexported(sentAs{})); d != "" {
		t.Error(d)
	}
	want[2] = sentAs{"@pupils_1", sqltype.NVarChar, "Łukasz"}
	if d := cmp.Diff(want, kinds(sent[4]), cmp.AllowUnexported(sentAs{})); d != "" {
		t.Error(d)
	}
	c := session.Cost()
	if c.Queries != 7 || c.Rows != 11 || c.Bytes < 500 || c.Bytes > 20_000 || c.Slowest <= 0 || c.Total < c.Slowest {
		t.Errorf("cost %+v", c)
	}
}

func TestValuesAreChecked(t *testing.T) {
	s := (&server{answer: pupils(1)}).start(t)
	session := open(t, s.settings(t))
	before := len(s.sent())
	for text, says := range map[string]string{
		"SELECT a FROM s.t WHERE b = @nobody":                           "@nobody",
		"SELECT a FROM s.t WHERE b NOT IN (@pupils)":                    "@pupils once only",
		"SELECT a FROM s.t WHERE b = @pupils":                           "once only",
		"SELECT a FROM s.t WHERE b IN (@pupils, 1)":                     "once only",
		"SELECT a FROM s.t WHERE c = 1 OR b IN (@pupils)":               "once only",
		"SELECT a FROM s.t WHERE NOT (b IN (@pupils))":                  "once only",
		"SELECT a FROM s.t WHERE b IN (@pupils) AND c IN (@pupils)":     "once only",
		"SELECT a FROM s.t WHERE c = 1 AND b IN (@pupils) OR c = 2":     "beside OR",
		"SELECT a FROM s.t WHERE NOT (c = 1 AND b IN (@pupils))":        "within another",
		"SELECT a FROM s.t WHERE c = 1 HAVING d = 1 AND b IN (@pupils)": "its own WHERE",

		"SELECT a FROM s.t WHERE EXISTS (SELECT 1 FROM s.u WHERE b IN (@pupils))":              "its own WHERE",
		"SELECT a FROM s.t LEFT JOIN s.u ON u.b = t.b AND u.b IN (@pupils)":                    "its own WHERE",
		"SELECT a FROM s.t WHERE CASE WHEN c = 1 AND b IN (@pupils) THEN 1 ELSE 0 END = 0":     "within another",
		"SELECT a FROM s.t WHERE b IN (@pupils) UNION ALL SELECT a FROM s.u":                   "UNION",
		"SELECT a FROM s.t UNION SELECT a FROM s.u WHERE b IN (@pupils)":                       "UNION",
		"SELECT a, (SELECT MAX(c) FROM s.u WHERE d = 1 AND b IN (@pupils)) AS c FROM s.t AS t": "its own WHERE",
		"SELECT a FROM s.t WHERE b IN (@pupils) AND s.t.c IN (@others)":                        "second list",
		"SELECT a FROM s.t WHERE b = @bad":                                                     "@bad is not a date",
		"SELECT CASE WHEN b IN (@pupils) THEN 1 ELSE 0 END AS a FROM s.t":                      "once only",
	} {
		v := values(ids(1))
		v.Lists["others"] = ids(2)
		v.Dates["bad"] = "01/09/2025"
		wantFault(t, session.Query(t.Context(), parse(t, text), v, count(new(int))), sqlserver.Setting, says)
	}
	wantFault(t, session.Query(t.Context(), sqlserver.Select{}, sqlserver.Values{}, nil), sqlserver.Setting, "not checked")
	if len(s.sent()) != before {
		t.Errorf("%d statements were sent", len(s.sent())-before)
	}
}

// A list that no row of anybody else can pass, however the rest is written.
func TestNarrows(t *testing.T) {
	for _, text := range []string{
		"SELECT a FROM s.t WHERE b IN (@pupils)",
		"SELECT a FROM s.t WHERE (c = 1 OR d = 2) AND s.t.b IN (@pupils) GROUP BY a ORDER BY a",
		"SELECT a FROM s.t JOIN s.u ON t.c = 1 OR u.d = 2 WHERE CASE WHEN c = 1 OR d = 2 THEN 1 END = 1 AND [b] IN (@pupils) AND [OR] = 1",
		"SELECT a FROM (SELECT c AS a FROM s.t UNION SELECT d FROM s.u) AS x WHERE x.a IN (@pupils)",
	} {
		if !parse(t, text).Narrows("pupils") {
			t.Errorf("cannot be asked in parts: %s", text)
		}
	}
}

func TestLimited(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT TOP (1) a FROM s.t":                                        true,
		"SELECT a FROM s.t UNION ALL SELECT TOP 5 a FROM s.t":              true,
		"SELECT (SELECT TOP (1) b FROM s.u) AS a FROM s.t WHERE [TOP] = 1": false,
	} {
		if got := parse(t, text).Limited(); got != want {
			t.Errorf("limited %v: %s", got, text)
		}
	}
}

func TestTypes(t *testing.T) {
	moment := time.Date(2025, 9, 1, 8, 45, 7, 500_000_000, time.UTC)
	guid, err := sqltype.ParseGUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
	if err != nil {
		t.Fatal(err)
	}
	columns := []struct {
		declared string
		value    any
		want     sqlserver.Cell
	}{
		{"char(4)", "ab  ", sqlserver.Cell{Text: "ab  ", Kind: "text"}},
		{"varchar(10)", "Smith", sqlserver.Cell{Text: "Smith", Kind: "text"}},
		{"nchar(3)", "Zoë", sqlserver.Cell{Text: "Zoë", Kind: "text"}},
		{"nvarchar(40)", "Łucja 𝒳", sqlserver.Cell{Text: "Łucja 𝒳", Kind: "text"}},
		{"nvarchar(max)", strings.Repeat("x", 20_000), sqlserver.Cell{Text: strings.Repeat("x", 20_000), Kind: "text"}},
		{"varchar(max)", "", sqlserver.Cell{Kind: "text"}},
		{"tinyint", int64(255), sqlserver.Cell{Text: "255", Kind: "whole"}},
		{"smallint", int64(-5), sqlserver.Cell{Text: "-5", Kind: "whole"}},
		{"int", int64(1 << 30), sqlserver.Cell{Text: "1073741824", Kind: "whole"}},
		{"bigint", int64(-1 << 62), sqlserver.Cell{Text: "-4611686018427387904", Kind: "whole"}},
		{"bit", true, sqlserver.Cell{Text: "1", Kind: "flag"}},
		{"decimal(10, 2)", "-12.50", sqlserver.Cell{Text: "-12.50", Kind: "number"}},
		{"decimal(20, 0)", "12345678901234567890", sqlserver.Cell{Text: "12345678901234567890", Kind: "whole"}},
		{"money", "12.5000", sqlserver.Cell{Text: "12.5000", Kind: "number"}},
		{"float", 0.25, sqlserver.Cell{Text: "0.25", Kind: "number"}},
		{"real", 0.5, sqlserver.Cell{Text: "0.5", Kind: "number"}},
		{"date", moment, sqlserver.Cell{Text: "2025-09-01", Kind: "date"}},
		{"datetime", moment, sqlserver.Cell{Text: "2025-09-01 08:45:07", Kind: "time"}},
		{"datetime2(7)", moment, sqlserver.Cell{Text: "2025-09-01 08:45:07", Kind: "time"}},
		{"smalldatetime", moment.Truncate(time.Minute), sqlserver.Cell{Text: "2025-09-01 08:45:00", Kind: "time"}},
		{"uniqueidentifier", guid, sqlserver.Cell{Text: guid.String(), Kind: "guid"}},
		{"datetimeoffset(7)", moment, sqlserver.Cell{Kind: "other"}},
		{"time(7)", moment, sqlserver.Cell{Kind: "other"}},
		{"varbinary(4)", []byte{1}, sqlserver.Cell{Kind: "other"}},
	}
	var names []string
	var described []tds.Column
	var row, nulls []any
	var want, wantNull []sqlserver.Cell
	for i, c := range columns {
		typ, err := sqltype.Parse(c.declared)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprint("c", i))
		described = append(described, tds.Column{Name: names[i], Type: typ, Nullable: true})
		row, nulls = append(row, c.value), append(nulls, nil)
		want, wantNull = append(want, c.want), append(wantNull, sqlserver.Cell{Null: true, Kind: c.want.Kind})
	}
	s := (&server{answer: func(_ context.Context, _ tds.Request, w *tds.Response) error {
		return errors.Join(w.Columns(described), w.Row(row), w.Row(nulls), w.Row(row), w.Done(3))
	}}).start(t)
	session := open(t, s.settings(t))
	var got [][]sqlserver.Cell
	err = session.Query(t.Context(), parse(t, "SELECT "+strings.Join(names, ", ")+" FROM s.t"), sqlserver.Values{}, func(cells []sqlserver.Cell) error {
		got = append(got, slices.Clone(cells))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]sqlserver.Cell{want, wantNull, want}, got); d != "" {
		t.Error(d)
	}
}

func TestOtherColumnsThanNamed(t *testing.T) {
	s := (&server{answer: pupils(1)}).start(t)
	session := open(t, s.settings(t))
	for _, text := range []string{"SELECT upn FROM s.t", "SELECT pupil, upn FROM s.t"} {
		rows := 0
		wantFault(t, session.Query(t.Context(), parse(t, text), sqlserver.Values{}, count(&rows)), sqlserver.Schema, "other columns")
		if rows != 0 {
			t.Error("a row was passed on")
		}
	}
}

// TestGuard tries the ways that database/sql offers to send a text.
func TestGuard(t *testing.T) {
	s := (&server{answer: pupils(1)}).start(t)
	session := open(t, s.settings(t))
	before := len(s.sent())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // only when the guard fails
	defer cancel()
	for _, text := range []string{"DROP TABLE mis.Student", "SELECT 1", "sp_who", "", " ", sqlserver.FixedTexts()[0] + " ", "INSERTBULK {}"} {
		for name, try := range map[string]func() error{
			"conn.Exec": func() error { _, err := session.Conn().ExecContext(ctx, text); return err },
			"conn.Query": func() error {
				rows, err := session.Conn().QueryContext(ctx, text, 1)
				if err == nil {
					rows.Close()
				}
				return err
			},
			"conn.Prepare": func() error {
				statement, err := session.Conn().PrepareContext(ctx, text)
				if err == nil {
					statement.Close()
				}
				return err
			},
			"conn.Begin": func() error {
				tx, err := session.Conn().BeginTx(ctx, nil)
				if err == nil {
					_ = tx.Rollback()
				}
				return err
			},
			"db.Exec":   func() error { _, err := session.DB().ExecContext(ctx, text); return err },
			"db.Driver": func() error { _, err := session.DB().Driver().Open("sqlserver://127.0.0.1"); return err },
			"conn.Raw": func() error {
				return session.Conn().Raw(func(c any) error {
					for _, can := range []bool{is[interface{ Ping(context.Context) error }](c), is[interface{ CopyIn() }](c)} {
						if can {
							t.Error("there is another way to the server")
						}
					}
					return errors.New("nothing was found")
				})
			},
		} {
			if err := try(); err == nil {
				t.Fatalf("%s took %q", name, text)
			}
		}
	}
	_ = session.Conn().PingContext(ctx) // sends nothing either
	if sent := s.sent()[before:]; len(sent) != 0 || len(s.starts()) != 0 || len(s.signOns()) != 1 {
		t.Errorf("sent %v, begun %v, %d sign-ons", sent, s.starts(), len(s.signOns()))
	}
	if err := session.Query(ctx, parse(t, "SELECT pupil FROM s.t"), sqlserver.Values{}, count(new(int))); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}

func is[T any](v any) bool { _, ok := v.(T); return ok }

func TestSnapshot(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		s := (&server{answer: pupils(1), snapshot: allowed}).start(t)
		session := open(t, s.settings(t))
		for range 3 {
			if err := session.Query(t.Context(), parse(t, "SELECT pupil FROM s.t"), sqlserver.Values{}, count(new(int))); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(session.Close(), session.Close()); err != nil {
			t.Fatal(err)
		}
		wantFault(t, session.Query(t.Context(), parse(t, "SELECT pupil FROM s.t"), sqlserver.Values{}, count(new(int))), sqlserver.Down, "closed")
		wantBegun, wantEnd := []int(nil), "close"
		if allowed {
			wantBegun, wantEnd = []int{tds.IsolationSnapshot}, "rollback"
		}
		if !slices.Equal(s.starts(), wantBegun) || allowed && s.ends()[0] != wantEnd || slices.Contains(s.ends(), "commit") {
			t.Errorf("snapshot %t: begun %v, ended %v", allowed, s.starts(), s.ends())
		}
		if set := s.sent()[0].Text; !strings.Contains(set, "SET LOCK_TIMEOUT 5000") || !strings.Contains(set, "SET DEADLOCK_PRIORITY LOW") ||
			!strings.Contains(set, "SET NOCOUNT ON") || !strings.Contains(set, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED") {
			t.Errorf("set up with %s", set)
		}
	}
	s := (&server{snapshot: true, begin: &tds.Error{Number: 3952, Message: "x"}}).start(t)
	refused(t, s.settings(t), sqlserver.Busy, "snapshot isolation")
}

func TestBudget(t *testing.T) {
	s := (&server{answer: pupils(1)}).start(t)
	session := open(t, s.settings(t))
	q := parse(t, "SELECT pupil FROM s.t")
	for session.Cost().Queries < sqlserver.MaxQueries {
		if err := session.Query(t.Context(), q, sqlserver.Values{}, count(new(int))); err != nil {
			t.Fatal(err)
		}
	}
	wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(new(int))), sqlserver.Budget, "100 times")
	wantFault(t, session.Ask(t.Context()), sqlserver.Budget)
	if len(s.sent()) != sqlserver.MaxQueries || session.Cost().Queries != sqlserver.MaxQueries {
		t.Errorf("%d statements were sent, cost %+v", len(s.sent()), session.Cost())
	}
}
