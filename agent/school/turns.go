package school

import (
	"context"
	"sync"
	"time"
)

// Turns bounds how many schools of one process read their MIS at once, so that
// memory and connections stay bounded, without letting one school's slowness
// become another's: a read that has taken longer than its share goes on beside
// the line, and the next school begins. It is safe for concurrent use. A nil
// *Turns lets everybody read at once.
type Turns struct {
	slots chan struct{}
	share time.Duration
}

// NewTurns lets most reads run within their share of time.
func NewTurns(most int, share time.Duration) *Turns {
	return &Turns{slots: make(chan struct{}, most), share: share}
}

// take waits for a turn. done ends it, and may be called twice.
func (t *Turns) take(ctx context.Context) (done func(), err error) {
	if t == nil {
		return func() {}, ctx.Err()
	}
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	free := sync.OnceFunc(func() { <-t.slots })
	slow := time.AfterFunc(t.share, free)
	return func() {
		slow.Stop()
		free()
	}, nil
}
