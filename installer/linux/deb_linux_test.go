package linux

import (
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	agentDeb     = "rollbridge-agent_*.deb"
	collectorDeb = "rollbridge-collector_*.deb"
)

// plant lays what a school has after a while, as the service's own files.
func (r *root) plant() {
	r.t.Helper()
	for _, name := range []string{
		"var/lib/rollbridge/agent.yaml", "var/lib/rollbridge/identity/sign.key", "var/lib/rollbridge/state.db", "var/lib/rollbridge/logbook.jsonl",
		"var/lib/rollbridge/schools/oak/logbook.jsonl", "var/lib/rollbridge/schools/oak/state.db",
		"opt/rollbridge/versions/state.json", "opt/rollbridge/versions/1.0.5/rollbridge-agent",
	} {
		r.write(name, "kept: "+name)
	}
	r.run("chown", "-R", "rollbridge:rollbridge", "/var/lib/rollbridge", "/opt/rollbridge/versions")
}

// TestTheAgentComesAndGoes installs the real package on a machine without systemd,
// upgrades it, removes it, installs it again and purges it.
func TestTheAgentComesAndGoes(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.must(os.RemoveAll(r.path("usr/bin/systemctl")))
	before := r.tree()
	r.install(real(t, agentDeb))
	if out := r.run("rollbridge-agent", "version"); !strings.Contains(out, "1.0.0") {
		t.Errorf("the program says %q", out)
	}
	for name, want := range map[string]string{
		"var/lib/rollbridge": "rollbridge:rollbridge 700", "opt/rollbridge/versions": "rollbridge:rollbridge 755",
		"opt/rollbridge": "root:root 755", "opt/rollbridge/rollbridge-agent": "root:root 755",
	} {
		if got := r.owner(name); got != want {
			t.Errorf("%s belongs to %s, want %s", name, got, want)
		}
	}
	if got := r.run("getent", "passwd", "rollbridge"); !strings.HasSuffix(got, ":/var/lib/rollbridge:/usr/sbin/nologin\n") {
		t.Errorf("the user is %s", got)
	}
	r.plant()
	planted := r.tree()
	r.install(little(t, "1.0.1", agentDeb))
	upgraded := r.tree()
	for name := range planted {
		if strings.HasSuffix(name, "bin/rollbridge-agent") || name == "opt/rollbridge/rollbridge-agent" {
			continue // the program
		}
		if planted[name] != upgraded[name] {
			t.Errorf("the upgrade changed %s from %q to %q", name, planted[name], upgraded[name])
		}
	}
	if got := r.run("rollbridge-agent", "version"); got != "1.0.1\n" {
		t.Errorf("after the upgrade the program says %q", got)
	}
	r.run("dpkg", "-r", "rollbridge-agent")
	if got := r.read("var/lib/rollbridge/agent.yaml"); got != "kept: var/lib/rollbridge/agent.yaml" {
		t.Errorf("after a removal the settings are %q", got)
	}
	if _, err := os.Lstat(r.path("opt/rollbridge")); err == nil {
		t.Error("a removal leaves programs")
	}
	r.install(little(t, "1.0.1", agentDeb))
	if got := r.owner("var/lib/rollbridge/state.db"); !strings.HasPrefix(got, "rollbridge:") {
		t.Errorf("after another installation the state belongs to %s", got)
	}
	r.run("dpkg", "-P", "rollbridge-agent")
	same(t, "after the purge", r.tree(), before)
	if out, err := r.try(nil, "dpkg", "-s", "rollbridge-agent"); err == nil {
		t.Errorf("dpkg still knows the package:\n%s", out)
	}
}

