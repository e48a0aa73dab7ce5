//go:build windows

package outbox

import (
	"errors"

	"golang.org/x/sys/windows"
)

// noSpace says whether an error means that nothing more can be written here.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
