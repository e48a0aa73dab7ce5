package account

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// A throttle makes guessing slow: after a few free wrong tries of one key
// (a name, an address) each further one must wait twice as long. It counts in
// memory: several processes count apart and a restart forgets, which slows a
// guesser down a little less and locks nobody out for good.
type throttle struct {
	free    int           // wrong tries before the first delay
	longest time.Duration // the greatest delay

	mu      sync.Mutex
	entries map[[sha256.Size]byte]*tries
}

type tries struct {
	wrong int
	until time.Time // no try before
}

// maxTries bounds the memory; the entries that end first go first.
const maxTries = 10_000

// network is what one peer has at least: of IPv6, a network of 64 bits, in which it takes
// what address it likes.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

func newThrottle(free int, longest time.Duration) *throttle {
	return &throttle{free: free, longest: longest, entries: map[[sha256.Size]byte]*tries{}}
}

// try says how long a key must still wait before it may try; with 0 it may, and
// the try counts as wrong from now on, so that many at once do not all slip
// through. succeeded or takeBack undo that.
func (t *throttle) try(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := sha256.Sum256([]byte(key))
	e, ok := t.entries[sum]
	// Of two at once, the second may have looked at the clock before the first: where there
	// is no delay, that is no reason to wait.
	if ok && t.delay(e.wrong) > 0 && now.Before(e.until) {
		return e.until.Sub(now)
	}
	if !ok {
		t.forget(now)
		e = &tries{}
		t.entries[sum] = e
	}
	e.wrong++
	e.until = now.Add(t.delay(e.wrong))
	return 0
}

// succeeded forgets a key.
func (t *throttle) succeeded(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entries, sha256.Sum256([]byte(key)))
}

// takeBack makes the last try not count, and keeps the ones before it.
func (t *throttle) takeBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.entries[sha256.Sum256([]byte(key))]; ok {
		e.wrong = max(0, e.wrong-1)
		e.until = time.Time{}
	}
}

func (t *throttle) delay(wrong int) time.Duration {
	over := wrong - t.free
	if over <= 0 {
		return 0
	}
	if over > 20 {
		return t.longest
	}
	return min(time.Second<<over, t.longest)
}

// forget drops keys that have long been quiet, and if there are still too many
// those that would be allowed soonest.
func (t *throttle) forget(now time.Time) {
	if len(t.entries) < maxTries {
		return
	}
	var soonest *[sha256.Size]byte
	for sum, e := range t.entries {
		if now.Sub(e.until) > t.longest {
			delete(t.entries, sum)
			continue
		}
		if soonest == nil || e.until.Before(t.entries[*soonest].until) {
			soonest = &sum
		}
	}
	if len(t.entries) >= maxTries && soonest != nil {
		delete(t.entries, *soonest)
	}
}
