package release

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"debug/pe"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	signed "rollbridge/shared/release"
)

// BuiltFile lies beside a program: what the program says of itself, written when it
// was built.
const BuiltFile = "release.json"

// MaxProgram bounds a program; agents fetch no larger one.
const MaxProgram = 256 << 20

// A Candidate is a program that is to be released.
type Candidate struct {
	signed.Release
	File   string
	SHA256 [32]byte
	Length int64
}

// Path is where it will stand in the repository.
func (c Candidate) Path() string { return signed.TargetPath(c.Version, c.OS, c.Arch) }

// A Request is what whoever releases says of a program, beside what it says itself.
type Request struct {
	Floor    string
	Security bool
	Notes    string
	// MinBuild replaces the lowest Windows build, DefaultMinBuild, if not 0.
	MinBuild int
	// NoRoot lets a program pass that does not carry a root of this repository.
	NoRoot bool
}

// DefaultMinBuild is Windows Server 2016 and Windows 10 of the same year.
const DefaultMinBuild = 14393

// built is BuiltFile, as `rollbridge-agent version --json` prints it.
type built struct {
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	State   int    `json:"state_schema"`
	Data    string `json:"data_scope"`
}

// Inspect reads a program and what lies beside it, and refuses what does not fit
// together. Whether it is newer than what is released, Add says.
func (r *Repository) Inspect(path string, q Request, now time.Time) (Candidate, error) {
	c := Candidate{File: path}
	b, err := readBuilt(path)
	if err != nil {
		return c, err
	}
	c.Release = signed.Release{
		Version: b.Version, OS: b.OS, Arch: b.Arch, State: b.State, Data: b.Data,
		Floor: q.Floor, Security: q.Security, Notes: q.Notes, MinBuild: q.MinBuild, Published: now.UTC().Truncate(time.Second),
	}
	if c.MinBuild == 0 && c.OS == "windows" {
		c.MinBuild = DefaultMinBuild
	}
	if err := c.Validate(); err != nil {
		return c, refuse("%s: %v", path, err)
	}
	if name := filepath.Base(path); name != signed.Program(c.OS) {
		return c, refuse("%s: the agent for %s is called %s: give the file that the build made", path, c.OS, signed.Program(c.OS))
	}
	data, err := readProgram(path)
	if err != nil {
		return c, err
	}
	os, arch, err := platform(data)
	if err != nil {
		return c, refuse("%s: %v", path, err)
	}
	if os != c.OS || arch != c.Arch {
		return c, refuse("%s is a program for %s-%s, and the %s beside it says %s-%s: give the file and its description of one build", path, os, arch, BuiltFile, c.OS, c.Arch)
	}
	if !bytes.Contains(data, []byte(c.Version)) {
		return c, refuse("%s does not hold its version, %s: the %s beside it is of another build", path, c.Version, BuiltFile)
	}
	if err := r.carriesRoot(data); err != nil && !q.NoRoot {
		return c, refuse("%s %v", path, err)
	}
	c.SHA256, c.Length = sha256.Sum256(data), int64(len(data))
	return c, nil
}

func readBuilt(path string) (built, error) {
	var b built
	beside := filepath.Join(filepath.Dir(path), BuiltFile)
	text, err := os.ReadFile(beside)
	if errors.Is(err, fs.ErrNotExist) {
		return b, refuse("%s is missing: it lies beside the program that `make build` makes, and holds what `rollbridge-agent version --json` prints", beside)
	}
	if err != nil {
		return b, fmt.Errorf("read what a program says of itself: %w", err)
	}
	if err := json.Unmarshal(text, &b); err != nil {
		return b, refuse("%s cannot be read (%v): it must hold what `rollbridge-agent version --json` prints", beside, err)
	}
	return b, nil
}

func readProgram(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse("there is no file %s", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read a program: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxProgram+1))
	if err != nil {
		return nil, fmt.Errorf("read a program: %w", err)
	}
	if len(data) == 0 || len(data) > MaxProgram {
		return nil, refuse("%s has %d bytes: a program has at least one and at most %d", path, len(data), MaxProgram)
	}
	return data, nil
}

// platform reads for what a program was made from its header.
func platform(data []byte) (os, arch string, err error) {
	if f, err := elf.NewFile(bytes.NewReader(data)); err == nil {
		switch {
		case f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN:
		case f.Machine == elf.EM_X86_64:
			return "linux", "amd64", nil
		case f.Machine == elf.EM_AARCH64:
			return "linux", "arm64", nil
		}
		return "", "", errors.New("an ELF file, but no program for amd64 or arm64")
	}
	// Without the header of a program, pe reads object files too.
	if f, err := pe.NewFile(bytes.NewReader(data)); err == nil && bytes.HasPrefix(data, []byte("MZ")) {
		switch f.Machine {
		case pe.IMAGE_FILE_MACHINE_AMD64:
			return "windows", "amd64", nil
		case pe.IMAGE_FILE_MACHINE_ARM64:
			return "windows", "arm64", nil
		}
		return "", "", errors.New("a Windows program, but not for amd64 or arm64")
	}
	return "", "", errors.New("not a program for Linux or Windows")
}

// carriesRoot looks for a root of this repository in a program: without one it would
// never update again, and somebody would have to visit every school.
func (r *Repository) carriesRoot(data []byte) error {
	roots, err := r.roots()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString(root))) {
			return nil
		}
	}
	if len(roots) == 0 {
		return errors.New("cannot be compared with this repository, which has no root yet: publish the first one, then build with RELEASE_ROOT")
	}
	return fmt.Errorf("carries no root of this repository, so it could never update again: build it with RELEASE_ROOT=%s", r.public(len(roots), "root"))
}

func hashOf(path string) (sum [32]byte, n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, 0, fmt.Errorf("read a program: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if n, err = io.Copy(h, f); err != nil {
		return sum, 0, fmt.Errorf("read a program: %w", err)
	}
	copy(sum[:], h.Sum(nil))
	return sum, n, nil
}
