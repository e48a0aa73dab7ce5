package intake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"rollbridge/collector/keys"
)

// Certificates is where a listener's certificate comes from: Files or ACME.
type Certificates struct {
	get    func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	protos []string
}

// Config is a server's TLS configuration with these certificates: TLS 1.2 or
// later.
func (c *Certificates) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: c.get,
		NextProtos:     append([]string{"h2", "http/1.1"}, c.protos...),
	}
}

// ACME fetches and renews certificates for hosts from Let's Encrypt, whose
// terms the operator accepts by choosing this, and proves the hosts by
// TLS-ALPN-01 on the listener itself (port 443 from outside). cache is a
// directory of the collector's own.
func ACME(hosts []string, email, cache string) *Certificates {
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(hosts...),
		Email: email, Cache: autocert.DirCache(cache),
	}
	return &Certificates{get: m.GetCertificate, protos: []string{acme.ALPNProto}}
}

// recheck is how soon a replaced certificate file is noticed.
const recheck = 10 * time.Second

// Files serves the certificate chain and key in two PEM files, and what they
// are replaced by. While a replacement cannot be read, or its key does not
// match, the last good one is served.
func Files(cert, key string) (*Certificates, error) {
	f := &files{cert: cert, key: key}
	if err := f.load(); err != nil {
		return nil, err
	}
	return &Certificates{get: f.get}, nil
}

type files struct {
	cert, key string

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time
	looked  time.Time
}

func (f *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) >= recheck {
		f.looked = time.Now()
		if stamp := f.stamps(); stamp != f.stamp {
			// An error leaves the last good one; the next look tries again.
			_ = f.load()
		}
	}
	return f.current, nil
}

func (f *files) load() error {
	stamp := f.stamps()
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("read TLS certificate %s with key %s: %w", f.cert, f.key, err)
	}
	f.current, f.stamp = &c, stamp
	return nil
}

func (f *files) stamps() [2]time.Time {
	var s [2]time.Time
	for i, path := range []string{f.cert, f.key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = info.ModTime()
		}
	}
	return s
}

// Limits of time and size of a connection. A batch of 4 MB over a slow line
// has bodyWait; a reply of 4 MB as long again.
const (
	headerWait    = 15 * time.Second
	replyWait     = bodyWait + 2*time.Minute
	idleWait      = 2 * time.Minute
	maxHeaderSize = 16 << 10
)

// Server is an HTTP server for h with these certificates and limits; the caller
// runs ServeTLS(listener, "", "") and Shutdown. Receipts name the public key
// that was served on the very connection.
func Server(h *Handler, c *Certificates) *http.Server {
	seen := &servedKeys{}
	config := c.Config()
	get := config.GetCertificate
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := get(hello)
		if err == nil {
			seen.note(hello.Conn, cert)
		}
		return cert, err
	}
	// TLS 1.3 resumption shows no certificate: without it every connection's
	// key is known, and agents keep their connections anyway.
	config.SessionTicketsDisabled = true
	return &http.Server{
		Handler: h, TLSConfig: config, ConnContext: seen.begin, ConnState: seen.end,
		ReadHeaderTimeout: headerWait, ReadTimeout: bodyWait + headerWait, WriteTimeout: replyWait,
		IdleTimeout: idleWait, MaxHeaderBytes: maxHeaderSize,
		// Broken connections and handshakes: the internet's noise, of use only to
		// someone who looks for it.
		ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelDebug),
	}
}

// servedKeys remembers for each open connection which key it was served.
type servedKeys struct {
	conns sync.Map // net.Conn to *atomic.Pointer[[]byte]
}

type servedKeyContext struct{}

// begin is called before the handshake, note during it.
func (s *servedKeys) begin(ctx context.Context, c net.Conn) context.Context {
	t, ok := c.(*tls.Conn)
	if !ok {
		return ctx
	}
	p := &atomic.Pointer[[]byte]{}
	s.conns.Store(t.NetConn(), p)
	return context.WithValue(ctx, servedKeyContext{}, p)
}

func (s *servedKeys) note(c net.Conn, cert *tls.Certificate) {
	p, ok := s.conns.Load(c)
	if !ok {
		return
	}
	leaf := cert.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return
		}
	}
	pin := keys.PinOf(leaf)
	p.(*atomic.Pointer[[]byte]).Store(&pin)
}

func (s *servedKeys) end(c net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	if t, ok := c.(*tls.Conn); ok {
		s.conns.Delete(t.NetConn())
	}
}

// servedKey is SHA-256 of the public key served on a request's connection, nil
// if unknown.
func servedKey(ctx context.Context) []byte {
	p, ok := ctx.Value(servedKeyContext{}).(*atomic.Pointer[[]byte])
	if !ok || p.Load() == nil {
		return nil
	}
	return *p.Load()
}
