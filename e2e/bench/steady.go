package main

import (
	"context"
	"fmt"
	"time"

	"rollbridge/e2e/stack"
)

// The steady load of goal P8.
const (
	steadyRate  = 400
	steadyLimit = 250.0 // milliseconds, p99
)

// steady sends fresh uploads at a fixed rate to a whole collector, whatever it
// answers, and counts what is stored (P8).
func (b *bench) steady(ctx context.Context) ([]row, error) {
	seconds := b.options.seconds
	if b.quick {
		seconds = min(seconds, 5)
	}
	n := steadyRate * seconds
	// An agent's uploads are 2 s apart, so that its chain is not the limit.
	agents := min(n, 2*steadyRate)
	l, err := b.newPlace(ctx, "steady", b.release, stack.CollectorOptions{})
	if err != nil {
		return nil, err
	}
	b.say("enrolling %d schools for the steady load", agents)
	f, err := b.enrol(ctx, l, agents)
	if err != nil {
		return nil, err
	}
	uploads := make([]upload, 0, n)
	for i := range n {
		a := f.agents[i%agents]
		next := f.delta
		if i < agents {
			next = f.full
		}
		u, err := next(a)
		if err != nil {
			return nil, err
		}
		u.done = make(chan struct{})
		if i >= agents {
			u.after = uploads[i-agents].done
		}
		uploads = append(uploads, u)
	}
	if err := l.start(ctx, ""); err != nil {
		return nil, err
	}
	// The first batch of every school comes before the clock starts.
	product := l.server("the collector", true)
	if _, err := product.send(ctx, uploads[:agents], pace{workers: underWay}); err != nil {
		return nil, err
	}
	b.say("%d uploads a second for %d s", steadyRate, seconds)
	took, err := product.send(ctx, uploads[agents:], pace{workers: 4 * steadyRate, perSecond: steadyRate})
	if err != nil {
		return nil, err
	}
	kept, err := l.number(ctx, "SELECT COUNT(*) FROM inbox")
	if err != nil {
		return nil, err
	}
	if kept != int64(n) {
		return nil, fmt.Errorf("%d uploads have a receipt, %d are stored", n, kept)
	}
	if err := l.noneRefused(ctx); err != nil {
		return nil, err
	}
	peak, err := l.peakMemory()
	if err != nil {
		return nil, err
	}
	r := row{
		goal: "P8", what: fmt.Sprintf("%d fresh deltas a second for %d s, generator on the same cores: p99", steadyRate, len(uploads[agents:])/steadyRate),
		values: []float64{millis(took.percentile(99))}, unit: "ms", limit: steadyLimit,
		note: fmt.Sprintf("none lost; p50 %.1f, longest %.0f ms; %d of %d begun over 50 ms late; %.2f ms CPU each, peak %d MiB",
			millis(took.percentile(50)), millis(took.percentile(100)), took.late, took.uploads, millis(took.cpuEach()), peak>>20),
	}
	return []row{r}, l.process.Stop()
}

func (l *place) peakMemory() (int64, error) {
	_, peak, err := residentMemory(l.process.PID())
	return peak, err
}

// startWatch returns a function that says how long ago it was made.
func startWatch() func() time.Duration {
	begin := time.Now()
	return func() time.Duration { return time.Since(begin) }
}
