package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"

	"rollbridge/agent/job"
	"rollbridge/shared/logkey"
)

// StopLimit is how long a worker may take to end once its standard input has.
const StopLimit = 30 * time.Second

// reading is how long the output of a worker that has ended is waited for: a
// child of it may hold it open.
const reading = time.Second

// A Slot is one program that is to run.
type Slot struct {
	// Path is the program, Args are its arguments without its name.
	Path string
	Args []string
	// Stderr is the worker's standard error. It is a file, so that it outlives this
	// process; nil is nothing.
	Stderr *os.File
	Log    *slog.Logger

	limit time.Duration // 0 is StopLimit
}

// Run keeps the worker running until ctx ends, and returns when it has ended
// with all its children. It is called once in a process, which must have no
// other children.
func (s Slot) Run(ctx context.Context) error {
	if err := adoptOrphans(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { s.notify("STOPPING=1") })()
	keeper{life: s.life, log: s.Log, tell: func(status string) { s.notify("STATUS=" + status) }}.run(ctx)
	return nil
}

// works is called when the worker says that it works. From here on there is
// little to do but wait.
func (s Slot) works() {
	debug.FreeOSMemory()
	if err := trim(); err != nil {
		s.Log.Warn("memory that is not needed could not be given back", logkey.Error, err.Error())
	}
	s.notify("READY=1\nSTATUS=The worker runs")
}

func (s Slot) notify(state string) {
	if err := notify(os.Getenv(notifySocket), state); err != nil {
		s.Log.Warn("systemd could not be told how things stand", logkey.Error, err.Error())
	}
}

// life starts the worker and returns how it ended. When ctx ends its standard
// input ends too, and StopLimit later it is killed.
func (s Slot) life(ctx context.Context) error {
	bound, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	cmd := exec.CommandContext(bound, s.Path, s.Args...)
	cmd.Env, cmd.WaitDelay = workerEnvironment(os.Environ()), reading
	if s.Stderr != nil {
		cmd.Stderr = s.Stderr
	}
	together, err := job.New(cmd)
	if err != nil {
		return err
	}
	defer together.Close()
	cmd.Cancel = together.Kill
	cmd.Stdout = &listener{ready: s.works}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("prepare the worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	if err := together.Started(); err != nil {
		kill()
		return errors.Join(fmt.Errorf("keep the worker under control: %w", err), cmd.Wait())
	}
	s.Log.Info("the worker runs", logkey.Process, cmd.Process.Pid)
	ended := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			in.Close()
		case <-ended:
			return
		}
		select {
		case <-time.After(cmp.Or(s.limit, StopLimit)):
			s.Log.Warn("the worker did not end in time and is killed")
			kill()
		case <-ended:
		}
	}()
	err = howEnded(cmd.Wait())
	close(ended)
	if err := endOrphans(); err != nil {
		s.Log.Error("something that the worker left behind still runs", logkey.Error, err.Error())
	}
	return err
}

// howEnded says in words how a worker ended.
func howEnded(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return errors.New("it ended by itself with 0")
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return fmt.Errorf("it ended by itself with %d; its own last line says why", exit.ExitCode())
	case errors.As(err, &exit):
		return fmt.Errorf("it was ended by %s", exit.ProcessState)
	}
	return fmt.Errorf("wait for the worker: %w", err)
}

// A listener is what the worker prints to; it waits for the line Ready and
// drops the rest.
type listener struct {
	ready func()
	line  []byte // the line that has begun, no longer than needed
}

func (l *listener) Write(p []byte) (int, error) {
	for _, c := range p {
		switch {
		case c == '\n':
			if string(l.line) == Ready {
				l.ready()
			}
			l.line = l.line[:0]
		case len(l.line) <= len(Ready):
			l.line = append(l.line, c)
		}
	}
	return len(p), nil
}

// workerEnvironment leaves out what is between systemd and this process.
func workerEnvironment(all []string) []string {
	var kept []string
	for _, pair := range all {
		if !strings.HasPrefix(pair, notifySocket+"=") {
			kept = append(kept, pair)
		}
	}
	return kept
}
