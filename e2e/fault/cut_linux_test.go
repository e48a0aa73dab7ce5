package fault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets this program be what a Cut cuts off: it saves three numbers
// after another, from threads of its own.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FAULT_TEST_SAVE"); dir != "" {
		for i := range 3 {
			done := make(chan error)
			go func() { done <- save(dir, i) }()
			if err := <-done; err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func save(dir string, i int) error {
	name := filepath.Join(dir, "number")
	f, err := os.Create(name + ".tmp")
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(f, i)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

func cutAt(t *testing.T, dir string, c *Cut) {
	t.Helper()
	c.Below = dir
	if err := c.Start(dir+".log", []string{"FAULT_TEST_SAVE=" + dir}, os.Args[0]); err != nil {
		t.Fatal(err)
	}
	<-c.Exited()
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
}

// A cut comes before each act in turn, and once after the last.
func TestCut(t *testing.T) {
	t.Parallel()
	want := []string{"create number.tmp", "write number.tmp", "fsync number.tmp", "rename to number"}
	want = slices.Concat(want, want, want)
	for at := 1; at <= len(want)+1; at++ {
		dir := t.TempDir()
		c := Cut{At: at}
		cutAt(t, dir, &c)
		var did []string
		for _, a := range c.Acts() {
			did = append(did, strings.ReplaceAll(a.String(), dir+"/", ""))
		}
		if fell := at <= len(want); c.Fell() != fell || (c.Code() == 0) == fell || !slices.Equal(did, want[:min(at, len(want))]) {
			t.Fatalf("cut at %d: fell %t, code %d, %q", at, c.Fell(), c.Code(), did)
		}
		// Nothing of the act before which it was is there.
		text, _ := os.ReadFile(filepath.Join(dir, "number"))
		if whole := (at - 1) / 4; whole == 0 && len(text) > 0 || whole > 0 && string(text) != fmt.Sprint(whole-1) {
			t.Errorf("cut at %d: the file holds %q", at, text)
		}
	}
}

// With Fail the program goes on, and hears of it.
func TestCutFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := Cut{At: 6, Fail: syscall.ENOSPC}
	cutAt(t, dir, &c)
	log, err := os.ReadFile(dir + ".log")
	if err != nil || c.Code() != 1 || !strings.Contains(string(log), "no space left on device") {
		t.Errorf("code %d, %v: %s", c.Code(), err, log)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "number")); err != nil || string(text) != "0" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}
