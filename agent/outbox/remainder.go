package outbox

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"go.etcd.io/bbolt"

	"rollbridge/shared/envelope"
)

// A Remainder is what a revoke, and a move, still need of an outbox whose file
// is deleted.
type Remainder struct {
	Facts Facts
	Head  envelope.Link
	// Counter is at or above every attempt number that was ever given.
	Counter uint64

	unlogged []numberedEntry
}

type numberedEntry struct {
	n uint64
	pendingEntry
}

// Remainder reads it; it writes nothing, so it works on a full disk too.
func (b *Outbox) Remainder() (r Remainder, err error) {
	b.log.Lock()
	defer b.log.Unlock()
	err = b.read(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bucketMeta).Get(keyCounter); len(v) == 8 {
			r.Counter = number(v)
		}
		if r.Facts, err = readFacts(tx); err != nil {
			return err
		}
		if r.Head, err = readHead(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketPending).ForEach(func(k, v []byte) error {
			e := numberedEntry{}
			if len(k) != 8 || json.Unmarshal(v, &e.pendingEntry) != nil {
				return fmt.Errorf("%w: an entry for the logbook cannot be read", ErrDamaged)
			}
			if e.n = number(k); !slices.Contains(b.logged, e.n) {
				r.unlogged = append(r.unlogged, e)
			}
			return nil
		})
	})
	if err != nil {
		return Remainder{}, fmt.Errorf("read what is left of the queue: %w", err)
	}
	return r, nil
}

// Log enters what the outbox had committed and not yet entered.
func (r Remainder) Log(j Journal) error {
	for _, e := range r.unlogged {
		if err := appendTo(j, e.n, e.pendingEntry); err != nil {
			return err
		}
	}
	return nil
}

// Copy writes the whole file as it stands at one moment.
func (b *Outbox) Copy(w io.Writer) error {
	err := b.read(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("copy the queue: %w", err)
	}
	return nil
}
