package sqlserver

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxBytes bounds what a session reads from the network. A read of a school
	// is far below a megabyte.
	maxBytes = 256 << 20
	// browserTime is how long SQL Browser may take; it answers at once or never.
	browserTime = 3 * time.Second
	keepAlive   = 30 * time.Second
)

var errTooMuch = errors.New("more was sent than a session may read")

// A wire dials for the driver and remembers what it saw: the driver hides
// network errors behind its own texts. It is safe for concurrent use.
type wire struct {
	limit time.Duration // for reaching the server, and again for signing on
	read  atomic.Int64

	mu       sync.Mutex
	conn     net.Conn
	dialled  bool  // a TCP connection was made
	err      error // the first error of dialling, reading or writing
	asked    bool  // SQL Browser was asked
	answered bool
}

// HostName makes the driver leave finding the address to DialContext, which
// gives up when ctx ends and tries IPv4 and IPv6 side by side.
func (w *wire) HostName() string { return "" }

// DialContext connects by TCP to the server, or by UDP to SQL Browser.
func (w *wire) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: w.limit, KeepAlive: keepAlive}
	conn, err := d.DialContext(ctx, network, address)
	w.mu.Lock()
	defer w.mu.Unlock()
	if network == "udp" {
		w.asked = true
		if err != nil {
			return nil, err
		}
		return &browserConn{Conn: conn, wire: w}, nil
	}
	if err != nil {
		w.fail(err)
		return nil, err
	}
	w.conn, w.dialled, w.err = conn, true, nil
	// Signing on is bounded here: the driver would wait for ever for a server
	// that takes the connection and says nothing. established lifts the bound.
	if err := conn.SetDeadline(time.Now().Add(w.limit)); err != nil {
		return nil, err
	}
	return &wireConn{Conn: conn, wire: w}, nil
}

// established lifts the time limit on signing on.
func (w *wire) established() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn.SetDeadline(time.Time{})
}

// interrupt ends whatever waits for the network.
func (w *wire) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil {
		_ = w.conn.SetDeadline(time.Unix(1, 0))
	}
}

// fail keeps the first error. The caller holds mu.
func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// failure is the first error, if there was one.
func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// state says how far connecting came.
func (w *wire) state() (dialled, asked, answered bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dialled, w.asked, w.answered
}

// A wireConn counts and bounds what is read.
type wireConn struct {
	net.Conn
	wire *wire
}

func (c *wireConn) Read(b []byte) (int, error) {
	if c.wire.read.Load() >= maxBytes {
		return 0, c.failed(errTooMuch)
	}
	n, err := c.Conn.Read(b)
	c.wire.read.Add(int64(n))
	return n, c.failed(err)
}

func (c *wireConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	return n, c.failed(err)
}

func (c *wireConn) failed(err error) error {
	if err == nil || errors.Is(err, net.ErrClosed) {
		return err
	}
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.fail(err)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF // a server never hangs up first
	}
	return err
}

// A browserConn asks SQL Browser.
type browserConn struct {
	net.Conn
	wire *wire
}

// SetDeadline takes the driver's wish, but never more than browserTime.
func (c *browserConn) SetDeadline(t time.Time) error {
	if limit := time.Now().Add(browserTime); t.IsZero() || t.After(limit) {
		t = limit
	}
	return c.Conn.SetDeadline(t)
}

func (c *browserConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil {
		c.wire.mu.Lock()
		c.wire.answered = true
		c.wire.mu.Unlock()
	}
	return n, err
}
