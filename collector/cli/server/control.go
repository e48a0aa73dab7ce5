package server

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollbridge/collector/enrolment"
	"rollbridge/collector/keys"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/protocol"
)

// lookEvery is how often apply and enrolment look for work that another
// process has put into the database.
const lookEvery = time.Second

// rootFile lies beside the control keys: the fingerprint of the root key that
// the keyring must be signed by. Codes carry it, so it must not come from the
// database, which more people may write.
const rootFile = "root.fingerprint"

// WriteRoot keeps the fingerprint beside the control keys of a keys directory.
func WriteRoot(dir string, root protocol.Fingerprint) error {
	f, err := os.OpenFile(rootPath(dir), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keep the root fingerprint: %w", err)
	}
	_, err = f.WriteString(root.String() + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keep the root fingerprint: %w", err)
	}
	return nil
}

// ReadRoot returns the fingerprint of the root key.
func ReadRoot(dir string) (protocol.Fingerprint, error) {
	text, err := os.ReadFile(rootPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.Fingerprint{}, fmt.Errorf("read the root fingerprint %s: %w", rootPath(dir), keys.ErrMissing)
	}
	if err != nil {
		return protocol.Fingerprint{}, fmt.Errorf("read the root fingerprint: %w", err)
	}
	sum, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(sum) != len(protocol.Fingerprint{}) {
		return protocol.Fingerprint{}, fmt.Errorf("read the root fingerprint %s: %w", rootPath(dir), keys.ErrDamaged)
	}
	return protocol.Fingerprint(sum), nil
}

func rootPath(dir string) string { return filepath.Join(dir, "control", rootFile) }

// A Control is what signs everything that decides.
type Control struct {
	Key     ed25519.PrivateKey
	Root    protocol.Fingerprint
	Keyring protocol.Keyring
}

// OpenControl reads the control keys and checks that the keyring in the
// database is the root key's and lists one of them.
func OpenControl(ctx context.Context, s settings.Settings, st *store.Store) (Control, error) {
	root, err := ReadRoot(s.Keys())
	if err != nil {
		return Control{}, err
	}
	ring, err := Keyring(ctx, st, root)
	if err != nil {
		return Control{}, err
	}
	held, err := keys.OpenControl(s.Keys())
	if err != nil {
		return Control{}, err
	}
	key, err := keys.Listed(held, ring.Control)
	if err != nil {
		return Control{}, fmt.Errorf("choose the control key: %w", err)
	}
	return Control{Key: key, Root: root, Keyring: ring}, nil
}

// Keyring is the newest keyring in the database, checked against the root key.
func Keyring(ctx context.Context, st *store.Store, root protocol.Fingerprint) (protocol.Keyring, error) {
	signed, err := st.Keyring(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return protocol.Keyring{}, fmt.Errorf("the database holds no keyring: %w; run `rollbridge-collector init`, or name the right database", err)
	}
	if err != nil {
		return protocol.Keyring{}, err
	}
	ring, err := protocol.VerifyKeyring(signed, root, 0)
	if err != nil {
		return protocol.Keyring{}, fmt.Errorf("check the keyring in the database: %w: these keys and this database do not belong together", err)
	}
	return ring, nil
}

// OpenDesk prepares what decides about agents. The caller closes the vault.
func OpenDesk(ctx context.Context, s settings.Settings, st *store.Store, v *vault.Vault, log *slog.Logger) (*enrolment.Desk, error) {
	c, err := OpenControl(ctx, s, st)
	if err != nil {
		return nil, err
	}
	return newDesk(s, st, v, c, log), nil
}

func newDesk(s settings.Settings, st *store.Store, v *vault.Vault, c Control, log *slog.Logger) *enrolment.Desk {
	return enrolment.New(enrolment.Config{
		Store: st, Vault: v, Keys: s.Keys(), Control: c.Key, Root: c.Root, Operator: s.OperatorName(), Handling: s.HandlingOf(), Log: log, Every: lookEvery,
	})
}
