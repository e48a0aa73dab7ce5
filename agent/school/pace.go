package school

import (
	"context"
	"sync"
	"time"
)

// A pace is how the loop of a school gets on, for whoever asks whether it hangs.
type pace struct {
	mu     sync.Mutex
	runs   bool
	busy   bool // with a duty, which has limits of its own
	turned time.Time
}

// stuck is how long a loop that looks twice a second, and has nothing else to
// do, may take for one look.
const stuck = 2 * time.Minute

// turn notes that the loop goes on; busy that it does a duty from here on.
func (p *pace) turn(runs, busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runs, p.busy, p.turned = runs, busy, time.Now()
}

func (p *pace) good() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.runs || p.busy || time.Since(p.turned) < stuck
}

// Answers says whether the school's loop goes on, after taking once every lock
// that is held for moments only. Where one of them hangs it does not return.
func (s *School) Answers() bool {
	s.identity()
	s.link.Lock()
	s.link.Unlock()       //lint:ignore SA2001 to have it is all that is wanted
	_, _ = s.box.Change() // one that is being closed answers too
	return s.pace.good()
}

// paced are duties that the pace knows of.
func (s *School) paced(d duties) duties {
	busy := func() (done func()) {
		s.pace.turn(true, true)
		return func() { s.pace.turn(true, false) }
	}
	return duties{
		sync: func(ctx context.Context) (bool, error) {
			defer busy()()
			return d.sync(ctx)
		},
		deliver: func(ctx context.Context) (int, error) {
			defer busy()()
			return d.deliver(ctx)
		},
		checkin: func(ctx context.Context) error {
			defer busy()()
			return d.checkin(ctx)
		},
		look: func() (condition, error) {
			s.pace.turn(true, false)
			return d.look()
		},
	}
}
