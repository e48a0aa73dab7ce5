package update

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"rollbridge/shared/logkey"
)

// How often updates are looked for: soon after the start, so that an agent that
// fails afterwards has looked; then a few times a day, not everywhere in the same
// minute; and after a failure sooner, with growing pauses.
const (
	checkFirst  = 3 * time.Second
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

// A Loop is what the updater of a running service goes by.
type Loop struct {
	// Silent says that not a byte may be sent: every school of the computer is
	// paused or has stopped.
	Silent func() bool
	// Turned tells the supervisor that the loop turns, Wished that it is asked for
	// something. Each must return at once.
	Turned, Wished func()
}

// Run looks for updates until ctx ends.
func (u *Updater) Run(ctx context.Context, l Loop) {
	r := round{u: u, l: l, next: time.Now().Add(jitter(checkFirst))}
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
	if r.l.Silent() || r.u.Off() != "" {
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

// look makes one check and what follows from it. It is broken off when the school
// pauses.
func (r *round) look(ctx context.Context) {
	looking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		ticks := time.NewTicker(tick)
		defer ticks.Stop()
		for {
			select {
			case <-looking.Done():
				return
			case <-ticks.C:
				if r.l.Silent() {
					cancel()
				}
			}
		}
	}()
	a, err := r.u.Advance(looking, "")
	r.open = time.Time{}
	switch {
	case looking.Err() != nil:
		r.next = time.Now().Add(idleEvery)
		return
	case err == nil:
		r.pause = 0
		r.next = time.Now().Add(checkEvery - jitter(checkJitter))
		// What waits for the school's clock alone is looked at when that lets it
		// through, and not everywhere in the same second.
		if a.Version != "" && a.Wish == "" && !a.Status.Until.IsZero() {
			r.open = a.Status.Until.Add(jitter(5 * time.Minute))
		}
	default:
		r.pause = min(max(2*r.pause, failedFirst), checkEvery)
		r.next = time.Now().Add(r.pause + jitter(r.pause/4))
		if f, ok := errors.AsType[*Fault](err); ok {
			r.u.o.Log.Warn("no update came", logkey.Reason, string(f.Kind), logkey.Error, f.Error(), logkey.Next, r.next)
		} else {
			r.u.o.Log.Warn("no update came", logkey.Error, err.Error(), logkey.Next, r.next)
		}
	}
	if a.Wish != "" {
		r.l.Wished()
	}
}

// jitter is a random part of d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
