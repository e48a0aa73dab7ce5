package zoo

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/shared/release"
)

// A Ceremony is where the first root was signed: all keys of all roles.
type Ceremony struct {
	// Root is the first root, which programs have built in.
	Root []byte
	keys map[string][]ed25519.PrivateKey // by role
}

// Thresholds: of three keys each, two have to sign.
const (
	holders   = 3
	threshold = 2
)

// NewCeremony makes keys and the first root.
func NewCeremony() (*Ceremony, error) {
	c := &Ceremony{keys: map[string][]ed25519.PrivateKey{}}
	root := metadata.Root(time.Now().UTC().Truncate(time.Second).AddDate(1, 0, 0))
	root.Signed.ConsistentSnapshot = true
	for role, n := range map[string]int{metadata.ROOT: holders, metadata.TARGETS: holders, metadata.SNAPSHOT: 1, metadata.TIMESTAMP: 1} {
		if err := c.replace(root, role, n); err != nil {
			return nil, err
		}
		root.Signed.Roles[role].Threshold = min(n, threshold)
	}
	private, _, err := newKeys(1)
	if err != nil {
		return nil, err
	}
	c.keys[release.RolloutRole] = private
	if err := signWith(c.keys[metadata.ROOT][:threshold], root); err != nil {
		return nil, err
	}
	if c.Root, err = root.ToBytes(true); err != nil {
		return nil, fmt.Errorf("make a root: %w", err)
	}
	return c, nil
}

// replace gives a role new keys.
func (c *Ceremony) replace(root *metadata.Metadata[metadata.RootType], role string, n int) error {
	for _, k := range c.keys[role] {
		public, err := metadata.KeyFromPublicKey(k.Public())
		if err != nil {
			return fmt.Errorf("replace a key: %w", err)
		}
		id, err := public.ID()
		if err != nil {
			return fmt.Errorf("replace a key: %w", err)
		}
		if err := root.Signed.RevokeKey(id, role); err != nil {
			return fmt.Errorf("replace a key: %w", err)
		}
	}
	private, public, err := newKeys(n)
	if err != nil {
		return err
	}
	c.keys[role] = private
	for _, k := range public {
		if err := root.Signed.AddKey(k, role); err != nil {
			return fmt.Errorf("replace a key: %w", err)
		}
	}
	return nil
}

func newKeys(n int) (private []ed25519.PrivateKey, public []*metadata.Key, err error) {
	for range n {
		_, secret, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, nil, fmt.Errorf("make a key: %w", err)
		}
		k, err := metadata.KeyFromPublicKey(secret.Public())
		if err != nil {
			return nil, nil, fmt.Errorf("make a key: %w", err)
		}
		private, public = append(private, secret), append(public, k)
	}
	return private, public, nil
}

// A Repository is a directory of static files for a Mirror.
type Repository struct {
	Dir string
	// Slip is what goes wrong at the next Publish.
	Slip Slip

	ceremony  Ceremony
	root      *metadata.Metadata[metadata.RootType]
	targets   *metadata.Metadata[metadata.TargetsType]
	rollout   *metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	stages    release.Rollout
	published bool
}

// A Slip is what no operator's tool would publish.
type Slip struct {
	// Short lets one signature of targets be missing to the threshold.
	Short bool
	// Forged lets targets be signed by keys that nobody trusts.
	Forged bool
	// Expired lets the timestamp have expired an hour ago.
	Expired bool
}

// Repository makes one in dir, with nothing released.
func (c *Ceremony) Repository(dir string) (*Repository, error) {
	now := time.Now().UTC().Truncate(time.Second)
	r := &Repository{
		Dir: dir, ceremony: Ceremony{Root: c.Root, keys: maps.Clone(c.keys)},
		targets: metadata.Targets(now.AddDate(0, 3, 0)), rollout: metadata.Targets(now.AddDate(0, 1, 0)),
		snapshot: metadata.Snapshot(now.AddDate(0, 0, 14)), timestamp: metadata.Timestamp(now.AddDate(0, 0, 3)),
		stages: release.Rollout{Stages: map[string]release.Stage{}},
	}
	var err error
	if r.root, err = metadata.Root().FromBytes(c.Root); err != nil {
		return nil, fmt.Errorf("make a repository: %w", err)
	}
	public, err := metadata.KeyFromPublicKey(c.keys[release.RolloutRole][0].Public())
	if err != nil {
		return nil, fmt.Errorf("make a repository: %w", err)
	}
	id, err := public.ID()
	if err != nil {
		return nil, fmt.Errorf("make a repository: %w", err)
	}
	r.targets.Signed.Delegations = &metadata.Delegations{
		Keys: map[string]*metadata.Key{id: public},
		Roles: []metadata.DelegatedRole{{
			Name: release.RolloutRole, KeyIDs: []string{id}, Threshold: 1, Terminating: true, Paths: []string{release.RolloutPath},
		}},
	}
	return r, r.write("1.root.json", r.root)
}

// Describe is a release of this platform as everyday ones are.
func Describe(version string) release.Release {
	return release.Release{
		Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH, State: 1, Data: release.DataScope(),
		Published: time.Now().UTC().Truncate(time.Second).Add(-time.Hour),
	}
}

