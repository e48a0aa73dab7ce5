package rest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// canary stands in every place of the tests from which nothing may reach an
// error or a log line.
const canary = "Canary"

// A pipeNet is a network inside a synctest bubble, where time costs nothing.
type pipeNet struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipeNet) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipeNet) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipeNet) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }

func (p *pipeNet) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New(canary + " no network")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A bench is a session beside the server that it asks.
type bench struct {
	*Session
	t     *testing.T
	log   bytes.Buffer
	asked atomic.Int64 // requests that came
}

var header = Auth{Kind: AuthHeader, Headers: map[string]string{"X-Key": canary}}

// inBubble runs a test against a handler.
func inBubble(t *testing.T, set Settings, auth Auth, h http.HandlerFunc, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipeNet{conns: make(chan net.Conn), closed: make(chan struct{})}
		b := &bench{t: t}
		server := &httptest.Server{Listener: p, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.asked.Add(1)
			if w.Header().Set("Content-Type", "application/json"); r.Header.Get("User-Agent") == "" {
				t.Error("no user agent")
			}
			h(w, r)
		})}}
		server.Start()
		defer server.Close()
		if set.URL == "" {
			set.URL = server.URL + "/api"
		}
		set.Log = slog.New(slog.NewTextHandler(&b.log, nil))
		s, err := Open(set, auth)
		if err != nil {
			t.Fatal(err)
		}
		s.http.Transport.(*wire).base.DialContext = p.dial
		defer s.Close()
		b.Session = s
		test(b)
		b.calm(b.log.String())
	})
}

// calm fails if a text holds what it must not.
func (b *bench) calm(text string) {
	b.t.Helper()
	for _, never := range []string{canary, "http://", "https://", "Bearer", "%!"} {
		if strings.Contains(text, never) {
			b.t.Errorf("%q holds %q", text, never)
		}
	}
}

// seen is how many requests came.
func (b *bench) seen() int { return int(b.asked.Load()) }

// read gives all rows.
func (b *bench) read(r Request) (rows []any, envelope any, err error) {
	b.t.Helper()
	if r.What == "" {
		r.What = "attendance"
	}
	envelope, err = b.Each(b.t.Context(), r, func(n int, row any) error {
		if rows = append(rows, row); n != len(rows) {
			b.t.Errorf("row %d is called %d", len(rows), n)
		}
		return nil
	})
	if err != nil {
		b.calm(err.Error())
	}
	return rows, envelope, err
}

// must gives all rows of a request that works.
func (b *bench) must(r Request) ([]any, any) {
	b.t.Helper()
	rows, envelope, err := b.read(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return rows, envelope
}

// fault is what a request ends with.
func (b *bench) fault(r Request, kind FaultKind, says string) *Fault {
	b.t.Helper()
	_, _, err := b.read(r)
	var f *Fault
	if !errors.As(err, &f) {
		b.t.Fatalf("no fault that says %q: %v", says, err)
	}
	if f.Kind != kind || !strings.Contains(f.Text, says) || !strings.HasSuffix(f.Text, ".") {
		b.t.Errorf("%s: %s; want %s: %s", f.Kind, f.Text, kind, says)
	}
	return f
}

// says answers every request with one text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}
