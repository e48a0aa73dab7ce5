package supervise

import (
	"errors"

	"golang.org/x/sys/windows"
)

// noProgram says of an error that the file is no program for this computer.
func noProgram(err error) bool {
	return errors.Is(err, windows.ERROR_BAD_EXE_FORMAT) || errors.Is(err, windows.ERROR_EXE_MACHINE_TYPE_MISMATCH)
}
