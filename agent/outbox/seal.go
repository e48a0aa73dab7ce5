package outbox

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// MaxWaiting bounds the batches without an outcome: a full batch must be able
// to withdraw them all (envelope.MaxWithdrawn).
const MaxWaiting = envelope.MaxWithdrawn - 24

// Snapshot is the last sealed state, to compare a read with. It is a copy, so
// that a read of any length holds up nothing.
func (b *Outbox) Snapshot() (delta.State, error) {
	s := delta.State{Entries: map[string]delta.Entry{}}
	err := b.read(func(tx *bbolt.Tx) (err error) {
		if s.Base, err = readHead(tx); err != nil {
			return err
		}
		if v := tx.Bucket(bucketMeta).Get(keyDigest); v != nil {
			copy(s.Digest[:], v)
		}
		if s.Graves, err = graves(tx); err != nil {
			return err
		}
		return tx.Bucket(bucketState).ForEach(func(k, v []byte) error {
			var e delta.Entry
			if err := e.UnmarshalBinary(v); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			s.Entries[string(k)] = e
			return nil
		})
	})
	if err != nil {
		return delta.State{}, fmt.Errorf("read the last sealed state: %w", err)
	}
	return s, nil
}

// Seal seals a result into one batch per part and commits everything together:
// the state, the envelopes, the chain and the logbook's entries. A full result
// withdraws all that has no outcome. Errors wrap ErrMoved if Result.Base is no
// longer the head, ErrNotReady, ErrQueueFull, ErrDiskFull, or ErrJournal where
// the logbook is behind and cannot be written, and everything is as before.
// Batches that are returned are sealed, also beside an ErrJournal.
func (b *Outbox) Seal(r delta.Result, sign ed25519.PrivateKey) ([]Item, error) {
	bodies, err := r.Bodies()
	if err != nil {
		return nil, err
	}
	s := sealing{result: r, sign: sign, time: clock.Now().UTC().Truncate(time.Second)}
	for _, body := range bodies {
		plain, err := protocol.Compress(body)
		if err != nil {
			return nil, err
		}
		s.plain = append(s.plain, plain)
	}
	// A logbook that cannot be written must not let batches pile up behind it.
	if err := b.flush(); err != nil {
		return nil, fmt.Errorf("seal what was read: %w", err)
	}
	err = b.commit(s.run)
	if err != nil {
		err = fmt.Errorf("seal what was read: %w", err)
		if !errors.Is(err, ErrJournal) {
			return nil, err
		}
	}
	return s.items, err
}

// A sealing is one call of Seal.
type sealing struct {
	result delta.Result
	plain  [][]byte // compressed bodies
	sign   ed25519.PrivateKey
	time   time.Time

	facts  Facts
	to     hpke.PublicKey
	header envelope.Header // of the next part
	items  []Item
}

func (s *sealing) run(tx *bbolt.Tx) ([]Entry, error) {
	if err := s.prepare(tx); err != nil {
		return nil, err
	}
	withdrawn := s.header.Withdrawn
	for i := range s.plain {
		if err := s.part(tx, i); err != nil {
			return nil, err
		}
	}
	if err := s.saveState(tx); err != nil {
		return nil, err
	}
	for _, l := range withdrawn {
		if err := forget(tx, l.Sequence); err != nil {
			return nil, err
		}
	}
	entries := s.entries()
	if len(withdrawn) > 0 {
		entries = append(entries, Entry{EventWithdrawn, Withdrawn{By: s.items[0].Link, Reason: s.reason(), Batches: withdrawn}})
	}
	return entries, updateFacts(tx, func(f *Facts) error {
		f.Holds, f.Form = s.result.Manifest.Holds, s.result.Form
		if s.result.Manifest.Full {
			f.Full, f.KeptBack = nil, false
		}
		noteLacking(f, s.result.Manifest)
		return nil
	})
}

func (s *sealing) reason() string {
	if s.facts.Full != nil {
		return s.facts.Full.Reason
	}
	return FullAsked
}

