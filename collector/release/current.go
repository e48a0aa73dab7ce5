package release

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	signed "rollbridge/shared/release"
)

type (
	rootMeta      = metadata.Metadata[metadata.RootType]
	targetsMeta   = metadata.Metadata[metadata.TargetsType]
	snapshotMeta  = metadata.Metadata[metadata.SnapshotType]
	timestampMeta = metadata.Metadata[metadata.TimestampType]
)

// current is what agents are served now. Before the first publication everything is
// nil; after one that was cut off, root may be newer than the rest.
type current struct {
	roots       [][]byte
	root        *rootMeta
	timestamp   *timestampMeta
	snapshot    *snapshotMeta
	targets     *targetsMeta
	targetsText []byte
	rollout     *targetsMeta
	stages      signed.Rollout
	// texts are the other files as they are served, for a look as a client.
	timestampText, snapshotText, rolloutText []byte
}

// current reads what is public.
func (r *Repository) current() (*current, error) {
	c := &current{stages: signed.Rollout{Stages: map[string]signed.Stage{}}}
	var err error
	if c.roots, err = r.roots(); err != nil || len(c.roots) == 0 {
		return c, err
	}
	if c.root, err = metadata.Root().FromBytes(c.roots[len(c.roots)-1]); err != nil {
		return nil, damaged(r.public(len(c.roots), "root"), err)
	}
	path := filepath.Join(r.Public(), "timestamp.json")
	c.timestampText, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the releases: %w", err)
	}
	if c.timestamp, err = metadata.Timestamp().FromBytes(c.timestampText); err != nil {
		return nil, damaged(path, err)
	}
	return c, r.below(c)
}

// below reads what the timestamp names.
func (r *Repository) below(c *current) error {
	path, err := r.named(c.timestamp.Signed.Meta, "snapshot", &c.snapshotText)
	if err != nil {
		return err
	}
	if c.snapshot, err = metadata.Snapshot().FromBytes(c.snapshotText); err != nil {
		return damaged(path, err)
	}
	if path, err = r.named(c.snapshot.Signed.Meta, "targets", &c.targetsText); err != nil {
		return err
	}
	if c.targets, err = metadata.Targets().FromBytes(c.targetsText); err != nil {
		return damaged(path, err)
	}
	if path, err = r.named(c.snapshot.Signed.Meta, signed.RolloutRole, &c.rolloutText); err != nil {
		return err
	}
	if c.rollout, err = metadata.Targets().FromBytes(c.rolloutText); err != nil {
		return damaged(path, err)
	}
	t := c.rollout.Signed.Targets[signed.RolloutPath]
	if t == nil {
		return damaged(path, errors.New("it names no rollout"))
	}
	path = r.target(signed.RolloutPath, hex.EncodeToString(t.Hashes["sha256"]))
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the releases: %w", err)
	}
	if c.stages, err = signed.ParseRollout(text); err != nil {
		return damaged(path, err)
	}
	if c.stages.Stages == nil {
		c.stages.Stages = map[string]signed.Stage{}
	}
	return nil
}

// named reads a file in the version that others name.
func (r *Repository) named(meta map[string]*metadata.MetaFiles, role string, text *[]byte) (path string, err error) {
	m := meta[role+".json"]
	if m == nil {
		return "", damaged(r.Public(), fmt.Errorf("nothing names %s", role))
	}
	path = r.public(int(m.Version), role)
	if *text, err = os.ReadFile(path); err != nil {
		return path, fmt.Errorf("read the releases: %w: bring the public directory back from a copy", err)
	}
	return path, nil
}

func damaged(path string, err error) error {
	return fmt.Errorf("read the releases: %s is damaged: %w: bring the public directory back from a copy", path, err)
}

// errNone is what commands say where nothing was published yet.
func (r *Repository) errNone() error {
	return refuse("nothing is published in %s yet: begin with `release init`, or name the right directory with --dir", r.dir)
}

// finished is current for what needs a repository that agents can read.
func (r *Repository) finished() (*current, error) {
	c, err := r.current()
	if err != nil {
		return nil, err
	}
	if c.root == nil || c.timestamp == nil {
		return nil, r.errNone()
	}
	return c, nil
}

// files are the programs that a list of targets releases.
func files(t *targetsMeta) (list []signed.File) {
	if t == nil {
		return nil
	}
	for path, target := range t.Signed.Targets {
		if f, err := signed.FileOf(path, target); err == nil {
			list = append(list, f)
		}
	}
	return list
}

// text is how metadata are written: indented, because people read what they sign.
func text[T metadata.Roles](m *metadata.Metadata[T]) ([]byte, error) {
	b, err := m.ToBytes(true)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return append(b, '\n'), nil
}

// cloned is a copy without signatures.
func cloned[T metadata.Roles](m *metadata.Metadata[T]) (*metadata.Metadata[T], error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("copy metadata: %w", err)
	}
	c, err := new(metadata.Metadata[T]).FromBytes(b)
	if err != nil {
		return nil, fmt.Errorf("copy metadata: %w", err)
	}
	c.Signatures = []metadata.Signature{}
	return c, nil
}

// until is an expiry; the format has whole seconds.
func until(now time.Time, life time.Duration) time.Time {
	return now.UTC().Truncate(time.Second).Add(life)
}
