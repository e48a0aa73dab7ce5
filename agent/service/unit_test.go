package service

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func someSetup() Setup {
	return Setup{Program: "/opt/rollbridge/rollbridge-agent", Dir: "/var/lib/rollbridge", Account: "rollbridge"}
}

// What stands in a unit is read back as it was, whatever paths are like.
func TestWordsOfAUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`/[a-zA-Z0-9 %$"'\\;._-]{1,12}`)
		s := Setup{Program: part.Draw(t, "program"), Dir: part.Draw(t, "dir"), Schools: rapid.Bool().Draw(t, "schools"), Account: "rollbridge"}
		if rapid.Bool().Draw(t, "configured") {
			s.Config = part.Draw(t, "config")
		}
		text := unit(s)
		got, err := words(valueOf(text, "ExecStart"))
		if err != nil {
			t.Fatal(err)
		}
		if want := append([]string{s.Program}, s.arguments()...); !slices.Equal(got, want) {
			t.Fatalf("%q is read back as %q from\n%s", want, got, valueOf(text, "ExecStart"))
		}
		if got := dirIn(got); got != s.Dir {
			t.Fatalf("the directory is %q, want %q", got, s.Dir)
		}
	})
}

func TestDiffering(t *testing.T) {
	other := someSetup()
	other.Dir = "/srv/rollbridge"
	got := differing(strings.Split(unit(someSetup()), "\n"), strings.Split(unit(other), "\n"))
	want := []string{
		"  now:    ExecStart=/opt/rollbridge/rollbridge-agent supervise --data-dir /var/lib/rollbridge",
		"  now:    ReadWritePaths=/var/lib/rollbridge -/opt/rollbridge/versions",
		"  wanted: ExecStart=/opt/rollbridge/rollbridge-agent supervise --data-dir /srv/rollbridge",
		"  wanted: ReadWritePaths=/srv/rollbridge -/opt/rollbridge/versions",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the differences are\n%s", strings.Join(got, "\n"))
	}
}

// The SID of TrustedInstaller is the same on every Windows, and published.
func TestVirtualSID(t *testing.T) {
	if got, want := virtualSID("TrustedInstaller"), "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
