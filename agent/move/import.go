package move

import (
	"context"
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
)

// ShowKey is the key of this machine, for Export on the old one.
func ShowKey(ctx context.Context, set settings.Settings) (Key, error) {
	var key Key
	err := emptyHere(ctx, set, func() (err error) {
		key, err = NewKey(set.DataDir)
		return err
	})
	return key, err
}

// Import takes over the agent in the file at path. The service goes on with it
// at once. After an error nothing has changed; after a crash it is done again.
func Import(ctx context.Context, set settings.Settings, path string) (About, error) {
	var about About
	err := emptyHere(ctx, set, func() (err error) {
		about, err = takeOver(set.DataDir, path)
		return err
	})
	return about, err
}

// emptyHere runs act under the state lock of a directory without an agent.
func emptyHere(ctx context.Context, set settings.Settings, act func() error) error {
	if err := school.MakeDir(set.DataDir); err != nil {
		return err
	}
	lock, err := school.LockState(ctx, set.DataDir, patience)
	if err != nil {
		return err
	}
	defer lock.Release()
	_, revoked := school.Revoked(set.DataDir)
	_, err = identity.Load(set.DataDir)
	switch {
	case !errors.Is(err, identity.ErrMissing):
		return refused("this machine already has a school in this data directory: nothing was changed; use another --data-dir, or `rollbridge-agent revoke` first")
	case revoked && (school.Unfinished(set.DataDir) || school.RevokeWaits(set.DataDir)):
		return refused("the revoke of the school that was here before has to reach the collector first: `rollbridge-agent revoke` delivers it")
	}
	return act()
}

func takeOver(dir, path string) (About, error) {
	private, _, err := readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return About{}, refused("this machine has shown no key: run `rollbridge-agent move import` without a file, then `move export` with its key on the old machine")
	}
	if err != nil {
		return About{}, err
	}
	file, err := readFile(path)
	if err != nil {
		return About{}, fmt.Errorf("read the file: %w", err)
	}
	c, err := open(file, private)
	if err != nil {
		return About{}, err
	}
	var about About
	var keys map[string][]byte
	if json.Unmarshal(c[nameAbout], &about) != nil || json.Unmarshal(c[nameKeys], &keys) != nil {
		return About{}, errDamaged
	}
	id, err := identity.FromKeys(keys)
	if err != nil || id.Agent() != about.Agent {
		return About{}, errDamaged
	}
	staging, err := c.stage(dir, id, private)
	if err != nil {
		return About{}, errors.Join(fmt.Errorf("take the agent over: %w", err), secret.RemoveAll(dir, school.MoveStaging))
	}
	reached("staged")
	if err := place(dir, staging, id); err != nil {
		return About{}, fmt.Errorf("take the agent over: %w", err)
	}
	return about, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+maxHeader+1))
	if err == nil && len(data) > maxFile+maxHeader {
		err = refused("this is not a file that `rollbridge-agent move export` made")
	}
	return data, err
}

// stage writes everything but the keys into a directory of its own and opens it
// as an agent would, so that what is put in place works.
func (c contents) stage(dir string, id *identity.Identity, private hpke.PrivateKey) (string, error) {
	if err := secret.RemoveAll(dir, school.MoveStaging); err != nil {
		return "", err
	}
	staging, err := os.MkdirTemp(dir, school.MoveStaging)
	if err != nil {
		return "", err
	}
	if err := secret.Adopt(staging, dir); err != nil {
		return "", err
	}
	for name, data := range c {
		at := filepath.Join(staging, name)
		switch {
		case name == nameAbout || name == nameKeys:
		case slices.Contains(secrets, name):
			err = secret.Write(at, data)
		default:
			err = writeOwn(at, dir, data)
		}
		if err != nil {
			return "", err
		}
	}
	book, err := logbook.Open(staging, id.Logbook)
	if err != nil {
		return "", err
	}
	defer book.Close()
	box, err := outbox.Open(staging, book, outbox.Options{})
	if err != nil {
		return "", err
	}
	here := outbox.Moved{To: envelope.KeyIDOf(private.PublicKey().Bytes()), Here: true}
	return staging, errors.Join(box.Log(outbox.Entry{Event: outbox.EventMoved, Data: here}), box.Close(), secret.SyncDir(staging))
}

func writeOwn(path, dir string, data []byte) error {
	if err := writeNew(path, data); err != nil {
		return err
	}
	return secret.Adopt(path, dir)
}

// place moves what is staged to where an agent looks for it. The pause comes
// first and the keys last: before them there is no agent here, and an import
// that was cut off is done again.
func place(dir, staging string, id *identity.Identity) error {
	entries, err := os.ReadDir(staging)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.SortFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	// What an earlier life on this machine left would stop this one; before
	// anything is placed, or the service would take it for what is left of the
	// earlier one, and destroy it with the key to the file.
	if err := errors.Join(school.ClearRevoked(dir), os.RemoveAll(filepath.Join(dir, identity.LogbookKeyName))); err != nil {
		return err
	}
	reached("cleared")
	for _, name := range names {
		if name == logbook.FileName {
			if err := keepOther(dir, id); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(staging, name), filepath.Join(dir, name)); err != nil {
			return err
		}
		reached("placed")
	}
	if err := secret.RemoveAll(dir, school.MoveStaging); err != nil {
		return err
	}
	if err := id.Store(dir); err != nil {
		return err
	}
	reached("stored")
	// Where this is not reached, opening the school does it.
	return school.ClearMove(dir)
}

func rank(name string) int {
	if slices.Contains(plain, name) {
		return 0
	}
	return 1
}

// keepOther puts a logbook that is in the way aside: it is proof. One of the same
// agent goes on in the one that comes.
func keepOther(dir string, id *identity.Identity) error {
	path := filepath.Join(dir, logbook.FileName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if book, err := logbook.Open(dir, id.Logbook); err == nil {
		return book.Close()
	}
	return os.Rename(path, filepath.Join(dir, "logbook-until-"+clock.Now().UTC().Format("20060102-150405")+".jsonl"))
}
