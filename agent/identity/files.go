package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/agent/secret"
	"rollbridge/shared/envelope"
)

// dirName is the directory below a school's data directory.
const dirName = "identity"

const (
	fileSign    = "sign.key"
	fileReceive = "receive.key"
	fileID      = "id.key"
	fileLocal   = "local.key"
	fileLogbook = "logbook.key"
)

// LogbookKeyName is the file of the data directory that holds the logbook's key
// once the other keys are destroyed.
const LogbookKeyName = "logbook.key"

// symmetricLen is the length of the id key and of the local key.
const symmetricLen = 32

// Create makes a new identity below dataDir (directory "identity") and returns
// it. A crash leaves all of it or nothing. Errors wrap ErrExists.
func Create(dataDir string) (*Identity, error) {
	made, err := create(dataDir)
	if err != nil {
		return nil, fmt.Errorf("make the keys of this school: %w", err)
	}
	return made, nil
}

func create(dataDir string) (*Identity, error) {
	made, err := generate()
	if err != nil {
		return nil, err
	}
	return made, place(dataDir, made)
}

// place puts all keys there at once.
func place(dataDir string, made *Identity) error {
	final := filepath.Join(dataDir, dirName)
	switch _, err := os.Lstat(final); {
	case err == nil:
		return ErrExists
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := clearUnfinished(dataDir); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(dataDir, unfinished)
	if err != nil {
		return err
	}
	if err := secret.Adopt(temporary, dataDir); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	if err := made.store(temporary); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	// A rename onto a directory that holds files fails, so a second one at the
	// same moment cannot replace the keys of the first.
	if err := os.Rename(temporary, final); err != nil {
		return errors.Join(err, os.RemoveAll(temporary))
	}
	return secret.SyncDir(dataDir)
}

const unfinished = ".identity-"

// clearUnfinished removes what a crash left of an earlier Create: keys that
// were never used.
func clearUnfinished(dataDir string) error { return secret.RemoveAll(dataDir, unfinished) }

func generate() (*Identity, error) {
	_, sign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	_, logbook, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	receive, err := envelope.GenerateKey()
	if err != nil {
		return nil, err
	}
	i := &Identity{Sign: sign, Receive: receive, Logbook: logbook,
		IDKey: make([]byte, symmetricLen), LocalKey: make([]byte, symmetricLen)}
	if _, err := rand.Read(i.IDKey); err != nil {
		return nil, err
	}
	if _, err := rand.Read(i.LocalKey); err != nil {
		return nil, err
	}
	return i, nil
}

func (i *Identity) store(dir string) error {
	keys, err := i.Keys()
	if err != nil {
		return err
	}
	for name, data := range keys {
		if err := secret.Write(filepath.Join(dir, name), data); err != nil {
			return err
		}
	}
	return nil
}

// Keys are all keys by the names of their files, for a move to another machine.
// They are secrets.
func (i *Identity) Keys() (map[string][]byte, error) {
	receive, err := i.Receive.Bytes()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		fileSign: i.Sign.Seed(), fileReceive: receive, fileID: i.IDKey,
		fileLocal: i.LocalKey, fileLogbook: i.Logbook.Seed(),
	}, nil
}

// FromKeys is the identity of what Keys returned; it stores nothing.
func FromKeys(keys map[string][]byte) (*Identity, error) {
	sizes := map[string]int{fileSign: ed25519.SeedSize, fileLogbook: ed25519.SeedSize, fileID: symmetricLen, fileLocal: symmetricLen}
	for name, size := range sizes {
		if len(keys[name]) != size {
			return nil, fmt.Errorf("the key %s is not whole", name)
		}
	}
	receive, err := envelope.ParsePrivateKey(keys[fileReceive])
	if err != nil {
		return nil, fmt.Errorf("the key %s is not whole", fileReceive)
	}
	return &Identity{Sign: ed25519.NewKeyFromSeed(keys[fileSign]), Receive: receive, IDKey: keys[fileID], LocalKey: keys[fileLocal],
		Logbook: ed25519.NewKeyFromSeed(keys[fileLogbook])}, nil
}

// Store writes an identity that has come from another machine below dataDir,
// protected anew. A crash leaves all of it or nothing. Errors wrap ErrExists.
func (i *Identity) Store(dataDir string) error {
	if err := place(dataDir, i); err != nil {
		return fmt.Errorf("store the keys of this school: %w", err)
	}
	return nil
}

// Load reads the identity below dataDir. Errors wrap ErrMissing when there is
// none; any other error names the file and what to do.
func Load(dataDir string) (*Identity, error) {
	dir := filepath.Join(dataDir, dirName)
	err := ownDirectory(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load the keys of this school: %w", ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("load the keys of this school: %w", err)
	}
	i, err := load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load the keys of this school: a key file is gone; restore %s from the machine's backup or enrol again with a new code: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load the keys of this school from %s: %w", dir, err)
	}
	return i, nil
}

