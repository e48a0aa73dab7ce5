package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	signed "rollbridge/shared/release"
)

// Online is how the keys of the server are reached.
type Online struct {
	// Passphrase opens key files that have one.
	Passphrase []byte
	// Command is the external signer of keys that are no files here.
	Command  string
	Messages io.Writer
}

// An edition is everything that will be served next.
type edition struct {
	rootText, targetsText, rolloutText, snapshotText, timestampText []byte
	stagesText                                                      []byte
	// root and targets are in force then; newRoot says that root is not public yet.
	root    *rootMeta
	targets *targetsMeta
	newRoot bool
	version int64
	// online are the roots whose online keys sign.
	online []*rootMeta
}

// Publish makes the draft public. It says which versions are new.
func (r *Repository) Publish(ctx context.Context, now time.Time, o Online) ([]string, error) {
	unlock, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := r.current()
	if err != nil {
		return nil, err
	}
	d, err := readDraft(r.Draft())
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, refuse("there is nothing to publish: add a release with `release add`")
	}
	// What was served when the draft was made, for whom a new root must not break.
	if err := d.check(c, now); err != nil {
		return nil, err
	}
	e, err := r.compose(ctx, c, d, c.stages, now, o)
	if err != nil {
		return nil, err
	}
	versions := []string{}
	for _, f := range d.added() {
		if err := r.publicFile(d, f); err != nil {
			return nil, err
		}
		if !slices.Contains(versions, f.Version) {
			versions = append(versions, f.Version)
		}
	}
	if err := r.put(c, e, now); err != nil {
		return nil, err
	}
	if err := r.dropDraft(); err != nil {
		return nil, err
	}
	return versions, r.note(now, "publish", strings.Join(versions, " "), "")
}

// check refuses a draft that may not be published.
func (d *draft) check(c *current, now time.Time) error {
	for _, n := range d.needs() {
		if !n.Met() {
			return refuse("%s: have them sign with `release sign`, then publish again; nothing was published", n)
		}
	}
	if d.root != nil {
		have := int64(len(c.roots))
		switch {
		case d.root.Signed.Version == have && c.root != nil: // published by a run that was cut off
			b, err := text(d.root)
			if err != nil {
				return err
			}
			if string(b) != string(c.roots[have-1]) {
				return refuse("root %d is public already and is another one: a root never changes; begin anew with `release discard`", have)
			}
		case d.root.Signed.Version != have+1:
			return refuse("the draft holds root %d and root %d is the next: begin anew with `release discard`", d.root.Signed.Version, have+1)
		}
		if d.root.Signed.IsExpired(now) {
			return refuse("the root in the draft expired on %s while it was signed: begin anew with `release root`", d.root.Signed.Expires.Format("2 January 2006"))
		}
	}
	if d.targets == nil {
		return nil
	}
	next := int64(1)
	if c.targets != nil {
		next = c.targets.Signed.Version + 1
	}
	if v := d.targets.Signed.Version; v != next && v != next-1 {
		return refuse("the draft holds targets %d and targets %d are the next: begin anew with `release discard`", v, next)
	} else if v == next-1 {
		// Published by a run that was cut off, if they say the same.
		a, errA := fingerprint(d.targets)
		b, errB := fingerprint(c.targets)
		if err := errors.Join(errA, errB); err != nil {
			return err
		}
		if a != b {
			return refuse("targets %d are public already and are other ones: begin anew with `release discard`", v)
		}
	}
	if d.targets.Signed.IsExpired(now) {
		return refuse("the targets in the draft expired on %s while they were signed: begin anew with `release discard`", d.targets.Signed.Expires.Format("2 January 2006"))
	}
	drafted := files(d.targets)
	for _, f := range files(c.targets) {
		if !slices.Contains(drafted, f) {
			return refuse("the draft lacks or changes %s, which is released: agents that run it would not start any more; begin anew with `release discard`", f.Path)
		}
	}
	return nil
}

