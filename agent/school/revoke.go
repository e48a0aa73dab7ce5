package school

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
)

// RevocationCodeName is where the enrolment keeps the code for the head
// teacher's safe until it has been shown.
const RevocationCodeName = "revocation.code"

// The names of what a move makes in the data directory: the key that the new
// machine showed, and the beginning of what is being unpacked.
const (
	MoveKeyName = "move.key"
	MoveStaging = ".move-"
)

// A last is what is open, or can still be read, of a school that ends.
type last struct {
	dir  string
	set  settings.Settings
	log  *slog.Logger
	stop Stop
	sign ed25519.PrivateKey // nil where it is gone
	book *logbook.Book      // nil where it cannot be opened
	box  *outbox.Outbox     // nil where it cannot be opened
}

// errNoMessage is why nobody but a person can tell the collector.
type errNoMessage struct{ why error }

func (e *errNoMessage) Error() string {
	return fmt.Sprintf("keys and queue are destroyed, but no message to the collector could be signed (%v): phone the collector's operator and give the revocation code in the head teacher's safe", e.why)
}

// Revoke closes the school for good: it writes the marker if it is not there,
// stops what is being read or sent, signs one message for the collector, and
// then destroys keys, queue and state. The School is closed afterwards, unless
// ctx ended first. The message is delivered by DeliverRevoke. Errors wrap
// ErrClosed where the school was closed before.
func (s *School) Revoke(ctx context.Context, deleteLogbook bool) error {
	if err := SetOwnRevoke(s.dir, deleteLogbook); err != nil {
		if _, there := Revoked(s.dir); !there {
			return err
		}
	}
	s.end()
	free, err := s.onlyReader(ctx)
	if err != nil {
		return err
	}
	defer free()
	s.wire.Lock()
	defer s.wire.Unlock()
	s.last.Lock()
	defer s.last.Unlock()
	if s.closed {
		return fmt.Errorf("revoke: %w", ErrClosed)
	}
	stop, err := stopOf(s.dir)
	if err != nil {
		return errors.Join(err, s.close())
	}
	l := last{dir: s.dir, set: s.set, log: s.log, stop: stop, sign: s.identity().Sign, book: s.book, box: s.box}
	return errors.Join(l.end(deleteLogbook), s.close())
}

// FinishRevoke completes a revoke that a crash cut off, or does one where the
// service does not: it takes the state lock, waiting up to patience. It goes by
// what is left: a damaged file stands in the way of nothing but itself.
func FinishRevoke(ctx context.Context, set settings.Settings, deleteLogbook bool, patience time.Duration) error {
	lock, err := lockOfTheEnd(ctx, set.DataDir, patience)
	if _, revoked := Revoked(set.DataDir); errors.Is(err, ErrInUse) && !revoked {
		return nil // as below
	}
	if errors.Is(err, ErrInUse) && !HasState(set.DataDir) {
		if stop, _ := Revoked(set.DataDir); deleteLogbook || stop.leavesLogbook(set.DataDir) {
			return refused("keys and queue are destroyed, and the collector is being told at this moment: the service deletes the logbook afterwards; without a service run `rollbridge-agent revoke` again in some minutes")
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading has stopped, but keys and queue are in use: stop the service, then run `rollbridge-agent revoke` again: %w", err)
	}
	defer lock.Release()
	// Whoever held the lock may have enrolled this school anew: what is here now
	// is then not what was revoked.
	if _, revoked := Revoked(set.DataDir); !revoked {
		return nil
	}
	stop, err := stopOf(set.DataDir)
	if err != nil {
		return err
	}
	l := last{dir: set.DataDir, set: set, log: slog.New(slog.DiscardHandler), stop: stop}
	var errs [3]error
	l.sign, errs[0] = identity.SignKey(l.dir)
	if key, err := identity.AnyLogbookKey(l.dir); err == nil {
		l.book, errs[1] = logbook.Open(l.dir, key)
	}
	l.box, errs[2] = outbox.Open(l.dir, nil, outbox.Options{ReadOnly: true, Damaged: true})
	for _, err := range errs {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.log.Warn("the school ends without a part of its state", logkey.Error, err.Error())
		}
	}
	return l.end(deleteLogbook)
}

// lockOfTheEnd takes the state lock for a revoke. Whoever holds it has seen the
// marker long before the patience is over; one that has not is hung, and ends.
func lockOfTheEnd(ctx context.Context, dir string, patience time.Duration) (*Lock, error) {
	lock, err := LockState(ctx, dir, patience)
	if !errors.Is(err, ErrInUse) {
		return lock, err
	}
	// A new enrolment may hold it, of which there is nothing to end, or whoever
	// has destroyed all and tells the collector.
	if _, revoked := Revoked(dir); !revoked || !HasState(dir) || !endHolder(filepath.Join(dir, stateLock)) {
		return nil, err
	}
	const grace = 5 * time.Second
	return LockState(ctx, dir, grace)
}

