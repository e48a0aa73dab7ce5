//go:build unix

package mis

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// alive says whether a process still runs; one that nobody has waited for does
// not.
func alive(pid string) bool {
	if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil {
		return !bytes.Contains(stat, []byte(") Z "))
	}
	n, err := strconv.Atoi(pid)
	return err == nil && syscall.Kill(n, 0) == nil
}
