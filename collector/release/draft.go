package release

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/collector/durable"
	signed "rollbridge/shared/release"
)

// A draft is what is to be published next. It is carried from person to person:
//
//	root.json, targets.json  what changes, with the signatures so far
//	was/                     the same of now, for whoever compares
//	people.json              what people call the keys
//	files/                   the programs that are new
type draft struct {
	dir     string
	root    *rootMeta    // nil: the root stays
	targets *targetsMeta // nil: the targets stay
	wasRoot *rootMeta    // nil before the first publication
	was     *targetsMeta
	names   map[string]string
}

// readDraft reads a draft wherever it was carried to; nil is none.
func readDraft(dir string) (*draft, error) {
	d := &draft{dir: dir, names: map[string]string{}}
	err := errors.Join(
		readMeta(filepath.Join(dir, "root.json"), &d.root), readMeta(filepath.Join(dir, "targets.json"), &d.targets),
		readMeta(filepath.Join(dir, "was", "root.json"), &d.wasRoot), readMeta(filepath.Join(dir, "was", "targets.json"), &d.was),
	)
	if err != nil || d.root == nil && d.targets == nil {
		return nil, err
	}
	if (d.root == nil || d.root.Signed.Version > 1) && d.wasRoot == nil {
		return nil, refuse("the draft %s is not whole: carry the whole directory, was with it", dir)
	}
	if err := d.soundKeys(); err != nil {
		return nil, err
	}
	d.names, err = readNames(filepath.Join(dir, "people.json"))
	return d, err
}

func readMeta[T metadata.Roles](path string, m **metadata.Metadata[T]) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the draft: %w", err)
	}
	*m, err = new(metadata.Metadata[T]).FromBytes(b)
	if err != nil {
		return refuse("the draft %s is damaged (%v): bring it back from the machine before, or begin anew with `release discard`", path, err)
	}
	return nil
}

func readNames(path string) (map[string]string, error) {
	names := map[string]string{}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the names of the keys: %w", err)
	}
	// They are for people only: damaged ones are no reason to stop.
	_ = json.Unmarshal(b, &names)
	for id, name := range names {
		names[id] = printable(name)
	}
	return names, nil
}

// save writes the draft's own files.
func (r *Repository) save(d *draft) error {
	names, err := json.MarshalIndent(d.names, "", "  ")
	if err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	// The names outlive the draft.
	if err := r.write(filepath.Join(r.dir, "people.json"), append(names, '\n'), 0o644); err != nil {
		return err
	}
	if err := r.write(filepath.Join(d.dir, "people.json"), append(names, '\n'), 0o644); err != nil {
		return err
	}
	return errors.Join(
		saveMeta(r, filepath.Join(d.dir, "was", "root.json"), d.wasRoot), saveMeta(r, filepath.Join(d.dir, "was", "targets.json"), d.was),
		saveMeta(r, filepath.Join(d.dir, "targets.json"), d.targets), saveMeta(r, filepath.Join(d.dir, "root.json"), d.root),
	)
}

func saveMeta[T metadata.Roles](r *Repository, path string, m *metadata.Metadata[T]) error {
	if m == nil {
		return nil
	}
	b, err := text(m)
	if err != nil {
		return err
	}
	return r.write(path, b, 0o644)
}

// begin is the draft that there is, or a new one of what is published.
func (r *Repository) begin(c *current) (*draft, error) {
	d, err := readDraft(r.Draft())
	if err != nil || d != nil {
		return d, err
	}
	names, err := readNames(filepath.Join(r.dir, "people.json"))
	return &draft{dir: r.Draft(), wasRoot: c.root, was: c.targets, names: names}, err
}

// changeTargets makes targets of the draft that may be changed: without signatures,
// with a new expiry.
func (d *draft) changeTargets(now time.Time) error {
	if d.targets != nil {
		d.targets.ClearSignatures()
	} else {
		t, err := cloned(d.was)
		if err != nil {
			return err
		}
		t.Signed.Version++
		d.targets = t
	}
	d.targets.Signed.Expires = until(now, TargetsLife)
	return nil
}

