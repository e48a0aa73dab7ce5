package outbox

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// counterBlock is how many attempt numbers one transaction reserves: a crash
// skips at most that many, and an attempt seldom costs an fsync.
const counterBlock = 64

// Counter is the next number of an attempt: above every number that it has
// given before, also before a crash (some are skipped then). The first is 1.
func (b *Outbox) Counter() (uint64, error) {
	b.counter.Lock()
	defer b.counter.Unlock()
	if b.next == b.limit {
		err := b.write(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			reserved := uint64(0)
			if v := meta.Get(keyCounter); len(v) == 8 {
				reserved = number(v)
			}
			b.next, b.limit = reserved, reserved+counterBlock
			return meta.Put(keyCounter, numbered(b.limit))
		})
		if err != nil {
			b.next, b.limit = 0, 0
			return 0, fmt.Errorf("reserve attempt numbers: %w", err)
		}
	}
	b.next++
	return b.next, nil
}
