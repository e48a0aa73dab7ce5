package vault

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"rollbridge/shared/clock"
)

// ErrMissing is returned where the directory holds no vault, or not the key
// that is needed.
var ErrMissing = errors.New("no such vault key")

// ErrOpen is returned where something does not open: another key, another
// Name, or changed bytes.
var ErrOpen = errors.New("does not open under this key")

const (
	keySize   = 32
	kekFile   = "kek.key"
	indexFile = "index.key"
)

// A Vault holds the epoch keys of one collector in memory. It may be used
// concurrently, and by several processes on the same directory.
type Vault struct {
	dir    string
	keeper *secrets.Keeper
	index  []byte

	mu     sync.RWMutex
	epochs map[Epoch]epochKey
}

// Init makes a vault in dir: the key-encryption key, the index key and the
// first epoch. It refuses a directory that already holds a vault, and repeats
// safely after a crash in the middle: what is there is kept.
func Init(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the vault: %w", err)
	}
	epochs, err := listEpochs(dir)
	if err != nil {
		return err
	}
	if len(epochs) > 0 {
		return fmt.Errorf("make the vault in %s: it already holds epoch keys; it is left as it is", dir)
	}
	kek := make([]byte, keySize)
	if _, err := rand.Read(kek); err != nil {
		return fmt.Errorf("make the vault: %w", err)
	}
	if err := createFile(filepath.Join(dir, kekFile), encodeKey(kek)); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the vault: %w", err)
	}
	keeper, err := openKeeper(dir)
	if err != nil {
		return err
	}
	defer func() { _ = keeper.Close() }()
	if err := createIndex(dir, keeper); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the vault: %w", err)
	}
	// The epoch comes last: a vault with an epoch is a whole one.
	if _, err := createEpoch(dir, keeper, 1, clock.Now()); err != nil {
		return fmt.Errorf("make the vault: %w", err)
	}
	return nil
}

func createIndex(dir string, keeper *secrets.Keeper) error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	wrapped, err := keeper.Encrypt(context.Background(), key)
	if err != nil {
		return err
	}
	return createFile(filepath.Join(dir, indexFile), encodeKey(wrapped))
}

// Open reads the vault in dir. Errors name the file and wrap ErrMissing where
// it is not there.
func Open(dir string) (*Vault, error) {
	keeper, err := openKeeper(dir)
	if err != nil {
		return nil, err
	}
	v := &Vault{dir: dir, keeper: keeper, epochs: map[Epoch]epochKey{}}
	wrapped, err := readKey(filepath.Join(dir, indexFile))
	if err == nil {
		v.index, err = keeper.Decrypt(context.Background(), wrapped)
		if err != nil {
			err = fmt.Errorf("open %s: it was not wrapped by this %s", filepath.Join(dir, indexFile), kekFile)
		}
	}
	if err == nil {
		err = v.rescan()
	}
	if err != nil {
		return nil, errors.Join(err, keeper.Close())
	}
	return v, nil
}

// Close lets the key-encryption key go. The Vault is not used afterwards.
func (v *Vault) Close() error { return v.keeper.Close() }

func openKeeper(dir string) (*secrets.Keeper, error) {
	kek, err := readKey(filepath.Join(dir, kekFile))
	if err != nil {
		return nil, err
	}
	if len(kek) != keySize {
		return nil, fmt.Errorf("open %s: it is not a key of %d bytes; restore the file", filepath.Join(dir, kekFile), keySize)
	}
	return localsecrets.NewKeeper([keySize]byte(kek)), nil
}

// BlindIndex is what one UPN is found by without being readable: HMAC-SHA-256
// under the index key. The caller gives the UPN as codes.ParseUPN wrote it.
func (v *Vault) BlindIndex(upn string) []byte {
	m := hmac.New(sha256.New, v.index)
	m.Write([]byte("rollbridge/upn/v1\x00"))
	m.Write([]byte(upn))
	return m.Sum(nil)
}

// Own is the key for what belongs to no school, such as the second factors of
// people who sign in: it is made of the index key, so that it is outside the
// database and stays as long as that does. Each purpose has its own.
func (v *Vault) Own(purpose string) (Key, error) {
	m := hmac.New(sha256.New, v.index)
	m.Write([]byte("rollbridge/own/v1\x00"))
	m.Write([]byte(purpose))
	aead, err := newAEAD(m.Sum(nil))
	return Key{aead}, err
}

// Newest is the epoch that wraps new keys, and when it began.
func (v *Vault) Newest() (Epoch, time.Time) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := v.newest()
	return n, v.epochs[n].created
}
