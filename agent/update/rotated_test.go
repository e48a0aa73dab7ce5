package update

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollbridge/agent/slot"
	"rollbridge/shared/release"
)

// Where the keys of the list change, the version in force is believed wherever the
// power goes between the files: by the newest list, or by that of its slot.
func TestKeysChangeAndThePowerGoes(t *testing.T) {
	cut := errors.New("the power goes")
	for n := range 2 {
		r := newRig(t)
		r.publish("1.1.0")
		r.brings("1.1.0")
		r.must(r.repository.Rotate("targets"))
		r.must(r.repository.Publish())
		acts := 0
		r.updater.stage.step = func(what string) error {
			if !strings.HasPrefix(what, "keep ") {
				return nil
			}
			if acts++; acts > n {
				return cut
			}
			return nil
		}
		if _, err := r.updater.Advance(t.Context(), ""); !errors.Is(err, cut) {
			t.Fatalf("after %d files: %v", n, err)
		}
		roots, newest, err := kept(r.dir)
		r.must(err)
		own, err := os.ReadFile(filepath.Join(r.dir.Slot("1.1.0"), slot.Targets))
		r.must(err)
		_, byNewest := release.Trust(r.ceremony.Root, roots, newest)
		_, byOwn := release.Trust(r.ceremony.Root, roots, own)
		if byNewest != nil && byOwn != nil {
			t.Errorf("after %d files neither list is believed: %v; %v", n, byNewest, byOwn)
		}
		r.updater.stage.step = nil
		r.brings("1.1.0")
	}
}
