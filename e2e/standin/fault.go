package standin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/standin/tds"
)

// errCut ends a session whose connection was cut on purpose.
var errCut = errors.New("the connection was cut on purpose")

// A staged fault counts down in the server, with the server's mutex held.
type staged struct {
	Fault
	left int // negative: until undone
}

// Stage makes a fault happen to the statements it chooses; undo takes it back
// and may be called twice. Several may be staged: the one staged first happens.
func (s *Server) Stage(f Fault) (undo func()) {
	st := &staged{Fault: f, left: f.Times}
	if f.Times == 0 {
		st.left = -1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, st)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(o *staged) bool { return o == st })
	}
}

// chosen is the fault for a batch, if any. It does not count it: a fault at a
// row that is never reached has not happened.
func (s *Server) chosen(text string, administrator bool) *staged {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, st := range s.faults {
		if st.left == 0 || (st.Contains == "" && administrator) {
			continue
		}
		if strings.Contains(strings.ToLower(text), strings.ToLower(st.Contains)) {
			return st
		}
	}
	return nil
}

// strike makes a fault happen, if it still may. resend sends the last row
// again; nil before the first one.
func (s *Server) strike(ctx context.Context, st *staged, w *tds.Response, resend func() error) error {
	s.mu.Lock()
	if st.left == 0 {
		s.mu.Unlock()
		return nil
	}
	if st.left > 0 {
		st.left--
	}
	s.mu.Unlock()
	// What was sent before must have left before anybody waits.
	if err := w.Flush(); err != nil {
		return err
	}
	if st.Do != nil {
		st.Do()
	}
	if err := pause(ctx, st.Delay); err != nil {
		return err
	}
	switch {
	case st.Error != nil:
		return st.Error
	case st.Cut:
		w.Cut()
		return errCut
	case st.Hang, st.Endless && resend == nil:
		<-ctx.Done()
		return ctx.Err()
	case st.Endless:
		for {
			if err := resend(); err != nil {
				return err
			}
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
