package outbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/shared/clock"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A feedFact is a change feed of the MIS and the scope under which the rows that
// it follows were sealed.
type feedFact struct {
	Scope string `json:"scope"`
	Feed  []byte `json:"feed"`
}

// Feed is what the next read may ask the MIS's change feed from, nil if it must
// read everything: no feed is known, the scope is another, something is held, or
// the next batch is a full one. It was stored with the rows that it follows.
func (b *Outbox) Feed(scope string) ([]byte, error) {
	var feed []byte
	err := b.read(func(tx *bbolt.Tx) error {
		f, err := readFacts(tx)
		value := tx.Bucket(bucketMeta).Get(keyFeed)
		if err != nil || value == nil || f.Full != nil || len(f.Holds)+len(f.CollectorHolds) > 0 {
			return err
		}
		var have feedFact
		if err := json.Unmarshal(value, &have); err != nil {
			return fmt.Errorf("%w: what is known of the MIS's changes cannot be read", ErrDamaged)
		}
		if have.Scope == scope {
			feed = have.Feed
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what is known of the MIS's changes: %w", err)
	}
	return feed, nil
}

// remember stores what the next comparison needs besides the state itself.
func (s *sealing) remember(tx *bbolt.Tx) error {
	meta, r := tx.Bucket(bucketMeta), s.result
	if r.Feed == nil {
		if err := meta.Delete(keyFeed); err != nil {
			return err
		}
	} else {
		value, err := json.Marshal(feedFact{Scope: r.Manifest.Scope, Feed: r.Feed})
		if err != nil {
			return fmt.Errorf("encode what is known of the MIS's changes: %w", err)
		}
		if err := meta.Put(keyFeed, value); err != nil {
			return err
		}
	}
	removed := tx.Bucket(bucketRemoved)
	for _, g := range r.Buried {
		if err := removed.Put(g[:], []byte(r.Today)); err != nil {
			return err
		}
	}
	for _, g := range r.Risen {
		if err := removed.Delete(g[:]); err != nil {
			return err
		}
	}
	return bury(removed, r.Today)
}

// bury forgets removed contacts that are older than is remembered, and the
// oldest beyond delta.MaxGraves.
func bury(removed *bbolt.Bucket, today record.Date) error {
	type grave struct {
		key []byte
		day string
	}
	var all []grave
	err := removed.ForEach(func(k, v []byte) error {
		all = append(all, grave{bytes.Clone(k), string(v)})
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b grave) int { return strings.Compare(b.day, a.day) })
	for i, g := range all {
		if i < delta.MaxGraves && (today == "" || today <= record.Date(g.day).AddDays(protocol.ReturnedFor)) {
			continue
		}
		if err := removed.Delete(g.key); err != nil {
			return err
		}
	}
	return nil
}

// graves are the contacts that were removed.
func graves(tx *bbolt.Tx) (map[delta.Grave]record.Date, error) {
	found := map[delta.Grave]record.Date{}
	removed := tx.Bucket(bucketRemoved)
	if removed == nil {
		return found, nil // a file of a version before, opened to look at
	}
	return found, removed.ForEach(func(k, v []byte) error {
		day, err := record.ParseDate(string(v))
		if err != nil || len(k) != len(delta.Grave{}) {
			return fmt.Errorf("%w: a removed contact cannot be read", ErrDamaged)
		}
		found[delta.Grave(k)] = day
		return nil
	})
}

// noteLacking remembers which datasets a full batch could not have all of. What
// was removed of them meanwhile no later batch can name, because the state is
// only what the full one read: once one of them is read completely again,
// another full batch follows.
func noteLacking(f *Facts, m protocol.Manifest) {
	lacks := func(d protocol.DatasetRead) bool { return !d.Complete }
	if m.Full {
		f.Lacking = nil
		for _, d := range m.Datasets {
			if lacks(d) {
				f.Lacking = append(f.Lacking, d.Dataset)
			}
		}
		return
	}
	again := slices.ContainsFunc(m.Datasets, func(d protocol.DatasetRead) bool { return !lacks(d) && slices.Contains(f.Lacking, d.Dataset) })
	if again && f.Full == nil {
		f.Full = &FullRequest{Reason: FullLacking, Since: clock.Now().UTC()}
	}
}