// Add lists a program for the next Publish, and lets it go to everybody.
func (r *Repository) Add(program string, d release.Release) error {
	path := release.TargetPath(d.Version, d.OS, d.Arch)
	data, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("release %s: %w", d.Version, err)
	}
	if r.stages.Stages[d.Version] == (release.Stage{}) {
		r.Stage(d.Version, release.Stage{Ring: release.General, Percent: 100, Since: d.Published})
	}
	return r.add(r.targets, path, data, d)
}

// Stage says to whom a version goes from the next Publish.
func (r *Repository) Stage(version string, s release.Stage) { r.stages.Stages[version] = s }

// Withdraw unlists a version.
func (r *Repository) Withdraw(d release.Release) {
	delete(r.targets.Signed.Targets, release.TargetPath(d.Version, d.OS, d.Arch))
}

func (r *Repository) add(to *metadata.Metadata[metadata.TargetsType], path string, data []byte, custom any) error {
	info, err := metadata.TargetFile().FromBytes(path, data, "sha256")
	if err != nil {
		return fmt.Errorf("list %s: %w", path, err)
	}
	if custom != nil {
		text, err := json.Marshal(custom)
		if err != nil {
			return fmt.Errorf("list %s: %w", path, err)
		}
		info.Custom = (*json.RawMessage)(&text)
	}
	to.Signed.Targets[path] = info
	sum := sha256.Sum256(data)
	name := filepath.Join(r.Dir, "targets", filepath.Dir(path), hex.EncodeToString(sum[:])+"."+filepath.Base(path))
	return writeFile(name, data)
}

// Publish signs everything anew, one version higher.
func (r *Repository) Publish() error {
	text, err := json.Marshal(r.stages)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := r.add(r.rollout, release.RolloutPath, text, nil); err != nil {
		return err
	}
	slip, now := r.Slip, time.Now().UTC().Truncate(time.Second)
	r.Slip = Slip{}
	if r.published {
		r.targets.Signed.Version++
		r.rollout.Signed.Version++
		r.snapshot.Signed.Version++
		r.timestamp.Signed.Version++
	}
	r.published = true
	r.snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(r.targets.Signed.Version)
	r.snapshot.Signed.Meta[release.RolloutRole+".json"] = metadata.MetaFile(r.rollout.Signed.Version)
	r.timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(r.snapshot.Signed.Version)
	r.timestamp.Signed.Expires = now.AddDate(0, 0, 3)
	if slip.Expired {
		r.timestamp.Signed.Expires = now.Add(-time.Hour)
	}
	signers := r.ceremony.keys[metadata.TARGETS][:threshold]
	if slip.Short {
		signers = signers[:threshold-1]
	}
	if slip.Forged {
		if signers, _, err = newKeys(threshold); err != nil {
			return err
		}
	}
	r.targets.ClearSignatures()
	err = errors.Join(signWith(signers, r.targets),
		r.sign(release.RolloutRole, 1, r.rollout), r.sign(metadata.SNAPSHOT, 1, r.snapshot), r.sign(metadata.TIMESTAMP, 1, r.timestamp))
	return errors.Join(err,
		r.write(numbered(r.targets.Signed.Version, metadata.TARGETS), r.targets),
		r.write(numbered(r.rollout.Signed.Version, release.RolloutRole), r.rollout),
		r.write(numbered(r.snapshot.Signed.Version, metadata.SNAPSHOT), r.snapshot),
		// Last: only then does anybody ask for the others.
		r.write("timestamp.json", r.timestamp))
}

// Rotate replaces the keys of a role by new ones in a new root, which the old
// root's keys sign too.
func (r *Repository) Rotate(role string) error {
	before := r.ceremony.keys[metadata.ROOT]
	if err := r.ceremony.replace(r.root, role, len(r.ceremony.keys[role])); err != nil {
		return err
	}
	r.root.Signed.Version++
	if err := r.sign(metadata.ROOT, threshold, r.root); err != nil {
		return err
	}
	if role == metadata.ROOT {
		if err := signWith(before[:threshold], r.root); err != nil {
			return err
		}
	}
	return r.write(numbered(r.root.Signed.Version, metadata.ROOT), r.root)
}

// Copy is the repository's files as they are now, in another directory: what a
// mirror that lags or a thief has.
func (r *Repository) Copy(dir string) error { return os.CopyFS(dir, os.DirFS(r.Dir)) }

func numbered(version int64, role string) string {
	return strconv.FormatInt(version, 10) + "." + role + ".json"
}

// A signed is metadata of any role.
type signed interface {
	Sign(signature.Signer) (*metadata.Signature, error)
	ClearSignatures()
	ToFile(name string, pretty bool) error
}

func (r *Repository) sign(role string, n int, m signed) error {
	m.ClearSignatures()
	return signWith(r.ceremony.keys[role][:n], m)
}

func signWith(keys []ed25519.PrivateKey, m signed) error {
	for _, k := range keys {
		s, err := signature.LoadSigner(k, crypto.Hash(0))
		if err != nil {
			return fmt.Errorf("sign metadata: %w", err)
		}
		if _, err := m.Sign(s); err != nil {
			return fmt.Errorf("sign metadata: %w", err)
		}
	}
	return nil
}

func (r *Repository) write(name string, m signed) error {
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := m.ToFile(path+".new", true); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func writeFile(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Targets is the signed list that was published last.
func (r *Repository) Targets() ([]byte, error) {
	return os.ReadFile(filepath.Join(r.Dir, numbered(r.targets.Signed.Version, metadata.TARGETS)))
}