// Add puts programs into the draft. Signatures that the draft had are void.
func (r *Repository) Add(now time.Time, list ...Candidate) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := r.current()
	if err != nil {
		return err
	}
	d, err := r.begin(c)
	if err != nil {
		return err
	}
	if d.targets == nil && d.was == nil {
		return r.errNone()
	}
	if err := d.changeTargets(now); err != nil {
		return err
	}
	for _, a := range list {
		if err := d.add(a); err != nil {
			return err
		}
	}
	for _, a := range list {
		to := filepath.Join(d.dir, "files", filepath.FromSlash(a.Path()))
		if err := r.copyFile(a.File, to, hex.EncodeToString(a.SHA256[:]), a.Length); err != nil {
			return err
		}
	}
	return r.save(d)
}

// add puts one program into the targets after comparing it with those before.
func (d *draft) add(a Candidate) error {
	before := files(d.targets)
	newest, any := newestOf(before, a.OS, a.Arch)
	switch {
	case !any:
	case signed.Compare(a.Version, newest.Version) == 0:
		return refuse("%s for %s-%s is in the draft or released already: a released version never changes, so build it under a higher number (or throw the draft away with `release discard`)", a.Version, a.OS, a.Arch)
	case signed.Compare(a.Version, newest.Version) < 0:
		return refuse("%s is not newer than %s, the newest for %s-%s: agents never go to an older version, so release it under a higher number", a.Version, newest.Version, a.OS, a.Arch)
	case a.State < newest.State:
		return refuse("%s writes state of schema %d and %s of schema %d: a newer version must not go back, because it could not read what is there", a.Version, a.State, newest.Version, newest.State)
	}
	if floor := highestFloor(before); floor != "" {
		switch {
		case a.Floor == "":
			a.Floor = floor
		case signed.Compare(a.Floor, floor) < 0:
			return refuse("the security floor %s is below %s, which is released: a floor is never lowered", a.Floor, floor)
		}
	}
	if err := a.Validate(); err != nil {
		return refuse("%s: %v", a.File, err)
	}
	custom, err := json.Marshal(a.Release)
	if err != nil {
		return fmt.Errorf("add a release: %w", err)
	}
	t := metadata.TargetFile()
	t.Length, t.Hashes, t.Custom = a.Length, metadata.Hashes{"sha256": a.SHA256[:]}, (*json.RawMessage)(&custom)
	d.targets.Signed.Targets[a.Path()] = t
	return nil
}

func newestOf(list []signed.File, os, arch string) (newest signed.File, any bool) {
	for _, f := range list {
		if f.OS == os && f.Arch == arch && (!any || signed.Compare(f.Version, newest.Version) > 0) {
			newest, any = f, true
		}
	}
	return newest, any
}

func highestFloor(list []signed.File) (floor string) {
	for _, f := range list {
		if f.Floor != "" && (floor == "" || signed.Compare(f.Floor, floor) > 0) {
			floor = f.Floor
		}
	}
	return floor
}

// copyFile copies a program and checks on the way that it is still the same.
func (r *Repository) copyFile(from, to, hash string, length int64) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy a program: %w", err)
	}
	defer in.Close()
	return r.fill(to, 0o644, func(out *os.File) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(out, h), io.LimitReader(in, length+1))
		if err == nil && (n != length || hex.EncodeToString(h.Sum(nil)) != hash) {
			err = refuse("%s is not the file that was added: bring the right one back, or begin anew with `release discard`", from)
		}
		return err
	})
}

// RenewTargets drafts targets that say the same for another TargetsLife.
func (r *Repository) RenewTargets(now time.Time) error {
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
	if err := d.changeTargets(now); err != nil {
		return err
	}
	return r.save(d)
}

