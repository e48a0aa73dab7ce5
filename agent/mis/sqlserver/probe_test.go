package sqlserver_test

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tds"
)

// A scripted server says this about a database in good order; tests
// spoil it. It is for answers that no stand-in gives, NULL above all; the page's
// own T-SQL is tried in page_test.go.
type scripted struct {
	version string
	columns [][]any        // schema, name, column, type, length, precision, scale
	rights  map[string]any // by object: 1, 0 or nil
	column  map[string]any // by column
	wide    map[string]any // by a part of the expression
	schemas [][]any        // name, 7 rights
	objects [][]any        // schema, name, type, 7 rights
	rows    int
	filled  map[int]int // by number of the column; others are full
	hidden  int         // policies of row-level security
	fault   map[string]*tds.Error
}

var children = sqlserver.Object{Schema: "rollbridge", Name: "pupil"}

// needsChild is one view with one column of each sort.
func needsChild() []sqlserver.Need {
	return []sqlserver.Need{{Object: children, Evidence: "documented", Columns: map[string]sqlserver.Kind{
		"pupil": sqlserver.KindID, "InCare": sqlserver.KindFlag, "UPN": sqlserver.KindText, "DOB": sqlserver.KindDate}}}
}

func inGoodOrder() *scripted {
	return &scripted{version: "15.0.4153.1", rows: 9, rights: map[string]any{"[rollbridge].[pupil]": 1}, column: map[string]any{}, wide: map[string]any{},
		filled: map[int]int{}, fault: map[string]*tds.Error{},
		columns: [][]any{
			{"rollbridge", "pupil", "pupil", "nvarchar", 40, nil, nil}, {"rollbridge", "pupil", "InCare", "bit", nil, nil, nil},
			{"rollbridge", "pupil", "UPN", "varchar", 13, nil, nil}, {"rollbridge", "pupil", "DOB", "date", nil, nil, nil},
		},
		schemas: [][]any{{"dbo", 0, 0, 0, 0, 0, 0, 0}, {"rollbridge", 0, 0, 0, 0, 0, 0, 0}},
		objects: [][]any{{"rollbridge", "pupil", "V ", 0, 1, 0, 0, 0, 0, 0}}}
}

var (
	wideColumn  = regexp.MustCompile(` AS w\d+`)
	countColumn = regexp.MustCompile(` AS c\d+`)
)

func (s *scripted) answer(_ context.Context, q tds.Request, w *tds.Response) error {
	for part, fault := range s.fault {
		if strings.Contains(q.Text, part) {
			return fault
		}
	}
	switch {
	case strings.Contains(q.Text, "SERVERPROPERTY"):
		return give(w, []any{"rollbridge_agent", "rollbridge_agent", "MIS", s.version})
	case strings.Contains(q.Text, "USER_NAME() AS u"):
		return give(w, []any{"rollbridge_agent"})
	case strings.Contains(q.Text, "DATA_TYPE"):
		return give(w, s.columns...)
	case strings.Contains(q.Text, "'COLUMN'"):
		var rows [][]any
		for _, c := range s.columns {
			right, ok := s.column[c[2].(string)]
			if !ok {
				right = 1
			}
			rows = append(rows, []any{c[2], right})
		}
		return give(w, rows...)
	case strings.HasPrefix(q.Text, "SELECT HAS_PERMS_BY_NAME(@p1"):
		return give(w, []any{s.rights[q.Params[0].Value.(string)]})
	case strings.Contains(q.Text, "IS_SRVROLEMEMBER"):
		row := make([]any, len(wideColumn.FindAllString(q.Text, -1)))
		for i := range row {
			row[i] = 0
		}
		for part, value := range s.wide {
			after := q.Text[strings.Index(q.Text, part):]
			n, _ := strconv.Atoi(strings.TrimPrefix(wideColumn.FindString(after), " AS w"))
			row[n] = value
		}
		return give(w, row)
	case strings.Contains(q.Text, "FROM sys.schemas AS s WHERE"):
		return give(w, s.schemas...)
	case strings.Contains(q.Text, "FROM sys.objects"):
		return give(w, s.objects...)
	case strings.Contains(q.Text, "security_policies"):
		return give(w, []any{s.hidden})
	case strings.HasPrefix(q.Text, "SELECT COUNT(*) AS n, "):
		row := []any{s.rows}
		for i := range countColumn.FindAllString(q.Text, -1) {
			n, ok := s.filled[i]
			if !ok {
				n = s.rows
			}
			row = append(row, n)
		}
		return giveAs(w, func(i int) string {
			if i == 0 {
				return "n"
			}
			return "c" + strconv.Itoa(i-1)
		}, row)
	}
	return &tds.Error{Number: 102, Class: 15, Message: "not expected: " + q.Text}
}

