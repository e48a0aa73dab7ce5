package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/fault"
	"rollbridge/e2e/stack"
)

// TestGivenCertificate serves a certificate from files, as a collector in
// production does: codes carry no pin, agents trust the authority that issued
// it, and a renewed certificate is served without a restart.
func TestGivenCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, err := fault.NewAuthority("Fictional Public CA")
	if err != nil {
		t.Fatal(err)
	}
	trusted, certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := ca.WriteFile(trusted); err != nil {
		t.Fatal(err)
	}
	issue(t, ca, certFile, keyFile)
	w, code := newWorld(t, small(), stack.CollectorOptions{Env: []string{
		"ROLLBRIDGE_COLLECTOR_INTAKE_TLS_MODE=files",
		"ROLLBRIDGE_COLLECTOR_INTAKE_TLS_CERT=" + certFile,
		"ROLLBRIDGE_COLLECTOR_INTAKE_TLS_KEY=" + keyFile,
	}})

	stranger, err := stack.NewAgent(programs, filepath.Join(w.dir, "stranger"), w.source(), stack.AgentOptions{})
	w.must(err)
	r, err := stranger.Try(w.ctx, "enrol", code, "--accept")
	w.must(err)
	if r.Code == 0 || !strings.Contains(r.Stdout+r.Stderr, "Fictional Public CA") {
		t.Errorf("a certificate that the machine does not trust: code %d, and the issuer is not named:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}

	w.agent, err = stack.NewAgent(programs, filepath.Join(w.dir, "agent"), w.source(), stack.AgentOptions{
		Env: []string{"ROLLBRIDGE_UPLINK_CA_FILE=" + trusted},
	})
	w.must(err)
	phrase, err := w.agent.Enrol(w.ctx, code)
	w.must(err)
	w.confirm(phrase)
	w.sync()

	old := served(t, w.collector.IntakeAddress())
	issue(t, ca, certFile, keyFile)
	w.must(stack.Await(w.ctx, "the renewed certificate to be served", func() (bool, error) {
		return served(t, w.collector.IntakeAddress()) != old, nil
	}))
	w.must(w.school.ChangeMark(w.school.LookedAfter()[0].ID, w.school.Today(), demoschool.AM, "I"))
	w.write()
	w.sync()
	status, err := w.agent.Command(w.ctx, "status")
	w.must(err)
	if strings.Contains(strings.ToLower(status), "intercept") {
		t.Errorf("a renewed certificate is taken for interception:\n%s", status)
	}
}

// issue writes a new certificate and key, the key first: a program that looks
// in between must go on with the old pair.
func issue(t *testing.T, ca *fault.Authority, certFile, keyFile string) {
	t.Helper()
	c, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name  string
		block pem.Block
	}{
		{keyFile, pem.Block{Type: "PRIVATE KEY", Bytes: key}},
		{certFile, pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}},
	} {
		if err := os.WriteFile(f.name, pem.EncodeToMemory(&f.block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// served is the serial number of the certificate at an address.
func served(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
