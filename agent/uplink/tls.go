package uplink

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"rollbridge/shared/clock"
)

// A verifier decides whom the agent speaks TLS with: a server with the pinned
// key, or one with a certificate for the host from a trusted CA. A trusted CA
// that opens TLS on the way is tolerated, because what it can read is sealed
// and signed; look reports it.
type verifier struct {
	host  string
	pin   []byte
	roots *x509.CertPool // nil: the system's
}

// certError says that no trusted party vouches for the server.
type certError struct {
	leaf *x509.Certificate
	err  error
}

func (e *certError) Error() string { return "the certificate is not trusted" }
func (e *certError) Unwrap() error { return e.err }

func keyHash(c *x509.Certificate) []byte {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return sum[:]
}

// check is called after every handshake, with the collector or with a proxy
// that is itself spoken to by TLS.
func (v verifier) check(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	leaf, host := s.PeerCertificates[0], v.host
	if s.ServerName != "" && s.ServerName != v.host {
		host = s.ServerName
	} else if v.pin != nil && bytes.Equal(keyHash(leaf), v.pin) {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: v.roots, Intermediates: between, CurrentTime: clock.Now()})
	if err != nil {
		return &certError{leaf: leaf, err: err}
	}
	return nil
}

// look notes which key was seen and whether it shows that TLS is opened on the
// way: the collector's signed receipt names the key that it serves; without
// one, the pin does.
func (v verifier) look(s *tls.ConnectionState, h *Heard) {
	if s == nil || len(s.PeerCertificates) == 0 {
		return
	}
	leaf := s.PeerCertificates[0]
	h.TLSKey = keyHash(leaf)
	served := v.pin
	if h.Receipt != nil && len(h.Receipt.TLSKey) > 0 {
		served = h.Receipt.TLSKey
	}
	if len(served) == 0 {
		return
	}
	h.TLSKnown = true
	if !bytes.Equal(served, h.TLSKey) {
		h.Intercepted = issuerOf(leaf)
	}
}

func issuerOf(c *x509.Certificate) string {
	name := c.Issuer.String()
	if name == "" {
		return "an issuer without a name"
	}
	return name
}

func (c *Client) certFault(e *certError, lastHeard time.Time) *Fault {
	now := clock.Now()
	host := c.base.Hostname()
	day := func(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
	var invalid x509.CertificateInvalidError
	if errors.As(e.err, &invalid) && invalid.Reason == x509.Expired {
		f := &Fault{Kind: WrongClock, err: e, Hint: "check the clock of this computer"}
		if now.Before(e.leaf.NotBefore) {
			f.Text = fmt.Sprintf("the certificate of %s is valid only from %s, and this computer says it is %s", host, day(e.leaf.NotBefore), day(now))
		} else {
			f.Text = fmt.Sprintf("the certificate of %s ended on %s, and this computer says it is %s", host, day(e.leaf.NotAfter), day(now))
			f.Hint = "check the clock of this computer; if it is right, tell the collector's operator"
		}
		if behind := lastHeard.Sub(now).Round(time.Minute); !lastHeard.IsZero() && behind > 0 {
			f.Text += fmt.Sprintf(", which is %s behind the collector's last signed time", behind)
		}
		return f
	}
	f := &Fault{Kind: Untrusted, err: e}
	var wrongName x509.HostnameError
	if errors.As(e.err, &wrongName) {
		f.Text = fmt.Sprintf("the certificate shown is not for %s (issued by %s)", host, issuerOf(e.leaf))
	} else {
		f.Text = fmt.Sprintf("the certificate of %s is issued by %s, which this computer does not trust", host, issuerOf(e.leaf))
	}
	f.Hint = fmt.Sprintf("if a web filter of the school opens secure connections, ask for %s to be exempted from inspection, or give its certificate in uplink.ca_file", host)
	return f
}

func rootsOf(roots *x509.CertPool, file string) (*x509.CertPool, error) {
	if file == "" {
		return roots, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read uplink.ca_file: %w", err)
	}
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("read the system's trusted certificates: %w", err)
		}
	}
	roots = roots.Clone()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("uplink.ca_file %s holds no certificate: give a file in PEM form", file)
	}
	return roots, nil
}

// proxyOf never repeats the address: it may hold a password.
func proxyOf(address string) (func(*http.Request) (*url.URL, error), error) {
	if address == "" {
		return func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if err != nil {
				return nil, &Fault{Kind: ProxyDown, Text: "the proxy that the environment names is not a web address",
					Hint: "correct HTTPS_PROXY, or set uplink.proxy"}
			}
			return u, nil
		}, nil
	}
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("uplink.proxy must be http://host:port, or http://user:password@host:port with special characters percent-encoded")
	}
	return http.ProxyURL(u), nil
}

// Way is how a connection to somewhere else leaves the school by the same
// settings: its proxy, and the certificates it trusts (nil for the system's).
func Way(proxy, caFile string) (func(*http.Request) (*url.URL, error), *x509.CertPool, error) {
	through, err := proxyOf(proxy)
	if err != nil {
		return nil, nil, err
	}
	roots, err := rootsOf(nil, caFile)
	return through, roots, err
}

// checkProxy words a proxy's refusal, which net/http would give as a bare
// status text.
func (v verifier) checkProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	kind := ProxyRefused
	switch {
	case answer.StatusCode == http.StatusOK:
		return nil
	case answer.StatusCode == http.StatusProxyAuthRequired:
		kind = ProxyLogin
	case answer.StatusCode >= 500:
		kind = Unavailable
	}
	f := wording(kind, v.host, v.host)
	if kind != ProxyLogin {
		f.Text += fmt.Sprintf(" (the proxy answered HTTP %d)", answer.StatusCode)
	}
	return f
}
