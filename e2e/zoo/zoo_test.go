package zoo

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"rollbridge/shared/release"
)

// fetch takes a version as any client of TUF would.
func fetch(t *testing.T, m *Mirror, root []byte, version string) ([]byte, error) {
	t.Helper()
	c, err := config.New(m.URL, root)
	if err != nil {
		t.Fatal(err)
	}
	f := fetcher.NewDefaultFetcher()
	f.SetHTTPClient(http.DefaultClient)
	c.Fetcher, c.DisableLocalCache = f, true
	u, err := updater.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Refresh(); err != nil {
		return nil, err
	}
	d := Describe(version)
	info, err := u.GetTargetInfo(release.TargetPath(version, d.OS, d.Arch))
	if err != nil {
		return nil, err
	}
	if _, err := u.GetTargetInfo(release.RolloutPath); err != nil {
		return nil, err
	}
	_, data, err := u.DownloadTarget(info, "", "")
	return data, err
}

// What is published is what a client that was not written here takes, and what
// went wrong by intention is refused for that reason and no other.
func TestRepository(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := NewCeremony()
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Repository(filepath.Join(dir, "repository"))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte(strings.Repeat("a program ", 100)), 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := NewMirror(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	publish := func(version string, s Slip) {
		t.Helper()
		r.Slip = s
		if err := errors.Join(r.Add(program, Describe(version)), r.Publish()); err != nil {
			t.Fatal(err)
		}
	}
	good := func(version string) {
		t.Helper()
		if data, err := fetch(t, m, c.Root, version); err != nil || len(data) != 1000 {
			t.Fatalf("%s: %d bytes, %v", version, len(data), err)
		}
	}
	refused := func(version, why string) {
		t.Helper()
		if _, err := fetch(t, m, c.Root, version); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, not %q", version, err, why)
		}
	}
	publish("1.1.0", Slip{})
	good("1.1.0")
	publish("1.2.0", Slip{Short: true})
	refused("1.2.0", "Verifying targets failed, not enough signatures")
	publish("1.3.0", Slip{Forged: true})
	refused("1.3.0", "Verifying targets failed")
	publish("1.4.0", Slip{Expired: true})
	refused("1.4.0", "timestamp.json is expired")
	for _, role := range []string{metadata.ROOT, metadata.TARGETS, metadata.TIMESTAMP} {
		if err := r.Rotate(role); err != nil {
			t.Fatal(err)
		}
		publish("1.5.0", Slip{})
		good("1.5.0")
	}
	for mood, why := range map[Mood]string{
		Forbids: "403", Closed: "403", Blocks: "", Fails: "500", Truncates: "", CutsOff: "EOF", Flips: "hash",
	} {
		m.Feel(mood)
		refused("1.5.0", why)
	}
	m.Feel(Fine)
	good("1.5.0")

	var later [][]byte
	for _, n := range []string{"2.root.json", "3.root.json", "4.root.json"} {
		data, err := os.ReadFile(filepath.Join(r.Dir, n))
		if err != nil {
			t.Fatal(err)
		}
		later = append(later, data)
	}
	targets, err := os.ReadFile(filepath.Join(r.Dir, numbered(r.targets.Signed.Version, metadata.TARGETS)))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := release.Trust(c.Root, later, targets)
	if err != nil {
		t.Fatal(err)
	}
	d := Describe("1.5.0")
	if f, found := proof.Of("1.5.0", d.OS, d.Arch); !found || f.Length != 1000 {
		t.Errorf("%v, %t", f, found)
	}
	if _, err := release.Trust(c.Root, later[1:], targets); !errors.Is(err, release.ErrGap) {
		t.Error(err)
	}
}
