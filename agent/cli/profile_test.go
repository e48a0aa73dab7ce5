package cli

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/agent/trial"
	"rollbridge/docs"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/instance"
	"rollbridge/e2e/standin"
)

// TestSQLScripts runs `profile test` as a person does, against a database set
// up by the first part of the page docs/mis/sql-views.md, with the settings that it
// prints for that. `tsql TEXT` is the administrator, `more` the page's second part;
// `handover` gives them what the last command printed for them.
func TestSQLScripts(t *testing.T) {
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
	school := demoschool.New(demoschool.Config{Seed: 5, Pupils: 60, LookedAfterShare: 0.3})
	if err := demoschool.Load(t.Context(), db.Admin(), school.TablesSQL()); err != nil {
		t.Fatal(err)
	}
	script, err := docs.Script("mis/sql-views.md", docs.Run)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Run(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	more, err := docs.Script("mis/sql-views.md", docs.More)
	if err != nil {
		t.Fatal(err)
	}
	page, err := docs.Files.ReadFile("mis/sql-views.md")
	if err != nil {
		t.Fatal(err)
	}
	four := regexp.MustCompile("(?s)```yaml four\n(.*?)```").FindSubmatch(page)
	run := func(ts *testscript.TestScript, text string) {
		if err := db.Run(context.Background(), text); err != nil {
			ts.Fatalf("%v in\n%s", err, text)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/sql",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROLLBRIDGE_CONFIG", e.WorkDir+"/four.yaml")
			if err := os.WriteFile(e.WorkDir+"/four.yaml", four[1], 0o600); err != nil {
				return err
			}
			for key, value := range map[string]string{
				"DATA_DIR": e.WorkDir + "/data", "MIS_PROFILE": "sql-views",
				"MIS_SERVER_HOST": in.Host(), "MIS_SERVER_PORT": fmt.Sprint(in.Port()), "MIS_SERVER_DATABASE": db.Name(),
				"MIS_SERVER_USER": "rollbridge_agent", "MIS_SERVER_PASSWORD": "Replace-this-by-31-of-your-own!",
				"MIS_SERVER_ENCRYPTION": in.Encryption(), "MIS_SERVER_CERTIFICATE_FILE": in.CertificateFile(),
			} {
				e.Setenv("ROLLBRIDGE_"+key, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"tsql":  func(ts *testscript.TestScript, _ bool, args []string) { run(ts, strings.Join(args, " ")) },
			"more":  func(ts *testscript.TestScript, _ bool, _ []string) { run(ts, more) },
			"handover": func(ts *testscript.TestScript, _ bool, _ []string) {
				_, text, found := strings.Cut(ts.ReadFile("stdout"), "\nT-SQL for the database administrator")
				_, text, more := strings.Cut(text, "\n")
				if !found || !more {
					ts.Fatalf("nothing was printed for the administrator")
				}
				run(ts, text)
			},
		},
	})
}

// A table's name is chosen by whoever may make tables. What is printed to be run
// by an administrator holds no line that comes of one.
func TestHandedOverCommentsAreOneLine(t *testing.T) {
	var out strings.Builder
	p := &program{Terminal: Terminal{Out: &out}}
	p.showTested(&trial.Trial{Findings: []sqlserver.Finding{
		{Level: sqlserver.LevelWarn, What: "Too much: [dbo].[a\nDROP DATABASE MIS\r--]", TSQL: "REVOKE SELECT ON [dbo].[b] FROM [u];"},
	}})
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "DROP") || strings.Contains(line, "\r") {
			t.Errorf("a line of its own: %q", line)
		}
	}
	if !strings.Contains(out.String(), "\n-- Too much: [dbo].[a DROP DATABASE MIS --]\nREVOKE") {
		t.Errorf("printed %q", out.String())
	}
}
