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
	"strconv"
	"strings"
	"time"

	"gocloud.dev/secrets"
)

// An Epoch numbers an epoch key, from 1.
type Epoch uint32

// Lives of epoch keys (design.md §8): a new one each day; an old one is kept
// for the greatest age of a backup after it stopped being the newest.
const (
	EpochLife  = 24 * time.Hour
	EpochGrace = 14 * 24 * time.Hour
)

type epochKey struct {
	created time.Time
	aead    cipher.AEAD
}

// epochFile is the content of epoch-N.key.
type epochFile struct {
	Epoch   Epoch     `json:"epoch"`
	Created time.Time `json:"created"`
	Wrapped []byte    `json:"wrapped"`
}

const destroyedSuffix = ".destroyed"

func epochName(n Epoch) string { return "epoch-" + strconv.FormatUint(uint64(n), 10) + keySuffix }

// Advance makes a new epoch if the newest is a day old, or was made by a clock
// that was wrong by more than a day: it would be the newest for as long, and
// what is erased meanwhile would stay readable in backups. It says whether it
// did. Called by several processes at once, one makes the epoch and the others
// take it over.
func (v *Vault) Advance(now time.Time) (bool, error) {
	if err := v.rescan(); err != nil {
		return false, err
	}
	newest, created := v.Newest()
	if now.Sub(created).Abs() < EpochLife {
		return false, nil
	}
	return v.create(newest+1, now)
}

// New makes a new epoch whatever the age of the newest (`key epoch`).
func (v *Vault) New(now time.Time) error {
	if err := v.rescan(); err != nil {
		return err
	}
	newest, _ := v.Newest()
	_, err := v.create(newest+1, now)
	return err
}

func (v *Vault) create(n Epoch, now time.Time) (bool, error) {
	key, err := createEpoch(v.dir, v.keeper, n, now)
	if errors.Is(err, os.ErrExist) {
		return false, v.rescan()
	}
	if err != nil {
		return false, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.epochs[n] = key
	return true, nil
}

// Expired lists the epochs that may be destroyed once they wrap nothing live:
// 14 days after a newer one took their place. The newest never is.
func (v *Vault) Expired(now time.Time) ([]Epoch, error) {
	if err := errors.Join(v.rescan(), v.finishDestroying()); err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	all := v.sorted()
	var old []Epoch
	// Any newer epoch took the place of those before it: the next one may have
	// been made by a wrong clock.
	replaced := v.epochs[all[len(all)-1]].created
	for _, n := range slices.Backward(all[:len(all)-1]) {
		if !now.Before(replaced.Add(EpochGrace)) {
			old = append(old, n)
		}
		if made := v.epochs[n].created; made.Before(replaced) {
			replaced = made
		}
	}
	slices.Reverse(old)
	return old, nil
}

// Destroy overwrites and removes an epoch key. What it still wraps is lost for
// good, so the caller has looked; the newest is refused. Destroying one that
// is gone is no error.
func (v *Vault) Destroy(n Epoch) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n == v.newest() {
		return fmt.Errorf("destroy epoch key %d: it is the newest", n)
	}
	if err := destroyFile(filepath.Join(v.dir, epochName(n))); err != nil {
		return fmt.Errorf("destroy epoch key %d: %w", n, err)
	}
	delete(v.epochs, n)
	return nil
}

