//go:build unix

package secret

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	fileMode  = 0o600
	forOthers = 0o077
)

func write(path string, data []byte) error {
	dir := filepath.Dir(path)
	// CreateTemp opens with O_EXCL and mode 0600: a planted link or file makes
	// it choose another name, and rename replaces a link instead of following it.
	f, err := os.CreateTemp(dir, Temporary+"*")
	if err != nil {
		return err
	}
	if err := fill(f, dir, data); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncDir(dir)
}

func fill(f *os.File, dir string, data []byte) error {
	if err := f.Chmod(fileMode); err != nil {
		return err
	}
	if err := Adopt(f.Name(), dir); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// MakeDir makes a directory that others may neither enter nor look into, and
// gives it to the owner of the one it is in, as Adopt does: an administrator
// enrols one school more, the service's own account has to get in. One that is
// there already stays as it is.
func MakeDir(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.MkdirAll(path, 0o700) // refuses what is no directory
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return Adopt(path, filepath.Dir(path))
}

// Adopt gives a file or directory that root has made to the owner of the
// directory it belongs to: an administrator enrols, the service's own account
// reads. For any other user it does nothing. Errors wrap ErrUnprotected for
// what has another name somewhere else: whoever owns the directory could have
// put it there to be given it.
func Adopt(path, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("look at the directory: %w", err)
	}
	if st.Uid == 0 {
		return nil
	}
	// Opened once and never followed, so that what is looked at is what is given.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var own unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &own); err != nil {
		return err
	}
	if own.Mode&unix.S_IFMT != unix.S_IFDIR && own.Nlink > 1 {
		return linked(path)
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

// Open opens a file of the data directory to be read and written, making it if
// create is set. It never follows a symbolic link, and refuses a file that has
// another name somewhere else, or is none: whoever owns the directory could
// have an administrator's command write there. Errors wrap ErrUnprotected then.
func Open(path string, create bool) (*os.File, error) {
	flags := os.O_RDWR | unix.O_NOFOLLOW | unix.O_NONBLOCK
	if create {
		flags |= os.O_CREATE
	}
	f, _, err := open(path, flags)
	return f, err
}

// OpenRead opens a file of the data directory that is no secret, to be read,
// with the cares of Open: what an administrator's command reads there, it may
// show or carry away. One that belongs to neither this user, root nor the owner
// of the directory is refused too.
func OpenRead(path string) (*os.File, error) {
	f, st, err := open(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	var dir unix.Stat_t
	if err := unix.Stat(filepath.Dir(path), &dir); err != nil {
		return nil, errors.Join(fmt.Errorf("look at the directory: %w", err), f.Close())
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() && st.Uid != dir.Uid {
		return nil, errors.Join(fmt.Errorf("%w: %s belongs to another user; find out who put it there, then chown it to the user that the service runs as, or remove it", ErrUnprotected, filepath.Base(path)), f.Close())
	}
	return f, nil
}

func open(path string, flags int) (f *os.File, st unix.Stat_t, err error) {
	f, err = os.OpenFile(path, flags, fileMode)
	if errors.Is(err, unix.ELOOP) {
		return nil, st, fmt.Errorf("%w: %s is a symbolic link; find out who put it there and remove it", ErrUnprotected, filepath.Base(path))
	}
	if err != nil {
		return nil, st, err
	}
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, st, errors.Join(err, f.Close())
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, st, errors.Join(fmt.Errorf("%w: %s is not a plain file", ErrUnprotected, filepath.Base(path)), f.Close())
	case st.Nlink > 1:
		return nil, st, errors.Join(linked(path), f.Close())
	}
	return f, st, nil
}

func linked(path string) error {
	return fmt.Errorf("%w: %s has another name somewhere else (a hard link); find out who made it, then copy the file and put the copy in its place", ErrUnprotected, filepath.Base(path))
}

// SyncDir makes renames and deletions in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: it is a symbolic link; remove it and put the file itself there", ErrUnprotected)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := protected(f); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes and is no secret of this program", ErrDamaged, MaxBytes)
	}
	return data, nil
}

// protected looks at the open file, not at the path, so that it cannot be
// exchanged between the look and the reading.
func protected(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	me := uint32(os.Geteuid())
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%w: it is not a plain file", ErrUnprotected)
	case uint32(st.Mode)&forOthers != 0:
		return fmt.Errorf("%w: other users may open it (mode %04o); find out who changed it, then chmod 600 it", ErrUnprotected, st.Mode&0o7777)
	case me != 0 && st.Uid != me && st.Uid != 0:
		return fmt.Errorf("%w: it belongs to another user; chown it to the user that the service runs as", ErrUnprotected)
	}
	return nil
}