// give sends rows; the type of a column is that of its first value that is not NULL.
func give(w *tds.Response, rows ...[]any) error {
	return giveAs(w, func(i int) string { return "x" + strconv.Itoa(i) }, rows...)
}

func giveAs(w *tds.Response, name func(i int) string, rows ...[]any) error {
	var columns []tds.Column
	for i := range rows[0] {
		c := tds.Column{Name: name(i), Type: sqltype.Type{Kind: sqltype.Int}, Nullable: true}
		for _, r := range rows {
			if _, ok := r[i].(string); ok {
				c.Type = sqltype.Type{Kind: sqltype.NVarChar, Length: 128}
			}
		}
		columns = append(columns, c)
	}
	err := w.Columns(columns)
	for _, r := range rows {
		sent := slices.Clone(r)
		for i, v := range sent {
			if n, ok := v.(int); ok {
				sent[i] = int64(n)
			}
		}
		err = errors.Join(err, w.Row(sent))
	}
	return errors.Join(err, w.Done(int64(len(rows))))
}

func (s *scripted) probe(t *testing.T) []sqlserver.Finding {
	t.Helper()
	srv := (&server{answer: s.answer, snapshot: true}).start(t)
	found, err := open(t, srv.settings(t)).Probe(t.Context(), needsChild())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// worse are the findings that are not as they should be.
func worse(found []sqlserver.Finding) (bad []sqlserver.Finding) {
	for _, f := range found {
		if f.Level != sqlserver.LevelOK {
			bad = append(bad, f)
		}
	}
	return bad
}

func TestProbeOfAGoodSchool(t *testing.T) {
	found := inGoodOrder().probe(t)
	if bad := worse(found); len(bad) > 0 {
		t.Errorf("found %+v", bad)
	}
	if len(found) != 4 || !strings.Contains(found[0].What, "SQL Server 2019") || !strings.Contains(found[0].What, "[MIS]") {
		t.Errorf("found %+v", found)
	}
}

// Each thing that can be wrong gives one finding that says so, with the T-SQL
// that puts it right.
func TestProbeFindings(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*scripted)
		level sqlserver.Level
		says  string
		tsql  string
	}{
		"old server": {func(s *scripted) { s.version = "10.50.6000.34" }, "warn", "SQL Server 2008 (10.50", ""},
		"no rows":    {func(s *scripted) { s.rows = 0 }, "warn", "has no rows", "SELECT COUNT(*) FROM [rollbridge].[pupil];"},
		"hidden rows": {func(s *scripted) { s.hidden = 2 }, "warn", "Row-level security is in force in this database (2 policies",
			""},
		"an id is empty": {func(s *scripted) { s.filled[3] = 7 }, "fail", "[pupil] is empty in 2 of 9 rows", ""},
		"ids are empty":  {func(s *scripted) { s.filled[3] = 0 }, "fail", "[pupil] is empty in 9 of 9 rows", ""},
		"many rows":      {func(s *scripted) { s.rows, s.filled[3] = 100_001, 100_000 }, "fail", "1 of more than 100000 rows", ""},
		"column missing": {func(s *scripted) { s.columns = s.columns[:3] }, "fail", "column [DOB] is missing", ""},
		"other type":     {func(s *scripted) { s.columns[3][3] = "nvarchar"; s.columns[3][4] = 20 }, "fail", "column [DOB] is nvarchar(20)", ""},
		"view missing":   {func(s *scripted) { s.columns[0][1] = "x"; s.columns = s.columns[:1]; s.rights = nil }, "fail", "does not exist, or the login may not see it", "GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];"},
		"view not given": {func(s *scripted) {
			s.columns[0][1] = "x"
			s.columns = s.columns[:1]
			s.rights["[rollbridge].[pupil]"] = 0
		}, "fail", "[rollbridge].[pupil]: the login may not read it", "GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];"},
		"right to one":    {func(s *scripted) { s.column["UPN"] = 0 }, "fail", "may not read [UPN]", "GRANT SELECT ON [rollbridge].[pupil] ([UPN]) TO [rollbridge_agent];"},
		"right not shown": {func(s *scripted) { s.column["UPN"] = nil }, "warn", "not proven", "GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];"},
		"object not shown": {func(s *scripted) { s.rights["[rollbridge].[pupil]"] = nil }, "warn", "not proven",
			"GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];"},
		"read refused": {func(s *scripted) {
			s.fault["SELECT COUNT(*) AS n, "] = &tds.Error{Number: 229, Class: 14, Message: "The SELECT permission was denied on the object 'Student'"}
		}, "fail", "a read fails", ""},
		"value broken": {func(s *scripted) {
			s.fault["SELECT COUNT(*) AS n, "] = &tds.Error{Number: 245, Class: 16, Message: "Conversion failed when converting the varchar value 'Ashdown'"}
		}, "fail", "a read fails", ""},
		"sysadmin":     {func(s *scripted) { s.wide["'sysadmin'"] = 1; s.wide["'db_owner'"] = 1 }, "warn", "server role sysadmin", "ALTER SERVER ROLE [sysadmin] DROP MEMBER [rollbridge_agent];"},
		"server right": {func(s *scripted) { s.wide["'VIEW SERVER STATE'"] = 1 }, "warn", "VIEW SERVER STATE on the server", "USE [master]; REVOKE VIEW SERVER STATE FROM [rollbridge_agent]; USE [MIS];"},
		"owner":        {func(s *scripted) { s.wide["'db_owner'"] = 1 }, "warn", "role db_owner", "ALTER ROLE [db_owner] DROP MEMBER [rollbridge_agent];"},
		"reader": {func(s *scripted) {
			s.wide["'db_datareader'"] = 1
			s.wide["'DATABASE', 'SELECT'"] = 1
			s.objects = append(s.objects, []any{"mis", "Student", "U ", 0, 1, 0, 0, 0, 0, 0})
		}, "warn", "role db_datareader", "ALTER ROLE [db_datareader] DROP MEMBER [rollbridge_agent];"},
		"backup":          {func(s *scripted) { s.wide["'BACKUP DATABASE'"] = 1 }, "warn", "BACKUP DATABASE", "REVOKE BACKUP DATABASE FROM [rollbridge_agent];"},
		"impersonation":   {func(s *scripted) { s.wide["'IMPERSONATE'"] = 1 }, "warn", "act as the database's owner", "REVOKE IMPERSONATE ON USER::[dbo] FROM [rollbridge_agent];"},
		"roles not shown": {func(s *scripted) { s.wide["'db_ddladmin'"] = nil }, "warn", "does not say whether the login is a member of the role db_ddladmin", ""},
		"schema":          {func(s *scripted) { s.schemas[0][3] = 1 }, "warn", "INSERT on the whole schema [dbo]", "REVOKE INSERT ON SCHEMA::[dbo] FROM [rollbridge_agent];"},
		"schema control": {func(s *scripted) {
			s.schemas[0] = []any{"dbo", 1, 1, 1, 1, 1, 1, 1}
			s.objects = append(s.objects, []any{"dbo", "A", "U ", 1, 1, 1, 1, 1, 1, 1})
		}, "warn", "CONTROL on the whole schema [dbo]", "REVOKE CONTROL ON SCHEMA::[dbo] FROM [rollbridge_agent];"},
		"procedure": {func(s *scripted) {
			s.objects = append(s.objects, []any{"dbo", "Tidy", "P ", 0, nil, nil, nil, nil, 1, 0})
		}, "warn",
			"EXECUTE on [dbo].[Tidy]", "REVOKE EXECUTE ON [dbo].[Tidy] FROM [rollbridge_agent];"},
		"name of two lines": {func(s *scripted) {
			s.objects = append(s.objects, []any{"dbo", "A\nGO\nDROP LOGIN x", "U ", 0, 0, 1, 0, 0, 0, 0})
		}, "warn", "INSERT on", "-- not printed: a name in this line has a line break or another control character; take the right away by hand"},
		"write below": {func(s *scripted) { s.objects[0][6] = 1 }, "warn", "UPDATE on [rollbridge].[pupil]", "REVOKE UPDATE ON [rollbridge].[pupil] FROM [rollbridge_agent];"},
		"control": {func(s *scripted) { s.objects[0] = []any{"rollbridge", "pupil", "V ", 1, 1, 1, 1, 1, 1, 1} }, "warn", "CONTROL on [rollbridge].[pupil]",
			"REVOKE CONTROL ON [rollbridge].[pupil] FROM [rollbridge_agent];"},
		"object rights not shown": {func(s *scripted) { s.objects[0][5] = nil }, "warn", "about 1 rights on single objects", ""},
		"schema read": {func(s *scripted) {
			s.schemas[0][2] = 1
			s.objects = append(s.objects, []any{"dbo", "A", "U ", 0, 1, 0, 0, 0, 0, 0}, []any{"dbo", "B", "U ", 0, 1, 0, 0, 0, 0, 0})
		}, "warn", "SELECT on what is not needed: [dbo].[A], [dbo].[B]", "REVOKE SELECT ON SCHEMA::[dbo] FROM [rollbridge_agent];"},
	} {
		t.Run(name, func(t *testing.T) {
			s := inGoodOrder()
			c.spoil(s)
			bad := worse(s.probe(t))
			if len(bad) != 1 {
				t.Fatalf("want one finding, found %+v", bad)
			}
			f := bad[0]
			if f.Level != c.level || !strings.Contains(f.What, c.says) || f.TSQL != c.tsql || f.Do == "" {
				t.Errorf("found %+v", f)
			}
			if strings.Contains(f.What+f.Do, "Ashdown") {
				t.Errorf("the server's words are passed on: %+v", f)
			}
		})
	}
}

