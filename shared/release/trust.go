package release

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Problems with metadata.
var (
	// ErrUnsigned: too few of the right people signed it.
	ErrUnsigned = errors.New("not signed by enough of the keys it needs")
	// ErrMetadata: it is no metadata, or not of the role it should be.
	ErrMetadata = errors.New("damaged metadata")
	// ErrGap: a root between the built-in one and the last is missing.
	ErrGap = errors.New("a root in between is missing")
)

// maxMetadata bounds what is parsed; root and targets of decades are far below.
const maxMetadata = 8 << 20

// A Proof is the list of released programs, believed through the built-in root.
type Proof struct {
	// Root and Targets are the versions of the metadata.
	Root, Targets int64
	files         map[string]File
}

// Trust walks from a root that is believed over the later ones and checks targets
// against the last. What is no root, or no later one, is passed over; the order does
// not matter. Expiry is not looked at.
func Trust(root []byte, later [][]byte, targets []byte) (p *Proof, err error) {
	// go-tuf 2.4.2 panics at some metadata, such as a target that is null. What lies on a
	// disk must end nobody.
	defer func() {
		if fault := recover(); fault != nil {
			p, err = nil, fmt.Errorf("check update metadata: %w: they cannot be read (%T)", ErrMetadata, fault)
		}
	}()
	last, err := parseRoot(root)
	if err != nil {
		return nil, fmt.Errorf("check update metadata: the built-in root: %w", err)
	}
	// A built-in root is believed as it stands, but must be whole.
	if err := last.VerifyDelegate(metadata.ROOT, last); err != nil {
		return nil, fmt.Errorf("check update metadata: the built-in root: %w", ErrUnsigned)
	}
	if last, err = walk(last, later); err != nil {
		return nil, fmt.Errorf("check update metadata: %w", err)
	}
	t, err := parseTargets(targets)
	if err != nil {
		return nil, fmt.Errorf("check update metadata: targets: %w", err)
	}
	if err := last.VerifyDelegate(metadata.TARGETS, t); err != nil {
		return nil, fmt.Errorf("check update metadata: targets: %w", ErrUnsigned)
	}
	return &Proof{Root: last.Signed.Version, Targets: t.Signed.Version, files: filesOf(t.Signed.Targets)}, nil
}

func walk(last *metadata.Metadata[metadata.RootType], later [][]byte) (*metadata.Metadata[metadata.RootType], error) {
	var list []*metadata.Metadata[metadata.RootType]
	for _, data := range later {
		// What is no root is as good as missing: the chain shows whether it was needed.
		if next, err := parseRoot(data); err == nil {
			list = append(list, next)
		}
	}
	slices.SortStableFunc(list, func(a, b *metadata.Metadata[metadata.RootType]) int {
		return cmp.Compare(a.Signed.Version, b.Signed.Version)
	})
	for _, next := range list {
		switch n := next.Signed.Version; {
		case n <= last.Signed.Version:
			continue
		case n != last.Signed.Version+1:
			return nil, fmt.Errorf("root %d after root %d: %w", n, last.Signed.Version, ErrGap)
		}
		if last.VerifyDelegate(metadata.ROOT, next) != nil || next.VerifyDelegate(metadata.ROOT, next) != nil {
			return nil, fmt.Errorf("root %d: %w", next.Signed.Version, ErrUnsigned)
		}
		last = next
	}
	return last, nil
}

// Leads says whether a root could be the one before another: of the number before,
// signed as it asks, with the other signed as it asks too. It proves the other
// nothing; it tells a damaged root from a whole one.
func Leads(before, root []byte) (leads bool) {
	defer func() {
		if recover() != nil {
			leads = false
		}
	}()
	a, errA := parseRoot(before)
	b, errB := parseRoot(root)
	return errA == nil && errB == nil && a.Signed.Version+1 == b.Signed.Version &&
		a.VerifyDelegate(metadata.ROOT, a) == nil && a.VerifyDelegate(metadata.ROOT, b) == nil
}

// filesOf takes the targets that are programs. What does not describe itself
// properly is no release of ours, and must not take the others with it.
func filesOf(targets map[string]*metadata.TargetFiles) map[string]File {
	files := map[string]File{}
	for path, t := range targets {
		if f, err := fileOf(path, t); err == nil {
			files[path] = f
		}
	}
	return files
}

func fileOf(path string, t *metadata.TargetFiles) (File, error) {
	if t == nil || t.Custom == nil {
		return File{}, ErrMetadata
	}
	f := File{Path: path, Length: t.Length}
	if err := json.Unmarshal(*t.Custom, &f.Release); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if err := f.Validate(); err != nil {
		return File{}, err
	}
	if TargetPath(f.Version, f.OS, f.Arch) != path || f.Length <= 0 || copy(f.SHA256[:], t.Hashes["sha256"]) != len(f.SHA256) || len(t.Hashes["sha256"]) != len(f.SHA256) {
		return File{}, ErrMetadata
	}
	return f, nil
}

// Of finds the program of a version for a platform.
func (p *Proof) Of(version, os, arch string) (File, bool) {
	f, ok := p.files[TargetPath(version, os, arch)]
	return f, ok
}

// OfHash finds the program that has a SHA-256.
func (p *Proof) OfHash(sum [32]byte) (File, bool) {
	for _, f := range p.files {
		if f.SHA256 == sum {
			return f, true
		}
	}
	return File{}, false
}

// Files lists the programs, the newest version first, then by path.
func (p *Proof) Files() []File {
	list := make([]File, 0, len(p.files))
	for _, f := range p.files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b File) int {
		return cmp.Or(Compare(b.Version, a.Version), cmp.Compare(a.Path, b.Path))
	})
	return list
}

// FileOf reads one target as the updater has it from verified metadata.
func FileOf(path string, t *metadata.TargetFiles) (File, error) {
	f, err := fileOf(path, t)
	if err != nil {
		return File{}, fmt.Errorf("target %s: %w", path, err)
	}
	return f, nil
}

func parseRoot(data []byte) (*metadata.Metadata[metadata.RootType], error) {
	if len(data) > maxMetadata {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMetadata, maxMetadata)
	}
	m, err := metadata.Root().FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	if m.Signed.Version < 1 {
		return nil, fmt.Errorf("%w: version %d", ErrMetadata, m.Signed.Version)
	}
	for _, r := range m.Signed.Roles {
		if r == nil {
			return nil, fmt.Errorf("%w: a role is null", ErrMetadata)
		}
	}
	return m, soundKeys(m.Signed.Keys)
}

func parseTargets(data []byte) (*metadata.Metadata[metadata.TargetsType], error) {
	if len(data) > maxMetadata {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrMetadata, maxMetadata)
	}
	m, err := metadata.Targets().FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	for _, t := range m.Signed.Targets {
		if t == nil {
			return nil, fmt.Errorf("%w: a target is null", ErrMetadata)
		}
	}
	return m, nil
}

// soundKeys refuses what would make a verification panic: go-tuf 2.4.2 takes a key for
// present when it is null, and crypto/ed25519 panics at a key of another length.
func soundKeys(keys map[string]*metadata.Key) error {
	for _, k := range keys {
		if k == nil {
			return fmt.Errorf("%w: a key is null", ErrMetadata)
		}
		if k.Type != metadata.KeyTypeEd25519 {
			continue
		}
		if raw, err := hex.DecodeString(k.Value.PublicKey); err != nil || len(raw) != 32 {
			return fmt.Errorf("%w: a key is no Ed25519 key", ErrMetadata)
		}
	}
	return nil
}
