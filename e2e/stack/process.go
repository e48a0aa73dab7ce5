package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"rollbridge/e2e/instance"
)

// A Process is one running program with its output in a file.
type Process struct {
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{}
	err  error
}

// Start runs a program until Stop or Kill. Output is appended to logFile.
func Start(program, logFile string, env []string, args ...string) (*Process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(Environment(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own: an interrupt typed at the demo reaches the demo only,
	// which then stops its programs in order.
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), log.Close())
	}
	p := &Process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		log.Close()
		close(p.done)
	}()
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.done }

// Err is how the process ended; nil for code 0. Ask only after Exited.
func (p *Process) Err() error { return p.err }

// Stop asks the process to end and kills it after a grace period.
func (p *Process) Stop() error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return p.err
	case <-time.After(20 * time.Second):
		p.Kill()
		return fmt.Errorf("process %d did not stop when asked and was killed", p.PID())
	}
}

// Kill ends the process at once, as a power cut would, and waits for its end.
func (p *Process) Kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// A Result is what a command printed and how it ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a program to its end with the given standard input.
func Run(ctx context.Context, program, stdin string, env []string, args ...string) (Result, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(Environment(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	r := Result{Stdout: out.String(), Stderr: errOut.String(), Code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return r, fmt.Errorf("run %s %s: %w", program, strings.Join(args, " "), err)
	}
	return r, nil
}

// Must is Run for a command that has to succeed: its standard output.
func Must(ctx context.Context, program, stdin string, env []string, args ...string) (string, error) {
	r, err := Run(ctx, program, stdin, env, args...)
	if err != nil {
		return "", err
	}
	if r.Code != 0 {
		return "", fmt.Errorf("%s %s ended with code %d:\n%s%s", program, strings.Join(args, " "), r.Code, tail([]byte(r.Stdout)), tail([]byte(r.Stderr)))
	}
	return r.Stdout, nil
}

// given holds the ports that FreeAddress has handed out.
var given = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// FreeAddress is a loopback address that nothing listens on, and that this
// process never gets a second time: a program binds its port only later, and
// until then the system would hand the same one out again. For the same reason
// it is below the ports that systems give to outgoing connections (32768 and
// above on Linux).
func FreeAddress() (string, error) {
	given.Lock()
	defer given.Unlock()
	var last error
	for range 200 {
		port := 10000 + rand.IntN(22000)
		if given.ports[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		given.ports[port] = true
		return l.Addr().String(), l.Close()
	}
	return "", fmt.Errorf("find a free port: %w", last)
}

// Await looks every few milliseconds until done says yes, and fails with what
// it last heard when ctx ends first.
func Await(ctx context.Context, what string, done func() (bool, error)) error {
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := done()
		if ok && err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err // not that of a command which the end of ctx cut off
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s in vain: %w", what, errors.Join(ctx.Err(), last))
		case <-tick.C:
		}
	}
}

// Environment is this process's own, without what is for tests only: a program
// refuses settings that it does not know, and need not see a password.
func Environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, instance.Variable+"=") })
}
