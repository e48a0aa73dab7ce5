package slot

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/shared/release"
)

// A Wish is what the worker or a command asks of the supervisor: wish.json. The
// supervisor looks when the worker prints "wish", and every few seconds; its
// answer is State.Heard.
type Wish struct {
	// ID tells wishes apart. Whoever waits for the answer sets it (NewID).
	ID string `json:"id"`
	// Version is to be applied; its slot is complete and verified.
	Version string `json:"version,omitempty"`
	// Insist takes the version off the skip list: a person asked for it by name.
	Insist bool `json:"insist,omitempty"`
	// Back asks for the version before From, which Dir.Wish fills in with what
	// runs: so a repetition changes nothing once From is left.
	Back bool   `json:"back,omitempty"`
	From string `json:"from,omitempty"`
}

// An Answer is what came of a wish.
type Answer struct {
	ID string `json:"id"`
	// Refused is why nothing was done; "" where it was done or is under way, which
	// Candidate and Current show.
	Refused Reason `json:"refused,omitempty"`
}

// NewID draws an id for a wish.
func NewID() string { return rand.Text() }

// Wish asks something of the supervisor, in place of what was asked before. To
// ask it again is no harm.
func (d Dir) Wish(w Wish) error {
	if (w.Version != "") == w.Back {
		return errors.New("a wish names a version, or asks for the one before")
	}
	if w.Version != "" {
		if err := release.Valid(w.Version); err != nil {
			return fmt.Errorf("ask for a version: %w", err)
		}
	}
	if w.ID == "" {
		w.ID = NewID()
	}
	if w.Back && w.From == "" {
		s, err := d.State()
		if err != nil {
			return fmt.Errorf("ask for the version before: %w", err)
		}
		if w.From = s.Current; s.Candidate != nil {
			w.From = s.Candidate.Version
		}
	}
	data, err := json.Marshal(w)
	if err == nil {
		err = d.Write(filepath.Join(d.Path, wishFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("ask something of the supervisor: %w", err)
	}
	return nil
}

// WishFile tells by its name, time and size whether something new may have been
// asked; reading it every few seconds for years would be work for nothing.
func (d Dir) WishFile() (os.FileInfo, error) { return os.Lstat(filepath.Join(d.Path, wishFile)) }

// Wished is what was last asked; there is false where nothing was.
func (d Dir) Wished() (w Wish, there bool, err error) {
	data, err := readAtMost(filepath.Join(d.Path, wishFile), maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return Wish{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &w)
	}
	if err != nil {
		return Wish{}, false, fmt.Errorf("read what is asked of the supervisor: %w", err)
	}
	return w, true, nil
}
