package sqlserver

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

func good() Settings {
	return Settings{Host: "sql1", Database: "MIS", User: "rollbridge_agent", Password: "correct-horse"}
}

func TestValidate(t *testing.T) {
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	if got := good().Unsafe(); got != nil {
		t.Errorf("the defaults are unsafe: %q", got)
	}
	for _, c := range []struct {
		change func(*Settings)
		says   string
	}{
		{func(s *Settings) { s.Host = "" }, "host is missing"},
		{func(s *Settings) { s.Host = `sql1\SIMS` }, "what follows the backslash as instance"},
		{func(s *Settings) { s.Host = "sql1,1433" }, "the number as port"},
		{func(s *Settings) { s.Host = "sql1:1433" }, "the number as port"},
		{func(s *Settings) { s.Host = "tcp/sql1" }, "take spaces and slashes out"},
		{func(s *Settings) { s.Instance, s.Port = "SIMS", 1433 }, "not both"},
		{func(s *Settings) { s.Instance = "a;b" }, "what follows the backslash"},
		{func(s *Settings) { s.Port = 70000 }, "from 1 to 65535"},
		{func(s *Settings) { s.Database = "" }, "database is missing"},
		{func(s *Settings) { s.Database = "a\nb" }, "not the name of a database"},
		{func(s *Settings) { s.User = "" }, "user is missing"},
		{func(s *Settings) { s.Password = "" }, "password is missing"},
		{func(s *Settings) { s.User = `SCHOOL\svc` }, `set login to "windows"`},
		{func(s *Settings) { s.Login = "kerberos" }, `must be "sql" or "windows"`},
		{func(s *Settings) { s.Login = "windows" }, `write it as DOMAIN\name`},
		{func(s *Settings) { s.Login, s.User = "windows", "" }, "password is given without user"},
		{func(s *Settings) { s.Login, s.User, s.Password = "windows", `SCHOOL\svc`, "" }, "password is missing"},
		{func(s *Settings) { s.Encryption = "yes" }, `encryption is "yes"`},
		{func(s *Settings) { s.Encryption, s.CAFile = "any_certificate", "ca.pem" }, "checks no certificate"},
		{func(s *Settings) { s.CAFile, s.CertificateFile = "a", "b" }, "both given"},
		{func(s *Settings) { s.CertificateFile, s.CertificateName = "a", "b" }, "take certificate_name out"},
		{func(s *Settings) { s.TLSMin = "1.4" }, `tls_min is "1.4"`},
		{func(s *Settings) { s.TLSMin, s.OldCiphers = "1.3", true }, "exclude each other"},
		{func(s *Settings) { s.QueryTime = -time.Second }, "query_seconds"},
		{func(s *Settings) { s.LockTime = 2 * time.Hour }, "lock_seconds"},
	} {
		s := good()
		c.change(&s)
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("error does not say %q: %v", c.says, err)
		}
		if err != nil && strings.Contains(err.Error(), good().Password) {
			t.Errorf("the password is in %q", err)
		}
	}
	all := Settings{Login: "x", TLSMin: "y"}
	if err := all.Validate(); err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("not everything wrong is said at once: %v", err)
	}
}

func TestValidateWindowsAccount(t *testing.T) {
	s := Settings{Host: "sql1", Database: "MIS", Login: LoginWindows}
	for _, onWindows := range []bool{false, true} {
		said := 0
		s.validateWindows(func(string, ...any) { said++ }, onWindows)
		if (said == 0) != onWindows {
			t.Errorf("the service's own account: %d complaints with onWindows %t", said, onWindows)
		}
	}
	if err := s.Validate(); (err == nil) != (runtime.GOOS == "windows") {
		t.Errorf("on %s: %v", runtime.GOOS, err)
	}
	s.User, s.Password = `SCHOOL\svc`, "x"
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestUnsafe(t *testing.T) {
	for _, change := range []func(*Settings){
		func(s *Settings) { s.Encryption = EncryptAnyone },
		func(s *Settings) { s.Encryption = EncryptNone },
		func(s *Settings) { s.TLSMin = "1.0" },
		func(s *Settings) { s.TLSMin = "1.1" },
		func(s *Settings) { s.OldCiphers = true },
	} {
		s := good()
		change(&s)
		if got := s.Unsafe(); len(got) != 1 {
			t.Errorf("%+v: %q", s.Encryption, got)
		}
	}
}
