package settings

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/rest"
	"rollbridge/agent/mis/sqlserver"
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
		"ROLLBRIDGE_UPDATES_URL=ftp://u:geheim@mirror":       "updates.url",
		"ROLLBRIDGE_UPDATES_RING=inner":                      "updates.ring",
		"ROLLBRIDGE_UPDATES_WINDOW=18:00":                    "updates.window",
		"ROLLBRIDGE_UPDATES_HOLD_DAYS=61":                    "updates.hold_days",
		"ROLLBRIDGE_LOG_FORMAT=xml":                          "log.format",
		"ROLLBRIDGE_MIS_SETTLE_SECONDS=-1":                   "mis.settle_seconds",
		"ROLLBRIDGE_MIS_SERVER_PORT=70000":                   "mis.server.port",
		"ROLLBRIDGE_MIS_SERVER_QUERY_SECONDS=0":              "mis.server.query_seconds",
		"ROLLBRIDGE_MIS_SERVER_LOCK_SECONDS=9999":            "mis.server.lock_seconds",
		"ROLLBRIDGE_MIS_SERVER_OLD_CIPHERS=yes":              "mis.server.old_ciphers",
		"ROLLBRIDGE_MIS_SERVER_PASWORD=geheim":               "ROLLBRIDGE_MIS_SERVER_PASSWORD",
		"ROLLBRIDGE_MIS_FOLDR=/x":                            "ROLLBRIDGE_MIS_FOLDER",
		"ROLLBRIDGE_UPLINK_PROXY=http://u:geheim@[proxy/%zz": "uplink.proxy",
		"ROLLBRIDGE_UPLINK_PAC=proxy.pac":                    "uplink.pac",
		"ROLLBRIDGE_UPLINK_PAC=http://u:geheim@wpad/":        "uplink.pac",
		"ROLLBRIDGE_UPLINK_PROXY_LOGIN=digest":               "uplink.proxy_login",
		"ROLLBRIDGE_UPLINK_PROXY_PASSWORD=geheim":            "uplink.proxy_user",
		"ROLLBRIDGE_UPLINK_PROXY_KEYTAB=/k":                  "uplink.proxy_user",
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
	if _, err := m.site(); !errors.Is(err, errNoMIS) {
		t.Errorf("nothing set: %v", err)
	}
	m.Profile, m.Folder = "csv", "export"
	if _, err := m.site(); err == nil {
		t.Error("a relative folder passed")
	}
	m.Folder = t.TempDir()
	m.Datasets.Contact.Complete = false
	m.Datasets.ExamResult.Drop = true
	site, err := m.site()
	if err != nil || *site.SettleSeconds != 5 || *site.Datasets[record.DatasetContact].Complete || site.Server != nil ||
		site.Datasets[record.DatasetContact].Drop || !site.Datasets[record.DatasetExamResult].Drop || len(site.Datasets) != 2 {
		t.Errorf("%+v, %v", site, err)
	}
	if _, said := site.Datasets[record.DatasetPupil]; said {
		t.Error("a dataset about which nothing is set is laid over the profile, which may not have it")
	}
}

