//go:build unix

package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func space(dir string) (free int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func isFull(err error) bool     { return errors.Is(err, unix.ENOSPC) }
func isQuota(err error) bool    { return errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG) }
func isReadOnly(err error) bool { return errors.Is(err, unix.EROFS) }

// ours says whether this account should be able to write there.
func ours(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return os.Geteuid() == 0 || ok && int(st.Uid) == os.Geteuid()
}

// others says who besides its owner may do what with a file of the agent.
func others(_ string, info fs.FileInfo) (string, error) {
	mode := info.Mode().Perm()
	switch {
	case info.IsDir() && mode&0o077 != 0:
		return fmt.Sprintf("other users may enter it or look into it (mode %04o); chmod 700 it", mode), nil
	case mode&0o077 != 0:
		return fmt.Sprintf("other users may read or change it (mode %04o); chmod 600 it", mode), nil
	}
	return "", nil
}

// othersOfSettings is others for the settings, which an administrator may own
// and let the service's group read.
func othersOfSettings(_ string, info fs.FileInfo, secret bool) (string, error) {
	mode := info.Mode().Perm()
	switch {
	case mode&0o022 != 0:
		return fmt.Sprintf("other users may change it (mode %04o); chmod 600 it", mode), nil
	case secret && mode&0o007 != 0:
		return fmt.Sprintf("other users may read it, and a password stands in it (mode %04o); chmod 600 it", mode), nil
	}
	return "", nil
}

// stranger says whose a file is that is not of the directory's owner.
func stranger(info fs.FileInfo, dir string) string {
	of, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	file, ok1 := info.Sys().(*syscall.Stat_t)
	owner, ok2 := of.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || file.Uid == owner.Uid {
		return ""
	}
	return fmt.Sprintf("it belongs to user %d, the data directory to user %d", file.Uid, owner.Uid)
}
