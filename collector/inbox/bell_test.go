package inbox

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b, rounds, ended := NewBell(), 0, false
		go func() {
			b.Rounds(ctx, time.Hour, func() { rounds++ })
			ended = true
		}()
		expect := func(when string, want int) {
			t.Helper()
			synctest.Wait()
			if rounds != want {
				t.Errorf("%s: %d rounds, want %d", when, rounds, want)
			}
		}
		expect("at the start", 1)
		b.Nudge()
		expect("after a nudge", 2)
		time.Sleep(time.Hour)
		expect("after the interval", 3)
		cancel()
		expect("at the end", 3)
		if !ended {
			t.Error("Rounds goes on after its context has ended")
		}
	})
}
