package release

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// Release is what is signed about a program beside its hash: the custom fields of a
// TUF target.
type Release struct {
	// Version is a semantic version without "v".
	Version string `json:"version"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	// MinBuild is the lowest build of Windows that it runs on; 0 is any.
	MinBuild int `json:"min_os_build,omitempty"`
	// Floor is the oldest version that may still be started once this release was
	// seen; "" raises nothing.
	Floor string `json:"security_floor,omitempty"`
	// State is the schema of the agent's own state that it writes. A version may
	// write only what the version before it can read.
	State int `json:"state_schema"`
	// Data is the DataScope of the program: equal means that what leaves a school
	// is unchanged.
	Data string `json:"data_scope"`
	// Security marks what a school should not hold back.
	Security  bool      `json:"security,omitempty"`
	Published time.Time `json:"published"`
	// Notes is a sentence or an address for whoever decides.
	Notes string `json:"notes,omitempty"`
}

// A File is a released program as the metadata describe it.
type File struct {
	Release
	// Path is the target's path in the repository.
	Path   string
	SHA256 [32]byte
	Length int64
}

// Problems with what a release says of itself. The text says what to correct.
var (
	ErrVersion  = errors.New("not a version such as 1.4.0 or 1.5.0-rc.1")
	ErrPlatform = errors.New("not a platform that is released: linux or windows, amd64 or arm64")
	ErrRelease  = errors.New("the description of the release cannot be used")
)

// maxVersion bounds a version, which is also the name of a directory.
const maxVersion = 64

// Valid refuses what is no version, or none that may name a directory on every
// platform: no capital letters (names may differ in nothing else), no build part.
func Valid(v string) error {
	if len(v) > maxVersion || !semver.IsValid("v"+v) || semver.Canonical("v"+v) != "v"+v || strings.ToLower(v) != v {
		return fmt.Errorf("%.*q: %w", maxVersion, v, ErrVersion)
	}
	return nil
}

// Compare is negative where a is the older version, 0 where both are the same. What
// is no version is older than every version.
func Compare(a, b string) int { return semver.Compare("v"+a, "v"+b) }

// Program is the file name of the agent on an operating system.
func Program(os string) string {
	if os == "windows" {
		return "rollbridge-agent.exe"
	}
	return "rollbridge-agent"
}

// TargetPath is where a program stands in the repository.
func TargetPath(version, os, arch string) string {
	return "agent/" + version + "/" + os + "-" + arch + "/" + Program(os)
}

// KnownPlatform says whether programs are released for a platform.
func KnownPlatform(os, arch string) bool {
	return (os == "linux" || os == "windows") && (arch == "amd64" || arch == "arm64")
}

// Validate refuses a description that contradicts itself.
func (r Release) Validate() error {
	switch err := Valid(r.Version); {
	case err != nil:
		return err
	case !KnownPlatform(r.OS, r.Arch):
		return fmt.Errorf("%.20q/%.20q: %w", r.OS, r.Arch, ErrPlatform)
	case r.MinBuild < 0 || r.MinBuild > 0 && r.OS != "windows":
		return fmt.Errorf("%w: min_os_build is a build of Windows, or 0", ErrRelease)
	case r.State < 1:
		return fmt.Errorf("%w: state_schema is missing", ErrRelease)
	case len(r.Data) != 64:
		return fmt.Errorf("%w: data_scope is not a hash", ErrRelease)
	case r.Floor == "":
		return nil
	}
	if err := Valid(r.Floor); err != nil {
		return fmt.Errorf("security_floor: %w", err)
	}
	if Compare(r.Floor, r.Version) > 0 {
		return fmt.Errorf("%w: security_floor %s is above the version itself, %s", ErrRelease, r.Floor, r.Version)
	}
	return nil
}
