//go:build unix

package keys

import (
	"fmt"
	"io/fs"
	"os"
)

func private(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 == 0 }

// syncDir makes a rename or a removal in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.Sync(); err != nil {
		d.Close()
		return fmt.Errorf("sync directory: %w", err)
	}
	return d.Close()
}
