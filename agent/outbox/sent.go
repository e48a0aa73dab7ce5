package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/shared/clock"
	"rollbridge/shared/record"
)

// MaxSent bounds what is remembered of what was sent of whom: one entry for
// each batch and pupil in it, the newest. It is room for twenty years of two
// batches a school day about ten pupils, or two years about a hundred.
const MaxSent = 100_000

// sentRoom is made at once when there is none left, so that it is made rarely.
const sentRoom = MaxSent / 20

// A SentOf says how much of one dataset a batch carried of one pupil.
type SentOf struct {
	Authority string         `json:"a,omitempty"` // as in delta.Count
	Dataset   record.Dataset `json:"d"`
	Upserts   int            `json:"u,omitempty"`
	Removals  int            `json:"r,omitempty"`
}

// A SentBatch is what one batch carried of one pupil.
type SentBatch struct {
	// Sequence is that of the batch's first part.
	Sequence uint64    `json:"sequence"`
	Sealed   time.Time `json:"sealed"`
	Of       []SentOf  `json:"of"`
}

// A Trace is what was sent about one pupil, oldest batch first.
type Trace struct {
	// Since is from when on it is complete.
	Since time.Time `json:"since"`
	// Known says that the pupil is one who was sent.
	Known   bool        `json:"known"`
	Batches []SentBatch `json:"batches"`
}

// sentValue is the value of an entry; its key is the sequence and the mark.
type sentValue struct {
	At time.Time `json:"at"`
	Of []SentOf  `json:"of"`
}

const (
	markBytes    = len(delta.Mark{})
	sentKeyBytes = 8 + markBytes
)

func sentKey(sequence uint64, pupil delta.Mark) []byte {
	return append(numbered(sequence), pupil[:]...)
}

