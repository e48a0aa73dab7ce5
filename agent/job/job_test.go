package job

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A test process that is told to be a parent starts a child, which waits for the end
// of its input: the runtime ends a process that waits for nothing, as deadlocked, and
// the parent after it.
func TestMain(m *testing.M) {
	switch os.Getenv("JOB_TEST_ROLE") {
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "JOB_TEST_ROLE=child")
		child.Stdin, child.Stdout = os.Stdin, os.Stdout
		if err := child.Start(); err != nil {
			fmt.Println("start the child:", err)
			os.Exit(1)
		}
		_ = child.Wait()
		os.Exit(0)
	case "child":
		fmt.Println("waiting")
		_, _ = io.Copy(io.Discard, os.Stdin) // nothing comes; it ends with the test
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestEndTogether ends a program whose child holds its output open: that the
// output ends shows that the child has.
func TestEndTogether(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOB_TEST_ROLE=parent")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	j, err := New(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := j.Started(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || strings.TrimSpace(line) != "waiting" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	if err := j.Kill(); err != nil {
		t.Fatal(err)
	}
	if rest, err := lines.ReadString('\n'); err == nil {
		t.Errorf("after its end the child says %q", rest)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the program ended by itself")
	}
}
