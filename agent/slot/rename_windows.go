package slot

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/windows"
)

// An antivirus that looks at a new file keeps it from being renamed, for a
// moment or a few.
const (
	renameTries = 20
	renamePause = 100 * time.Millisecond
)

// rename gives a finished file its name and returns when that is on disk.
func rename(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := windows.MoveFileEx(f, t, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if err == nil {
			return nil
		}
		busy := errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
		if !busy || n == renameTries {
			return fmt.Errorf("rename %s: %w", from, err)
		}
		time.Sleep(renamePause)
	}
}
