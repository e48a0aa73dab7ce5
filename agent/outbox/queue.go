package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// An Item is one sealed batch that is kept.
type Item struct {
	envelope.Link
	Full      bool      `json:"full,omitempty"`
	Part      int       `json:"part"`
	Parts     int       `json:"parts"`
	Sealed    time.Time `json:"sealed"`
	Size      int       `json:"size"`
	Attempted bool      `json:"attempted,omitempty"`
	Receipted bool      `json:"receipted,omitempty"`
	// Logged says that a receipt is in the logbook; it stays after Rewind.
	Logged bool `json:"logged,omitempty"`
	// Envelope is set by Next and Seal only.
	Envelope []byte `json:"-"`
}

func putKept(tx *bbolt.Tx, i Item) error {
	v, err := json.Marshal(i)
	if err != nil {
		return fmt.Errorf("encode an entry of the queue: %w", err)
	}
	return tx.Bucket(bucketKept).Put(numbered(i.Sequence), v)
}

// getKept returns the item of a batch, false if it is not kept.
func getKept(tx *bbolt.Tx, l envelope.Link) (Item, bool, error) {
	v := tx.Bucket(bucketKept).Get(numbered(l.Sequence))
	if v == nil {
		return Item{}, false, nil
	}
	i, err := decodeKept(v)
	return i, err == nil && i.Link == l, err
}

func decodeKept(v []byte) (Item, error) {
	var i Item
	if err := json.Unmarshal(v, &i); err != nil {
		return i, fmt.Errorf("%w: an entry of the queue cannot be read", ErrDamaged)
	}
	return i, nil
}

// forget deletes an envelope; its link stays in the chain.
func forget(tx *bbolt.Tx, sequence uint64) error {
	if err := tx.Bucket(bucketEnvelope).Delete(numbered(sequence)); err != nil {
		return err
	}
	return tx.Bucket(bucketKept).Delete(numbered(sequence))
}

func eachKept(tx *bbolt.Tx, each func(Item) error) error {
	return tx.Bucket(bucketKept).ForEach(func(_, v []byte) error {
		i, err := decodeKept(v)
		if err != nil {
			return err
		}
		return each(i)
	})
}

// Next is the oldest batch without a receipt, false if there is none. It gives
// none before the logbook says that it was sealed.
func (b *Outbox) Next() (item Item, found bool, err error) {
	if !b.db.IsReadOnly() {
		if err := b.flush(); err != nil {
			return Item{}, false, err
		}
	}
	err = b.read(func(tx *bbolt.Tx) error {
		err := eachKept(tx, func(i Item) error {
			if i.Receipted || found {
				return nil
			}
			item, found = i, true
			return nil
		})
		if found {
			item.Envelope = bytes.Clone(tx.Bucket(bucketEnvelope).Get(numbered(item.Sequence)))
		}
		return err
	})
	if err == nil && found && item.Envelope == nil {
		err = fmt.Errorf("%w: a batch of the queue is missing", ErrDamaged)
	}
	if err != nil {
		return Item{}, false, fmt.Errorf("find the next batch to send: %w", err)
	}
	return item, found, nil
}

// Kept lists the batches kept, oldest first, without their envelopes.
func (b *Outbox) Kept() (items []Item, err error) {
	err = b.read(func(tx *bbolt.Tx) error {
		return eachKept(tx, func(i Item) error {
			items = append(items, i)
			return nil
		})
	})
	return items, err
}

// Waiting counts the batches without a receipt.
func (b *Outbox) Waiting() (n int, err error) {
	err = b.read(func(tx *bbolt.Tx) error {
		return eachKept(tx, func(i Item) error {
			if !i.Receipted {
				n++
			}
			return nil
		})
	})
	return n, err
}

