package store

import (
	"context"
	"time"

	"rollbridge/collector/vault"
)

// A Rotation says what Rotate did.
type Rotation struct {
	Advanced  bool // there is a new epoch
	Rewrapped int  // data keys
	Destroyed []vault.Epoch
}

// Rotate is the daily job of the vault: a new epoch key when the newest is a
// day old, every live data key re-wrapped by it in small transactions, and old
// epoch keys that wrap nothing destroyed. Called again, it goes on where it
// stopped.
func (s *Store) Rotate(ctx context.Context, v *vault.Vault, now time.Time) (Rotation, error) {
	panic("written next")
}

// Tidy deletes outcome statements older than 30 days, keeping the newest of
// each agent: agents that were away longer have sent a full batch since.
func (s *Store) Tidy(ctx context.Context, now time.Time) error { panic("written next") }
