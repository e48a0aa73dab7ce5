package update

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/slot"
	"rollbridge/shared/protocol"
	"rollbridge/shared/release"
)

// memory is update.json in the versions directory: what the updater knows from
// one check to the next. The updater of the running service writes it, or a
// command where no service runs. It holds nothing about a school.
type memory struct {
	// Installation tells this computer from others in a rollout; it is drawn at the
	// first check and means nothing elsewhere.
	Installation string `json:"installation"`
	Marks        Marks  `json:"marks,omitzero"`
	// Floor is the highest security floor that was ever proved.
	Floor string `json:"floor,omitempty"`
	// Rollout is the newest one that was proved.
	Rollout release.Rollout `json:"rollout,omitzero"`
	// Checked is when a check last proved the newest word, Tried when the last was
	// made, First when the first was.
	Checked time.Time `json:"checked,omitzero"`
	Tried   time.Time `json:"tried,omitzero"`
	First   time.Time `json:"first,omitzero"`
	// Failed counts the checks since then that came to nothing.
	Failed int `json:"failed,omitempty"`
	// Problem is why the last check came to nothing, Fetch why a version that is
	// wanted could not be brought.
	Problem *Problem `json:"problem,omitempty"`
	Fetch   *Problem `json:"fetch,omitempty"`
	// Older is since when the repository shows what it showed earlier.
	Older time.Time `json:"older,omitzero"`
	// RootEnds and TargetsEnds are when people must have signed anew; Told is the
	// last number of days left of which somebody was told.
	RootEnds    time.Time `json:"root_ends,omitzero"`
	TargetsEnds time.Time `json:"targets_ends,omitzero"`
	Told        int       `json:"told,omitempty"`
	// Silent says that it was told that no check was possible for days.
	Silent bool `json:"silent,omitempty"`
	// Collector is where the collector was, with the pin of its key, for when the
	// school cannot say it: what keeps it from saying may be what an update mends.
	Collector *collector `json:"collector,omitempty"`
	// Fetches are the downloads that failed, by the hash of the program.
	Fetches map[string]fetches `json:"fetches,omitempty"`
}

type collector struct {
	Address string `json:"address"`
	Pin     []byte `json:"pin,omitempty"`
}

// fetches counts the tries to fetch one program.
type fetches struct {
	Version string    `json:"version"`
	Failed  int       `json:"failed"`
	Last    time.Time `json:"last"`
	// Kind and Why are of the last.
	Kind protocol.UpdateProblem `json:"kind"`
	Why  string                 `json:"why"`
}

// memoryFile is its name.
const memoryFile = "update.json"

// maxMemory bounds it.
const maxMemory = 1 << 20

// recall reads the memory. What cannot be read is begun anew, and said: the
// signed metadata are kept apart from it. Fields of newer versions are passed
// over, so that the way back stays open.
func recall(dir slot.Dir) (m memory, lost error) {
	data, err := os.ReadFile(filepath.Join(dir.Path, memoryFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		lost = err
	case len(data) > maxMemory:
		lost = errors.New("it is too large")
	default:
		if lost = json.Unmarshal(bytes.TrimSpace(data), &m); lost != nil {
			m = memory{}
		}
	}
	if m.Installation == "" {
		m.Installation = rand.Text()
	}
	if lost != nil {
		lost = fmt.Errorf("read the memory of updates: %w", lost)
	}
	return m, lost
}

func (m memory) save(dir slot.Dir) error {
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("save the memory of updates: %w", err)
	}
	if err := dir.Write(filepath.Join(dir.Path, memoryFile), append(data, '\n')); err != nil {
		return fmt.Errorf("save the memory of updates: %w", err)
	}
	return nil
}

// took notes what a check proved.
func (m *memory) took(v view, now time.Time) {
	m.Marks, m.Rollout = v.marks, v.rollout
	m.Checked, m.Failed, m.Problem, m.Older, m.Silent = now, 0, nil, time.Time{}, false
	m.RootEnds, m.TargetsEnds = v.rootEnds, v.targetsEnds
	for _, file := range v.proof.Files() {
		if file.Floor != "" && (m.Floor == "" || release.Compare(file.Floor, m.Floor) > 0) {
			m.Floor = file.Floor
		}
	}
}

// trouble is what is in the way, nil for nothing.
func (m memory) trouble() *Problem { return cmp.Or(m.Problem, m.Fetch) }

// problem is a Fault as it is kept; one that goes on keeps the time since when.
func problem(f *Fault, before *Problem, now time.Time) *Problem {
	p := Problem{Kind: f.Kind, Text: f.Error(), Since: now}
	if before != nil && before.Kind == f.Kind && !before.Since.After(now) {
		p.Since = before.Since
	}
	return &p
}

// How often a program is fetched: a few times, then once a day.
const (
	fetchTries = 3
	fetchPause = 24 * time.Hour
)

// mayFetch says why a program may not be fetched again for now, nil if it may. A
// clock that was set does not stop it for longer than the pause.
func (m memory) mayFetch(file release.File, now time.Time) error {
	f := m.Fetches[hashOf(file)]
	if f.Failed < fetchTries || now.Sub(f.Last).Abs() >= fetchPause {
		return nil
	}
	return fault(f.Kind, nil, "it is tried again on "+minute(f.Last.Add(fetchPause)), "version %s could not be fetched in %d tries: %s", file.Version, f.Failed, f.Why)
}

// fetched notes how a download went.
func (m *memory) fetched(file release.File, err error, now time.Time) {
	key := hashOf(file)
	if err == nil {
		delete(m.Fetches, key)
		return
	}
	if m.Fetches == nil {
		m.Fetches = map[string]fetches{}
	}
	f := asFault(err)
	m.Fetches[key] = fetches{Version: file.Version, Failed: m.Fetches[key].Failed + 1, Last: now, Kind: f.Kind, Why: f.Text}
}

// forget drops the counts of programs that are no longer listed.
func (m *memory) forget(files []release.File) {
	listed := map[string]bool{}
	for _, file := range files {
		listed[hashOf(file)] = true
	}
	for key := range m.Fetches {
		if !listed[key] {
			delete(m.Fetches, key)
		}
	}
}

func hashOf(file release.File) string { return fmt.Sprintf("%x", file.SHA256) }