// Every dataset can be set, and no other.
func TestDatasets(t *testing.T) {
	var names []record.Dataset
	all := Defaults().MIS.Datasets
	for name, d := range all.each() {
		names = append(names, name)
		if !d.Complete || d.Drop {
			t.Errorf("%s is incomplete or left out by default", name)
		}
	}
	if d := cmp.Diff(record.Datasets(), names); d != "" {
		t.Errorf("differs (-datasets +settings):\n%s", d)
	}
	file := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(file, []byte("mis:\n  datasets:\n    behavior: {drop: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := Load(Given{File: file, DataDir: t.TempDir()}, nil)
	if want := `:3: unknown key "mis.datasets.behavior"; did you mean "mis.datasets.behaviour"?`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want in it %s", err, want)
	}
}

func TestServerFromTheEnvironment(t *testing.T) {
	const prefix = "ROLLBRIDGE_MIS_SERVER_"
	s, explained, err := Load(Given{DataDir: t.TempDir()}, []string{
		"ROLLBRIDGE_MIS_PROFILE=sql-views", prefix + "HOST=mis.example", prefix + "PORT=1444", prefix + "DATABASE=MIS", prefix + "SCHEMA=rb",
		prefix + "SCHOOL=7", prefix + "USER=agent", prefix + "PASSWORD=geheim", prefix + "TLS_MIN=1.0", prefix + "OLD_CIPHERS=true",
		prefix + "QUERY_SECONDS=30", prefix + "CERTIFICATE_NAME=sql.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.MIS.site()
	if err != nil {
		t.Fatal(err)
	}
	want := &mis.Server{Schema: "rb", School: "7", Settings: sqlserver.Settings{
		Host: "mis.example", Port: 1444, Database: "MIS", Login: "sql", User: "agent", Password: "geheim", Encryption: "required",
		CertificateName: "sql.example", TLSMin: "1.0", OldCiphers: true, QueryTime: 30 * time.Second, LockTime: 5 * time.Second,
	}}
	if d := cmp.Diff(want, site.Server); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
	var shown bytes.Buffer
	if err := explained.WriteTable(&shown); err != nil || strings.Contains(shown.String(), "geheim") || !strings.Contains(shown.String(), "mis.server.password") {
		t.Errorf("the explanation shows the password, or does not name it: %v", err)
	}
	p, err := mis.LoadProfile(s.MIS.Profile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mis.Open(p, site); err != nil {
		t.Error(err)
	}
}

// Whatever is wrong with the server is said with the whole name of its key, when
// the MIS is to be read and not before: a school must be able to pause first.
func TestServerThatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*MIS)
		want   []string
	}{
		"nothing but a host": {func(m *MIS) {
			*m = MIS{Profile: m.Profile, Server: defaultServer(), Datasets: m.Datasets}
			m.Server.Host = "h"
		}, []string{"mis.server.database ", "mis.server.user ", "mis.server.password "}},
		"a folder too":         {func(m *MIS) { m.Folder = os.TempDir() }, []string{"mis.folder"}},
		"a port in the host":   {func(m *MIS) { m.Server.Host = "h,1433" }, []string{"mis.server.host "}},
		"instance and port":    {func(m *MIS) { m.Server.Instance, m.Server.Port = "SIMS", 1433 }, []string{"mis.server.instance "}},
		"unknown login":        {func(m *MIS) { m.Server.Login = "kerberos" }, []string{"mis.server.login "}},
		"unknown encryption":   {func(m *MIS) { m.Server.Encryption = "yes" }, []string{"mis.server.encryption "}},
		"unknown TLS":          {func(m *MIS) { m.Server.TLSMin = "0.9" }, []string{"mis.server.tls_min "}},
		"schema with a quote":  {func(m *MIS) { m.Server.Schema = "a]b" }, []string{"mis.server.schema "}},
		"relative CA":          {func(m *MIS) { m.Server.CAFile = "ca.pem" }, []string{"mis.server.ca_file "}},
		"relative certificate": {func(m *MIS) { m.Server.CertificateFile = "c.pem" }, []string{"mis.server.certificate_file "}},
		"relative site file":   {func(m *MIS) { m.SiteFile = "site.yaml" }, []string{"mis.site_file "}},
		"no site file there":   {func(m *MIS) { m.SiteFile = filepath.Join(os.TempDir(), "none", "site.yaml") }, []string{"site file"}},
		"dates":                {func(m *MIS) { m.Dates = "dd/mm/yyyy" }, []string{"remove delimiter, encoding, dates"}},
		"a file of a dataset":  {func(m *MIS) { m.Datasets.Pupil.File = "x.csv" }, []string{"mis.site_file"}},
		"a server for files":   {func(m *MIS) { m.Profile = "csv" }, []string{"mis.server"}},
	} {
		m := Defaults().MIS
		m.Profile = "sql-views"
		m.Server.Host, m.Server.Database, m.Server.User, m.Server.Password = "h", "d", "u", "geheim"
		c.change(&m)
		err := open(m)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: error %v, want in it %q and no password", name, err, want)
			}
		}
		s := Defaults()
		s.MIS = m
		if err := s.Validate(); err != nil && m.SettleSeconds == 5 && m.Server.QuerySeconds != 0 {
			t.Errorf("%s stops every command: %v", name, err)
		}
	}
}

