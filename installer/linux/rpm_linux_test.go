package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	agentRPM     = "rollbridge-agent-*.rpm"
	collectorRPM = "rollbridge-collector-*.rpm"
)

func needRPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("rpm is not installed") //ci:needs rpm
	}
}

func rpm(t *testing.T, env []string, args ...string) string {
	t.Helper()
	c := exec.Command("rpm", args...)
	c.Env = append(os.Environ(), env...)
	c.Env = append(c.Env, "LC_ALL=C")
	out, err := c.Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		t.Fatalf("rpm %s: %v\n%s%s", strings.Join(args, " "), err, out, said)
	}
	return string(out)
}

// TestWhatIsInTheRPMs is all that they hold, run and need.
func TestWhatIsInTheRPMs(t *testing.T) {
	t.Parallel()
	needRPM(t)
	for pattern, want := range map[string][]string{
		agentRPM: {
			"/opt/rollbridge drwxr-xr-x root", "/opt/rollbridge/rollbridge-agent -rwxr-xr-x root", "/usr/bin/rollbridge-agent l--------- root",
			"/usr/lib/systemd/system/rollbridge-agent.service -rw-r--r-- root",
			"/usr/share/doc/rollbridge-agent drwxr-xr-x root", "/usr/share/doc/rollbridge-agent/agent.yaml -rw-r--r-- root", "/usr/share/doc/rollbridge-agent/copyright -rw-r--r-- root",
		},
		collectorRPM: {
			"/etc/rollbridge-collector drwxr-xr-x root", "/etc/rollbridge-collector/intake.yaml -rw-r----- root", "/usr/bin/rollbridge-collector -rwxr-xr-x root",
			"/usr/lib/systemd/system/rollbridge-collector.service -rw-r--r-- root", "/usr/lib/systemd/system/rollbridge-intake.service -rw-r--r-- root",
			"/usr/share/doc/rollbridge-collector drwxr-xr-x root", "/usr/share/doc/rollbridge-collector/collector.yaml -rw-r--r-- root", "/usr/share/doc/rollbridge-collector/copyright -rw-r--r-- root",
		},
	} {
		pkg := real(t, pattern)
		got := strings.Split(strings.TrimSpace(rpm(t, nil, "-qp", "--nosignature", "--queryformat", `[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}\n]`, pkg)), "\n")
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds\n%s", pattern, strings.Join(got, "\n"))
		}
		name := strings.TrimPrefix(strings.TrimSuffix(pattern, "-*.rpm"), "rollbridge-")
		scripts := rpm(t, nil, "-qp", "--nosignature", "--scripts", pkg)
		for _, script := range []string{"after-install", "before-remove", "after-remove"} {
			text, err := os.ReadFile(filepath.Join(name, script))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(scripts, strings.TrimSpace(string(text))) {
				t.Errorf("%s does not run %s:\n%s", pattern, script, scripts)
			}
		}
		if n := strings.Count(scripts, "scriptlet (using /bin/sh):"); n != 3 {
			t.Errorf("%s runs %d scripts:\n%s", pattern, n, scripts)
		}
		for requirement := range strings.FieldsSeq(rpm(t, nil, "-qp", "--nosignature", "--qf", `[%{REQUIRENAME}\n]`, pkg)) {
			if requirement != "/bin/sh" && requirement != "/usr/sbin/useradd" && !strings.HasPrefix(requirement, "rpmlib(") && !strings.HasPrefix(requirement, "config(") {
				t.Errorf("%s needs %s", pattern, requirement)
			}
		}
	}
	config := rpm(t, nil, "-qp", "--nosignature", "--configfiles", real(t, collectorRPM))
	if strings.TrimSpace(config) != "/etc/rollbridge-collector/intake.yaml" {
		t.Errorf("settings of the collector's package are %q", config)
	}
}

// rpm installs into the root; its scripts run there.
func (r *root) rpm(env []string, args ...string) {
	r.t.Helper()
	c := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-ec", enter + `exec rpm --root "$0" "$@"`, r.dir}, args...)...)
	c.Env = append(append(os.Environ(), env...), "LC_ALL=C")
	if out, err := c.CombinedOutput(); err != nil {
		r.t.Fatalf("rpm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestTheRPMComesAndGoes installs without scripts, as an image builder may, and then
// with them: an upgrade keeps what is there, a removal too unless it is to be a purge.
func TestTheRPMComesAndGoes(t *testing.T) {
	t.Parallel()
	needRPM(t)
	r := newRoot(t)
	r.recorded()
	before := r.tree()
	r.rpm(nil, "--nodeps", "--noscripts", "-i", little(t, "1.0.1", agentRPM))
	if got := r.run("rollbridge-agent"); got != "1.0.1\n" {
		t.Errorf("the program says %q", got)
	}
	r.rpm(nil, "--nodeps", "--noscripts", "-e", "rollbridge-agent")

	const unit = "rollbridge-agent.service"
	step := func(name string, env []string, args []string, want ...string) {
		t.Helper()
		r.rpm(env, args...)
		if got := r.asked(); !slices.Equal(got, want) {
			t.Errorf("%s: systemd is asked %q, want %q", name, got, want)
		}
	}
	step("installation", nil, []string{"--nodeps", "-i", little(t, "1.0.1", agentRPM)}, "--quiet enable "+unit, "daemon-reload", "start "+unit)
	r.plant()
	step("upgrade", nil, []string{"--nodeps", "-U", little(t, "1.0.2", agentRPM)}, "daemon-reload", "try-restart "+unit)
	for _, name := range []string{"var/lib/rollbridge/agent.yaml", "opt/rollbridge/versions/state.json"} {
		if got := r.read(name); got != "kept: "+name {
			t.Errorf("after the upgrade %s is %q", name, got)
		}
	}
	step("removal", nil, []string{"-e", "rollbridge-agent"}, "stop "+unit, "--quiet disable "+unit, "daemon-reload")
	if got := r.read("var/lib/rollbridge/state.db"); !strings.HasPrefix(got, "kept") {
		t.Errorf("after a removal the state is %q", got)
	}
	step("installation again", nil, []string{"--nodeps", "-i", little(t, "1.0.2", agentRPM)}, "--quiet enable "+unit, "daemon-reload", "start "+unit)
	step("purge", []string{"ROLLBRIDGE_PURGE=yes"}, []string{"-e", "rollbridge-agent"}, "stop "+unit, "--quiet disable "+unit, "daemon-reload")
	same(t, "after the purge", r.tree(), before)

	r.rpm(nil, "--nodeps", "-i", little(t, "1.0.1", collectorRPM))
	const settings = "etc/rollbridge-collector/intake.yaml"
	r.write(settings, "# mine\n")
	r.rpm(nil, "--nodeps", "-U", little(t, "1.0.2", collectorRPM))
	if got := r.read(settings); got != "# mine" {
		t.Errorf("the upgrade changed the settings: %q", got)
	}
	r.rpm([]string{"ROLLBRIDGE_PURGE=yes"}, "-e", "rollbridge-collector")
	same(t, "after the collector's purge", r.tree(), before)
}
