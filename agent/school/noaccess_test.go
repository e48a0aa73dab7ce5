package school

import (
	"testing"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/outbox"
	"rollbridge/shared/protocol"
)

// A grant counts as withdrawn only by refusals in a row, of an agent that the
// operator hosts, and what says nothing about it changes nothing.
func TestNoAccessIsCounted(t *testing.T) {
	since := time.Date(2026, 11, 12, 9, 30, 0, 0, time.UTC)
	refused := &mis.Error{Problem: protocol.ProblemRightMissing, NoAccess: true}
	one := &mis.Error{Problem: protocol.ProblemRightMissing, Dataset: "contact"}
	down := &mis.Error{Problem: protocol.ProblemMISDown}
	for name, c := range map[string]struct {
		turns  *Turns
		before int // 0: no such problem yet
		read   *mis.Error
		want   int
	}{
		"the first":            {NewTurns(1, time.Second), 0, refused, 1},
		"one more":             {NewTurns(1, time.Second), 2, refused, 3},
		"not reached":          {NewTurns(1, time.Second), 2, down, 2},
		"another fault":        {NewTurns(1, time.Second), 2, one, 0},
		"no fault of the MIS":  {NewTurns(1, time.Second), 2, nil, 0},
		"an agent of a school": {nil, 0, refused, 0},
	} {
		f := outbox.Facts{Problems: []protocol.Problem{{Code: protocol.ProblemClock}}}
		if c.before > 0 {
			f.Problems = append(f.Problems, protocol.Problem{Code: protocol.ProblemNoAccess, Count: c.before, Since: since})
		}
		s := &School{turns: c.turns}
		s.setNoAccess(&f, c.read)
		got := 0
		for _, p := range f.Problems {
			if p.Code == protocol.ProblemNoAccess {
				got = p.Count
				if c.before > 0 && !p.Since.Equal(since) {
					t.Errorf("%s: it is not said since when", name)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %d refusals, want %d", name, got, c.want)
		}
	}
	f := outbox.Facts{Problems: []protocol.Problem{{Code: protocol.ProblemNoAccess, Count: 5}}}
	if noteGood(&f, protocol.Manifest{}, mis.Report{}); len(f.Problems) > 0 {
		t.Errorf("after a good read: %+v", f.Problems)
	}
}
