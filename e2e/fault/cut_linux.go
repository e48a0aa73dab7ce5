package fault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Act is one system call by which a program changes what is on a disk.
type Act struct {
	Name string // as strace names it
	Path string
}

func (a Act) String() string { return a.Name + " " + a.Path }

// A Cut is a program that is cut off, as by a power cut, the moment before an
// act on a file below a directory. strace counts calls for each thread, so with
// a program of many threads it can neither say which act is the next nor find
// each one once; this counts them over the whole program. What the program
// starts is not counted, but ends with it.
type Cut struct {
	// Below is the directory; acts elsewhere are not counted.
	Below string
	// At is the act before which all ends, 1 the first; 0 never.
	At int
	// Counts is asked whether an act is one of those; nil is all.
	Counts func(Act) bool
	// Fail, if not 0, is what the act At and every later one fails with instead,
	// while the program goes on: ENOSPC is a full disk.
	Fail syscall.Errno

	done chan struct{}
	pid  int

	mu    sync.Mutex
	acts  []Act
	fell  bool
	err   error
	state syscall.WaitStatus
}

// Start runs a program whose output is appended to logFile.
func (c *Cut) Start(logFile string, env []string, program string, args ...string) error {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", program, err), log.Close())
	}
	if program, err = exec.LookPath(program); err != nil {
		return errors.Join(fmt.Errorf("start %s: %w", program, err), log.Close(), null.Close())
	}
	c.done = make(chan struct{})
	started := make(chan error)
	go func() {
		// The kernel knows the tracer as a thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(c.done)
		pid, err := syscall.ForkExec(program, append([]string{program}, args...), &syscall.ProcAttr{
			Env: append(slices.Clone(os.Environ()), env...), Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
			Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
		})
		err = errors.Join(err, log.Close(), null.Close())
		c.pid = pid
		if started <- err; err == nil {
			err := c.follow()
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", program, err)
	}
	return nil
}

// PID is the process id.
func (c *Cut) PID() int { return c.pid }

// Exited is closed when the program has ended.
func (c *Cut) Exited() <-chan struct{} { return c.done }

// Fell says whether the cut came; Acts are the acts so far, the last one not
// carried out where it came.
func (c *Cut) Fell() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fell
}

// Acts are those that were counted.
func (c *Cut) Acts() []Act {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.acts)
}

// Err is what went wrong with the tracing itself; ask after Exited.
func (c *Cut) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Code is the program's exit code, -1 where a signal ended it; ask after Exited.
func (c *Cut) Code() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.ExitStatus()
}

// Stop asks the program to end and waits for that.
func (c *Cut) Stop() {
	_ = syscall.Kill(c.pid, syscall.SIGTERM)
	<-c.done
}

// Kill ends the program and what it started.
func (c *Cut) Kill() {
	select {
	case <-c.done:
	default:
		endAll(c.pid)
		<-c.done
	}
}

// follow is the tracer: it lets each thread go on from one stop to the next.
func (c *Cut) follow() error {
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	failing := map[int]bool{} // threads whose present call is to fail
	for begun := false; ; {
		var ws syscall.WaitStatus
		// Only the program's own group: all other children of this process, also those
		// that this thread has started before, belong to somebody else.
		tid, err := syscall.Wait4(-c.pid, &ws, unix.WALL|unix.WNOTHREAD, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("follow a program: %w", err)
		}
		if ws.Exited() || ws.Signaled() {
			if tid == c.pid {
				c.mu.Lock()
				c.state = ws
				c.mu.Unlock()
				return nil
			}
			continue
		}
		pass := 0
		switch sig := ws.StopSignal(); {
		case !begun:
			begun = true
			if err := syscall.PtraceSetOptions(tid, options); err != nil {
				return fmt.Errorf("follow a program: %w", err)
			}
		case sig == syscall.SIGTRAP|0x80:
			if err := c.stopped(tid, failing); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		case sig == syscall.SIGTRAP, sig == syscall.SIGSTOP: // a new thread, and its first stop
		default:
			pass = int(sig)
		}
		if err := syscall.PtraceSyscall(tid, pass); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("follow a program: %w", err)
		}
	}
}

