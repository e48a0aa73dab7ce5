package outbox

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"rollbridge/shared/envelope"
)

// readHead is the newest sealed batch, zero if none.
func readHead(tx *bbolt.Tx) (envelope.Link, error) {
	var l envelope.Link
	v := tx.Bucket(bucketMeta).Get(keyHead)
	if v == nil {
		return l, nil
	}
	if err := json.Unmarshal(v, &l); err != nil {
		return l, fmt.Errorf("%w: the head of the chain cannot be read", ErrDamaged)
	}
	return l, nil
}

func writeHead(tx *bbolt.Tx, l envelope.Link) error {
	v, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode the head of the chain: %w", err)
	}
	if err := tx.Bucket(bucketMeta).Put(keyHead, v); err != nil {
		return err
	}
	return tx.Bucket(bucketChain).Put(numbered(l.Sequence), l.Digest[:])
}

// knows says whether this agent sealed l.
func knows(tx *bbolt.Tx, l envelope.Link) bool {
	if l.Sequence == 0 {
		return l.Digest.IsZero()
	}
	return string(tx.Bucket(bucketChain).Get(numbered(l.Sequence))) == string(l.Digest[:])
}

// outcomed is the last sequence that an outcome has named.
func outcomed(tx *bbolt.Tx) uint64 {
	if v := tx.Bucket(bucketMeta).Get(keyOutcome); len(v) == 8 {
		return number(v)
	}
	return 0
}

// linksFrom lists the sealed batches with a sequence of at least from.
func linksFrom(tx *bbolt.Tx, from uint64) ([]envelope.Link, error) {
	var links []envelope.Link
	c := tx.Bucket(bucketChain).Cursor()
	for k, v := c.Seek(numbered(from)); k != nil; k, v = c.Next() {
		l := envelope.Link{}
		if len(k) != 8 || copy(l.Digest[:], v) != len(l.Digest) {
			return nil, fmt.Errorf("%w: a link of the chain cannot be read", ErrDamaged)
		}
		l.Sequence = number(k)
		links = append(links, l)
	}
	return links, nil
}

// Knows says whether this agent sealed l; the zero Link is known.
func (b *Outbox) Knows(l envelope.Link) (known bool, err error) {
	err = b.read(func(tx *bbolt.Tx) error {
		known = knows(tx, l)
		return nil
	})
	return known, err
}

// Head is the newest sealed batch, zero if none.
func (b *Outbox) Head() (l envelope.Link, err error) {
	err = b.read(func(tx *bbolt.Tx) (err error) {
		l, err = readHead(tx)
		return err
	})
	return l, err
}

// Unoutcomed lists the batches that no outcome has named, in rising sequence.
func (b *Outbox) Unoutcomed() (links []envelope.Link, err error) {
	err = b.read(func(tx *bbolt.Tx) (err error) {
		links, err = linksFrom(tx, outcomed(tx)+1)
		return err
	})
	return links, err
}
