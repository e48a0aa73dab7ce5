package settings

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// The values of TLS.Mode.
const (
	TLSTrial = "trial" // the certificate that init made; agents know it by the pin in their code
	TLSFiles = "files" // certificate and key from files
	TLSACME  = "acme"  // certificates from a public authority, fetched and renewed by the collector
)

// Settings is everything that an operator can set.
type Settings struct {
	DataDir string `config:"data_dir"`
	// Database is sqlite:PATH or a postgres:// address; empty is a SQLite file in
	// DataDir. See DatabaseDSN.
	Database string `config:"database"`
	// KeysDir is empty for the directory keys in DataDir. See Keys.
	KeysDir string `config:"keys_dir"`
	// PublicURL is what schools reach: it stands in every enrolment code.
	PublicURL string `config:"public_url"`
	// Operator is the name that schools read when they are asked; empty is the
	// host of PublicURL. See OperatorName.
	Operator string `config:"operator"`
	// Handling is what schools read before they say yes. See HandlingOf.
	Handling  Handling  `config:"handling"`
	Intake    Intake    `config:"intake"`
	Portal    Portal    `config:"portal"`
	Private   Private   `config:"private"`
	Retention Retention `config:"retention"`
	Releases  Releases  `config:"releases"`
	Hosted    Hosted    `config:"hosted"`
	Security  Security  `config:"security"`
	Alerts    Alerts    `config:"alerts"`
	Audit     Audit     `config:"audit"`
}

// Intake is where agents are answered.
type Intake struct {
	Listen string `config:"listen"` // HOST:PORT
	TLS    TLS    `config:"tls"`
}

// Portal is where people of the authorities look.
type Portal struct {
	Listen string `config:"listen"`
	// URL is what people open, as it stands in e-mails; empty where none are sent.
	URL string `config:"url"`
	// TLS with an empty Mode is the TLS of the intake.
	TLS  TLS  `config:"tls"`
	OIDC OIDC `config:"oidc"`
}

// Private is for the operator's own monitoring. It is plain HTTP, so it belongs
// on loopback or a closed network.
type Private struct {
	Listen string `config:"listen"`
}

// Retention is for how long what schools sent is kept. The defaults are those of
// record.Keepings.
type Retention struct {
	// HistoryDays is for how many days earlier versions, removed records and the
	// content of refused ones are kept.
	HistoryDays int `config:"history_days"`
	// LeftDays is for how many days a child who left the list is.
	LeftDays int `config:"left_days"`
	// AttendanceYears is of how many academic years marks are kept, the present one
	// among them.
	AttendanceYears int `config:"attendance_years"`
	// AuditYears is for how many years the audit log is kept.
	AuditYears int `config:"audit_years"`
}

// Audit is where what proves the audit log is kept, outside the database.
type Audit struct {
	// Dir is empty for the directory audit in DataDir. See AuditDir.
	Dir string `config:"dir"`
}

// Releases is where the agents that are released lie, and how the keys of the server
// that sign them again are reached.
type Releases struct {
	// Dir is empty for the directory releases in DataDir. See ReleasesDir.
	Dir string `config:"dir"`
	// PassphraseFile holds the passphrase of the key files there, if they have one.
	PassphraseFile string `config:"passphrase_file"`
	// Signer is the program that signs with keys that are no files.
	Signer string `config:"signer"`
}

// The bounds of the periods. A child may be off the list for a holiday, so
// nothing is forgotten within a month.
const (
	minDays, maxDays   = 30, 36_500
	minYears, maxYears = 1, 100
)

func (r Retention) validate() error {
	for _, d := range []struct {
		key  string
		days int
	}{{"retention.history_days", r.HistoryDays}, {"retention.left_days", r.LeftDays}} {
		if d.days < minDays || d.days > maxDays {
			return fmt.Errorf("%s must be a number of days from %d to %d: correct it", d.key, minDays, maxDays)
		}
	}
	if r.AttendanceYears < minYears || r.AttendanceYears > maxYears {
		return fmt.Errorf("retention.attendance_years must be a number of academic years from %d, the present one, to %d: correct it", minYears, maxYears)
	}
	if r.AuditYears < minYears || r.AuditYears > maxYears {
		return fmt.Errorf("retention.audit_years must be a number of years from %d to %d: correct it", minYears, maxYears)
	}
	return nil
}

// TLS says where the certificate of a listener comes from.
type TLS struct {
	Mode  string   `config:"mode"`
	Cert  string   `config:"cert"`
	Key   string   `config:"key"`
	Hosts []string `config:"hosts"`
	Email string   `config:"email"`
	Cache string   `config:"cache"`
}

// Defaults are the settings of a collector whose file says nothing: everything
// listens on loopback only.
func Defaults() Settings {
	return Settings{
		DataDir:   defaultDataDir(),
		Intake:    Intake{Listen: "127.0.0.1:8443", TLS: TLS{Mode: TLSTrial}},
		Portal:    Portal{Listen: "127.0.0.1:8444"},
		Private:   Private{Listen: "127.0.0.1:8445"},
		Retention: Retention{HistoryDays: 400, LeftDays: 400, AttendanceYears: 2, AuditYears: 7},
		Alerts:    Alerts{TLS: MailStartTLS},
	}
}

// DatabaseDSN is the database in force.
func (s Settings) DatabaseDSN() string {
	if s.Database == "" {
		return "sqlite:" + filepath.Join(s.DataDir, "collector.db")
	}
	return s.Database
}

