package update

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// A mirror that lags is nothing new, for a day; after that it is told. What it
// showed later counts, also when the memory is lost.
func TestOlderIsNothingNew(t *testing.T) {
	for name, lose := range map[string]func(*rig){
		"remembered":         func(*rig) {},
		"the memory is lost": func(r *rig) { r.must(os.Remove(filepath.Join(r.dir.Path, memoryFile))) },
		"it is zeroed":       func(r *rig) { r.must(os.WriteFile(filepath.Join(r.dir.Path, memoryFile), make([]byte, 500), 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.publish("1.1.0")
			old := filepath.Join(t.TempDir(), "old")
			r.must(r.repository.Copy(old))
			r.publish("1.2.0")
			if st, err := r.updater.Check(t.Context(), ""); err != nil || st.Offered.Version != "1.2.0" {
				t.Fatalf("%+v, %v", st, err)
			}
			lose(r)
			r.mirror.Serve(old)
			for range 3 {
				a, err := r.updater.Advance(t.Context(), "")
				if name == "remembered" && (err != nil || a.Version != "" || a.Status.Problem != nil) {
					t.Fatalf("%+v, %v", a, err)
				}
				if a.Version == "1.1.0" || r.fetched() != 0 {
					t.Fatal("an older list was believed")
				}
				r.later(time.Hour)
			}
			if name != "remembered" {
				return
			}
			r.later(25 * time.Hour)
			r.fails(protocol.UpdateOld, "more than a day")
			r.mirror.Serve(r.repository.Dir)
			r.brings("1.2.0")
		})
	}
}

// Roots follow one another, and every one is kept: whoever knows only the first
// must be able to walk.
func TestRoots(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.brings("1.1.0")
	for _, role := range []string{"root", "targets", "timestamp", "snapshot"} {
		r.must(r.repository.Rotate(role))
	}
	r.must(r.repository.Publish())
	r.publish("1.2.0")
	r.brings("1.2.0")
	for _, name := range []string{"2.root.json", "3.root.json", "4.root.json", "5.root.json"} {
		if _, err := os.Stat(filepath.Join(r.dir.Metadata(), name)); err != nil {
			t.Error(err)
		}
	}
	// A program built with the last root brings what older supervisors need.
	r.must(os.RemoveAll(r.dir.Metadata()))
	last, err := os.ReadFile(filepath.Join(r.repository.Dir, "5.root.json"))
	r.must(err)
	r.options.Root = last
	r.renew()
	r.brings("1.2.0")
	roots, targets, err := kept(r.dir)
	r.must(err)
	if _, err := release.Trust(r.ceremony.Root, roots, targets); err != nil {
		t.Errorf("the first root does not lead to the list: %v", err)
	}
	// Nobody can go back to where a key that was taken away still counted.
	r.options.Root = r.ceremony.Root
	r.renew()
	thief := filepath.Join(t.TempDir(), "thief")
	r.must(r.repository.Copy(thief))
	for _, name := range []string{"5.root.json", "4.root.json", "3.root.json", "2.root.json"} {
		r.must(os.Remove(filepath.Join(thief, name)))
	}
	r.mirror.Serve(thief)
	if a, err := r.updater.Advance(t.Context(), ""); err == nil && a.Version != "" {
		t.Errorf("brought %s by an old root", a.Version)
	}
}

// Kept metadata that are damaged are fetched again.
func TestDamagedKeptMetadata(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	r.brings("1.1.0")
	list := filepath.Join(r.dir.Metadata(), slot.Targets)
	data, err := os.ReadFile(list)
	r.must(err)
	for name, damaged := range map[string][]byte{
		"empty": {}, "zeroed": make([]byte, len(data)), "cut off": data[:len(data)/2],
		"a signature": bytes.Replace(data, []byte(`"sig": "`), []byte(`"sig": "00`), 1),
	} {
		r.must(os.WriteFile(list, damaged, 0o600))
		r.brings("1.1.0")
		if now, err := os.ReadFile(list); err != nil || !bytes.Equal(now, data) {
			t.Errorf("%s: it is not mended: %v", name, err)
		}
	}
}
