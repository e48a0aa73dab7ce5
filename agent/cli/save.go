package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rollbridge/agent/secret"
)

// saveNew writes a file that was not there, which only its owner may read. It
// appears under its name when it is whole and on disk; a name that is taken, by
// whatever, is refused.
func saveNew(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return usageError{fmt.Errorf("%s is there already and is not overwritten: choose another name", path)}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := secret.CreateTemp(filepath.Dir(path), ".rollbridge-")
	if err != nil {
		return err
	}
	defer func() {
		if gone := os.Remove(f.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return secret.GiveName(f.Name(), path)
}