// publicFile puts a program where it will be served.
func (r *Repository) publicFile(d *draft, f signed.File) error {
	hash := hex.EncodeToString(f.SHA256[:])
	to := r.target(f.Path, hash)
	if sum, n, err := hashOf(to); err == nil && sum == f.SHA256 && n == f.Length {
		return nil
	}
	from := filepath.Join(d.dir, "files", filepath.FromSlash(f.Path))
	if _, err := os.Stat(from); errors.Is(err, os.ErrNotExist) {
		return refuse("%s is missing: carry the whole draft back, files with it", from)
	}
	return r.copyFile(from, to, hash, f.Length)
}

// compose makes everything that will be served, and looks at it as a client.
func (r *Repository) compose(ctx context.Context, c *current, d *draft, stages signed.Rollout, now time.Time, o Online) (*edition, error) {
	e := &edition{root: c.root, targets: c.targets, targetsText: c.targetsText}
	if c.root != nil {
		e.rootText = c.roots[len(c.roots)-1]
		e.online = append(e.online, c.root)
	}
	var err error
	if d != nil && d.root != nil && d.root.Signed.Version > int64(len(c.roots)) {
		e.root, e.newRoot = d.root, true
		e.online = append(e.online, d.root)
		if e.rootText, err = text(d.root); err != nil {
			return nil, err
		}
	} else if d != nil && d.wasRoot != nil {
		// A run that was cut off published the root: those who have not seen it are
		// served as well.
		e.online = append(e.online, d.wasRoot)
	}
	if d != nil && d.targets != nil && (c.targets == nil || d.targets.Signed.Version > c.targets.Signed.Version) {
		e.targets = d.targets
		if e.targetsText, err = text(d.targets); err != nil {
			return nil, err
		}
	}
	e.version = now.Unix()
	for _, v := range c.versions() {
		e.version = max(e.version, v+1)
	}
	if err := r.composeOnline(ctx, e, stages, now, o); err != nil {
		return nil, err
	}
	// From the first root on, which the oldest agents trust.
	chain := c.roots
	if e.newRoot {
		chain = append(slices.Clone(chain), e.rootText)
	}
	return e, e.look(chain[0], chain[1:], now)
}

// versions are those of what the server has signed.
func (c *current) versions() []int64 {
	if c.timestamp == nil {
		return nil
	}
	return []int64{c.timestamp.Signed.Version, c.snapshot.Signed.Version, c.rollout.Signed.Version}
}

// composeOnline makes what the keys of the server sign.
func (r *Repository) composeOnline(ctx context.Context, e *edition, stages signed.Rollout, now time.Time, o Online) error {
	var err error
	if stages.Stages == nil {
		stages.Stages = map[string]signed.Stage{}
	}
	if e.stagesText, err = json.MarshalIndent(stages, "", "  "); err != nil {
		return fmt.Errorf("encode the rollout: %w", err)
	}
	sum := sha256.Sum256(e.stagesText)
	t := metadata.TargetFile()
	t.Length, t.Hashes = int64(len(e.stagesText)), metadata.Hashes{"sha256": sum[:]}
	rollout := metadata.Targets(until(now, RolloutLife))
	rollout.Signed.Version = e.version
	rollout.Signed.Targets[signed.RolloutPath] = t
	if err := r.signRollout(ctx, e, rollout, o); err != nil {
		return err
	}
	if e.rolloutText, err = text(rollout); err != nil {
		return err
	}
	snapshot := metadata.Snapshot(until(now, SnapshotLife))
	snapshot.Signed.Version = e.version
	snapshot.Signed.Meta = map[string]*metadata.MetaFiles{
		"targets.json":               metaFile(e.targets.Signed.Version, e.targetsText),
		signed.RolloutRole + ".json": metaFile(e.version, e.rolloutText),
	}
	if err := signOnline(ctx, r, e, metadata.SNAPSHOT, snapshot, o); err != nil {
		return err
	}
	if e.snapshotText, err = text(snapshot); err != nil {
		return err
	}
	timestamp := metadata.Timestamp(until(now, TimestampLife))
	timestamp.Signed.Version = e.version
	timestamp.Signed.Meta = map[string]*metadata.MetaFiles{"snapshot.json": metaFile(e.version, e.snapshotText)}
	if err := signOnline(ctx, r, e, metadata.TIMESTAMP, timestamp, o); err != nil {
		return err
	}
	e.timestampText, err = text(timestamp)
	return err
}

