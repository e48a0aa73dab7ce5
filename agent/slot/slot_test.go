package slot

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollbridge/shared/release"
)

// A program is believed by its signed hash and by nothing else, and each way of
// not being it is told from the others.
func TestVerify(t *testing.T) {
	p := newPublisher(t)
	root := p.bytes(p.people...)
	signed := map[string]string{"1.1.0": "program 1.1.0", "1.2.0": "program 1.2.0", "1.3.0": "program 1.3.0"}
	d := p.newDir(p.list(signed, ""), signed)
	for v := range signed {
		if f, err := d.verify(root, v); err != nil || f.Version != v {
			t.Errorf("%s: %v", v, err)
		}
	}
	p.must(os.WriteFile(d.Program("1.1.0"), []byte("program 1.1.1"), 0o755))
	p.must(os.Remove(d.Program("1.2.0")))
	p.must(os.Truncate(d.Program("1.3.0"), 5))
	p.must(os.Mkdir(d.Slot("1.4.0"), 0o755))
	p.must(os.WriteFile(d.Program("1.4.0"), []byte("program 1.4.0"), 0o755))
	for v, want := range map[string]error{"1.1.0": ErrAltered, "1.2.0": ErrVanished, "1.3.0": ErrAltered, "1.4.0": ErrNotReleased, "1.5.0": ErrNotReleased} {
		if _, err := d.verify(root, v); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", v, err, want)
		}
	}
	p.must(os.Remove(d.Program("1.1.0")))
	p.must(os.Mkdir(d.Program("1.1.0"), 0o755))
	if _, err := d.verify(root, "1.1.0"); !errors.Is(err, ErrAltered) {
		t.Errorf("a directory: %v", err)
	}
}

