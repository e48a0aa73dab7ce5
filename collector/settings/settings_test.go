package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rollbridge/collector/settings"
)

func TestDefaultsAreGoodAndListenOnLoopbackOnly(t *testing.T) {
	s := settings.Defaults()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{s.Intake.Listen, s.Portal.Listen, s.Private.Listen} {
		if !strings.HasPrefix(l, "127.0.0.1:") {
			t.Errorf("%s is not loopback", l)
		}
	}
}

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		change func(*settings.Settings)
		says   string
	}{
		"no data directory":   {func(s *settings.Settings) { s.DataDir = "" }, "data_dir is empty"},
		"unknown database":    {func(s *settings.Settings) { s.Database = "mysql://x" }, "neither sqlite:PATH nor postgres://"},
		"http":                {func(s *settings.Settings) { s.PublicURL = "http://c.example.org" }, "must be https://HOST"},
		"address with path":   {func(s *settings.Settings) { s.PublicURL = "https://c.example.org/x" }, "must be https://HOST"},
		"address with user":   {func(s *settings.Settings) { s.PublicURL = "https://u@c.example.org" }, "must be https://HOST"},
		"bad port of address": {func(s *settings.Settings) { s.PublicURL = "https://c.example.org:99999" }, "port of the public address"},
		"listen without port": {func(s *settings.Settings) { s.Intake.Listen = "127.0.0.1" }, "intake.listen must be HOST:PORT"},
		"hosted in part":      {func(s *settings.Settings) { s.Hosted.Program = "/opt/rollbridge/rollbridge-agent" }, "must be a full path where schools are hosted"},
		"hosted beside it":    {func(s *settings.Settings) { s.Hosted = settings.Hosted{Program: "agent", Schools: "/schools"} }, "hosted.program must be a full path where"},
		"contact of no kind":  {func(s *settings.Settings) { s.Security.Contact = "security@example.org" }, "security.contact must be"},
		"contact in lines":    {func(s *settings.Settings) { s.Security.Contact = "https://example.org/\nExpires: 1" }, "security.contact must be"},
		"contact with a name": {func(s *settings.Settings) { s.Security.Contact = "mailto:A <a@example.org>" }, "security.contact must be"},
		"policy alone":        {func(s *settings.Settings) { s.Security.Policy = "https://example.org/" }, "without security.contact"},
		"policy by http": {func(s *settings.Settings) {
			s.Security = settings.Security{Contact: "tel:+44-1632-960123", Policy: "http://example.org"}
		}, "security.policy must be"},
		"alerts, no host":    {func(s *settings.Settings) { s.Alerts.From = "a@example.org" }, "alerts has settings but no host"},
		"alerts, no sender":  {func(s *settings.Settings) { alerts(s).From = "" }, "alerts.from must be"},
		"alerts to nowhere":  {func(s *settings.Settings) { alerts(s); s.Portal.URL = "" }, "no page to lead to"},
		"alerts in clear":    {func(s *settings.Settings) { a := alerts(s); a.TLS, a.User, a.PasswordFile = "none", "u", "f" }, "would be sent in clear"},
		"alerts, any TLS":    {func(s *settings.Settings) { alerts(s).TLS = "maybe" }, "alerts.tls must be"},
		"alerts, host:port":  {func(s *settings.Settings) { alerts(s).Host = "mail:25" }, "alerts.host must be"},
		"alerts, user only":  {func(s *settings.Settings) { alerts(s).User = "u" }, "belong together"},
		"alerts, bad port":   {func(s *settings.Settings) { alerts(s).Port = -1 }, "alerts.port must be"},
		"sign-in, no issuer": {func(s *settings.Settings) { signIn(s).Issuer = "" }, "portal.oidc has settings but no issuer"},
		"sign-in by http":    {func(s *settings.Settings) { signIn(s).Issuer = "http://login.example.org" }, "portal.oidc.issuer must be"},
		"sign-in of nobody":  {func(s *settings.Settings) { signIn(s).Authority = "" }, "portal.oidc needs authority"},
		"sign-in, no secret": {func(s *settings.Settings) { signIn(s).SecretFile = "" }, "portal.oidc needs authority"},
		"sign-in to nowhere": {func(s *settings.Settings) { signIn(s); s.Portal.URL = "" }, "cannot send anybody back"},
		"portal by http":     {func(s *settings.Settings) { s.Portal.URL = "http://a.example.org" }, "portal.url must be"},
		"listen bad port":    {func(s *settings.Settings) { s.Private.Listen = "127.0.0.1:http" }, "private.listen must be HOST:PORT"},
		"same address":       {func(s *settings.Settings) { s.Portal.Listen = s.Intake.Listen }, "intake.listen and portal.listen are the same"},
		"unknown mode":       {func(s *settings.Settings) { s.Intake.TLS.Mode = "magic" }, "intake.tls.mode must be"},
		"files without key":  {func(s *settings.Settings) { s.Intake.TLS = settings.TLS{Mode: "files", Cert: "c"} }, "set intake.tls.cert and intake.tls.key"},
		"acme without hosts": {func(s *settings.Settings) { s.Portal.TLS = settings.TLS{Mode: "acme"} }, "in portal.tls.hosts"},
		"kept for too short": {func(s *settings.Settings) { s.Retention.LeftDays = 4 }, "retention.left_days must be"},
		"kept for ever":      {func(s *settings.Settings) { s.Retention.HistoryDays = 1 << 30 }, "retention.history_days must be"},
		"marks of no year":   {func(s *settings.Settings) { s.Retention.AttendanceYears = 0 }, "retention.attendance_years must be"},
		"two lines":          {func(s *settings.Settings) { s.Handling.StoredIn = "a\nb" }, "handling.stored_in must be one line"},
		"settings, no mode":  {func(s *settings.Settings) { s.Portal.TLS = settings.TLS{Cert: "c"} }, "portal.tls has settings but no mode"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := settings.Defaults()
			c.change(&s)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSystemMayChooseEveryPort(t *testing.T) {
	s := settings.Defaults()
	s.Intake.Listen, s.Portal.Listen, s.Private.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// The file that an operator starts from must name every setting, and say
// nothing else than the defaults once its comment signs are gone.
func TestCommentedFileIsCompleteAndHoldsTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../../configs/collector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "##\n") {
			continue
		}
		lines = append(lines, strings.TrimPrefix(line, "#"))
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, explained, err := settings.Load(settings.Given{File: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range explained {
		if e.Origin == "default" {
			t.Errorf("configs/collector.yaml does not mention %s", e.Key)
		}
	}
	want := settings.Defaults()
	want.DataDir = "/var/lib/rollbridge-collector"
	want.Intake.TLS.Hosts, want.Portal.TLS.Hosts = []string{}, []string{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// As it stands, everything is commented out.
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc) != 0 {
		t.Errorf("the file sets something by itself: %v %v", doc, err)
	}
}

func TestFileInTheDataDirectoryIsFound(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, settings.FileName), []byte("public_url: https://a.example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]settings.Given{"flag": {DataDir: dir}, "environment": {}} {
		env := []string{}
		if name == "environment" {
			env = append(env, "ROLLBRIDGE_COLLECTOR_DATA_DIR="+dir)
		}
		s, _, err := settings.Load(g, env)
		if err != nil || s.PublicURL != "https://a.example.org" || s.DataDir != dir {
			t.Errorf("%s: %v %q %q", name, err, s.PublicURL, s.DataDir)
		}
	}
	if s, _, err := settings.Load(settings.Given{DataDir: t.TempDir()}, nil); err != nil || s.PublicURL != "" {
		t.Errorf("no file: %v", err)
	}
}

func TestEnvironmentNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "elsewhere.yaml")
	if err := os.WriteFile(path, []byte("database: postgres://rb@db/rb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := settings.Load(settings.Given{}, []string{"ROLLBRIDGE_COLLECTOR_CONFIG=" + path})
	if err != nil || s.DatabaseDSN() != "postgres://rb@db/rb" {
		t.Errorf("%v %q", err, s.Database)
	}
	if _, _, err := settings.Load(settings.Given{}, []string{"ROLLBRIDGE_COLLECTOR_INTAKE_LISTN=x"}); err == nil || !strings.Contains(err.Error(), "ROLLBRIDGE_COLLECTOR_INTAKE_LISTEN") {
		t.Errorf("a misspelt variable: %v", err)
	}
}

func TestDerivedPlaces(t *testing.T) {
	s := settings.Defaults()
	s.DataDir = filepath.FromSlash("/srv/rb")
	if s.DatabaseDSN() != "sqlite:"+filepath.FromSlash("/srv/rb/collector.db") || s.Keys() != filepath.FromSlash("/srv/rb/keys") {
		t.Errorf("%q %q", s.DatabaseDSN(), s.Keys())
	}
	if s.PortalTLS().Mode != settings.TLSTrial {
		t.Errorf("portal: %q", s.PortalTLS().Mode)
	}
	s.Portal.TLS = settings.TLS{Mode: settings.TLSFiles, Cert: "c", Key: "k"}
	if s.PortalTLS().Cert != "c" {
		t.Error("portal's own certificate is not used")
	}
}

// signIn are settings of an authority's own sign-in service that are good.
func signIn(s *settings.Settings) *settings.OIDC {
	s.Portal.URL = "https://attendance.example.org"
	s.Portal.OIDC = settings.OIDC{Authority: "330", Name: "Northshire", Issuer: "https://login.example.org/tenant/v2.0", ClientID: "rollbridge", SecretFile: "/secret"}
	return &s.Portal.OIDC
}

// alerts makes settings that send e-mails.
func alerts(s *settings.Settings) *settings.Alerts {
	s.Portal.URL = "https://attendance.example.org"
	s.Alerts.Host, s.Alerts.From = "mail.example.org", "rollbridge@example.org"
	return &s.Alerts
}

func TestAlertsThatWork(t *testing.T) {
	s := settings.Defaults()
	if s.Alerts.On() {
		t.Error("e-mails are sent without a mail server")
	}
	alerts(&s)
	if err := s.Validate(); err != nil || !s.Alerts.On() || s.Alerts.TLS != settings.MailStartTLS {
		t.Errorf("%+v, %v", s.Alerts, err)
	}
}
