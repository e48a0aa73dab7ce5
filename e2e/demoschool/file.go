package demoschool

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// replaceFile writes a file under a temporary name beside it and renames it
// into place, so that a reader finds the old file, the new one, or none. On an
// error the old file is as it was. The name begins with a dot and ends in .tmp
// so that a drop folder's reader, which looks for .csv or .xml, passes it over.
func replaceFile(dir, name string, render func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(dir, "."+name+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			f.Close() // after a first Close this only fails, which changes nothing
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<16)
	if err := render(w); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	// An MIS's export is read by another account than the one that wrote it.
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("open %s to readers: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("put %s in place: %w", name, err)
	}
	return nil
}
