package release_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rollbridge/collector/release"
	signed "rollbridge/shared/release"
)

// The whole way of a release, read by go-tuf's own client.
func TestRelease(t *testing.T) {
	t.Parallel()
	r := begun(t)
	first := r.root()
	c := r.client(first)
	if got := c.versions(); len(got) != 0 {
		t.Fatalf("a new repository offers %v", got)
	}
	r.released(linux, release.Request{Floor: "1.0.0", Security: true, Notes: "Mends a fault."})
	f, b := c.fetch(linux)
	if !bytes.Equal(b, linux.content(first)) {
		t.Error("the client got another file")
	}
	if f.Floor != "1.0.0" || !f.Security || f.Notes != "Mends a fault." || f.State != 1 || !f.Published.Equal(now) || f.MinBuild != 0 {
		t.Errorf("the client reads %+v", f.Release)
	}
	if c.rollout().Admits("1.1.0", signed.Early, "x") {
		t.Error("what nobody promoted goes to somebody")
	}
	r.must(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.Early, 100, ""))
	if roll := c.rollout(); !roll.Admits("1.1.0", signed.Early, "x") || roll.Admits("1.1.0", signed.General, "x") {
		t.Errorf("promoted to early: %+v", roll)
	}
	r.must(r.Pause(t.Context(), r.now, r.online, "1.1.0", "looks bad"))
	if c.rollout().Admits("1.1.0", signed.Early, "x") {
		t.Error("a paused version goes on")
	}
	r.refused(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.General, 10, ""), "paused", "release resume 1.1.0")
	r.must(r.Resume(t.Context(), r.now, r.online, "1.1.0", ""))
	r.must(r.Pause(t.Context(), r.now, r.online, "", ""))
	if roll := c.rollout(); !roll.Paused || roll.Admits("1.1.0", signed.Early, "x") {
		t.Errorf("everything is paused: %+v", roll)
	}
	r.must(r.Resume(t.Context(), r.now, r.online, "", ""))
	r.must(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.General, 100, ""))
	if !c.rollout().Admits("1.1.0", signed.General, "x") {
		t.Error("promoted to all, and does not go to all")
	}
	for _, version := range []string{"9.9.9", ""} {
		r.refused(r.Promote(t.Context(), r.now, r.online, version, signed.Early, 1, ""), "not released; there are 1.1.0")
	}
	r.refused(r.Promote(t.Context(), r.now, r.online, "1.1.0", "late", 1, ""), "no ring")
	r.refused(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.Early, 101, ""), "no percentage")

	// What agents need offline is believed by the same metadata.
	proof, err := signed.Trust(first, nil, r.read("2.targets.json"))
	r.must(err)
	if _, ok := proof.Of("1.1.0", "linux", "amd64"); !ok || proof.Targets != 2 {
		t.Errorf("the proof has %+v", proof.Files())
	}
}

func (r *rig) read(name string) []byte {
	r.Helper()
	b, err := os.ReadFile(filepath.Join(r.Public(), name))
	r.must(err)
	return b
}

// One signature short is refused, and the words say whose is missing.
func TestThreshold(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, err := r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "root needs 2 signatures of the root keys and has 0 (nobody yet); missing: 2 of person-1, person-2, person-3")
	r.sign(2)
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "has 1 (person-3); missing: 1 of person-1, person-2")
	// The same person twice counts once.
	r.sign(2)
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "has 1 (person-3)")
	_, err = release.Sign(t.Context(), r.Draft(), r.people[3], "")
	r.refused(err, `the key "person-4" signs nothing of this draft`)
	if _, err := release.Sign(t.Context(), r.Draft(), r.people[0], "root"); err != nil {
		t.Fatal(err)
	}
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "targets needs 2 signatures", "missing: 1 of person-1, person-2")
	if entries, _ := os.ReadDir(r.Public()); len(entries) != 0 {
		t.Errorf("something was published: %v", entries)
	}
	r.sign(0)
	r.publish()
	r.client(r.root()).versions()
	_, err = r.Publish(t.Context(), r.now, r.online)
	r.refused(err, "nothing to publish")
}

