package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/agent/slot"
	"rollbridge/e2e/zoo"
)

// TestUninstallOnProbation uninstalls the service while a new version is on
// probation, and installs a newer package: nothing of the old probation touches
// the new installation.
func TestUninstallOnProbation(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed") //ci:needs systemd-analyze
	}
	i := alone(t)
	i.must(os.WriteFile(filepath.Join(i.folder(), "certificate.pem"), nil, 0o644)) // which every machine gets
	m := newMachine(i.world, i.agent)
	if m == nil {
		t.Log("this user may make no machine for systemd: nothing is tried")
		return
	}
	i.program = filepath.Join("/proc", m.pid, "root/opt/rollbridge/rollbridge-agent")
	i.versions = slot.Dir{Path: filepath.Join(filepath.Dir(i.program), slot.Name)}
	packaged := func(version string) {
		t.Helper()
		i.must(os.Remove(i.program))
		i.link(i.built(version, zoo.Good), i.program)
	}
	running := func() string {
		return m.try("sh", "-c", "readlink /proc/[0-9]*/exe | grep rollbridge").Stdout
	}
	packaged("1.0.0")
	m.agent(0, "service", "install")
	if !i.versions.There() {
		t.Fatal("installing makes no versions directory")
	}
	i.stage("1.1.0", zoo.Good)
	m.agent(0, "service", "start")
	i.until("the version to be on probation", func(s slot.State) bool { return s.OnProbation("1.1.0") })
	m.await("the version on probation to run", func() bool { return strings.Contains(running(), "/versions/1.1.0/") })

	m.agent(0, "service", "uninstall")
	if left := running(); left != "" {
		t.Errorf("after uninstalling there still runs %s", left)
	}
	if s := i.state(); s.Candidate != nil || s.Current == "1.1.0" {
		t.Errorf("after uninstalling the probation goes on: %+v", s)
	}

	packaged("1.2.0")
	m.agent(0, "service", "install")
	m.agent(0, "service", "start")
	s := i.until("the package's version to be in force", func(s slot.State) bool { return s.Current == "1.2.0" && s.Candidate == nil })
	m.says("The worker runs", 0, "service", "status")
	if now := running(); strings.Contains(now, slot.Name) || strings.Count(now, "rollbridge-agent") != 2 {
		t.Errorf("there runs %s", now)
	}
	if skippedFor(s, "1.2.0") != "" {
		t.Errorf("the state is %+v", s)
	}
}