// Many objects are counted, and named only as far as a person reads.
func TestProbeNamesTheFirstOfMany(t *testing.T) {
	s := inGoodOrder()
	for i := range 3000 {
		s.objects = append(s.objects, []any{"mis", "T" + strconv.Itoa(i), "U ", 0, 1, 0, 0, 0, 0, 0})
	}
	bad := worse(s.probe(t))
	if len(bad) != 1 || !strings.Contains(bad[0].What, "and 2990 more") || strings.Count(bad[0].TSQL, "\n") != 10 {
		t.Errorf("found %+v", bad)
	}
}

// A look that cannot be finished is an error, not a finding.
func TestProbeEndsWithTheServer(t *testing.T) {
	s := inGoodOrder()
	s.fault["FROM sys.objects"] = &tds.Error{Number: 1205, Class: 13, Message: "deadlocked"}
	srv := (&server{answer: s.answer}).start(t)
	found, err := open(t, srv.settings(t)).Probe(t.Context(), needsChild())
	wantFault(t, err, sqlserver.Busy)
	if len(found) == 0 {
		t.Error("what was found before is lost")
	}
}

func TestVerify(t *testing.T) {
	s := inGoodOrder()
	srv := (&server{answer: s.answer}).start(t)
	session := open(t, srv.settings(t))
	seen, err := session.Verify(t.Context(), needsChild())
	want := []string{"rollbridge.pupil.DOB date", "rollbridge.pupil.InCare bit", "rollbridge.pupil.UPN varchar(13)", "rollbridge.pupil.pupil nvarchar(40)"}
	if err != nil || !slices.Equal(seen, want) {
		t.Errorf("seen %q, %v", seen, err)
	}
	s.columns[2][4] = 20
	if wider, err := session.Verify(t.Context(), needsChild()); err != nil || slices.Equal(wider, seen) {
		t.Errorf("a type that changed does not show: %q, %v", wider, err)
	}
	s.columns[1][3] = "int"
	f := wantFault(t, second(session.Verify(t.Context(), needsChild())), sqlserver.Schema, "[rollbridge].[pupil]", "column [InCare] is int where one of these is needed: bit")
	if f.Object != "[rollbridge].[pupil]" {
		t.Errorf("the fault is about %q", f.Object)
	}
	s.columns = [][]any{{"x", "y", "z", "int", nil, nil, nil}}
	s.rights = nil
	wantFault(t, second(session.Verify(t.Context(), needsChild())), sqlserver.Schema, "does not exist, or the login may not see it",
		"GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];", "docs/mis/sql-views.md")
	s.rights = map[string]any{"[rollbridge].[pupil]": 0}
	wantFault(t, second(session.Verify(t.Context(), needsChild())), sqlserver.Right, "GRANT SELECT ON [rollbridge].[pupil] TO [rollbridge_agent];")
}

