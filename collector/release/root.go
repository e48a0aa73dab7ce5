package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/collector/durable"
	signed "rollbridge/shared/release"
)

// onlineRoles are those whose keys are the server's.
var onlineRoles = []string{metadata.SNAPSHOT, metadata.TIMESTAMP, signed.RolloutRole}

// A Plan is whose keys a new repository is under.
type Plan struct {
	Root, Targets                   []Public
	RootThreshold, TargetsThreshold int
	// Online, if set, is the one key for all that the server signs, held by an external
	// signer. Otherwise a key file is made for each role, under Passphrase if that is
	// not empty.
	Online     *Public
	Passphrase []byte
}

// Init makes the keys of the server and the first draft: root 1 and targets 1, which
// people then sign. Nothing is public before that.
func (r *Repository) Init(now time.Time, p Plan) error {
	if err := r.make(); err != nil {
		return err
	}
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if c, err := r.current(); err != nil {
		return err
	} else if c.root != nil {
		return refuse("there is a repository in %s already, and agents trust it: change its keys with `release root`", r.dir)
	}
	if d, err := readDraft(r.Draft()); err != nil {
		return err
	} else if d != nil {
		return refuse("there is a draft in %s already: go on with it, or throw it away with `release discard`", r.dir)
	}
	d := &draft{dir: r.Draft(), names: map[string]string{}, root: metadata.Root(until(now, RootLife)), targets: metadata.Targets(until(now, TargetsLife))}
	if err := errors.Join(
		d.setRole(metadata.ROOT, p.Root, p.RootThreshold), d.setRole(metadata.TARGETS, p.Targets, p.TargetsThreshold),
	); err != nil {
		return err
	}
	d.targets.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	if err := r.giveOnline(d, p.Online, p.Passphrase); err != nil {
		return err
	}
	if err := makeDir(r.Public(), 0o755); err != nil {
		return err
	}
	if err := r.save(d); err != nil {
		return err
	}
	return r.note(now, "init", "", "")
}

// setRole gives a role of the draft's root its keys.
func (d *draft) setRole(role string, list []Public, threshold int) error {
	has := &metadata.Role{KeyIDs: []string{}, Threshold: threshold}
	d.root.Signed.Roles[role] = has
	for _, p := range list {
		if slices.Contains(has.KeyIDs, p.ID()) {
			return refuse("the key %q is given twice for %s: one person, one key", p.Name, role)
		}
		has.KeyIDs = append(has.KeyIDs, p.ID())
		d.root.Signed.Keys[p.ID()] = p.Key
		d.names[p.ID()] = p.Name
	}
	return d.checkRole(role)
}

func (d *draft) checkRole(role string) error {
	has := d.root.Signed.Roles[role]
	switch n := len(has.KeyIDs); {
	case n == 0:
		return refuse("nobody could sign %s: give at least one key with --%s-key", role, role)
	case has.Threshold < 1 || has.Threshold > n:
		return refuse("%s has %d keys, so between 1 and %d signatures can be asked for, not %d: correct --%s-threshold", role, n, n, has.Threshold, role)
	}
	return nil
}

// giveOnline makes the keys of the server and puts them into the draft, whose root
// and targets are there.
func (r *Repository) giveOnline(d *draft, external *Public, passphrase []byte) error {
	keys := map[string]Public{}
	for _, role := range onlineRoles {
		if external != nil {
			keys[role] = *external
			continue
		}
		k, err := r.makeOnline(role, passphrase)
		if err != nil {
			return err
		}
		keys[role] = k
	}
	if external != nil {
		if err := makeDir(r.keys(), 0o700); err != nil {
			return err
		}
		path := filepath.Join(r.keys(), "online-"+external.ID()[:8]+".pub")
		if err := create(path, keyFile{Form: keyForm, Name: external.Name, Key: external.Key}, 0o644); err != nil {
			if known, readErr := ReadPublic(path); readErr != nil || known.ID() != external.ID() {
				return err
			}
		}
	}
	for role, k := range keys {
		d.names[k.ID()] = k.Name
		if role == signed.RolloutRole {
			d.targets.Signed.Delegations.Keys = map[string]*metadata.Key{k.ID(): k.Key}
			d.targets.Signed.Delegations.Roles = []metadata.DelegatedRole{{
				Name: role, KeyIDs: []string{k.ID()}, Threshold: 1, Terminating: true, Paths: []string{signed.RolloutPath},
			}}
			continue
		}
		d.root.Signed.Keys[k.ID()] = k.Key
		d.root.Signed.Roles[role] = &metadata.Role{KeyIDs: []string{k.ID()}, Threshold: 1}
	}
	d.dropUnused()
	return nil
}

