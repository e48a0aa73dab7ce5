package release

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/collector/durable"
)

// A Public is the public half of a key with what people call it.
type Public struct {
	Name string
	Key  *metadata.Key
}

// ID is the key's id in the metadata.
func (p Public) ID() string {
	// An id cannot be made only of a key that cannot be encoded, which none here is.
	id, _ := p.Key.ID()
	return id
}

// MinPassphrase is how long a passphrase must be: whoever finds the file may guess
// for years.
const MinPassphrase = 12

// keyFile is a key on disk. A public file has neither of the last two.
type keyFile struct {
	Form int           `json:"rollbridge_release_key"`
	Name string        `json:"name"`
	Key  *metadata.Key `json:"key"`
	// Protected is the Ed25519 seed under a passphrase, Seed the same in clear: only
	// for online keys, as for the collector's others.
	Protected json.RawMessage `json:"protected,omitempty"`
	Seed      []byte          `json:"seed,omitempty"`
}

const keyForm = 1

// NewKey makes a key of a person: path holds it under the passphrase, path.pub its
// public half. It overwrites nothing.
func NewKey(path, name string, passphrase []byte) (Public, error) {
	if len(passphrase) < MinPassphrase {
		return Public{}, refuse("the passphrase has fewer than %d characters: choose a longer one, such as four words", MinPassphrase)
	}
	return newKey(path, name, passphrase, encrypted.OWASP)
}

func newKey(path, name string, passphrase []byte, strength encrypted.KDFParameterStrength) (Public, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 80 || strings.ContainsAny(name, "\r\n\t") {
		return Public{}, refuse("a key needs a name of one line by which people know it, such as root-1 or the place where it lies")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Public{}, fmt.Errorf("make a key: %w", err)
	}
	k, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return Public{}, fmt.Errorf("make a key: %w", err)
	}
	f := keyFile{Form: keyForm, Name: name, Key: k}
	if err := create(path+".pub", f, 0o644); err != nil {
		return Public{}, err
	}
	if len(passphrase) == 0 {
		f.Seed = private.Seed()
	} else if f.Protected, err = encrypted.EncryptWithCustomKDFParameters(private.Seed(), passphrase, strength); err != nil {
		return Public{}, errors.Join(fmt.Errorf("protect a key: %w", err), os.Remove(path+".pub"))
	}
	if err := create(path, f, 0o600); err != nil {
		return Public{}, errors.Join(err, os.Remove(path+".pub"))
	}
	return Public{name, k}, nil
}

// ImportKey writes the public half of a key that an external signer holds, from PEM
// (PKIX): Ed25519, or ECDSA on P-256.
func ImportKey(path, name string, text []byte) (Public, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Public{}, refuse("this is no PEM file: give the public key as -----BEGIN PUBLIC KEY-----")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return Public{}, refuse("this PEM file holds no public key: export the public half of the key that the signer uses")
	}
	switch k := key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return Public{}, refuse("this key is on another curve than P-256: use Ed25519 or ECDSA on P-256")
		}
	default:
		return Public{}, refuse("this key is neither Ed25519 nor ECDSA on P-256: use one of the two")
	}
	k, err := metadata.KeyFromPublicKey(key)
	if err != nil {
		return Public{}, fmt.Errorf("import a key: %w", err)
	}
	return Public{name, k}, create(path, keyFile{Form: keyForm, Name: name, Key: k}, 0o644)
}

// create writes a new file and never over an old one.
func create(path string, f keyFile, mode fs.FileMode) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return refuse("%s exists and was left alone: give another name", path)
	}
	if err != nil {
		return fmt.Errorf("write a key: %w", err)
	}
	_, err = out.Write(append(text, '\n'))
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write a key: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// ReadPublic reads the public half of a key from either file.
func ReadPublic(path string) (Public, error) {
	f, err := readKey(path)
	if err != nil {
		return Public{}, err
	}
	return Public{f.Name, f.Key}, nil
}

func readKey(path string) (keyFile, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return keyFile{}, refuse("there is no key file %s: name the right one, or make a key with `release key`", path)
	}
	if err != nil {
		return keyFile{}, fmt.Errorf("read a key: %w", err)
	}
	var f keyFile
	// json's error may quote the key: leave it out.
	if json.Unmarshal(text, &f) != nil || f.Form != keyForm || f.Key == nil || f.Key.Value.PublicKey == "" {
		return keyFile{}, refuse("%s is no key file of releases, or is damaged: bring it back from its copy", path)
	}
	if _, err := f.Key.ToPublicKey(); err != nil {
		return keyFile{}, refuse("%s holds a key that cannot be used: bring it back from its copy", path)
	}
	return f, nil
}

// OpenKey opens a key that is a file. A file without protection takes no passphrase.
func OpenKey(path string, passphrase []byte) (Signer, error) {
	f, err := readKey(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 && (f.Seed != nil || f.Protected != nil) {
		return nil, refuse("others may read the private key %s: chmod 600 it, and replace the key if anybody else had access", path)
	}
	seed := f.Seed
	switch {
	case f.Protected != nil:
		if seed, err = encrypted.Decrypt(f.Protected, passphrase); err != nil {
			return nil, refuse("the passphrase does not open %s", path)
		}
	case f.Seed == nil:
		return nil, refuse("%s holds the public half only: give the file without .pub, or the command that signs with --signer", path)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, refuse("%s is damaged: bring it back from its copy", path)
	}
	s := fileSigner{Public{f.Name, f.Key}, ed25519.NewKeyFromSeed(seed)}
	if k, err := metadata.KeyFromPublicKey(s.private.Public()); err != nil || k.Value.PublicKey != f.Key.Value.PublicKey {
		return nil, refuse("%s is damaged: its halves do not belong together; bring it back from its copy", path)
	}
	return s, nil
}

// NeedsPassphrase says whether a key file is protected by one.
func NeedsPassphrase(path string) (bool, error) {
	f, err := readKey(path)
	return f.Protected != nil, err
}

// ReadPassphrase takes the first line of a file.
func ReadPassphrase(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("there is no passphrase file %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read a passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return nil, refuse("the first line of %s is empty: it must be the passphrase", path)
	}
	return []byte(line), nil
}
