package memory

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// trim gives back the memory that starting has touched of the program's own
// file: code and constants of all that the program can do, of which waiting for
// a worker needs little. They come back from the file when they are needed.
// Only what cannot be written is given back, so nothing is lost; what it costs
// is a few page faults.
func trim() error {
	own, err := os.Executable()
	if err != nil {
		return fmt.Errorf("give memory back: %w", err)
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return fmt.Errorf("give memory back: %w", err)
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uintptr
		var rights string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); n != 3 || !strings.HasSuffix(lines.Text(), " "+own) || strings.Contains(rights, "w") {
			continue
		}
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give memory back: %w", errno)
		}
	}
	return lines.Err()
}
