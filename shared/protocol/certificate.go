package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"rollbridge/shared/envelope"
)

// DomainCertificate is what a control key signs certificates in.
const DomainCertificate Domain = "control/certificate"

// A StoppedBy says whose word stopped a school.
type StoppedBy string

// Who may stop a school.
const (
	StoppedByAgent    StoppedBy = "agent"    // revoke on the school's machine
	StoppedByCode     StoppedBy = "code"     // the revocation code from the head teacher's safe
	StoppedByOperator StoppedBy = "operator" // the collector's operator, on the school's word
)

// A Certificate (DomainCertificate, by a control key) says that everything
// which a school sent is destroyed. Each agent that the school had until it
// stopped gets its own.
type Certificate struct {
	// Collector is the operator's name as schools read it in offers, School the
	// school's name.
	Collector  string           `json:"collector"`
	School     string           `json:"school"`
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation"`
	By         StoppedBy        `json:"by"`
	// Revoked is when the school said stop by its own clock (as Hidden where it
	// did not say), Hidden when the collector hid the data, Destroyed when the
	// last of them was gone.
	Revoked   time.Time `json:"revoked"`
	Hidden    time.Time `json:"hidden"`
	Destroyed time.Time `json:"destroyed"`
	// Head is the last batch of the agent that the collector had accepted; zero
	// if there was none.
	Head envelope.Link `json:"head"`
	// Records counts the school's records that were destroyed, Children its
	// pupils.
	Records  int `json:"records"`
	Children int `json:"children"`
	// HoldKey names the key whose end made every copy unreadable. It is no
	// secret.
	HoldKey envelope.KeyID `json:"hold_key"`
}

// DestroyAfter is how long after a stop the data of the school are destroyed
// (design.md §1 promise 3).
const DestroyAfter = 30 * 24 * time.Hour

// A CertificateFile is what a school keeps: a certificate with the keyring that
// proves who signed it.
type CertificateFile struct {
	Keyring     Signed `json:"keyring"`
	Certificate Signed `json:"certificate"`
}

// MaxCertificateBytes bounds the JSON of a CertificateFile.
const MaxCertificateBytes = 64 << 10

// ErrCertificate is returned for bytes that are not a CertificateFile.
var ErrCertificate = errors.New("this is not a deletion certificate of Rollbridge; give the file that was downloaded, unchanged")

// ParseCertificateFile reads the JSON of a CertificateFile; it proves nothing
// (Verify does).
func ParseCertificateFile(text []byte) (CertificateFile, error) {
	var f CertificateFile
	if len(text) > MaxCertificateBytes || json.Unmarshal(text, &f) != nil || f.Keyring.IsZero() || f.Certificate.IsZero() {
		return CertificateFile{}, ErrCertificate
	}
	return f, nil
}

// Verify proves that a control key of the collector with that root signed the
// certificate. An expired keyring, and one older than the newest, prove it as
// well: what was signed stays signed. The caller compares Agent.
func (f CertificateFile) Verify(root Fingerprint) (Certificate, error) {
	k, err := VerifyKeyring(f.Keyring, root, 0)
	if err != nil {
		return Certificate{}, fmt.Errorf("verify certificate: %w", err)
	}
	var c Certificate
	if err := Verify(f.Certificate, DomainCertificate, k.Control, &c); err != nil {
		return Certificate{}, fmt.Errorf("verify certificate: %w", err)
	}
	return c, nil
}