// stopped looks at a system call that begins or ends.
func (c *Cut) stopped(tid int, failing map[int]bool) error {
	info, err := callAt(tid)
	if err != nil {
		return err
	}
	if info.op != unix.PTRACE_SYSCALL_INFO_ENTRY {
		if failing[tid] {
			delete(failing, tid)
			return answer(tid, -int64(c.Fail))
		}
		return nil
	}
	act, is := c.act(tid, info)
	if !is || c.Counts != nil && !c.Counts(act) {
		return nil
	}
	c.mu.Lock()
	c.acts = append(c.acts, act)
	now := c.At > 0 && len(c.acts) >= c.At
	c.fell = c.fell || now
	c.mu.Unlock()
	switch {
	case !now:
	case c.Fail != 0:
		// Removing needs no space.
		if strings.HasPrefix(act.Name, "unlink") {
			return nil
		}
		failing[tid] = true
		return skip(tid)
	default:
		endAll(c.pid)
	}
	return nil
}

// A call is what PTRACE_GET_SYSCALL_INFO tells, the same on every processor.
type call struct {
	op     byte
	number uint64
	args   [6]uint64
}

func callAt(tid int) (call, error) {
	var raw [88]byte
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), uintptr(len(raw)), uintptr(unsafe.Pointer(&raw[0])), 0, 0)
	if errno != 0 {
		return call{}, fmt.Errorf("ask what a program does: %w", errno)
	}
	c := call{op: raw[0], number: binary.NativeEndian.Uint64(raw[24:])}
	for i := range c.args {
		c.args[i] = binary.NativeEndian.Uint64(raw[32+8*i:])
	}
	return c, nil
}

// act is what a call does below the directory, if anything.
func (c *Cut) act(tid int, info call) (a Act, is bool) {
	for _, k := range kinds {
		if uint64(k.number) != info.number {
			continue
		}
		if k.writes != nil && !k.writes(info.args) {
			return a, false
		}
		a.Name = k.name
		if k.path < 0 {
			a.Path = linkOf(tid, "fd/"+strconv.FormatUint(info.args[0], 10))
		} else {
			a.Path = pathAt(tid, int32(info.args[k.path-1]), info.args[k.path])
		}
		return a, a.Path == c.Below || strings.HasPrefix(a.Path, c.Below+"/")
	}
	return a, false
}

// A kind of call that changes what is on a disk, with directories given by
// descriptor: those are what Go makes, on every processor. path is which
// argument names the file, after the one of its directory; below 0 the first is
// the file itself.
type kind struct {
	number int
	name   string
	path   int
	writes func(args [6]uint64) bool
}

var kinds = []kind{
	{unix.SYS_OPENAT, "create", 1, func(a [6]uint64) bool { return a[2]&(unix.O_CREAT|unix.O_TRUNC) != 0 }},
	{unix.SYS_WRITE, "write", -1, nil},
	{unix.SYS_PWRITE64, "write", -1, nil},
	{unix.SYS_FTRUNCATE, "truncate", -1, nil},
	{unix.SYS_FSYNC, "fsync", -1, nil},
	{unix.SYS_FDATASYNC, "fsync", -1, nil},
	{unix.SYS_FCHMOD, "chmod", -1, nil},
	{unix.SYS_FCHMODAT, "chmod", 1, nil},
	{unix.SYS_RENAMEAT, "rename to", 3, nil},
	{unix.SYS_RENAMEAT2, "rename to", 3, nil},
	{unix.SYS_LINKAT, "link to", 3, nil},
	{unix.SYS_UNLINKAT, "unlink", 1, nil},
	{unix.SYS_MKDIRAT, "mkdir", 1, nil},
}

func linkOf(tid int, name string) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", tid, name))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(path, " (deleted)")
}

// pathAt reads a name from the program's memory.
func pathAt(tid int, dir int32, at uint64) string {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", tid))
	if err != nil {
		return ""
	}
	defer mem.Close()
	buf := make([]byte, 4096)
	n, _ := mem.ReadAt(buf[:4096-at%4096], int64(at)) // what is not mapped ends a read
	name, _, whole := bytes.Cut(buf[:n], []byte{0})
	if !whole {
		more, _ := mem.ReadAt(buf[n:], int64(at)+int64(n))
		if name, _, whole = bytes.Cut(buf[:n+more], []byte{0}); !whole {
			return ""
		}
	}
	switch {
	case filepath.IsAbs(string(name)):
		return filepath.Clean(string(name))
	case dir == unix.AT_FDCWD:
		return filepath.Join(linkOf(tid, "cwd"), string(name))
	}
	return filepath.Join(linkOf(tid, "fd/"+strconv.Itoa(int(dir))), string(name))
}

// endAll kills a process and all that it started, as when the power goes.
func endAll(pid int) {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, l := range lists {
			text, _ := os.ReadFile(l)
			for field := range bytes.FieldsSeq(text) {
				if child, err := strconv.Atoi(string(field)); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	for _, p := range all {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}