// Trace finds what was sent about the pupil to whom the first of the marks
// leads that leads to anybody.
func (b *Outbox) Trace(asked ...delta.Mark) (Trace, error) {
	t := Trace{Batches: []SentBatch{}}
	err := b.read(func(tx *bbolt.Tx) error {
		sent, aliases := tx.Bucket(bucketSent), tx.Bucket(bucketAlias)
		if sent == nil || aliases == nil {
			return nil // a file of a version before, opened to look at
		}
		if err := t.Since.UnmarshalText(tx.Bucket(bucketMeta).Get(keySentSince)); err != nil {
			return fmt.Errorf("%w: since when it is known what was sent cannot be read", ErrDamaged)
		}
		for _, mark := range asked {
			pupil := mark
			if to := aliases.Get(mark[:]); len(to) == markBytes {
				pupil, t.Known = delta.Mark(to), true
			}
			if err := t.collect(sent, pupil); err != nil {
				return err
			}
			if t.Known = t.Known || len(t.Batches) > 0; t.Known {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return Trace{}, fmt.Errorf("read what was sent: %w", err)
	}
	return t, nil
}

func (t *Trace) collect(sent *bbolt.Bucket, pupil delta.Mark) error {
	return sent.ForEach(func(k, v []byte) error {
		if !bytes.HasSuffix(k, pupil[:]) {
			return nil
		}
		value, err := decodeSent(k, v)
		if err != nil {
			return err
		}
		t.Batches = append(t.Batches, SentBatch{number(k[:8]), value.At, value.Of})
		return nil
	})
}

func decodeSent(k, v []byte) (sentValue, error) {
	var value sentValue
	if len(k) != sentKeyBytes || json.Unmarshal(v, &value) != nil {
		return value, fmt.Errorf("%w: an entry of what was sent cannot be read", ErrDamaged)
	}
	return value, nil
}

// startSent begins to remember; a file of a version before does so from now on.
func startSent(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketSent, bucketAlias} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	if meta.Get(keySentSince) != nil {
		return nil
	}
	return putSince(meta, clock.Now())
}

func putSince(meta *bbolt.Bucket, at time.Time) error {
	text, err := at.UTC().Truncate(time.Second).MarshalText()
	if err != nil {
		return fmt.Errorf("encode a time: %w", err)
	}
	return meta.Put(keySentSince, text)
}

// noteSent remembers what this batch carries of whom, after the pupils who have
// another id now were given what was theirs.
func (s *sealing) noteSent(tx *bbolt.Tx) error {
	for _, c := range s.result.Successors {
		if err := succeed(tx, c); err != nil {
			return err
		}
	}
	aliases := tx.Bucket(bucketAlias)
	for _, a := range s.result.Aliases {
		if bytes.Equal(aliases.Get(a.Alias[:]), a.Pupil[:]) {
			continue
		}
		if err := aliases.Put(a.Alias[:], a.Pupil[:]); err != nil {
			return err
		}
	}
	pupils := 0
	for first, i := 0, 1; i <= len(s.result.Sent); i++ { // sorted by pupil
		if i < len(s.result.Sent) && s.result.Sent[i].Pupil == s.result.Sent[first].Pupil {
			continue
		}
		if err := s.putSent(tx.Bucket(bucketSent), s.result.Sent[first:i]); err != nil {
			return err
		}
		first, pupils = i, pupils+1
	}
	return countSent(tx, pupils)
}

// putSent puts what the batch carries of one pupil.
func (s *sealing) putSent(sent *bbolt.Bucket, list []delta.Sent) error {
	value := sentValue{At: s.time}
	for _, x := range list {
		value.Of = append(value.Of, SentOf{x.Authority, x.Dataset, x.Upserts, x.Removals})
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode what was sent: %w", err)
	}
	return sent.Put(sentKey(s.items[0].Sequence, list[0].Pupil), text)
}

// succeed gives a pupil's entries, and what leads to them, to the new id.
func succeed(tx *bbolt.Tx, c delta.Successor) error {
	aliases := tx.Bucket(bucketAlias)
	for _, k := range keysWhere(aliases, func(_, v []byte) bool { return bytes.Equal(v, c.Was[:]) }) {
		if err := aliases.Put(k, c.Now[:]); err != nil {
			return err
		}
	}
	sent := tx.Bucket(bucketSent)
	for _, k := range keysWhere(sent, func(k, _ []byte) bool { return bytes.HasSuffix(k, c.Was[:]) }) {
		v := bytes.Clone(sent.Get(k))
		if err := sent.Delete(k); err != nil {
			return err
		}
		if err := sent.Put(append(bytes.Clone(k[:8]), c.Now[:]...), v); err != nil {
			return err
		}
	}
	return nil
}

func keysWhere(bucket *bbolt.Bucket, is func(k, v []byte) bool) (keys [][]byte) {
	c := bucket.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if is(k, v) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	return keys
}

// countSent adds to the number of entries and makes room where they are too
// many: the oldest go, and it is remembered since when there are all.
func countSent(tx *bbolt.Tx, added int) error {
	meta, sent := tx.Bucket(bucketMeta), tx.Bucket(bucketSent)
	n := sentCount(meta) + added
	if n > MaxSent {
		var last sentValue
		c := sent.Cursor()
		for k, v := c.First(); k != nil && n > MaxSent-sentRoom; k, v = c.First() {
			var err error
			if last, err = decodeSent(k, v); err != nil {
				return err
			}
			if err := sent.Delete(bytes.Clone(k)); err != nil {
				return err
			}
			n--
		}
		if err := errors.Join(putSince(meta, last.At.Add(time.Second)), dropStrayAliases(tx)); err != nil {
			return err
		}
	}
	return meta.Put(keySentCount, numbered(uint64(n)))
}

func sentCount(meta *bbolt.Bucket) int {
	v := meta.Get(keySentCount)
	if len(v) != 8 {
		return 0
	}
	return int(number(v))
}

// dropStrayAliases forgets what leads to pupils of whom nothing is remembered.
func dropStrayAliases(tx *bbolt.Tx) error {
	known := map[delta.Mark]bool{}
	c := tx.Bucket(bucketSent).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		known[delta.Mark(k[8:])] = true
	}
	aliases := tx.Bucket(bucketAlias)
	for _, k := range keysWhere(aliases, func(_, v []byte) bool { return !known[delta.Mark(v)] }) {
		if err := aliases.Delete(k); err != nil {
			return err
		}
	}
	return nil
}
