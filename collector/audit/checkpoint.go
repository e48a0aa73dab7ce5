package audit

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollbridge/collector/durable"
	"rollbridge/shared/protocol"
)

// DomainCheckpoint is what a control key signs checkpoints in.
const DomainCheckpoint protocol.Domain = "control/audit-checkpoint"

// A Mark is how far a chain was: its last entry, and the last one that may be deleted
// because it is past its time.
type Mark struct {
	Seq      int64  `json:"seq"`
	Hash     []byte `json:"hash"`
	From     int64  `json:"from"`
	FromHash []byte `json:"from_hash"`
}

// A Checkpoint is how far all chains were at a time.
type Checkpoint struct {
	Number int64          `json:"number"`
	At     time.Time      `json:"at"`
	Marks  map[Chain]Mark `json:"-"`
}

// checkpointFile is a checkpoint as it is kept: the marks, what a control key signed over
// their digest, and the keyring that proves whose key it is.
type checkpointFile struct {
	Keyring    protocol.Signed `json:"keyring"`
	Checkpoint protocol.Signed `json:"checkpoint"`
	Marks      json.RawMessage `json:"marks"`
}

type signedCheckpoint struct {
	Checkpoint
	Digest []byte `json:"digest"` // SHA-256 of Marks as they stand in the file
}

// ErrCheckpoint is returned for a file that is no checkpoint of this collector.
var ErrCheckpoint = errors.New("this is not a checkpoint that this collector's control key signed")

// A Shelf is the directory where checkpoints are kept: one file for each day, and of
// older days one for each month.
type Shelf struct {
	dir  string
	root protocol.Fingerprint
}

// At is the shelf in a directory, of the collector whose root key has this fingerprint.
func At(dir string, root protocol.Fingerprint) Shelf { return Shelf{dir, root} }

const (
	filePrefix, fileSuffix = "checkpoint-", ".json"
	// keepDaily is for how many days each day's last checkpoint is kept.
	keepDaily = 31
)

func (s Shelf) names() (list []string, err error) {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the audit checkpoints: %w", err)
	}
	for _, e := range entries {
		if _, ok := dayOf(e.Name()); ok {
			list = append(list, e.Name())
		}
	}
	slices.Sort(list)
	return list, nil
}

func dayOf(name string) (time.Time, bool) {
	var day string
	if len(name) == len(filePrefix)+len(time.DateOnly)+len(fileSuffix) {
		day = name[len(filePrefix) : len(name)-len(fileSuffix)]
	}
	t, err := time.Parse(time.DateOnly, day)
	return t, err == nil && name == filePrefix+day+fileSuffix
}

// Newest is the newest checkpoint; its Number is 0 where there is none yet.
func (s Shelf) Newest() (Checkpoint, error) {
	names, err := s.names()
	if err != nil || len(names) == 0 {
		return Checkpoint{}, err
	}
	return s.Read(filepath.Join(s.dir, names[len(names)-1]))
}

// All are the checkpoints of the shelf, the newest last.
func (s Shelf) All() (list []Checkpoint, err error) {
	names, err := s.names()
	for _, name := range names {
		c, err := s.Read(filepath.Join(s.dir, name))
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b Checkpoint) int { return cmp.Compare(a.Number, b.Number) })
	return list, err
}

// Read reads a checkpoint from a file, which may be a copy that was kept elsewhere, and
// proves that it is this collector's.
func (s Shelf) Read(path string) (Checkpoint, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read an audit checkpoint: %w", err)
	}
	c, err := s.parse(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read %s: %w", path, err)
	}
	return c, nil
}

func (s Shelf) parse(text []byte) (Checkpoint, error) {
	var f checkpointFile
	if json.Unmarshal(text, &f) != nil || f.Keyring.IsZero() || f.Checkpoint.IsZero() {
		return Checkpoint{}, ErrCheckpoint
	}
	// An older keyring proves it as well: what was signed stays signed.
	ring, err := protocol.VerifyKeyring(f.Keyring, s.root, 0)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	var c signedCheckpoint
	if err := protocol.Verify(f.Checkpoint, DomainCheckpoint, ring.Control, &c); err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if sum := sha256.Sum256(f.Marks); !slices.Equal(sum[:], c.Digest) || json.Unmarshal(f.Marks, &c.Marks) != nil {
		return Checkpoint{}, fmt.Errorf("%w: its marks were changed", ErrCheckpoint)
	}
	return c.Checkpoint, nil
}

// put signs a checkpoint and keeps it as the last of its day.
func (s Shelf) put(c Checkpoint, key ed25519.PrivateKey, ring protocol.Signed) error {
	fail := func(err error) error { return fmt.Errorf("keep an audit checkpoint: %w", err) }
	marks, err := json.Marshal(c.Marks)
	if err != nil {
		return fail(err)
	}
	sum := sha256.Sum256(marks)
	signed, err := protocol.Sign(key, DomainCheckpoint, signedCheckpoint{c, sum[:]})
	if err != nil {
		return fail(err)
	}
	text, err := json.Marshal(checkpointFile{ring, signed, marks})
	if err == nil {
		err = durable.Write(filepath.Join(s.dir, filePrefix+c.At.UTC().Format(time.DateOnly)+fileSuffix), append(text, '\n'))
	}
	if err == nil {
		err = s.thin(c.At)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// thin removes the files of days that are long past, but the last of each month.
func (s Shelf) thin(now time.Time) error {
	names, err := s.names()
	for i, name := range names {
		day, _ := dayOf(name)
		if i == len(names)-1 || now.Sub(day) <= keepDaily*24*time.Hour {
			break
		}
		if next, _ := dayOf(names[i+1]); next.Year() == day.Year() && next.Month() == day.Month() {
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, name)))
		}
	}
	return err
}
