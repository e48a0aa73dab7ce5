//go:build wine

package wine

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A unit is a package whose own tests run under Wine: all of them, or those that
// only matches. Those in without are left out, for the reason given with them.
type unit struct {
	pkg     string
	only    string
	without map[string]string
}

// units are the packages of the agent that touch the system, and those whose
// files and processes the others stand on.
var units = []unit{
	{pkg: "agent/secret"},
	{pkg: "agent/control"},
	{pkg: "agent/job"},
	{pkg: "agent/settings"},
	{pkg: "agent/identity"},
	{pkg: "agent/logbook"},
	{pkg: "agent/outbox", without: map[string]string{
		"TestALinkIsNoStateFile": "Wine 8 says yes to a symbolic link and makes none",
	}},
	{pkg: "agent/refused"},
	{pkg: "agent/host"},
	{pkg: "agent/service", without: map[string]string{
		"TestThePackagedUnit": "a unit of systemd holds paths of Linux",
		"TestDiffering":       "as before",
	}},
	{pkg: "agent/installation", without: map[string]string{
		"TestRemoveFollowsNoLink": "Wine 8 says yes to a symbolic link and makes none",
	}},
	{pkg: "agent/slot"},
	// What is decided is the same on every system: these show that it is kept on this
	// one's disk, which is slow.
	{pkg: "agent/supervise", only: "^(TestCrashesDoNotSpin|TestALongLifeIsForgiven|TestANewVersion|TestAttempts|TestAlteredBetweenStarts|TestUninstalledOnProbation)$"},
	{pkg: "agent/mis", only: "^TestProgram"}, // that make reports, as processes
	{pkg: "agent/uplink"},
	{pkg: "agent/uplink/exit"},
}

func TestUnits(t *testing.T) {
	build := []string{"-c", "-o", built + string(filepath.Separator)}
	for _, u := range units {
		build = append(build, "rollbridge/"+u.pkg)
	}
	goForWindows(t, "test", build...)
	for _, u := range units {
		t.Run(u.pkg, func(t *testing.T) {
			t.Parallel()
			args := []string{"-test.short", "-test.v", "-test.timeout=3m"}
			if u.only != "" {
				args = append(args, "-test.run="+u.only)
			}
			if len(u.without) > 0 {
				var names []string
				for name := range u.without {
					names = append(names, "^"+name+"$")
				}
				args = append(args, "-test.skip="+strings.Join(names, "|"))
			}
			dir, err := filepath.Abs(filepath.Join("..", "..", filepath.FromSlash(u.pkg)))
			must(t, err)
			r, err := windows.Run(bounded(t), Call{
				Program: filepath.Join(built, path.Base(u.pkg)+".test.exe"), Args: args, Dir: dir,
			})
			must(t, err)
			ran := strings.Count(r.Stdout, "\n--- PASS")
			switch {
			case r.Code != 0:
				t.Errorf("ended with %d:\n%s%s", r.Code, failures(r.Stdout), r.Stderr)
			case ran == 0:
				t.Errorf("no test ran:\n%s%s", r.Stdout, r.Stderr)
			case strings.Contains(r.Stdout, "\n--- SKIP"):
				t.Errorf("a test was skipped:\n%s", r.Stdout)
			}
			t.Logf("%d tests", ran)
		})
	}
}

// failures leaves out of the output of tests what belongs to those that passed.
func failures(out string) string {
	var kept, test []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "=== RUN") || strings.HasPrefix(line, "--- ") {
			test = nil
		}
		test = append(test, line)
		if strings.HasPrefix(line, "--- PASS") || strings.HasPrefix(line, "=== ") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}
