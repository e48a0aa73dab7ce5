package control

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, dir string, handlers map[string]Handler) {
	t.Helper()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, handlers) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func privateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ctl") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestCall(t *testing.T) {
	dir := privateDir(t)
	start(t, dir, map[string]Handler{
		"echo":  func(_ context.Context, in json.RawMessage) (any, error) { return in, nil },
		"bytes": func(context.Context, json.RawMessage) (any, error) { return []byte("line\nline\n"), nil },
		"refuse": func(context.Context, json.RawMessage) (any, error) {
			return nil, &Refusal{Code: "held", Text: "say yes first"}
		},
		"fail": func(context.Context, json.RawMessage) (any, error) { return nil, errors.New("the disk is full") },
	})
	c := NewClient(dir)
	var got map[string]int
	if err := c.Call(t.Context(), "echo", 0, map[string]int{"a": 7}, &got); err != nil || got["a"] != 7 {
		t.Errorf("echo: %v, %v", got, err)
	}
	var raw []byte
	if err := c.Call(t.Context(), "bytes", 0, nil, &raw); err != nil || string(raw) != "line\nline\n" {
		t.Errorf("bytes: %q, %v", raw, err)
	}
	var no *Refusal
	if err := c.Call(t.Context(), "refuse", 0, nil, nil); !errors.As(err, &no) || no.Code != "held" || no.Text != "say yes first" {
		t.Errorf("refuse: %v", err)
	}
	if err := c.Call(t.Context(), "fail", 0, nil, nil); !errors.As(err, &no) || no.Code != "" || no.Text != "the disk is full" {
		t.Errorf("fail: %v", err)
	}
	if err := c.Call(t.Context(), "nothing", 0, nil, nil); !errors.As(err, &no) {
		t.Errorf("unknown command: %v", err)
	}
	if err := c.Call(t.Context(), "echo", 0, strings.Repeat("x", maxRequest), nil); !errors.As(err, &no) {
		t.Errorf("too large a request: %v", err)
	}
}

func TestSilentService(t *testing.T) {
	dir := privateDir(t)
	start(t, dir, map[string]Handler{
		"hang": func(ctx context.Context, _ json.RawMessage) (any, error) { <-ctx.Done(); return nil, ctx.Err() },
	})
	if err := NewClient(dir).Call(t.Context(), "hang", 20*time.Millisecond, nil, nil); !errors.Is(err, ErrSilent) {
		t.Errorf("got %v, want ErrSilent", err)
	}
}

func TestNoService(t *testing.T) {
	if err := NewClient(privateDir(t)).Call(t.Context(), "status", 0, nil, nil); !errors.Is(err, ErrNoService) {
		t.Errorf("got %v, want ErrNoService", err)
	}
}

func TestSecondServiceIsRefused(t *testing.T) {
	dir := privateDir(t)
	start(t, dir, nil)
	if _, err := Listen(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}
