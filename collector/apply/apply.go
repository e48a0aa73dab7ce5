package apply

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"rollbridge/collector/store"
	"rollbridge/collector/vault"
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
	nudge chan struct{}
}

// New makes an Applier; it starts nothing.
func New(c Config) *Applier { return &Applier{Config: c, nudge: make(chan struct{}, 1)} }

// Nudge tells Run that something has arrived. It never blocks.
func (a *Applier) Nudge() {
	select {
	case a.nudge <- struct{}{}:
	default:
	}
}

// Run applies what arrives until ctx ends; it then returns nil. Errors are
// logged and tried again.
func (a *Applier) Run(ctx context.Context) error { panic("written next") }

// Once applies everything that can be applied now, school by school. worked
// says whether anything was. The error of one school does not stop the others.
func (a *Applier) Once(ctx context.Context) (worked bool, err error) { panic("written next") }
