package secret

import (
	"crypto/rand"
	"os"
	"path/filepath"
)

// CreateTemp makes a file of a new name, which begins with prefix, that only
// SYSTEM, administrators and this user may open: the mode that os.CreateTemp asks
// for means nothing to Windows, where a file is open to whom its directory is.
func CreateTemp(dir, prefix string) (*os.File, error) {
	if dir == "" {
		dir = "."
	}
	return create(filepath.Join(dir, prefix+rand.Text()))
}
