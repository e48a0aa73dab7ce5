package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MaxBytes bounds a secret: the largest key of the suite is a tenth of it.
const MaxBytes = 64 << 10

// ErrUnprotected is returned for a file that others than its owner may read,
// that belongs to another user, or that is not a plain file.
var ErrUnprotected = errors.New("the file is not protected")

// ErrDamaged is returned for a file that holds nothing that Write has stored. It
// does not mend by itself.
var ErrDamaged = errors.New("the file is damaged")

// Write stores data under path, replacing what was there, so that after a
// crash the file holds either the old secret or the new one. The directory
// must exist. Writers of one path must not run at the same time.
func Write(path string, data []byte) error {
	if len(data) == 0 || len(data) > MaxBytes {
		return fmt.Errorf("write %s: a secret has 1 to %d bytes, not %d", filepath.Base(path), MaxBytes, len(data))
	}
	if err := write(path, data); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// Temporary begins the name of a file that is not yet what it is to be; see
// ClearUnfinished.
const Temporary = ".secret-"

// ClearUnfinished deletes what a crash in the middle of Write left in a
// directory: it may hold a secret. Nobody may be writing there.
func ClearUnfinished(dir string) error { return RemoveAll(dir, Temporary) }

// RemoveAll deletes every file and directory of dir whose name begins with
// prefix. Links are deleted and not followed; a missing dir is no error.
func RemoveAll(dir, prefix string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete unfinished files: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete unfinished files: %w", err)
	}
	return nil
}

// GiveName gives a finished file its name, which must be free: a link, unlike a
// rename, takes none that somebody has taken meanwhile. Where the disk knows no
// links, the file is moved; otherwise it has both names, and the caller removes
// from. Errors wrap fs.ErrExist.
func GiveName(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, there := os.Lstat(to); there == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

// Read returns what Write stored. Errors wrap fs.ErrNotExist when there is no
// such file, ErrUnprotected when it cannot be relied on and ErrDamaged when it is
// not what was stored.
func Read(path string) ([]byte, error) {
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Base(path), err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("read %s: %w: it is empty", filepath.Base(path), ErrDamaged)
	}
	return data, nil
}
