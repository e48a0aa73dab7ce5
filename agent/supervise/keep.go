package supervise

import (
	"context"
	"log/slog"
	"time"

	"rollbridge/agent/event"
	"rollbridge/shared/logkey"
)

// The pauses between two lives of a worker: longer each time, and short again
// once it has lived for steady.
const (
	firstPause = time.Second
	longPause  = 5 * time.Minute
	steady     = 10 * time.Minute
)

// A keeper starts a worker again and again.
type keeper struct {
	// life is one life of the worker: it ends by itself or soon after ctx, and
	// says how it ended.
	life func(ctx context.Context) error
	log  *slog.Logger
	// tell is told what goes on, in words.
	tell func(status string)
}

// run returns when ctx has ended and the worker has too.
func (k keeper) run(ctx context.Context) {
	pause, givenUp := firstPause, false
	for {
		began := time.Now()
		err := k.life(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= steady {
			pause, givenUp = firstPause, false
		}
		next := time.Now().Add(pause)
		fields := []any{logkey.Error, err.Error(), logkey.Next, next.Format(time.TimeOnly)}
		switch {
		case pause < longPause:
			k.log.Error("the worker ended and is started again", append(fields, logkey.Event, event.Crashed)...)
		case !givenUp:
			givenUp = true
			k.log.Error("the worker ends again and again and is tried every five minutes", append(fields, logkey.Event, event.GivenUp)...)
		default:
			k.log.Error("the worker ended and is started again", fields...)
		}
		k.tell("The worker ended (" + err.Error() + ") and is started again at " + next.Format(time.TimeOnly))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}
