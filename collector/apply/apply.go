package apply

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
)

// Config is what an Applier works with.
type Config struct {
	Store *store.Store
	Vault *vault.Vault
	// Keys is the keys directory; only sealing/ below it is read.
	Keys string
	// Control signs statements; the keyring must list it.
	Control ed25519.PrivateKey
	Log     *slog.Logger
	// Every is how often Run looks for work without being nudged.
	Every time.Duration
}

// An Applier applies batches. Several may run on one database.
type Applier struct {
	Config
	inbox.Bell // rung when something has arrived
	sealing    sealing
	// fault, in tests only, is asked before each step that a crash may come
	// before.
	fault func(step string) error
}

// New makes an Applier; it starts nothing.
func New(c Config) *Applier { return &Applier{Config: c, Bell: inbox.NewBell()} }

// Run applies what arrives until ctx ends; it then returns nil. Errors are
// logged and tried again.
func (a *Applier) Run(ctx context.Context) error {
	a.Rounds(ctx, a.Every, func() {
		if _, err := a.Once(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error("applying batches failed; it is tried again", logkey.Error, err.Error(), logkey.Duration, a.Every.Milliseconds())
		}
	})
	return nil
}

// maxSchools bounds how many schools one round looks at; the others are there
// in the next.
const maxSchools = 100_000

// Once applies everything that can be applied now, school by school. worked
// says whether anything was. The error of one school does not stop the others.
func (a *Applier) Once(ctx context.Context) (worked bool, err error) {
	var schools []string
	err = a.Store.Read(ctx, func(tx *store.Tx) (err error) {
		schools, err = inbox.Waiting(ctx, tx.Tx, maxSchools)
		return err
	})
	if err != nil {
		return false, err
	}
	worked, err = a.conflicts(ctx)
	for _, school := range schools {
		did, failed := a.drain(ctx, school)
		worked = worked || did
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("apply batches of %s: %w", school, failed))
		}
		if ctx.Err() != nil {
			return worked, errors.Join(err, ctx.Err())
		}
	}
	return worked, err
}

// drain applies reads of one school until nothing more can be applied.
func (a *Applier) drain(ctx context.Context, school string) (worked bool, err error) {
	for ctx.Err() == nil {
		did, more, err := a.step(ctx, school)
		if errors.Is(err, store.ErrMoved) || errors.Is(err, inbox.ErrDecided) {
			continue // another process was faster: look again
		}
		if err != nil || !did {
			return worked, err
		}
		worked = true
		if !more {
			return true, nil
		}
	}
	return worked, ctx.Err()
}

// step applies the next read of a school, or sets aside what cannot be read.
// more says whether there may be something after it.
func (a *Applier) step(ctx context.Context, school string) (worked, more bool, err error) {
	next, stale, err := a.next(ctx, school)
	if err == nil && stale {
		return true, true, a.refuseStale(ctx, school)
	}
	if err != nil || next == nil {
		return false, true, err
	}
	if next.unreadable != nil {
		return true, true, a.setAside(ctx, next.position, next.unreadable)
	}
	err = a.apply(ctx, next)
	var bad *unreadable
	if errors.As(err, &bad) {
		return true, true, a.setAside(ctx, next.position, bad)
	}
	return true, next.last().Link() != next.head, err
}
