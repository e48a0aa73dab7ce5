package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// ErrHeld is returned for a data key that waits under a hold key: its school
// has stopped, and nobody reads its data any more.
var ErrHeld = errors.New("the key is under the hold key of a school that has stopped")

// A Hold is one stop of a school: the key that its data keys wait under until
// they are destroyed. The list of them stands outside the database, so that a
// restored one can be told what it has forgotten.
type Hold struct {
	ID     envelope.KeyID `json:"hold"`
	School string         `json:"school"`
	// Generation is that of the school's newest agent when it stopped.
	Generation uint32 `json:"generation"`
	// By is whose word it was, Said when it was said, Created when it was obeyed.
	By      protocol.StoppedBy `json:"by"`
	Said    time.Time          `json:"said"`
	Created time.Time          `json:"created"`
	// Live says whether the key exists.
	Live bool `json:"-"`
}

// holdFile is the content of hold-ID.key; of hold-ID.json, which stays when the
// key is destroyed, without Wrapped.
type holdFile struct {
	Hold
	Wrapped []byte `json:"wrapped,omitempty"`
}

const (
	holdPrefix = "hold-"
	keySuffix  = ".key"
	goneSuffix = ".json"
)

func (v *Vault) holdPath(id envelope.KeyID, suffix string) string {
	return filepath.Join(v.dir, holdPrefix+id.String()+suffix)
}

// NewHold makes the hold key of a school that stops, from what h says of it, and
// fills its ID. It is durable when NewHold returns, and wraps nothing yet: one
// that no stop in the database names is a stop that was decided and not stored.
func (v *Vault) NewHold(h Hold) (Hold, error) {
	fail := func(err error) (Hold, error) { return Hold{}, fmt.Errorf("make the hold key of %s: %w", h.School, err) }
	h.Said, h.Created, h.Live = h.Said.UTC(), h.Created.UTC(), true
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return fail(err)
	}
	if _, err := rand.Read(h.ID[:]); err != nil {
		return fail(err)
	}
	wrapped, err := v.keeper.Encrypt(context.Background(), key)
	if err != nil {
		return fail(err)
	}
	if err := createHoldFile(v.holdPath(h.ID, keySuffix), holdFile{h, wrapped}); err != nil {
		return fail(err)
	}
	return h, nil
}

func createHoldFile(name string, f holdFile) error {
	content, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return createFile(name, append(content, '\n'))
}

// Holds lists every stop that the directory knows of, the oldest first, with
// those whose key is destroyed. A damaged file is an error.
func (v *Vault) Holds() ([]Hold, error) {
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return nil, fmt.Errorf("list the hold keys: %w", err)
	}
	var found []Hold
	for _, e := range entries {
		name, isHold := strings.CutPrefix(e.Name(), holdPrefix)
		stem, isKey := strings.CutSuffix(name, keySuffix)
		stem, isGone := strings.CutSuffix(stem, goneSuffix)
		var id envelope.KeyID
		if !isHold || isKey == isGone || id.UnmarshalText([]byte(stem)) != nil {
			continue
		}
		f, err := readHoldFile(filepath.Join(v.dir, e.Name()), id)
		if errors.Is(err, os.ErrNotExist) {
			continue // destroyed by another process since the listing
		}
		if err != nil {
			return nil, err
		}
		f.Live = isKey
		// A crash while destroying leaves both; the key still exists then.
		if at := slices.IndexFunc(found, func(h Hold) bool { return h.ID == id }); at >= 0 {
			found[at].Live = true
			continue
		}
		found = append(found, f.Hold)
	}
	slices.SortFunc(found, func(a, b Hold) int { return a.Created.Compare(b.Created) })
	return found, nil
}

func readHoldFile(name string, id envelope.KeyID) (holdFile, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return holdFile{}, fmt.Errorf("read a hold key: %w", err)
	}
	var f holdFile
	if err := json.Unmarshal(content, &f); err != nil || f.ID != id {
		return holdFile{}, fmt.Errorf("read %s: it is not the hold key of that number; if you have no good copy, move it out of this directory and look with `fsck` which school it was of", name)
	}
	return f, nil
}

// holdKey reads a hold key; ErrMissing if it is destroyed.
func (v *Vault) holdKey(id envelope.KeyID) (cipher.AEAD, error) {
	name := v.holdPath(id, keySuffix)
	f, err := readHoldFile(name, id)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("hold key %s: %w: it is destroyed", id, ErrMissing)
	}
	if err != nil {
		return nil, err
	}
	key, err := v.keeper.Decrypt(context.Background(), f.Wrapped)
	if err != nil {
		return nil, fmt.Errorf("read %s: it was not wrapped by this %s", name, kekFile)
	}
	return newAEAD(key)
}

// A Keeper re-wraps data keys under one hold key.
type Keeper struct {
	vault *Vault
	aead  cipher.AEAD
}

// Keeper opens a hold key to wrap by. Of a destroyed one it wraps by nothing:
// what it gives opens never again.
func (v *Vault) Keeper(h Hold) (Keeper, error) {
	if !h.Live {
		return Keeper{vault: v}, nil
	}
	aead, err := v.holdKey(h.ID)
	return Keeper{v, aead}, err
}

// Hold moves a data key from its epoch key under the hold key: the result's
// Epoch is 0.
func (k Keeper) Hold(o Owner, w Wrapped) (Wrapped, error) {
	if k.aead == nil {
		return Wrapped{Key: []byte{}}, nil
	}
	raw, err := k.vault.unwrap(o, w)
	if err != nil {
		return Wrapped{}, err
	}
	sealed, err := seal(k.aead, o.bytes(), raw)
	if err != nil {
		return Wrapped{}, fmt.Errorf("wrap a data key by a hold key: %w", err)
	}
	return Wrapped{Key: sealed}, nil
}

// Held opens a data key that waits under a hold key, for fsck only. Errors wrap
// ErrMissing where the hold key is destroyed.
func (v *Vault) Held(id envelope.KeyID, o Owner, sealed []byte) (Key, error) {
	k, err := v.holdKey(id)
	if err != nil {
		return Key{}, err
	}
	raw, err := open(k, o.bytes(), sealed)
	if err != nil {
		return Key{}, fmt.Errorf("unwrap a data key of hold key %s: %w", id, err)
	}
	aead, err := newAEAD(raw)
	return Key{aead}, err
}

// DestroyHold overwrites and removes a hold key: what it wraps is lost for
// good, in every copy of the database. That the school stopped stays known.
// Destroying one that is gone is no error.
func (v *Vault) DestroyHold(h Hold) error {
	// The key goes even if the note of it cannot be written: the caller comes
	// again for that.
	noted := createHoldFile(v.holdPath(h.ID, goneSuffix), holdFile{Hold: h})
	if errors.Is(noted, os.ErrExist) {
		noted = nil
	}
	if err := errors.Join(destroyFile(v.holdPath(h.ID, keySuffix)), noted); err != nil {
		return fmt.Errorf("destroy hold key %s: %w", h.ID, err)
	}
	return nil
}
