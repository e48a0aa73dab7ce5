package sqlserver_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/e2e/standin/tds"
)

func TestSignOnRefused(t *testing.T) {
	for number, c := range map[int32]struct {
		reason sqlserver.Reason
		says   string
	}{
		18456: {sqlserver.Login, "the name or the password is wrong"},
		18470: {sqlserver.Login, "ALTER LOGIN [rollbridge_agent] ENABLE"},
		18486: {sqlserver.Login, "UNLOCK"},
		18487: {sqlserver.Login, "expired"},
		18488: {sqlserver.Login, "MUST_CHANGE"},
		18452: {sqlserver.Login, "domain"},
		4060:  {sqlserver.Database, "renamed"},
		18451: {sqlserver.Down, "stopping"},
		17809: {sqlserver.Busy, "connections"},
	} {
		s := (&server{refuse: &tds.Error{Number: number, Class: 14, Message: "Canary for 'rollbridge_agent'"}}).start(t)
		if f := refused(t, s.settings(t), c.reason, c.says); f.Number != number || strings.Contains(f.Text, "Canary") {
			t.Errorf("%+v", f)
		}
		if len(s.signOns()) != 1 {
			t.Errorf("%d: signed on %d times: a wrong password must not be tried again", number, len(s.signOns()))
		}
	}
	s := (&server{}).start(t)
	set := s.settings(t)
	set.Password = "wrong"
	refused(t, set, sqlserver.Login, "password is wrong")
}

// TestServerErrors has the server refuse before, among and after the rows.
func TestServerErrors(t *testing.T) {
	q := parse(t, "SELECT pupil FROM rollbridge.pupil")
	for number, reason := range map[int32]sqlserver.Reason{208: sqlserver.Schema, 229: sqlserver.Right, 245: sqlserver.Data, 1205: sqlserver.Busy, 1222: sqlserver.Busy} {
		for _, after := range []int{-1, 0, 1, 3000} {
			s := (&server{answer: func(ctx context.Context, q tds.Request, w *tds.Response) error {
				if after >= 0 {
					if err := rowsWithoutEnd(ctx, w, after); err != nil {
						return err
					}
				}
				return &tds.Error{Number: number, Message: "Canary 'pupil'"}
			}}).start(t)
			session := open(t, s.settings(t))
			rows := 0
			f := wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(&rows)), reason)
			if f.Number != number || f.Object != "[rollbridge].[pupil]" || strings.Contains(f.Text, "Canary") || rows != max(after, 0) {
				t.Errorf("after %d rows, %d passed on: %+v", after, rows, f)
			}
			if err := session.Ask(t.Context()); err != nil {
				t.Errorf("%d ended the session: %v", number, err)
			}
		}
	}
}

func rowsWithoutEnd(ctx context.Context, w *tds.Response, n int) error {
	if err := w.Columns([]tds.Column{{Name: "pupil", Type: nvarchar}}); err != nil {
		return err
	}
	for i := 0; i < n; i++ {
		if err := w.Row([]any{"x"}); err != nil {
			return err
		}
	}
	return w.Flush()
}

// TestCut loses the connection at every stage of an answer: what was read before
// never looks like the whole.
func TestCut(t *testing.T) {
	q := parse(t, "SELECT pupil FROM rollbridge.pupil")
	for _, at := range []int{-1, 0, 1, 7, 2000} {
		for _, snapshot := range []bool{false, true} {
			s := (&server{snapshot: snapshot, answer: func(ctx context.Context, _ tds.Request, w *tds.Response) error {
				if at >= 0 {
					if err := rowsWithoutEnd(ctx, w, at); err != nil {
						return err
					}
				}
				w.Cut()
				return io.ErrClosedPipe
			}}).start(t)
			session := open(t, s.settings(t))
			rows := 0
			wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(&rows)), sqlserver.Down, "was lost")
			sent := len(s.sent())
			for range 3 {
				wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(&rows)), sqlserver.Down)
			}
			if len(s.sent()) != sent || len(s.signOns()) != 1 {
				t.Errorf("asked again behind the caller's back: %d statements, %d logins", len(s.sent())-sent, len(s.signOns()))
			}
		}
	}
}

