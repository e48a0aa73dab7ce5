package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a throwaway module of the given files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if _, given := files["go.mod"]; !given {
		files["go.mod"] = "module rollbridge\n\ngo 1.26\n"
	}
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lint(t *testing.T, files map[string]string) (int, string) {
	t.Helper()
	var out, diagnostics strings.Builder
	code := run(write(t, files), &out, &diagnostics)
	if diagnostics.Len() > 0 {
		t.Fatal(diagnostics.String())
	}
	return code, out.String()
}

// source is a commented package whose body is given; its name is the directory's.
func source(dir, body string) string {
	name := filepath.Base(dir)
	return fmt.Sprintf("// Package %s is here to be judged.\npackage %s\n\n%s\n", name, name, body)
}

// Every rule on imports refuses the import it names, and says why.
func TestImportRules(t *testing.T) {
	for _, r := range importRules {
		from, not := r.from, r.not
		if from == "" {
			from = "installer"
		}
		t.Run(from+" not "+not, func(t *testing.T) {
			t.Parallel()
			path := "rollbridge/" + not + "/deep"
			if strings.Contains(not, ".") {
				path = not
			}
			files := map[string]string{from + "/deep/a.go": source("deep", `import _ "`+path+`"`)}
			if !strings.Contains(not, ".") {
				files[not+"/deep/b.go"] = source("deep", "")
			}
			code, out := lint(t, files)
			if code != 1 || !strings.Contains(out, from+"/deep/a.go:4: "+from+"/deep imports ") || !strings.Contains(out, r.why) {
				t.Errorf("code %d, want this import refused because %s; got\n%s", code, r.why, out)
			}
			inTest := map[string]string{
				from + "/deep/a.go":      source("deep", ""),
				from + "/deep/a_test.go": source("deep", `import _ "`+path+`"`),
			}
			if code, out := lint(t, inTest); (code == 1) != r.tests {
				t.Errorf("in a test file: code %d\n%s", code, out)
			}
		})
	}
}

func TestSourceRules(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"own cgo": {map[string]string{"agent/mis/a.go": source("mis", "import \"C\"\n"), "agent/mis/b.go": source("mis", "")},
			`agent/mis/a.go:4: imports "C": the product is pure Go`},
		"cgo in a dependency": {map[string]string{
			"go.mod":       "module rollbridge\n\ngo 1.26\n\nrequire example.org/dep v0.0.0\n\nreplace example.org/dep => ./dep\n",
			"dep/go.mod":   "module example.org/dep\n\ngo 1.26\n",
			"dep/dep.go":   "package dep\n\nimport \"C\"\n",
			"agent/a/a.go": source("a", `import _ "example.org/dep"`)},
			"example.org/dep needs cgo"},
		"dependency without a reason": {map[string]string{
			"go.mod":               "module rollbridge\n\ngo 1.26\n\nrequire example.org/dep v0.0.0\n\nreplace example.org/dep => ./dep\n",
			"docs/dependencies.md": "`example.org/depot`: another one.\n",
			"dep/go.mod":           "module example.org/dep\n\ngo 1.26\n",
			"dep/dep.go":           "package dep\n",
			"agent/a/a.go":         source("a", `import _ "example.org/dep"`)},
			"go.mod: example.org/dep has no reason"},
		"dependency called indirect": {map[string]string{
			"go.mod":        "module rollbridge\n\ngo 1.26\n\nrequire example.org/dep v0.0.0 // indirect\n\nreplace example.org/dep => ./dep\n",
			"dep/go.mod":    "module example.org/dep\n\ngo 1.26\n",
			"dep/deep/a.go": "package deep\n",
			"agent/a/a.go":  source("a", `import _ "example.org/dep/deep"`)},
			"go.mod: example.org/dep has no reason"},
		"no package comment":      {map[string]string{"agent/mis/a.go": "package mis\n"}, "agent/mis: no package comment"},
		"comment in a test only":  {map[string]string{"agent/mis/a.go": "package mis\n", "agent/mis/a_test.go": source("mis", "")}, "agent/mis: no package comment"},
		"package of tests":        {map[string]string{"e2e/a_test.go": "package e2e\n"}, "e2e: no package comment"},
		"windows only package":    {map[string]string{"agent/a/a_windows.go": "package a\n", "agent/b/b.go": source("b", "")}, "agent/a: no package comment"},
		"printing":                {map[string]string{"agent/mis/a.go": source("mis", "import \"fmt\"\n\nfunc f() { fmt.Println() }")}, "agent/mis/a.go:6: uses fmt.Println"},
		"printing, renamed":       {map[string]string{"agent/mis/a.go": source("mis", "import p \"fmt\"\n\nfunc f() { p.Printf(\"\") }")}, "uses fmt.Printf"},
		"printing under a tag":    {map[string]string{"agent/mis/a.go": "//go:build testclock\n\n" + source("mis", "import \"fmt\"\n\nfunc f() { fmt.Print() }"), "agent/mis/b.go": source("mis", "")}, "uses fmt.Print"},
		"exiting":                 {map[string]string{"collector/cli/a.go": source("cli", "import \"os\"\n\nfunc f() { os.Exit(1) }")}, "collector/cli/a.go:6: uses os.Exit"},
		"old log":                 {map[string]string{"shared/a/a.go": source("a", "import \"log\"\n\nfunc f() { log.Println() }")}, "shared/a/a.go:6: uses log.Println"},
		"skipped test":            {map[string]string{"shared/a/a_test.go": source("a", "import \"testing\"\n\nfunc TestA(t *testing.T) { t.Skip() }")}, "shared/a/a_test.go:6: calls t.Skip"},
		"skipped in a helper":     {map[string]string{"shared/a/a.go": source("a", "import \"testing\"\n\nfunc Need(tb testing.TB) { tb.SkipNow() }")}, "calls tb.SkipNow"},
		"skipped for the unknown": {map[string]string{"shared/a/a_test.go": source("a", "import \"testing\"\n\nfunc TestA(t *testing.T) { t.Skip() } //ci:needs luck")}, "calls t.Skip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := lint(t, c.files)
			if code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("code %d, want %s; got\n%s", code, c.want, out)
			}
		})
	}
}

