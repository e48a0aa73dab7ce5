package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// judge runs a real `go test -json` over one test file of the given body.
func judge(t *testing.T, body string, strict bool) (int, string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module m\n\ngo 1.26\n",
		"m_test.go": "package m\n\nimport \"testing\"\n\n" + body + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-json", "./...")
	cmd.Dir = dir
	events, _ := cmd.Output() // fails whenever a test does, which is what is judged here
	var out strings.Builder
	code := run(strings.NewReader(string(events)), &out, strict)
	return code, out.String()
}

func TestJudgement(t *testing.T) {
	const passes = "func TestA(t *testing.T) { t.Run(\"x\", func(t *testing.T) {}) }\n"
	for name, c := range map[string]struct {
		body   string
		strict bool
		code   int
		want   []string
	}{
		"all pass":             {passes, true, 0, []string{"ok    m", "2 passed, 0 failed, 0 skipped"}},
		"one fails":            {passes + `func TestB(t *testing.T) { t.Error("because") }`, false, 1, []string{"because", "FAIL  m", "2 passed, 1 failed, 0 skipped"}},
		"skip where it counts": {passes + `func TestB(t *testing.T) { t.Skip("no luck") }`, true, 1, []string{"skipped: m TestB: m_test.go:6: no luck", "2 passed, 0 failed, 1 skipped"}},
		"skip elsewhere":       {passes + `func TestB(t *testing.T) { t.Skip("no luck") }`, false, 0, []string{"no luck", "2 passed, 0 failed, 1 skipped"}},
		"does not build":       {"func TestA(t *testing.T) { undefined() }", false, 1, []string{"undefined: undefined", "0 passed, 1 failed, 0 skipped"}},
		"panics":               {passes + `func TestB(t *testing.T) { panic("lost") }`, false, 1, []string{"lost", "1 failed"}},
		"exits early":          {"func TestMain(m *testing.M) { panic(\"early\") }\n" + passes, false, 1, []string{"early", "0 passed, 1 failed"}},
		"no tests":             {"var _ testing.TB", true, 1, []string{"No test ran.", "0 passed, 0 failed, 0 skipped"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := judge(t, c.body, c.strict)
			if code != c.code {
				t.Errorf("code %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing from:\n%s", want, out)
				}
			}
		})
	}
}

// The go command's own complaints are not JSON; they must reach the reader, and no test
// having run must not pass for success.
func TestComplaintOfTheGoCommand(t *testing.T) {
	var out strings.Builder
	if code := run(strings.NewReader("go: no such tool\n"), &out, false); code != 1 || !strings.Contains(out.String(), "no such tool") {
		t.Errorf("code %d: %s", code, out.String())
	}
}
