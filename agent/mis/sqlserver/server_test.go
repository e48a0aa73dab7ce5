package sqlserver_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tds"
)

const password = "Canary-5-Password"

// A server speaks TDS and answers as its test says.
type server struct {
	tds.Options
	snapshot bool                                                            // what sys.databases says
	refuse   *tds.Error                                                      // at sign-on
	answer   func(ctx context.Context, q tds.Request, w *tds.Response) error // all but set-up
	begin    *tds.Error

	host string
	port int
	leaf atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	texts  []tds.Request
	logins []tds.Login
	begun  []int
	ended  []string
	conns  []net.Conn
}

// start serves at a free port of 127.0.0.1, or of s.host.
func (s *server) start(t *testing.T) *server {
	t.Helper()
	if s.host == "" {
		s.host = "127.0.0.1"
	}
	if s.leaf.Load() == nil && s.Certificate == nil {
		s.leaf.Store(newAuthority(t).leaf(t, leafOptions{}))
	}
	s.Certificate = s.leaf.Load
	l, err := net.Listen("tcp", net.JoinHostPort(s.host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			served.Go(func() { _ = tds.Serve(ctx, c, s.Options, s); c.Close() })
		}
	})
	t.Cleanup(func() { cancel(); l.Close(); s.cut(); served.Wait() })
	return s
}

// cut drops all connections.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

func (s *server) Login(_ context.Context, l tds.Login) (tds.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = append(s.logins, l)
	if s.refuse != nil {
		return nil, s.refuse
	}
	if !l.Windows && l.Password != password {
		return nil, &tds.Error{Number: 18456, Class: 14, Message: "Login failed for user '" + l.User + "'."}
	}
	return session{s}, nil
}

type session struct{ *server }

func (s session) Run(ctx context.Context, q tds.Request, w *tds.Response) error {
	s.mu.Lock()
	s.texts = append(s.texts, q)
	s.mu.Unlock()
	switch {
	case strings.HasPrefix(q.Text, "SET "):
		return w.Done(-1)
	case strings.Contains(q.Text, "snapshot_isolation_state"):
		if err := w.Columns([]tds.Column{{Name: "snapshot_isolation_state", Type: sqltype.Type{Kind: sqltype.TinyInt}}}); err != nil {
			return err
		}
		state := int64(0)
		if s.snapshot {
			state = 1
		}
		return errors.Join(w.Row([]any{state}), w.Done(1))
	}
	return s.answer(ctx, q, w)
}

func (s session) Begin(_ context.Context, isolation int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, isolation)
	if s.begin != nil {
		return s.begin
	}
	return nil
}
func (s session) end(how string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, how)
	return nil
}
func (s session) Commit(context.Context) error   { return s.end("commit") }
func (s session) Rollback(context.Context) error { return s.end("rollback") }
func (s session) Reset(context.Context) error    { return nil }
func (s session) Close() error                   { return s.end("close") }

// What the server saw.
func (s *server) sent() []tds.Request  { return seen(s, &s.texts) }
func (s *server) signOns() []tds.Login { return seen(s, &s.logins) }
func (s *server) starts() []int        { return seen(s, &s.begun) }
func (s *server) ends() []string       { return seen(s, &s.ended) }

func seen[T any](s *server, list *[]T) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(*list)
}

// settings are those for the server, trusting its certificate as it is now.
func (s *server) settings(t *testing.T) sqlserver.Settings {
	t.Helper()
	return sqlserver.Settings{Host: s.host, Port: s.port, Database: "MIS", User: "rollbridge_agent", Password: password,
		CertificateFile: pemFile(t, s.leaf.Load().Certificate[0])}
}

// open opens a session that the test closes at its end.
func open(t *testing.T, s sqlserver.Settings) *sqlserver.Session {
	t.Helper()
	session, err := sqlserver.Open(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
	})
	return session
}

// refused opens, wants a fault of the reason that says all parts, and gives it.
func refused(t *testing.T, s sqlserver.Settings, reason sqlserver.Reason, says ...string) *sqlserver.Fault {
	t.Helper()
	var logged bytes.Buffer
	session, err := sqlserver.Open(t.Context(), s, slog.New(slog.NewTextHandler(&logged, nil)))
	if err == nil {
		session.Close()
		t.Fatalf("opened, want %s", reason)
	}
	if strings.Contains(err.Error()+logged.String(), password) {
		t.Errorf("the password is in %v or %s", err, &logged)
	}
	return wantFault(t, err, reason, says...)
}

func wantFault(t *testing.T, err error, reason sqlserver.Reason, says ...string) *sqlserver.Fault {
	t.Helper()
	var f *sqlserver.Fault
	if !errors.As(err, &f) {
		t.Fatalf("no fault: %v", err)
	}
	if f.Reason != reason {
		t.Errorf("reason %s, want %s: %v", f.Reason, reason, err)
	}
	for _, part := range says {
		if !strings.Contains(f.Text, part) {
			t.Errorf("fault does not say %q: %s", part, f.Text)
		}
	}
	return f
}

// An authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{certificate: c, key: key}
}

type leafOptions struct {
	names   []string // 127.0.0.1 without one
	expired bool
	rsa     bool
}

func (a *authority) leaf(t *testing.T, o leafOptions) *tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "sql"}, DNSNames: o.names,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if o.names == nil {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	if o.expired {
		template.NotAfter = time.Now().Add(-time.Hour)
	}
	var key crypto.Signer
	var err error
	if o.rsa {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (a *authority) file(t *testing.T) string { return pemFile(t, a.certificate.Raw) }

func pemFile(t *testing.T, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
