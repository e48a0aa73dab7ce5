//go:build unix

package slot

import "os"

// rename gives a finished file its name; the caller syncs the directory.
func rename(from, to string) error { return os.Rename(from, to) }
