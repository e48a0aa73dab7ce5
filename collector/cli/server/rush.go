package server

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// giveWay bounds how long apply waits before each read: however long a rush
// lasts, or a stranger holds connections open, some dozens of reads are applied
// in a second.
const giveWay = 25 * time.Millisecond

// A rush says whether intake has more connections to answer than this machine
// has processors. A receipt is waited for by a school, which has done its part
// when it has it; what apply does can be done after.
type rush struct {
	few int // so many at once are no rush

	mu   sync.Mutex
	busy map[net.Conn]bool
	over chan struct{} // closed when the rush ends; nil while there is none
}

func newRush() *rush { return &rush{few: runtime.GOMAXPROCS(0), busy: map[net.Conn]bool{}} }

// watch counts the connections of a server that does not serve yet.
func (r *rush) watch(s *http.Server) {
	before := s.ConnState
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if before != nil {
			before(c, state)
		}
		r.note(c, state)
	}
}

func (r *rush) note(c net.Conn, state http.ConnState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		r.busy[c] = true
	default:
		delete(r.busy, c)
	}
	switch {
	case len(r.busy) > r.few && r.over == nil:
		r.over = make(chan struct{})
	case len(r.busy) <= r.few && r.over != nil:
		close(r.over)
		r.over = nil
	}
}

// wait returns at once while there is no rush, otherwise when it is over, or
// after giveWay, or when ctx ends.
func (r *rush) wait(ctx context.Context) {
	r.mu.Lock()
	over := r.over
	r.mu.Unlock()
	if over == nil {
		return
	}
	limit := time.NewTimer(giveWay)
	defer limit.Stop()
	select {
	case <-over:
	case <-limit.C:
	case <-ctx.Done():
	}
}
