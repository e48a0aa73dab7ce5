//go:build unix

package supervise

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rollbridge/agent/slot"
)

// The test program is worker and supervisor too, as this variable says.
const roleVariable = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "worker":
		worker()
	case "stubborn":
		fmt.Println(Ready)
		_, _ = os.Stdin.Read(make([]byte, 1))
		time.Sleep(time.Hour)
	case "supervisor":
		supervisor()
	default:
		os.Exit(m.Run())
	}
}

// worker starts a child that leaves its group, says both numbers, works until
// its input ends and then says that it ends.
func worker() {
	child := exec.Command("sleep", "3600")
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	child.Stdout = os.Stdout // holds the pipe open, as a careless program does
	if err := child.Start(); err != nil {
		panic(err)
	}
	say("worker %d child %d", os.Getpid(), child.Process.Pid)
	fmt.Println("not " + Ready)
	fmt.Println(Ready)
	_, _ = io.Copy(io.Discard, os.Stdin)
	say("ended %d", os.Getpid())
	if os.Getenv("NOTIFY_SOCKET") != "" {
		say("the worker was given systemd's socket")
	}
}

func say(format string, args ...any) {
	f, err := os.OpenFile(os.Getenv("SUPERVISE_TEST_FILE"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintf(f, format+"\n", args...)
}

// supervisor runs a slot in a process of its own, which can be killed.
func supervisor() {
	_ = os.Setenv(roleVariable, os.Getenv("SUPERVISE_TEST_WORKER"))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // how the test ends it in order
		cancel()
	}()
	s := Supervisor{Own: os.Args[0], Version: "1.0.0", Dir: slot.Beside(os.Args[0]), Stderr: os.Stderr, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if os.Getenv(roleVariable) == "stubborn" {
		stopLimit = 100 * time.Millisecond
	}
	if err := s.Run(ctx); err != nil {
		panic(err)
	}
}

// A run is a supervisor under test.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.Closer
	file   string
	socket *net.UnixConn
	log    lockedBuffer
}

// lockedBuffer embeds nothing: its other methods would be used without the lock.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func begin(t *testing.T, worker string) *run {
	t.Helper()
	dir := t.TempDir()
	r := &run{t: t, file: filepath.Join(dir, "said")}
	address := filepath.Join(dir, "notify")
	var err error
	if r.socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.socket.Close() })
	r.cmd = exec.Command(os.Args[0])
	r.cmd.Env = append(os.Environ(), roleVariable+"=supervisor", "SUPERVISE_TEST_WORKER="+worker, "SUPERVISE_TEST_FILE="+r.file, notifySocket+"="+address)
	r.cmd.Stderr = &r.log
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
		}
		for _, pids := range r.workers() {
			_ = syscall.Kill(pids[0], syscall.SIGKILL)
			_ = syscall.Kill(pids[1], syscall.SIGKILL)
		}
	})
	return r
}

// told waits for a message to systemd that holds text.
func (r *run) told(text string) {
	r.t.Helper()
	if err := r.socket.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	p := make([]byte, 4096)
	for {
		n, err := r.socket.Read(p)
		if err != nil {
			r.t.Fatalf("systemd was not told %q: %v\n%s", text, err, r.log.String())
		}
		if strings.Contains(string(p[:n]), text) {
			return
		}
	}
}

// workers are the numbers of each worker so far and of its child.
func (r *run) workers() (found [][2]int) {
	for _, line := range r.said() {
		var w, c int
		if n, _ := fmt.Sscanf(line, "worker %d child %d", &w, &c); n == 2 {
			found = append(found, [2]int{w, c})
		}
	}
	return found
}

func (r *run) said() (lines []string) {
	f, err := os.Open(r.file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

func (r *run) await(what string, yes func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for %s; it was said %q\n%s", what, r.said(), r.log.String())
		}
	}
}

func (r *run) gone(pid int) {
	r.t.Helper()
	r.await(fmt.Sprintf("the end of process %d", pid), func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || bytes.Contains(stat, []byte(") Z "))
	})
}