func metaFile(version int64, b []byte) *metadata.MetaFiles {
	m := metadata.MetaFile(version)
	sum := sha256.Sum256(b)
	m.Length, m.Hashes = int64(len(b)), metadata.Hashes{"sha256": sum[:]}
	return m
}

func (r *Repository) signRollout(ctx context.Context, e *edition, m *targetsMeta, o Online) error {
	if e.targets.Signed.Delegations != nil {
		for _, role := range e.targets.Signed.Delegations.Roles {
			if role.Name == signed.RolloutRole {
				return signWith(ctx, r, role.KeyIDs, e.targets.Signed.Delegations.Keys, role.Name, m, o)
			}
		}
	}
	return refuse("the targets delegate no rollout: make a new draft with `release root --new-online-keys`")
}

// signOnline signs with the keys of the new root and, where they are still here, with
// those of the root before, so that both believe it while one follows the other.
func signOnline[T metadata.Roles](ctx context.Context, r *Repository, e *edition, role string, m *metadata.Metadata[T], o Online) error {
	if err := signWith(ctx, r, e.root.Signed.Roles[role].KeyIDs, e.root.Signed.Keys, role, m, o); err != nil {
		return err
	}
	for _, other := range e.online {
		if has := other.Signed.Roles[role]; has != nil && !sameKeys(other, e.root, role) {
			// A lost key is no reason to stop.
			_ = signWith(ctx, r, has.KeyIDs, other.Signed.Keys, role, m, o)
		}
	}
	return nil
}

// signWith signs with every key of a role that is held here; none is an error.
func signWith[T metadata.Roles](ctx context.Context, r *Repository, ids []string, keys map[string]*metadata.Key, role string, m *metadata.Metadata[T], o Online) error {
	n := 0
	for _, id := range ids {
		s, err := r.online(id, keys[id], role, o)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if err := sign(ctx, m, s); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		return refuse("the key of role %s is not in %s: bring it back from its copy, set releases.signer if an external signer holds it, or give the server new keys with `release root --new-online-keys`", role, r.keys())
	}
	return nil
}

// online finds the signer of a key of the server; nil is that it is not here.
func (r *Repository) online(id string, k *metadata.Key, role string, o Online) (Signer, error) {
	path := filepath.Join(r.keys(), role+"-"+id[:min(8, len(id))]+".key")
	if _, err := os.Stat(path); err == nil {
		return OpenKey(path, o.Passphrase)
	}
	if _, err := os.Stat(filepath.Join(r.keys(), "online-"+id[:min(8, len(id))]+".pub")); err != nil || k == nil || o.Command == "" {
		return nil, nil
	}
	return Command{Path: o.Command, Public: Public{role, k}, Messages: o.Messages}, nil
}

// look reads the edition as a client does that trusts a root and has seen others.
func (e *edition) look(root []byte, later [][]byte, now time.Time) error {
	return lookAt(root, later, e.timestampText, e.snapshotText, e.targetsText, e.rolloutText, now)
}

func lookAt(root []byte, later [][]byte, timestamp, snapshot, targets, rollout []byte, now time.Time) error {
	t, err := trustedmetadata.New(root)
	if err != nil {
		return wouldNot(err)
	}
	t.RefTime = now
	for _, next := range later {
		if _, err := t.UpdateRoot(next); err != nil {
			return wouldNot(err)
		}
	}
	if _, err := t.UpdateTimestamp(timestamp); err != nil {
		return wouldNot(err)
	}
	if _, err := t.UpdateSnapshot(snapshot, false); err != nil {
		return wouldNot(err)
	}
	if _, err := t.UpdateTargets(targets); err != nil {
		return wouldNot(err)
	}
	if _, err := t.UpdateDelegatedTargets(rollout, signed.RolloutRole, metadata.TARGETS); err != nil {
		return wouldNot(err)
	}
	return nil
}

func wouldNot(err error) error {
	return refuse("agents would not believe this (%v), so nothing was published: if root or targets have expired, renew them with `release root` or `release renew`", err)
}

