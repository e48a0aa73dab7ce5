//go:build wine

package wine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"rollbridge/e2e/stack"
)

// The versions that the packages are built as.
const (
	firstVersion  = "1.0.0"
	secondVersion = "1.1.0"
)

// What Windows Installer ends with, as it arrives here.
const (
	installed    = 0
	notInstalled = 1603 % 256
)

// hiddenProperties are those whose values no log may show.
var hiddenProperties = []string{"ENROLCODE", "PROXY"}

// Where the installation puts things on the school's server.
const (
	programDir  = `C:\Program Files\Rollbridge`
	setupDir    = `C:\setup`
	defaultSafe = programDir + `\revocation-code.txt`
)

// TestMSI takes a server from nothing to an agent that a deployment tool installed,
// gives it a newer package, and takes it away.
func TestMSI(t *testing.T) {
	l := newSchool(t)
	l.isEmpty()
	first, second := buildMSI(t, firstVersion), buildMSI(t, secondVersion)
	l.oldWindowsIsRefused(first)
	l.takesNoWrongCode(first)
	l.installsSilently(first)
	l.isUpgraded(first, second)
	l.isUninstalled(second)
	l.unknownAccountIsRefused(first)
}

// isEmpty makes this a server on which nothing was ever installed.
func (l *life) isEmpty() {
	l.t.Helper()
	for _, dir := range []string{programDir, l.dir, newDataDir} {
		must(l.t, os.RemoveAll(windows.File(dir)))
	}
}

// buildMSI makes the package of a version, as it is released, and returns its path
// on the school's server.
func buildMSI(t *testing.T, version string) string {
	t.Helper()
	return packMSI(t, version, buildAgent(t, version))
}

