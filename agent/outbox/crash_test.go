//go:build unix

package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
)

// The child processes of the tests below are this test program again, told by
// the environment what to do.
const childEnv = "OUTBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		os.Exit(child(task))
	}
	os.Exit(m.Run())
}

// A plain is a failer for child processes, which have no *testing.T.
type plain struct{}

func (plain) Helper()                   {}
func (plain) Fatal(a ...any)            { fmt.Println(a...); os.Exit(3) }
func (plain) Fatalf(f string, a ...any) { fmt.Printf(f+"\n", a...); os.Exit(3) }
func (plain) Error(a ...any)            { fmt.Println(a...) }
func (plain) Cleanup(func())            {}

func child(task string) int {
	name, arg, _ := strings.Cut(task, " ")
	dir := os.Getenv("OUTBOX_TEST_DIR")
	switch name {
	case "stop":
		stopAt, _ := strconv.Atoi(arg)
		outbox.SetReached(func(string) {
			if stopAt--; stopAt == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
		work(dir, 4)
	case "work":
		work(dir, 1_000_000)
	case "full":
		limit, _ := strconv.ParseUint(arg, 10, 64)
		return fullDisk(dir, limit)
	case "readonly":
		return readOnlyDir(dir)
	}
	return 0
}

// work is what an agent does, rounds times.
func work(dir string, rounds int) {
	a := open(plain{}, dir)
	fmt.Println("working")
	for i := range rounds {
		a.seal(plain{}, i%7 == 6, 0, 20, i)
		last := a.deliver(plain{})
		if i%3 == 2 {
			signed, st, o := outcomeOf(plain{}, last, uint64(time.Now().UnixNano()))
			ok(plain{}, a.ApplyOutcome(signed, st, o, nil))
		}
	}
}

func start(t *testing.T, task, dir string, opts ...func(*exec.Cmd)) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+task, "OUTBOX_TEST_DIR="+dir)
	for _, o := range opts {
		o(cmd)
	}
	return cmd
}

// TestKilledAtEachStep stops the process after every durable step in turn.
func TestKilledAtEachStep(t *testing.T) {
	stopped := 0
	for step := 1; ; step++ {
		dir := t.TempDir()
		enrolled(t, dir).close(t)
		out, err := start(t, "stop "+strconv.Itoa(step), dir).CombinedOutput()
		survive(t, dir)
		if err == nil {
			break
		}
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v\n%s", step, err, out)
		}
		stopped++
	}
	// Four rounds commit at least seal, attempt and receipt, two steps each.
	if stopped < 24 {
		t.Errorf("the process was stopped at %d steps only", stopped)
	}
}

// TestKilledAnywhere kills the process at other moments, and goes on with what
// it left: the same directory all the way.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	enrolled(t, dir).close(t)
	for i := range 15 {
		cmd := start(t, "work", dir)
		out, err := cmd.StdoutPipe()
		ok(t, err)
		ok(t, cmd.Start())
		_, err = out.Read(make([]byte, 1))
		ok(t, err)
		timer := time.NewTimer(time.Duration(3+17*i) * time.Millisecond)
		<-timer.C
		ok(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed, as it should be
		survive(t, dir)
	}
}

// survive opens what a killed process left, checks it and goes on with it.
func survive(t *testing.T, dir string) {
	t.Helper()
	a := open(t, dir)
	defer a.close(t)
	a.healthy(t)
	a.seal(t, false, 0, 1, 999)
	a.deliver(t)
	sum := a.healthy(t)
	head, err := a.Head()
	if err != nil || len(sum.Sealed) != int(head.Sequence) {
		t.Fatalf("%d batches sealed, the logbook has %d, %v", head.Sequence, len(sum.Sealed), err)
	}
}

