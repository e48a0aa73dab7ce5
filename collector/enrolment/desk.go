package enrolment

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"rollbridge/collector/store"
	"rollbridge/collector/vault"
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
	Log      *slog.Logger
	// Every is how often Run looks for work without being nudged.
	Every time.Duration
}

// A Desk decides enrolments. Several may run on one database; commands use one
// beside the running service.
type Desk struct {
	Config
	nudge chan struct{}
}

// New makes a Desk; it starts nothing.
func New(c Config) *Desk { return &Desk{Config: c, nudge: make(chan struct{}, 1)} }

// Nudge tells Run that a request has arrived. It never blocks.
func (d *Desk) Nudge() {
	select {
	case d.nudge <- struct{}{}:
	default:
	}
}

// Run decides requests as they arrive until ctx ends; it then returns nil.
func (d *Desk) Run(ctx context.Context) error { panic("written next") }

// Once decides every waiting request. worked says whether there was one.
func (d *Desk) Once(ctx context.Context) (worked bool, err error) { panic("written next") }

// An Issued code is what NewCode made. Text is the only place that holds the
// secret: show it once and forget it.
type Issued struct {
	Text    string
	ID      protocol.CodeID
	Expires time.Time
	Ask     protocol.Ask
}

// NewCode makes a code for a school with the collector's address (https) and,
// for a trial certificate, its pin. A school that nobody asks anything of, or
// that does not exist, is refused.
func (d *Desk) NewCode(ctx context.Context, school, address string, pin []byte) (Issued, error) {
	panic("written next")
}

// Confirm accepts the agent of a school that ref names: its phrase, or its id
// or the first 8 or more digits of it. All other agents of the school are
// superseded. Confirming a confirmed agent changes nothing.
func (d *Desk) Confirm(ctx context.Context, school, ref string) (store.Agent, error) {
	panic("written next")
}

// Revoke stops an agent by the operator's word; ref as in Confirm. If it was
// the school's confirmed agent, or the school has none, the school is stopped.
func (d *Desk) Revoke(ctx context.Context, school, ref string) (store.Agent, error) {
	panic("written next")
}

// Provision tells a school's agents what is asked now, if that has changed
// since they were last told. It says whether it had.
func (d *Desk) Provision(ctx context.Context, school string) (changed bool, err error) {
	panic("written next")
}

// Resync asks a school's agent for a full batch by the operator's word.
func (d *Desk) Resync(ctx context.Context, school string) error { panic("written next") }

// SealingKeys is the weekly job: a new sealing key when the newest retires, a
// statement of the newest to all agents if there is none yet, and the
// destruction of those whose time is over. Called again, it changes nothing.
func (d *Desk) SealingKeys(ctx context.Context) error { panic("written next") }