// The list must be signed through the built-in root; without one nothing is
// believed.
func TestProof(t *testing.T) {
	p, other := newPublisher(t), newPublisher(t)
	root := p.bytes(p.people...)
	signed := map[string]string{"1.1.0": "program 1.1.0"}
	d := p.newDir(p.list(signed, ""), signed)
	targets := filepath.Join(d.Metadata(), Targets)
	good, err := os.ReadFile(targets)
	p.must(err)
	for name, c := range map[string]struct{ root, list []byte }{
		"no root":           {nil, good},
		"half the root":     {p.bytes(p.people[0]), good},
		"another root":      {other.bytes(other.people...), good},
		"another publisher": {root, other.list(signed, "")},
		"empty":             {root, nil},
		"zeroed":            {root, make([]byte, 500)},
		"cut off":           {root, good[:len(good)/2]},
		"altered":           {root, []byte(strings.Replace(string(good), "1.1.0", "1.1.1", 1))},
	} {
		p.must(d.Write(targets, c.list))
		if _, err := d.verify(c.root, "1.1.0"); !errors.Is(err, ErrNoProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.must(os.Remove(targets))
	if _, err := d.verify(root, "1.1.0"); !errors.Is(err, ErrNoProof) {
		t.Errorf("no list: %v", err)
	}
	// Its slot keeps the list that it was taken from.
	p.must(d.Write(filepath.Join(d.Slot("1.1.0"), Targets), good))
	if _, err := d.verify(root, "1.1.0"); err != nil {
		t.Errorf("the list in the slot: %v", err)
	}
	p.must(d.Write(targets, p.list(map[string]string{"2.0.0": "program 2.0.0"}, "")))
	if _, err := d.verify(root, "1.1.0"); err != nil {
		t.Errorf("a list that names newer versions only: %v", err)
	}
	p.must(d.Write(filepath.Join(d.Slot("1.1.0"), Targets), other.list(signed, "")))
	if _, err := d.verify(root, "1.1.0"); !errors.Is(err, ErrNotReleased) {
		t.Errorf("a list in the slot by somebody else: %v", err)
	}
}

// Keys change: each later root counts, and a missing one breaks the chain.
func TestLaterRoots(t *testing.T) {
	p := newPublisher(t)
	built := p.bytes(p.people...)
	signed := map[string]string{"1.1.0": "program 1.1.0"}
	var roots [][]byte
	for n := range 3 {
		p.root.Signed.Version = int64(n + 2)
		by := p.people
		if n == 1 {
			p.targets = p.key("targets")
		}
		roots = append(roots, p.bytes(by...))
	}
	d := p.newDir(p.list(signed, ""), signed)
	if _, err := d.verify(built, "1.1.0"); !errors.Is(err, ErrNoProof) {
		t.Errorf("signed by a key that is not known yet: %v", err)
	}
	for i, r := range roots {
		p.later(d, i+2, r)
	}
	if _, err := d.verify(built, "1.1.0"); err != nil {
		t.Error(err)
	}
	if _, err := d.verify(roots[1], "1.1.0"); err != nil {
		t.Errorf("a program that was built with a later root: %v", err)
	}
	p.must(os.Remove(filepath.Join(d.Metadata(), "3.root.json")))
	if _, err := d.verify(built, "1.1.0"); !errors.Is(err, ErrNoProof) {
		t.Errorf("a root in between is missing: %v", err)
	}
}

// A build that was not made to be released believes nothing.
func TestUnreleasedBuild(t *testing.T) {
	if _, err := (Dir{Path: t.TempDir()}).Proof(); !errors.Is(err, ErrNoProof) {
		t.Errorf("%v", err)
	}
}

func TestBeside(t *testing.T) {
	top := t.TempDir()
	if real, err := filepath.EvalSymlinks(top); err == nil {
		top = real
	}
	d := Beside(filepath.Join(top, "rollbridge-agent"))
	if d.Path != filepath.Join(top, Name) || d.There() {
		t.Errorf("%+v, there: %v", d, d.There())
	}
	for _, v := range []string{"1.1.0", "1.2.0-rc.1", "1.10.0"} {
		if err := os.MkdirAll(d.Slot(v), 0o755); err != nil {
			t.Fatal(err)
		}
		if got := Beside(d.Program(v)); got.Path != d.Path {
			t.Errorf("from a slot it is %+v", got)
		}
	}
	if !d.There() || filepath.Dir(d.Own()) != top {
		t.Errorf("there: %v, %s", d.There(), d.Own())
	}
	for _, name := range []string{"metadata", "1.1.0.unverified", "V1.1.0", "1.1"} {
		if err := os.Mkdir(filepath.Join(d.Path, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Slots(); err != nil || !slices.Equal(got, []string{"1.10.0", "1.2.0-rc.1", "1.1.0"}) {
		t.Errorf("%q, %v", got, err)
	}
	// A directory of another name that happens to be called so holds no slots.
	if got := Beside(filepath.Join(top, Name, "bin", "rollbridge-agent")); got.Path != filepath.Join(top, Name, "bin", Name) {
		t.Errorf("%+v", got)
	}
}

func TestFloor(t *testing.T) {
	p := newPublisher(t)
	root := p.bytes(p.people...)
	d := p.newDir(p.list(map[string]string{"1.1.0": "a", "1.10.0": "b"}, "1.9.0"), nil)
	proof, err := d.proof(root, filepath.Join(d.Metadata(), Targets))
	p.must(err)
	if got := highest(proof); got != "1.9.0" {
		t.Errorf("the floor is %q", got)
	}
}

// Remove deletes a slot and nothing else.
func TestRemove(t *testing.T) {
	d := Dir{Path: t.TempDir()}
	outside := t.TempDir()
	file := filepath.Join(outside, "file")
	for _, err := range []error{
		os.WriteFile(file, nil, 0o600), os.MkdirAll(d.Slot("1.1.0"), 0o755),
		os.Symlink(outside, filepath.Join(d.Slot("1.1.0"), "link")), os.Symlink(outside, d.Slot("1.2.0")), os.MkdirAll(d.Metadata(), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, v := range []string{"1.1.0", "1.2.0", "1.3.0"} {
		if err := d.Remove(v); err != nil {
			t.Error(err)
		}
	}
	for _, v := range []string{"", ".", "..", "metadata", "1.1.0/..", "../x"} {
		if err := d.Remove(v); !errors.Is(err, release.ErrVersion) {
			t.Errorf("%q: %v", v, err)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("what a link leads to was deleted")
	}
	if slots, err := d.Slots(); err != nil || len(slots) != 0 {
		t.Errorf("%q, %v", slots, err)
	}
	if _, err := os.Stat(d.Metadata()); err != nil {
		t.Error("the metadata are gone")
	}
}
