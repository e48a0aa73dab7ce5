package settings

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// The shipped file, with every setting uncommented, must say exactly what the
// program does without a file: otherwise the comments lie.
func TestShippedFileIsComplete(t *testing.T) {
	shipped, err := os.ReadFile("../../configs/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^#([^#])`).ReplaceAllString(string(shipped), "$1")
	file := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, plain, err := Load(Given{DataDir: t.TempDir()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, full, err := Load(Given{File: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range full {
		if s.Origin == "default" {
			t.Errorf("%s is not in configs/agent.yaml", s.Key)
		}
		if s.Key != "data_dir" && s.Value != plain[i].Value {
			t.Errorf("%s is %q in configs/agent.yaml and %q by default", s.Key, s.Value, plain[i].Value)
		}
	}
}

func TestFileInDataDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("mis:\n  profile: csv\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, load := range map[string]func() (Settings, error){
		"flag": func() (Settings, error) { s, _, err := Load(Given{DataDir: dir}, nil); return s, err },
		"environment": func() (Settings, error) {
			s, _, err := Load(Given{}, []string{"rollbridge_data_dir=" + dir, "ROLLBRIDGE_COLLECTOR_PORT=1"})
			return s, err
		},
	} {
		s, err := load()
		if err != nil || s.MIS.Profile != "csv" || s.DataDir != dir {
			t.Errorf("%s: profile %q in %q, %v", name, s.MIS.Profile, s.DataDir, err)
		}
	}
}

func TestRefused(t *testing.T) {
	cases := map[string]string{
		"ROLLBRIDGE_SCHEDULE_TIMES=9.30":                     "schedule.times",
		"ROLLBRIDGE_UPLINK_PROXY=ftp://u:geheim@proxy":       "uplink.proxy",
		"ROLLBRIDGE_LOG_LEVEL=loud":                          "log.level",
		"ROLLBRIDGE_LOG_FORMAT=xml":                          "log.format",
		"ROLLBRIDGE_MIS_SETTLE_SECONDS=-1":                   "mis.settle_seconds",
		"ROLLBRIDGE_MIS_FOLDR=/x":                            "ROLLBRIDGE_MIS_FOLDER",
		"ROLLBRIDGE_UPLINK_PROXY=http://u:geheim@[proxy/%zz": "uplink.proxy",
	}
	for env, want := range cases {
		_, _, err := Load(Given{DataDir: t.TempDir()}, []string{env})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", env, err)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the error repeats the password", env)
		}
	}
}

func TestSite(t *testing.T) {
	m := Defaults().MIS
	if _, err := m.Site(); !errors.Is(err, errNoMIS) {
		t.Errorf("nothing set: %v", err)
	}
	m.Profile, m.Folder = "csv", "export"
	if _, err := m.Site(); err == nil {
		t.Error("a relative folder passed")
	}
	m.Folder = t.TempDir()
	m.Datasets.Contact.Complete = false
	site, err := m.Site()
	if err != nil || *site.SettleSeconds != 5 || !*site.Datasets[record.DatasetPupil].Complete || *site.Datasets[record.DatasetContact].Complete {
		t.Errorf("%+v, %v", site, err)
	}
}

func TestMinutes(t *testing.T) {
	got, err := Schedule{Times: []string{"13:45", "09:30", "13:45"}}.Minutes()
	if err != nil || len(got) != 2 || got[0] != 570 || got[1] != 825 {
		t.Errorf("%v, %v", got, err)
	}
}
