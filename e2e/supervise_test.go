//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/event"
	"rollbridge/e2e/stack"
)

// A supervised agent is one under `supervise`, in a process of the test's.
type supervised struct {
	w       *world
	process *stack.Process
	socket  *net.UnixConn
}

func supervise(w *world) *supervised {
	w.t.Helper()
	address := filepath.Join(w.dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	w.must(err)
	w.t.Cleanup(func() { socket.Close() })
	p, err := stack.Start(w.agent.Programs.Agent, w.agent.LogFile(), append(w.agent.Env(), "NOTIFY_SOCKET="+address), "supervise")
	w.must(err)
	w.t.Cleanup(func() { _ = p.Stop() })
	s := &supervised{w: w, process: p, socket: socket}
	s.told("READY=1")
	return s
}

// told waits for a message to systemd that holds text.
func (s *supervised) told(text string) {
	s.w.t.Helper()
	s.w.must(s.socket.SetReadDeadline(time.Now().Add(2 * time.Minute)))
	for p := make([]byte, 4096); ; {
		n, err := s.socket.Read(p)
		if err != nil {
			s.w.t.Fatalf("systemd was not told %q: %v\n%s", text, err, s.log())
		}
		if strings.Contains(string(p[:n]), text) {
			return
		}
	}
}

func (s *supervised) log() string {
	text, err := os.ReadFile(s.w.agent.LogFile())
	s.w.must(err)
	return string(text)
}

// counted waits until an event was logged so many times, and not more often.
func (s *supervised) counted(id event.ID, times int) {
	s.w.t.Helper()
	s.w.must(stack.Await(s.w.ctx, fmt.Sprintf("event %d to be logged", id), func() (bool, error) {
		if s.times(id) < times {
			return false, fmt.Errorf("%w: the log is\n%s", errNotYet, s.log())
		}
		return true, nil
	}))
	if n := s.times(id); n > times {
		s.w.t.Errorf("event %d was logged %d times, not %d:\n%s", id, n, times, s.log())
	}
}

func (s *supervised) times(id event.ID) int {
	return strings.Count(s.log(), fmt.Sprintf(" event=%d", id))
}

// worker is the number of the newest worker.
func (s *supervised) worker() (pid int) {
	s.w.t.Helper()
	for line := range strings.Lines(s.log()) {
		if _, number, found := strings.Cut(line, `msg="the worker runs" pid=`); found {
			_, err := fmt.Sscan(number, &pid)
			s.w.must(err)
		}
	}
	return pid
}

// TestSupervisedAgent stages what a school's IT may watch for and finds each
// event once, whatever the agent goes through: its worker killed, the MIS away,
// a pause, a revoke, an end of the supervisor itself.
func TestSupervisedAgent(t *testing.T) {
	t.Parallel()
	w := enrolled(t, small(), stack.CollectorOptions{}, stack.AgentOptions{})
	s := supervise(w)
	s.counted(event.Started, 1)
	w.sync()
	if s.times(event.Received) == 0 {
		t.Error("a batch that was received is no event")
	}

	w.must(syscall.Kill(s.worker(), syscall.SIGKILL))
	s.told("STATUS=The worker ended")
	s.told("READY=1")
	s.counted(event.Crashed, 1)
	s.counted(event.Started, 2)
	w.sound()

	for range 2 {
		_, err := w.agent.Command(w.ctx, "pause")
		w.must(err)
	}
	s.counted(event.Paused, 1)
	_, err := w.agent.Command(w.ctx, "resume")
	w.must(err)
	s.counted(event.Resumed, 1)

	w.must(w.mis.Close())
	for range 2 {
		r, err := w.agent.Try(w.ctx, "sync")
		w.must(err)
		if r.Code != 5 {
			t.Fatalf("a sync without a MIS ended with %d:\n%s", r.Code, r.Stderr)
		}
	}
	s.counted(event.MISUnread, 1)

	_, err = w.agent.Command(w.ctx, "revoke", "--yes")
	w.must(err)
	s.counted(event.Revoked, 1)
	last := s.worker()
	s.process.Kill()
	w.must(stack.Await(w.ctx, "the worker to end with its supervisor", func() (bool, error) {
		if syscall.Kill(last, 0) == nil {
			return false, errNotYet
		}
		return true, nil
	}))
	s.counted(event.Stopped, 1)
}
