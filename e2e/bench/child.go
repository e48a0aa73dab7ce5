package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
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
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		return usage{}, fmt.Errorf("run %s %v: %w\n%s%s", program, args, err, out.String(), errOut.String())
	}
	s := cmd.ProcessState
	return usage{Wall: wall, CPU: s.UserTime() + s.SystemTime(), Peak: maxRSS(s), Stdout: out.String()}, nil
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
	childBare = "yardstick-server"
	childCSV  = "yardstick-csv"
	childXML  = "yardstick-xml"
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
	}
	return false, nil
}
