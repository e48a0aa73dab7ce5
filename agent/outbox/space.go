package outbox

import (
	"errors"
	"strings"
)

// noSpace says whether an error means that nothing more can be written here:
// the disk, the quota or the limit of a file's size is reached. bbolt passes
// some errors of the system on as text only, so the text counts too.
func noSpace(err error) bool {
	if err == nil {
		return false
	}
	for _, full := range fullErrors {
		if errors.Is(err, full) || strings.Contains(err.Error(), full.Error()) {
			return true
		}
	}
	return false
}
