package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is USER_HZ, which Linux has fixed at 100 for every architecture
// that Go runs on.
const clockTick = 10 * time.Millisecond

// processCPU is what a running process has used in user and kernel mode, to
// the nanosecond: its POSIX CPU-time clock, whose id is made from the process
// id (clock_getcpuclockid).
func processCPU(pid int) (time.Duration, error) {
	const schedulerClock = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &t); err != nil {
		return 0, fmt.Errorf("read the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// treeCPU is processCPU of a process, of its children, and of the children
// that have ended: what a database server has used, whose work is done in
// processes that come and go.
func treeCPU(pid int) (time.Duration, error) {
	total, err := processCPU(pid)
	if err != nil {
		return 0, err
	}
	own, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	total += own.ended
	children, err := childrenOf(pid)
	if err != nil {
		return 0, err
	}
	for _, child := range children {
		s, err := statOf(child)
		if err != nil {
			continue // it ended meanwhile
		}
		if used, err := processCPU(child); err == nil {
			total += used + s.ended
		}
	}
	return total, nil
}

// childrenOf are the processes that a process has started and that run
// (proc_pid_task_tid_children(5)), whichever of its threads it was.
func childrenOf(pid int) (children []int, err error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			return nil, err
		}
		for _, f := range bytes.Fields(data) {
			child, err := strconv.Atoi(string(f))
			if err != nil {
				return nil, fmt.Errorf("%s is not as expected", list)
			}
			children = append(children, child)
		}
	}
	return children, nil
}

type procStat struct {
	parent int
	ended  time.Duration // CPU of children that were waited for
}

// statOf reads /proc/pid/stat (proc_pid_stat(5)): field 4 is the parent, 16 and
// 17 are the CPU ticks of ended children.
func statOf(pid int) (procStat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	// The name in brackets may hold anything; the numbers follow the last bracket.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 15 {
		return procStat{}, fmt.Errorf("/proc/%d/stat is not as expected", pid)
	}
	var n [3]int64
	for i, at := range []int{1, 13, 14} {
		if n[i], err = strconv.ParseInt(string(fields[at]), 10, 64); err != nil {
			return procStat{}, fmt.Errorf("/proc/%d/stat is not as expected", pid)
		}
	}
	return procStat{parent: int(n[0]), ended: time.Duration(n[1]+n[2]) * clockTick}, nil
}

// residentMemory is what a running process holds in memory now, and held at
// most, in bytes.
func residentMemory(pid int) (now, peak int64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range bytes.Lines(data) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(string(f[1]), 10, 64)
		switch string(f[0]) {
		case "VmRSS:":
			now = kb << 10
		case "VmHWM:":
			peak = kb << 10
		}
	}
	return now, peak, nil
}

// dataSync makes a file's content durable without its times.
func dataSync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
