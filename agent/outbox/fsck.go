package outbox

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/shared/envelope"
	"rollbridge/shared/record"
)

// Fsck checks the whole file and lists what is wrong, one sentence each; empty
// is good. agent is the agent's signing key, logged the batches that the
// logbook holds (logbook.Summary.Sealed). It changes nothing.
func (b *Outbox) Fsck(agent ed25519.PublicKey, logged []envelope.Link) ([]string, error) {
	b.log.Lock()
	f := fsck{agent: agent, logged: map[uint64]envelope.Digest{}, written: slices.Clone(b.logged)}
	b.log.Unlock()
	for _, l := range logged {
		f.logged[l.Sequence] = l.Digest
	}
	err := b.read(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			f.says("the file's pages do not fit together: %v", err)
		}
		if len(f.wrong) > 0 {
			return nil
		}
		f.buckets(tx)
		f.state(tx)
		if _, err := graves(tx); err != nil {
			f.says("%v", err)
		}
		f.chain(tx)
		f.sent(tx)
		f.queue(tx)
		f.logbook(tx)
		return nil
	})
	return f.wrong, err
}

type fsck struct {
	agent  ed25519.PublicKey
	logged map[uint64]envelope.Digest
	links  map[uint64]envelope.Digest
	head   uint64
	// written are pending entries that the logbook had already.
	written []uint64
	wrong   []string
}

func (f *fsck) says(format string, args ...any) {
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// buckets looks for anything that does not belong here.
func (f *fsck) buckets(tx *bbolt.Tx) {
	err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if !slices.ContainsFunc(slices.Concat(buckets, later), func(known []byte) bool { return string(known) == string(name) }) {
			f.says("the file has a part that this program does not make")
		}
		return nil
	})
	if err != nil {
		f.says("the parts of the file cannot be listed: %v", err)
	}
	if _, err := readFacts(tx); err != nil {
		f.says("%v", err)
	}
}

// state checks that there are only hashes, and that they make up the digest.
func (f *fsck) state(tx *bbolt.Tx) {
	var sum record.Digest
	bad, stray := 0, 0
	state := tx.Bucket(bucketState)
	err := state.ForEach(func(k, v []byte) error {
		var e delta.Entry
		if _, _, ok := delta.SplitKey(string(k)); !ok || e.UnmarshalBinary(v) != nil {
			bad++
			return nil
		}
		sum.Add(e.Tag)
		return nil
	})
	if err == nil {
		err = tx.Bucket(bucketRefused).ForEach(func(k, _ []byte) error {
			if state.Get(k) == nil {
				stray++
			}
			return nil
		})
	}
	if err != nil {
		f.says("the state cannot be read: %v", err)
	}
	if bad > 0 {
		f.says("%d entries of the state are not hashes of a record", bad)
	}
	if stray > 0 {
		f.says("%d refused records are not in the state", stray)
	}
	var digest record.Digest
	copy(digest[:], tx.Bucket(bucketMeta).Get(keyDigest))
	if sum != digest {
		f.says("the state digest is not the sum of the state's tags; sync --full puts it right")
	}
}

// sent checks that what is remembered of whom is only marks and counts, and of
// batches that there are.
func (f *fsck) sent(tx *bbolt.Tx) {
	sent, aliases := tx.Bucket(bucketSent), tx.Bucket(bucketAlias)
	if sent == nil || aliases == nil {
		return // a file of a version before, opened to look at
	}
	n, bad, ahead := 0, 0, 0
	err := sent.ForEach(func(k, v []byte) error {
		n++
		if _, err := decodeSent(k, v); err != nil {
			bad++
		} else if number(k[:8]) > f.head {
			ahead++
		}
		return nil
	})
	if err == nil {
		err = aliases.ForEach(func(k, v []byte) error {
			if len(k) != markBytes || len(v) != markBytes {
				bad++
			}
			return nil
		})
	}
	switch {
	case err != nil:
		f.says("what is remembered of what was sent cannot be read: %v", err)
	case bad > 0:
		f.says("%d entries of what was sent are not what this program writes", bad)
	case ahead > 0:
		f.says("%d entries of what was sent name batches after the newest one here", ahead)
	case n != sentCount(tx.Bucket(bucketMeta)):
		f.says("what is remembered of what was sent has %d entries where %d should be", n, sentCount(tx.Bucket(bucketMeta)))
	}
}

