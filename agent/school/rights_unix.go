//go:build unix

package school

import (
	"fmt"
	"os"
)

func checkRights(dir string) []string {
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return []string{fmt.Sprintf("the data directory is open to other users (mode %04o): chmod 700 it", info.Mode().Perm())}
	}
	return nil
}
