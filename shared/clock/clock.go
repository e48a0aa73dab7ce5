package clock

import (
	"context"
	"time"
)

// Location is the place whose wall clock school life follows in England and
// Wales.
const Location = "Europe/London"

// Sleep waits until the clock shows t or later, or ctx ends, whose error it
// then returns. It looks at the clock again at least every step, so that a
// clock that is set forward is noticed.
func Sleep(ctx context.Context, t time.Time) error {
	const step = 30 * time.Second
	for {
		left := t.Sub(Now())
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(min(left, step, longestWait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
