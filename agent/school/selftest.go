package school

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"

	"rollbridge/agent/identity"
	"rollbridge/agent/outbox"
	"rollbridge/shared/envelope"
)

// What every version must be able to use, whatever else has changed; the words
// are what the worker tells its supervisor.
const (
	TestSettings = "configuration"
	TestKey      = "key"
	TestSealing  = "sealing"
	TestStore    = "store"
)

// SelfTest tries what a version of this program needs of a school's data
// directory: that the keys can be used, that sealing works and that the state
// can be read. It asks neither MIS nor collector, changes nothing, and passes
// over what another process is using. failed is one of the words above, with the
// reason in err; without a school there is little to fail.
func SelfTest(dir string) (failed string, err error) {
	key, err := envelope.GenerateKey()
	if err == nil {
		err = sealing(key.PublicKey().Bytes(), key.Bytes)
	}
	if err != nil {
		return TestSealing, err
	}
	if _, revoked := Revoked(dir); revoked {
		return "", nil
	}
	id, err := identity.Load(dir)
	if errors.Is(err, identity.ErrMissing) {
		return "", nil
	}
	if err != nil {
		return TestKey, err
	}
	if said := []byte("self-test"); !ed25519.Verify(id.Sign.Public().(ed25519.PublicKey), said, ed25519.Sign(id.Sign, said)) {
		return TestKey, errors.New("what the signing key signs does not verify")
	}
	if err := sealing(id.Receive.PublicKey().Bytes(), id.Receive.Bytes); err != nil {
		return TestSealing, err
	}
	if err := stored(dir); err != nil {
		return TestStore, err
	}
	return "", nil
}

// sealing seals something to a key and opens it again.
func sealing(public []byte, private func() ([]byte, error)) error {
	const purpose = "selftest"
	to, err := envelope.ParsePublicKey(public)
	if err != nil {
		return err
	}
	raw, err := private()
	if err != nil {
		return err
	}
	key, err := envelope.ParsePrivateKey(raw)
	if err != nil {
		return err
	}
	secret := []byte("a secret of no worth")
	sealed, err := envelope.SealTo(to, purpose, nil, secret)
	if err != nil {
		return err
	}
	opened, err := envelope.OpenFrom(key, purpose, nil, sealed)
	if err != nil {
		return err
	}
	if !bytes.Equal(opened, secret) {
		return errors.New("what was sealed opens as something else")
	}
	return nil
}

// stored reads the state. None at all is one that is begun anew.
func stored(dir string) error {
	lock, err := LockState(context.Background(), dir, 0)
	if errors.Is(err, ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	box, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, outbox.ErrInUse) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = box.Facts()
	if err = errors.Join(err, box.Close()); err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	return nil
}