// What is public is for every server to read, and the keys are for nobody else.
func TestRights(t *testing.T) {
	t.Parallel()
	r := begun(t)
	r.released(linux, release.Request{})
	files := 0
	for dir, want := range map[string]fs.FileMode{r.Public(): 0o644, filepath.Join(filepath.Dir(r.Public()), "keys"): 0o600} {
		r.must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".pub") {
				return err
			}
			info, err := d.Info()
			if files++; err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != want {
				t.Errorf("%s: %v, want %v", path, info.Mode().Perm(), want)
			}
			return err
		}))
	}
	if files < 8 {
		t.Errorf("only %d files", files)
	}
}

func TestRenew(t *testing.T) {
	t.Parallel()
	r := begun(t)
	c := r.client(r.root())
	r.released(linux, release.Request{})
	due := func(want bool) {
		t.Helper()
		if did, err := r.Renew(t.Context(), r.now, r.online); err != nil || did != want {
			t.Fatalf("at %v: renewed %t, %v; want %t", r.now, did, err, want)
		}
	}
	due(false)
	r.now = r.now.Add(release.RenewEvery - time.Second)
	due(false)
	r.now = r.now.Add(time.Second)
	due(true)
	due(false)
	before := len(r.names())
	for range 10 * 4 {
		r.now = r.now.Add(release.RenewEvery)
		due(true)
	}
	c.versions()
	if n := len(r.names()); n > before+60 {
		t.Errorf("after 10 days %d files are public, before there were %d", n, before)
	}
	// The clock was wrong, and is set back.
	r.now = r.now.Add(-48 * time.Hour)
	due(true)
	c.versions()
	s, err := r.State()
	r.must(err)
	if list := s.Alarms(r.now); len(list) != 0 {
		t.Errorf("alarms: %v", list)
	}
	// Nobody signs again: the server's word ends first.
	r.now = r.now.Add(2 * 24 * time.Hour)
	if list := s.Alarms(r.now); len(list) != 1 || list[0].Role != "timestamp" {
		t.Errorf("alarms: %v", list)
	}
	r.now = r.now.Add(3 * 24 * time.Hour)
	if _, err := c.refresh(); err == nil {
		t.Error("a client believes an expired timestamp")
	}
	due(true)
	c.versions()
}

func (r *rig) names() []string {
	r.Helper()
	list, err := filepath.Glob(filepath.Join(r.Public(), "*"))
	r.must(err)
	return list
}

// A repository that was restored from a copy is believed by those who saw a newer one.
func TestRestored(t *testing.T) {
	t.Parallel()
	r := begun(t)
	r.released(linux, release.Request{})
	c := r.client(r.root())
	copied := filepath.Join(t.TempDir(), "copy")
	r.must(os.CopyFS(copied, os.DirFS(r.Dir())))
	r.now = r.now.Add(time.Hour)
	r.must(r.Promote(t.Context(), r.now, r.online, "1.1.0", signed.Early, 100, ""))
	if !c.rollout().Admits("1.1.0", signed.Early, "x") {
		t.Fatal("not promoted")
	}
	r.must(os.RemoveAll(r.Dir()))
	r.must(os.CopyFS(r.Dir(), os.DirFS(copied)))
	paths, err := filepath.Glob(filepath.Join(r.Dir(), "keys", "*.key"))
	r.must(err)
	for _, path := range paths {
		r.must(os.Chmod(path, 0o600))
	}
	r.now = r.now.Add(6 * time.Hour)
	if did, err := r.Renew(t.Context(), r.now, r.online); err != nil || !did {
		t.Fatal(did, err)
	}
	if c.rollout().Admits("1.1.0", signed.Early, "x") {
		t.Error("the client still sees what was lost")
	}
}
