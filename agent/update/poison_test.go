package update

import (
	"os"
	"path/filepath"
	"testing"

	"rollbridge/shared/release"
)

// A mirror that once gives out rubbish for an old root, which a program built with a
// later one does not need itself, must not end updates for good.
func TestRubbishForAnOldRoot(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.must(r.repository.Rotate("targets"))
	}
	r.must(r.repository.Publish())
	r.publish("1.1.0")
	last, err := os.ReadFile(filepath.Join(r.repository.Dir, "4.root.json"))
	r.must(err)
	r.options.Root = last
	r.renew()
	honest, poisoned := r.repository.Dir, filepath.Join(t.TempDir(), "poisoned")
	r.must(r.repository.Copy(poisoned))
	r.must(os.WriteFile(filepath.Join(poisoned, "3.root.json"), []byte("{}"), 0o600))
	r.mirror.Serve(poisoned)
	r.brings("1.1.0")
	leads := func(root []byte) error {
		roots, targets, err := kept(r.dir)
		r.must(err)
		_, err = release.Trust(root, roots, targets)
		return err
	}
	if err := leads(last); err != nil {
		t.Errorf("its own root no longer leads to the list: %v", err)
	}
	// What lies there already is mended too, by the first check without the thief.
	r.must(os.WriteFile(filepath.Join(r.dir.Metadata(), "2.root.json"), []byte("{}"), 0o600))
	r.must(os.Remove(filepath.Join(r.dir.Metadata(), "4.root.json")))
	r.mirror.Serve(honest)
	r.brings("1.1.0")
	if err := leads(r.ceremony.Root); err != nil {
		t.Errorf("the first root does not lead to the list: %v", err)
	}
}
