package school

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(2, time.Minute)
		first, err := turns.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := turns.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			first()
			first() // twice is no error, and frees nobody else's turn
		}()
		if _, err := turns.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("the third waited %s, not until the first was done", waited)
		}
		impatient, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := turns.take(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a fourth got a turn, or another error: %v", err)
		}
	})
}

// A read that hangs keeps its turn for its share only.
func TestASlowReadLeavesTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := NewTurns(1, time.Minute)
		slow, err := turns.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		next, err := turns.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("the next school waited %s behind a slow one, not its share", waited)
		}
		slow() // must not free the turn of the next
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.take(impatient); err == nil {
			t.Error("the end of the slow read freed a turn that another has")
		}
		next()
		if done, err := turns.take(t.Context()); err != nil {
			t.Error(err)
		} else {
			done()
		}
	})
}

func TestNoTurns(t *testing.T) {
	var none *Turns
	done, err := none.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done()
}
