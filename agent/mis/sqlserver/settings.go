package sqlserver

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"time"
	"unicode"
)

// Kinds of sign-on, as [Settings].Login names them.
const (
	LoginSQL     = "sql"     // a login of SQL Server with a password
	LoginWindows = "windows" // an account of the Windows domain
)

// Ways to secure the connection, as [Settings].Encryption names them.
const (
	EncryptRequired = "required"        // TLS with a certificate that is checked; the default
	EncryptStrict   = "strict"          // the same from the first byte (TDS 8, SQL Server 2022 and later)
	EncryptAnyone   = "any_certificate" // TLS with whoever answers; unsafe
	EncryptNone     = "none"            // in the clear; unsafe
)

// Limits of time. The first two are what a zero in [Settings] means.
const (
	DefaultQueryTime = 60 * time.Second
	DefaultLockTime  = 5 * time.Second
	DialTime         = 15 * time.Second // to find and reach the server, and again to sign on

	maxQueryTime = time.Hour
)

// Settings say how a database is reached. The zero value of a field is its
// default where one is named.
type Settings struct {
	Host     string // name or address of the machine, without port or instance
	Instance string // name of an instance, which SQL Browser (UDP 1434) finds; not together with Port
	Port     int    // TCP port; 0 with no Instance means 1433
	Database string // always needed: the login's own default is never relied on

	Login string // LoginSQL (also when empty) or LoginWindows
	// User and Password. With LoginWindows on Windows an empty User means the
	// account of the service itself; elsewhere User is DOMAIN\name and signs on
	// with NTLM.
	User, Password string

	Encryption      string // EncryptRequired when empty
	CAFile          string // PEM: trust what these authorities signed, and nobody else
	CertificateFile string // PEM or DER: accept this one certificate, and no other
	CertificateName string // the name in the certificate when it is not Host
	TLSMin          string // "1.2" when empty; "1.0", "1.1", "1.3"
	OldCiphers      bool   // also offer RSA key exchange and 3DES, for SQL Server 2008 R2 and 2012

	QueryTime time.Duration // limit of one statement with all its rows; DefaultQueryTime when 0
	LockTime  time.Duration // wait for a lock that somebody else holds; DefaultLockTime when 0
}

// Validate says everything that is wrong with s at once, each on its own line,
// in the words of agent.yaml. It reads no file and names no password.
func (s Settings) Validate() error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	s.validatePlace(say)
	s.validateLogin(say)
	s.validateEncryption(say)
	if s.QueryTime < 0 || s.QueryTime > maxQueryTime {
		say("query_seconds must be from 1 to %d, or 0 for %d", int(maxQueryTime.Seconds()), int(DefaultQueryTime.Seconds()))
	}
	if s.LockTime < 0 || s.LockTime > maxQueryTime {
		say("lock_seconds must be from 1 to %d, or 0 for %d", int(maxQueryTime.Seconds()), int(DefaultLockTime.Seconds()))
	}
	return errors.Join(wrong...)
}