// Discard throws the draft away.
func (r *Repository) Discard() error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if d, err := readDraft(r.Draft()); err == nil && d == nil {
		return refuse("there is no draft in %s", r.dir)
	}
	return r.dropDraft()
}

// dropDraft removes the draft in one step, as a program that is cut off sees it.
func (r *Repository) dropDraft() error {
	if err := makeDir(r.tmp(), 0o755); err != nil {
		return err
	}
	gone := filepath.Join(r.tmp(), "draft")
	if err := errors.Join(os.RemoveAll(gone), os.Rename(r.Draft(), gone), os.RemoveAll(gone)); err != nil {
		return fmt.Errorf("remove the draft: %w", err)
	}
	return durable.SyncDir(r.dir)
}

// Sign adds a person's signature to the draft in dir, a Repository's Draft or where
// it was carried to, and says what was signed: root, targets or both. Only, if not
// empty, is the one of them to sign.
func Sign(ctx context.Context, dir string, s Signer, only string) (roles []string, err error) {
	d, err := readDraft(dir)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, refuse("there is no draft in %s: name the directory that was brought, which holds root.json or targets.json", dir)
	}
	if err := d.checkFiles(); err != nil {
		return nil, err
	}
	// In the draft itself: it may be a medium of its own.
	r := At(filepath.Clean(dir))
	unlock, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	may := d.may(s.Who().ID())
	if d.root != nil && may["root"] && only != metadata.TARGETS {
		if err := sign(ctx, d.root, s); err != nil {
			return nil, err
		}
		if err := saveMeta(r, filepath.Join(dir, "root.json"), d.root); err != nil {
			return nil, err
		}
		roles = append(roles, metadata.ROOT)
	}
	if d.targets != nil && may["targets"] && only != metadata.ROOT {
		if err := sign(ctx, d.targets, s); err != nil {
			return nil, err
		}
		if err := saveMeta(r, filepath.Join(dir, "targets.json"), d.targets); err != nil {
			return nil, err
		}
		roles = append(roles, metadata.TARGETS)
	}
	if len(roles) == 0 {
		return nil, refuse("the key %q signs nothing of this draft, which needs: %s", s.Who().Name, d.wanted())
	}
	return roles, nil
}

// may says what of the draft a key counts for, with the roots before and after.
func (d *draft) may(id string) map[string]bool {
	may := map[string]bool{}
	for _, r := range []*rootMeta{d.wasRoot, d.root} {
		if r == nil {
			continue
		}
		for _, role := range []string{metadata.ROOT, metadata.TARGETS} {
			if has := r.Signed.Roles[role]; has != nil && slices.Contains(has.KeyIDs, id) {
				may[role] = true
			}
		}
	}
	return may
}

// checkFiles compares the programs in the draft with what is to be signed.
func (d *draft) checkFiles() error {
	for _, f := range d.added() {
		path := filepath.Join(d.dir, "files", filepath.FromSlash(f.Path))
		sum, n, err := hashOf(path)
		if errors.Is(err, fs.ErrNotExist) {
			return refuse("%s is missing: carry the whole draft, so that everybody can compare what is signed", path)
		}
		if err != nil {
			return err
		}
		if sum != f.SHA256 || n != f.Length {
			return refuse("%s is not the file that the draft names: sign nothing, and find out who changed it", path)
		}
	}
	return nil
}

// added are the programs of the draft that are not released yet, by path.
func (d *draft) added() []signed.File { return d.beside(files(d.was)) }

// beside are the programs of the draft beside those that are public, by path.
func (d *draft) beside(public []signed.File) (list []signed.File) {
	old := map[string]bool{}
	for _, f := range public {
		old[f.Path] = true
	}
	for _, f := range files(d.targets) {
		if !old[f.Path] {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b signed.File) int { return strings.Compare(a.Path, b.Path) })
	return list
}
