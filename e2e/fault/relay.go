package fault

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// A Line says how a Relay carries bytes; the zero value carries all at once.
type Line struct {
	// Down ends every connection as soon as it is made.
	Down bool
	// Delay is waited before each piece, in both directions.
	Delay time.Duration
	// CutWithin ends each connection after 1 to CutWithin bytes, both directions
	// counted together, drawn from the seed; 0 never.
	CutWithin int
	// ReplyPiece is how many bytes of the answer pass between two Delays, 0 for
	// what comes.
	ReplyPiece int
}

// A Relay forwards TCP connections to one address over a bad line.
type Relay struct {
	target   string
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	line   Line
	random *rand.Rand
	open   map[net.Conn]bool
	closed bool
	taken  int
}

// NewRelay listens on a free loopback port.
func NewRelay(target string, seed uint64) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a relay: %w", err)
	}
	r := &Relay{target: target, listener: l, random: rand.New(rand.NewPCG(seed, 1)), open: map[net.Conn]bool{}}
	r.tasks.Go(r.accept)
	return r, nil
}

// Address is the host:port to connect to.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Set changes the line for connections made from now on, and cuts those that
// are open, so that none keeps the old line.
func (r *Relay) Set(l Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.line = l
	for c := range r.open {
		c.Close()
	}
}

// Connections is how many were made so far.
func (r *Relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken
}

// Close ends the listener and every connection.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	err := r.listener.Close()
	r.tasks.Wait()
	return err
}

func (r *Relay) accept() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		line, quota := r.take()
		if line.Down {
			c.Close()
			continue
		}
		r.tasks.Go(func() { r.carry(c, line, quota) })
	}
}

// take returns the line for a new connection and after how many bytes it is
// cut: drawn here, in the order of connections, so that the seed decides.
func (r *Relay) take() (Line, *allowance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken++
	a := &allowance{left: -1}
	if r.line.CutWithin > 0 {
		a.left = 1 + r.random.IntN(r.line.CutWithin)
	}
	return r.line, a
}

func (r *Relay) carry(school net.Conn, line Line, quota *allowance) {
	defer school.Close()
	collector, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer collector.Close()
	if !r.hold(school, collector) {
		return
	}
	defer r.release(school, collector)
	var both sync.WaitGroup
	both.Go(func() { copyOver(collector, school, Line{Delay: line.Delay}, quota) })
	both.Go(func() { copyOver(school, collector, line, quota) })
	both.Wait()
}

func (r *Relay) hold(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		r.open[c] = true
	}
	return !r.closed
}

func (r *Relay) release(conns ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range conns {
		delete(r.open, c)
	}
}

// An allowance is what may still pass in both directions together.
type allowance struct {
	mu   sync.Mutex
	left int // below zero: no limit
}

func (a *allowance) grant(want int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.left < 0 {
		return want
	}
	n := min(want, a.left)
	a.left -= n
	return n
}

// copyOver ends when either side does, or when the allowance is used up; then
// both sides are closed, so that the other direction ends too.
func copyOver(to, from net.Conn, line Line, quota *allowance) {
	piece := line.ReplyPiece
	if piece == 0 {
		piece = 16 << 10
	}
	buffer := make([]byte, piece)
	for {
		n, err := from.Read(buffer)
		if line.Delay > 0 && n > 0 {
			time.Sleep(line.Delay)
		}
		granted := quota.grant(n)
		_, wrote := to.Write(buffer[:granted])
		if errors.Is(err, io.EOF) && granted == n && wrote == nil {
			// One side has said all it had to; the other may still answer.
			if half, ok := to.(*net.TCPConn); ok && half.CloseWrite() == nil {
				return
			}
		}
		if err != nil || wrote != nil || granted < n {
			to.Close()
			from.Close()
			return
		}
	}
}
