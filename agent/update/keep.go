package update

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/agent/slot"
	"rollbridge/shared/release"
)

// keep writes what was proved where the supervisor looks. The list comes first: where
// a new root changes its keys and the power goes in between, what is in force is still
// believed by the list in its slot and the root before.
func (u *Updater) keep(f *fetcher, v view) error {
	dir := u.o.Dir.Metadata()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return u.stage.fault(err)
	}
	u.fill(f, v)
	for _, file := range append([]kind{{slot.Targets, v.targets}}, rootsInOrder(v)...) {
		path := filepath.Join(dir, file.name)
		if held, err := os.ReadFile(path); err == nil && string(held) == string(file.data) {
			continue
		}
		if err := u.stage.act("keep "+file.name, func() error { return u.o.Dir.Write(path, file.data) }); err != nil {
			return err
		}
	}
	return nil
}

type kind struct {
	name string
	data []byte
}

func rootsInOrder(v view) []kind {
	var list []kind
	for n := int64(1); n <= v.marks.Root; n++ {
		name := rootName(n)
		if data := v.roots[name]; data != nil {
			list = append(list, kind{name, data})
		}
	}
	return list
}

func rootName(n int64) string { return strconv.FormatInt(n, 10) + "." + metadata.ROOT + ".json" }

// fill fetches the earlier roots that are missing here or damaged, back from the
// one that was proved. This program was built with a later one, but the supervisor,
// which only a package replaces, may know none but the first. It proves them by
// itself: here rubbish is only kept out, which would stay for good. What cannot be
// had is tried again at the next check.
func (u *Updater) fill(f *fetcher, v view) {
	built := v.marks.Root
	for v.roots[rootName(built)] != nil { // the walk began after the built-in one
		built--
	}
	if built < 2 {
		return
	}
	after := u.o.Root
	v.roots[rootName(built)] = after
	for n := built - 1; n > 1; n-- {
		name := rootName(n)
		data, err := os.ReadFile(filepath.Join(u.o.Dir.Metadata(), name))
		if err != nil || !release.Leads(data, after) {
			data, err = f.DownloadFile(f.base.JoinPath(name).String(), maxRoot, 0)
			if err != nil || !release.Leads(data, after) {
				return
			}
			v.roots[name] = data
		}
		after = data
	}
}

// Advanced says what Advance did.
type Advanced struct {
	Status Status `json:"status"`
	// Version was put into its slot, or was there; Wish is what the supervisor is
	// to be asked, nil where that waits.
	Version string     `json:"version,omitempty"`
	Wish    *slot.Wish `json:"wish,omitempty"`
}

// seen are the marks; the list of releases that is kept is one too, should the
// memory be lost.
func (u *Updater) seen(m memory) Marks {
	seen := m.Marks
	if proof, err := u.proof(); err == nil {
		seen.Root, seen.Targets = max(seen.Root, proof.Root), max(seen.Targets, proof.Targets)
	}
	return seen
}

// proof is what is kept of the releases.
func (u *Updater) proof() (*release.Proof, error) {
	later, targets, err := kept(u.o.Dir)
	if err != nil {
		return nil, err
	}
	return release.Trust(u.o.Root, later, targets)
}

// kept reads the metadata that are kept.
func kept(dir slot.Dir) (roots [][]byte, targets []byte, err error) {
	if targets, err = os.ReadFile(filepath.Join(dir.Metadata(), slot.Targets)); err != nil {
		return nil, nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir.Metadata(), "*."+metadata.ROOT+".json"))
	for _, name := range names {
		// One that cannot be read is as good as missing: the chain shows whether it
		// was needed.
		if data, err := os.ReadFile(name); err == nil {
			roots = append(roots, data)
		}
	}
	return roots, targets, err
}
