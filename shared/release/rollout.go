package release

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The rollout stands in a target of its own, in a delegated role of its own.
const (
	RolloutPath = "rollout.json"
	RolloutRole = "rollout"
	// MaxRollout bounds its size.
	MaxRollout = 256 << 10
)

// A Ring is whom a version reaches: the early one first.
type Ring string

// The rings. A school chooses its own; general is the default.
const (
	Early   Ring = "early"
	General Ring = "general"
)

// Rollout says which versions go to whom now. It can only delay: a version without a
// stage goes to nobody, and one that no signed targets list is nowhere to be had.
type Rollout struct {
	// Paused holds every version back.
	Paused bool             `json:"paused,omitempty"`
	Stages map[string]Stage `json:"stages"` // by version
}

// A Stage is how far a version has come.
type Stage struct {
	Ring    Ring      `json:"ring"`
	Percent int       `json:"percent"` // of the ring; the rings before it have all
	Paused  bool      `json:"paused,omitempty"`
	Since   time.Time `json:"since"`
}

// ErrRollout is returned for a rollout that cannot be read; nothing new goes to
// anybody then.
var ErrRollout = errors.New("the rollout cannot be read")

// ParseRollout reads the target. Fields that are not known are left to newer programs.
func ParseRollout(data []byte) (Rollout, error) {
	if len(data) > MaxRollout {
		return Rollout{}, fmt.Errorf("%w: it is larger than %d bytes", ErrRollout, MaxRollout)
	}
	var r Rollout
	if err := json.Unmarshal(data, &r); err != nil {
		return Rollout{}, fmt.Errorf("%w: %w", ErrRollout, err)
	}
	return r, nil
}

// Admits says whether a version may go to an installation of a ring now. Which
// installations are first differs from version to version, so that it is not always
// the same schools. A ring that is not known counts as general.
func (r Rollout) Admits(version string, ring Ring, installation string) bool {
	s, staged := r.Stages[version]
	if !staged || r.Paused || s.Paused {
		return false
	}
	switch s.Ring {
	case Early:
		return ring == Early && within(version, installation, s.Percent)
	case General:
		return ring == Early || within(version, installation, s.Percent)
	}
	return false
}

// within places an installation among the hundredths of a percent.
func within(version, installation string, percent int) bool {
	sum := sha256.Sum256([]byte(version + "\x00" + installation))
	return binary.BigEndian.Uint64(sum[:])%10_000 < uint64(min(max(percent, 0), 100))*100
}
