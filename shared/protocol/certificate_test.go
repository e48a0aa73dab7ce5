package protocol_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func TestCertificateIsProvedByTheRoot(t *testing.T) {
	key := func(n byte) ed25519.PrivateKey {
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = n
		return ed25519.NewKeyFromSeed(seed)
	}
	public := func(k ed25519.PrivateKey) protocol.PublicKey {
		return protocol.PublicKey(k.Public().(ed25519.PublicKey))
	}
	root, control, intake := key(1), key(2), key(3)
	ring, err := protocol.Sign(root, protocol.DomainKeyring, protocol.Keyring{Root: public(root), Epoch: 3,
		Expires: time.Unix(0, 0), Control: []protocol.PublicKey{public(control)}, Intake: []protocol.PublicKey{public(intake)}})
	if err != nil {
		t.Fatal(err)
	}
	want := protocol.Certificate{School: "Oak School", Agent: envelope.AgentID{7}, Generation: 2, Records: 41, Children: 5}
	signed := func(k ed25519.PrivateKey, d protocol.Domain) protocol.CertificateFile {
		s, err := protocol.Sign(k, d, want)
		if err != nil {
			t.Fatal(err)
		}
		return protocol.CertificateFile{Keyring: ring, Certificate: s}
	}
	trusted := protocol.FingerprintOf(ed25519.PublicKey(public(root)))

	text, err := json.Marshal(signed(control, protocol.DomainCertificate))
	if err != nil {
		t.Fatal(err)
	}
	file, err := protocol.ParseCertificateFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := file.Verify(trusted); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := file.Verify(protocol.Fingerprint{1}); !errors.Is(err, protocol.ErrRoot) {
		t.Errorf("another root: %v", err)
	}
	for name, f := range map[string]protocol.CertificateFile{
		"an intake key":  signed(intake, protocol.DomainCertificate),
		"another domain": signed(control, protocol.DomainStatement),
		"no certificate": {Keyring: ring},
		"a changed payload": func() protocol.CertificateFile {
			f := signed(control, protocol.DomainCertificate)
			f.Certificate.Payload = append([]byte{' '}, f.Certificate.Payload...)
			return f
		}(),
	} {
		if _, err := f.Verify(trusted); !errors.Is(err, protocol.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "{}", "[]", `{"keyring":{}}`} {
		if _, err := protocol.ParseCertificateFile([]byte(text)); !errors.Is(err, protocol.ErrCertificate) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
