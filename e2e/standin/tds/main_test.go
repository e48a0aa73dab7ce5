package tds_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"rollbridge/e2e/standin/sqltype"
	"rollbridge/e2e/standin/tds"
)

// certificate is one for 127.0.0.1, and its PEM; RSA, because the oldest
// cipher suites need it.
var certificate = sync.OnceValues(func() (*tls.Certificate, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"127.0.0.1"},
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
})

// A server is one with sessions that know a handful of words.
type server struct {
	t       *testing.T
	address *net.TCPAddr
	ca      string
	mu      sync.Mutex
	logins  []tds.Login
	done    []string                    // what sessions were asked beside Run
	waiting chan struct{}               // a session has begun to wait
	closed  chan struct{}               // a session has been closed
	errs    []error                     // what Serve returned
	run     func(w *tds.Response) error // what "run" does
}

// secret has nothing outside the basic plane: go-mssqldb states the length of a
// password in characters, not in UTF-16 units.
const secret = "Pr0bier-ßλ%&;"

func serve(t *testing.T, o tds.Options) *server {
	t.Helper()
	cert, ca := certificate()
	o.Certificate = func() *tls.Certificate { return cert }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: l.Addr().(*net.TCPAddr), ca: filepath.Join(t.TempDir(), "ca.pem"), waiting: make(chan struct{}, 100), closed: make(chan struct{}, 100)}
	if err := os.WriteFile(s.ca, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				err := tds.Serve(ctx, c, o, s)
				s.mu.Lock()
				s.errs = append(s.errs, err)
				s.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		wg.Wait()
	})
	return s
}

// dsn is a connection string's URL with some parameters.
func (s *server) dsn(parameters ...string) string {
	v := url.Values{"database": {"Demo"}, "encrypt": {"true"}, "certificate": {s.ca}, "app name": {"wire test"}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		v.Set(name, value)
	}
	if v.Get("encrypt") == "disable" {
		v.Del("certificate")
	}
	user := url.UserPassword("reader", secret)
	if name := v.Get("as"); name != "" {
		user = url.UserPassword(name, v.Get("password"))
		v.Del("as")
		v.Del("password")
	}
	u := url.URL{Scheme: "sqlserver", User: user, Host: s.address.String(), RawQuery: v.Encode()}
	return u.String()
}

func (s *server) config(parameters ...string) msdsn.Config {
	s.t.Helper()
	c, err := msdsn.Parse(s.dsn(parameters...))
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *server) open(parameters ...string) *sql.DB {
	s.t.Helper()
	db := sql.OpenDB(mssql.NewConnectorConfig(s.config(parameters...)))
	s.t.Cleanup(func() { db.Close() })
	return db
}

func (s *server) Login(_ context.Context, l tds.Login) (tds.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = append(s.logins, l)
	switch {
	case l.Database == "Nowhere":
		return nil, &tds.Error{Number: 4060, Class: 11, Message: `Cannot open database "Nowhere" requested by the login. The login failed.`}
	case !l.Windows && (l.User != "reader" || l.Password != secret):
		return nil, errors.New("no such login")
	}
	return &session{server: s}, nil
}

func (s *server) note(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, fmt.Sprintf(format, args...))
	return nil
}

type session struct{ *server }

func (s *session) Begin(_ context.Context, isolation int) error { return s.note("begin %d", isolation) }
func (s *session) Commit(context.Context) error                 { return s.note("commit") }
func (s *session) Rollback(context.Context) error               { return s.note("rollback") }
func (s *session) Reset(context.Context) error                  { return s.note("reset") }
func (s *session) Close() error {
	s.closed <- struct{}{}
	return nil
}

var number = []tds.Column{{Name: "n", Type: sqltype.Type{Kind: sqltype.Int}}}

func (s *session) Run(ctx context.Context, q tds.Request, w *tds.Response) error {
	if q.Procedure != "" {
		s.note("procedure %s %d", q.Procedure, len(q.Params))
		return nil
	}
	switch word, _, _ := strings.Cut(q.Text, " "); word {
	case "echo", "echo!":
		return echo(q, w, word == "echo")
	case "count":
		var n int64
		fmt.Sscanf(q.Text, "count %d", &n)
		return count(w, n)
	case "endless":
		if err := w.Columns(number); err != nil {
			return err
		}
		for i := int64(0); ; i = (i + 1) % 1000 {
			if err := w.Row([]any{i}); err != nil {
				s.note("endless ended")
				return err
			}
		}
	case "wait":
		if err := count(w, 2); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
		s.waiting <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	case "fail":
		return &tds.Error{Number: 208, Message: "Invalid object name 'mis.Nothing'."}
	case "midway":
		if err := w.Columns(number); err != nil {
			return err
		}
		for i := range int64(3) {
			if err := w.Row([]any{i}); err != nil {
				return err
			}
		}
		return &tds.Error{Number: 1205, Class: 13, Message: "deadlock victim"}
	case "fatal":
		return &tds.Error{Number: 596, Class: 21, Message: "Cannot continue the execution because the session is in the kill state."}
	case "cut":
		if err := count(w, 3); err != nil {
			return err
		}
		w.Cut()
		return w.Flush()
	case "two":
		if err := w.Info(0, 0, "first"); err != nil {
			return err
		}
		return errors.Join(count(w, 1), count(w, 2))
	case "use":
		return errors.Join(w.Database("Demo", "Other"), w.Done(-1))
	case "run":
		return s.run(w)
	case "text":
		return one(w, q.Text)
	}
	return w.Done(-1)
}

// one answers with one nvarchar(max).
func one(w *tds.Response, text string) error {
	c := []tds.Column{{Name: "text", Type: sqltype.Type{Kind: sqltype.NVarChar, Length: sqltype.Max}}}
	return errors.Join(w.Columns(c), w.Row([]any{text}), w.Done(1))
}

func count(w *tds.Response, n int64) error {
	if err := w.Columns(number); err != nil {
		return err
	}
	for i := range n {
		if err := w.Row([]any{i}); err != nil {
			return err
		}
	}
	return w.Done(n)
}

// echo answers with the parameters as one row, each column of its parameter's type.
func echo(q tds.Request, w *tds.Response, nullable bool) error {
	var columns []tds.Column
	var row []any
	for _, p := range q.Params {
		columns = append(columns, tds.Column{Name: strings.TrimPrefix(p.Name, "@"), Type: p.Type, Nullable: nullable})
		row = append(row, p.Value)
	}
	return errors.Join(w.Columns(columns), w.Row(row), w.Done(1))
}
