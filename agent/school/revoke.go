package school

import (
	"context"
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
	"rollbridge/agent/uplink"
	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

const remainsName = "revoke.json"

// RevocationCodeName is where the enrolment keeps the code for the head
// teacher's safe until it has been shown.
const RevocationCodeName = "revocation.code"

// remains is what is left of a revoked school: one message and how to deliver
// it.
type remains struct {
	Collector  outbox.Collector `json:"collector"`
	Exit       exit.Settings    `json:"exit,omitzero"`
	Keyring    protocol.Signed  `json:"keyring"`
	Agent      envelope.AgentID `json:"agent"`
	Generation uint32           `json:"generation"`
	Revoke     Presigned        `json:"revoke"`
	Delivered  time.Time        `json:"delivered,omitzero"`
	Receipt    *protocol.Signed `json:"receipt,omitempty"`
}

// Revoke closes the school for good: it writes the marker if it is not there,
// stops what is being read or sent, signs one message for the collector, and
// then destroys keys, queue and state. The School is closed afterwards, unless
// ctx ended first. The message is delivered by DeliverRevoke. Errors wrap
// ErrClosed where the school was closed before.
func (s *School) Revoke(ctx context.Context, deleteLogbook bool) error {
	if err := SetRevoked(s.dir, ""); err != nil {
		return err
	}
	s.end()
	free, err := s.alone(ctx)
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
	stop, _ := Revoked(s.dir)
	var messageErr error
	if stop.Reason == "" && !exists(filepath.Join(s.dir, remainsName)) {
		messageErr = s.leaveRemains()
	}
	if err := errors.Join(s.destroy(deleteLogbook), s.close()); err != nil {
		return fmt.Errorf("destroy keys and queue: %w", err)
	}
	if messageErr != nil {
		return fmt.Errorf("keys and queue are destroyed, but no message to the collector could be signed (%w): phone the collector's operator and give the revocation code in the head teacher's safe", messageErr)
	}
	return nil
}

func (s *School) leaveRemains() error {
	facts, err := s.box.Facts()
	if err != nil {
		return err
	}
	if facts.Collector.URL == "" {
		return nil
	}
	head, err := s.box.Head()
	if err != nil {
		return err
	}
	id := s.identity()
	r := remains{Collector: facts.Collector, Exit: s.set.Uplink.Exit(),
		Keyring: facts.Keyring, Agent: id.Agent(), Generation: facts.Generation}
	now := whole(clock.Now())
	body, err := s.signed(protocol.DomainRevoke, protocol.Revoke{Agent: r.Agent, Generation: r.Generation, Time: now, Head: head},
		s.have(facts, s.trust(facts).Keyring))
	if err != nil {
		return err
	}
	attempt := protocol.Attempt{Message: protocol.MessageRevoke, Sender: uplink.SenderOf(r.Agent), Time: now}
	if r.Revoke, err = Presign(attempt, body, id.Sign, s.box.Counter); err != nil {
		return err
	}
	if err := r.write(s.dir); err != nil {
		return err
	}
	return s.box.Log(outbox.Entry{Event: outbox.EventRevoked})
}

// destroy deletes what only this agent has. The last line of the logbook is
// written when it is true.
func (s *School) destroy(deleteLogbook bool) error {
	err := errors.Join(s.box.Close(), eraseState(s.dir))
	if err == nil && !deleteLogbook {
		err = s.book.Append(clock.Now(), outbox.EventDestroyed, json.RawMessage("{}"))
	}
	err = errors.Join(err, s.book.Close())
	if deleteLogbook {
		err = errors.Join(err, eraseFiles(s.dir, logbook.FileName))
	}
	return err
}

func eraseState(dir string) error {
	return errors.Join(identity.Destroy(dir), secret.ClearUnfinished(dir),
		eraseFiles(dir, outbox.FileName, RevocationCodeName, enrolName, pausedName))
}

// FinishRevoke completes a revoke that a crash cut off, or does one where the
// service does not: it takes the state lock, waiting up to patience.
func FinishRevoke(ctx context.Context, set settings.Settings, deleteLogbook bool, patience time.Duration) error {
	lock, err := LockState(ctx, set.DataDir, patience)
	if err != nil {
		return fmt.Errorf("reading has stopped, but keys and queue are in use: stop the service, then run `rollbridge-agent revoke` again: %w", err)
	}
	// Whoever held the lock may have enrolled this school anew: what is here now
	// is then not what was revoked.
	if _, revoked := Revoked(set.DataDir); !revoked {
		lock.Release()
		return nil
	}
	s, openErr := OpenLocked(set, lock, nil)
	if openErr == nil {
		return s.Revoke(ctx, deleteLogbook)
	}
	defer lock.Release()
	err = eraseState(set.DataDir)
	if deleteLogbook {
		err = errors.Join(err, eraseFiles(set.DataDir, logbook.FileName))
	}
	if err != nil {
		return err
	}
	stop, _ := Revoked(set.DataDir)
	if errors.Is(openErr, identity.ErrMissing) || stop.Reason != "" || exists(filepath.Join(set.DataDir, remainsName)) {
		return nil
	}
	return fmt.Errorf("keys and queue are destroyed, but the state could not be read, so no message to the collector was signed (%w): phone the collector's operator and give the revocation code in the head teacher's safe", openErr)
}

// Unfinished says whether a revoked directory still holds keys or state.
func Unfinished(dir string) bool {
	_, revoked := Revoked(dir)
	return revoked && HasState(dir)
}

func readRemains(dir string) (remains, error) {
	var r remains
	data, err := secret.Read(filepath.Join(dir, remainsName))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read %s: it is damaged: use the revocation code in the head teacher's safe, or phone the operator", remainsName)
	}
	return r, nil
}

