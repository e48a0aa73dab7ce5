//go:build wine

package wine

import (
	"os"
	"testing"
)

// TestStepsOfTheInstaller does by hand what the installer has done by the program,
// where Wine's own installer does not come: what breaks off is taken back, a service
// that is there stays as it is.
func TestStepsOfTheInstaller(t *testing.T) {
	l := &life{t: t, ctx: bounded(t), dir: dataDir}
	l.isEmpty()
	program, err := os.ReadFile(buildAgent(t, firstVersion))
	must(t, err)
	must(t, os.MkdirAll(windows.File(programDir), 0o700))
	must(t, os.WriteFile(windows.File(programFile), program, 0o700))

	// A first installation that breaks off.
	l.step(done, "set-up")
	if s := l.service(refused); !s.Installed || s.Running {
		t.Errorf("set up, the service stands so: %+v", s)
	}
	l.step(done, "undo")
	if s := l.service(refused); s.Installed {
		t.Errorf("taken back, the service stands so: %+v", s)
	}
	l.onlyProgram()

	// An upgrade that breaks off: the service of the version before stays.
	l.step(done, "set-up")
	l.step(done, "start")
	l.runs()
	l.step(done, "stop")
	l.step(refused, "set-up", `--account=NOWHERE\nobody$ `)
	l.step(done, "set-up", "--data-dir= ", "--account= ", "--password-file= ")
	if s := l.service(refused); !s.Installed || s.Directory != l.dir || s.Account != `NT SERVICE\Rollbridge` {
		t.Errorf("set up again, the service stands so: %+v", s)
	}
	l.step(done, "start")
	l.step(done, "undo")
	if s := l.service(refused); !s.Installed || s.Running {
		t.Errorf("after an upgrade that was taken back the service stands so: %+v", s)
	}
	l.step(done, "start", "--again")
	l.runs()

	// Another directory, with a backslash behind it, and a password that is missing.
	const chosen = `C:\Chosen place\Rollbridge`
	l.step(done, "set-up", "--data-dir="+chosen+`\ `)
	l.dir = chosen
	if s := l.service(refused); !s.Installed || s.Directory != chosen {
		t.Errorf("in another directory the service stands so: %+v", s)
	}
	l.step(refused, "set-up", `--account=TRUST\person `)

	must(t, os.WriteFile(windows.File(chosen+`\theirs.txt`), nil, 0o600))
	l.step(done, "remove", "--logbook= ")
	l.keeps("theirs.txt")
	must(t, os.RemoveAll(windows.File(`C:\Chosen place`)))
	l.dir = dataDir
	must(t, os.RemoveAll(windows.File(l.dir)))
	l.onlyProgram()
	l.step(done, "start", "--again")
	l.step(done, "stop")
	l.step(done, "remove")
	must(t, os.RemoveAll(windows.File(programDir)))
	l.nothingLeft()
}

// step does one step of the installer.
func (l *life) step(code int, args ...string) {
	l.t.Helper()
	r, err := windows.Run(l.ctx, Call{Program: programFile, Args: append([]string{"msi"}, args...)})
	must(l.t, err)
	if r.Code != code {
		l.t.Fatalf("msi %q ended with %d, want %d, and said:\n%s%s", args, r.Code, code, r.Stdout, r.Stderr)
	}
}

// onlyProgram checks that nothing is there but the installed program.
func (l *life) onlyProgram() {
	l.t.Helper()
	entries, err := os.ReadDir(windows.File(programDir))
	must(l.t, err)
	if len(entries) != 1 {
		l.t.Errorf("beside the program there is %v", entries)
	}
	if _, err := os.Stat(windows.File(l.dir)); err == nil {
		l.t.Error("there is a data directory")
	}
}
