package store_test

import (
	"testing"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// A grant counts as withdrawn after enough refusals over long enough, all of them seen;
// nothing less is taken for the school's word.
func TestWithdrawnGrant(t *testing.T) {
	since := time.Date(2026, 11, 19, 9, 31, 0, 0, time.UTC)
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		code  protocol.ProblemCode
		count int
		heard time.Duration // after since
		want  bool
	}{
		"three reads in a day":      {protocol.ProblemNoAccess, 3, day, true},
		"many":                      {protocol.ProblemNoAccess, 40, 9 * day, true},
		"one refusal":               {protocol.ProblemNoAccess, 1, 2 * day, false},
		"two":                       {protocol.ProblemNoAccess, 2, 2 * day, false},
		"many in an hour":           {protocol.ProblemNoAccess, 20, time.Hour, false},
		"not quite a day":           {protocol.ProblemNoAccess, 3, day - time.Second, false},
		"silent since":              {protocol.ProblemNoAccess, 3, 3 * time.Hour, false},
		"a right that is missing":   {protocol.ProblemRightMissing, 9, 9 * day, false},
		"a MIS that is not reached": {protocol.ProblemMISDown, 9, 9 * day, false},
	} {
		s := store.SchoolStatus{SetUp: true, LastHeard: since.Add(c.heard), Problems: []protocol.Problem{{Code: c.code, Count: c.count, Since: since}}}
		got, gone := s.Withdrawn()
		if gone != c.want || gone && !got.Equal(since) {
			t.Errorf("%s: %v since %v", name, gone, got)
		}
		f := s.Facts(since.Add(10*day), status.AM)
		if f.Withdrawn != c.want || (status.Decide(f).Word == status.Stopped) != c.want {
			t.Errorf("%s: the word is %s", name, status.Decide(f).Word)
		}
	}
	revoked := store.SchoolStatus{School: store.School{Stopped: since}, LastHeard: since.Add(2 * day),
		Problems: []protocol.Problem{{Code: protocol.ProblemNoAccess, Count: 9, Since: since.Add(-day)}}}
	if f := revoked.Facts(since.Add(day), status.AM); f.Withdrawn || !f.StoppedAt.Equal(since) {
		t.Errorf("a school that revoked is said to have withdrawn a grant: %+v", f)
	}
}
