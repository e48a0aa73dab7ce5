package update

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

func room(dir string) (int64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var mine, all, whole uint64
	if err := windows.GetDiskFreeSpaceEx(name, &mine, &all, &whole); err != nil {
		return 0, err
	}
	return int64(min(mine, 1<<62)), nil
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// An antivirus that looks at a new program keeps it, and the directory that it is
// in, from being renamed, for a moment or a few.
const (
	nameTries = 50
	namePause = 200 * time.Millisecond
)

func giveName(from, to string) error {
	for n := 1; ; n++ {
		err := os.Rename(from, to)
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
		if !busy || n == nameTries {
			return err
		}
		time.Sleep(namePause)
	}
}

// osBuild is the build of Windows, whatever a manifest says.
func osBuild() int { return int(windows.RtlGetVersion().BuildNumber) }
