package job

import (
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// A Job is a program and its children, which end together: with Kill, with Close,
// or with this program, whose handle is the only one. A child that the program
// starts in the moment before Started is not part of it.
type Job struct {
	cmd    *exec.Cmd
	handle windows.Handle
}

// New prepares a program that is about to be started.
func New(cmd *exec.Cmd) (*Job, error) {
	handle, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("make a job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(handle, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(handle) // nothing is in it
		return nil, fmt.Errorf("set up a job object: %w", err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	return &Job{cmd: cmd, handle: handle}, nil
}

// Started takes the program in; after an error it must be ended.
func (j *Job) Started() error {
	process, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(j.cmd.Process.Pid))
	if err != nil {
		return fmt.Errorf("open the program: %w", err)
	}
	defer windows.CloseHandle(process)
	if err := windows.AssignProcessToJobObject(j.handle, process); err != nil {
		return fmt.Errorf("put the program into its job object: %w", err)
	}
	return nil
}

// Kill ends everything in the job at once, and the program itself if it is not in
// it yet.
func (j *Job) Kill() error {
	err := windows.TerminateJobObject(j.handle, 1)
	_ = j.cmd.Process.Kill() // usually it has just ended with its job
	return err
}

// Close ends what still runs in the job and releases it.
func (j *Job) Close() { _ = windows.CloseHandle(j.handle) }