// chain checks that every batch from the first to the head is there.
func (f *fsck) chain(tx *bbolt.Tx) {
	f.links = map[uint64]envelope.Digest{}
	links, err := linksFrom(tx, 0)
	if err != nil {
		f.says("%v", err)
	}
	for i, l := range links {
		if l.Sequence != uint64(i)+1 {
			f.says("the chain has a gap before batch %d", l.Sequence)
			break
		}
	}
	for _, l := range links {
		f.links[l.Sequence] = l.Digest
	}
	head, err := readHead(tx)
	f.head = head.Sequence
	if err != nil || !knows(tx, head) || int(head.Sequence) != len(links) {
		f.says("the head of the chain is not its last batch")
	}
	if last := outcomed(tx); last > head.Sequence {
		f.says("an outcome names batch %d, but only %d were sealed: the file is older than it should be, perhaps restored from a copy", last, head.Sequence)
	}
}

// queue checks that every envelope kept is whole, signed by this agent and
// the one that the chain names, and that none is missing up to the head.
func (f *fsck) queue(tx *bbolt.Tx) {
	var items []Item
	if err := eachKept(tx, func(i Item) error { items = append(items, i); return nil }); err != nil {
		f.says("%v", err)
		return
	}
	for n, i := range items {
		if i.Sequence != f.head-uint64(len(items)-1-n) {
			f.says("the queue misses a batch near number %d", i.Sequence)
		}
		if i.Sequence <= outcomed(tx) {
			f.says("batch %d is kept although an outcome names it", i.Sequence)
		}
		f.envelope(i, tx.Bucket(bucketEnvelope).Get(numbered(i.Sequence)))
	}
	if n := tx.Bucket(bucketEnvelope).Stats().KeyN; n != len(items) {
		f.says("%d envelopes are kept, but the queue has %d", n, len(items))
	}
}

func (f *fsck) envelope(i Item, data []byte) {
	e, err := envelope.Parse(data)
	switch {
	case err != nil:
		f.says("batch %d: %v", i.Sequence, err)
	case e.Verify(f.agent) != nil:
		f.says("batch %d is not signed by this agent", i.Sequence)
	case e.Digest() != i.Digest || e.Digest() != f.links[i.Sequence] || e.Header.Sequence != i.Sequence:
		f.says("batch %d is not the one that the chain names", i.Sequence)
	case e.Header.Previous != f.links[i.Sequence-1]:
		f.says("batch %d does not follow batch %d", i.Sequence, i.Sequence-1)
	}
}

// logbook checks that every sealed batch is in the logbook, or on its way.
func (f *fsck) logbook(tx *bbolt.Tx) {
	err := tx.Bucket(bucketPending).ForEach(func(k, v []byte) error {
		if len(k) == 8 && slices.Contains(f.written, number(k)) {
			return nil
		}
		var e pendingEntry
		var s Sealed
		if err := json.Unmarshal(v, &e); err != nil {
			return err
		}
		if e.Event == EventSealed && json.Unmarshal(e.Data, &s) == nil {
			if _, there := f.logged[s.Sequence]; !there {
				f.logged[s.Sequence] = s.Digest
			}
		}
		return nil
	})
	if err != nil {
		f.says("an entry for the logbook cannot be read")
	}
	missing := 0
	for n, digest := range f.links {
		if f.logged[n] != digest {
			missing++
		}
	}
	if missing > 0 {
		f.says("%d of %d sealed batches are not in the logbook as they were sealed: the logbook was cut, changed or replaced", missing, len(f.links))
	}
	ahead := 0
	for n := range f.logged {
		if n > f.head {
			ahead++
		}
	}
	if ahead > 0 {
		f.says("the logbook shows %d batches after the newest one here: the state is older than the logbook, perhaps restored from a copy; do not send, enrol again with a new code", ahead)
	}
}