// TestPurgeKeepsTheLogbookByChoice keeps each school's and nothing else, and nobody but
// root has it then.
func TestPurgeKeepsTheLogbookByChoice(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	before := r.tree()
	r.install(little(t, "1.0.1", agentDeb))
	r.plant()
	r.run("dpkg", "-r", "rollbridge-agent")
	if out, err := r.try([]string{"ROLLBRIDGE_KEEP_LOGBOOK=yes"}, "dpkg", "-P", "rollbridge-agent"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := r.tree()
	for _, name := range []string{"var/lib/rollbridge/logbook.jsonl", "var/lib/rollbridge/schools/oak/logbook.jsonl"} {
		if !strings.Contains(got[name], " 0:0 ") {
			t.Errorf("%s is %q", name, got[name])
		}
	}
	for _, name := range []string{"", "/logbook.jsonl", "/schools", "/schools/oak", "/schools/oak/logbook.jsonl"} {
		delete(got, "var/lib/rollbridge"+name)
	}
	same(t, "after the purge", got, before)
}

// TestWhatSystemdIsAsked is the order of things on a machine that runs systemd.
func TestWhatSystemdIsAsked(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.recorded()
	before := r.tree()
	const unit = "rollbridge-agent.service"
	step := func(name string, do func(), want ...string) {
		t.Helper()
		do()
		if got := r.asked(); !slices.Equal(got, want) {
			t.Errorf("%s: systemd is asked %q, want %q", name, got, want)
		}
	}
	remove := func(how string) func() { return func() { r.run("dpkg", how, "rollbridge-agent") } }
	step("installation", func() { r.install(little(t, "1.0.1", agentDeb)) }, "--quiet enable "+unit, "daemon-reload", "start "+unit)
	step("upgrade", func() { r.install(little(t, "1.0.2", agentDeb)) }, "daemon-reload", "try-restart "+unit)
	step("removal", remove("-r"), "stop "+unit, "--quiet disable "+unit, "daemon-reload")
	step("installation after a removal", func() { r.install(little(t, "1.0.2", agentDeb)) }, "--quiet enable "+unit, "daemon-reload", "start "+unit)
	step("removal", remove("-r"), "stop "+unit, "--quiet disable "+unit, "daemon-reload")
	step("purge", remove("-P"), "daemon-reload")
	same(t, "after the purge", r.tree(), before)

	// Images are made on machines that forbid packages to start anything.
	r.write("usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
	r.must(os.Chmod(r.path("usr/sbin/policy-rc.d"), 0o755))
	step("installation into an image", func() { r.install(little(t, "1.0.1", agentDeb)) }, "--quiet enable "+unit, "daemon-reload")
}

// TestTheServiceIsEnabledWithoutSystemdRunning: an image that is made in a chroot starts
// the agent when it boots.
func TestTheServiceIsEnabledWithoutSystemdRunning(t *testing.T) {
	t.Parallel()
	needSystemd(t)
	r := newRoot(t)
	before := r.tree()
	const link = "etc/systemd/system/multi-user.target.wants/rollbridge-agent.service"
	r.install(little(t, "1.0.1", agentDeb))
	if to, err := os.Readlink(r.path(link)); err != nil || !strings.HasSuffix(to, "/lib/systemd/system/rollbridge-agent.service") {
		t.Errorf("the service is not enabled: %q, %v", to, err)
	}
	// A school that does not want it to start with the machine is not asked again.
	r.run("systemctl", "disable", "rollbridge-agent.service")
	r.install(little(t, "1.0.2", agentDeb))
	if _, err := os.Lstat(r.path(link)); err == nil {
		t.Error("an upgrade enables a service that was disabled")
	}
	r.run("dpkg", "-P", "rollbridge-agent")
	same(t, "after the purge", r.tree(), before)
}

// TestTheCollectorComesAndGoes: changed settings of intake survive an upgrade unasked,
// and keys survive a purge unless it is said that they are to go.
func TestTheCollectorComesAndGoes(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	before := r.tree()
	r.install(real(t, collectorDeb))
	if out := r.run("rollbridge-collector", "version"); !strings.Contains(out, "1.0.0") {
		t.Errorf("the program says %q", out)
	}
	const settings = "etc/rollbridge-collector/intake.yaml"
	for name, want := range map[string]string{
		settings: "root:rollbridge-intake 640", "var/lib/rollbridge-collector": "rollbridge-collector:rollbridge-collector 700",
		"var/lib/rollbridge-intake": "rollbridge-intake:rollbridge-intake 700", "var/lib/rollbridge-intake/keys": "rollbridge-intake:rollbridge-intake 700",
	} {
		if got := r.owner(name); got != want {
			t.Errorf("%s belongs to %s, want %s", name, got, want)
		}
	}
	out := r.run("rollbridge-collector", "config", "explain", "--config", "/"+settings)
	if !strings.Contains(out, "/var/lib/rollbridge-intake") || !strings.Contains(out, "127.0.0.1:8446") {
		t.Errorf("the settings of intake are not in force:\n%s", out)
	}
	r.write(settings, "data_dir: /var/lib/rollbridge-intake # mine\n")
	r.install(little(t, "1.0.1", collectorDeb))
	if got := r.read(settings); !strings.HasSuffix(got, "# mine") {
		t.Errorf("the upgrade changed the settings: %q", got)
	}
	if got, want := r.owner(settings), "root:rollbridge-intake 640"; got != want {
		t.Errorf("after the upgrade the settings belong to %s, want %s", got, want)
	}
	r.run("dpkg", "-P", "rollbridge-collector")
	same(t, "after the purge", r.tree(), before)

	r.install(little(t, "1.0.1", collectorDeb))
	const key = "var/lib/rollbridge-collector/keys/vault/1.key"
	r.write(key, "the only one")
	if out := r.run("dpkg", "-P", "rollbridge-collector"); !strings.Contains(out, "keys and data are still in /var/lib/rollbridge-collector") {
		t.Errorf("the purge does not say what it left:\n%s", out)
	}
	if got := r.read(key); got != "the only one" {
		t.Errorf("a purge took the keys")
	}
	r.install(little(t, "1.0.2", collectorDeb))
	if out, err := r.try([]string{"ROLLBRIDGE_DELETE_KEYS=yes"}, "dpkg", "-P", "rollbridge-collector"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	same(t, "after the purge with the keys", r.tree(), before)
}
