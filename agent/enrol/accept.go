package enrol

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"rollbridge/agent/identity"
	"rollbridge/agent/logbook"
	"rollbridge/agent/outbox"
	"rollbridge/agent/school"
	"rollbridge/agent/scope"
	"rollbridge/agent/secret"
	"rollbridge/agent/settings"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/version"
)

// An Enrolment is under way or done. It holds the state lock until Close.
type Enrolment struct {
	school *school.School
	dir    string
	made   bool // by this call, so a refused code takes it away again
}

// patience is how long to wait for another process to be done with the state.
const patience = 15 * time.Second

// ErrEnrolled is returned by Find for another code than the one that this
// school is enrolled with.
var ErrEnrolled = &school.Fault{Kind: school.Refused, Text: "this school is already enrolled on this machine, with another code: nothing was changed; to leave the present collector, run `rollbridge-agent revoke` first"}

// Find returns the enrolment that this code began earlier, or nil where there
// is none and the offer is to be asked for. Errors are ErrEnrolled where
// another enrolment is alive.
func Find(ctx context.Context, set settings.Settings, code protocol.Code, log *slog.Logger) (*Enrolment, error) {
	if _, err := os.Stat(filepath.Join(set.DataDir, outbox.FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	s, err := school.Open(ctx, set, school.Options{Log: log, Patience: patience})
	if errors.Is(err, identity.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	facts, err := s.Box().Facts()
	// A marker that is still there is of the enrolment before: Accept was cut off
	// before anything was sent, and the service may end what it finds here.
	_, revoked := school.Revoked(set.DataDir)
	switch {
	case err != nil:
	case revoked || facts.EnrolRequest.IsZero() || ended(facts):
		return nil, s.Close() // begin anew
	case facts.EnrolRequest.Key == KeyOf(code):
		return &Enrolment{school: s, dir: set.DataDir}, nil
	case facts.Enrolled && facts.Unknown && facts.Collector.Root == code.Root:
		return nil, s.Close() // the collector lost this enrolment; a person has its new code
	case facts.Enrolled:
		err = ErrEnrolled
	default:
		return nil, s.Close() // never answered: the new code takes its place
	}
	return nil, errors.Join(err, s.Close())
}

func ended(f outbox.Facts) bool {
	return f.Refusal != nil && f.Refusal.Reason != protocol.RefusalUpgradeRequired
}

// KeyOf names a code in the request that it signed.
func KeyOf(code protocol.Code) envelope.KeyID { return envelope.KeyIDOf(public(code.Key())) }

// Accept is the school's yes: it makes the agent's keys and the signed request
// on disk, ready to be sent by Await. What an ended enrolment left is cleared
// away first; its logbook is kept under another name.
func (o *Offer) Accept(ctx context.Context, set settings.Settings, log *slog.Logger) (*Enrolment, error) {
	if err := school.MakeDir(set.DataDir); err != nil {
		return nil, err
	}
	lock, err := school.LockState(ctx, set.DataDir, patience)
	if err != nil {
		return nil, err
	}
	if err := o.prepare(set.DataDir); err != nil {
		lock.Release()
		return nil, fmt.Errorf("prepare the enrolment: %w", err)
	}
	s, err := school.OpenLocked(set, lock, log)
	if err != nil {
		lock.Release()
		return nil, err
	}
	return &Enrolment{school: s, dir: set.DataDir, made: true}, nil
}

// prepare leaves an identity, a logbook and facts with the signed request.
// Done again after a crash it uses the identity that is there.
func (o *Offer) prepare(dir string) error {
	fresh, err := clearEnded(dir)
	if err != nil {
		return err
	}
	id, err := identity.Load(dir)
	if errors.Is(err, identity.ErrMissing) {
		id, err = identity.Create(dir)
	}
	if err != nil {
		return err
	}
	book, err := openBook(dir, id, o.code.Root, fresh)
	if err != nil {
		return err
	}
	defer book.Close()
	code := protocol.NewRevocationCode()
	if err := secret.Write(filepath.Join(dir, school.RevocationCodeName), []byte(code.Reveal())); err != nil {
		return err
	}
	request, err := o.request(id, code)
	if err != nil {
		return err
	}
	if err := o.presign(dir, request); err != nil {
		return err
	}
	box, err := outbox.Open(dir, book, outbox.Options{})
	if err != nil {
		return err
	}
	made := scope.Decision{Allowed: scope.FromAsk(o.Ask)}
	yes := outbox.ScopeChange{Cause: outbox.ScopeEnrolled, After: scope.New(o.Ask, made.Allowed).Hash(), Allowed: made.Allowed}
	err = box.Update(func(f *outbox.Facts) error {
		*f = outbox.Facts{
			Collector:    outbox.Collector{URL: o.code.URL, Pin: o.code.Pin, Root: o.code.Root},
			EnrolRequest: request, Keyring: o.keyring, SealingKey: o.sealing, Ask: o.Ask, Agreed: &o.Ask, Decision: made,
			Serials:   map[protocol.StatementKind]uint64{protocol.KindSealingKey: o.sealingSerial},
			LastHeard: o.heard,
		}
		return nil
	}, outbox.Entry{Event: outbox.EventKeyring, Data: o.keyring}, outbox.Entry{Event: outbox.EventScope, Data: yes})
	if err = errors.Join(err, box.Close()); err != nil {
		return err
	}
	return school.ClearRevoked(dir)
}

func (o *Offer) request(id *identity.Identity, revocation protocol.RevocationCode) (protocol.Signed, error) {
	to, err := envelope.ParsePublicKey(o.sealing.Public)
	if err != nil {
		return protocol.Signed{}, err
	}
	agent := id.Agent()
	sealed, err := envelope.SealTo(to, protocol.PurposeIDKey, agent[:], id.IDKey)
	if err != nil {
		return protocol.Signed{}, err
	}
	hash := revocation.Hash()
	return protocol.Sign(o.code.Key(), protocol.DomainEnrol, protocol.EnrolRequest{
		Code: o.code.ID(), Root: o.code.Root[:], Sign: protocol.PublicKey(public(id.Sign)), Receive: id.Receive.PublicKey().Bytes(),
		IDKey: sealed, SealingKey: o.sealing.ID, Revocation: hash[:], Accepted: o.accepted[:], Version: version.Version,
	})
}

// presign makes the attempts to send the request, so that the service can go
// on repeating it without the code.
func (o *Offer) presign(dir string, request protocol.Signed) error {
	body, err := protocol.MarshalLine(protocol.Posted{Request: request})
	if err != nil {
		return err
	}
	// A code counts by the clock: it has no durable place of its own.
	counter := uint64(now().UnixMicro())
	attempt := protocol.Attempt{Message: protocol.MessageEnrol, Sender: protocol.Sender(o.code.ID()), Time: now()}
	kept, err := school.Presign(attempt, body, o.code.Key(), func() (uint64, error) { counter++; return counter, nil })
	if err != nil {
		return err
	}
	return school.KeepEnrolment(dir, kept)
}

// clearEnded takes away what an ended or never answered enrolment left, except
// an identity that a crash left without a request. fresh says that the logbook
// is to begin anew.
func clearEnded(dir string) (fresh bool, err error) {
	stop, revoked := school.Revoked(dir)
	box, err := outbox.Open(dir, nil, outbox.Options{ReadOnly: true})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, idErr := identity.Load(dir)
		fresh = revoked || errors.Is(idErr, identity.ErrMissing)
	case err != nil && !revoked:
		return false, err
	case err == nil:
		facts, err := box.Facts()
		if err = errors.Join(err, box.Close()); err != nil {
			return false, err
		}
		fresh = !facts.EnrolRequest.IsZero()
	}
	if !fresh && !revoked {
		return false, nil
	}
	if err := school.EraseState(dir); err != nil {
		return false, err
	}
	if stop.DeleteLogbook {
		return true, school.EraseLogbook(dir)
	}
	return true, nil
}

// openBook begins a logbook; one of an earlier enrolment stays beside it.
func openBook(dir string, id *identity.Identity, root protocol.Fingerprint, fresh bool) (*logbook.Book, error) {
	path := filepath.Join(dir, logbook.FileName)
	if !fresh {
		book, err := logbook.Open(dir, id.Logbook)
		if !errors.Is(err, fs.ErrNotExist) {
			return book, err
		}
	} else if _, err := os.Stat(path); err == nil {
		old := filepath.Join(dir, "logbook-until-"+now().Format("20060102-150405")+".jsonl")
		if err := os.Rename(path, old); err != nil {
			return nil, fmt.Errorf("keep the old logbook: %w", err)
		}
	}
	return logbook.Create(dir, id.Logbook, id.Agent(), root)
}

// Await sends the request until the collector's decision is there or ctx ends,
// and says whether it is. told is called once, as soon as the collector has the
// request: from then on the phrase can be compared. A code that is refused takes
// away what this call made.
func (e *Enrolment) Await(ctx context.Context, told func() error) (decided bool, err error) {
	wait := time.Second / 4
	for first := true; ; {
		facts, err := e.school.Box().Facts()
		if err != nil {
			return false, err
		}
		if facts.Enrolled {
			if first {
				return true, told()
			}
			return true, nil
		}
		received, err := e.school.Enrol(ctx)
		switch {
		case errors.Is(err, school.ErrCode):
			return false, errors.Join(err, e.undo())
		case ctx.Err() != nil:
			return false, nil
		case revokedMeanwhile(e.dir):
			return false, err
		case received && first:
			first = false
			if err := told(); err != nil {
				return false, err
			}
		case err != nil && first: // nothing has arrived: the person should know now
			return false, fmt.Errorf("send the enrolment (run the same command again to go on): %w", err)
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// revokedMeanwhile says whether the school has changed its mind, so that the
// revoke need not wait for this.
func revokedMeanwhile(dir string) bool {
	_, revoked := school.Revoked(dir)
	return revoked
}

func (e *Enrolment) undo() error {
	err := e.school.Close()
	if !e.made {
		return err
	}
	return errors.Join(err, school.EraseState(e.dir), school.EraseLogbook(e.dir))
}

// Status is how the enrolment stands.
func (e *Enrolment) Status() (school.Status, error) { return e.school.Status() }

// RevocationCode is the code for the head teacher's safe, or "" if it has been
// shown. Forget it with Shown.
func (e *Enrolment) RevocationCode() (string, error) {
	code, err := secret.Read(filepath.Join(e.dir, school.RevocationCodeName))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(code), err
}

// Shown deletes the revocation code from this machine.
func (e *Enrolment) Shown() error {
	err := os.Remove(filepath.Join(e.dir, school.RevocationCodeName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete the revocation code: %w", err)
	}
	return nil
}

// Close gives the state back, to the service if it runs.
func (e *Enrolment) Close() error { return e.school.Close() }
