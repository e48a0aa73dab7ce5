package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// The directories below the keys directory, one for each role.
const (
	dirRoot    = "root"
	dirIntake  = "intake"
	dirControl = "control"
	dirSealing = "sealing"
	dirTLS     = "tls"
)

// Made is what Init has made and the caller stores: the keyring in the
// database, the sealing key in a statement signed by control.
type Made struct {
	Root    protocol.Fingerprint
	Keyring protocol.Keyring
	// Signed is Keyring as the root key signed it.
	Signed  protocol.Signed
	Sealing SealingKey
	// Pin is SHA-256 of the trial certificate's public key.
	Pin []byte
}

// Init makes every key of a new collector in dir: root, intake, control, the
// first sealing key and a trial TLS certificate for hosts (DNS names or IP
// addresses that schools will connect to). It refuses a directory that holds a
// root, intake, control or sealing key. A failed Init leaves nothing behind.
func Init(dir string, hosts []string, now time.Time) (made Made, err error) {
	for _, d := range []string{dirRoot, dirIntake, dirControl, dirSealing} {
		entries, err := os.ReadDir(filepath.Join(dir, d))
		if err == nil && len(entries) > 0 {
			return Made{}, fmt.Errorf("make keys in %s: %w", filepath.Join(dir, d), ErrExists)
		}
	}
	defer func() {
		if err == nil {
			return
		}
		for _, d := range []string{dirRoot, dirIntake, dirControl, dirSealing, dirTLS} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, d)))
		}
		err = fmt.Errorf("make keys: %w", err)
	}()
	root, err := newSigning(filepath.Join(dir, dirRoot), "root.key", now)
	if err != nil {
		return Made{}, err
	}
	intake, err := newSigning(filepath.Join(dir, dirIntake), "", now)
	if err != nil {
		return Made{}, err
	}
	control, err := newSigning(filepath.Join(dir, dirControl), "", now)
	if err != nil {
		return Made{}, err
	}
	first := protocol.Keyring{Intake: []protocol.PublicKey{public(intake)}, Control: []protocol.PublicKey{public(control)}}
	if made.Keyring, made.Signed, err = Renew(root, first, now); err != nil {
		return Made{}, err
	}
	if made.Sealing, err = NewSealing(dir, now); err != nil {
		return Made{}, err
	}
	if made.Pin, err = NewTrialTLS(dir, hosts, now); err != nil {
		return Made{}, err
	}
	made.Root = protocol.FingerprintOf(ed25519.PublicKey(public(root)))
	return made, nil
}

// Renew signs the keyring that follows last with the root key: the same intake
// and control keys, the next epoch, good for protocol.KeyringLife from now.
func Renew(root ed25519.PrivateKey, last protocol.Keyring, now time.Time) (protocol.Keyring, protocol.Signed, error) {
	if len(last.Intake) == 0 || len(last.Control) == 0 {
		return protocol.Keyring{}, protocol.Signed{}, errors.New("renew keyring: a keyring needs an intake and a control key")
	}
	if len(last.Root) > 0 && !slices.Equal(last.Root, public(root)) {
		return protocol.Keyring{}, protocol.Signed{}, fmt.Errorf("renew keyring: this root key is not the one of the keyring: %w", protocol.ErrRoot)
	}
	now = now.UTC().Truncate(time.Second)
	next := last
	next.Root, next.Epoch = public(root), last.Epoch+1
	next.Issued, next.Expires = now, now.Add(protocol.KeyringLife)
	signed, err := protocol.Sign(root, protocol.DomainKeyring, next)
	if err != nil {
		return protocol.Keyring{}, protocol.Signed{}, fmt.Errorf("renew keyring: %w", err)
	}
	return next, signed, nil
}

// OpenRoot reads the root key; ErrMissing when it is offline.
func OpenRoot(dir string) (ed25519.PrivateKey, error) {
	k, _, err := openSigning(filepath.Join(dir, dirRoot, "root.key"))
	return k, err
}

// OpenIntake reads the intake keys, the newest first; at least one.
func OpenIntake(dir string) ([]ed25519.PrivateKey, error) {
	return openAll(filepath.Join(dir, dirIntake))
}

// OpenControl reads the control keys, the newest first; at least one.
func OpenControl(dir string) ([]ed25519.PrivateKey, error) {
	return openAll(filepath.Join(dir, dirControl))
}

// ErrNotListed is returned where no key held is in the current keyring.
var ErrNotListed = errors.New("none of these keys is in the current keyring; agents would refuse what they sign")

// Listed picks the first of the keys held that a keyring's role lists.
func Listed(held []ed25519.PrivateKey, role []protocol.PublicKey) (ed25519.PrivateKey, error) {
	for _, k := range held {
		if slices.ContainsFunc(role, func(p protocol.PublicKey) bool { return slices.Equal(p, public(k)) }) {
			return k, nil
		}
	}
	return nil, ErrNotListed
}

// signingFile is a signing key on disk; Seed is the Ed25519 seed.
type signingFile struct {
	Created time.Time `json:"created"`
	Seed    []byte    `json:"seed"`
}

// newSigning makes a key; its file is named after its id unless name is given.
func newSigning(dir, name string, now time.Time) (ed25519.PrivateKey, error) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	if name == "" {
		name = envelope.KeyIDOf(public(k)).String() + ".key"
	}
	return k, writeJSON(dir, name, signingFile{Created: now.UTC(), Seed: k.Seed()})
}

func openSigning(path string) (ed25519.PrivateKey, time.Time, error) {
	var f signingFile
	if err := readJSON(path, &f); err != nil {
		return nil, time.Time{}, err
	}
	if len(f.Seed) != ed25519.SeedSize {
		return nil, time.Time{}, fmt.Errorf("read key %s: %w", path, ErrDamaged)
	}
	return ed25519.NewKeyFromSeed(f.Seed), f.Created, nil
}

func openAll(dir string) ([]ed25519.PrivateKey, error) {
	paths, err := list(dir, ".key")
	if err != nil {
		return nil, err
	}
	type dated struct {
		key     ed25519.PrivateKey
		created time.Time
	}
	var found []dated
	for _, p := range paths {
		k, created, err := openSigning(p)
		if err != nil {
			return nil, err
		}
		found = append(found, dated{k, created})
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("open keys in %s: %w", dir, ErrMissing)
	}
	slices.SortStableFunc(found, func(a, b dated) int { return b.created.Compare(a.created) })
	held := make([]ed25519.PrivateKey, len(found))
	for i, f := range found {
		held[i] = f.key
	}
	return held, nil
}

func public(k ed25519.PrivateKey) protocol.PublicKey {
	return protocol.PublicKey(k.Public().(ed25519.PublicKey))
}
