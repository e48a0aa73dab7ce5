package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.etcd.io/bbolt"

	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
)

// A Remainder is what a revoke, and a move, still need of an outbox whose file
// is deleted.
type Remainder struct {
	Facts Facts
	Head  envelope.Link
	// Counter is at or above every attempt number that was ever given.
	Counter uint64
	// Lacking is what could not be read and is not here; nil if that is nothing.
	Lacking error

	unlogged []numberedEntry
}

type numberedEntry struct {
	n uint64
	pendingEntry
}

// Remainder reads it; it writes nothing, so it works on a full disk too. What is
// damaged is Lacking, for the last word of a school must not wait for it; only
// where it is not even known where the collector is there is an error.
func (b *Outbox) Remainder() (r Remainder, err error) {
	b.log.Lock()
	defer b.log.Unlock()
	// Each by itself, since a damaged page is a panic of bbolt that ends the read.
	parts := []func(*bbolt.Tx) error{r.readFacts, r.readHead, r.readCounter, func(tx *bbolt.Tx) error { return r.readUnlogged(tx, b.logged) }}
	for _, part := range parts {
		r.Lacking = errors.Join(r.Lacking, b.read(part))
	}
	if r.Lacking != nil && r.Facts.Collector.URL == "" {
		return Remainder{}, fmt.Errorf("read what is left of the queue: %w", r.Lacking)
	}
	return r, nil
}

// readFacts takes from facts that are damaged what is needed to reach the
// collector, where that can still be read.
func (r *Remainder) readFacts(tx *bbolt.Tx) (err error) {
	if r.Facts, err = readFacts(tx); err == nil {
		return nil
	}
	r.Facts = Facts{}
	bucket, partErr := part(tx, bucketFacts)
	if partErr != nil {
		return partErr
	}
	wanted := map[string]any{"collector": &r.Facts.Collector, "generation": &r.Facts.Generation, "keyring": &r.Facts.Keyring, "serials": &r.Facts.Serials}
	d := json.NewDecoder(bytes.NewReader(bucket.Get(keyFacts)))
	if _, end := d.Token(); end != nil {
		return err
	}
	for d.More() {
		var value json.RawMessage
		name, end := d.Token()
		if end != nil || d.Decode(&value) != nil {
			break
		}
		if to, is := name.(string); is && wanted[to] != nil {
			_ = json.Unmarshal(value, wanted[to]) // err says already that something is damaged
		}
	}
	return err
}

func (r *Remainder) readHead(tx *bbolt.Tx) error {
	_, err := part(tx, bucketMeta)
	if err == nil {
		r.Head, err = readHead(tx)
	}
	return err
}

// readCounter takes the clock, in millionths of a second, where there is no such
// number: that is above any that was ever reached by counting.
func (r *Remainder) readCounter(tx *bbolt.Tx) error {
	r.Counter = uint64(clock.Now().UnixMicro())
	meta, err := part(tx, bucketMeta)
	if err != nil {
		return err
	}
	switch v := meta.Get(keyCounter); {
	case len(v) == 8:
		r.Counter = number(v)
	case v != nil:
		return fmt.Errorf("%w: the number of the last attempt cannot be read", ErrDamaged)
	}
	return nil
}

func (r *Remainder) readUnlogged(tx *bbolt.Tx, logged []uint64) error {
	pending, err := part(tx, bucketPending)
	if err != nil {
		return err
	}
	lost := 0
	err = pending.ForEach(func(k, v []byte) error {
		e := numberedEntry{}
		if len(k) != 8 || json.Unmarshal(v, &e.pendingEntry) != nil {
			lost++
			return nil
		}
		if e.n = number(k); !slices.Contains(logged, e.n) {
			r.unlogged = append(r.unlogged, e)
		}
		return nil
	})
	if err == nil && lost > 0 {
		err = fmt.Errorf("%w: %d entries for the logbook cannot be read", ErrDamaged, lost)
	}
	return err
}

// part is a bucket of a file that may lack some; see Options.Damaged.
func part(tx *bbolt.Tx, name []byte) (*bbolt.Bucket, error) {
	if b := tx.Bucket(name); b != nil {
		return b, nil
	}
	return nil, fmt.Errorf("%w: its part %q is missing", ErrDamaged, name)
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
