package update

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	given "rollbridge/agent/memory"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// How often updates are looked for: soon after the start, so that an agent that
// fails afterwards has looked; then a few times a day, not everywhere in the same
// minute; and after a failure sooner, with growing pauses.
const (
	checkFirst  = 3 * time.Second // and up to as long again
	checkEvery  = 4 * time.Hour
	checkJitter = time.Hour
	failedFirst = 15 * time.Minute
	// idleEvery is how often the loop finds out whether it may look again, turnEvery
	// how often it says meanwhile that it turns.
	idleEvery = 30 * time.Second
	turnEvery = time.Hour
	// tick is how often it looks at the clock on the wall, and at the school's pause
	// while it asks the repository.
	tick = time.Second
)

// A Loop is how the updater of a running service speaks to the supervisor. Both
// must return at once.
type Loop struct {
	// Turned says that the loop turns, Wished that the supervisor is asked for
	// something.
	Turned, Wished func()
}

// Run looks for updates until ctx ends.
func (u *Updater) Run(ctx context.Context, l Loop) {
	r := round{u: u, l: l, next: time.Now().Add(checkFirst + jitter(checkFirst))}
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for {
		r.step(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// A round is the state of the loop. Pauses are time.Now's, so that a clock that
// is set neither stops nor hurries them; what the school's clock decides is
// looked at again each time.
type round struct {
	u *Updater
	l Loop
	// next is when to look again; open is when the school's clock lets through what
	// waits for it, zero for nothing.
	next   time.Time
	open   time.Time
	turned time.Time
	pause  time.Duration
}

func (r *round) step(ctx context.Context) {
	now := time.Now()
	if now.Before(r.next) && (r.open.IsZero() || r.u.now().Before(r.open)) {
		return
	}
	if r.u.o.Silent != nil && r.u.o.Silent() || r.u.Off() != "" {
		r.next, r.open = now.Add(idleEvery), time.Time{}
		if now.Sub(r.turned) >= turnEvery {
			r.turn(now)
		}
		return
	}
	r.look(ctx)
	r.turn(time.Now())
}

func (r *round) turn(now time.Time) {
	r.turned = now
	r.l.Turned()
}

// look makes one check, and does what follows from it.
func (r *round) look(ctx context.Context) {
	a, err := r.u.Advance(ctx, "")
	// What a check has touched is not needed again for hours.
	if err := given.Release(); err != nil {
		r.u.o.Log.Debug("memory could not be given back", logkey.Error, err.Error())
	}
	if err == nil && a.Wish != nil {
		if err = r.u.Ask(*a.Wish); err == nil {
			r.l.Wished()
		}
	}
	r.open = time.Time{}
	switch {
	case ctx.Err() != nil, errors.Is(err, ErrSilent):
		r.next = time.Now().Add(idleEvery)
	case err == nil:
		r.pause = 0
		r.next = time.Now().Add(checkEvery - jitter(checkJitter))
		// What waits for the school's clock alone is looked at when that lets it
		// through, and not everywhere in the same second.
		if a.Wish == nil && !a.Status.Until.IsZero() {
			r.open = a.Status.Until.Add(jitter(5 * time.Minute))
		}
	default:
		r.pause = min(max(2*r.pause, failedFirst), checkEvery)
		r.next = time.Now().Add(r.pause + jitter(r.pause/4))
		kind := protocol.UpdateOther
		if f, ok := errors.AsType[*Fault](err); ok {
			kind = f.Kind
		}
		r.u.o.Log.Warn("no update came", logkey.Reason, string(kind), logkey.Error, err.Error(), logkey.Next, r.next)
	}
}

// jitter is a random part of d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
