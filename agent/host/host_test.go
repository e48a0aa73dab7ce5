package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A record of what ran, by the name of the directory.
type ledger struct {
	sync.Mutex
	begun, ended map[string]int
}

func newLedger() *ledger { return &ledger{begun: map[string]int{}, ended: map[string]int{}} }

func (l *ledger) note(of map[string]int, dir string) int {
	l.Lock()
	defer l.Unlock()
	of[filepath.Base(dir)]++
	return of[filepath.Base(dir)]
}

func (l *ledger) counts(name string) (begun, ended int) {
	l.Lock()
	defer l.Unlock()
	return l.begun[name], l.ended[name]
}

func schools(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		if err := os.Mkdir(filepath.Join(dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Schools that fail, panic or end are begun again with growing pauses, and one
// that works is never touched.
func TestSchoolsDoNotTouchEachOther(t *testing.T) {
	dir := schools(t, "good", "failing", "panicking", "ending", ".hidden")
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		h := &Host{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil)), Serve: func(ctx context.Context, dir string, _ *slog.Logger) error {
			l.note(l.begun, dir)
			switch filepath.Base(dir) {
			case "failing":
				return errors.New("the settings are wrong")
			case "panicking":
				panic("Marchbanks, Ada")
			case "ending":
				return nil
			}
			<-ctx.Done()
			l.note(l.ended, dir)
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(time.Hour)
		for name, want := range map[string]int{"good": 1, "failing": 63, "panicking": 63, "ending": 63} {
			// 5, 10, 20 and 40 seconds of pause, then one each minute.
			if got, _ := l.counts(name); got != want {
				t.Errorf("%s was begun %d times within an hour, not %d", name, got, want)
			}
		}
		if got, _ := l.counts(".hidden"); got != 0 {
			t.Error("a hidden directory was taken for a school")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, ended := l.counts("good"); ended != 1 {
			t.Error("Run returned before the good school had stopped")
		}
	})
	if strings.Contains(log.String(), "Marchbanks") {
		t.Error("the text of a panic is in the log")
	}
	for _, want := range []string{"school=failing", "the settings are wrong", "host/host_test.go", "it ended by itself"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

func TestSchoolsComeAndGo(t *testing.T) {
	dir := schools(t, "first")
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		h := &Host{Dir: dir, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Serve: func(ctx context.Context, dir string, _ *slog.Logger) error {
			l.note(l.begun, dir)
			<-ctx.Done()
			l.note(l.ended, dir)
			return nil
		}}
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		if err := os.Mkdir(filepath.Join(dir, "second"), 0o700); err != nil {
			t.Error(err)
		}
		if err := os.Remove(filepath.Join(dir, "first")); err != nil {
			t.Error(err)
		}
		time.Sleep(lookEvery + time.Second)
		if begun, _ := l.counts("second"); begun != 1 {
			t.Error("a school that was added was not found")
		}
		if _, ended := l.counts("first"); ended != 1 {
			t.Error("a school that was taken away goes on")
		}
		// A directory that cannot be looked into, as on a share that is away, ends nobody.
		if err := os.Rename(dir, dir+"-away"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if _, ended := l.counts("second"); ended != 0 {
			t.Error("the directory was away for a moment and a school was ended")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNoDirectory(t *testing.T) {
	h := &Host{Dir: filepath.Join(t.TempDir(), "none"), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := h.Run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}
