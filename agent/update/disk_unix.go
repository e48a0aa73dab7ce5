//go:build unix

package update

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func room(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }

func giveName(from, to string) error { return os.Rename(from, to) }

// osBuild is the build of Windows: 0, there is none.
func osBuild() int { return 0 }
