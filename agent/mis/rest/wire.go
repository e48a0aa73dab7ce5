package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// A wire counts what crosses the connection, and ends a read that asks too often
// and a try that takes too long or brings too little.
type wire struct {
	session *Session
	base    *http.Transport
}

// RoundTrip is one try of one request.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := w.session.requests.Add(1); n > int64(w.session.set.ReadRequests) {
		w.session.requests.Add(-1)
		return nil, &Fault{Kind: Data, Text: fmt.Sprintf("The read was ended because it asked the MIS more than %d times. Ask for larger pages in the profile, or read fewer datasets.", w.session.set.ReadRequests)}
	}
	ctx, cancel := context.WithTimeout(r.Context(), w.session.set.RequestTime)
	response, err := w.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	m := &meter{body: response.Body, cancel: cancel, total: &w.session.bytes}
	m.silence = time.AfterFunc(slowWindow, m.end)
	m.silence.Stop()
	response.Body = m
	return response, nil
}

// CloseIdleConnections is called by http.Client.
func (w *wire) CloseIdleConnections() { w.base.CloseIdleConnections() }

// An answer that is waited for slowWindow must have brought slowBytes in it.
const (
	slowWindow = 15 * time.Second
	slowBytes  = 1500
)

var errSlow = errors.New("the answer comes too slowly")

// A meter reads a body as it comes from the wire. Time in which nobody reads
// does not count against the server.
type meter struct {
	body    io.ReadCloser
	cancel  context.CancelFunc
	total   *atomic.Int64
	silence *time.Timer // ends a Read in which nothing comes
	silent  atomic.Bool

	waited time.Duration
	got    int
	err    error // the first but io.EOF
}

func (m *meter) end() {
	m.silent.Store(true)
	m.cancel()
}

func (m *meter) Read(p []byte) (int, error) {
	start := time.Now()
	m.silence.Reset(slowWindow)
	n, err := m.body.Read(p)
	m.silence.Stop()
	m.waited += time.Since(start)
	m.got += n
	m.total.Add(int64(n))
	if err != io.EOF {
		err = m.judge(err)
	}
	if err != nil && err != io.EOF && m.err == nil {
		m.err = err
	}
	return n, err
}

// judge is err, or errSlow if that is why.
func (m *meter) judge(err error) error {
	if m.silent.Load() {
		return errSlow
	}
	if m.waited < slowWindow {
		return err
	}
	if m.got < slowBytes {
		return errSlow
	}
	m.waited, m.got = 0, 0
	return err
}

// Close may be called more than once.
func (m *meter) Close() error {
	m.silence.Stop()
	err := m.body.Close()
	m.cancel()
	return err
}