// Keys is the directory of the keys in force.
func (s Settings) Keys() string {
	if s.KeysDir == "" {
		return filepath.Join(s.DataDir, "keys")
	}
	return s.KeysDir
}

// ReleasesDir is the directory of the releases in force.
func (s Settings) ReleasesDir() string {
	if s.Releases.Dir == "" {
		return filepath.Join(s.DataDir, "releases")
	}
	return s.Releases.Dir
}

// AuditDir is the directory of the audit checkpoints in force.
func (s Settings) AuditDir() string {
	if s.Audit.Dir == "" {
		return filepath.Join(s.DataDir, "audit")
	}
	return s.Audit.Dir
}

// OperatorName is the name of the operator in force.
func (s Settings) OperatorName() string {
	if s.Operator != "" {
		return s.Operator
	}
	u, err := ParsePublicURL(s.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// PortalTLS is the TLS in force for the portal.
func (s Settings) PortalTLS() TLS {
	if s.Portal.TLS.Mode == "" {
		return s.Intake.TLS
	}
	return s.Portal.TLS
}

// CacheDir is where certificates from a public authority are kept.
func (s Settings) CacheDir(t TLS) string {
	if t.Cache == "" {
		return filepath.Join(s.DataDir, "acme")
	}
	return t.Cache
}

// Validate refuses settings that cannot work. All that is wrong is reported at
// once.
func (s *Settings) Validate() error {
	return errors.Join(
		s.validatePlaces(),
		validateListen("intake.listen", s.Intake.Listen),
		validateListen("portal.listen", s.Portal.Listen),
		validateListen("private.listen", s.Private.Listen),
		s.validateDistinct(),
		s.Intake.TLS.validate("intake.tls", false),
		s.Portal.TLS.validate("portal.tls", true),
		s.Handling.validate(),
		s.Retention.validate(),
		s.Hosted.validate(),
		s.Security.validate(),
		s.validateAlerts(),
		s.validateOIDC(),
	)
}

func (s *Settings) validatePlaces() error {
	if s.DataDir == "" {
		return errors.New("data_dir is empty: give the directory where the collector keeps its data")
	}
	db := s.Database
	known := db == "" || strings.HasPrefix(db, "sqlite:") || strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
	switch {
	case !known:
		return errors.New("database is neither sqlite:PATH nor postgres://USER@HOST/NAME: write it in one of the two forms, or leave it empty for a file in data_dir")
	}
	if s.Portal.URL != "" {
		if _, err := ParsePublicURL(s.Portal.URL); err != nil {
			return errors.New("portal.url must be https://HOST or https://HOST:PORT and nothing more, such as https://attendance.example.org: correct it")
		}
	}
	if s.PublicURL == "" {
		return nil
	}
	_, err := ParsePublicURL(s.PublicURL)
	return err
}

// ParsePublicURL checks the address that schools reach: https, a host, perhaps
// a port, and nothing more, since it stands in every enrolment code.
func ParsePublicURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	ok := err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
	if !ok {
		return nil, errors.New("the public address must be https://HOST or https://HOST:PORT and nothing more, such as https://collector.example.org: correct public_url")
	}
	if p := u.Port(); p != "" && !goodPort(p) {
		return nil, errors.New("the port of the public address is not a number from 1 to 65535: correct public_url")
	}
	u.Path = ""
	return u, nil
}

func validateListen(key, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil || !(port == "0" || goodPort(port)) {
		return fmt.Errorf("%s must be HOST:PORT, such as 127.0.0.1:8443 or :443: correct it", key)
	}
	return nil
}

func goodPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// validateDistinct compares only what is certain to clash; a clash of another
// kind ends when the listener is opened.
func (s *Settings) validateDistinct() error {
	seen := map[string]string{}
	for _, l := range []struct{ key, address string }{
		{"intake.listen", s.Intake.Listen}, {"portal.listen", s.Portal.Listen}, {"private.listen", s.Private.Listen},
	} {
		if strings.HasSuffix(l.address, ":0") {
			continue // the system chooses a free port for each
		}
		if other, taken := seen[l.address]; taken {
			return fmt.Errorf("%s and %s are the same address: give each its own port", other, l.key)
		}
		seen[l.address] = l.key
	}
	return nil
}

func (t TLS) validate(key string, mayBeEmpty bool) error {
	switch t.Mode {
	case "":
		if !mayBeEmpty {
			return fmt.Errorf("%s.mode is empty: set it to trial, files or acme", key)
		}
		if t.Cert != "" || t.Key != "" || len(t.Hosts) > 0 || t.Email != "" || t.Cache != "" {
			return fmt.Errorf("%s has settings but no mode: set %s.mode to files or acme, or remove them to use the certificate of the intake", key, key)
		}
	case TLSTrial:
	case TLSFiles:
		if t.Cert == "" || t.Key == "" {
			return fmt.Errorf("%s.mode is files: set %s.cert and %s.key to the PEM files of the certificate chain and its key", key, key, key)
		}
	case TLSACME:
		if len(t.Hosts) == 0 {
			return fmt.Errorf("%s.mode is acme: list the host names that certificates are wanted for in %s.hosts", key, key)
		}
	default:
		return fmt.Errorf("%s.mode must be trial, files or acme: correct it", key)
	}
	return nil
}
