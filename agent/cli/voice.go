package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"rollbridge/agent/supervise"
)

// A voice is how the worker speaks to its supervisor: in lines, each whole. A
// voice without an output says nothing, for a person who runs the worker in the
// foreground.
type voice struct {
	mu  sync.Mutex
	out io.Writer
}

// say says one line. A supervisor that has gone away ends the worker by its
// input, so that it cannot hear is no error here.
func (v *voice) say(line string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.out != nil {
		_, _ = fmt.Fprintln(v.out, line)
	}
}

// A pulse says that the worker is alive, as long as everything that is asked
// says so.
type pulse struct {
	mu   sync.Mutex
	asks map[int]func() bool
	next int
}

// feel adds something that is asked each time; what hangs does not return.
// forget takes it away.
func (p *pulse) feel(ask func() bool) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asks == nil {
		p.asks = map[int]func() bool{}
	}
	n := p.next
	p.next++
	p.asks[n] = ask
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.asks, n)
	}
}

// beat speaks until ctx ends. It asks in its own goroutine: what hangs keeps it
// from speaking, and that is what it is for.
func (p *pulse) beat(ctx context.Context, v *voice) {
	tick := time.NewTicker(supervise.Beat())
	defer tick.Stop()
	for {
		if p.good() {
			v.say(supervise.Alive)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *pulse) good() bool {
	p.mu.Lock()
	asks := slices.Collect(maps.Values(p.asks))
	p.mu.Unlock()
	return !slices.ContainsFunc(asks, func(ask func() bool) bool { return !ask() })
}
