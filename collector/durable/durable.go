// Package durable writes files of the collector so that a power cut leaves the old one or
// the new one, never a part, and none that was said to be written is gone.
//
// Start reading at Write. It knows nothing of what it writes, and names only paths in
// errors.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Write puts data at path, which only this user may read; a missing directory is made.
// A reader sees the old file or the new one, and the new one survives a power cut once
// Write returns.
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return Fill(dir, path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// Fill is Write for content of any size, which may also set the file's rights. The file
// is made in the directory tmp, on the same disk as path; both directories are there.
func Fill(tmp, path string, content func(*os.File) error) error {
	f, err := os.CreateTemp(tmp, ".new-*") // CreateTemp makes 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err = content(f); err == nil {
		err = f.Sync()
	}
	// Closed before it is renamed, because Windows renames no open file.
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return SyncDir(filepath.Dir(path))
}

// makeDir makes a directory, and what is missing above it, so that its name survives a
// power cut, too.
func makeDir(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes what was named anew or removed in a directory survive a power cut.
// Windows cannot sync a directory, and NTFS journals names by itself: there it does
// nothing.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
