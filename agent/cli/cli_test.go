package cli

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rollbridge-agent": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
			defer stop()
			os.Exit(Run(ctx, os.Args[1:], Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}))
		},
	})
}

// TestScripts runs the commands as a person does. `exits CODE ARGS…` runs
// rollbridge-agent and demands the exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("ROLLBRIDGE_DATA_DIR", e.WorkDir+"/data")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "appears": appears, "lives": lives, "edit": edit},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits CODE ARGS…")
	}
	err := ts.Exec("rollbridge-agent", args[1:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("rollbridge-agent %s ended with %s, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// appears waits until a file is there.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

func TestPauseEnd(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-07-05": "2026-07-04T23:00:00Z", "2026-12-05": "2026-12-05T00:00:00Z", "2026-07-01T13:00:00Z": "2026-07-01T13:00:00Z",
		"36h": "2026-07-03T00:00:00Z", "3d": "2026-07-04T12:00:00Z", "90m": "2026-07-01T13:30:00Z",
	} {
		got, err := pauseEnd(text, now)
		if err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"tomorrow", "2026-06-30", "-3h", "0d", "400d", "31/07/2026", "d"} {
		if _, err := pauseEnd(text, now); exitCode(err) != ExitUsage {
			t.Errorf("%s: %v", text, err)
		}
	}
	if end, err := pauseEnd("", now); err != nil || !end.IsZero() {
		t.Errorf("no end: %s, %v", end, err)
	}
}