// What the rules allow must pass, or they would be worked around.
func TestCleanModule(t *testing.T) {
	main := "// Command agent is the program.\npackage main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nfunc main() { fmt.Println(); os.Exit(0) }\n"
	code, out := lint(t, map[string]string{
		"agent/main.go":           main,
		"agent/cli/a.go":          source("cli", "import \"fmt\"\n\nfunc f() { fmt.Println() }"),
		"agent/mis/a.go":          source("mis", `import _ "rollbridge/shared/record"`),
		"agent/mis/b.go":          "package mis\n",
		"agent/mis/a_test.go":     source("mis", `import _ "rollbridge/agent/scope"`),
		"agent/scope/a.go":        source("scope", "import (\n\t_ \"rollbridge/agent/mis\"\n\tlog \"log/slog\"\n)\n\nfunc f() { log.Info(\"\") }"),
		"agent/misread/a.go":      source("misread", `import _ "rollbridge/agent/uplink"`),
		"agent/uplink/a.go":       source("uplink", `import _ "rollbridge/agent/logbook"`),
		"agent/logbook/a.go":      source("logbook", ""),
		"collector/store/a.go":    source("store", ""),
		"collector/apply/a.go":    source("apply", `import _ "rollbridge/collector/store"`),
		"shared/record/a.go":      source("record", ""),
		"shared/record/a_test.go": source("record", "import \"testing\"\n\nfunc TestA(t *testing.T) { t.Skip() } //ci:needs strace"),
		"shared/config/a.go":      source("config", `import _ "github.com/spf13/viper"`),
		"e2e/a.go":                source("e2e", "import (\n\t_ \"rollbridge/agent/mis\"\n\t_ \"rollbridge/collector/store\"\n)"),
		"e2e/demo/a.go":           source("demo", `import _ "rollbridge/e2e"`),
	})
	if code != 0 {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestNoModule(t *testing.T) {
	var out, diagnostics strings.Builder
	if code := run(t.TempDir(), &out, &diagnostics); code != 2 || diagnostics.Len() == 0 {
		t.Errorf("code %d, %q", code, diagnostics.String())
	}
}