// prepare checks that the result may follow and fills in the header of the
// first part.
func (s *sealing) prepare(tx *bbolt.Tx) (err error) {
	if s.facts, err = readFacts(tx); err != nil {
		return err
	}
	keyring, err := s.keys()
	if err != nil {
		return err
	}
	head, err := readHead(tx)
	if err != nil {
		return err
	}
	if head != s.result.Base {
		return ErrMoved
	}
	waiting, err := linksFrom(tx, outcomed(tx)+1)
	if err != nil {
		return err
	}
	most := MaxWaiting - len(s.plain)
	if s.result.Manifest.Full {
		most = envelope.MaxWithdrawn // it takes them all back, and may be what the collector needs
	}
	if len(waiting) > most {
		return fmt.Errorf("%w: %d are without an outcome; see why the collector does not take them, nothing is lost meanwhile", ErrQueueFull, len(waiting))
	}
	s.header = envelope.Header{
		Type: envelope.TypeDelta, Agent: envelope.AgentOf(s.sign.Public().(ed25519.PublicKey)), Generation: s.facts.Generation,
		Sequence: head.Sequence + 1, Previous: head.Digest,
		KeyringEpoch: keyring.Epoch, SealingKey: s.facts.SealingKey.ID, Time: s.time,
	}
	if !s.result.Manifest.Full {
		return nil
	}
	s.header.Type = envelope.TypeFull
	s.header.Withdrawn, err = withdrawn(tx, s.facts.Full)
	return err
}

func (s *sealing) keys() (protocol.Keyring, error) {
	if s.facts.Generation == 0 || s.facts.Keyring.IsZero() || len(s.facts.SealingKey.Public) == 0 {
		return protocol.Keyring{}, ErrNotReady
	}
	keyring, err := protocol.VerifyKeyring(s.facts.Keyring, s.facts.Collector.Root, 0)
	if err != nil {
		return protocol.Keyring{}, err
	}
	s.to, err = envelope.ParsePublicKey(s.facts.SealingKey.Public)
	return keyring, err
}

// withdrawn lists what a full batch takes back: every batch without an outcome
// and, for a restored collector, every one from its head on, so that the head
// is in the list or directly before it. Beyond the limit of a header the
// first and the newest count.
func withdrawn(tx *bbolt.Tx, asked *FullRequest) ([]envelope.Link, error) {
	from := outcomed(tx) + 1
	if asked != nil && asked.Head != nil && knows(tx, *asked.Head) {
		from = min(from, max(asked.Head.Sequence, 1))
	}
	links, err := linksFrom(tx, from)
	if err != nil || len(links) <= envelope.MaxWithdrawn {
		return links, err
	}
	return append(links[:1:1], links[len(links)-envelope.MaxWithdrawn+1:]...), nil
}

// part seals one part and puts it into the queue and the chain.
func (s *sealing) part(tx *bbolt.Tx, i int) error {
	sealed, digest, err := envelope.Seal(s.header, s.plain[i], s.to, s.sign)
	if err != nil {
		return err
	}
	link := envelope.Link{Sequence: s.header.Sequence, Digest: digest}
	item := Item{
		Link: link, Full: s.result.Manifest.Full, Part: i + 1, Parts: len(s.plain),
		Sealed: s.time, Size: len(sealed), Envelope: sealed,
	}
	if err := tx.Bucket(bucketEnvelope).Put(numbered(link.Sequence), sealed); err != nil {
		return err
	}
	if err := putKept(tx, item); err != nil {
		return err
	}
	s.items = append(s.items, item)
	s.header.Sequence, s.header.Previous = link.Sequence+1, digest
	return writeHead(tx, link)
}

// saveState writes the new hashes and their digest. What is sent again is no
// longer known to be refused.
func (s *sealing) saveState(tx *bbolt.Tx) error {
	if s.result.Manifest.Full {
		for _, name := range [][]byte{bucketState, bucketRefused} {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
	}
	state, refused := tx.Bucket(bucketState), tx.Bucket(bucketRefused)
	for _, c := range s.result.Changes {
		if err := refused.Delete([]byte(c.Key)); err != nil {
			return err
		}
		if c.Entry == nil {
			if err := state.Delete([]byte(c.Key)); err != nil {
				return err
			}
			continue
		}
		value, err := c.Entry.MarshalBinary()
		if err != nil {
			return err
		}
		if err := state.Put([]byte(c.Key), value); err != nil {
			return err
		}
	}
	if err := s.remember(tx); err != nil {
		return err
	}
	if err := s.noteSent(tx); err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyDigest, digestBytes(s.result.Manifest.State))
}

func digestBytes(d record.Digest) []byte { return d[:] }

func (s *sealing) entries() []Entry {
	entries := make([]Entry, 0, len(s.items)+1)
	for i, item := range s.items {
		data := Sealed{Link: item.Link, Full: item.Full, Part: item.Part, Parts: item.Parts, Bytes: item.Size, Scope: s.result.Manifest.Scope, Profile: s.result.Manifest.ProfileHash}
		if i == 0 {
			data.Counts, data.Roster = s.result.Counts, s.result.Manifest.Roster
		}
		entries = append(entries, Entry{EventSealed, data})
	}
	if codes := s.result.Manifest.Released; len(codes) > 0 {
		entries = append(entries, Entry{EventReleased, Released{Codes: codes}})
	}
	return entries
}
