package update

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bad "rollbridge/e2e/fault"
)

// The directory is looked at before anything is asked for.
func TestNotWritable(t *testing.T) {
	r := newRig(t)
	r.publish("1.1.0")
	if _, err := r.updater.Check(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	restore, err := bad.ReadOnly(r.dir.Path)
	r.must(err)
	before := len(r.mirror.Asked())
	a, err := r.updater.Advance(t.Context(), "")
	r.must(restore())
	if err == nil || a.Version != "" || r.fetched() != 0 {
		t.Errorf("brought %q, %v after %v", a.Version, err, r.mirror.Asked()[before:])
	}
	if err != nil && !strings.Contains(err.Error(), "nothing can be written there") {
		t.Errorf("the error is %v", err)
	}
	r.clean()
	r.brings("1.1.0")
}

// A disk that fills at whatever byte leaves nothing half-written.
func TestFullDisk(t *testing.T) {
	small := t.TempDir()
	disk, err := bad.NewSmallDisk(small, 2<<20)
	if errors.Is(err, bad.ErrRights) {
		return // TestEveryActOnTheDisk is what remains for an ordinary user
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	r := newRig(t)
	r.publish("1.1.0")
	r.dir.Path = filepath.Join(small, "versions")
	r.must(os.Mkdir(r.dir.Path, 0o755))
	r.options.Dir = r.dir
	r.renew()
	// The check for room would end it at once.
	r.updater.stage.room = func(string) (int64, error) { return 1 << 40, nil }
	for left := 0; left < 120<<10; left += 12 << 10 {
		r.must(disk.Fill(left))
		a, err := r.updater.Advance(t.Context(), AskedNewest)
		r.must(disk.Free())
		if err == nil && a.Version == "" {
			t.Errorf("with %d bytes left nothing was said", left)
		}
		r.clean()
		if err == nil {
			r.must(os.RemoveAll(r.dir.Slot("1.1.0")))
		}
	}
	r.brings("1.1.0")
}