// ownDirectory refuses a link in the place of the directory: what is written
// there would be written somewhere else.
func ownDirectory(dir string) error {
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory of this program; find out who put it there and remove it", secret.ErrUnprotected, dir)
	}
	return err
}

func load(dir string) (*Identity, error) {
	sign, err := exactly(dir, fileSign, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	logbook, err := exactly(dir, fileLogbook, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	id, err := exactly(dir, fileID, symmetricLen)
	if err != nil {
		return nil, err
	}
	local, err := exactly(dir, fileLocal, symmetricLen)
	if err != nil {
		return nil, err
	}
	raw, err := secret.Read(filepath.Join(dir, fileReceive))
	if err != nil {
		return nil, err
	}
	receive, err := envelope.ParsePrivateKey(raw)
	if err != nil {
		return nil, damaged(fileReceive)
	}
	return &Identity{Sign: ed25519.NewKeyFromSeed(sign), Receive: receive, IDKey: id, LocalKey: local,
		Logbook: ed25519.NewKeyFromSeed(logbook)}, nil
}

func exactly(dir, name string, size int) ([]byte, error) {
	data, err := secret.Read(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	if len(data) != size {
		return nil, damaged(name)
	}
	return data, nil
}

func damaged(name string) error {
	return fmt.Errorf("%s: %w; restore it from the machine's backup or enrol again with a new code", name, secret.ErrDamaged)
}

// ReplaceIDKey stores the school's old id key (32 bytes), which a re-enrolled
// agent receives with its confirmation. Pupil ids change with it, so nothing
// may have been sealed before. Load again afterwards.
func ReplaceIDKey(dataDir string, key []byte) error {
	if len(key) != symmetricLen {
		return fmt.Errorf("replace the id key: it has %d bytes, want %d", len(key), symmetricLen)
	}
	dir := filepath.Join(dataDir, dirName)
	err := ownDirectory(dir)
	if err == nil {
		err = secret.Write(filepath.Join(dir, fileID), key)
	}
	if err != nil {
		return fmt.Errorf("replace the id key: %w", err)
	}
	return nil
}

// SignKey is the agent's signing key alone, for a revoke where other keys are
// gone or damaged. Errors wrap fs.ErrNotExist where there is none.
func SignKey(dataDir string) (ed25519.PrivateKey, error) {
	dir := filepath.Join(dataDir, dirName)
	err := ownDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("load the signing key: %w", err)
	}
	seed, err := exactly(dir, fileSign, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("load the signing key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// KeepLogbookKey takes the logbook's key out of the identity, so that what
// belongs to a revoke can still be entered when the other keys are gone: by a
// rename, which needs no space. Doing it again, or where there is no key, is no
// error. Only Destroy may follow.
func KeepLogbookKey(dataDir string) error {
	dir := filepath.Join(dataDir, dirName)
	if err := ownDirectory(dir); err != nil {
		return nil // there is none, or a link that Destroy removes: nothing is taken from elsewhere
	}
	err := os.Rename(filepath.Join(dir, fileLogbook), filepath.Join(dataDir, LogbookKeyName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the logbook's key: %w", err)
	}
	return nil
}

// LogbookKey is what KeepLogbookKey has kept. Errors wrap ErrMissing where there
// is none.
func LogbookKey(dataDir string) (ed25519.PrivateKey, error) {
	seed, err := exactly(dataDir, LogbookKeyName, ed25519.SeedSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the logbook's key: %w", ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("read the logbook's key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// AnyLogbookKey is the logbook's key alone, wherever it is.
func AnyLogbookKey(dataDir string) (ed25519.PrivateKey, error) {
	if key, err := LogbookKey(dataDir); err == nil {
		return key, nil
	}
	dir := filepath.Join(dataDir, dirName)
	err := ownDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("read the logbook's key: %w", err)
	}
	seed, err := exactly(dir, fileLogbook, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("read the logbook's key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Destroy deletes every key below dataDir for good; doing it twice is no
// error. It removes files and does not overwrite them: flash storage and
// copying file systems keep the old blocks anyway, so that overwriting would
// only promise more than it does.
func Destroy(dataDir string) error {
	if err := clearUnfinished(dataDir); err != nil {
		return fmt.Errorf("destroy the keys of this school: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dataDir, dirName)); err != nil {
		return fmt.Errorf("destroy the keys of this school: %w", err)
	}
	if err := secret.SyncDir(dataDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("destroy the keys of this school: %w", err)
	}
	return nil
}
