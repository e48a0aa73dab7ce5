package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"

	"rollbridge/shared/record"
)

// An Owner is whose a data key is: one pupil of a school, or with an empty
// Pupil the school itself (its staff, quarantine, its id key).
type Owner struct {
	School string
	Pupil  record.PupilID
}

// A Wrapped key is a data key as a row keeps it: which epoch wraps it, 0 for
// the hold key of its school, and the wrapped bytes.
type Wrapped struct {
	Epoch Epoch
	Key   []byte
}

// A Name binds sealed bytes to the row that holds them.
type Name struct {
	School  string
	Dataset string
	Key     string
	Version uint64
}

// A Key is an opened data key. It prints as one fixed word.
type Key struct{ aead cipher.AEAD }

// NewKey makes a data key for an owner and wraps it by the newest epoch key. It
// looks at the directory first: a process that was idle for weeks may hold an
// epoch key that another has destroyed, and what that wrapped would be lost.
func (v *Vault) NewKey(o Owner) (Key, Wrapped, error) {
	if err := v.rescan(); err != nil {
		return Key{}, Wrapped{}, fmt.Errorf("make a data key: %w", err)
	}
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return Key{}, Wrapped{}, fmt.Errorf("make a data key: %w", err)
	}
	w, err := v.wrap(o, raw)
	if err != nil {
		return Key{}, Wrapped{}, err
	}
	aead, err := newAEAD(raw)
	return Key{aead}, w, err
}

// Unwrap opens a wrapped key of an owner. Errors wrap ErrMissing where the
// epoch key is gone, ErrOpen where the key is not this owner's and ErrHeld where
// the school has stopped.
func (v *Vault) Unwrap(o Owner, w Wrapped) (Key, error) {
	raw, err := v.unwrap(o, w)
	if err != nil {
		return Key{}, err
	}
	aead, err := newAEAD(raw)
	return Key{aead}, err
}

// Rewrap wraps a key by the newest epoch key; one that already is comes back
// as it was.
func (v *Vault) Rewrap(o Owner, w Wrapped) (Wrapped, error) {
	if newest, _ := v.Newest(); w.Epoch == newest {
		return w, nil
	}
	raw, err := v.unwrap(o, w)
	if err != nil {
		return Wrapped{}, err
	}
	return v.wrap(o, raw)
}

func (v *Vault) wrap(o Owner, raw []byte) (Wrapped, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := v.newest()
	sealed, err := seal(v.epochs[n].aead, o.bytes(), raw)
	if err != nil {
		return Wrapped{}, fmt.Errorf("wrap a data key: %w", err)
	}
	return Wrapped{Epoch: n, Key: sealed}, nil
}

func (v *Vault) unwrap(o Owner, w Wrapped) ([]byte, error) {
	if w.Epoch == 0 {
		return nil, fmt.Errorf("unwrap a data key: %w", ErrHeld)
	}
	aead, err := v.epoch(w.Epoch)
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key: %w", err)
	}
	raw, err := open(aead, o.bytes(), w.Key)
	if err != nil {
		return nil, fmt.Errorf("unwrap a data key of epoch %d: %w", w.Epoch, err)
	}
	return raw, nil
}

// Seal encrypts plain for the row of that name.
func (k Key) Seal(n Name, plain []byte) ([]byte, error) {
	sealed, err := seal(k.aead, n.bytes(), plain)
	if err != nil {
		return nil, fmt.Errorf("seal a %s row: %w", n.Dataset, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made under the same name. Errors wrap ErrOpen.
func (k Key) Open(n Name, sealed []byte) ([]byte, error) {
	plain, err := open(k.aead, n.bytes(), sealed)
	if err != nil {
		return nil, fmt.Errorf("open a %s row: %w", n.Dataset, err)
	}
	return plain, nil
}

// LogValue is one fixed word.
func (k Key) LogValue() slog.Value { return slog.StringValue("[vault key]") }

// Format is one fixed word for every verb.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprint(s, "[vault key]") }

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use a vault key: %w", err)
	}
	return cipher.NewGCM(block)
}

func seal(aead cipher.AEAD, aad, plain []byte) ([]byte, error) {
	b := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	return aead.Seal(b, b, plain, aad), nil
}

func open(aead cipher.AEAD, aad, sealed []byte) ([]byte, error) {
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, ErrOpen
	}
	plain, err := aead.Open(nil, sealed[:n], sealed[n:], aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func (o Owner) bytes() []byte { return parts("rollbridge/vault/key/v1", o.School, string(o.Pupil)) }

func (n Name) bytes() []byte {
	return binary.BigEndian.AppendUint64(parts("rollbridge/vault/row/v1", n.School, n.Dataset, n.Key), n.Version)
}

// parts joins texts with their lengths, so that no two lists are the same.
func parts(texts ...string) []byte {
	var b []byte
	for _, t := range texts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(t)))
		b = append(b, t...)
	}
	return b
}
