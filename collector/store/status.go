package store

import (
	"context"
	"time"

	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// A SchoolStatus is what is known about one school now. It holds counts and
// times, nothing of a pupil.
type SchoolStatus struct {
	School School
	// SetUp says that an agent was enrolled at some time; Pending counts agents
	// that wait for the operator to compare the phrase.
	SetUp   bool
	Pending int
	// LastHeard is when an agent of the school last spoke; Version what it runs.
	LastHeard time.Time
	Version   string
	// PupilsAsAt and AttendanceAsAt are for when the newest applied data are
	// true, never later than they arrived; Applied is when they were applied.
	PupilsAsAt, AttendanceAsAt, Applied time.Time
	// Paused, PausedUntil and Problems are what the last check-in said.
	Paused      bool
	PausedUntil time.Time
	Problems    []protocol.Problem
	// Holds are removals that wait for a person, oldest first.
	Holds []Hold
	// Waiting counts batches not yet applied, SetAside those that could not be.
	Waiting, SetAside int
	Quarantined       int
	Counts            []AuthorityCount
}

// An AuthorityCount counts the pupils of one authority at one school.
type AuthorityCount struct {
	Authority string
	Pupils    int // on the list now, held ones included
	Left      int // were on the list
}

// A Hold is a set of removals that waits for a person at the school.
type Hold struct {
	protocol.Hold
	Since time.Time
	// ByAgent says that the agent keeps the removals back, otherwise the
	// collector does.
	ByAgent bool
}

// Schools tells the state of all schools, or of those that an authority asks
// (authority not empty; counts are then its own only), in the order of their
// names. A stopped school has no counts: its data are hidden.
func (s *Store) Schools(ctx context.Context, authority string) ([]SchoolStatus, error) {
	panic("written next")
}

// Facts are the facts about one session for status.Decide, in the default
// calendar.
func (c SchoolStatus) Facts(now time.Time, session status.Session) status.Facts {
	panic("written next")
}
