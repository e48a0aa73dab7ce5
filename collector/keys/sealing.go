package keys

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollbridge/collector/durable"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// A SealingKey is a key that agents seal to, with its private part.
type SealingKey struct {
	protocol.SealingKey
	Private hpke.PrivateKey
}

type sealingFile struct {
	protocol.SealingKey
	Private []byte `json:"private"`
}

// NewSealing makes the sealing key for the week that begins now. Agents learn
// of it by a statement, which the caller issues after NewSealing has returned.
func NewSealing(dir string, now time.Time) (SealingKey, error) {
	private, err := envelope.GenerateKey()
	if err != nil {
		return SealingKey{}, fmt.Errorf("make a sealing key: %w", err)
	}
	raw, err := private.Bytes()
	if err != nil {
		return SealingKey{}, fmt.Errorf("make a sealing key: %w", err)
	}
	now = now.UTC().Truncate(time.Second)
	pub := private.PublicKey().Bytes()
	k := protocol.SealingKey{
		ID: envelope.KeyIDOf(pub), Public: pub, Created: now,
		Retires:   now.Add(protocol.SealingKeyLife),
		Destroyed: now.Add(protocol.SealingKeyLife + protocol.SealingKeyGrace),
	}
	if err := writeJSON(filepath.Join(dir, dirSealing), k.ID.String()+".json", sealingFile{k, raw}); err != nil {
		return SealingKey{}, err
	}
	return SealingKey{k, private}, nil
}

// OpenSealing reads every sealing key that is not destroyed, by id; at least
// one.
func OpenSealing(dir string) (map[envelope.KeyID]SealingKey, error) {
	paths, err := list(filepath.Join(dir, dirSealing), ".json")
	if err != nil {
		return nil, err
	}
	found := make(map[envelope.KeyID]SealingKey, len(paths))
	for _, p := range paths {
		var f sealingFile
		if err := readJSON(p, &f); err != nil {
			return nil, err
		}
		private, err := envelope.ParsePrivateKey(f.Private)
		if err != nil || envelope.KeyIDOf(private.PublicKey().Bytes()) != f.ID {
			return nil, fmt.Errorf("read key %s: %w", p, ErrDamaged)
		}
		found[f.ID] = SealingKey{f.SealingKey, private}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("open keys in %s: %w", filepath.Join(dir, dirSealing), ErrMissing)
	}
	return found, nil
}

// DestroySealing removes a sealing key for good: what is still sealed to it
// cannot be opened any more. Destroying it twice is no error. On storage that
// keeps old blocks only the medium's own encryption makes this final.
func DestroySealing(dir string, id envelope.KeyID) error {
	dir = filepath.Join(dir, dirSealing)
	err := os.Remove(filepath.Join(dir, id.String()+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("destroy sealing key: %w", err)
	}
	return durable.SyncDir(dir)
}