// packMSI is buildMSI with a program that is built already.
func packMSI(t *testing.T, version, agent string) string {
	t.Helper()
	dir := filepath.Join(built, "packages", version)
	must(t, os.MkdirAll(dir, 0o700))
	program, err := os.ReadFile(agent)
	must(t, err)
	for _, name := range []string{"rollbridge-agent.exe", "rollbridge-collector.exe"} {
		must(t, os.WriteFile(filepath.Join(dir, name), program, 0o700))
	}
	made := makeMSI(t, version, "amd64", dir)
	mendUpgrade(t, made)
	setup := setupDir + `\` + version + ".msi"
	must(t, os.MkdirAll(windows.File(setupDir), 0o700))
	must(t, os.Rename(made, windows.File(setup)))
	return setup
}

// mendUpgrade has Wine say to a package that it makes way for another what Windows
// says: Wine uninstalls it by `msiexec /i … REMOVE=` and this column, Windows sets
// UPGRADINGPRODUCTCODE by itself.
func mendUpgrade(t *testing.T, msi string) {
	t.Helper()
	const change = "UPDATE `Upgrade` SET `Remove` = 'ALL UPGRADINGPRODUCTCODE={6C2D6F9E-0F58-4B7E-9B43-2C7B1B0E6D51}' WHERE `ActionProperty` = 'OLDERFOUND'"
	if out, err := exec.CommandContext(t.Context(), "msibuild", msi, "-q", change).CombinedOutput(); err != nil {
		t.Fatalf("change an MSI: %v\n%s", err, out)
	}
}

// msiexec runs Windows Installer without a window and returns its verbose log. It
// has to end with code.
func (l *life) msiexec(code int, args ...string) (log string) {
	l.t.Helper()
	const file = `C:\msi.log`
	r, err := windows.Run(l.ctx, Call{Program: "msiexec", Args: append(args, "/qn", "/l*v", file)})
	must(l.t, err)
	text, err := os.ReadFile(windows.File(file))
	must(l.t, err)
	must(l.t, os.Remove(windows.File(file)))
	log = withoutHidden(text16(text))
	if r.Code != code {
		l.t.Fatalf("msiexec %s ended with %d, want %d, and said:\n%s%s\n%s\n%s", strings.Join(args, " "), r.Code, code, r.Stdout, r.Stderr, properties.ReplaceAllString(log, ""), l.said())
	}
	return log
}

// properties are the lines of a log that say how every property stands.
var properties = regexp.MustCompile(`(?m)^.*Property\([SC]\): .*\n`)

// withoutHidden leaves out of a log the values of the properties that are to be
// hidden: Windows shows stars in their place, Wine knows nothing of it. What the
// package says about them is checked in TestTables.
func withoutHidden(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		name, is := strings.CutPrefix(strings.TrimSpace(line), "Property(S): ")
		name, _, _ = strings.Cut(name, " = ")
		if !is || !slices.Contains(hiddenProperties, name) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// said is what the installation kept of what it said.
func (l *life) said() string {
	text, err := os.ReadFile(windows.File(l.dir + `\installation.txt`))
	if err != nil {
		return err.Error()
	}
	return text8(text)
}

// text8 is a text with the line ends of this system, text16 also one of UTF-16.
func text8(b []byte) string { return strings.ReplaceAll(string(b), "\r\n", "\n") }

func text16(b []byte) string {
	if len(b) < 2 || b[0] != 0xff || b[1] != 0xfe {
		return text8(b)
	}
	var units []uint16
	for i := 2; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return text8([]byte(string(utf16.Decode(units))))
}

// registry is all that the registry holds, as text.
func (l *life) registry() string {
	l.t.Helper()
	var all strings.Builder
	for _, root := range []string{"HKLM", "HKCU", "HKCR", "HKU"} {
		file := `C:\` + root + ".reg"
		r, err := windows.Run(l.ctx, Call{Program: "reg", Args: []string{"export", root, file, "/y"}})
		must(l.t, err)
		if r.Code != 0 {
			l.t.Fatalf("reg export %s: %s%s", root, r.Stdout, r.Stderr)
		}
		text, err := os.ReadFile(windows.File(file))
		must(l.t, err)
		must(l.t, os.Remove(windows.File(file)))
		all.WriteString(text16(text))
	}
	if all.Len() < 1000 {
		l.t.Fatalf("the registry holds only\n%s", all.String())
	}
	return all.String()
}

// keepsSecret checks that a text is neither in a log nor in the registry nor in what
// the installation said.
func (l *life) keepsSecret(secret, log string) {
	l.t.Helper()
	for what, text := range map[string]string{"the log of Windows Installer": log, "the registry": l.registry(), "what the installation said": l.said()} {
		if strings.Contains(text, secret) {
			l.t.Errorf("%s holds a secret that was given", what)
		}
	}
}

// nothingLeft checks that no installation is seen any more, but for files in the
// data directory.
func (l *life) nothingLeft(but ...string) {
	l.t.Helper()
	for _, dir := range []string{programDir, l.dir} {
		var left []string
		entries, err := os.ReadDir(windows.File(dir))
		if err != nil && !os.IsNotExist(err) {
			l.t.Fatal(err)
		}
		for _, e := range entries {
			left = append(left, e.Name())
		}
		if dir == l.dir && len(but) > 0 {
			if !slices.Equal(left, but) {
				l.t.Errorf("%s holds %q, want %q", dir, left, but)
			}
			continue
		}
		if err == nil {
			l.t.Errorf("%s is there and holds %q", dir, left)
		}
	}
	for line := range strings.Lines(l.registry()) {
		if strings.Contains(strings.ToLower(line), "rollbridge") {
			l.t.Errorf("in the registry there is %s", line)
		}
	}
	if workers := l.workers(); len(workers) > 0 {
		l.t.Errorf("%d workers run", len(workers))
	}
}

// oldWindowsIsRefused by the number of its build, which it goes by from here on.
func (l *life) oldWindowsIsRefused(msi string) {
	l.t.Helper()
	const key = `HKLM\Software\Microsoft\Windows NT\CurrentVersion`
	build := func(number string) { l.reg("add", key, "/v", "CurrentBuildNumber", "/d", number, "/f") }
	for _, old := range []string{"9600", "14392"} {
		build(old)
		l.msiexec(notInstalled, "/i", msi)
		l.nothingLeft()
	}
	build("14393")
}

func (l *life) reg(args ...string) string {
	l.t.Helper()
	r, err := windows.Run(l.ctx, Call{Program: "reg", Args: args})
	must(l.t, err)
	if r.Code != 0 {
		l.t.Fatalf("reg %s: %s%s", strings.Join(args, " "), r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// unknownAccountIsRefused: without the service there is no installation. Wine ends
// with another code than Windows, and puts files back that Windows takes away.
func (l *life) unknownAccountIsRefused(msi string) {
	l.t.Helper()
	const failed = 1627 % 256
	l.msiexec(failed, "/i", msi, `SERVICEACCOUNT=NOWHERE\nobody$`)
	if r, err := windows.Run(l.ctx, Call{Program: "sc", Args: []string{"query", "Rollbridge"}}); err != nil || r.Code == 0 {
		l.t.Errorf("after an account that nobody knows there is a service: %v %s", err, r.Stdout)
	}
	if _, err := os.Stat(windows.File(l.dir)); err == nil {
		l.t.Error("after an account that nobody knows there is a data directory")
	}
}

// takesNoWrongCode: everything is installed, waits, and says why.
func (l *life) takesNoWrongCode(msi string) {
	l.t.Helper()
	const wrong = "RB1-WRONG-C0DE-TH4T-N0B0DY-SENT"
	log := l.msiexec(installed, "/i", msi, "ENROLCODE="+wrong)
	l.runs()
	if said := l.said(); !strings.Contains(said, "The school was not enrolled: ") || !strings.Contains(said, "code") {
		l.t.Errorf("with a wrong code the installation said\n%s", said)
	}
	if out := l.says(done, "", "status"); !strings.Contains(out, "not enrolled") {
		l.t.Errorf("with a wrong code the status is\n%s", out)
	}
	l.keepsSecret(wrong, log)
	l.msiexec(installed, "/x", msi)
	l.nothingLeft()
}

// installsSilently gives everything on one line.
func (l *life) installsSilently(msi string) {
	l.t.Helper()
	given := `C:\setup\given settings.yaml`
	must(l.t, os.WriteFile(windows.File(given), []byte("# of the trust\nmis:\n  profile: csv\n  folder: "+misFolder+"\n  settle_seconds: 0\n"), 0o600))
	code, err := l.collector.AddSchool(l.ctx, stack.School{ID: schoolID, Name: "Oakmere", Authorities: l.school.Authorities()})
	must(l.t, err)
	confirmed := make(chan error, 1)
	go func() { confirmed <- l.confirms() }() // or the installation would wait for it in vain
	log := l.msiexec(installed, "/i", msi, "ENROLCODE="+code, "PROXY=none", "SETTINGS="+given)
	l.keepsSecret(code, log)
	if s := l.service(done); !s.Running || s.Account != `NT SERVICE\Rollbridge` || !strings.EqualFold(s.Directory, l.dir) {
		l.t.Errorf("installed, the service stands so: %+v", s)
	}
	settings, err := os.ReadFile(windows.File(l.dir + `\agent.yaml`))
	must(l.t, err)
	if text := text8(settings); !strings.Contains(text, "# of the trust") || !strings.Contains(text, "proxy: none") {
		l.t.Errorf("the settings are\n%s", text)
	}
	safe, err := os.ReadFile(windows.File(defaultSafe))
	must(l.t, err)
	l.safe = strings.TrimSpace(string(safe))
	l.keepsSecret(l.safe, log)
	must(l.t, <-confirmed)
	l.says(done, "", "sync")
	l.same()
}

// confirms what the installation says to be the agent's phrase, as the operator does
// when somebody reads it out.
func (l *life) confirms() error {
	return stack.Await(l.ctx, "the agent to be known", func() (bool, error) {
		phrase, err := stack.PhraseIn(l.said())
		if err != nil {
			return false, err
		}
		r, err := l.collector.Try(l.ctx, "agent", "confirm", schoolID, phrase)
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("agent confirm: %s", r.Stderr)
		}
		return err == nil, err
	})
}

// isUpgraded to a newer package, with nothing given again; an older one is refused.
func (l *life) isUpgraded(first, second string) {
	l.t.Helper()
	before := l.files("agent.yaml", `identity\id.key`)
	l.msiexec(installed, "/i", second)
	if out := l.says(done, "", "version"); !strings.Contains(out, secondVersion) {
		l.t.Errorf("after the upgrade version says %q", out)
	}
	l.runs()
	if now := l.files("agent.yaml", `identity\id.key`); now != before {
		l.t.Error("an upgrade changed the settings or the keys")
	}
	l.changes("I")
	l.says(done, "", "sync")
	l.same()
	l.msiexec(notInstalled, "/i", first)
	if out := l.says(done, "", "version"); !strings.Contains(out, secondVersion) {
		l.t.Errorf("after an older package version says %q", out)
	}
	l.runs()
}

// files is what some files of the data directory hold.
func (l *life) files(names ...string) string {
	l.t.Helper()
	var all strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(windows.File(l.dir + `\` + name))
		must(l.t, err)
		fmt.Fprintf(&all, "%s %d %q\n", name, len(b), b)
	}
	return all.String()
}

// isUninstalled and leaves the logbook only, since that was asked for.
func (l *life) isUninstalled(msi string) {
	l.t.Helper()
	l.msiexec(installed, "/x", msi, "LOGBOOK=keep")
	l.nothingLeft("logbook.jsonl")
	must(l.t, os.RemoveAll(windows.File(l.dir)))
}
