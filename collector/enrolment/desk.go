package enrolment

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rollbridge/collector/inbox"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/logkey"
	"rollbridge/shared/protocol"
)

// Config is what a Desk works with.
type Config struct {
	Store *store.Store
	Vault *vault.Vault
	// Keys is the keys directory; only sealing/ below it is used.
	Keys string
	// Control signs statements; the keyring must list it.
	Control ed25519.PrivateKey
	// Root is the fingerprint that codes carry and enrolments must name.
	Root protocol.Fingerprint
	// Operator is the name that schools read in offers.
	Operator string
	// Handling is what they read of how their data are kept.
	Handling protocol.Handling
	Log      *slog.Logger
	// Every is how often Run looks for work without being nudged.
	Every time.Duration
}

// A Desk decides enrolments. Several may run on one database; commands use one
// beside the running service.
type Desk struct {
	Config
	inbox.Bell // rung when something has arrived
}

// New makes a Desk; it starts nothing.
func New(c Config) *Desk { return &Desk{Config: c, Bell: inbox.NewBell()} }

// Run decides requests as they arrive until ctx ends; it then returns nil.
// Errors are logged and tried again.
func (d *Desk) Run(ctx context.Context) error {
	d.Rounds(ctx, d.Every, func() {
		if _, err := d.Once(ctx); err != nil && ctx.Err() == nil {
			d.Log.Error("deciding requests failed; it is tried again", logkey.Error, err.Error(), logkey.Duration, d.Every.Milliseconds())
		}
	})
	return nil
}

// maxRequests bounds how many requests one round decides.
const maxRequests = 1000

// Once decides every waiting request and revocation code. worked says whether there was one. The
// error of one request does not stop the others.
func (d *Desk) Once(ctx context.Context) (worked bool, err error) {
	var waiting []inbox.Request
	err = d.Store.Read(ctx, func(tx *store.Tx) (err error) {
		waiting, err = inbox.WaitingRequests(ctx, tx.Tx, maxRequests)
		return err
	})
	for _, q := range waiting {
		if ctx.Err() != nil {
			return worked, errors.Join(err, ctx.Err())
		}
		failed := d.decide(ctx, q)
		if errors.Is(failed, inbox.ErrDecided) {
			continue // another process did
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("decide a request of %s: %w", q.School, failed))
			continue
		}
		worked = true
	}
	codes, failed := d.Codes(ctx)
	return worked || codes, errors.Join(err, failed)
}

// decide decides one request in one transaction.
func (d *Desk) decide(ctx context.Context, q inbox.Request) error {
	var refused *refusal
	err := d.Store.Write(ctx, func(tx *store.Tx) error {
		refused = nil
		if err := tx.LockSchool(ctx, q.School); err != nil {
			return err
		}
		var err error
		switch q.Message {
		case protocol.MessageEnrol:
			err = d.enrol(ctx, tx, q)
		case protocol.MessageRevoke:
			err = d.revokeByAgent(ctx, tx, q)
		default:
			err = refuse("message", "it is neither an enrolment nor a revocation")
		}
		state := inbox.StateDone
		if errors.As(err, &refused) {
			state, err = inbox.StateRefused, nil
		}
		if err != nil {
			return err
		}
		return inbox.MarkRequest(ctx, tx.Tx, q.School, q.Digest, state)
	})
	switch {
	case err != nil:
		return err
	case refused != nil:
		d.Log.Warn("a request is refused", logkey.School, q.School, logkey.Kind, string(q.Message), logkey.Reason, refused.code, logkey.Error, refused.text)
	default:
		d.Log.Info("a request is decided", logkey.School, q.School, logkey.Kind, string(q.Message))
	}
	return nil
}

// A refusal says why a request is refused. It is only returned before anything
// is written.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.text }

func refuse(code, text string) error { return &refusal{code, text} }
