//go:build wine

package wine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What all tests share: a Windows, where things are built, and how.
var (
	windows *Prefix
	built   string
	overlay string
)

// limit bounds everything: Wine that hangs is to be ended and said.
const limit = 10 * time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rollbridge-wine-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if windows, err = New(ctx, filepath.Join(dir, "wine")); err != nil {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 1
	}
	defer func() {
		if err := windows.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "wine:", err)
		}
	}()
	built = filepath.Join(dir, "built")
	if overlay, err = windows.Overlay(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "wine:", err)
		return 1
	}
	return m.Run()
}

// goForWindows runs the go command for Windows. Not with -trimpath: the tests find
// the time zones where Go is installed.
func goForWindows(t *testing.T, command string, args ...string) {
	t.Helper()
	flags := []string{command}
	if overlay != "" {
		flags = append(flags, overlay)
	}
	goCommand(t, []string{"GOOS=windows", "GOARCH=amd64"}, append(flags, args...)...)
}

func goCommand(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// bounded ends what waits in vain, so that the test can say for what.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
