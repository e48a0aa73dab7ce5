package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/database/dbtest"
	"rollbridge/e2e/stack"
)

// TestDemo runs the demo as `make demo DEMO_ARGS=--once` does, on both
// databases: it ends with 0, says that nothing differed, and leaves nothing.
func TestDemo(t *testing.T) {
	demo := buildDemo(t)
	for name, database := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": dbtest.Postgres,
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			args := []string{"-once", "-pupils", "200", "-bin", filepath.Dir(programs.Agent)}
			if dsn := database(t); dsn != "" {
				args = append(args, "-database", dsn)
			}
			r := runDemo(t, demo, temp, args...)
			if r.Code != 0 {
				t.Fatalf("the demo ended with %d:\n%s\n%s", r.Code, r.Stdout, r.Stderr)
			}
			summary := regexp.MustCompile(`\n   [1-9][0-9]* records compared with the MIS in three rounds, no difference`)
			if !summary.MatchString(r.Stdout) {
				t.Errorf("there is no summary in what the demo said:\n%s", r.Stdout)
			}
			if !regexp.MustCompile(`\d\d:\d\d  Everything that may leave: .*receipt held; taken into the records\.\n`).MatchString(r.Stdout) {
				t.Errorf("the logbook does not say what became of the first batch:\n%s", r.Stdout)
			}
			empty(t, temp)
		})
	}
}

// What stands in the way ends the demo with a sentence that says what to do.
func TestDemoRefuses(t *testing.T) {
	demo := buildDemo(t)
	half := t.TempDir()
	if err := os.Symlink(programs.Collector, filepath.Join(half, filepath.Base(programs.Collector))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		code int
		want string
		args []string
	}{
		"a program is missing":      {1, "no program rollbridge-agent in " + half + ": build both with `make bin`", []string{"-once", "-bin", half}},
		"the database is not there": {1, "database", []string{"-once", "-bin", filepath.Dir(programs.Agent), "-database", "postgres://nobody@127.0.0.1:1/none"}},
		"a word too many":           {2, `"once" is not understood`, []string{"once"}},
		"too few pupils":            {2, "this school cannot be made", []string{"-pupils", "-1"}},
		"T-SQL for no demo":         {2, "give -in DIRECTORY and -sql STATEMENT", []string{"-sql", "DELETE FROM mis.Student"}},
		"T-SQL unquoted":            {2, "give -in DIRECTORY and -sql STATEMENT", []string{"-in", half, "-sql", "DELETE", "FROM", "mis.Student"}},
		"a code of no demo":         {2, "give -in DIRECTORY and -code", []string{"-code"}},
		"a code of none there":      {1, "no demo waits at its page in", []string{"-in", half, "-code"}},
		"no demo there":             {1, "no demo runs in", []string{"-in", half, "-sql", "DELETE FROM mis.Student"}},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			r := runDemo(t, demo, temp, c.args...)
			if r.Code != c.code || !strings.Contains(r.Stderr, c.want) {
				t.Errorf("the demo ended with %d and said %q; want %d and %q", r.Code, r.Stderr, c.code, c.want)
			}
			empty(t, temp)
		})
	}
}

// The demo that waits at its page: what it says to paste works, and it ends
// with 0 and leaves nothing when it is told to stop.
func TestDemoWaits(t *testing.T) {
	demo, temp := buildDemo(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	said := filepath.Join(t.TempDir(), "said")
	p, err := stack.Start(demo, said, []string{"TMPDIR=" + temp}, "-pupils", "200", "-bin", filepath.Dir(programs.Agent))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	var text string
	err = stack.Await(ctx, "the demo to wait at its page", func() (bool, error) {
		b, err := os.ReadFile(said)
		text = string(b)
		return strings.Contains(text, "Ctrl-C ends everything"), err
	})
	if err != nil {
		t.Fatalf("%v; it said:\n%s", err, text)
	}
	commands := regexp.MustCompile(`(?m)^ +(ROLLBRIDGE_.* status)$`).FindAllStringSubmatch(text, -1)
	if len(commands) != 2 {
		t.Fatalf("%d commands to paste, want one for each side:\n%s", len(commands), text)
	}
	for _, c := range commands {
		if out, err := exec.CommandContext(ctx, "sh", "-c", c[1]).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c[1], err, out)
		}
	}
	phone := regexp.MustCompile(`(?m)^ +(\S.* -in \S+ -code)$`).FindStringSubmatch(text)
	if phone == nil || !regexp.MustCompile(`(?m)^ +Password +\S.*\n +Code +[0-9]{6} `).MatchString(text) {
		t.Fatalf("it does not say how to sign in:\n%s", text)
	}
	if out, err := exec.CommandContext(ctx, "sh", "-c", phone[1]).CombinedOutput(); err != nil || !regexp.MustCompile(`^[0-9]{6}\n$`).Match(out) {
		t.Errorf("%s: %v\n%s", phone[1], err, out)
	}
	byHand := regexp.MustCompile(`(?m)^ +(\S.* -in \S+ -sql ".*")$`).FindStringSubmatch(text)
	if byHand == nil {
		t.Fatalf("there is no line that changes a mark by hand:\n%s", text)
	}
	out, err := exec.CommandContext(ctx, "sh", "-c", byHand[1]).CombinedOutput()
	if err != nil || string(out) != "Rows changed in the MIS: 1.\n" {
		t.Errorf("%s: %v\n%s", byHand[1], err, out)
	}
	out, err = exec.CommandContext(ctx, "sh", "-c", strings.TrimSuffix(commands[0][1], "status")+"sync").CombinedOutput()
	if err != nil || !strings.Contains(string(out), ": 1 new or changed records, 0 removed") {
		t.Errorf("the sync after the change: %v\n%s", err, out)
	}
	if err := p.Stop(); err != nil {
		t.Errorf("the demo did not end well: %v", err)
	}
	empty(t, temp)
}

func buildDemo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "rollbridge/e2e/demo").CombinedOutput(); err != nil {
		t.Fatalf("build the demo: %v\n%s", err, out)
	}
	return path
}

func runDemo(t *testing.T, demo, temp string, args ...string) stack.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	r, err := stack.Run(ctx, demo, "", []string{"TMPDIR=" + temp}, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("the demo left %s behind", f.Name())
	}
}