func (s Settings) validatePlace(say func(string, ...any)) {
	switch {
	case s.Host == "":
		say("host is missing: give the name or address of the machine that SQL Server runs on")
	case strings.Contains(s.Host, `\`):
		say(`host holds a backslash: give the machine as host and what follows the backslash as instance`)
	case strings.Contains(s.Host, ",") || hasPort(s.Host):
		say("host holds a port: give the machine as host and the number as port")
	case !plainName(s.Host, " /@"):
		say("host is not the name or address of a machine: take spaces and slashes out")
	}
	if s.Instance != "" && !plainName(s.Instance, ` /\;,`) {
		say("instance is not the name of an instance: give only what follows the backslash in HOST\\INSTANCE")
	}
	if s.Instance != "" && s.Port != 0 {
		say("instance and port are both given: keep port (SQL Browser is then not asked) or instance, not both")
	}
	if s.Port < 0 || s.Port > 65535 {
		say("port must be from 1 to 65535")
	}
	switch {
	case s.Database == "":
		say("database is missing: give the name of the database that holds the views")
	case len([]rune(s.Database)) > 128 || !plainName(s.Database, ""):
		say("database is not the name of a database: it has at most 128 characters and no control characters")
	}
}

func (s Settings) validateLogin(say func(string, ...any)) {
	if strings.ContainsRune(s.Password, 0) || len([]rune(s.Password)) > 128 {
		say("password has more than 128 characters or a character that SQL Server does not take")
	}
	if len([]rune(s.User)) > 128 || !plainName(s.User, "") {
		say("user has more than 128 characters or a control character")
	}
	switch s.login() {
	case LoginSQL:
		if s.User == "" {
			say("user is missing: give the login that was made for Rollbridge")
		}
		if strings.Contains(s.User, `\`) {
			say(`user holds a backslash, so it is a Windows account: set login to "windows"`)
		}
		if s.Password == "" {
			say("password is missing: give the password of the login")
		}
	case LoginWindows:
		s.validateWindows(say, runtime.GOOS == "windows")
	default:
		say(`login is %q: it must be "sql" or "windows"`, s.Login)
	}
}

func (s Settings) validateWindows(say func(string, ...any), onWindows bool) {
	domain, name, found := strings.Cut(s.User, `\`)
	switch {
	case s.User == "" && s.Password != "":
		say("password is given without user: leave both out to sign on as the account of the service, or give both")
	case s.User == "" && onWindows:
	case s.User == "":
		say(`user is missing: login "windows" without a user works only on Windows, where the service's own account signs on; here give user as DOMAIN\name with its password, or use login "sql"`)
	case !found || domain == "" || name == "" || strings.Contains(name, `\`):
		say(`user is not a Windows account: write it as DOMAIN\name`)
	case s.Password == "":
		say("password is missing: give the password of the Windows account")
	}
}

func (s Settings) validateEncryption(say func(string, ...any)) {
	checked := false
	switch s.encryption() {
	case EncryptRequired, EncryptStrict:
		checked = true
	case EncryptAnyone, EncryptNone:
	default:
		say(`encryption is %q: it must be "required", "strict", "any_certificate" or "none"`, s.Encryption)
		return
	}
	if !checked && (s.CAFile != "" || s.CertificateFile != "" || s.CertificateName != "") {
		say(`encryption is %q, which checks no certificate, but ca_file, certificate_file or certificate_name is given: set encryption to "required", or take them out`, s.Encryption)
	}
	if s.CAFile != "" && s.CertificateFile != "" {
		say("ca_file and certificate_file are both given: keep ca_file to trust an authority, or certificate_file to accept one certificate")
	}
	if s.CertificateFile != "" && s.CertificateName != "" {
		say("certificate_name is given with certificate_file: the whole certificate is compared, so take certificate_name out")
	}
	if _, ok := tlsVersions[s.TLSMin]; !ok {
		say(`tls_min is %q: it must be "1.0", "1.1", "1.2" or "1.3"`, s.TLSMin)
	}
	if s.OldCiphers && s.TLSMin == "1.3" {
		say("old_ciphers and tls_min 1.3 exclude each other: TLS 1.3 has no old ciphers")
	}
}

// Unsafe names each choice that lowers the protection of pupils' data on the
// way, as a sentence each; none when nothing is unsafe. The sentences are
// logged by each [Open].
func (s Settings) Unsafe() []string {
	var out []string
	switch s.encryption() {
	case EncryptAnyone:
		out = append(out, "The connection to SQL Server is encrypted, but its certificate is not checked: whoever answers in its place gets the password and can give false data. Set certificate_file or ca_file, and encryption to required.")
	case EncryptNone:
		out = append(out, "The connection to SQL Server is not encrypted: anyone on the network between can read the password and pupils' data. Set encryption to required.")
	}
	if s.TLSMin == "1.0" || s.TLSMin == "1.1" {
		out = append(out, "TLS "+s.TLSMin+" is allowed to SQL Server, which is known to be weak. Update the server and take tls_min out.")
	}
	if s.OldCiphers {
		out = append(out, "Old ciphers (RSA key exchange, 3DES) are allowed to SQL Server, which are known to be weak. Update the server and take old_ciphers out.")
	}
	return out
}

func (s Settings) login() string {
	if s.Login == "" {
		return LoginSQL
	}
	return s.Login
}

func (s Settings) encryption() string {
	if s.Encryption == "" {
		return EncryptRequired
	}
	return s.Encryption
}

func (s Settings) queryTime() time.Duration {
	if s.QueryTime == 0 {
		return DefaultQueryTime
	}
	return s.QueryTime
}

func (s Settings) lockTime() time.Duration {
	if s.LockTime == 0 {
		return DefaultLockTime
	}
	return s.LockTime
}

// place names the server as people write it: HOST, HOST\INSTANCE or HOST:port.
func (s Settings) place() string {
	switch {
	case s.Instance != "":
		return s.Host + `\` + s.Instance
	case s.Port != 0:
		return net.JoinHostPort(s.Host, fmt.Sprint(s.Port))
	}
	return s.Host
}

func hasPort(host string) bool {
	_, _, err := net.SplitHostPort(host)
	return err == nil
}

// plainName reports whether name has neither control characters nor any of the
// others given.
func plainName(name, others string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.IsControl(r) || r == unicode.ReplacementChar || strings.ContainsRune(others, r)
	})
}
