package school

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/logbook"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
)

// The marker files. They are written before anything else is tried, so that
// they work whatever state the service is in.
const (
	pausedName  = "paused"
	revokedName = "revoked"
)

// A Pause is the content of the marker of a pause.
type Pause struct {
	Since time.Time `json:"since"`
	// Until is zero for a pause without an end.
	Until time.Time `json:"until,omitzero"`
}

// A Stop is the content of the marker of a revoke.
type Stop struct {
	At time.Time `json:"at"`
	// Reason is empty when the school revoked, else the collector's refusal.
	Reason string `json:"reason,omitempty"`
}

// Paused says whether the school pauses now. A marker that cannot be read
// still pauses: when in doubt nothing is read. A pause that has reached its end
// is none.
func Paused(dir string) (Pause, bool) {
	var p Pause
	there := readMarker(dir, pausedName, &p)
	if there && !p.Until.IsZero() && !clock.Now().Before(p.Until) {
		return Pause{}, false
	}
	return p, there
}

// SetPause writes the marker; until may be zero. The service notices within
// seconds.
func SetPause(dir string, until time.Time) error {
	return writeMarker(dir, pausedName, Pause{Since: clock.Now().UTC().Truncate(time.Second), Until: until})
}

// EndPause removes the marker and says whether there was one.
func EndPause(dir string) (bool, error) {
	err := os.Remove(filepath.Join(dir, pausedName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("end the pause: %w", err)
	}
	return true, nil
}

// Revoked says whether the way is closed for good.
func Revoked(dir string) (Stop, bool) {
	var s Stop
	there := readMarker(dir, revokedName, &s)
	return s, there
}

// SetRevoked writes the marker that stops all reading; a second time changes
// nothing.
func SetRevoked(dir, reason string) error {
	if _, there := Revoked(dir); there {
		return nil
	}
	return writeMarker(dir, revokedName, Stop{At: clock.Now().UTC().Truncate(time.Second), Reason: reason})
}

func readMarker(dir, name string, v any) bool {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	// A marker made by hand may be empty: that it is there is what counts.
	data, _ := io.ReadAll(io.LimitReader(f, 4096))
	_ = json.Unmarshal(data, v)
	return true
}

func writeMarker(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	// Written in place and not by a rename: on a full disk the name alone is
	// there, and that it is there is what counts.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|noFollow, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(append(data, '\n'))
	// The service has to read what an administrator wrote.
	err = errors.Join(err, secret.Adopt(path, dir))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return secret.SyncDir(dir)
}

// eraseFiles deletes files that may or may not be there.
func eraseFiles(dir string, names ...string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("delete %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, secret.SyncDir(dir))...)
}

// MakeDir makes the data directory, closed to others.
func MakeDir(dir string) error {
	if err := secret.MakeDir(dir); err != nil {
		return fmt.Errorf("make the data directory: %w: run the command as an administrator or as the service's own user", err)
	}
	return nil
}

// exists says whether a secret file is there at all, readable or not.
func exists(path string) bool {
	_, err := secret.Read(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// ClearRevoked opens the way for a new enrolment, once the revoke before it has
// been delivered.
func ClearRevoked(dir string) error { return eraseFiles(dir, remainsName, revokedName) }

// EraseState deletes keys, queue and state; the logbook stays.
func EraseState(dir string) error { return eraseState(dir) }

// EraseLogbook deletes the logbook.
func EraseLogbook(dir string) error { return eraseFiles(dir, logbook.FileName) }
