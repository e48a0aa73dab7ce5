package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"rollbridge/agent/event"
	"rollbridge/agent/memory"
	"rollbridge/agent/slot"
	"rollbridge/shared/clock"
	"rollbridge/shared/logkey"
	"rollbridge/shared/release"
)

// A Supervisor keeps the version in force running, and tries new ones.
type Supervisor struct {
	// Own is the package's own copy of the program, of Version, beside the versions
	// directory Dir.
	Own     string
	Version string
	Dir     slot.Dir
	// Args are a worker's arguments without its name.
	Args []string
	// Stderr is the worker's standard error. It is a file, so that it outlives this
	// process; nil is nothing.
	Stderr *os.File
	Log    *slog.Logger
}

// Run keeps a worker running until ctx ends, and returns when it has ended with
// all its children. It is called once in a process, which must have no other
// children.
func (s Supervisor) Run(ctx context.Context) error {
	if err := adoptOrphans(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { s.notify("STOPPING=1") })()
	m := &machine{
		disk: s.Dir, own: s.Own, version: s.Version, limits: inForce(), now: clock.Now, log: s.Log, said: map[string]string{},
		start: starter{args: s.Args, stderr: s.Stderr, left: endOrphans}.start, works: s.works, settle: s.settle,
		updates: s.Dir.There() && release.Root() != nil && release.Valid(s.Version) == nil,
	}
	(&keeper{machine: m, tell: s.notify}).run(ctx)
	return nil
}

// settle is called when there is little to do but wait.
func (s Supervisor) settle() {
	if err := memory.Release(); err != nil {
		s.Log.Warn("memory that is not needed could not be given back", logkey.Error, err.Error())
	}
}

// works is called when the worker says that it works.
func (s Supervisor) works(run choice) {
	s.settle()
	trial := ""
	if run.trial {
		trial = ", on probation"
	}
	s.notify(fmt.Sprintf("READY=1\nSTATUS=The worker runs (version %s%s)", run.version, trial))
}

func (s Supervisor) notify(state string) {
	if err := notify(os.Getenv(notifySocket), state); err != nil {
		s.Log.Warn("systemd could not be told how things stand", logkey.Error, err.Error())
	}
}

// The pauses between two lives of a worker: longer each time, and short again
// once it has lived for steady.
const (
	firstPause = time.Second
	longPause  = 5 * time.Minute
	steady     = 10 * time.Minute
)

// A keeper starts workers again and again.
type keeper struct {
	*machine
	// tell tells systemd what goes on.
	tell func(state string)

	pause   time.Duration
	givenUp bool
}

// run returns when ctx has ended and the worker has too.
func (k *keeper) run(ctx context.Context) {
	k.load()
	k.clean()
	k.again()
	for ctx.Err() == nil {
		run := k.choose()
		if run.trial {
			// systemd counts with a start that takes no longer than one of a good version.
			k.tell(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", (k.limits.ready + 2*StopLimit + time.Minute).Microseconds()))
		}
		began := time.Now()
		e := k.live(ctx, run)
		run.trial = run.trial && k.state.OnProbation(run.version) // it may have served it
		if ctx.Err() != nil {
			k.stopped(run, e)
			return
		}
		if time.Since(began) >= steady {
			k.again()
		}
		k.rest(ctx, k.after(run, e))
	}
}

// again makes the pauses short.
func (k *keeper) again() { k.pause, k.givenUp = firstPause, false }

// stopped gives back the attempt of a version on probation that worked until the
// service was stopped: an ordinary end of the day is no failure.
func (k *keeper) stopped(run choice, e end) {
	if c := k.state.Candidate; run.trial && e.ready && e.told && c != nil && c.Attempts > 0 {
		c.Attempts--
		k.save("an attempt that was not needed")
	}
}

// after judges how a worker ended, and returns how long to wait before the next.
func (k *keeper) after(run choice, e end) time.Duration {
	switch {
	case e.told:
		k.again()
		return 0
	case run.trial:
		return k.tried(run, e)
	}
	if !e.ready {
		k.clear(true) // the version before does not even become ready
	}
	err := e.err
	if e.why != "" {
		err = fmt.Errorf("it was ended: %s", e.why)
	}
	pause := k.pause
	next := time.Now().Add(pause)
	fields := []any{logkey.Error, err.Error(), logkey.Next, next.Format(time.TimeOnly)}
	switch {
	case pause < longPause:
		k.log.Error("the worker ended and is started again", append(fields, logkey.Event, event.Crashed)...)
	case !k.givenUp:
		k.givenUp = true
		k.log.Error("the worker ends again and again and is tried every five minutes", append(fields, logkey.Event, event.GivenUp)...)
	default:
		k.log.Error("the worker ended and is started again", fields...)
	}
	k.tell("STATUS=The worker ended (" + err.Error() + ") and is started again at " + next.Format(time.TimeOnly))
	k.pause = min(2*k.pause, longPause)
	return pause
}

// tried judges a version on probation: most of what it can do wrong is enough for
// once; where it worked first, or was kept from starting, it is tried again.
func (k *keeper) tried(run choice, e end) time.Duration {
	why := e.why
	switch {
	case why != "":
	case !e.begun:
		if why = notStarted(e.err); why == slot.Vanished {
			k.unreleased(run.version, errors.Join(slot.ErrVanished, e.err))
		}
	case !e.ready:
		why = slot.Ended
	}
	k.log.Error("a version on probation has ended", logkey.Version, run.version, logkey.Error, e.err.Error())
	if c := k.state.Candidate; why == "" && c != nil && c.Attempts >= maxAttempts {
		if why = slot.Crashed; !e.begun {
			why = slot.Unstartable
		}
	}
	k.tell("STATUS=Version " + run.version + " ended (" + e.err.Error() + ")")
	if why != "" {
		k.again()
		k.goBack(why, e.said)
		k.clean()
		return 0
	}
	pause := k.pause
	k.pause = min(2*k.pause, longPause)
	return pause
}

// rest waits, and goes on at once where something is asked meanwhile: who cannot
// start is helped by another version.
func (k *keeper) rest(ctx context.Context, pause time.Duration) {
	over := time.NewTimer(pause)
	defer over.Stop()
	tick := time.NewTicker(k.limits.look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			return
		case <-tick.C:
			if k.hear(choice{}) {
				k.again()
				return
			}
		}
	}
}
