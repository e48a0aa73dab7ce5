//go:build unix

package mis

import (
	"os/exec"
	"syscall"
)

// A job is a program and its children, which end together.
type job struct{ cmd *exec.Cmd }

func newJob(cmd *exec.Cmd) (*job, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &job{cmd: cmd}, nil
}

func (j *job) started() error { return nil }

// kill ends the whole group. It is called before the program is waited for, so
// that its number is still its own.
func (j *job) kill() error {
	return syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL)
}

func (j *job) close() {}
