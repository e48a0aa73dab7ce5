package school

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A Timetable says when a sync is due: at the times at which registers are
// done, by the clock on the school's wall.
type Timetable struct {
	// Minutes after midnight, rising.
	Minutes []int
	Place   *time.Location
	// Behind is how old the data may be that the MIS gives: each time is so much
	// later, since before it the MIS may not know the register.
	Behind time.Duration
}

// within is how soon after its time a sync begins (design.md §9: within ten
// minutes); it leaves a minute or two to read and send.
const within = 8 * time.Minute

// Next is the first time of the table after t.
func (t Timetable) Next(after time.Time) time.Time {
	after = after.Add(-t.Behind)
	local := after.In(t.Place)
	for day := 0; ; day++ {
		for _, m := range t.Minutes {
			at := time.Date(local.Year(), local.Month(), local.Day()+day, m/60, m%60, 0, 0, t.Place)
			if at.After(after) {
				return at.Add(t.Behind)
			}
		}
	}
}

// Last is the newest time of the table that is not after t.
func (t Timetable) Last(now time.Time) time.Time {
	now = now.Add(-t.Behind)
	local := now.In(t.Place)
	for day := 0; ; day-- {
		for _, m := range slices.Backward(t.Minutes) {
			at := time.Date(local.Year(), local.Month(), local.Day()+day, m/60, m%60, 0, 0, t.Place)
			if !at.After(now) {
				return at.Add(t.Behind)
			}
		}
	}
}

// jitter is a random duration below d, so that schools do not all come in the
// same second.
func jitter(d time.Duration) time.Duration { return rand.N(d) }

// A backoff is how long to wait after failures in a row: twice as long each
// time up to a limit, and up to a quarter less at random.
type backoff struct {
	first, limit time.Duration
	failures     int
}

func (b *backoff) fail() time.Duration {
	d := b.limit
	if b.failures < 20 {
		d = min(b.limit, b.first<<b.failures)
	}
	b.failures++
	return d - jitter(d/4+1)
}

func (b *backoff) good() { b.failures = 0 }
