package logbook

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

func revokeReceipt(t *testing.T, by ed25519.PrivateKey, change func(*protocol.Receipt)) protocol.Signed {
	t.Helper()
	r := protocol.Receipt{Message: protocol.MessageRevoke, Agent: agentID}
	change(&r)
	return sign(t, by, protocol.DomainReceipt, r)
}

func certificate(t *testing.T, ring, by ed25519.PrivateKey, change func(*protocol.Certificate)) protocol.CertificateFile {
	t.Helper()
	c := protocol.Certificate{Collector: "Operator", School: "Oakmere", Agent: agentID, Head: links[1], Records: 100, Children: 3}
	change(&c)
	return protocol.CertificateFile{Keyring: keyring(t, ring), Certificate: sign(t, by, protocol.DomainCertificate, c)}
}

func nothing[T any](*T) {}

// What follows the end of a school is proved like all that came before.
func TestTheEndIsProved(t *testing.T) {
	_, content := written(t, append(story(t),
		step{outbox.EventRevoked, struct{}{}},
		step{outbox.EventDestroyed, struct{}{}},
		step{outbox.EventRevokeReceived, revokeReceipt(t, intakeKey, nothing)},
		step{outbox.EventCertificate, certificate(t, rootKey, controlKey, nothing)},
		step{outbox.EventMoved, struct{}{}}))
	sum, err := Verify(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if !sum.Revoked || !sum.RevokeReceived || !sum.Moved || sum.Certificate == nil || sum.Certificate.Records != 100 {
		t.Errorf("%+v", sum)
	}
	if sum.Keyrings == 0 || sum.Outcomes == 0 || sum.Attempts == 0 || len(sum.Key) != ed25519.PublicKeySize {
		t.Errorf("%+v", sum)
	}
	last := bytes.TrimSuffix(content[bytes.LastIndexByte(content[:len(content)-1], '\n')+1:], []byte("\n"))
	if sum.Head != hashOf(last) {
		t.Error("the head is not the hash of the last line")
	}
	var hashes []string
	if err := Read(bytes.NewReader(content), func(l Line) error { hashes = append(hashes, l.Hash); return nil }); err != nil || hashes[len(hashes)-1] != sum.Head {
		t.Errorf("Read gives other hashes, %v", err)
	}
}

func TestForgedEndShows(t *testing.T) {
	for name, s := range map[string]step{
		"receipt of a revoke by control":  {outbox.EventRevokeReceived, revokeReceipt(t, controlKey, nothing)},
		"receipt of a batch":              {outbox.EventRevokeReceived, revokeReceipt(t, intakeKey, func(r *protocol.Receipt) { r.Message = protocol.MessageBatch })},
		"receipt of another agent":        {outbox.EventRevokeReceived, revokeReceipt(t, intakeKey, func(r *protocol.Receipt) { r.Agent = envelope.AgentID{2} })},
		"receipt that is none":            {outbox.EventRevokeReceived, "x"},
		"certificate by intake":           {outbox.EventCertificate, certificate(t, rootKey, intakeKey, nothing)},
		"certificate by another operator": {outbox.EventCertificate, certificate(t, otherKey, controlKey, nothing)},
		"certificate of another agent":    {outbox.EventCertificate, certificate(t, rootKey, controlKey, func(c *protocol.Certificate) { c.Agent = envelope.AgentID{2} })},
		"certificate of another batch":    {outbox.EventCertificate, certificate(t, rootKey, controlKey, func(c *protocol.Certificate) { c.Head.Digest = envelope.Digest{9} })},
		"certificate of a batch ahead":    {outbox.EventCertificate, certificate(t, rootKey, controlKey, func(c *protocol.Certificate) { c.Head.Sequence = 9 })},
		"certificate that is none":        {outbox.EventCertificate, "x"},
	} {
		_, content := written(t, append(story(t), s))
		sum, err := Verify(bytes.NewReader(content))
		if !errors.Is(err, ErrBroken) || len(sum.Problems) != 1 || sum.Problems[0].Line != 9 || sum.Certificate != nil || sum.RevokeReceived {
			t.Errorf("%s: %v, %+v", name, err, sum.Problems)
		}
	}
}

// A certificate that lies beside a logbook is proved by the logbook's first line.
func TestCheckCertificate(t *testing.T) {
	_, content := written(t, story(t))
	sum, err := Verify(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	none := func(c *protocol.Certificate) { c.Head = envelope.Link{} } // nothing had arrived
	for _, change := range []func(*protocol.Certificate){nothing[protocol.Certificate], none} {
		if _, err := sum.CheckCertificate(certificate(t, rootKey, controlKey, change)); err != nil {
			t.Error(err)
		}
	}
	if _, err := (Summary{}).CheckCertificate(certificate(t, rootKey, controlKey, nothing)); err == nil {
		t.Error("a logbook that names nobody proves a certificate")
	}
	// A logbook that was begun anew cannot know the batches before.
	begun := sum
	begun.Sealed = []envelope.Link{{Sequence: 5}}
	if _, err := begun.CheckCertificate(certificate(t, rootKey, controlKey, nothing)); err != nil {
		t.Error(err)
	}
	if _, err := json.Marshal(sum); err != nil {
		t.Error(err)
	}
}

// The receipt of a revoke that waited long may be signed by a key that the
// agent's own keyring never named: the one that came with it is entered too.
func TestVouch(t *testing.T) {
	dir, _ := written(t, story(t))
	b, err := Open(dir, bookKey)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	before := b.Next()
	newer := sign(t, rootKey, protocol.DomainKeyring, protocol.Keyring{Root: protocol.PublicKey(rootKey.Public().(ed25519.PublicKey)), Epoch: 2,
		Intake: []protocol.PublicKey{protocol.PublicKey(otherKey.Public().(ed25519.PublicKey))}, Control: []protocol.PublicKey{protocol.PublicKey(controlKey.Public().(ed25519.PublicKey))}})
	for _, k := range []protocol.Signed{keyring(t, rootKey), newer, newer} {
		if err := b.Vouch(time.Now(), k); err != nil {
			t.Fatal(err)
		}
	}
	if b.Next() != before+1 {
		t.Errorf("%d keyrings were entered, want the new one, once", b.Next()-before)
	}
	if err := b.Once(time.Now(), outbox.EventRevokeReceived, revokeReceipt(t, otherKey, nothing)); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := Verify(bytes.NewReader(content)); err != nil || !sum.RevokeReceived {
		t.Errorf("%v, %+v", err, sum.Problems)
	}
}
