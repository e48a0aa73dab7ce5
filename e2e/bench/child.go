package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"rollbridge/e2e/stack"
)

// usage is what a process that has ended took.
type usage struct {
	Wall, CPU time.Duration
	Peak      int64 // bytes of memory
	Stdout    string
}

// measure runs a program to its end. A program that fails is a broken run.
func measure(ctx context.Context, program string, env []string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(stack.Environment(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("run %s %v: %w", program, args, err)
	}
	ended := make(chan struct{})
	peak := make(chan int64, 1)
	go func() { peak <- watchPeak(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	wall := time.Since(begin)
	close(ended)
	u := usage{Wall: wall, CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), Peak: <-peak, Stdout: out.String()}
	if err != nil {
		return usage{}, fmt.Errorf("run %s %v: %w\n%s%s", program, args, err, out.String(), errOut.String())
	}
	return u, nil
}

// watchPeak asks for the peak memory of a process until it has ended, and
// returns the last answer. What the kernel reports of an ended process would be
// exact, but has the memory of whoever started it in it (getrusage(2) keeps the
// peak across exec), and this program holds a school.
func watchPeak(pid int, ended <-chan struct{}) (peak int64) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, now, err := residentMemory(pid); err == nil {
			peak = max(peak, now)
		}
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
	}
}

// itself is this program, to be started again as a yardstick.
func itself() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program to start a yardstick: %w", err)
	}
	return path, nil
}

// Names of the yardsticks: the first argument of a process that is one.
const (
	childBare   = "yardstick-server"
	childCSV    = "yardstick-csv"
	childXML    = "yardstick-xml"
	childSelect = "yardstick-select"
	childReport = "yardstick-report"
	childREST   = "yardstick-rest"
)

// runChild is main of a yardstick; handled says whether args named one.
func runChild(args []string) (handled bool, err error) {
	if len(args) < 2 {
		return false, nil
	}
	switch args[0] {
	case childBare:
		if len(args) != 5 {
			return true, errors.New("usage: " + childBare + " LISTEN CERT KEY FILE")
		}
		return true, serveBare(args[1], args[2], args[3], args[4])
	case childCSV:
		return true, parseCSVFiles(args[1:])
	case childXML:
		return true, parseXMLFiles(args[1:])
	case childSelect:
		return true, selectRows(args[1])
	case childReport:
		return true, parseReports(args[1], args[2:])
	case childREST:
		return true, readPages(args[1:])
	}
	return false, nil
}
