package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"rollbridge/collector/durable"
)

// For how long each role's word is good, and how often the server repeats its own.
const (
	day           = 24 * time.Hour
	RootLife      = 365 * day
	TargetsLife   = 90 * day
	SnapshotLife  = 14 * day
	RolloutLife   = 14 * day
	TimestampLife = 3 * day
	RenewEvery    = 6 * time.Hour
)

// A Repository is one directory. The zero value is of no use; make it with At.
type Repository struct{ dir string }

// At is the repository in a directory, whether there is one yet or not.
func At(dir string) *Repository { return &Repository{dir} }

// Dir is the directory.
func (r *Repository) Dir() string { return r.dir }

// Public is the directory that agents are served.
func (r *Repository) Public() string { return filepath.Join(r.dir, "public") }

// Draft is the directory that is carried to the people who sign.
func (r *Repository) Draft() string { return filepath.Join(r.dir, "draft") }

func (r *Repository) keys() string { return filepath.Join(r.dir, "keys") }

// A Refusal is an error that changed nothing and says what to do.
type Refusal struct{ text string }

func (r *Refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// lock keeps every other process out until unlock is called.
func (r *Repository) lock() (unlock func(), err error) {
	// A command that has nothing to work on leaves nothing behind.
	if _, err := os.Stat(r.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, r.errNone()
	}
	unlock, err = lockedfile.MutexAt(filepath.Join(r.dir, ".lock")).Lock()
	if err != nil {
		return nil, fmt.Errorf("lock the releases: %w", err)
	}
	// What a run left that was cut off; only under the lock is nobody writing it.
	if err := os.RemoveAll(r.tmp()); err != nil {
		unlock()
		return nil, fmt.Errorf("clear %s: %w", r.tmp(), err)
	}
	return unlock, nil
}

// make makes the directory.
func (r *Repository) make() error {
	// What is above belongs to others: the collector's data are nobody else's to read.
	if err := os.MkdirAll(filepath.Dir(r.dir), 0o700); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	return makeDir(r.dir, 0o755)
}

// tmp is where files are written before they get their names: never below public,
// where a web server would find half of one.
func (r *Repository) tmp() string { return filepath.Join(r.dir, ".tmp") }

// makeDir makes a directory with these rights, whatever the process's mask.
func makeDir(path string, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); parent != path {
		if err := makeDir(parent, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := permit(os.Chmod(path, mode), mode); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

// permit passes over rights that cannot be set where everybody may read anyway: the
// media that drafts are carried on know no rights.
func permit(err error, mode fs.FileMode) error {
	if mode&0o077 != 0 && errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// write puts data at path atomically and durably.
func (r *Repository) write(path string, data []byte, mode fs.FileMode) error {
	return r.fill(path, mode, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// fill is write for content of any size.
func (r *Repository) fill(path string, mode fs.FileMode, content func(*os.File) error) error {
	dirMode := fs.FileMode(0o755)
	if mode&0o077 == 0 {
		dirMode = 0o700
	}
	if err := errors.Join(makeDir(r.tmp(), 0o755), makeDir(filepath.Dir(path), dirMode)); err != nil {
		return err
	}
	return durable.Fill(r.tmp(), path, func(f *os.File) error {
		if err := content(f); err != nil {
			return err
		}
		return permit(f.Chmod(mode), mode)
	})
}

var rootName = regexp.MustCompile(`^([1-9][0-9]{0,8})\.root\.json$`)

// roots reads every root that is public, in order. A gap is an error: agents that
// trust an older one could never update again.
func (r *Repository) roots() ([][]byte, error) {
	entries, err := os.ReadDir(r.Public())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the releases: %w", err)
	}
	last := 0
	for _, e := range entries {
		if m := rootName.FindStringSubmatch(e.Name()); m != nil {
			n, _ := strconv.Atoi(m[1])
			last = max(last, n)
		}
	}
	list := make([][]byte, last)
	for i := range list {
		path := r.public(i+1, "root")
		if list[i], err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			return nil, refuse("%s is missing, and agents that trust an older root can never update without it: bring it back from a copy", path)
		} else if err != nil {
			return nil, fmt.Errorf("read the releases: %w", err)
		}
	}
	return list, nil
}

// public is the path of one version of a role's metadata.
func (r *Repository) public(version int, role string) string {
	return filepath.Join(r.Public(), strconv.Itoa(version)+"."+role+".json")
}

// target is the path of a target's file under its hash.
func (r *Repository) target(path, hash string) string {
	dir, name := filepath.Split(filepath.FromSlash(path))
	return filepath.Join(r.Public(), "targets", dir, hash+"."+name)
}

// note appends to the history what was done and why. It is for people; nothing is
// read back from it.
func (r *Repository) note(now time.Time, act, version, reason string) error {
	line, err := json.Marshal(struct {
		Time    time.Time `json:"time"`
		Act     string    `json:"act"`
		Version string    `json:"version,omitempty"`
		Reason  string    `json:"reason,omitempty"`
	}{now.UTC().Truncate(time.Second), act, version, reason})
	if err != nil {
		return fmt.Errorf("note in the history: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(r.dir, "history.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("note in the history: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("note in the history: %w", err)
	}
	return nil
}
