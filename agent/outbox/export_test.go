package outbox

import (
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/shared/envelope"
)

// SetReached puts stop points into the way of a commit.
func SetReached(f func(string)) { reached = f }

// Age makes every envelope kept older.
func (b *Outbox) Age(by time.Duration) error {
	return b.write(func(tx *bbolt.Tx) error {
		var items []Item
		if err := eachKept(tx, func(i Item) error { items = append(items, i); return nil }); err != nil {
			return err
		}
		for _, i := range items {
			i.Sealed = i.Sealed.Add(-by)
			if err := putKept(tx, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// Fill puts n links into the chain.
func (b *Outbox) Fill(n int) error {
	return b.write(func(tx *bbolt.Tx) error {
		for i := range n {
			if err := writeHead(tx, envelope.Link{Sequence: uint64(i) + 1, Digest: envelope.Digest{1, byte(i), byte(i >> 8)}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Spoil changes the file as nothing should.
func (b *Outbox) Spoil(change func(*bbolt.Tx) error) error { return b.write(change) }

// Spoilers are changes that Fsck must find. Batch 1 is receipted, batch 2
// waits; both are kept.
func Spoilers() map[string]func(*bbolt.Tx) error {
	put := func(bucket, key, value []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put(key, value) }
	}
	remove := func(bucket, key []byte) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Delete(key) }
	}
	return map[string]func(*bbolt.Tx) error{
		"readable record": put(bucketState, []byte("pupil/x"), []byte(`{"Surname":"Example"}`)),
		"entry gone": func(tx *bbolt.Tx) error {
			k, _ := tx.Bucket(bucketState).Cursor().First()
			return tx.Bucket(bucketState).Delete(k)
		},
		"digest":                  put(bucketMeta, keyDigest, make([]byte, 32)),
		"chain gap":               remove(bucketChain, numbered(1)),
		"head":                    put(bucketMeta, keyHead, []byte(`{"sequence":1}`)),
		"outcome ahead":           put(bucketMeta, keyOutcome, numbered(9)),
		"outcomed and kept":       put(bucketMeta, keyOutcome, numbered(1)),
		"envelope gone":           remove(bucketEnvelope, numbered(1)),
		"envelope and queue gone": func(tx *bbolt.Tx) error { return forget(tx, 2) },
		"envelope stray":          put(bucketEnvelope, numbered(7), []byte("x")),
		"envelope exchanged": func(tx *bbolt.Tx) error {
			e := tx.Bucket(bucketEnvelope)
			return e.Put(numbered(1), append([]byte(nil), e.Get(numbered(2))...))
		},
		"envelope changed": func(tx *bbolt.Tx) error {
			e := tx.Bucket(bucketEnvelope)
			data := append([]byte(nil), e.Get(numbered(1))...)
			data[len(data)-1] ^= 1
			return e.Put(numbered(1), data)
		},
		"refused stray": put(bucketRefused, []byte("pupil/x"), []byte("[]")),
		"another part":  func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("other")); return err },
		"facts":         put(bucketFacts, keyFacts, []byte("{")),
	}
}
