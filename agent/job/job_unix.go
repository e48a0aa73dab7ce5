//go:build unix

package job

import (
	"os/exec"
	"syscall"
)

// A Job is a program and its children.
type Job struct{ cmd *exec.Cmd }

// New prepares a program that is about to be started.
func New(cmd *exec.Cmd) (*Job, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &Job{cmd: cmd}, nil
}

// Started takes the program in; after an error it must be ended.
func (j *Job) Started() error { return nil }

// Kill ends the whole group at once. Call it before the program has been waited
// for, while its number is still its own.
func (j *Job) Kill() error {
	return syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL)
}

// Close releases the job.
func (j *Job) Close() {}