// Attempted logs the first attempt to send a batch; call it before posting.
// Later calls write nothing.
func (b *Outbox) Attempted(l envelope.Link) error {
	known := false
	err := b.read(func(tx *bbolt.Tx) error {
		i, kept, err := getKept(tx, l)
		known = kept && i.Attempted
		return err
	})
	if err != nil || known {
		return err
	}
	return b.commit(func(tx *bbolt.Tx) ([]Entry, error) {
		i, kept, err := getKept(tx, l)
		if err != nil || i.Attempted {
			return nil, err
		}
		if !kept {
			return nil, fmt.Errorf("note an attempt: %w, or it is no longer kept", ErrForeign)
		}
		i.Attempted = true
		return []Entry{{EventAttempted, l}}, putKept(tx, i)
	})
}

// Receipted marks a batch as received and logs the receipt, which the caller
// has verified against l. A second receipt, also after Rewind, is noted but
// not logged again; one for a batch that is no longer kept changes nothing.
func (b *Outbox) Receipted(l envelope.Link, receipt protocol.Signed) error {
	return b.commit(func(tx *bbolt.Tx) ([]Entry, error) {
		if !knows(tx, l) {
			return nil, fmt.Errorf("note a receipt: %w", ErrForeign)
		}
		i, kept, err := getKept(tx, l)
		if err != nil || !kept || i.Receipted {
			return nil, err
		}
		first := !i.Logged
		i.Receipted, i.Logged = true, true
		if err := putKept(tx, i); err != nil {
			return nil, err
		}
		err = updateFacts(tx, func(f *Facts) error {
			f.LastReceipt = &ReceiptResult{Link: l, Received: clock.Now().UTC(), Receipt: receipt}
			return nil
		})
		if err != nil || !first {
			return nil, err
		}
		return []Entry{{EventReceipted, Receipted{Link: l, Receipt: receipt}}}, nil
	})
}

// Rewind answers a collector that stands at head, an older batch of this
// agent (the zero Link: at none): what follows is marked as not received, so
// that Next gives it again. False means that what follows is no longer kept: a
// full batch is needed (NeedFull with head). Errors wrap ErrForeign.
func (b *Outbox) Rewind(head envelope.Link) (kept bool, err error) {
	err = b.write(func(tx *bbolt.Tx) error {
		if !knows(tx, head) {
			return ErrForeign
		}
		newest, err := readHead(tx)
		if err != nil {
			return err
		}
		if newest == head {
			kept = true
			return nil
		}
		from, found, err := resumption(tx, head)
		if err != nil || !found {
			return err
		}
		kept = true
		return unreceive(tx, from)
	})
	if err != nil {
		return false, fmt.Errorf("go back to where the collector stands: %w", err)
	}
	return kept, nil
}

// resumption is the first kept batch that a collector at head would take: the
// one after it, or the first part of a full batch that withdraws head or
// begins right after it.
func resumption(tx *bbolt.Tx, head envelope.Link) (from uint64, found bool, err error) {
	err = eachKept(tx, func(i Item) error {
		if found || i.Sequence <= head.Sequence {
			return nil
		}
		e, err := envelope.Parse(tx.Bucket(bucketEnvelope).Get(numbered(i.Sequence)))
		if err != nil {
			return fmt.Errorf("%w: a batch of the queue: %w", ErrDamaged, err)
		}
		takes := i.Sequence == head.Sequence+1 && e.Header.Previous == head.Digest
		for n, l := range e.Header.Withdrawn {
			takes = takes || l == head || n == 0 && l.Sequence == head.Sequence+1
		}
		if takes {
			from, found = i.Sequence, true
		}
		return nil
	})
	return from, found, err
}

func unreceive(tx *bbolt.Tx, from uint64) error {
	var again []Item
	err := eachKept(tx, func(i Item) error {
		if i.Sequence >= from && i.Receipted {
			i.Receipted = false
			again = append(again, i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// A bucket must not change while ForEach walks over it.
	for _, i := range again {
		if err := putKept(tx, i); err != nil {
			return err
		}
	}
	return nil
}
