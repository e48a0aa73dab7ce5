package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of what the worker leaves behind,
// also of what has left its process group.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of what a worker leaves behind: %w", err)
	}
	return nil
}

// endOrphans ends what is left of a worker that has been waited for: every
// child of this process. Those of a killed child come to this process in turn.
func endOrphans() error {
	for {
		pids, err := children()
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("end process %d, which a worker left behind: %w", pid, err)
			}
			for {
				if _, err = unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
					break
				}
			}
			if err != nil && !errors.Is(err, unix.ECHILD) {
				return fmt.Errorf("wait for process %d, which a worker left behind: %w", pid, err)
			}
		}
	}
}

// children are the children of each thread of this process.
func children() ([]int, error) {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil, fmt.Errorf("look for what a worker left behind: %w", err)
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil { // a thread that has ended
			continue
		}
		for field := range bytes.FieldsSeq(text) {
			pid, err := strconv.Atoi(string(field))
			if err != nil {
				return nil, fmt.Errorf("look for what a worker left behind: %w", err)
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
