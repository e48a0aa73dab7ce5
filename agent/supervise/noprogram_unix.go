//go:build unix

package supervise

import (
	"errors"

	"golang.org/x/sys/unix"
)

// noProgram says of an error that the file is no program for this computer.
func noProgram(err error) bool { return errors.Is(err, unix.ENOEXEC) }