// A stop ends the worker in order, and its child, which left its group and
// would have gone on, with it.
func TestStop(t *testing.T) {
	t.Parallel()
	r := begin(t, "worker")
	r.told("READY=1")
	r.in.Close()
	r.told("STOPPING=1")
	if err := r.cmd.Wait(); err != nil {
		t.Fatalf("the supervisor ended with %v\n%s", err, r.log.String())
	}
	w := r.workers()
	if said := r.said(); len(w) != 1 || said[len(said)-1] != fmt.Sprintf("ended %d", w[0][0]) {
		t.Errorf("the worker said %q", said)
	}
	for _, pid := range w[0] {
		if syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d runs on", pid)
		}
	}
}

// A worker that is killed is started again, and systemd hears of both. What it
// left behind is gone before.
func TestCrash(t *testing.T) {
	t.Parallel()
	r := begin(t, "worker")
	r.told("READY=1")
	first := r.workers()[0]
	if err := syscall.Kill(first[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.told("STATUS=The worker ended (it was ended by signal: killed)")
	if syscall.Kill(first[1], 0) == nil {
		t.Error("the child of the worker that was killed runs on")
	}
	r.told("READY=1")
	if w := r.workers(); len(w) != 2 {
		t.Errorf("the workers are %v", w)
	}
	if !strings.Contains(r.log.String(), "event=5000") {
		t.Errorf("the crash is not announced:\n%s", r.log.String())
	}
	r.in.Close()
	if err := r.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// Where the supervisor itself is killed the worker ends in order, because its
// input ends.
func TestKilledSupervisor(t *testing.T) {
	t.Parallel()
	r := begin(t, "worker")
	r.told("READY=1")
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	r.gone(r.workers()[0][0])
	if said := r.said(); !strings.HasPrefix(said[len(said)-1], "ended ") {
		t.Errorf("the worker said %q", said)
	}
}

// A worker that does not care that its input has ended is killed.
func TestStubbornWorker(t *testing.T) {
	t.Parallel()
	r := begin(t, "stubborn")
	r.told("READY=1")
	r.in.Close()
	if err := r.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), "the worker did not end in time and is killed") {
		t.Errorf("the log is\n%s", r.log.String())
	}
}

// What a worker prints is heard in whole lines with a known first word, whatever
// is around them, and costs nothing but the longest of those.
func TestListener(t *testing.T) {
	var heard []string
	var written atomic.Int64
	l := &listener{say: func(line string) { heard = append(heard, line) }, written: &written}
	text := "hello\nready\r\nnot ready\nready or not\n\nselftest store \"oakmere\"\nalive" + strings.Repeat("e", 1<<20) + "\nwish\n" +
		"selftest " + strings.Repeat("x", 2*maxLine) + "\nchecked\nalive"
	for part := range slices.Chunk([]byte(text), 7) {
		if n, err := l.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	want := []string{"ready", "ready or not", `selftest store "oakmere"`, "wish", "checked"}
	if !slices.Equal(heard, want) || written.Load() != int64(len(text)) || cap(l.line) > 4*maxLine {
		t.Errorf("heard were %q; %d bytes, %d kept", heard, written.Load(), cap(l.line))
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = l.Write([]byte("a flood of this and that and so on\n")) }); n > 0 {
		t.Errorf("a line that means nothing costs %v allocations", n)
	}
}

// What floods the log is counted, and the log is spared.
func TestMeter(t *testing.T) {
	var log bytes.Buffer
	var written atomic.Int64
	m := &meter{to: &log, written: &written}
	line := []byte(strings.Repeat("x", 1<<16))
	for range 3 * flood / len(line) {
		if n, err := m.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if written.Load() != 3*flood || log.Len() != flood {
		t.Errorf("%d bytes were counted and %d written", written.Load(), log.Len())
	}
}

// What the system says of a program that it does not start is understood.
func TestNotStarted(t *testing.T) {
	s := starter{left: endOrphans}
	path := filepath.Join(t.TempDir(), "program")
	start := func() slot.Reason {
		t.Helper()
		p, err := s.start(path, true)
		if err == nil {
			p.kill()
			<-p.ended
			p.close()
			t.Fatal("it was started")
		}
		return notStarted(err)
	}
	if got := start(); got != slot.Vanished {
		t.Errorf("a program that is gone: %q", got)
	}
	if err := os.WriteFile(path, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := start(); got != "" {
		t.Errorf("one that may not be started, for now: %q", got)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := start(); got != slot.Unstartable {
		t.Errorf("one for another computer: %q", got)
	}
}
