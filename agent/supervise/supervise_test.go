package supervise

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lives runs a keeper for a while, whose workers live as long as the list says
// (the last again and again), and returns when each began.
func lives(t *testing.T, during time.Duration, log *bytes.Buffer, lasts ...time.Duration) []time.Duration {
	var began []time.Duration
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), during)
		defer cancel()
		w := newWorld(t, log)
		w.updates = false
		w.behave["1.0.0"] = func(p *fake) {
			last := lasts[min(len(began), len(lasts)-1)]
			began = append(began, time.Since(start))
			p.works(last, 0)
		}
		w.run(ctx)
		if got := time.Since(start); got != during {
			t.Errorf("the keeper returned after %s, not when it was told to", got)
		}
	})
	return began
}

// A worker that can never run costs twelve starts an hour, and is said to be
// given up once.
func TestCrashesDoNotSpin(t *testing.T) {
	var log bytes.Buffer
	began := lives(t, 24*time.Hour, &log, 0)
	s := time.Second
	first := []time.Duration{0, 1 * s, 3 * s, 7 * s, 15 * s, 31 * s, 63 * s, 127 * s, 255 * s, 511 * s, 811 * s}
	if !slices.Equal(began[:len(first)], first) {
		t.Errorf("the worker was started at %v, want %v", began[:len(first)], first)
	}
	if len(began) != 296 {
		t.Errorf("it was started %d times within a day", len(began))
	}
	if n := strings.Count(log.String(), "event=5001"); n != 1 {
		t.Errorf("it was said %d times that the worker is given up for a while", n)
	}
	if n := strings.Count(log.String(), "event=5000"); n != 9 {
		t.Errorf("a crash was announced %d times", n)
	}
}

// One that has lived for ten minutes is started again at once, as often as that
// happens; one that lived a little less is not.
func TestALongLifeIsForgiven(t *testing.T) {
	var log bytes.Buffer
	if began := lives(t, 100*time.Minute, &log, steady); len(began) != 10 || began[9] != 9*(steady+firstPause) {
		t.Errorf("the worker was started at %v", began)
	}
	began := lives(t, 2*time.Hour, &log, steady-time.Second)
	if began[3]-began[2] != steady-time.Second+4*time.Second {
		t.Errorf("the worker was started at %v", began)
	}
}
