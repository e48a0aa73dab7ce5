package outbox

import (
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"rollbridge/shared/clock"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
)

// KeepFor is how long an envelope is kept for an outcome; after that the next
// batch is a full one, which withdraws it (design.md §2).
const KeepFor = 14 * 24 * time.Hour

// NeedFull asks for a full batch; the first reason stays until one is sealed,
// the oldest head counts. head may be nil; one that is not this agent's is
// ErrForeign.
func (b *Outbox) NeedFull(reason string, head *envelope.Link) error {
	err := b.write(func(tx *bbolt.Tx) error {
		if head != nil && !knows(tx, *head) {
			return ErrForeign
		}
		return updateFacts(tx, func(f *Facts) error {
			if f.Full == nil {
				f.Full = &FullRequest{Reason: reason, Since: clock.Now().UTC()}
			}
			if head != nil && (f.Full.Head == nil || head.Sequence < f.Full.Head.Sequence) {
				copied := *head
				f.Full.Head = &copied
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("ask for a full batch: %w", err)
	}
	return nil
}

// FullReason says why the next batch must be a full one, "" if it need not be:
// somebody asked for it (NeedFull), nothing was ever sealed, or a batch has
// been kept for KeepFor without an outcome.
func (b *Outbox) FullReason() (reason string, err error) {
	now := clock.Now()
	err = b.read(func(tx *bbolt.Tx) error {
		f, err := readFacts(tx)
		if err != nil {
			return err
		}
		head, err := readHead(tx)
		switch {
		case err != nil:
			return err
		case f.Full != nil:
			reason = f.Full.Reason
			return nil
		case head.Sequence == 0:
			reason = FullFirst
			return nil
		}
		return eachKept(tx, func(i Item) error {
			if now.Sub(i.Sealed) > KeepFor {
				reason = FullTooOld
			}
			return nil
		})
	})
	if err != nil {
		return "", fmt.Errorf("see whether a full batch is needed: %w", err)
	}
	return reason, nil
}

func linkOf(o protocol.Outcome) envelope.Link {
	return envelope.Link{Sequence: o.Last, Digest: o.Digest}
}
