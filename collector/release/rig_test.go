package release_test

import (
	"bytes"
	"debug/elf"
	"debug/pe"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"rollbridge/collector/release"
	signed "rollbridge/shared/release"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const passphrase = "four words of test"

// A rig is a repository with the keys of three people, made once for all tests:
// passphrases are slow on purpose.
type rig struct {
	*testing.T
	*release.Repository
	now    time.Time
	people []release.Signer
	online release.Online
}

var people = sync.OnceValues(func() ([]string, error) {
	dir, err := os.MkdirTemp("", "release-keys-")
	var paths []string
	for i := range 4 {
		path := filepath.Join(dir, fmt.Sprintf("person-%d", i+1))
		_, keyErr := release.NewKey(path, fmt.Sprintf("person-%d", i+1), []byte(passphrase))
		paths, err = append(paths, path), errors.Join(err, keyErr)
	}
	return paths, err
})

var opened = sync.OnceValues(func() ([]release.Signer, error) {
	paths, err := people()
	var list []release.Signer
	for _, p := range paths {
		s, openErr := release.OpenKey(p, []byte(passphrase))
		list, err = append(list, s), errors.Join(err, openErr)
	}
	return list, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if paths, err := people(); err == nil {
		_ = os.RemoveAll(filepath.Dir(paths[0]))
	}
	os.Exit(code)
}

// newRig is a repository whose first draft waits to be signed.
func newRig(t *testing.T) *rig {
	t.Helper()
	list, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, Repository: release.At(filepath.Join(t.TempDir(), "releases")), now: now, people: list}
	p := release.Plan{RootThreshold: 2, TargetsThreshold: 2}
	for _, s := range list[:3] {
		p.Root, p.Targets = append(p.Root, s.Who()), append(p.Targets, s.Who())
	}
	r.must(r.Init(r.now, p))
	return r
}

// begun is a rig whose first root is published.
func begun(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.sign(0, 1)
	r.publish()
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) sign(who ...int) {
	r.Helper()
	for _, i := range who {
		_, err := release.Sign(r.Context(), r.Draft(), r.people[i], "")
		r.must(err)
	}
}

func (r *rig) publish() {
	r.Helper()
	_, err := r.Publish(r.Context(), r.now, r.online)
	r.must(err)
}

// refused checks that an error is a refusal that says something.
func (r *rig) refused(err error, says ...string) {
	r.Helper()
	var refusal *release.Refusal
	if !errors.As(err, &refusal) {
		r.Fatalf("got %v, want a refusal", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			r.Errorf("got %q, want %q in it", err, s)
		}
	}
}

// root is the newest root that is public.
func (r *rig) root() []byte {
	r.Helper()
	for n := 20; n > 0; n-- {
		if b, err := os.ReadFile(filepath.Join(r.Public(), fmt.Sprint(n)+".root.json")); err == nil {
			return b
		}
	}
	return nil
}

// A program is what a build leaves: a file and its description.
type program struct {
	version, os, arch string
	state             int
	data              string
}

func (p program) with(f func(*program)) program {
	f(&p)
	return p
}

var linux = program{version: "1.1.0", os: "linux", arch: "amd64", state: 1, data: strings.Repeat("ab", 32)}

// content is a file with the header of a program and nothing that would run.
func (p program) content(root []byte) []byte {
	var b bytes.Buffer
	if p.os == "windows" {
		machine := map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64, "386": pe.IMAGE_FILE_MACHINE_I386}[p.arch]
		dos := make([]byte, 0x40)
		copy(dos, "MZ")
		binary.LittleEndian.PutUint32(dos[0x3c:], 0x40)
		b.Write(dos)
		b.WriteString("PE\x00\x00")
		_ = binary.Write(&b, binary.LittleEndian, pe.FileHeader{Machine: machine})
		b.Write(make([]byte, 128))
	} else {
		machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386}[p.arch]
		h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64, Shentsize: 64}
		copy(h.Ident[:], elf.ELFMAG)
		h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
		_ = binary.Write(&b, binary.LittleEndian, h)
	}
	fmt.Fprintf(&b, " version %s root %s", p.version, base64.StdEncoding.EncodeToString(root))
	return b.Bytes()
}

// built writes a program and what it says of itself into a directory of its own.
func (r *rig) built(p program) string {
	r.Helper()
	dir := r.TempDir()
	path := filepath.Join(dir, signed.Program(p.os))
	says, err := json.Marshal(map[string]any{"version": p.version, "go": "go1.26", "os": p.os, "arch": p.arch, "state_schema": p.state, "data_scope": p.data})
	r.must(err)
	r.must(os.WriteFile(path, p.content(r.root()), 0o700))
	r.must(os.WriteFile(filepath.Join(dir, release.BuiltFile), says, 0o600))
	return path
}

func (r *rig) inspect(path string, q release.Request) release.Candidate {
	r.Helper()
	c, err := r.Inspect(path, q, r.now)
	r.must(err)
	return c
}

// released publishes a program.
func (r *rig) released(p program, q release.Request) release.Candidate {
	r.Helper()
	c := r.inspect(r.built(p), q)
	r.must(r.Add(r.now, c))
	r.sign(0, 1)
	r.publish()
	return c
}

// A client is go-tuf's own updater, as an agent uses it: it keeps what it has seen.
type client struct {
	*rig
	server *httptest.Server
	root   []byte
	dir    string
}

func (r *rig) client(root []byte) *client {
	r.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(r.Public())))
	r.Cleanup(s.Close)
	return &client{r, s, root, r.TempDir()}
}

// refresh looks at the repository once; it returns the updater for what follows.
func (c *client) refresh() (*updater.Updater, error) {
	cfg, err := config.New(c.server.URL, c.root)
	if err != nil {
		return nil, err
	}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir = c.dir, c.dir
	if err := cfg.SetDefaultFetcherHTTPClient(c.server.Client()); err != nil {
		return nil, err
	}
	u, err := updater.New(cfg)
	if err != nil {
		return nil, err
	}
	u.UnsafeSetRefTime(c.now)
	return u, u.Refresh()
}

// rollout is what the client sees of who gets what.
func (c *client) rollout() signed.Rollout {
	c.Helper()
	u, err := c.refresh()
	c.must(err)
	info, err := u.GetTargetInfo(signed.RolloutPath)
	c.must(err)
	_, b, err := u.DownloadTarget(info, "", "")
	c.must(err)
	roll, err := signed.ParseRollout(b)
	c.must(err)
	return roll
}

// fetch gets a program.
func (c *client) fetch(p program) (signed.File, []byte) {
	c.Helper()
	u, err := c.refresh()
	c.must(err)
	path := signed.TargetPath(p.version, p.os, p.arch)
	info, err := u.GetTargetInfo(path)
	c.must(err)
	f, err := signed.FileOf(path, info)
	c.must(err)
	_, b, err := u.DownloadTarget(info, "", "")
	c.must(err)
	return f, b
}

// versions are what the client is offered now.
func (c *client) versions() map[string]bool {
	c.Helper()
	u, err := c.refresh()
	c.must(err)
	list := map[string]bool{}
	for path, t := range u.GetTopLevelTargets() {
		if f, err := signed.FileOf(path, t); err == nil {
			list[f.Version] = true
		}
	}
	return list
}
