package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rollbridge/e2e/fault"
)

// counted puts a program before each that the scripts call, which counts them all and
// kills dpkg, its scripts and itself before the one whose number is in /tmp/cut.
func (r *root) counted() {
	r.t.Helper()
	for _, name := range []string{"useradd", "userdel", "groupdel", "chown", "chmod", "install", "rm", "rmdir", "systemctl", "find"} {
		if _, err := os.Lstat(r.path("usr/bin", name)); err != nil {
			r.t.Fatal(err)
		}
		r.write("usr/local/sbin/"+name, `#!/bin/sh
if [ -e /tmp/cut ]; then
	read -r n </tmp/count || n=0
	echo $((n + 1)) >/tmp/count
	read -r at </tmp/cut
	if [ $((n + 1)) -eq "$at" ]; then kill -9 0; fi
fi
exec /usr/bin/`+name+` "$@"
`)
		r.must(os.Chmod(r.path("usr/local/sbin", name), 0o755))
	}
	r.write("tmp/count", "0\n")
}

// cutScripts runs dpkg until the n-th program that its scripts call; fell says that there
// were so many.
func (r *root) cutScripts(n int, args ...string) (fell bool) {
	r.t.Helper()
	r.write("tmp/cut", strconv.Itoa(n)+"\n")
	r.write("tmp/count", "0\n")
	out, err := r.try(nil, append([]string{"dpkg"}, args...)...)
	r.must(os.Remove(r.path("tmp/cut")))
	count, convErr := strconv.Atoi(r.read("tmp/count"))
	r.must(convErr)
	if count < n && err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return count >= n
}

// TestScriptsMayBeKilledAnywhere kills the first installation, an upgrade and a purge
// before each program that their scripts call. What dpkg then does when it is asked
// again ends where it ends without that.
func TestScriptsMayBeKilledAnywhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, args []string // dpkg's, with $1 and $2 for the packages
	}{
		"installation": {nil, []string{"-i", "$1"}},
		"upgrade":      {[]string{"-i", "$1"}, []string{"-i", "$2"}},
		"purge":        {[]string{"-i", "$1"}, []string{"-P", "rollbridge-agent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoot(t)
			r.recorded()
			r.counted()
			paths := strings.NewReplacer("$1", r.put(little(t, "1.0.1", agentDeb)), "$2", r.put(little(t, "1.0.2", agentDeb)))
			dpkg := func(args []string) []string {
				line := make([]string, len(args))
				for i, a := range args {
					line[i] = paths.Replace(a)
				}
				return line
			}
			empty := r.tree()
			start := func() {
				if _, err := r.try(nil, "dpkg", "-P", "rollbridge-agent"); err != nil {
					t.Fatal(err)
				}
				same(t, "between two", r.tree(), empty)
				if len(c.before) > 0 {
					r.run(append([]string{"dpkg"}, dpkg(c.before)...)...)
					r.plant()
				}
				r.asked()
			}
			start()
			r.run(append([]string{"dpkg"}, dpkg(c.args)...)...)
			want := r.tree()
			cuts := 0
			for n := 1; ; n++ {
				start()
				if !r.cutScripts(n, dpkg(c.args)...) {
					break
				}
				cuts++
				// apt asks for this before anything else, and so may a person.
				if n%2 == 0 {
					r.run("dpkg", "--configure", "-a")
				}
				r.run(append([]string{"dpkg"}, dpkg(c.args)...)...)
				same(t, fmt.Sprintf("cut before call %d", n), r.tree(), want)
			}
			if cuts < 2 {
				t.Errorf("only %d cuts", cuts)
			}
		})
	}
}

// TestDpkgMayBeKilledAnywhere cuts off dpkg itself, as by a power cut, before a number
// of the acts by which it changes the disk.
func TestDpkgMayBeKilledAnywhere(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	pkg := r.put(little(t, "1.0.1", agentDeb))
	empty := r.tree()
	r.run("dpkg", "-i", pkg)
	want := r.tree()
	log := filepath.Join(t.TempDir(), "dpkg.log")
	cut := func(at int) *fault.Cut {
		r.run("dpkg", "-P", "rollbridge-agent")
		same(t, "between two", r.tree(), empty)
		c := &fault.Cut{Below: r.dir, At: at}
		line := r.inside("dpkg", "-i", pkg)
		r.must(c.Start(log, []string{"PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}, line[0], line[1:]...))
		<-c.Exited()
		r.must(c.Err())
		return c
	}
	acts := len(cut(0).Acts())
	const points = 12
	if acts < points {
		t.Fatalf("only %d acts", acts)
	}
	for i := range points {
		at := 1 + i*(acts-1)/(points-1)
		c := cut(at)
		if !c.Fell() {
			continue // a status file may be written in fewer pieces
		}
		// Where half of the files are there, dpkg wants the package again.
		if out, err := r.try(nil, "dpkg", "--configure", "-a"); err != nil && !strings.Contains(out, "reinstall it") {
			t.Errorf("dpkg --configure -a: %v\n%s", err, out)
		}
		r.run("dpkg", "-i", pkg)
		same(t, fmt.Sprintf("cut before %v (%d of %d)", c.Acts()[len(c.Acts())-1], at, acts), r.tree(), want)
	}
}
