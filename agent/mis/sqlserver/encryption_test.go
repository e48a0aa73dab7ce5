package sqlserver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/tds"
)

func TestEncryption(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	old := []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}
	type settings = sqlserver.Settings
	for name, c := range map[string]struct {
		options   tds.Options
		leaf      leafOptions
		change    func(*settings)
		reason    sqlserver.Reason // "" when it must open
		says      []string
		encrypted bool
	}{
		"authority": {change: func(s *settings) { s.CAFile = ca.file(t) }, encrypted: true},
		"offered":   {options: tds.Options{Encryption: tds.Offered}, change: func(s *settings) { s.CAFile = ca.file(t) }, encrypted: true},
		"other authority": {change: func(s *settings) { s.CAFile = other.file(t) }, reason: sqlserver.Certificate,
			says: []string{"signed by nobody whom ca_file trusts", "fingerprint is", "certificate_file"}},
		"no authority": {change: func(*settings) {}, reason: sqlserver.Certificate, says: []string{"whom this computer trusts"}},
		"expired": {leaf: leafOptions{expired: true}, change: func(s *settings) { s.CAFile = ca.file(t) }, reason: sqlserver.Certificate,
			says: []string{"is valid from", "clock"}},
		"another name": {leaf: leafOptions{names: []string{"sql1.school.example"}}, change: func(s *settings) { s.CAFile = ca.file(t) },
			reason: sqlserver.Certificate, says: []string{`not made out to "127.0.0.1"`, "sql1.school.example", "certificate_name"}},
		"another name given": {leaf: leafOptions{names: []string{"sql1.school.example"}}, encrypted: true,
			change: func(s *settings) { s.CAFile, s.CertificateName = ca.file(t), "sql1.school.example" }},
		"any certificate": {change: func(s *settings) { s.Encryption = "any_certificate" }, encrypted: true},
		"none":            {options: tds.Options{Encryption: tds.Unsupported}, change: func(s *settings) { s.Encryption = "none" }},
		"none, but the server requires it": {change: func(s *settings) { s.Encryption = "none" },
			reason: sqlserver.Encryption, says: []string{"demands encryption", "Set encryption to required"}},
		"not offered": {options: tds.Options{Encryption: tds.Unsupported}, change: func(s *settings) { s.CAFile = ca.file(t) },
			reason: sqlserver.Encryption, says: []string{"offers no encryption", "nothing was sent"}},
		"any certificate, not offered": {options: tds.Options{Encryption: tds.Unsupported}, change: func(s *settings) { s.Encryption = "any_certificate" },
			reason: sqlserver.Encryption, says: []string{"offers no encryption"}},
		"strict": {options: tds.Options{Strict: true}, change: func(s *settings) { s.Encryption, s.CAFile = "strict", ca.file(t) }, encrypted: true},
		"strict with another authority": {options: tds.Options{Strict: true}, change: func(s *settings) { s.Encryption, s.CAFile = "strict", other.file(t) },
			reason: sqlserver.Certificate, says: []string{"signed by nobody"}},
		"strict to an old server": {change: func(s *settings) { s.Encryption, s.CAFile = "strict", ca.file(t) },
			reason: sqlserver.Encryption, says: []string{"strict"}},
		"TLS 1.0": {options: tds.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10}, change: func(s *settings) { s.CAFile = ca.file(t) },
			reason: sqlserver.Encryption, says: []string{"older than 1.2", `tls_min: "1.0"`, "old_ciphers"}},
		"TLS 1.0 allowed": {options: tds.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10}, encrypted: true,
			change: func(s *settings) { s.CAFile, s.TLSMin = ca.file(t), "1.0" }},
		"TLS 1.3 wanted": {options: tds.Options{MaxTLS: tls.VersionTLS12}, change: func(s *settings) { s.CAFile, s.TLSMin = ca.file(t), "1.3" },
			reason: sqlserver.Encryption, says: []string{"older than 1.3"}},
		"3DES": {options: tds.Options{MaxTLS: tls.VersionTLS12, CipherSuites: old}, leaf: leafOptions{rsa: true}, change: func(s *settings) { s.CAFile = ca.file(t) },
			reason: sqlserver.Encryption, says: []string{"no way of encryption in common", "old_ciphers: true"}},
		"3DES allowed": {options: tds.Options{MaxTLS: tls.VersionTLS12, CipherSuites: old}, leaf: leafOptions{rsa: true}, encrypted: true,
			change: func(s *settings) { s.CAFile, s.OldCiphers = ca.file(t), true }},
		"TLS 1.0 and 3DES allowed": {options: tds.Options{MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, CipherSuites: old}, leaf: leafOptions{rsa: true}, encrypted: true,
			change: func(s *settings) { s.CAFile, s.TLSMin, s.OldCiphers = ca.file(t), "1.0", true }},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{Options: c.options}
			s.leaf.Store(ca.leaf(t, c.leaf))
			s.start(t)
			set := s.settings(t)
			set.CertificateFile = ""
			c.change(&set)
			if c.reason != "" {
				refused(t, set, c.reason, c.says...)
				if len(s.signOns()) != 0 {
					t.Error("a password was sent")
				}
				return
			}
			open(t, set)
			if got := s.signOns()[0]; got.Encrypted != c.encrypted || got.Password != password || got.App != "Rollbridge agent" || got.Database != "MIS" || got.ReadOnly {
				t.Errorf("login %+v", got)
			}
		})
	}
}

