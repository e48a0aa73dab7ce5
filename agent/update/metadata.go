package update

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"rollbridge/agent/slot"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// Marks are the newest versions of the metadata that were ever proved here: what
// is older is never believed again, whatever happens to the kept metadata.
type Marks struct {
	Root      int64 `json:"root"`
	Timestamp int64 `json:"timestamp"`
	Snapshot  int64 `json:"snapshot"`
	Targets   int64 `json:"targets"`
	Rollout   int64 `json:"rollout"`
	// Keys are those of the server, of the root that the other marks were made
	// under. Where a new root takes keys away that were misused, what they signed
	// counts for nothing.
	Keys string `json:"keys"`
}

// A view is what one check proved.
type view struct {
	marks   Marks
	proof   *release.Proof
	rollout release.Rollout
	// roots are the later ones by file name, targets the list as it was signed.
	roots   map[string][]byte
	targets []byte
	// rootEnds and targetsEnds are when people must have signed anew.
	rootEnds, targetsEnds time.Time
}

// errOlder is returned for metadata that are good, but older than those that
// were seen before: a mirror lags.
var errOlder = errors.New("the repository shows what it showed earlier")

// look makes one check. The list of releases that is kept is not fetched again
// while it is the newest; if it turns out to be damaged, it is.
func look(f *fetcher, dir slot.Dir, root []byte, seen Marks, now time.Time) (view, error) {
	f.got = map[string][]byte{}
	held, err := os.ReadFile(filepath.Join(dir.Metadata(), slot.Targets))
	var list struct {
		Signed struct {
			Version int64 `json:"version"`
		} `json:"signed"`
	}
	if err == nil && json.Unmarshal(held, &list) == nil {
		used, name := false, targetsName(list.Signed.Version)
		f.kept = func(asked string) []byte {
			if asked != name {
				return nil
			}
			used = true
			return held
		}
		v, err := refresh(f, dir, root, seen, now)
		if !used || !damaged(err) {
			return v, err
		}
	}
	f.kept, f.got = func(string) []byte { return nil }, map[string][]byte{}
	return refresh(f, dir, root, seen, now)
}

// damaged says whether other bytes would have helped.
func damaged(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && slices.Contains([]protocol.UpdateProblem{protocol.UpdateSignature, protocol.UpdateAltered, protocol.UpdateNotMetadata, protocol.UpdateOther}, f.Kind)
}

// refresh makes one walk through the repository, by a client of its own. now is
// what expiry is judged by. Errors are a *Fault, errOlder or that of the context.
func refresh(f *fetcher, dir slot.Dir, root []byte, seen Marks, now time.Time) (v view, err error) {
	// The library takes some damaged metadata for whole and panics later.
	defer func() {
		if r := recover(); r != nil {
			v, err = view{}, fault(protocol.UpdateNotMetadata, fmt.Errorf("panic: %v", r), tellOperator, "what %s gives out as metadata of updates is damaged", f.host())
		}
	}()
	client, err := newClient(f, dir, root, now)
	if err != nil {
		return v, err
	}
	if err := client.Refresh(); err != nil {
		return v, f.explain(err, client, now)
	}
	set := client.GetTrustedMetadataSet()
	if err := f.rollout(client, set, &v); err != nil {
		return v, f.explain(err, client, now)
	}
	set = client.GetTrustedMetadataSet()
	v.marks = marksOf(set)
	if err := v.marks.after(seen); err != nil {
		if errors.Is(err, errOlder) {
			return v, err
		}
		return v, fault(protocol.UpdateSignature, err, tellOperator, "the metadata of updates at %s contradict those that were seen before", f.host())
	}
	v.collect(f, set)
	// What the supervisor will go by must be what was proved just now.
	if v.proof, err = release.Trust(root, values(v.roots), v.targets); err != nil {
		return v, fault(protocol.UpdateSignature, err, tellOperator, "the list of releases at %s cannot be used", f.host())
	}
	return v, nil
}

func newClient(f *fetcher, dir slot.Dir, root []byte, now time.Time) (*updater.Updater, error) {
	client, err := updater.New(&config.UpdaterConfig{
		MaxRootRotations: 256, MaxDelegations: 4,
		RootMaxLength: maxRoot, TimestampMaxLength: maxTimestamp, SnapshotMaxLength: maxSnapshot, TargetsMaxLength: maxTargets,
		Fetcher: f, LocalTrustedRoot: root, RemoteMetadataURL: f.base.String(), PrefixTargetsWithHash: true,
		// What is kept is ours to keep: the library writes without syncing, and is
		// stopped by a damaged file of its own. It finds nothing here.
		DisableLocalCache: true, LocalMetadataDir: filepath.Join(dir.Metadata(), "none"),
	})
	if err != nil {
		return nil, fmt.Errorf("use the built-in root: %w", err)
	}
	client.UnsafeSetRefTime(now)
	return client, nil
}

// rollout reads who may have what. A repository without one lets nobody have
// anything yet.
func (f *fetcher) rollout(client *updater.Updater, set trustedmetadata.TrustedMetadata, v *view) error {
	if set.Snapshot.Signed.Meta[release.RolloutRole+".json"] == nil {
		return nil
	}
	target, err := client.GetTargetInfo(release.RolloutPath)
	if err != nil {
		return err
	}
	data, err := f.target(target, release.MaxRollout)
	if err != nil {
		return err
	}
	if v.rollout, err = release.ParseRollout(data); err != nil {
		return fault(protocol.UpdateNotMetadata, err, tellOperator, "%s from %s cannot be read", release.RolloutPath, f.host())
	}
	return nil
}

