package main

import (
	"context"
	"fmt"

	"rollbridge/e2e/stack"
)

// underWay is how many uploads a closed loop keeps under way: enough that
// groups form, few enough that the generator is not the queue.
const underWay = 16

// A compared is one kind of load, measured in pairs.
type compared struct {
	goal, what string
	limit      float64
	pace       pace
	next       func(*agent) (upload, error)

	cpu, rate   []float64 // ratios, product against yardstick
	ours, bares load      // of the last repetition
}

func (c *compared) rows() []row {
	return []row{
		{goal: c.goal, what: c.what + ": CPU per upload", values: c.cpu, limit: c.limit, note: "product " + c.ours.String()},
		{what: c.what + ": uploads per second", values: c.rate, note: "yardstick " + c.bares.String()},
	}
}

// pair sends the same bytes to the yardstick and to the product, in turn, and
// keeps the ratios.
func (c *compared) pair(ctx context.Context, agents []*agent, bare, product *server) error {
	uploads, err := each(agents, c.next)
	if err != nil {
		return err
	}
	if c.bares, err = bare.send(ctx, uploads, c.pace); err != nil {
		return err
	}
	rest(ctx, agents)
	if c.ours, err = product.send(ctx, uploads, c.pace); err != nil {
		return err
	}
	note(agents)
	c.cpu = append(c.cpu, float64(c.ours.cpuEach())/float64(c.bares.cpuEach()))
	c.rate = append(c.rate, c.ours.perSecond()/c.bares.perSecond())
	return nil
}

// uploads measures intake alone, apply alone, and both in one process.
func (b *bench) uploads(ctx context.Context) ([]row, error) {
	rows, err := b.intakeAndApply(ctx)
	if err != nil {
		return nil, err
	}
	more, err := b.whole(ctx)
	return append(rows, more...), err
}

func (b *bench) intakeAndApply(ctx context.Context) ([]row, error) {
	l, err := b.newPlace(ctx, "intake", b.release, stack.CollectorOptions{})
	if err != nil {
		return nil, err
	}
	b.say("enrolling %d schools for intake alone", b.options.uploads())
	f, err := b.enrol(ctx, l, b.options.uploads())
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx, "intake"); err != nil {
		return nil, err
	}
	bare, err := b.newBare(ctx, l)
	if err != nil {
		return nil, err
	}
	fresh, kept := pace{workers: underWay}, pace{workers: underWay, kept: true}
	cases := []*compared{
		{what: "intake, fresh TLS, full of 4 pupils", pace: fresh, next: f.full},
		{what: "intake, fresh TLS, delta of 4 rows", pace: fresh, next: f.delta},
		{what: "intake, kept alive, full of 4 pupils", pace: kept, next: f.full},
		{what: "intake, kept alive, delta of 4 rows", pace: kept, next: f.delta},
	}
	intake := l.server("intake", false)
	b.say("intake alone, %d pairs", b.pairs())
	for range b.pairs() {
		for _, c := range cases {
			if err := c.pair(ctx, f.agents, bare, intake); err != nil {
				return nil, err
			}
		}
	}
	var rows []row
	for _, c := range cases {
		rows = append(rows, c.rows()...)
	}
	if err := l.process.Stop(); err != nil {
		return nil, fmt.Errorf("stop intake: %w", err)
	}
	applied, err := b.backlog(ctx, l)
	return append(rows, applied), err
}

// backlog lets a process with role apply alone work off what intake has taken.
func (b *bench) backlog(ctx context.Context, l *place) (row, error) {
	waiting, err := l.number(ctx, "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'")
	if err != nil {
		return row{}, err
	}
	b.say("apply alone, a backlog of %d batches", waiting)
	watch := startWatch()
	if err := l.start(ctx, "apply"); err != nil {
		return row{}, err
	}
	if err := l.decided(ctx); err != nil {
		return row{}, err
	}
	wall := watch()
	used, err := l.cpu()
	if err != nil {
		return row{}, err
	}
	if err := l.noneRefused(ctx); err != nil {
		return row{}, err
	}
	if err := l.process.Stop(); err != nil {
		return row{}, fmt.Errorf("stop apply: %w", err)
	}
	return row{
		what: "apply alone, half full batches, half deltas: CPU per batch", unit: "ms",
		values: []float64{millis(used) / float64(max(1, waiting))},
		note:   fmt.Sprintf("%d batches, %.0f/s, start of the process included", waiting, float64(waiting)/wall.Seconds()),
	}, nil
}

// noneRefused is nil if apply has taken everything as good: anything else
// would be another kind of work than the one that is to be measured.
func (l *place) noneRefused(ctx context.Context) error {
	for what, query := range map[string]string{
		"batches not applied":      "SELECT COUNT(*) FROM inbox WHERE state <> 'applied'",
		"records quarantined":      "SELECT COUNT(*) FROM quarantine",
		"schools to be read again": "SELECT COUNT(*) FROM positions WHERE resync_after > 0",
		"removals held":            "SELECT COUNT(*) FROM holds",
	} {
		n, err := l.number(ctx, query)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("the collector did not take the load as good: %d %s", n, what)
		}
	}
	return nil
}

// whole measures a collector with every role: intake, apply and database
// together, until the last upload is decided (P1, P2).
func (b *bench) whole(ctx context.Context) ([]row, error) {
	l, err := b.newPlace(ctx, "whole", b.release, stack.CollectorOptions{})
	if err != nil {
		return nil, err
	}
	// Each full batch is a school's first: every record of it is new.
	n := b.options.uploads() * b.pairs()
	b.say("enrolling %d schools for the whole collector", n)
	f, err := b.enrol(ctx, l, n)
	if err != nil {
		return nil, err
	}
	if err := l.start(ctx, ""); err != nil {
		return nil, err
	}
	bare, err := b.newBare(ctx, l)
	if err != nil {
		return nil, err
	}
	fresh := pace{workers: underWay}
	full := &compared{goal: "P1", what: "whole collector, fresh TLS, full of 4 pupils, first", limit: 1.8, pace: fresh, next: f.full}
	delta := &compared{goal: "P2", what: "whole collector, fresh TLS, delta of 4 rows", limit: 1.35, pace: fresh, next: f.delta}
	again := &compared{what: "whole collector, fresh TLS, full of 4 pupils, unchanged", pace: fresh, next: f.full}
	product := l.server("the collector", true)
	b.say("whole collector, %d pairs", b.pairs())
	for i := range b.pairs() {
		agents := f.agents[i*b.options.uploads() : (i+1)*b.options.uploads()]
		for _, c := range []*compared{full, delta, again} {
			if err := c.pair(ctx, agents, bare, product); err != nil {
				return nil, err
			}
		}
	}
	if err := l.noneRefused(ctx); err != nil {
		return nil, err
	}
	var rows []row
	for _, c := range []*compared{full, delta, again} {
		rows = append(rows, c.rows()...)
	}
	return rows, l.process.Stop()
}
