package installation

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/agent/settings"
)

func TestSettle(t *testing.T) {
	for name, c := range map[string]struct {
		there, from, proxy string // "-": no file
		want               string // a text that is in the result
		load               string // the proxy that is in force
		stay               bool
	}{
		"nothing given":            {"-", "", "", "-", "", false},
		"a proxy, no settings":     {"-", "", "http://proxy.school:8080", "proxy: http://proxy.school:8080", "http://proxy.school:8080", false},
		"settings":                 {"-", "# ours\nmis:\n  profile: csv\n", "", "# ours\nmis:", "", false},
		"both":                     {"-", "# ours\nmis:\n  profile: csv\n", "http://p:1", "# ours", "http://p:1", false},
		"a section":                {"-", "uplink:\n  proxy_login: none # why\n", "http://p:1", "# why", "http://p:1", false},
		"an empty section":         {"uplink:\nmis:\n  profile: csv\n", "", "http://p:1", "profile: csv", "http://p:1", false},
		"another proxy":            {"uplink:\n  proxy: http://old:1\n", "", "http://new:2", "http://new:2", "http://new:2", false},
		"only comments":            {"# nothing yet", "", "http://p:1", "# nothing yet\nuplink:", "http://p:1", false},
		"settings that stay":       {"mis:\n  profile: csv\n", "mis:\n  profile: sims-report\n", "", "profile: csv", "", true},
		"they stay, with a proxy":  {"mis:\n  profile: csv\n", "mis:\n  profile: sims-report\n", "http://p:1", "profile: csv", "http://p:1", true},
		"a proxy that looks other": {"-", "", "none", "proxy: none", "none", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, from := filepath.Join(dir, settings.FileName), ""
			if c.there != "-" {
				write(t, path, c.there)
			}
			if c.from != "" {
				from = filepath.Join(t.TempDir(), "given.yaml")
				write(t, from, c.from)
			}
			if err := Settle(dir, from, c.proxy); errors.Is(err, ErrStay) != c.stay || err != nil && !c.stay {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if c.want == "-" {
				if err == nil {
					t.Fatalf("made settings of nothing: %q", got)
				}
				return
			}
			if err != nil || !strings.Contains(string(got), c.want) {
				t.Fatalf("%v: %q", err, got)
			}
			set, _, err := settings.Load(settings.Given{DataDir: dir}, nil)
			if err != nil || set.Uplink.Proxy != c.load {
				t.Fatalf("%q: %v in %s", set.Uplink.Proxy, err, got)
			}
			if err := Settle(dir, "", c.proxy); err != nil {
				t.Fatal(err)
			}
			if again, err := os.ReadFile(path); err != nil || string(again) != string(got) {
				t.Errorf("the second time it became %q: %v", again, err)
			}
			if left := names(t, dir); !slices.Equal(left, []string{settings.FileName}) {
				t.Errorf("left there: %v", left)
			}
		})
	}
}

// What cannot be changed stays, and no error repeats what stands there.
func TestSettleLeavesWhatItCannotRead(t *testing.T) {
	for _, text := range []string{"uplink: {secret", "uplink: s3cret\n", "- s3cret\n", "s3cret"} {
		dir := t.TempDir()
		path := filepath.Join(dir, settings.FileName)
		write(t, path, text)
		err := Settle(dir, "", "http://user:s3cret@p:1")
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", text, err)
		}
		if now, _ := os.ReadFile(path); string(now) != text {
			t.Errorf("%q became %q", text, now)
		}
	}
	if err := Settle(t.TempDir(), filepath.Join(t.TempDir(), "none.yaml"), ""); err == nil {
		t.Error("settings that are not there were taken")
	}
	large := filepath.Join(t.TempDir(), "large.yaml")
	write(t, large, strings.Repeat("#", mostSettings+1))
	if err := Settle(t.TempDir(), large, ""); err == nil {
		t.Error("a file of any size was taken")
	}
}

func TestRemove(t *testing.T) {
	whole := []string{
		"agent.yaml", "control.pipe", "identity/id.key", "installation.txt", "lock", "logbook-until-2026-01-02T030405Z.jsonl", "logbook.jsonl",
		"logbook.key", "service.lock", "state.db", "state.db-wal",
	}
	logbooks := []string{"logbook-until-2026-01-02T030405Z.jsonl", "logbook.jsonl", "logbook.key"}
	for name, c := range map[string]struct {
		also           []string
		onlyOurs, keep bool
		want           []string // nil: not even the directory
	}{
		"all":                        {nil, false, false, nil},
		"all, in a chosen place":     {nil, true, false, nil},
		"also what others put there": {[]string{"site.yaml", "reports/a.csv"}, false, false, nil},
		"not what others put there":  {[]string{"site.yaml", "reports/a.csv"}, true, false, []string{"reports", "site.yaml"}},
		"not the logbook":            {[]string{"site.yaml"}, false, true, logbooks},
		"neither":                    {[]string{"site.yaml"}, true, true, append(slices.Clone(logbooks), "site.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			for _, n := range append(slices.Clone(whole), c.also...) {
				write(t, filepath.Join(dir, filepath.FromSlash(n)), "x")
			}
			for range 2 {
				if err := Remove(dir, c.onlyOurs, c.keep); err != nil {
					t.Fatal(err)
				}
				if got := names(t, dir); !slices.Equal(got, c.want) {
					t.Fatalf("left there: %q, want %q", got, c.want)
				}
			}
		})
	}
}

// A link leads elsewhere: it goes, and what it leads to stays.
func TestRemoveFollowsNoLink(t *testing.T) {
	dir, elsewhere := filepath.Join(t.TempDir(), "data"), t.TempDir()
	write(t, filepath.Join(dir, "agent.yaml"), "x")
	write(t, filepath.Join(elsewhere, "theirs"), "x")
	for _, name := range []string{"identity", "planted"} {
		if err := os.Symlink(elsewhere, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := Remove(dir, false, false); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != nil {
		t.Errorf("left there: %q", got)
	}
	if got := names(t, elsewhere); len(got) != 1 {
		t.Errorf("elsewhere there is %q", got)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}
