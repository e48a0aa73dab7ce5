package sqlserver

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// tlsVersions are the values of tls_min.
var tlsVersions = map[string]uint16{
	"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// maxCertificateFile bounds the files that settings name.
const maxCertificateFile = 1 << 20

// A trust decides about a server's certificate. It does so itself, and not the
// TLS library, because the driver passes that library's verdict on as text only:
// here the verdict is kept as a Fault.
type trust struct {
	check  bool
	pinned []byte         // the one certificate, in DER; nil without one
	roots  *x509.CertPool // nil: the authorities that the machine trusts
	name   string         // that the certificate must have
	place  string
	now    func() time.Time
	fault  *Fault // the last verdict, when it was a refusal
}

func newTrust(s Settings) (*trust, error) {
	t := &trust{name: s.CertificateName, place: s.place(), now: time.Now}
	t.check = s.encryption() == EncryptRequired || s.encryption() == EncryptStrict
	if t.name == "" {
		t.name = s.Host
	}
	var err error
	if s.CertificateFile != "" {
		if t.pinned, err = readCertificate(s.CertificateFile); err != nil {
			return nil, &Fault{Reason: Setting, Text: fmt.Sprintf("certificate_file cannot be used: %v.", err)}
		}
	}
	if s.CAFile != "" {
		if t.roots, err = readAuthorities(s.CAFile); err != nil {
			return nil, &Fault{Reason: Setting, Text: fmt.Sprintf("ca_file cannot be used: %v.", err)}
		}
	}
	return t, nil
}

// readCertificate reads one certificate in PEM or DER.
func readCertificate(path string) ([]byte, error) {
	data, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(data); block != nil {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s holds a %s: export the server's certificate, without its key", path, strings.ToLower(block.Type))
		}
		data = block.Bytes
	}
	if _, err := x509.ParseCertificate(data); err != nil {
		return nil, fmt.Errorf("%s is not a certificate: export it as Base-64 or DER encoded X.509 (.cer, .crt or .pem)", path)
	}
	return data, nil
}

func readAuthorities(path string) (*x509.CertPool, error) {
	data, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate: export the authority's certificate as Base-64 encoded X.509", path)
	}
	return pool, nil
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCertificateFile {
		return nil, fmt.Errorf("%s is not a certificate file", path)
	}
	return os.ReadFile(path)
}

// config is the client's side of TLS for s.
func (t *trust) config(s Settings) *tls.Config {
	c := &tls.Config{
		ServerName:         t.name,
		MinVersion:         tlsVersions[s.TLSMin],
		InsecureSkipVerify: true, // verify below does it, in all modes that check
		VerifyConnection:   t.verify,
		// SQL Server expects each encrypted packet in one piece
		// (github.com/microsoft/go-mssqldb/issues/166).
		DynamicRecordSizingDisabled: true,
	}
	if s.OldCiphers {
		c.CipherSuites = oldCiphers()
	}
	return c
}

// oldCiphers are today's cipher suites and those that SQL Server 2008 R2 and 2012
// may need beside: RSA key exchange and 3DES. RC4 stays out.
func oldCiphers() []uint16 {
	var ids []uint16
	for _, c := range tls.CipherSuites() {
		ids = append(ids, c.ID)
	}
	for _, c := range tls.InsecureCipherSuites() {
		if !strings.Contains(c.Name, "RC4") {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// verify is called by each handshake, once the server has proved that it holds
// the key of its certificate.
func (t *trust) verify(state tls.ConnectionState) error {
	t.fault = nil
	if !t.check {
		return nil
	}
	leaf := state.PeerCertificates[0]
	if t.pinned != nil {
		t.fault = t.comparePin(leaf)
	} else {
		t.fault = t.verifyChain(state.PeerCertificates)
	}
	if t.fault != nil {
		return t.fault
	}
	return nil
}

func (t *trust) comparePin(leaf *x509.Certificate) *Fault {
	if bytes.Equal(leaf.Raw, t.pinned) {
		return nil
	}
	return certificateFault("%s shows another certificate than the one in certificate_file. Its SHA-256 fingerprint is %s; that of the file is %s. Ask the database administrator whether the certificate was renewed: if the fingerprint is right, put the new certificate into certificate_file; if not, somebody may be in between, and nothing was sent.",
		t.place, fingerprint(leaf.Raw), fingerprint(t.pinned))
}

func (t *trust) verifyChain(chain []*x509.Certificate) *Fault {
	leaf := chain[0]
	options := x509.VerifyOptions{Roots: t.roots, DNSName: t.name, CurrentTime: t.now(), Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(options)
	if err == nil {
		return nil
	}
	print := fingerprint(leaf.Raw)
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return certificateFault("The certificate of %s is not made out to %q. %s", t.place, t.name, otherNames(leaf))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return certificateFault("The certificate of %s is valid from %s to %s, which is not now. Check the clock of this computer, and ask the database administrator for a new certificate.",
			t.place, leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return certificateFault("The certificate of %s is signed by nobody whom %s trusts (SQL Server makes such a certificate for itself when it was given none). Its SHA-256 fingerprint is %s. Ask the database administrator for the certificate, compare the fingerprint, and give the file as certificate_file; or give the file of the authority that signed it as ca_file.",
			t.place, t.truster(), print)
	}
	return certificateFault("The certificate of %s cannot be trusted, because its signature, key or use is not one for a server of today. Its SHA-256 fingerprint is %s. Ask the database administrator for a new certificate, or for the file of this one and give it as certificate_file.",
		t.place, print)
}

func (t *trust) truster() string {
	if t.roots != nil {
		return "ca_file"
	}
	return "this computer"
}

// otherNames says which names a certificate has, at most three.
func otherNames(leaf *x509.Certificate) string {
	var names []string
	for _, n := range leaf.DNSNames {
		if plainName(n, ` "`) && len(names) < 3 {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "It names no machine at all: ask the database administrator for the certificate's file and give it as certificate_file."
	}
	return fmt.Sprintf("It is made out to %s: give the right one of these as certificate_name, if the database administrator confirms it.", strings.Join(names, ", "))
}

func certificateFault(format string, args ...any) *Fault {
	return &Fault{Reason: Certificate, Text: fmt.Sprintf(format, args...)}
}

// fingerprint is how Windows and browsers show a certificate's SHA-256.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}
