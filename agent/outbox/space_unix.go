//go:build unix

package outbox

import (
	"errors"

	"golang.org/x/sys/unix"
)

// noSpace says whether an error means that nothing more can be written here:
// the disk, the quota or the limit of a file's size is reached.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}
