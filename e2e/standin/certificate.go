package standin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"slices"
	"time"

	"crypto"
)

// keySize is that of SQL Server's own self-signed certificates since 2017.
const keySize = 2048

// newCertificate makes a self-signed certificate for the loopback address.
func newCertificate(ciphers []uint16) (*tls.Certificate, error) {
	key, err := newKey(ciphers)
	if err != nil {
		return nil, fmt.Errorf("make the server's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		return nil, fmt.Errorf("make the server's certificate: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "SSL_Self_Signed_Fallback"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the server's certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// newKey makes an RSA key only where the cipher suites ask for one, because
// making it takes long.
func newKey(ciphers []uint16) (crypto.Signer, error) {
	wantsRSA := func(suite uint16) bool {
		name := tls.CipherSuiteName(suite)
		return len(name) > 8 && (name[:8] == "TLS_RSA_" || len(name) > 14 && name[:14] == "TLS_ECDHE_RSA_")
	}
	if slices.ContainsFunc(ciphers, wantsRSA) {
		return rsa.GenerateKey(rand.Reader, keySize)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// writeCertificate puts it at path in one step, so that nobody reads half of it.
func writeCertificate(path string, c *tls.Certificate) error {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("write the server's certificate: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the server's certificate: %w", err)
	}
	return nil
}
