package fault

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// A SmallDisk is a file system of its own with few bytes.
type SmallDisk struct {
	Dir    string
	filler string
}

// ErrRights is returned where only root can do what was asked.
var ErrRights = errors.New("only root can mount a disk")

// NewSmallDisk mounts a disk of size bytes at dir, which must exist. Errors
// wrap ErrRights for an ordinary user; LimitFileSize is what remains then.
func NewSmallDisk(dir string, size int) (*SmallDisk, error) {
	err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV, fmt.Sprintf("size=%d,mode=0700", size))
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("mount a small disk: %w", ErrRights)
	}
	if err != nil {
		return nil, fmt.Errorf("mount a small disk: %w", err)
	}
	return &SmallDisk{Dir: dir, filler: filepath.Join(dir, "filler")}, nil
}

// Fill takes all space but the last left bytes, rounded to whole pages.
func (d *SmallDisk) Fill(left int) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.Dir, &s); err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	f, err := os.OpenFile(d.filler, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	_, err = io.CopyN(f, zeros{}, max(0, int64(s.Bavail)*s.Bsize-int64(left)))
	return errors.Join(err, f.Close())
}

// Free gives the space back.
func (d *SmallDisk) Free() error { return os.Remove(d.filler) }

// Close unmounts the disk; what it held is gone.
func (d *SmallDisk) Close() error { return syscall.Unmount(d.Dir, syscall.MNT_DETACH) }

// ReadOnly lets nobody write below dir, not even root, until restore is called.
// An ordinary user takes the right to write away from the directories instead.
func ReadOnly(dir string) (restore func() error, err error) {
	err = syscall.Mount(dir, dir, "", syscall.MS_BIND, "")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		return readOnlyByMode(dir)
	}
	if err == nil {
		err = syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
	}
	if err != nil {
		return nil, fmt.Errorf("make %s read-only: %w", dir, err)
	}
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, nil
}

func readOnlyByMode(dir string) (restore func() error, err error) {
	set := func(mode os.FileMode) error {
		return filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return os.Chmod(name, mode)
		})
	}
	if err := set(0o555); err != nil {
		return nil, fmt.Errorf("make %s read-only: %w", dir, err)
	}
	return func() error { return set(0o755) }, nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