// put writes an edition, what nothing names yet first.
func (r *Repository) put(c *current, e *edition, now time.Time) error {
	sum := sha256.Sum256(e.stagesText)
	type file struct {
		path string
		text []byte
	}
	list := []file{
		{r.target(signed.RolloutPath, hex.EncodeToString(sum[:])), e.stagesText},
		{r.public(int(e.targets.Signed.Version), metadata.TARGETS), e.targetsText},
		{r.public(int(e.version), signed.RolloutRole), e.rolloutText},
		{r.public(int(e.version), metadata.SNAPSHOT), e.snapshotText},
	}
	last := []file{{filepath.Join(r.Public(), "timestamp.json"), e.timestampText}}
	if e.newRoot {
		root := file{r.public(int(e.root.Signed.Version), metadata.ROOT), e.rootText}
		if r.timestampFirst(c, e, now) {
			last = append(last, root)
		} else {
			last = append([]file{root}, last...)
		}
	}
	for _, f := range append(list, last...) {
		if old, err := os.ReadFile(f.path); err == nil && string(old) == string(f.text) {
			continue
		}
		if err := r.write(f.path, f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// timestampFirst says whether a new root can come after everything else: the root of
// before believes the new timestamp too. Otherwise it comes first, for clients that
// have it then read what is still of before.
func (r *Repository) timestampFirst(c *current, e *edition, now time.Time) bool {
	return c.root != nil && e.look(c.roots[len(c.roots)-1], nil, now) == nil
}

// Renew signs what the server signs again, if that is due, and clears away what
// nothing names any more. It says whether it did.
func (r *Repository) Renew(ctx context.Context, now time.Time, o Online) (bool, error) {
	if c, err := r.current(); err != nil || c.timestamp == nil || !c.due(now) {
		return false, err
	}
	unlock, err := r.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	// Another process may have done it meanwhile.
	c, err := r.current()
	if err != nil || c.timestamp == nil || !c.due(now) {
		return false, err
	}
	if err := r.again(ctx, c, c.stages, now, o); err != nil {
		return false, err
	}
	return true, r.tidy(now)
}

// RenewNow signs what the server signs again, due or not.
func (r *Repository) RenewNow(ctx context.Context, now time.Time, o Online) error {
	return r.change(ctx, now, o, "renew", "", "", func(*current) error { return nil })
}

// due says whether the server's word is to be repeated. A timestamp of the future was
// signed under a wrong clock.
func (c *current) due(now time.Time) bool {
	age := now.Sub(c.timestamp.Signed.Expires.Add(-TimestampLife))
	return age >= RenewEvery || age < -time.Minute
}

// again publishes what is public with other stages, or the same.
func (r *Repository) again(ctx context.Context, c *current, stages signed.Rollout, now time.Time, o Online) error {
	e := &edition{root: c.root, targets: c.targets, targetsText: c.targetsText, rootText: c.roots[len(c.roots)-1], version: now.Unix()}
	for _, v := range c.versions() {
		e.version = max(e.version, v+1)
	}
	// Not looked at as a client: where root or targets have expired, agents still need
	// to see that the server is alive, and an operator that nothing else is wrong.
	if err := r.composeOnline(ctx, e, stages, now, o); err != nil {
		return err
	}
	return r.put(c, e, now)
}

// keepOld is how long a superseded snapshot stays: a client may be between two files.
const keepOld = 7 * day

// tidy removes superseded snapshots and rollouts. Roots, targets and programs stay.
func (r *Repository) tidy(now time.Time) error {
	c, err := r.finished()
	if err != nil {
		return err
	}
	current := map[string]bool{
		filepath.Base(r.public(int(c.snapshot.Signed.Version), metadata.SNAPSHOT)): true,
		filepath.Base(r.public(int(c.rollout.Signed.Version), signed.RolloutRole)): true,
	}
	var errs []error
	for _, role := range []string{metadata.SNAPSHOT, signed.RolloutRole} {
		paths, err := filepath.Glob(filepath.Join(r.Public(), "*."+role+".json"))
		errs = append(errs, err)
		for _, path := range paths {
			var version int64
			if _, err := fmt.Sscanf(filepath.Base(path), "%d.", &version); err != nil || current[filepath.Base(path)] {
				continue
			}
			if now.Sub(time.Unix(version, 0)) > keepOld {
				errs = append(errs, os.Remove(path))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clear away superseded metadata: %w", err)
	}
	return nil
}
