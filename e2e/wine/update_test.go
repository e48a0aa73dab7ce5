//go:build wine

package wine

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/slot"
	"rollbridge/e2e/stack"
	"rollbridge/e2e/zoo"
)

// The versions of TestUpdates: what the package brings, a good one and a broken one.
const (
	packagedVersion = "2.0.0"
	nextVersion     = "2.1.0"
	brokenVersion   = "2.2.0"
)

// shortLimits are those of the supervisor in TestUpdates: what has to come is waited
// for, and what never comes is not waited for long.
const shortLimits = "ready=90s silence=90s probation=5s look=200ms beat=500ms"

// TestUpdates has the installed service keep itself current from a repository: it
// takes a good version, through a power cut too, comes back from a broken one by
// itself and from the good one when a person asks. There is no school yet: that is
// not needed. It cuts the power: no other test may run beside it.
func TestUpdates(t *testing.T) {
	l := &life{t: t, ctx: bounded(t), dir: dataDir}
	l.isEmpty()
	ceremony, err := zoo.NewCeremony()
	must(t, err)
	repository, err := ceremony.Repository(filepath.Join(t.TempDir(), "repository"))
	must(t, err)
	must(t, repository.Publish())
	mirror, err := zoo.NewMirror(repository.Dir)
	must(t, err)
	t.Cleanup(func() { _ = mirror.Close() })
	u := &updates{life: l, root: ceremony.Root, repository: repository}
	msi := packMSI(t, packagedVersion, u.build(packagedVersion, zoo.Good))
	u.shortens()

	// Of itself it fetches nothing here: the test asks when it wants to.
	settings := setupDir + `\updates.yaml`
	text := fmt.Sprintf("updates:\n  url: %s\n  hold_days: 60\nuplink:\n  proxy: none\n", mirror.URL)
	must(t, os.WriteFile(windows.File(settings), []byte(text), 0o600))
	l.msiexec(installed, "/i", msi, "SETTINGS="+settings)
	l.runs()

	u.publish(nextVersion, zoo.Good)
	l.says(done, "", "update", "apply")
	u.settled("the new version in force", nextVersion)
	must(t, windows.Restart(l.ctx))
	u.settled("the new version after a power cut", nextVersion)

	u.publish(brokenVersion, zoo.Exits)
	l.says(done, "", "update", "apply")
	u.until("the broken version to be skipped", func(st slot.State) bool {
		return slices.ContainsFunc(st.Skipped, func(s slot.Skip) bool { return s.Version == brokenVersion })
	})
	u.settled("the version before, after a broken one", nextVersion)

	l.says(done, "", "update", "rollback")
	u.settled("the packaged version, since a person asked for it", packagedVersion)
	l.msiexec(installed, "/x", msi)
	l.reg("delete", environmentKey, "/v", limitsVariable, "/f")
	l.nothingLeft()
}

// Where Windows keeps the environment of services, and what sets the limits there.
const (
	environmentKey = `HKLM\System\CurrentControlSet\Control\Session Manager\Environment`
	limitsVariable = "ROLLBRIDGE_TEST_CLOCK_LIMITS"
)

type updates struct {
	*life
	root       []byte
	repository *zoo.Repository
}

// build builds a version of a kind for Windows, with the first root in it and the
// limits of tests.
func (u *updates) build(version string, kind zoo.Kind) string {
	u.t.Helper()
	path := filepath.Join(built, "release", version+".exe")
	flags := "-X rollbridge/shared/version.Version=" + version + " -X rollbridge/shared/release.builtIn=" + base64.StdEncoding.EncodeToString(u.root)
	pkg := "rollbridge/agent"
	if kind != zoo.Good {
		pkg, flags = "rollbridge/e2e/zoo/small", flags+" -X main.kind="+string(kind)
	}
	goForWindows(u.t, "build", "-tags", "testclock", "-ldflags", flags, "-o", path, pkg)
	return path
}

// publish releases a version for Windows.
func (u *updates) publish(version string, kind zoo.Kind) {
	u.t.Helper()
	d := zoo.Describe(version)
	d.OS, d.Arch = "windows", "amd64"
	must(u.t, u.repository.Add(u.build(version, kind), d))
	must(u.t, u.repository.Publish())
}

// shortens gives every service the short limits, which a start of Windows reads.
func (u *updates) shortens() {
	u.t.Helper()
	u.reg("add", environmentKey, "/v", limitsVariable, "/d", shortLimits, "/f")
	u.reg("add", `HKLM\Software\Microsoft\Windows NT\CurrentVersion`, "/v", "CurrentBuildNumber", "/d", "14393", "/f")
	must(u.t, windows.Restart(u.ctx))
}

// settled waits until a version is in force and none is on probation.
func (u *updates) settled(what, version string) {
	u.t.Helper()
	u.until(what, func(st slot.State) bool { return st.Current == version && st.Candidate == nil && st.Running == version })
	if out := u.says(done, "", "update", "check"); !strings.Contains(out, version) {
		u.t.Errorf("%s: it says\n%s", what, out)
	}
	u.runs()
}

// until waits for a state of the supervisor.
func (u *updates) until(what string, is func(slot.State) bool) {
	u.t.Helper()
	dir := slot.Dir{Path: windows.File(programDir + `\versions`)}
	must(u.t, stack.Await(u.ctx, what, func() (bool, error) {
		st, err := dir.State()
		if err == nil && !is(st) {
			err = fmt.Errorf("the state is %+v", st)
		}
		return err == nil, err
	}))
}
