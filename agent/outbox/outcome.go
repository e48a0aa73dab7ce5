package outbox

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"rollbridge/agent/delta"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// ApplyOutcome obeys an outcome statement, which the caller has verified and
// found fresh: it deletes the envelopes up to Last, records what was refused
// and held, and the serial. refused are the opened Details. A statement that
// is not above the serial held changes nothing. Errors wrap ErrForeign when
// Last is not a batch of this agent; nothing changes then.
func (b *Outbox) ApplyOutcome(signed protocol.Signed, st protocol.Statement, o protocol.Outcome, refused []protocol.RefusedRecord) error {
	return b.commit(func(tx *bbolt.Tx) ([]Entry, error) {
		facts, err := readFacts(tx)
		if err != nil || st.Serial <= facts.Serials[protocol.KindOutcome] {
			return nil, err
		}
		if o.Last == 0 || !knows(tx, linkOf(o)) {
			return nil, fmt.Errorf("apply an outcome: batch %d is %w", o.Last, ErrForeign)
		}
		if err := settle(tx, o.Last); err != nil {
			return nil, err
		}
		if err := refuse(tx, refused); err != nil {
			return nil, err
		}
		return []Entry{{EventOutcome, signed}}, updateFacts(tx, func(f *Facts) error {
			if f.Serials == nil {
				f.Serials = map[protocol.StatementKind]uint64{}
			}
			f.Serials[protocol.KindOutcome] = st.Serial
			f.CollectorHolds = o.Holds
			f.LastOutcome = &OutcomeResult{At: st.Issued, First: o.First, Last: o.Last,
				Applied: o.Applied, Removed: o.Removed, Refused: o.Refused}
			return nil
		})
	})
}

// settle deletes what an outcome has named.
func settle(tx *bbolt.Tx, last uint64) error {
	var done []uint64
	err := eachKept(tx, func(i Item) error {
		if i.Sequence <= last {
			done = append(done, i.Sequence)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range done {
		if err := forget(tx, n); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyOutcome, numbered(max(last, outcomed(tx))))
}

// refuse marks records that the collector has put into quarantine. They stay
// in the state and are sent again when they change or in a full batch.
func refuse(tx *bbolt.Tx, refused []protocol.RefusedRecord) error {
	for _, r := range refused {
		key := delta.StateKey(r.Dataset, r.Key)
		if _, _, ok := delta.SplitKey(key); !ok || tx.Bucket(bucketState).Get([]byte(key)) == nil {
			continue
		}
		reasons, err := json.Marshal(r.Reasons)
		if err != nil {
			return fmt.Errorf("encode the reasons of a refusal: %w", err)
		}
		if err := tx.Bucket(bucketRefused).Put([]byte(key), reasons); err != nil {
			return err
		}
	}
	return nil
}

// Refused counts, per dataset, the records that the collector has refused and
// that have not been sent since.
func (b *Outbox) Refused() (map[record.Dataset]int, error) {
	counts := map[record.Dataset]int{}
	err := b.read(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRefused).ForEach(func(k, _ []byte) error {
			if d, _, ok := delta.SplitKey(string(k)); ok {
				counts[d]++
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("count what was refused: %w", err)
	}
	return counts, nil
}