func TestCutInSetUp(t *testing.T) {
	s := &server{}
	s.Windows = nil
	s.start(t)
	set := s.settings(t)
	session := open(t, set)
	s.cut()
	wantFault(t, session.Ask(t.Context()), sqlserver.Down)
	// The server comes back: a new session works.
	again := open(t, set)
	if err := again.Ask(t.Context()); err != nil {
		t.Error(err)
	}
}

// waits answers n rows and then waits until the client cancels.
func waits(n int, began chan<- struct{}) func(context.Context, tds.Request, *tds.Response) error {
	return func(ctx context.Context, _ tds.Request, w *tds.Response) error {
		if err := rowsWithoutEnd(ctx, w, n); err != nil {
			return err
		}
		began <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
}

func TestTimeLimit(t *testing.T) {
	q := parse(t, "SELECT pupil FROM rollbridge.pupil")
	for _, n := range []int{0, 10} {
		began := make(chan struct{}, 1)
		s := (&server{answer: waits(n, began)}).start(t)
		set := s.settings(t)
		set.QueryTime = 200 * time.Millisecond
		session := open(t, set)
		wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(new(int))), sqlserver.Slow, "within 200ms", "query_seconds")
		<-began
		// The server was told to stop, and the session goes on.
		if err := session.Ask(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestEndlessResult(t *testing.T) {
	s := (&server{answer: func(_ context.Context, _ tds.Request, w *tds.Response) error {
		if err := w.Columns([]tds.Column{{Name: "pupil", Type: nvarchar}}); err != nil {
			return err
		}
		for {
			if err := w.Row([]any{"again"}); err != nil {
				return err
			}
		}
	}}).start(t)
	set := s.settings(t)
	set.QueryTime = 200 * time.Millisecond
	session := open(t, set)
	q := parse(t, "SELECT pupil FROM rollbridge.pupil")
	wantFault(t, session.Query(t.Context(), q, sqlserver.Values{}, count(new(int))), sqlserver.Slow)

	enough := errors.New("enough")
	rows := 0
	err := session.Query(t.Context(), q, sqlserver.Values{}, func([]sqlserver.Cell) error {
		if rows++; rows == 1000 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || rows != 1000 {
		t.Errorf("after %d rows: %v", rows, err)
	}
	if err := session.Ask(t.Context()); err != nil {
		t.Errorf("after row ended the query: %v", err)
	}
}

func TestCancel(t *testing.T) {
	began := make(chan struct{}, 1)
	s := (&server{answer: waits(3, began), snapshot: true}).start(t)
	session := open(t, s.settings(t))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	err := session.Query(ctx, parse(t, "SELECT pupil FROM rollbridge.pupil"), sqlserver.Values{}, count(new(int)))
	var f *sqlserver.Fault
	if !errors.Is(err, context.Canceled) || errors.As(err, &f) {
		t.Errorf("cancelled: %v", err)
	}
	if err := session.Ask(t.Context()); err != nil {
		t.Errorf("after cancelling one query: %v", err)
	}
	// Only Close ends the snapshot.
	if len(s.ends()) != 0 {
		t.Errorf("ended %v", s.ends())
	}
}

func TestWindowsAccount(t *testing.T) {
	s := &server{}
	s.Windows = func(domain, user string) (string, bool) {
		return password, domain == "SCHOOL" && user == "svc-rollbridge"
	}
	s.start(t)
	set := s.settings(t)
	set.Login, set.User = "windows", `SCHOOL\svc-rollbridge`
	open(t, set)
	if l := s.signOns()[0]; !l.Windows || l.User != `SCHOOL\svc-rollbridge` || l.Password != "" || !l.Encrypted {
		t.Errorf("login %+v", l)
	}
	set.Password = "wrong"
	refused(t, set, sqlserver.Login)
	set.User = `SCHOOL\nobody`
	refused(t, set, sqlserver.Login)
	if len(s.signOns()) != 1 {
		t.Errorf("%d sign-ons", len(s.signOns()))
	}
}

func TestTooManyBytes(t *testing.T) {
	s := (&server{answer: pupils(1)}).start(t)
	session := open(t, s.settings(t))
	session.Fill()
	wantFault(t, session.Ask(t.Context()), sqlserver.Budget, "256 MB")
}
