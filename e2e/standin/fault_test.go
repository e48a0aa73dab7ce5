package standin_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollbridge/e2e/standin"
	"rollbridge/e2e/standin/tds"
)

const mark = "FROM dbo.T"

func TestStagedErrors(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	undo := s.Stage(standin.Fault{Contains: "from DBO.t", Times: 1, Error: &tds.Error{Number: 1205, Class: 13, Message: "Deadlock."}})
	_, err := names(t.Context(), db)
	wantNumber(t, err, 1205)
	wantNames(t, db)
	undo()
	undo()

	undo = s.Stage(standin.Fault{Contains: mark, AtRow: 2, Error: &tds.Error{Number: 1222, Message: "Lock."}})
	got, err := names(t.Context(), db)
	wantNumber(t, err, 1222)
	if !slices.Equal(got, []string{"Ada", "Ben"}) {
		t.Errorf("before the fault came %q", got)
	}
	undo()
	wantNames(t, db)

	defer s.Stage(standin.Fault{Contains: mark, AtRow: 4, Error: &tds.Error{Number: 1222, Message: "Lock."}})()
	wantNames(t, db) // there is no fourth row
}

func TestDeadlockRollsBack(t *testing.T) {
	s, admin := start(t, standin.Options{})
	c, err := admin.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, q := range []string{"BEGIN TRANSACTION", "DELETE FROM dbo.T"} {
		if _, err := c.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	defer s.Stage(standin.Fault{Contains: "UPDATE", Error: &tds.Error{Number: 1205, Class: 13, Message: "Deadlock."}})()
	_, err = c.ExecContext(t.Context(), "UPDATE dbo.T SET name = N'x'")
	wantNumber(t, err, 1205)
	wantNames(t, admin)
}

func TestStagedCut(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	undo := s.Stage(standin.Fault{Contains: mark, AtRow: 1, Cut: true})
	got, err := names(t.Context(), db)
	if err == nil || number(err) != 0 || len(got) > 1 {
		t.Errorf("read %q, %v from a connection that was cut", got, err)
	}
	undo()
	wantNames(t, db)
}

// The context of the client ends what would not end by itself.
func TestCancel(t *testing.T) {
	for name, f := range map[string]standin.Fault{
		"hang":           {Contains: mark, Hang: true},
		"hang at a row":  {Contains: mark, AtRow: 1, Hang: true},
		"endless":        {Contains: mark, Endless: true},
		"endless at two": {Contains: mark, AtRow: 2, Endless: true},
		"delay":          {Contains: mark, Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := start(t, standin.Options{})
			db := dial(t, s, pinned(s))
			ctx, cancel := context.WithCancel(t.Context())
			var struck atomic.Bool
			f.Do = func() { struck.Store(true); cancel() }
			undo := s.Stage(f)
			if _, err := names(ctx, db); !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled query ended with %v", err)
			}
			if !struck.Load() {
				t.Error("the fault did not happen")
			}
			undo()
			wantNames(t, db)
		})
	}
}

// Endless rows come until the client has had enough.
func TestEndless(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	defer s.Stage(standin.Fault{Contains: mark, Endless: true, AtRow: 3})()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows, err := db.QueryContext(ctx, "SELECT name FROM dbo.T ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20_000 {
		if !rows.Next() {
			t.Fatalf("the rows ended after %d: %v", n, rows.Err())
		}
	}
	cancel()
	if err := rows.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The server goes down in the middle of a read, and comes back.
func TestDownMidRead(t *testing.T) {
	s, _ := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	defer s.Stage(standin.Fault{Contains: mark, AtRow: 2, Times: 1, Do: func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}})()
	if got, err := names(t.Context(), db); err == nil || number(err) != 0 {
		t.Errorf("read %q, %v from a server that went down", got, err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, db)
}

// Do sees the statement under way: what it changes counts at once.
func TestRightTakenMidRead(t *testing.T) {
	s, admin := start(t, standin.Options{})
	db := dial(t, s, pinned(s))
	defer s.Stage(standin.Fault{Contains: mark, Times: 1, Do: func() {
		if _, err := admin.ExecContext(context.Background(), "REVOKE SELECT ON dbo.T FROM reader"); err != nil {
			t.Error(err)
		}
	}})()
	_, err := names(t.Context(), db)
	wantNumber(t, err, 229)
}
