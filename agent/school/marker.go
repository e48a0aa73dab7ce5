package school

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/secret"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
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
	// Reason is empty when the school revoked, else the collector's refusal, or
	// ReasonMoved.
	Reason string `json:"reason,omitempty"`
	// To is the key of the machine that the agent was moved to, File what it was
	// moved in.
	To   envelope.KeyID `json:"to,omitzero"`
	File string         `json:"file,omitempty"`
	// DeleteLogbook says that the school wants no logbook left.
	DeleteLogbook bool `json:"delete_logbook,omitempty"`
}

// ReasonMoved is why an agent has stopped that goes on on another machine.
const ReasonMoved = "moved"

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
// seconds. Where the disk is too full for its content the school is paused all
// the same, without an end: the error is a Fault that says so.
func SetPause(dir string, until time.Time) error {
	err := writeMarker(dir, pausedName, Pause{Since: whole(clock.Now()), Until: until})
	if _, paused := Paused(dir); err == nil || !paused || errors.Is(err, secret.ErrUnprotected) {
		return err
	}
	return refused(fmt.Sprintf("the school is paused, but until when could not be written (%v): it stays paused until `rollbridge-agent resume`", err))
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

// stopOf is Revoked for whoever destroys: what is destroyed, and whether the
// collector is told, goes by the reason, so one that cannot be read is an error.
// Without a marker the school's own word is meant.
func stopOf(dir string) (s Stop, err error) {
	if _, err = tryMarker(dir, revokedName, &s); err != nil {
		err = fmt.Errorf("why this school stops cannot be told, so nothing is destroyed yet: %w: put that right, then run the command again", err)
	}
	return s, err
}

// SetRevoked writes the marker that stops all reading; a second time changes
// nothing. The school's own word needs no more than the marker's name, so that a
// full disk does not stand in its way.
func SetRevoked(dir, reason string) error {
	if _, there := Revoked(dir); there {
		return nil
	}
	stop := Stop{At: whole(clock.Now()), Reason: reason}
	if reason != "" {
		if err := SetStop(dir, stop); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	}
	err := writeMarker(dir, revokedName, stop)
	if _, there := Revoked(dir); there {
		return nil
	}
	return err
}

// SetOwnRevoke is SetRevoked for the school's own word, which may be that no
// logbook is to be left either. Where the marker is there already that is added;
// an error beside a marker means only that it is not.
func SetOwnRevoke(dir string, deleteLogbook bool) error {
	if !deleteLogbook {
		return SetRevoked(dir, "")
	}
	if _, there := Revoked(dir); !there {
		if err := writeMarker(dir, revokedName, Stop{At: whole(clock.Now()), DeleteLogbook: true}); err == nil {
			return nil
		}
	}
	return addDeleteLogbook(dir)
}

// addDeleteLogbook adds the wish to the marker of a revoke, unless it is there.
// It goes behind, into the very file that is there: what the marker says stays
// readable whatever happens meanwhile, and one that a new enrolment has taken
// away is not brought back.
func addDeleteLogbook(dir string) error {
	if stop, there := Revoked(dir); !there || stop.DeleteLogbook {
		return nil
	}
	f, err := secret.Open(filepath.Join(dir, revokedName), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", revokedName, err)
	}
	_, err = f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.WriteString("\n" + `{"delete_logbook":true}` + "\n")
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", revokedName, err)
	}
	return nil
}

// leavesLogbook says whether a logbook is still there that is to be deleted. The
// one of a move belongs to the agent that goes on.
func (s Stop) leavesLogbook(dir string) bool {
	return s.DeleteLogbook && s.Reason != ReasonMoved &&
		(fileExists(filepath.Join(dir, logbook.FileName)) || fileExists(filepath.Join(dir, identity.LogbookKeyName)))
}

func readMarker(dir, name string, v any) bool {
	there, _ := tryMarker(dir, name, v)
	return there
}

// tryMarker is readMarker, and says why the content of one that is there could
// not be read.
func tryMarker(dir, name string, v any) (there bool, err error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		// A process that has too many files open cannot open this one either,
		// also where there is none: the look at the name needs no file.
		if _, lookErr := os.Lstat(path); errors.Is(lookErr, fs.ErrNotExist) {
			return false, nil
		}
		return true, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	// A marker made by hand may be empty, or a directory: that it is there is
	// what counts.
	data, err := io.ReadAll(io.LimitReader(f, 4096))
	if info, statErr := f.Stat(); err != nil && statErr == nil && info.IsDir() {
		return true, nil
	}
	if err != nil {
		return true, fmt.Errorf("read %s: %w", name, err)
	}
	if json.Unmarshal(data, v) != nil {
		for line := range bytes.Lines(data) { // something was added later
			_ = json.Unmarshal(line, v)
		}
	}
	return true, nil
}

func writeMarker(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	// Written in place and not by a rename: on a full disk the name alone is
	// there, and that it is there is what counts.
	f, err := secret.Open(path, true)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.Write(append(data, '\n'))
	}
	// The service has to read what an administrator wrote.
	err = errors.Join(err, secret.Adopt(path, dir))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), secret.SyncDir(dir))
	}
	return secret.SyncDir(dir)
}

// SetStop writes the marker with a reason: all of it is there or nothing. It
// never takes the place of another, such as that of a person who revokes at the
// same moment; errors wrap fs.ErrExist then.
func SetStop(dir string, stop Stop) error {
	data, err := json.Marshal(stop)
	if err != nil {
		return fmt.Errorf("write %s: %w", revokedName, err)
	}
	f, err := os.CreateTemp(dir, secret.Temporary+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", revokedName, err)
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, secret.Adopt(f.Name(), dir), f.Sync(), f.Close())
	if err == nil {
		err = secret.GiveName(f.Name(), filepath.Join(dir, revokedName))
	}
	if removed := os.Remove(f.Name()); !errors.Is(removed, fs.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", revokedName, err)
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

// ClearMove deletes the key that an import no longer needs.
func ClearMove(dir string) error {
	if !fileExists(filepath.Join(dir, MoveKeyName)) {
		return nil
	}
	return eraseFiles(dir, MoveKeyName)
}

// EraseState deletes keys, queue and state, and the key of a logbook that a
// revoke left; the logbook itself stays.
func EraseState(dir string) error {
	return errors.Join(eraseState(dir), eraseFiles(dir, identity.LogbookKeyName))
}

// EraseLogbook deletes the logbook, its key and what an unfinished one left.
func EraseLogbook(dir string) error {
	return errors.Join(eraseFiles(dir, logbook.FileName, identity.LogbookKeyName), logbook.ClearUnfinished(dir))
}
