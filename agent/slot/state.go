package slot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"rollbridge/shared/release"
)

// Schema is the form of state.json that this program writes. A version reads
// the forms up to its own; a newer one counts as unreadable.
const Schema = 1

// State is which version runs and why: state.json. The supervisor alone writes
// it, each time before it acts.
type State struct {
	Schema int `json:"schema"`
	// Current is the version in force: the last that served its probation, or the
	// package's own copy. "" is the package's own, before anything was written.
	Current string `json:"current,omitempty"`
	// Running is what was started last: Current, the candidate, or what stands in
	// for a Current that cannot be started.
	Running string `json:"running,omitempty"`
	// Candidate is the version on probation, nil for none.
	Candidate *Candidate `json:"candidate,omitempty"`
	// Previous are the versions that were in force before and are kept, the newest
	// first.
	Previous []Past `json:"previous,omitempty"`
	// Skipped are versions that are not tried (again).
	Skipped []Skip `json:"skipped,omitempty"`
	// Floor is the highest security floor that was ever seen in signed metadata.
	Floor string `json:"floor,omitempty"`
	// Failing is what the self-test of Current said when it last started.
	Failing []string `json:"failing,omitempty"`
	// Heard is the last wish that was looked at and what came of it.
	Heard Answer `json:"heard,omitzero"`
	// Changed is the last change of Current.
	Changed *Change `json:"changed,omitempty"`
}

// A Candidate is a version on probation.
type Candidate struct {
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
	// Attempts is how often it was started, counted before each start.
	Attempts int `json:"attempts"`
}

// A Past is a version that was in force until Since.
type Past struct {
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
}

// A Skip is a version that is not tried again.
type Skip struct {
	Version string    `json:"version"`
	Reason  Reason    `json:"reason"`
	Since   time.Time `json:"since"`
	// Said is what its self-test said.
	Said []string `json:"said,omitempty"`
}

// A Change is how Current came to be what it is. Reason is "" for an update and
// for a newer package.
type Change struct {
	From   string    `json:"from,omitempty"`
	To     string    `json:"to"`
	Reason Reason    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
}

// A Reason is why a version was left or is not started; the list is closed.
type Reason string

// The reasons.
const (
	Ended       Reason = "ended"        // it ended before it was ready
	Crashed     Reason = "crashed"      // it ended too often while on probation
	NotReady    Reason = "not_ready"    // it was not ready in time
	SelfTest    Reason = "self_test"    // its self-test failed where the version before passes
	Silent      Reason = "silent"       // it no longer answered
	Unchecked   Reason = "unchecked"    // it did not look for updates
	Flooding    Reason = "flooding"     // it wrote without end
	Attempts    Reason = "attempts"     // the computer or the service ended too often while it was on probation
	Unstartable Reason = "unstartable"  // the system refuses to start it
	Asked       Reason = "asked"        // a person asked for the version before
	Vanished    Reason = "vanished"     // ErrVanished
	Altered     Reason = "altered"      // ErrAltered
	NotReleased Reason = "not_released" // ErrNotReleased
	NoProof     Reason = "no_proof"     // ErrNoProof
	Unreadable  Reason = "unreadable"   // the file or the state could not be read
	Below       Reason = "below_floor"  // it is below the security floor
	Older       Reason = "older"        // it is older than what runs
	Skipped     Reason = "skipped"      // it failed here before
	NoPrevious  Reason = "no_previous"  // there is none to go back to
	Here        Reason = "here"         // it failed, and so did the version before: it lies in this computer
)

// lasting is how long a version is skipped for a reason that need not be its
// own fault.
const lasting = 24 * time.Hour

// Holds says whether a version is still skipped at a time. What failed for a
// reason that lies in this computer is tried again after a day; a clock that was
// set back lifts it at once.
func (s Skip) Holds(now time.Time) bool {
	switch s.Reason {
	case Vanished, Altered, NotReleased, NoProof, Unreadable, Here:
		return !now.Before(s.Since) && now.Before(s.Since.Add(lasting))
	}
	return true
}

// Skips says whether a version is skipped at a time, and why.
func (s State) Skips(version string, now time.Time) (Skip, bool) {
	at := slices.IndexFunc(s.Skipped, func(k Skip) bool { return k.Version == version && k.Holds(now) })
	if at < 0 {
		return Skip{}, false
	}
	return s.Skipped[at], true
}

// OnProbation says whether a version is the candidate.
func (s State) OnProbation(version string) bool {
	return s.Candidate != nil && s.Candidate.Version == version
}

// Back is the version that the supervisor would go back to from what runs, ""
// for none: the one in force while another is on probation, otherwise the newest
// of those before that is not below the floor.
func (s State) Back() string {
	if s.Candidate != nil {
		return s.Current
	}
	for _, p := range s.Previous {
		if s.Floor == "" || release.Compare(p.Version, s.Floor) >= 0 {
			return p.Version
		}
	}
	return ""
}

// ErrState is returned for a state that is there and cannot be used.
var ErrState = errors.New("the state of the versions cannot be used")

// maxState bounds state.json and wish.json.
const maxState = 1 << 20

const (
	stateFile = "state.json"
	wishFile  = "wish.json"
)

// State reads what the supervisor last wrote. Before it has written anything
// that is a State without content. Errors wrap ErrState where a file is there:
// empty, cut off, damaged, or written by a newer program.
func (d Dir) State() (State, error) {
	data, err := readAtMost(filepath.Join(d.Path, stateFile), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("%w: %w", ErrState, err)
	}
	return s, s.sound()
}

func (s State) sound() error {
	switch {
	case s.Schema < 1:
		return fmt.Errorf("%w: it does not say its form", ErrState)
	case s.Schema > Schema:
		return fmt.Errorf("%w: it has the form %d and this program knows up to %d", ErrState, s.Schema, Schema)
	}
	versions := []string{s.Current, s.Floor, s.Running}
	if s.Candidate != nil {
		versions = append(versions, s.Candidate.Version)
		if s.Candidate.Version == "" {
			return fmt.Errorf("%w: the candidate has no version", ErrState)
		}
	}
	for _, p := range s.Previous {
		versions = append(versions, p.Version)
	}
	for _, v := range versions {
		if v != "" && release.Valid(v) != nil {
			return fmt.Errorf("%w: it names %.20q, which is no version", ErrState, v)
		}
	}
	return nil
}

// Save writes the state so that a crash leaves the old one or the new one. Only
// the supervisor, or `service` while none runs, calls it.
func (d Dir) Save(s State) error {
	s.Schema = Schema
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("save the state of the versions: %w", err)
	}
	if err := d.Write(filepath.Join(d.Path, stateFile), append(data, '\n')); err != nil {
		return fmt.Errorf("save the state of the versions: %w", err)
	}
	return nil
}
