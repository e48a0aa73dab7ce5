package slot

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"rollbridge/shared/release"
)

// Name is the name of the versions directory.
const Name = "versions"

// A Dir is a versions directory, which need not be there.
type Dir struct {
	Path string

	// step is called before each act on the disk; tests fail or end there.
	step func(what string) error
}

// Beside is the versions directory that belongs to a program: the package's own
// copy or one in a slot of it.
func Beside(program string) Dir {
	if real, err := filepath.EvalSymlinks(program); err == nil {
		program = real
	}
	dir := filepath.Dir(program)
	if up := filepath.Dir(dir); filepath.Base(up) == Name && release.Valid(filepath.Base(dir)) == nil {
		return Dir{Path: up}
	}
	return Dir{Path: filepath.Join(dir, Name)}
}

// There says whether there is one. Without it nothing is updated.
func (d Dir) There() bool {
	info, err := os.Stat(d.Path)
	return err == nil && info.IsDir()
}

// Own is the package's own copy of the program, beside the directory.
func (d Dir) Own() string { return filepath.Join(filepath.Dir(d.Path), release.Program(runtime.GOOS)) }

// Slot is the directory of a version, which need not be there.
func (d Dir) Slot(version string) string { return filepath.Join(d.Path, version) }

// Program is the executable in the slot of a version.
func (d Dir) Program(version string) string {
	return filepath.Join(d.Path, version, release.Program(runtime.GOOS))
}

// Slots are the versions that have a directory, the newest first. What is in
// them is not looked at.
func (d Dir) Slots() ([]string, error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return nil, fmt.Errorf("look for versions: %w", err)
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && release.Valid(e.Name()) == nil {
			found = append(found, e.Name())
		}
	}
	slices.SortFunc(found, func(a, b string) int { return release.Compare(b, a) })
	return found, nil
}

// Why a program on disk is not started. Errors of Verify wrap one of them, or
// none where it could not be found out.
var (
	// ErrVanished: it was there and is gone, which is most often the antivirus.
	ErrVanished = errors.New("the program is gone from its directory")
	// ErrAltered: it is not what was signed.
	ErrAltered = errors.New("the program is not the one that was released")
	// ErrNotReleased: no signed list holds this version for this system.
	ErrNotReleased = errors.New("no signed list of releases holds this version")
	// ErrNoProof: there is no signed list that can be believed.
	ErrNoProof = errors.New("the signed list of releases cannot be used")
)

// Verify says whether the executable in a slot is what was released. It reads
// the whole file, and is called before every start.
func (d Dir) Verify(version string) (release.File, error) { return d.verify(release.Root(), version) }

func (d Dir) verify(root []byte, version string) (release.File, error) {
	want, err := d.released(root, version)
	if err != nil {
		return want, fmt.Errorf("check version %s: %w", version, err)
	}
	if err := Same(d.Program(version), want); err != nil {
		return want, fmt.Errorf("check version %s: %w", version, err)
	}
	return want, nil
}

// Same says whether a file is the one that was signed. Errors wrap ErrVanished
// or ErrAltered where that is found out.
func Same(path string, want release.File) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrVanished
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() != want.Length {
		return errors.Join(ErrAltered, err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, want.Length+1)); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != want.SHA256 {
		return ErrAltered
	}
	return nil
}

// released finds what was signed of a version, in the newest list or in the one
// that its slot keeps: a later list need not name it any more.
func (d Dir) released(root []byte, version string) (release.File, error) {
	var errs []error
	for _, list := range []string{filepath.Join(d.Metadata(), Targets), filepath.Join(d.Slot(version), Targets)} {
		proof, err := d.proof(root, list)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if f, found := proof.Of(version, runtime.GOOS, runtime.GOARCH); found {
			return f, nil
		}
		errs = append(errs, ErrNotReleased)
	}
	for _, err := range errs {
		if errors.Is(err, ErrNotReleased) {
			return release.File{}, err
		}
	}
	return release.File{}, errs[0]
}

// Metadata is the directory of the metadata that the updater has verified:
// every later root as N.root.json, and targets.json.
func (d Dir) Metadata() string { return filepath.Join(d.Path, "metadata") }

// Targets is the name of a signed list, in Metadata and in a slot.
const Targets = "targets.json"

// Proof is the newest signed list of releases, believed through the built-in
// root. Expiry is not looked at. Errors wrap ErrNoProof.
func (d Dir) Proof() (*release.Proof, error) {
	return d.proof(release.Root(), filepath.Join(d.Metadata(), Targets))
}

func (d Dir) proof(root []byte, list string) (*release.Proof, error) {
	if root == nil {
		return nil, fmt.Errorf("%w: this program was not built as a release", ErrNoProof)
	}
	later, err := d.roots()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	targets, err := readAtMost(list, maxMetadata)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	p, err := release.Trust(root, later, targets)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	return p, nil
}

// Floor is the highest security floor of the newest signed list, "" for none.
func (d Dir) Floor() (string, error) {
	p, err := d.Proof()
	if err != nil {
		return "", err
	}
	return highest(p), nil
}

func highest(p *release.Proof) (floor string) {
	for _, f := range p.Files() {
		if f.Floor != "" && release.Compare(f.Floor, floor) > 0 {
			floor = f.Floor
		}
	}
	return floor
}

// maxMetadata bounds one file of metadata.
const maxMetadata = 8 << 20

// roots are the later roots, in any order. One that cannot be read is as good
// as missing: the chain shows whether it was needed.
func (d Dir) roots() ([][]byte, error) {
	entries, err := os.ReadDir(d.Metadata())
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".root.json") {
			continue
		}
		if data, err := readAtMost(filepath.Join(d.Metadata(), e.Name()), maxMetadata); err == nil {
			found = append(found, data)
		}
	}
	return found, nil
}

func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", filepath.Base(path), limit)
	}
	return data, err
}
