//go:build unix

package secret

import "os"

// CreateTemp makes a file of a new name, which begins with prefix, that only this
// user may open.
func CreateTemp(dir, prefix string) (*os.File, error) { return os.CreateTemp(dir, prefix+"*") }
