package store

import (
	"context"
	"io"
	"iter"
	"time"

	"rollbridge/collector/vault"
	"rollbridge/shared/record"
)

// A Stored is one record as the collector holds it.
type Stored struct {
	Record  record.Record
	Version int
	// Authority looks after the pupil; empty if no pupil record has arrived.
	Authority string
	// Received is when the batch arrived, AsAt for when the data are true.
	Received, AsAt time.Time
	// Held says that the record's removal waits for a person; Uncounted that it
	// lies outside what the agent last reported (an older year).
	Held, Uncounted bool
}

// Records gives a school's records, decrypted, pupils first and then in the
// order of dataset and key. A record whose every version was refused is not
// there. The error comes once, as the last pair; ErrStopped for a stopped
// school.
func (s *Store) Records(ctx context.Context, school string, v *vault.Vault) iter.Seq2[Stored, error] {
	panic("written next")
}

// Export writes a school's records as JSON lines: dataset, key, version,
// authority, received, as_at and the record itself.
func (s *Store) Export(ctx context.Context, school string, v *vault.Vault, w io.Writer) error {
	panic("written next")
}
