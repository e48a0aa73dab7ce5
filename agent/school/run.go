package school

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/memory"
	"rollbridge/agent/outbox"
	"rollbridge/agent/settings"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

var (
	// ErrOver is returned by Run when there is nothing more to run: the school
	// was revoked, by whomever.
	ErrOver = errors.New("the school is revoked")
	// ErrSuperseded is returned by Run when only a new enrolment helps.
	ErrSuperseded = errors.New("another copy of this agent is ahead")
)

// Run is the service of an open school until ctx ends: syncs at the expected
// times, delivers with back-off for as long as it takes, checks in. poke makes
// it look at the markers and the queue at once. It returns nil at the end of
// ctx, ErrOver after a revoke and ErrSuperseded; the markers may be written by
// anybody.
func (s *School) Run(ctx context.Context, poke <-chan struct{}) error {
	minutes, err := s.set.Schedule.Minutes()
	if err != nil {
		return err
	}
	l := &loop{
		duties: s.paced(duties{
			sync: func(ctx context.Context) (bool, error) {
				report, err := s.Sync(ctx, SyncRequest{})
				s.noteFailed(err)
				return len(report.Sealed) > 0, err
			},
			deliver: s.Deliver,
			checkin: s.Checkin,
			look:    s.condition,
		}),
		table: Timetable{Minutes: minutes, Place: london, Behind: s.behind()},
		log:   s.log, poke: poke,
	}
	defer s.pace.turn(false, false)
	return l.run(ctx)
}

// noteFailed remembers why the last sync sent nothing, for whoever asks.
func (s *School) noteFailed(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.failed.Store(text)
}

// behind is how old the data may be that the MIS gives. While the settings of
// the MIS cannot work it is not known, and each sync says so.
func (s *School) behind() time.Duration {
	source, _, err := s.source()
	if err != nil {
		return 0
	}
	return source.Freshness()
}

func (s *School) condition() (condition, error) {
	if _, revoked := Revoked(s.dir); revoked {
		return condition{}, ErrOver
	}
	seen, err := s.glance()
	if err != nil {
		return condition{}, err
	}
	f, waiting, why := seen.facts, seen.waiting, seen.full
	if f.Refusal != nil && f.Refusal.Reason == protocol.RefusalSuperseded {
		return condition{}, ErrSuperseded
	}
	_, paused := Paused(s.dir)
	if !paused && fileExists(filepath.Join(s.dir, pausedName)) {
		if err := s.endedPause(); err != nil {
			return condition{}, err
		}
	}
	c := condition{
		paused: paused, waiting: waiting, full: why != "" && why != outbox.FullFirst,
		deciding: !f.Enrolled || f.Wait && !f.Confirmed, asking: !f.Confirmed, stopped: f.Refusal != nil, decided: s.decided.Load(),
	}
	if f.LastRead != nil && f.LastRead.Problem == "" {
		c.lastRead = f.LastRead.Started
	}
	if f.LastReceipt != nil {
		c.received = f.LastReceipt.Received
	}
	s.announce(f, paused, waiting)
	s.rest()
	return c, nil
}

// restAfter is how long nothing must have changed before what the last work has
// touched is given back.
const restAfter = 10 * time.Second

// rest gives memory back, once after each change. Where many schools share the
// process one of them is always about to read.
func (s *School) rest() {
	if s.turns != nil || s.seen.change == s.rested || time.Since(s.seen.at) < restAfter {
		return
	}
	s.rested = s.seen.change
	s.release()
}

// release gives memory back: what a read needs comes on top of what is there.
func (s *School) release() {
	if err := memory.Release(); err != nil {
		s.log.Warn("memory that is not needed could not be given back", logkey.Error, err.Error())
	}
}

// A glance is what the loop knows of the state, to be read only.
type glance struct {
	facts   outbox.Facts
	waiting int
	full    string
	change  int
	at      time.Time // by time.Now
}

// glance reads the state where it has changed, and each minute for what goes by
// the clock: the loop looks twice a second, all day.
func (s *School) glance() (glance, error) {
	change, err := s.box.Change()
	if err != nil {
		return glance{}, err
	}
	if s.seen.change == change && time.Since(s.seen.at) < time.Minute {
		return s.seen, nil
	}
	g := glance{change: change, at: time.Now()}
	if g.facts, err = s.box.Facts(); err != nil {
		return glance{}, err
	}
	if g.waiting, err = s.box.Waiting(); err != nil {
		return glance{}, err
	}
	if g.full, err = s.box.FullReason(); err != nil {
		return glance{}, err
	}
	s.seen = g
	return g, nil
}

// endedPause takes away the marker of a pause that has reached its end.
func (s *School) endedPause() error {
	there, err := EndPause(s.dir)
	if err != nil || !there {
		return err
	}
	return s.NotePause(false)
}

// NotePause logs that a pause began or ended; the marker was written before.
func (s *School) NotePause(paused bool) error {
	event := outbox.EventResumed
	if paused {
		event = outbox.EventPaused
	}
	return s.box.Log(outbox.Entry{Event: event})
}

// DeliverRemains delivers what a revoke left, with back-off, until it is done
// or ctx ends. It finishes the revoke first if a crash cut it off.
func DeliverRemains(ctx context.Context, set settings.Settings, log *slog.Logger) {
	pause := backoff{first: 10 * time.Second, limit: 2 * time.Hour}
	for ctx.Err() == nil {
		var err error
		if Unfinished(set.DataDir) {
			err = FinishRevoke(ctx, set, false, time.Minute)
		}
		// What cannot be deleted now does not keep the collector from being told.
		if err = errors.Join(err, DeliverRevoke(ctx, set.DataDir, log)); err == nil {
			return
		}
		was := Unfinished(set.DataDir)
		wait := pause.fail()
		if ctx.Err() == nil {
			log.Warn("the revoke is not yet finished", logkey.Error, err.Error(), logkey.Next, time.Now().Add(wait))
		}
		again := time.Now().Add(wait)
		for ctx.Err() == nil && time.Now().Before(again) {
			// A command may deliver it first, or want the logbook deleted too.
			if is := Unfinished(set.DataDir); is != was || !is && !RevokeWaits(set.DataDir) {
				break
			}
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
	}
}

// Enrolled says whether there is an identity below dir, and whose.
func Enrolled(dir string) (agent string, ok bool) {
	id, err := identity.Load(dir)
	if err != nil {
		return "", false
	}
	return id.Agent().String(), true
}