func (r remains) write(dir string) error { return writeSecret(dir, remainsName, r) }

// RevokeWaits says whether a revoke message still has to be delivered.
func RevokeWaits(dir string) bool {
	r, err := readRemains(dir)
	return err == nil && r.Delivered.IsZero()
}

// DeliverRevoke makes one attempt to deliver what a revoke left, and returns
// nil when nothing is left to deliver.
func DeliverRevoke(ctx context.Context, dir string, log *slog.Logger) error {
	r, err := readRemains(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !r.Delivered.IsZero() {
		return err
	}
	client, err := uplink.New(uplink.Route{URL: r.Collector.URL, Pin: r.Collector.Pin, Exit: r.Exit})
	if err != nil {
		return err
	}
	defer client.Close()
	frame, err := r.Revoke.next()
	if err != nil {
		return fmt.Errorf("read %s: %w: use the revocation code in the head teacher's safe, or phone the operator", remainsName, err)
	}
	if err := r.write(dir); err != nil {
		return err
	}
	trust := uplink.Trust{Root: r.Collector.Root, Agent: r.Agent, Generation: r.Generation}
	if k, err := protocol.VerifyKeyring(r.Keyring, r.Collector.Root, 0); err == nil {
		trust.Keyring = k
	}
	h, err := client.Post(ctx, uplink.Request{Message: protocol.MessageRevoke, Body: r.Revoke.Message, Frame: frame}, trust)
	if h.Keyring != nil {
		r.Keyring = h.KeyringSigned
		err = errors.Join(err, r.write(dir))
	}
	if err != nil {
		return err
	}
	if h.Receipt == nil {
		return &Fault{Kind: Unreachable, Text: "the collector has not yet taken the revoke: it is sent again until it has"}
	}
	log.Info("the collector has the revoke", logkey.Attempt, r.Revoke.Used)
	r.Delivered, r.Receipt = h.Receipt.Received, &h.ReceiptSigned
	r.Revoke, r.Exit = Presigned{}, exit.Settings{CAFile: r.Exit.CAFile}
	return r.write(dir)
}

// HasState says whether a directory holds anything that a revoke destroys.
func HasState(dir string) bool {
	_, err := identity.Load(dir)
	return !errors.Is(err, identity.ErrMissing) || fileExists(statePath(dir))
}