// target fetches a small target and checks it.
func (f *fetcher) target(target *metadata.TargetFiles, limit int64) ([]byte, error) {
	u, err := f.addressOf(target.Path, target.Hashes["sha256"])
	if err != nil {
		return nil, err
	}
	data, err := f.DownloadFile(u.String(), min(target.Length, limit), 0)
	if err != nil {
		return nil, err
	}
	return data, target.VerifyLengthHashes(data)
}

// addressOf is where a target is: consistent snapshots put its hash before its
// name.
func (f *fetcher) addressOf(target string, sha256 []byte) (*url.URL, error) {
	if len(sha256) == 0 {
		return nil, fault(protocol.UpdateNotMetadata, nil, tellOperator, "the list of releases at %s has no hash of %s", f.host(), target)
	}
	dir, name := path.Split(target)
	return f.base.JoinPath("targets", dir, hex.EncodeToString(sha256)+"."+name), nil
}

func marksOf(set trustedmetadata.TrustedMetadata) Marks {
	m := Marks{Root: set.Root.Signed.Version, Timestamp: set.Timestamp.Signed.Version, Snapshot: set.Snapshot.Signed.Version,
		Targets: set.Targets[metadata.TARGETS].Signed.Version}
	if r := set.Targets[release.RolloutRole]; r != nil {
		m.Rollout = r.Signed.Version
	}
	var keys []string
	for _, role := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT} {
		if r := set.Root.Signed.Roles[role]; r != nil {
			ids := slices.Clone(r.KeyIDs)
			slices.Sort(ids)
			keys = append(keys, strings.Join(ids, " "))
		}
	}
	m.Keys = strings.Join(keys, ", ")
	return m
}

// after refuses what is older than what was seen.
func (m Marks) after(seen Marks) error {
	same := m.Keys == seen.Keys
	switch {
	case m.Root < seen.Root, same && m.Timestamp < seen.Timestamp:
		return errOlder
	case m.Targets < seen.Targets, same && (m.Snapshot < seen.Snapshot || m.Rollout < seen.Rollout):
		return errors.New("a newer timestamp names older metadata")
	}
	return nil
}

// collect takes over what is to be kept.
func (v *view) collect(f *fetcher, set trustedmetadata.TrustedMetadata) {
	v.roots = map[string][]byte{}
	for name, data := range f.got {
		if strings.HasSuffix(name, "."+metadata.ROOT+".json") {
			v.roots[name] = data
		}
	}
	v.targets = f.got[targetsName(v.marks.Targets)]
	v.rootEnds, v.targetsEnds = set.Root.Signed.Expires, set.Targets[metadata.TARGETS].Signed.Expires
}

func targetsName(version int64) string { return fmt.Sprintf("%d.%s.json", version, metadata.TARGETS) }

func values(m map[string][]byte) [][]byte {
	list := make([][]byte, 0, len(m))
	for _, v := range m {
		list = append(list, v)
	}
	return list
}

// explain words what the library found.
func (f *fetcher) explain(err error, client *updater.Updater, now time.Time) error {
	if ended := f.ctx.Err(); ended != nil {
		return ended
	}
	if _, ok := errors.AsType[*Fault](err); ok {
		return err
	}
	host := f.host()
	syntax, _ := errors.AsType[*json.SyntaxError](err)
	kind, _ := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return f.expired(err, now)
	case errors.Is(err, &metadata.ErrUnsignedMetadata{}):
		return fault(protocol.UpdateSignature, err, tellOperator, "the metadata of updates at %s are not signed by enough of the keys that this program trusts", host)
	case errors.Is(err, &metadata.ErrLengthOrHashMismatch{}):
		return fault(protocol.UpdateAltered, err, "if it stays so, "+exempt(host), "what came from %s is not what was signed", host)
	case errors.Is(err, &metadata.ErrBadVersionNumber{}):
		return fault(protocol.UpdateSignature, err, tellOperator, "the metadata of updates at %s contradict one another", host)
	case syntax != nil, kind != nil:
		return fault(protocol.UpdateNotMetadata, err, exempt(host), "what %s gives out as metadata of updates is none", host)
	}
	return fault(protocol.UpdateOther, err, tellOperator, "the metadata of updates at %s cannot be used", host)
}

// clockOff is how far the clocks may be apart before one of them is suspected.
const clockOff = 24 * time.Hour

// expired says whose fault it is that the metadata are past their time. The
// server's clock is proved by nothing: it decides only about words.
func (f *fetcher) expired(err error, now time.Time) *Fault {
	if !f.date.IsZero() && now.Sub(f.date).Abs() > clockOff {
		return fault(protocol.UpdateClock, err, "set the clock of this computer right", "the metadata of updates at %s are past their time by the clock of this computer, which says it is %s, where the server's says %s",
			f.host(), minute(now), minute(f.date))
	}
	return fault(protocol.UpdateExpired, err, tellOperator, "the metadata of updates at %s are past their time, so that nobody can tell whether they are the newest", f.host())
}
