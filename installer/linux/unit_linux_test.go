package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exposure is the most that `systemd-analyze security` may find, in tenths; 100 is a
// service that is not hardened at all.
const exposure = "24"

var units = []string{"agent/rollbridge-agent.service", "collector/rollbridge-collector.service", "collector/rollbridge-intake.service"}

func needSystemd(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed") //ci:needs systemd-analyze
	}
}

// here is a unit in a directory of its own, whose program and user this machine has.
func here(t *testing.T, unit string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(unit))
	changes = append(changes, "/opt/rollbridge/rollbridge-agent ", os.Args[0]+" ", "/usr/bin/rollbridge-collector ", os.Args[0]+" ",
		"User=rollbridge\n", "User=daemon\n", "User=rollbridge-collector\n", "User=daemon\n", "User=rollbridge-intake\n", "User=daemon\n")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// systemd understands every word of each unit: it only warns of what it does not, and
// ends with 0.
func TestSystemdKnowsTheUnits(t *testing.T) {
	t.Parallel()
	needSystemd(t)
	verify := func(path string) string {
		out, err := exec.Command("systemd-analyze", "verify", "--man=no", path).CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	for _, unit := range units {
		if said := verify(here(t, unit)); said != "" {
			t.Errorf("%s: %s", unit, said)
		}
		if said := verify(here(t, unit, "ProtectClock=", "ProtectClocks=")); !strings.Contains(said, "ProtectClocks") {
			t.Errorf("%s: a misspelt word is not found: %q", unit, said)
		}
	}
}

func TestTheUnitsAreHardened(t *testing.T) {
	t.Parallel()
	needSystemd(t)
	check := func(path string) (string, error) {
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold="+exposure, path).CombinedOutput()
		return string(out), err
	}
	for _, unit := range units {
		if out, err := check(here(t, unit)); err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
		if out, err := check(here(t, unit, "SystemCallFilter=", "#", "RestrictNamespaces=", "#", "CapabilityBoundingSet=", "#")); err == nil {
			t.Errorf("%s: without most of its walls it passes:\n%s", unit, out)
		}
	}
}