// end leaves the message and destroys the rest. What is needed is read and
// signed first, and kept in memory until the deletions have made room for it
// on a full disk.
func (l *last) end(deleteLogbook bool) error {
	stop := l.stop
	deleteLogbook = deleteLogbook || stop.DeleteLogbook
	rest, restErr := l.remainder()
	var message *remains
	var messageErr error
	switch {
	case stop.Reason == ReasonMoved:
		restErr = l.moved(rest, stop)
		return errors.Join(restErr, eraseState(l.dir))
	case exists(filepath.Join(l.dir, remainsName)) || !HasState(l.dir):
	case stop.Reason == "":
		message, messageErr = l.message(rest, restErr)
	default:
		message = l.ended(rest)
	}
	kept := message == nil
	if message != nil {
		kept = message.write(l.dir) == nil
	}
	var errs []error
	if l.box != nil {
		errs = append(errs, l.box.Close())
	}
	errs = append(errs, eraseFiles(l.dir, queueFiles...))
	if !kept {
		messageErr = message.write(l.dir)
	}
	if deleteLogbook { // the disk may have been full when it was asked for
		if err := addDeleteLogbook(l.dir); err != nil {
			l.log.Warn("if this is cut off, the logbook stays", logkey.Error, err.Error())
		}
	}
	errs = append(errs, l.closeLogbook(rest, stop, deleteLogbook), eraseState(l.dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("destroy keys and queue: %w", err)
	}
	if !deleteLogbook {
		if err := completeLogbook(l.dir); err != nil {
			l.log.Warn("the end is not yet in the logbook", logkey.Error, err.Error())
		}
	}
	l.log.Info("keys and queue are destroyed", logkey.Reason, stop.Reason)
	if messageErr != nil {
		return &errNoMessage{messageErr}
	}
	return nil
}

// remainder is what the message and the logbook need of the queue.
func (l *last) remainder() (outbox.Remainder, error) {
	if l.box == nil {
		return outbox.Remainder{}, errors.New("the queue cannot be read")
	}
	rest, err := l.box.Remainder()
	if err == nil && rest.Lacking != nil {
		l.log.Warn("the school ends without a part of its state", logkey.Error, rest.Lacking.Error())
	}
	return rest, err
}

// closeLogbook enters what the queue had not yet, and keeps the key; or deletes
// both. That an entry cannot be written must not keep the keys alive.
func (l *last) closeLogbook(rest outbox.Remainder, stop Stop, deleteLogbook bool) error {
	if l.book != nil {
		if err := rest.Log(l.book); err != nil {
			l.log.Warn("some entries are missing in the logbook", logkey.Error, err.Error())
		}
		if err := l.book.Close(); err != nil {
			return err
		}
	}
	if deleteLogbook {
		return EraseLogbook(l.dir)
	}
	return identity.KeepLogbookKey(l.dir)
}

// moved is the end of an agent that goes on on another machine: the line that
// the other one already has is written here too, and no key is kept, or there
// would be two who write the logbook.
func (l *last) moved(rest outbox.Remainder, stop Stop) error {
	var errs []error
	if l.box != nil {
		errs = append(errs, l.box.Close())
	}
	if l.book == nil {
		return errors.Join(errs...)
	}
	if err := l.enterMoved(rest, stop); err != nil {
		l.log.Warn("the move is not in the logbook of this machine", logkey.Error, err.Error())
	}
	return errors.Join(append(errs, l.book.Close())...)
}

func (l *last) enterMoved(rest outbox.Remainder, stop Stop) error {
	if err := rest.Log(l.book); err != nil {
		return err
	}
	newest, _, err := l.book.Last()
	if err != nil || newest.Event == outbox.EventMoved && newest.Time.Equal(stop.At) {
		return err
	}
	return l.book.Append(stop.At, outbox.EventMoved, MovedData(stop.To))
}

// MovedData is the data of the last entry of a machine that an agent leaves.
func MovedData(to envelope.KeyID) json.RawMessage {
	text, err := json.Marshal(outbox.Moved{To: to})
	if err != nil {
		panic("school: a key id cannot be encoded: " + err.Error())
	}
	return text
}

// queueFiles hold what waits, and what is known of the collector.
var queueFiles = []string{outbox.FileName, RevocationCodeName, enrolName, pausedName, MoveKeyName}

// eraseState deletes all that a revoke destroys, also what crashes have left.
// The directory of the keys goes last: as long as it is there, HasState says that
// there is something to finish.
func eraseState(dir string) error {
	return errors.Join(eraseFiles(dir, queueFiles...), secret.ClearUnfinished(dir), secret.RemoveAll(dir, MoveStaging),
		logbook.ClearUnfinished(dir), identity.Destroy(dir))
}

// completeLogbook enters what a revoke and its delivery leave to be said, once
// each, however often it is called. Where there is no logbook, or its key is
// gone, there is nothing to do.
func completeLogbook(dir string) error {
	key, err := identity.LogbookKey(dir)
	if errors.Is(err, identity.ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	book, err := logbook.Open(dir, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(enterEnd(dir, book), book.Close())
}

func enterEnd(dir string, book *logbook.Book) error {
	if _, revoked := Revoked(dir); !revoked {
		return nil
	}
	stop, err := stopOf(dir)
	if err != nil {
		return err
	}
	left, err := readRemains(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	type entry struct {
		due   bool
		event outbox.Event
		data  any
	}
	for _, e := range []entry{
		{stop.Reason == "", outbox.EventRevoked, nil},
		{true, outbox.EventDestroyed, nil},
		{left.Receipt != nil, outbox.EventRevokeReceived, left.Receipt},
	} {
		if !e.due {
			continue
		}
		if e.event == outbox.EventRevokeReceived {
			if err := book.Vouch(clock.Now(), left.Keyring); err != nil {
				return err
			}
		}
		if err := book.Once(clock.Now(), e.event, e.data); err != nil {
			return err
		}
	}
	return nil
}

// Unfinished says whether a revoked directory still holds keys or state, or a
// logbook that is not to be left.
func Unfinished(dir string) bool {
	stop, revoked := Revoked(dir)
	return revoked && (HasState(dir) || stop.leavesLogbook(dir))
}

// HasState says whether a directory holds anything that a revoke destroys.
func HasState(dir string) bool {
	_, err := identity.Load(dir)
	return !errors.Is(err, identity.ErrMissing) || fileExists(statePath(dir))
}
