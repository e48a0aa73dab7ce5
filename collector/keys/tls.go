package keys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"time"

	"rollbridge/collector/durable"
)

// trialTLSLife is how long the trial certificate is good for.
const trialTLSLife = 2 * 365 * 24 * time.Hour

// NewTrialTLS makes a certificate that signs itself, for trials: no CA vouches
// for it, so enrolment codes carry its pin. It returns the pin, SHA-256 of the
// public key, and replaces what is in dir/tls.
func NewTrialTLS(dir string, hosts []string, now time.Time) ([]byte, error) {
	if len(hosts) == 0 {
		return nil, errors.New("make a trial certificate: it needs the host name or address that schools connect to")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a trial certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a trial certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Rollbridge trial collector"},
		// A school's clock may be behind.
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(trialTLSLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make a trial certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a trial certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		return nil, fmt.Errorf("make a trial certificate: %w", err)
	}
	certPath, keyPath := TLSFiles(dir)
	if err := durable.Write(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})); err != nil {
		return nil, err
	}
	if err := durable.Write(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})); err != nil {
		return nil, err
	}
	return PinOf(parsed), nil
}

// TLSFiles are the paths of the certificate and its key below a keys
// directory.
func TLSFiles(dir string) (cert, key string) {
	return filepath.Join(dir, dirTLS, "cert.pem"), filepath.Join(dir, dirTLS, "key.pem")
}

// PinOf is what codes and receipts name a certificate by: SHA-256 of its
// SubjectPublicKeyInfo.
func PinOf(c *x509.Certificate) []byte {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return sum[:]
}
