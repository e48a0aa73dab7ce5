package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"rollbridge/agent/job"
)

// StopLimit is how long a worker may take to end once its standard input has.
const StopLimit = 30 * time.Second

// stopLimit is StopLimit; tests have less patience.
var stopLimit = StopLimit

// reading is how long the output of a worker that has ended is waited for: a
// child of it may hold it open.
const reading = time.Second

// A process is a worker that was started.
type process struct {
	pid int
	// lines are those that mean something; whoever started the worker reads them
	// until it calls close.
	lines <-chan string
	// ended gives once why it ended, when it has with all its children.
	ended <-chan error
	// written is how much it has written so far, of what is looked at.
	written func() int64
	// stop ends its standard input, kill ends it at once; close is called when it
	// has ended.
	stop, kill, close func()
}

// starter starts a program with pipes that only this process holds. With metered
// its standard error goes through here, so that what writes without end is
// noticed; otherwise it outlives this process.
type starter struct {
	args   []string
	stderr *os.File
	// left ends what a worker left behind.
	left func() error
}

func (s starter) start(program string, metered bool) (*process, error) {
	bound, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(bound, program, s.args...)
	cmd.Env, cmd.WaitDelay = workerEnvironment(os.Environ()), reading
	together, err := job.New(cmd)
	if err != nil {
		kill()
		return nil, err
	}
	cmd.Cancel = together.Kill
	var written atomic.Int64
	gone, lines := make(chan struct{}), make(chan string)
	cmd.Stdout = &listener{written: &written, say: func(line string) {
		select {
		case lines <- line:
		case <-gone:
		}
	}}
	switch {
	case s.stderr != nil && metered:
		cmd.Stderr = &meter{to: s.stderr, written: &written}
	case s.stderr != nil:
		cmd.Stderr = s.stderr
	}
	fail := func(err error) (*process, error) {
		kill()
		together.Close()
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return fail(fmt.Errorf("prepare the worker: %w", err))
	}
	if err := cmd.Start(); err != nil {
		return fail(fmt.Errorf("start the worker: %w", err))
	}
	if err := together.Started(); err != nil {
		kill()
		return fail(errors.Join(fmt.Errorf("keep the worker under control: %w", err), cmd.Wait()))
	}
	ended := make(chan error, 1)
	go func() {
		err := howEnded(cmd.Wait())
		together.Close()
		if left := s.left(); left != nil {
			err = fmt.Errorf("%w; something that it left behind still runs: %w", err, left)
		}
		ended <- err
	}()
	return &process{
		pid: cmd.Process.Pid, lines: lines, ended: ended, written: written.Load,
		stop: func() { _ = in.Close() }, kill: kill, // one that has ended needs neither
		close: func() { close(gone); kill() },
	}, nil
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

// maxLine bounds a line that means something.
const maxLine = 256

// A listener is what the worker prints to: it hands on lines that begin with a
// word of the list, and drops the rest, however much it is.
type listener struct {
	say     func(line string)
	written *atomic.Int64
	line    []byte // the line that has begun, no longer than needed
}

func (l *listener) Write(p []byte) (int, error) {
	l.written.Add(int64(len(p)))
	for _, c := range p {
		switch {
		case c == '\n':
			line := bytes.TrimSuffix(l.line, []byte("\r"))
			if word, _, _ := bytes.Cut(line, []byte(" ")); len(line) <= maxLine && known(string(word)) {
				l.say(string(line))
			}
			l.line = l.line[:0]
		case len(l.line) <= maxLine+1:
			l.line = append(l.line, c)
		}
	}
	return len(p), nil
}

func known(word string) bool {
	switch word {
	case Ready, SelfTest, Alive, Checked, Wish:
		return true
	}
	return false
}

// A meter hands on what a worker on probation logs, and counts it. What cannot
// be written is dropped: the log's end is not the worker's. Beyond any sense it
// is counted only, for the disk that it goes to is the school's.
type meter struct {
	to      io.Writer
	written *atomic.Int64
	window  time.Time
	n       int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.written.Add(int64(len(p)))
	if now := time.Now(); now.Sub(m.window) > floodWithin {
		m.window, m.n = now, 0
	}
	if m.n += int64(len(p)); m.n <= flood {
		_, _ = m.to.Write(p)
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
