package inbox

import (
	"context"
	"time"
)

// A Bell wakes a worker when something has come to the inbox. Processes that
// share a database do not hear one another's, so a worker looks at intervals
// too.
type Bell struct{ rung chan struct{} }

// NewBell makes a Bell.
func NewBell() Bell { return Bell{rung: make(chan struct{}, 1)} }

// Nudge tells the worker that something has come. It never blocks; several
// nudges before a round are one.
func (b Bell) Nudge() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// Rounds calls round at once, and again after each nudge and each interval,
// until ctx ends.
func (b Bell) Rounds(ctx context.Context, every time.Duration, round func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		round()
		select {
		case <-ctx.Done():
			return
		case <-b.rung:
		case <-tick.C:
		}
	}
}
