package mis

import (
	"os"
	"strconv"
)

// alive says whether a process still runs.
func alive(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	p, err := os.FindProcess(n)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
