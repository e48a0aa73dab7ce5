package school

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/settings"
	"rollbridge/agent/uplink"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// A School is one school's open data directory. It is safe for concurrent use;
// one process at a time has it open.
type School struct {
	dir  string
	set  settings.Settings
	log  *slog.Logger
	lock *Lock
	box  *outbox.Outbox
	book *logbook.Book

	// keys guards id, which changes once in the life of a re-enrolled agent.
	keys sync.RWMutex
	id   *identity.Identity

	reading chan struct{} // holds one token: one read at a time
	program func() *protocol.Update
	turns   *Turns     // among the schools of this process, nil for none
	wire    sync.Mutex // one message at a time, so that statements are obeyed in order
	rule    sync.Mutex // nothing is obeyed between the last look at what may leave and the sealing
	link    struct {
		sync.Mutex
		client *uplink.Client
	}
	// roster is what the authorities say of their children here, nil while none is
	// held: it is in memory only. used is what the read under way goes by; it
	// belongs to whoever holds reading.
	roster    atomic.Pointer[heldRoster]
	used      rosterUsed
	announcer announcer // of the one loop that runs
	pace      pace      // of that loop
	diskFull  atomic.Bool
	failed    atomic.Value // string: why the service's last sync failed, "" if it did not
	opened    time.Time    // by time.Now
	// noteAgain is when what could not be noted of a silence may be tried again;
	// it belongs to the loop.
	noteAgain time.Time
	// seen, and the change after which memory was given back, belong to it as well.
	seen    glance
	rested  int
	decided atomic.Int64 // how often a person decided what may leave, since this School was opened
	stalled atomic.Bool  // the collector's head is not ours to follow: control decides

	// ending is done when the school is being closed for good: what is under way
	// is broken off.
	ending context.Context
	end    context.CancelFunc
	// last is held by whoever closes or revokes, so that the service, which sees
	// the marker too, does not close what a revoke still signs with.
	last   sync.Mutex
	closed bool
}

// ErrClosed is returned by Revoke of a School that was closed before: nothing
// was done, and FinishRevoke does it.
var ErrClosed = errors.New("the school has just been closed")

// Options of Open.
type Options struct {
	Log *slog.Logger // nil discards
	// Patience is how long to wait for another process to be done.
	Patience time.Duration
	// Turns are shared by the schools of one process; nil where there is one.
	Turns *Turns
	// Program says of a check-in how the program stands; nil says nothing.
	Program func() *protocol.Update
}

// Open opens a school that was enrolled, or whose enrolment is under way, in
// set.DataDir. Errors wrap identity.ErrMissing where there is none, ErrInUse
// where another process has it open.
func Open(ctx context.Context, set settings.Settings, o Options) (*School, error) {
	lock, err := LockState(ctx, set.DataDir, o.Patience)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the school: %w", identity.ErrMissing)
	}
	if err != nil {
		return nil, err
	}
	s, err := OpenLocked(set, lock, o.Log)
	if err != nil {
		lock.Release()
		return nil, err
	}
	s.turns, s.program = o.Turns, o.Program
	return s, nil
}

// OpenLocked is Open for a caller that already holds the state lock; the
// School releases it when it is closed. After an error the caller still has it.
func OpenLocked(set settings.Settings, lock *Lock, log *slog.Logger) (*School, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &School{dir: set.DataDir, set: set, log: log, lock: lock, reading: make(chan struct{}, 1), opened: clock.Now(), announcer: announcer{log: log}}
	s.ending, s.end = context.WithCancel(context.Background())
	var err error
	if s.id, err = identity.Load(s.dir); err != nil {
		return nil, fmt.Errorf("open the school: %w", err)
	}
	if err := ClearMove(s.dir); err != nil {
		return nil, fmt.Errorf("open the school: %w", err)
	}
	if s.book, err = s.openBook(); err != nil {
		return nil, fmt.Errorf("open the school: %w", err)
	}
	if note := s.book.Repaired(); note != "" {
		log.Warn("the logbook was put right after a crash")
	}
	if s.box, err = outbox.Open(s.dir, s.book, outbox.Options{}); err != nil {
		return nil, errors.Join(fmt.Errorf("open the school: %w", err), s.book.Close())
	}
	if err := s.liftUpgrade(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the school: %w", err), s.box.Close(), s.book.Close())
	}
	return s, nil
}

