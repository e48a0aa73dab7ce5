package fault

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// nobody is the user without rights of every Linux system.
const nobody = 65534

// Unprivileged makes a command run as an ordinary user: root reads and writes
// whatever the mode of a file says. Without root it changes nothing.
func Unprivileged(c *exec.Cmd) {
	if os.Getuid() != 0 {
		return
	}
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
}

// Give makes dir and everything below it belong to the user of Unprivileged
// and opens the directories above it, up to the system's temporary one, for
// passing through.
func Give(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	err := filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, nobody, nobody)
	})
	if err != nil {
		return fmt.Errorf("give %s away: %w", dir, err)
	}
	for up := filepath.Dir(dir); len(up) > len(filepath.Clean(os.TempDir())); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			return fmt.Errorf("give %s away: %w", dir, err)
		}
	}
	return nil
}

// LimitFileSize is a program and arguments that run args with no file growing
// over so many KiB: what an ordinary user has instead of a full disk.
func LimitFileSize(kib int, args ...string) (program string, arguments []string) {
	script := "ulimit -f " + strconv.Itoa(kib*2) + ` && exec "$@"`
	return "/bin/sh", append([]string{"-c", script, "sh"}, args...)
}

// LimitRunning lets no file that a running process writes grow over so many
// bytes, until restore is called. No file that is larger already loses anything.
func LimitRunning(pid, bytes int) (restore func() error, err error) {
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		return nil, fmt.Errorf("limit process %d: %w", pid, err)
	}
	// The soft limit only: what lowers the hard one can never raise it again.
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(bytes), Max: before.Max}, nil); err != nil {
		return nil, fmt.Errorf("limit process %d: %w", pid, err)
	}
	return func() error { return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil) }, nil
}
