//go:build wine

package wine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/stack"
	"rollbridge/shared/protocol"
)

// checks has the agent try everything that it needs, beside its service.
func (l *life) checks() {
	l.t.Helper()
	var report struct {
		Worst string
		Lines []struct{ ID, State, What string }
	}
	r := l.try("", "check", "--json")
	l.decode(&report, r)
	if len(report.Lines) < 8 {
		l.t.Errorf("check has %d lines:\n%s%s", len(report.Lines), r.Stdout, r.Stderr)
	}
	for _, line := range report.Lines {
		// Wine keeps no access lists: it says that everybody may open everything.
		if line.State == "bad" && line.ID != "access" {
			l.t.Errorf("check: %+v", line)
		}
	}
}

// decides lets nothing of an authority's contacts leave, and then all again.
func (l *life) decides() {
	l.t.Helper()
	what := l.school.Authorities()[0] + ".contact"
	l.says(done, "", "scope", "deny", what)
	if out := l.says(done, "", "preview"); !strings.Contains(out, "\n") {
		l.t.Errorf("the preview shows %q", out)
	}
	l.says(done, "", "sync")
	if out := l.says(done, "", "scope", "show"); !strings.Contains(out, "denied by the school") {
		l.t.Errorf("after a no the scope is\n%s", out)
	}
	l.says(done, "", "scope", "allow", what)
	l.says(done, "", "sync")
	l.same()
}

// newDataDir is that of the new server; it is this one once more.
const newDataDir = `C:\New server\Rollbridge`

// moves goes on with another data directory; the old one is worth nothing.
func (l *life) moves() {
	l.t.Helper()
	old := l.dir
	l.dir = newDataDir
	l.makeDataDir()
	key := l.says(done, "", "move", "import")
	l.dir = old
	file := `C:\oakmere.move`
	l.says(done, key, "move", "export", "--to", file)
	if r := l.try("", "sync"); r.Code == done {
		l.t.Error("the old server goes on")
	}
	l.says(done, "", "service", "uninstall")
	l.dir = newDataDir
	l.says(done, "", "move", "import", file)
	l.installs()
	l.changes("C")
	l.says(done, "", "sync")
	l.same()
}

// revokes with the network unplugged; the collector learns of it later, destroys
// what it has on day 30, and certifies it.
func (l *life) revokes() {
	l.t.Helper()
	l.unplug()
	l.says(done, "", "revoke", "--yes")
	l.keeps("agent.yaml", "control.pipe", "lock", "logbook.jsonl", "logbook.key", "revoke.json", "revoked", "service.lock")
	l.plugIn()
	must(l.t, stack.Await(l.ctx, "the collector to hear of the revoke", func() (bool, error) {
		r, err := l.collector.Try(l.ctx, "compare", schoolID, "--reveal", "--json")
		return err == nil && r.Code != 0 && strings.Contains(r.Stderr, "stopped by the school"), err
	}))
	l.says(done, "", "service", "uninstall")
	l.unplug()
	must(l.t, os.WriteFile(l.clock, []byte((protocol.DestroyAfter+time.Minute).String()), 0o600))
	l.plugIn()
	must(l.t, stack.Await(l.ctx, "the collector's certificate", func() (bool, error) {
		r := l.try(l.safe+"\r\n", "certificate", "--save", `C:\certificate.json`)
		return r.Code == done, nil
	}))
	l.says(done, "", "log", "--verify")
}

// keeps checks what is in the data directory.
func (l *life) keeps(want ...string) {
	l.t.Helper()
	entries, err := os.ReadDir(windows.File(l.dir))
	must(l.t, err)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if !slices.Equal(left, want) {
		l.t.Errorf("in the data directory there is %v, want %v", left, want)
	}
}

// makeDataDir writes the settings, as a person does before anything else.
func (l *life) makeDataDir() {
	l.t.Helper()
	dir := windows.File(l.dir)
	must(l.t, os.MkdirAll(dir, 0o700))
	settings := "mis:\n  profile: csv\n  folder: " + misFolder + "\n  settle_seconds: 0\n"
	must(l.t, os.WriteFile(filepath.Join(dir, "agent.yaml"), []byte(settings), 0o600))
}
