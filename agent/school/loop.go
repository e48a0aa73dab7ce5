package school

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
)

// The rhythm of a running school.
const (
	checkinEvery  = 30 * time.Minute
	checkinAfter  = time.Minute // after a receipt: the outcome is ready by then
	checkinJitter = 3 * time.Minute
	// An agent that waits for a decision asks more often, for an hour at most.
	askEvery = 15 * time.Second
	askFor   = time.Hour
	// catchUp is how soon a missed sync, or a full batch that is asked for, is made.
	catchUp = time.Minute
)

// duties is what a loop does; each does its work once and returns why it could
// not. They are functions so that a day can pass in a test within a moment.
type duties struct {
	// sync says whether a batch was sealed: it is safe then, whatever the error.
	sync    func(context.Context) (sealed bool, err error)
	deliver func(context.Context) (int, error)
	checkin func(context.Context) error
	look    func() (condition, error)
}

// A condition is what a loop decides by.
type condition struct {
	paused   bool
	waiting  int       // batches without a receipt
	full     bool      // a full batch is asked for
	deciding bool      // nothing may be read until the collector has decided
	asking   bool      // not yet confirmed
	stopped  bool      // a refusal stands: only check-ins
	lastRead time.Time // the last good read began then
	received time.Time // of the newest receipt
	decided  int64     // how often the school decided what may leave
}

// A loop is the service of one school: one thing at a time, in a steady order.
type loop struct {
	duties
	table Timetable
	log   *slog.Logger
	poke  <-chan struct{}

	// Times of day are the school's clock; pauses after failures are time.Now's,
	// so that a clock that is set does not stop or hurry them.
	nextSync    time.Time
	nextCheckin time.Time
	nextDeliver time.Time
	retrySync   time.Time
	askUntil    time.Time
	reads       backoff
	posts       backoff
	checkins    backoff
	wasPaused   bool
	wasDeciding bool
	wasFull     bool
	wasReceived time.Time
	wasDecided  int64
	hurried     []time.Time // for a full batch, within the last hour
}

// run works until ctx ends or a duty says that the school is over.
func (l *loop) run(ctx context.Context) error {
	l.reads = backoff{first: time.Minute, limit: 15 * time.Minute}
	l.posts = backoff{first: 10 * time.Second, limit: 15 * time.Minute}
	l.checkins = backoff{first: time.Minute, limit: checkinEvery}
	l.askUntil = time.Now().Add(askFor)
	l.nextCheckin = time.Now().Add(jitter(2 * time.Second))
	tick := time.NewTicker(markerLook)
	defer tick.Stop()
	for {
		if err := l.step(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-l.poke:
		}
	}
}

func (l *loop) step(ctx context.Context) error {
	c, err := l.look()
	if err != nil || ctx.Err() != nil {
		return err
	}
	l.plan(c)
	if !c.paused && !c.stopped && !c.deciding && l.syncDue() {
		l.doSync(ctx)
		return nil
	}
	if !c.paused && !c.stopped && c.waiting > 0 && !time.Now().Before(l.nextDeliver) {
		l.doDeliver(ctx)
	}
	if !time.Now().Before(l.nextCheckin) {
		l.doCheckin(ctx, c)
	}
	return nil
}

// plan keeps the times in step with how things stand.
func (l *loop) plan(c condition) {
	now := clock.Now()
	switch {
	case l.nextSync.IsZero() && c.lastRead.Before(l.table.Last(now)):
		l.nextSync = now.Add(jitter(catchUp)) // a time was missed, or nothing was ever read
	case l.nextSync.IsZero():
		l.nextSync = l.following(now)
	case l.nextSync.Sub(now) > 25*time.Hour:
		l.nextSync = l.following(now) // the clock was set back
	}
	if c.full && !l.wasFull && l.mayHurry(now) || l.wasDeciding && !c.deciding || c.decided != l.wasDecided {
		l.nextSync = earlier(l.nextSync, now.Add(jitter(catchUp)))
	}
	if l.wasPaused != c.paused {
		l.nextCheckin = time.Now() // the collector is told at once
		if !c.paused {
			l.nextSync = earlier(l.nextSync, now.Add(jitter(catchUp)))
		}
	}
	if !c.received.Equal(l.wasReceived) { // also one that a command brought
		l.nextCheckin = earlier(l.nextCheckin, time.Now().Add(checkinAfter))
	}
	l.wasPaused, l.wasDeciding, l.wasFull, l.wasReceived, l.wasDecided = c.paused, c.deciding, c.full, c.received, c.decided
}

// hurries is how many full batches that are asked for are made at once within
// an hour; the next waits for its time, so that no collector can have the MIS
// read without end.
const hurries = 4

func (l *loop) mayHurry(now time.Time) bool {
	l.hurried = slices.DeleteFunc(l.hurried, func(t time.Time) bool { return now.Sub(t).Abs() > time.Hour })
	if len(l.hurried) >= hurries {
		return false
	}
	l.hurried = append(l.hurried, now)
	return true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// following is when the sync after now begins: its time and a little more.
func (l *loop) following(now time.Time) time.Time {
	return l.table.Next(now).Add(jitter(within))
}

func (l *loop) syncDue() bool {
	if !l.retrySync.IsZero() && time.Now().Before(l.retrySync) {
		return false
	}
	return !l.retrySync.IsZero() || !clock.Now().Before(l.nextSync)
}

// doSync reads and seals. A read that failed is tried again with growing
// pauses; one whose batch waits, for whatever reason, is done: reading again
// would only make another batch wait.
func (l *loop) doSync(ctx context.Context) {
	sealed, err := l.sync(ctx)
	l.nextSync = l.following(clock.Now())
	switch {
	case err == nil:
		l.reads.good()
		l.posts.good()
		l.retrySync = time.Time{}
	case ctx.Err() != nil:
	case sealed:
		l.reads.good()
		l.retrySync = time.Time{}
		l.nextDeliver = time.Now().Add(l.pause(err))
		l.log.Warn("sealed, but not yet delivered", logkey.Error, err.Error())
	default:
		l.retrySync = time.Now().Add(l.reads.fail())
		l.log.Error("the sync failed", logkey.Error, err.Error(), logkey.Next, l.retrySync)
	}
}

func (l *loop) doDeliver(ctx context.Context) {
	n, err := l.deliver(ctx)
	if n > 0 {
		l.posts.good()
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	l.nextDeliver = time.Now().Add(l.pause(err))
	l.log.Warn("the queue waits", logkey.Error, err.Error(), logkey.Next, l.nextDeliver)
}

// pause is how long to leave the collector alone after err.
func (l *loop) pause(err error) time.Duration {
	d := l.posts.fail()
	var later *Later
	if errors.As(err, &later) && later.After > d {
		d = later.After + jitter(later.After/4+1)
	}
	return d
}

func (l *loop) doCheckin(ctx context.Context, c condition) {
	err := l.checkin(ctx)
	wait := checkinEvery - jitter(checkinJitter)
	var fault *uplink.Fault
	switch {
	case err == nil:
		l.checkins.good()
	case ctx.Err() != nil:
		return
	case errors.As(err, &fault):
		wait = l.checkins.fail()
		l.log.Warn("the collector was not reached", logkey.Reason, string(fault.Kind), logkey.Error, err.Error())
	default:
		l.log.Warn("the check-in was not taken", logkey.Error, err.Error())
	}
	if c.asking && time.Now().Before(l.askUntil) {
		wait = min(wait, askEvery)
	}
	l.nextCheckin = time.Now().Add(wait)
}