func second(_ []string, err error) error { return err }

// A hundred objects are two questions, and a vendor's table that is not there is
// explained by how its name is known.
func TestVerifyOfManyObjects(t *testing.T) {
	s := inGoodOrder()
	srv := (&server{answer: s.answer}).start(t)
	session := open(t, srv.settings(t))
	var needs []sqlserver.Need
	for i := range 60 {
		needs = append(needs, sqlserver.Need{Object: sqlserver.Object{Schema: "sims", Name: "t" + strconv.Itoa(i)}, Evidence: "seen"})
		s.columns = append(s.columns, []any{"sims", "t" + strconv.Itoa(i), "x", "int", nil, 10, 0})
	}
	before := session.Cost().Queries
	if _, err := session.Verify(t.Context(), needs); err != nil {
		t.Error(err)
	}
	if n := session.Cost().Queries - before; n != 2 {
		t.Errorf("%d questions for 60 objects", n)
	}
	gone := []sqlserver.Need{{Object: sqlserver.Object{Schema: "sims", Name: "gone"}, Evidence: "seen", Columns: map[string]sqlserver.Kind{"x": sqlserver.KindID}}}
	wantFault(t, second(session.Verify(t.Context(), gone)), sqlserver.Schema, "[sims].[gone]", "seen at another school", "mis.site_file")
}

func TestSettingsFindings(t *testing.T) {
	if found := (sqlserver.Settings{}).Findings(); len(found) != 1 || found[0].Level != sqlserver.LevelOK {
		t.Errorf("found %+v", found)
	}
	found := sqlserver.Settings{User: "rollbridge_agent", Password: sqlserver.PagePassword, Encryption: "none", TLSMin: "1.0"}.Findings()
	if len(found) != 3 || len(worse(found)) != 3 || found[2].TSQL != "-- ALTER LOGIN [rollbridge_agent] WITH PASSWORD = N'…'; -- with one that you choose" {
		t.Errorf("found %+v", found)
	}
	for _, f := range found {
		if strings.Contains(f.What+f.Do+f.TSQL, sqlserver.PagePassword) {
			t.Errorf("the password is shown: %+v", f)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