// liftUpgrade takes back a refusal that asked for another program than this.
// If this one is too old as well, the collector says so again.
func (s *School) liftUpgrade() error {
	f, err := s.box.Facts()
	if err != nil || f.Refusal == nil || f.Refusal.Reason != protocol.RefusalUpgradeRequired || f.RefusedVersion == version.Version {
		return err
	}
	return s.box.Update(func(f *outbox.Facts) error {
		f.Refusal, f.RefusedVersion = nil, ""
		return nil
	})
}

// openBook opens the logbook. One that is gone is begun again rather than
// stopping the school's reporting; what is missing shows, because entries are
// numbered on.
func (s *School) openBook() (*logbook.Book, error) {
	book, err := logbook.Open(s.dir, s.id.Logbook)
	if !errors.Is(err, fs.ErrNotExist) {
		return book, err
	}
	box, err := outbox.Open(s.dir, nil, outbox.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	facts, err := box.Facts()
	if err = errors.Join(err, box.Close()); err != nil {
		return nil, err
	}
	s.log.Warn("the logbook was missing and is begun again")
	return logbook.Create(s.dir, s.id.Logbook, s.id.Agent(), facts.Collector.Root)
}

// Close releases everything, after a revoke that is under way; calling it twice
// is no error.
func (s *School) Close() error {
	s.end()
	s.last.Lock()
	defer s.last.Unlock()
	return s.close()
}

// close is Close for whoever holds last.
func (s *School) close() error {
	s.closed = true
	s.link.Lock()
	if s.link.client != nil {
		s.link.client.Close()
	}
	s.link.Unlock()
	var errs []error
	if s.box != nil {
		errs = append(errs, s.box.Close())
	}
	if s.book != nil {
		errs = append(errs, s.book.Close())
	}
	s.lock.Release()
	return errors.Join(errs...)
}

// Box is the outbox, for the enrolment that fills it.
func (s *School) Box() *outbox.Outbox { return s.box }

func (s *School) identity() *identity.Identity {
	s.keys.RLock()
	defer s.keys.RUnlock()
	return s.id
}

// client makes the uplink when it is first needed: what needs no network works
// without a usable proxy or certificate file.
func (s *School) client(c outbox.Collector) (*uplink.Client, error) {
	s.link.Lock()
	defer s.link.Unlock()
	if s.link.client == nil {
		client, err := uplink.New(s.route(c))
		if err != nil {
			return nil, refused(err.Error())
		}
		s.link.client = client
	}
	return s.link.client, nil
}

// Standing says why nothing may be read or sealed now, nil if it may.
func (s *School) standing(f outbox.Facts) error {
	if stop, yes := Revoked(s.dir); yes {
		return refused(stoppedText(protocol.RefusalReason(stop.Reason)))
	}
	if f.Refusal != nil {
		return refused(stoppedText(f.Refusal.Reason))
	}
	switch {
	case !f.Enrolled:
		return refused("the collector has not yet answered the enrolment: it is asked again; nothing is read until it has")
	case f.Wait && !f.Confirmed:
		return refused("this school was enrolled before: nothing is read until the operator has confirmed the phrase that `rollbridge-agent status` shows, and the school's old id key is back")
	}
	return nil
}

func (s *School) pausedNow() error {
	p, yes := Paused(s.dir)
	if !yes {
		return nil
	}
	until := "until `rollbridge-agent resume`"
	if !p.Until.IsZero() {
		until = "until " + p.Until.Local().Format("2 January 2006 15:04")
	}
	return refused("the school has paused " + until + ": nothing is read; `rollbridge-agent resume` ends the pause")
}

func stoppedText(r protocol.RefusalReason) string {
	switch r {
	case protocol.RefusalSuperseded:
		return "another copy of this agent has gone on sending, so this one has stopped: ask the operator for a new code and run `rollbridge-agent enrol CODE`"
	case ReasonMoved:
		return "this agent was moved to another computer and goes on there: nothing is read or sent from here; uninstall it here"
	case protocol.RefusalUpgradeRequired:
		return "the collector needs a newer version of this program: it is taken by itself when the school's window and hold let it, or now by `rollbridge-agent update apply`; where nothing is taken by itself, install the package; what is queued is kept"
	case protocol.RefusalRevoked:
		return "the collector says that the school's agreement was revoked, so this agent has stopped and its keys and queue are gone: to begin again, ask the operator for a new code"
	case protocol.RefusalEnded:
		return "the operator has ended this enrolment, so this agent has stopped and its keys and queue are gone: to begin again, ask the operator for a new code"
	}
	return "the school has revoked: nothing is read or sent again; to begin again, ask the operator for a new code"
}

// statePath is the queue's file.
func statePath(dir string) string { return filepath.Join(dir, outbox.FileName) }