// makeOnline makes a key file of the server.
func (r *Repository) makeOnline(role string, passphrase []byte) (Public, error) {
	if err := makeDir(r.keys(), 0o700); err != nil {
		return Public{}, err
	}
	fresh := filepath.Join(r.keys(), "new-"+role)
	// One that a run left that was cut off is in no draft.
	if err := errors.Join(gone(os.Remove(fresh)), gone(os.Remove(fresh+".pub"))); err != nil {
		return Public{}, fmt.Errorf("make a key: %w", err)
	}
	k, err := newKey(fresh, role, passphrase, encrypted.Standard)
	if err != nil {
		return Public{}, err
	}
	name := filepath.Join(r.keys(), role+"-"+k.ID()[:8]+".key")
	if err := errors.Join(os.Rename(fresh, name), os.Remove(fresh+".pub")); err != nil {
		return Public{}, fmt.Errorf("make a key: %w", err)
	}
	return k, durable.SyncDir(r.keys())
}

func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// dropUnused removes keys from the draft's root that no role names.
func (d *draft) dropUnused() {
	used := map[string]bool{}
	for _, role := range d.root.Signed.Roles {
		for _, id := range role.KeyIDs {
			used[id] = true
		}
	}
	for id := range d.root.Signed.Keys {
		if !used[id] {
			delete(d.root.Signed.Keys, id)
		}
	}
}

// A RootChange is what becomes different in the next root. Without anything it only
// gets another RootLife.
type RootChange struct {
	AddRoot, AddTargets []Public
	// Drop names keys by id, the beginning of one, or by name.
	DropRoot, DropTargets []string
	// Thresholds that are 0 stay.
	RootThreshold, TargetsThreshold int
	// NewOnline gives the server new keys: Online, or key files under Passphrase.
	NewOnline  bool
	Online     *Public
	Passphrase []byte
}

// ChangeRoot drafts the next root. Where targets would not stand under it any more,
// they are drafted too.
func (r *Repository) ChangeRoot(now time.Time, change RootChange) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := r.finished()
	if err != nil {
		return err
	}
	d, err := r.begin(c)
	if err != nil {
		return err
	}
	if d.root != nil {
		d.root.ClearSignatures()
	} else {
		if d.root, err = cloned(c.root); err != nil {
			return err
		}
		d.root.Signed.Version++
	}
	d.root.Signed.Expires = until(now, RootLife)
	if err := errors.Join(
		d.changeRole(metadata.ROOT, change.AddRoot, change.DropRoot, change.RootThreshold),
		d.changeRole(metadata.TARGETS, change.AddTargets, change.DropTargets, change.TargetsThreshold),
	); err != nil {
		return err
	}
	if change.NewOnline || !sameKeys(c.root, d.root, metadata.TARGETS) {
		if err := d.changeTargets(now); err != nil {
			return err
		}
	}
	if change.NewOnline {
		if err := r.giveOnline(d, change.Online, change.Passphrase); err != nil {
			return err
		}
	}
	d.dropUnused()
	return r.save(d)
}

func (d *draft) changeRole(role string, add []Public, drop []string, threshold int) error {
	has := d.root.Signed.Roles[role]
	for _, name := range drop {
		id, err := d.find(has.KeyIDs, role, name)
		if err != nil {
			return err
		}
		has.KeyIDs = slices.DeleteFunc(slices.Clone(has.KeyIDs), func(k string) bool { return k == id })
	}
	for _, p := range add {
		if slices.Contains(has.KeyIDs, p.ID()) {
			return refuse("the key %q is one of %s already", p.Name, role)
		}
		has.KeyIDs = append(has.KeyIDs, p.ID())
		d.root.Signed.Keys[p.ID()] = p.Key
		d.names[p.ID()] = p.Name
	}
	if threshold != 0 {
		has.Threshold = threshold
	}
	return d.checkRole(role)
}

// find is the one key of a role that a person means.
func (d *draft) find(ids []string, role, name string) (string, error) {
	var found, all []string
	for _, id := range ids {
		all = append(all, d.name(id)+" ("+id[:12]+")")
		if d.name(id) == name || len(name) >= 6 && strings.HasPrefix(id, name) {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		return "", refuse("%q is not one key of %s: give a name, or the beginning of an id, of %s", name, role, strings.Join(all, ", "))
	}
	return found[0], nil
}
