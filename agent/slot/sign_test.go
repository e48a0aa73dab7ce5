package slot

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"rollbridge/shared/release"
)

// A publisher signs releases as operators do: two of two keys for the root, one
// for targets.
type publisher struct {
	t       *testing.T
	root    *metadata.Metadata[metadata.RootType]
	people  []ed25519.PrivateKey
	targets ed25519.PrivateKey
	version int64
}

func newPublisher(t *testing.T) *publisher {
	p := &publisher{t: t, root: metadata.Root(time.Now().Add(time.Hour))}
	p.people = []ed25519.PrivateKey{p.key(metadata.ROOT), p.key(metadata.ROOT)}
	p.root.Signed.Roles[metadata.ROOT].Threshold = 2
	p.targets = p.key(metadata.TARGETS)
	return p
}

// key makes a key and lets it sign for a role.
func (p *publisher) key(role string) ed25519.PrivateKey {
	public, private, err := ed25519.GenerateKey(nil)
	p.must(err)
	k, err := metadata.KeyFromPublicKey(public)
	p.must(err)
	p.must(p.root.Signed.AddKey(k, role))
	return private
}

func (p *publisher) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *publisher) signer(k ed25519.PrivateKey) signature.Signer {
	s, err := signature.LoadSigner(k, crypto.Hash(0))
	p.must(err)
	return s
}

// bytes are the root as it stands now, signed anew.
func (p *publisher) bytes(by ...ed25519.PrivateKey) []byte {
	p.root.ClearSignatures()
	for _, k := range by {
		_, err := p.root.Sign(p.signer(k))
		p.must(err)
	}
	data, err := p.root.ToBytes(false)
	p.must(err)
	return data
}

// list is targets.json with programs by version.
func (p *publisher) list(programs map[string]string, floor string) []byte {
	p.version++
	m := metadata.Targets(time.Now().Add(-time.Hour)) // expired: that is nothing to a start
	m.Signed.Version = p.version
	for v, text := range programs {
		r := release.Release{Version: v, OS: runtime.GOOS, Arch: runtime.GOARCH, Floor: floor, State: 1, Data: strings.Repeat("0", 64)}
		custom, err := json.Marshal(r)
		p.must(err)
		sum := sha256.Sum256([]byte(text))
		raw := json.RawMessage(custom)
		m.Signed.Targets[release.TargetPath(v, runtime.GOOS, runtime.GOARCH)] = &metadata.TargetFiles{
			Length: int64(len(text)), Hashes: metadata.Hashes{"sha256": sum[:]}, Custom: &raw,
		}
	}
	_, err := m.Sign(p.signer(p.targets))
	p.must(err)
	data, err := m.ToBytes(false)
	p.must(err)
	return data
}

// newDir is a versions directory with programs in their slots and a signed list.
func (p *publisher) newDir(list []byte, programs map[string]string) Dir {
	d := Dir{Path: filepath.Join(p.t.TempDir(), Name)}
	p.must(os.MkdirAll(d.Metadata(), 0o755))
	p.must(d.Write(filepath.Join(d.Metadata(), Targets), list))
	for v, text := range programs {
		p.must(os.Mkdir(d.Slot(v), 0o755))
		p.must(os.WriteFile(d.Program(v), []byte(text), 0o755))
	}
	return d
}

func (p *publisher) later(d Dir, n int, root []byte) {
	p.must(d.Write(filepath.Join(d.Metadata(), fmt.Sprintf("%d.root.json", n)), root))
}
