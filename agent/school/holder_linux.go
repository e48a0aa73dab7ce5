package school

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// endHolder ends the process that holds a lock, and says whether it did. The
// kernel's own list says which it is; only an agent is ended: this program, or
// the one that was here before an update of the file.
func endHolder(path string) bool {
	pid, found := holderOf(path)
	if !found || pid == os.Getpid() {
		return false
	}
	own, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return false
	}
	its, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil || base(its) != base(own) {
		return false
	}
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}

// base is the file name of a program; the kernel says of one that was replaced
// that it is deleted.
func base(exe string) string {
	exe = strings.TrimSuffix(exe, " (deleted)")
	return exe[strings.LastIndexByte(exe, '/')+1:]
}

// holderOf finds the holder of a flock in /proc/locks (proc(5)): "1: FLOCK
// ADVISORY WRITE 4711 fd:01:131 0 EOF".
func holderOf(path string) (pid int, found bool) {
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		return 0, false
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	major, minor := st.Dev>>8&0xfff|st.Dev>>32&^0xfff, st.Dev&0xff|st.Dev>>12&^0xff
	place := fmt.Sprintf("%02x:%02x:%d", major, minor, st.Ino)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		if len(w) < 6 || w[1] != "FLOCK" || w[5] != place {
			continue
		}
		if pid, err := strconv.Atoi(w[4]); err == nil && pid > 0 {
			return pid, true
		}
	}
	return 0, false
}
