package outbox

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/shared/clock"
)

// A pendingEntry is an entry that was committed with what it is about and is
// not yet known to be in the logbook. Its key in the bucket is the number that
// it will have there.
type pendingEntry struct {
	Time  time.Time       `json:"time"`
	Event Event           `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// pend adds entries to the transaction that they belong to.
func (b *Outbox) pend(tx *bbolt.Tx, entries ...Entry) error {
	bucket := tx.Bucket(bucketPending)
	n := b.journal.Next()
	if last, _ := bucket.Cursor().Last(); last != nil {
		n = max(n, number(last)+1)
	}
	for _, e := range entries {
		data := json.RawMessage("{}")
		if e.Data != nil {
			text, err := json.Marshal(e.Data)
			if err != nil {
				return fmt.Errorf("encode a %s entry: %w", e.Event, err)
			}
			data = text
		}
		value, err := json.Marshal(pendingEntry{Time: clock.Now().UTC(), Event: e.Event, Data: data})
		if err != nil {
			return fmt.Errorf("encode a %s entry: %w", e.Event, err)
		}
		if err := bucket.Put(numbered(n), value); err != nil {
			return err
		}
		n++
	}
	return nil
}

// commit runs change and pends the entries in one transaction, then writes the
// logbook. What was committed stands even if the logbook cannot be written
// now: the error then wraps ErrJournal, and Next, the next commit or Open
// completes it.
func (b *Outbox) commit(change func(*bbolt.Tx) ([]Entry, error)) error {
	// Numbers are given out under the lock under which they are written.
	b.log.Lock()
	defer b.log.Unlock()
	err := b.write(func(tx *bbolt.Tx) error {
		entries, err := change(tx)
		if err != nil {
			return err
		}
		if err := b.unpend(tx); err != nil {
			return err
		}
		return b.pend(tx, entries...)
	})
	if err != nil {
		return err
	}
	b.logged = nil
	reached("committed")
	return b.flushLocked()
}

func (b *Outbox) flush() error {
	b.log.Lock()
	defer b.log.Unlock()
	return b.flushLocked()
}

// unpend forgets, in the next transaction that there is, what the logbook
// holds: a transaction of its own would cost two more fsyncs each time.
func (b *Outbox) unpend(tx *bbolt.Tx) error {
	for _, n := range b.logged {
		if err := tx.Bucket(bucketPending).Delete(numbered(n)); err != nil {
			return err
		}
	}
	return nil
}

// flushLocked appends what is pending to the logbook, in order. A crash leaves
// entries pending that the logbook already holds, so append looks first.
func (b *Outbox) flushLocked() error {
	return b.read(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketPending).ForEach(func(k, v []byte) error {
			if len(k) != 8 {
				return fmt.Errorf("%w: an entry for the logbook cannot be read", ErrDamaged)
			}
			n := number(k)
			if slices.Contains(b.logged, n) {
				return nil
			}
			var e pendingEntry
			if err := json.Unmarshal(v, &e); err != nil {
				return fmt.Errorf("%w: an entry for the logbook cannot be read", ErrDamaged)
			}
			if err := appendTo(b.journal, n, e); err != nil {
				return fmt.Errorf("%w: %w", ErrJournal, explain(err))
			}
			b.logged = append(b.logged, n)
			reached("appended")
			return nil
		})
	})
}

func appendTo(j Journal, n uint64, e pendingEntry) error {
	if n < j.Next() {
		there, err := j.Holds(n, e.Time, e.Event, e.Data)
		if err != nil || there {
			return err
		}
	}
	return j.Append(e.Time, e.Event, e.Data)
}

// reached is called after each durable step; tests stop the process there.
var reached = func(string) {}

func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
func number(b []byte) uint64   { return binary.BigEndian.Uint64(b) }