// destroyFile overwrites and removes a key file; one that is gone is no error.
func destroyFile(name string) error {
	// Renamed first: a crash between overwriting and removing must not leave a
	// file of zeros where a key is expected.
	err := os.Rename(name, name+destroyedSuffix)
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = shred(name + destroyedSuffix)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// finishDestroying removes what a crash in Destroy or DestroyHold left.
func (v *Vault) finishDestroying() error {
	left, err := filepath.Glob(filepath.Join(v.dir, "*"+keySuffix+destroyedSuffix))
	if err != nil {
		return fmt.Errorf("list destroyed keys: %w", err)
	}
	for _, name := range left {
		if err := shred(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("destroy a key: %w", err)
		}
	}
	return nil
}

// Epochs lists the epochs that exist, oldest first.
func (v *Vault) Epochs() ([]Epoch, error) {
	if err := v.rescan(); err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.sorted(), nil
}

func (v *Vault) sorted() []Epoch {
	all := make([]Epoch, 0, len(v.epochs))
	for n := range v.epochs {
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func (v *Vault) newest() Epoch {
	var n Epoch
	for e := range v.epochs {
		n = max(n, e)
	}
	return n
}

// epoch finds the key of an epoch, looking at the directory again for one that
// another process has made.
func (v *Vault) epoch(n Epoch) (cipher.AEAD, error) {
	v.mu.RLock()
	k, ok := v.epochs[n]
	v.mu.RUnlock()
	if ok {
		return k.aead, nil
	}
	if err := v.rescan(); err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if k, ok = v.epochs[n]; !ok {
		return nil, fmt.Errorf("epoch key %d: %w: restore %s, or what it wraps is lost", n, ErrMissing, epochName(n))
	}
	return k.aead, nil
}

// rescan makes the epochs in memory those of the directory.
func (v *Vault) rescan() error {
	listed, err := listEpochs(v.dir)
	if err != nil {
		return err
	}
	if len(listed) == 0 {
		return fmt.Errorf("open the vault in %s: %w: it holds no epoch key; run init, or restore the directory", v.dir, ErrMissing)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for n := range v.epochs {
		if !slices.Contains(listed, n) {
			delete(v.epochs, n)
		}
	}
	for _, n := range listed {
		if _, known := v.epochs[n]; known {
			continue
		}
		k, err := readEpoch(v.dir, v.keeper, n)
		if errors.Is(err, os.ErrNotExist) {
			continue // destroyed by another process since the listing
		}
		if err != nil {
			return err
		}
		v.epochs[n] = k
	}
	return nil
}

func listEpochs(dir string) ([]Epoch, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list the vault's keys: %w", err)
	}
	var found []Epoch
	for _, e := range entries {
		number, isEpoch := strings.CutPrefix(e.Name(), "epoch-")
		number, isKey := strings.CutSuffix(number, keySuffix)
		n, err := strconv.ParseUint(number, 10, 32)
		if isEpoch && isKey && err == nil && n > 0 {
			found = append(found, Epoch(n))
		}
	}
	return found, nil
}

func createEpoch(dir string, keeper *secrets.Keeper, n Epoch, now time.Time) (epochKey, error) {
	fail := func(err error) (epochKey, error) { return epochKey{}, fmt.Errorf("make epoch key %d: %w", n, err) }
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return fail(err)
	}
	wrapped, err := keeper.Encrypt(context.Background(), key)
	if err != nil {
		return fail(err)
	}
	content, err := json.Marshal(epochFile{Epoch: n, Created: now.UTC(), Wrapped: wrapped})
	if err != nil {
		return fail(err)
	}
	if err := createFile(filepath.Join(dir, epochName(n)), append(content, '\n')); err != nil {
		return fail(err)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return fail(err)
	}
	return epochKey{created: now, aead: aead}, nil
}

func readEpoch(dir string, keeper *secrets.Keeper, n Epoch) (epochKey, error) {
	name := filepath.Join(dir, epochName(n))
	content, err := os.ReadFile(name)
	if err != nil {
		return epochKey{}, fmt.Errorf("read epoch key %d: %w", n, err)
	}
	var f epochFile
	if err := json.Unmarshal(content, &f); err != nil || f.Epoch != n {
		return epochKey{}, fmt.Errorf("read %s: it is not the key of epoch %d; restore the file", name, n)
	}
	key, err := keeper.Decrypt(context.Background(), f.Wrapped)
	if err != nil {
		return epochKey{}, fmt.Errorf("read %s: it was not wrapped by this %s", name, kekFile)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return epochKey{}, fmt.Errorf("read %s: %w", name, err)
	}
	return epochKey{created: f.Created, aead: aead}, nil
}
