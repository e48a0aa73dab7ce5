package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// A relay passes TCP connections on to a listener and counts the bytes: what a
// school's line carries, handshakes included, headers of TCP and IP not.
type relay struct {
	listener net.Listener
	to       string
	up, down atomic.Int64
	open     sync.WaitGroup
}

// newRelay listens on a free loopback port.
func newRelay() (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	return &relay{listener: l}, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// serve relays to an address until close.
func (r *relay) serve(to string) {
	r.to = to
	go func() {
		for {
			c, err := r.listener.Accept()
			if err != nil {
				return
			}
			r.open.Go(func() { r.pass(c) })
		}
	}()
}

func (r *relay) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { count(far, near, &r.up) })
	both.Go(func() { count(near, far, &r.down) })
	both.Wait()
}

// count copies until one side ends and then ends the other's reading, so that
// both directions come to an end.
func count(to, from net.Conn, n *atomic.Int64) {
	buffer := make([]byte, 32<<10)
	for {
		got, err := from.Read(buffer)
		n.Add(int64(got))
		if got > 0 {
			if _, err := to.Write(buffer[:got]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if c, ok := to.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, from)
}

// take returns the bytes since the last take, when all connections are over.
func (r *relay) take() (up, down int64) {
	r.open.Wait()
	return r.up.Swap(0), r.down.Swap(0)
}

func (r *relay) close() error { return r.listener.Close() }
