package uplink

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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

// check is called after every handshake with the collector, or with whoever
// answers in its place.
func (v verifier) check(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server showed no certificate")
	}
	leaf := s.PeerCertificates[0]
	if v.pin != nil && bytes.Equal(keyHash(leaf), v.pin) {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: v.host, Roots: v.roots, Intermediates: between, CurrentTime: clock.Now()})
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