func TestPinnedCertificate(t *testing.T) {
	ca := newAuthority(t)
	s := &server{}
	s.leaf.Store(ca.leaf(t, leafOptions{expired: true, names: []string{"elsewhere"}}))
	s.start(t)
	set := s.settings(t)
	open(t, set)
	asDER := filepath.Join(t.TempDir(), "server.cer")
	if err := os.WriteFile(asDER, s.leaf.Load().Certificate[0], 0o600); err != nil {
		t.Fatal(err)
	}
	set.CertificateFile = asDER
	open(t, set)

	before := len(s.signOns())
	s.leaf.Store(ca.leaf(t, leafOptions{}))
	sum := sha256.Sum256(s.leaf.Load().Certificate[0])
	print := strings.ToUpper(strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":"))
	refused(t, set, sqlserver.Certificate, "another certificate", print, "database administrator", "nothing was sent")
	if len(s.signOns()) != before {
		t.Error("a password was sent")
	}
}

func TestCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	set := sqlserver.Settings{Host: "127.0.0.1", Port: 1, Database: "MIS", User: "u", Password: password}
	for path, says := range map[string]string{
		filepath.Join(dir, "missing.pem"): "missing.pem",
		dir:                               "not a certificate file",
		write("empty", ""):                "",
		write("key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"): "",
		write("text", "hello"): "",
	} {
		pin, ca := set, set
		pin.CertificateFile, ca.CAFile = path, path
		refused(t, pin, sqlserver.Setting, "certificate_file cannot be used", says)
		refused(t, ca, sqlserver.Setting, "ca_file cannot be used", says)
	}
}

// TestNegativeSerial: SQL Server has made such certificates for itself.
func TestNegativeSerial(t *testing.T) {
	ca := newAuthority(t)
	leaf := ca.leaf(t, leafOptions{})
	parsed, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	// The serial's first byte becomes negative; the signature is not looked at.
	serial := parsed.SerialNumber.Bytes()
	der := bytes.Replace(leaf.Certificate[0], serial, append([]byte{serial[0] | 0x80}, serial[1:]...), 1)
	leaf.Certificate[0] = der
	s := &server{}
	s.leaf.Store(leaf)
	s.start(t)
	set := s.settings(t)
	set.CertificateFile, set.Encryption = "", "any_certificate"
	refused(t, set, sqlserver.Certificate, "new certificate")
}

func TestUnsafeIsLogged(t *testing.T) {
	s := (&server{}).start(t)
	set := s.settings(t)
	set.CertificateFile, set.Encryption, set.OldCiphers = "", "any_certificate", true
	var logged bytes.Buffer
	for range 2 {
		session, err := sqlserver.Open(t.Context(), set, slog.New(slog.NewTextHandler(&logged, nil)))
		if err != nil {
			t.Fatal(err)
		}
		session.Close()
	}
	if n := strings.Count(logged.String(), "level=WARN"); n != 4 || strings.Contains(logged.String(), password) {
		t.Errorf("logged %d warnings: %s", n, &logged)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	set := sqlserver.Settings{Host: "127.0.0.1", Port: port, Database: "MIS", User: "u", Password: password}
	refused(t, set, sqlserver.Down, "cannot be reached", "TCP/IP")
	set.Host = "nowhere.invalid"
	refused(t, set, sqlserver.Down, "was not found", "Check host")
}

// TestSilentServer takes the connection and says nothing.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 3)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	set := sqlserver.Settings{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Database: "MIS", User: "u", Password: password}
	_, err = sqlserver.OpenWithin(t.Context(), set, 50*time.Millisecond)
	wantFault(t, err, sqlserver.Down, "did not answer within")
	(<-accepted).Close()

	ctx, cancel := context.WithCancel(t.Context())
	go func() { defer cancel(); <-accepted }()
	_, err = sqlserver.Open(ctx, set, slog.New(slog.DiscardHandler))
	if err == nil || ctx.Err() == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("cancelled while signing on: %v", err)
	}

	go func() { (<-accepted).Close() }()
	refused(t, set, sqlserver.Down, "broke it off")
}

// TestLimitOfSigningOnEnds: an answer may take longer than signing on may.
func TestLimitOfSigningOnEnds(t *testing.T) {
	limit := time.Second
	var over <-chan time.Time
	s := (&server{answer: func(ctx context.Context, q tds.Request, w *tds.Response) error {
		<-over
		return pupils(1)(ctx, q, w)
	}}).start(t)
	over = time.After(limit + 10*time.Millisecond)
	session, err := sqlserver.OpenWithin(t.Context(), s.settings(t), limit)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Query(t.Context(), parse(t, "SELECT pupil FROM s.t"), sqlserver.Values{}, count(new(int))); err != nil {
		t.Error(err)
	}
}
