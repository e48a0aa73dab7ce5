package job

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// A test process that is told to be a parent starts a child, which waits.
func TestMain(m *testing.M) {
	switch os.Getenv("JOB_TEST_ROLE") {
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "JOB_TEST_ROLE=child")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			fmt.Println("start the child:", err)
			os.Exit(1)
		}
		_ = child.Wait()
		os.Exit(0)
	case "child":
		fmt.Println("waiting")
		select {}
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
