package server

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"rollbridge/collector/intake"
	"rollbridge/collector/keys"
	"rollbridge/collector/settings"
)

// certificates finds the certificate of a listener. What is wrong with given
// files is found here and not at the first connection.
func certificates(s settings.Settings, t settings.TLS) (*intake.Certificates, error) {
	switch t.Mode {
	case settings.TLSACME:
		return intake.ACME(t.Hosts, t.Email, s.CacheDir(t)), nil
	case settings.TLSTrial:
		t.Cert, t.Key = keys.TLSFiles(s.Keys())
	}
	c, err := intake.Files(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: check the settings of tls, or run init for a trial certificate", err)
	}
	return c, nil
}

// TrialPin is what codes carry so that an agent knows the trial certificate;
// nil with any other certificate.
func TrialPin(s settings.Settings) ([]byte, error) {
	if s.Intake.TLS.Mode != settings.TLSTrial {
		return nil, nil
	}
	path, _ := keys.TLSFiles(s.Keys())
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the trial certificate: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("read the trial certificate %s: %w", path, keys.ErrDamaged)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the trial certificate %s: %w", path, keys.ErrDamaged)
	}
	return keys.PinOf(c), nil
}