// open does what a read does with the settings.
func open(m MIS) error {
	site, err := m.site()
	if err != nil {
		return err
	}
	p, err := mis.LoadProfile(m.Profile)
	if err != nil {
		return err
	}
	_, err = mis.Open(p, site)
	return err
}

func TestMinutes(t *testing.T) {
	got, err := Schedule{Times: []string{"13:45", "09:30", "13:45"}}.Minutes()
	if err != nil || len(got) != 2 || got[0] != 570 || got[1] != 825 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCommandFromTheEnvironment(t *testing.T) {
	const prefix = "ROLLBRIDGE_MIS_COMMAND_"
	program := filepath.Join(t.TempDir(), "CommandReporter.exe")
	s, explained, err := Load(Given{DataDir: t.TempDir()}, []string{
		"ROLLBRIDGE_MIS_PROFILE=sims-report", prefix + "PATH=" + program, prefix + `SERVER=host\SIMS`, prefix + "DATABASE=SIMS",
		prefix + "USER=agent", prefix + "PASSWORD=geheim", prefix + "ATTENDANCE_RANGE=r1",
	})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.MIS.site()
	want := &mis.Command{Path: program, Server: `host\SIMS`, Database: "SIMS", User: "agent", Password: "geheim", AttendanceRange: "r1", Time: 15 * time.Minute}
	if d := cmp.Diff(want, site.Command); err != nil || d != "" {
		t.Errorf("%v, differs (-want +got):\n%s", err, d)
	}
	var shown strings.Builder
	if err := explained.WriteTable(&shown); err != nil || strings.Contains(shown.String(), "geheim") {
		t.Errorf("the password is shown, or %v", err)
	}
	for _, pair := range []string{prefix + "REPORT_SECONDS=0", prefix + "REPORT_SECONDS=7201"} {
		if _, _, err := Load(Given{DataDir: t.TempDir()}, []string{pair}); err == nil || !strings.Contains(err.Error(), "mis.command.report_seconds") {
			t.Errorf("%s: %v", pair, err)
		}
	}
}

func TestAPI(t *testing.T) {
	const prefix = "ROLLBRIDGE_MIS_API_"
	dir := t.TempDir()
	file := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(file, []byte("mis:\n  profile: wonde\n  api:\n    names: {school: A1930499544}\n    user: u\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	s, explained, err := Load(Given{DataDir: dir, File: file}, []string{prefix + "PASSWORD=geheim", prefix + "REQUEST_SECONDS=30", "ROLLBRIDGE_UPLINK_PROXY=" + proxy.URL})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.Site()
	if err != nil {
		t.Fatal(err)
	}
	_, err = site.API.Dial(t.Context(), "tcp", "mis.example:443")
	var way *rest.WayError
	if !errors.As(err, &way) || way.Passing || !strings.HasSuffix(way.Text, ". Ask for mis.example:443 to be allowed.") || asked != "CONNECT mis.example:443" {
		t.Errorf("the proxy was asked %q, and %v", asked, err)
	}
	site.API.Dial = nil
	want := &mis.API{Names: map[string]string{"school": "A1930499544"}, User: "u", Password: "geheim", RequestTime: 30 * time.Second}
	if d := cmp.Diff(want, site.API); d != "" {
		t.Errorf("differs (-want +got):\n%s", d)
	}
	var shown strings.Builder
	if err := explained.WriteTable(&shown); err != nil || strings.Contains(shown.String(), "geheim") {
		t.Errorf("the password is shown, or %v", err)
	}
	for _, pair := range []string{prefix + "REQUEST_SECONDS=0", prefix + "REQUEST_SECONDS=3601"} {
		if _, _, err := Load(Given{DataDir: t.TempDir()}, []string{pair}); err == nil || !strings.Contains(err.Error(), "mis.api.request_seconds") {
			t.Errorf("%s: %v", pair, err)
		}
	}
	s.Uplink.CAFile = filepath.Join(dir, "missing.pem")
	if _, err := s.Site(); err == nil || !strings.Contains(err.Error(), "uplink.ca_file") {
		t.Errorf("a missing certificate: %v", err)
	}
}