// TestTornLogbook cuts the logbook inside its last line, as a power cut does
// when the state was on disk and the line was not.
func TestTornLogbook(t *testing.T) {
	dir := t.TempDir()
	a := enrolled(t, dir)
	a.seal(t, true, 0, 1, 1)
	a.close(t)
	path := filepath.Join(dir, logbook.FileName)
	whole, err := os.ReadFile(path)
	ok(t, err)
	lastLine := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := lastLine; cut < len(whole); cut += 7 {
		ok(t, os.Truncate(path, int64(cut)))
		a = open(t, dir)
		if repaired := a.book.Repaired() != ""; repaired != (cut > lastLine) {
			t.Errorf("cut at %d of %d: repaired %v", cut, len(whole), repaired)
		}
		a.healthy(t)
		a.close(t)
		if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
			t.Fatalf("cut at %d: the line was not written again as it was", cut)
		}
	}
}

// TestFullDisk lets files grow to a limit only, wherever that stops the work.
func TestFullDisk(t *testing.T) {
	for _, limit := range []int{1, 600, 4096, 33_000, 70_000, 100_000} {
		dir := t.TempDir()
		enrolled(t, dir).close(t)
		cmd := start(t, "full "+strconv.Itoa(limit), dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("limit %d: %v\n%s", limit, err, out)
		}
		survive(t, dir)
	}
}

func fullDisk(dir string, limit uint64) int {
	a := open(plain{}, dir)
	ok(plain{}, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: limit}))
	for i := range 1000 {
		before, err := a.Snapshot()
		ok(plain{}, err)
		_, err = a.trySeal(false, 20*i, 20, i)
		if err == nil {
			continue
		}
		if !errors.Is(err, outbox.ErrDiskFull) {
			fmt.Println("Seal:", err)
			return 1
		}
		after, err2 := a.Snapshot()
		ok(plain{}, err2)
		// Without room in the logbook the batch is sealed but not given out.
		sealed := errors.Is(err, outbox.ErrJournal)
		if moved := before.Base != after.Base; moved != sealed || (before.Digest != after.Digest) != sealed {
			fmt.Println("after the error the state is not as before:", err)
			return 1
		}
		if _, found, err := a.Next(); sealed && (found || !errors.Is(err, outbox.ErrJournal)) {
			fmt.Println("a batch is given out that the logbook does not have:", err)
			return 1
		}
		return 0
	}
	fmt.Println("the limit was never reached")
	return 1
}

func TestReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	enrolled(t, dir).close(t)
	ok(t, os.Remove(filepath.Join(dir, outbox.FileName)))
	ok(t, os.Chmod(filepath.Join(dir, logbook.FileName), 0o644))
	ok(t, os.Chmod(dir, 0o555))
	// Root may write everywhere, so the child is nobody. It must reach dir.
	for up := filepath.Dir(dir); up != "/" && up != "."; up = filepath.Dir(up) {
		if info, err := os.Stat(up); err == nil && info.Mode()&0o001 == 0 && os.Geteuid() == 0 {
			ok(t, os.Chmod(up, info.Mode()|0o011))
		}
	}
	cmd := start(t, "readonly", dir, func(c *exec.Cmd) {
		if os.Geteuid() == 0 {
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			c.Path = copyOf(t, c.Path)
		}
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 1 {
		t.Errorf("%d files left, %v; want the logbook alone", len(names), err)
	}
	ok(t, os.Chmod(dir, 0o755))
}

// copyOf puts the test program where nobody may run it.
func copyOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	ok(t, err)
	to := filepath.Join(t.TempDir(), "child")
	ok(t, os.WriteFile(to, data, 0o755))
	return to
}

func readOnlyDir(dir string) int {
	_, err := outbox.Open(dir, nil, outbox.Options{})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "right to write") {
		fmt.Println("Open:", err)
		return 1
	}
	if _, err := logbook.Open(dir, bookKey); !errors.Is(err, os.ErrPermission) {
		fmt.Println("logbook.Open:", err)
		return 1
	}
	return 0
}
