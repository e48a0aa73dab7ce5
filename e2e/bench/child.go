package main

import (
	"bytes"
	"context"
	"encoding/json"
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
//
// It is started by a process that does nothing else (launch): Linux counts the
// memory of whoever starts a program into that program's peak, and this one
// holds a school.
func measure(ctx context.Context, program string, env []string, args ...string) (u usage, err error) {
	launcher, err := itself()
	if err != nil {
		return usage{}, err
	}
	result, err := os.CreateTemp("", "rollbridge-bench-usage-")
	if err != nil {
		return usage{}, fmt.Errorf("measure a program: %w", err)
	}
	defer func() { err = errors.Join(err, result.Close(), os.Remove(result.Name())) }()
	cmd := exec.CommandContext(ctx, launcher, append([]string{childLaunch, result.Name(), program}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return usage{}, fmt.Errorf("run %s %v: %w\n%s%s", program, args, err, out.String(), errOut.String())
	}
	if err := json.NewDecoder(result).Decode(&u); err != nil {
		return usage{}, fmt.Errorf("measure a program: %w", err)
	}
	u.Stdout = out.String()
	return u, nil
}

// launch runs a program to its end and writes what it took to a file.
func launch(result, program string, args []string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	begin := time.Now()
	err := cmd.Run()
	wall := time.Since(begin)
	if err != nil {
		return err
	}
	s := cmd.ProcessState
	text, err := json.Marshal(usage{Wall: wall, CPU: s.UserTime() + s.SystemTime(), Peak: maxRSS(s)})
	if err != nil {
		return err
	}
	return os.WriteFile(result, text, 0o600)
}

// itself is this program, to be started again as a yardstick.
func itself() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program to start a yardstick: %w", err)
	}
	return path, nil
}

// The first argument of a process that is a yardstick, or starts one.
const (
	childBare   = "yardstick-server"
	childCSV    = "yardstick-csv"
	childXML    = "yardstick-xml"
	childLaunch = "launch"
)

// runChild is main of such a process; handled says whether args named one.
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
	case childLaunch:
		if len(args) < 3 {
			return true, errors.New("usage: " + childLaunch + " RESULT PROGRAM [ARGUMENT ...]")
		}
		return true, launch(args[1], args[2], args[3:])
	case childCSV:
		return true, parseCSVFiles(args[1:])
	case childXML:
		return true, parseXMLFiles(args[1:])
	}
	return false, nil
}
