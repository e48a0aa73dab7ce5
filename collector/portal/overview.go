package portal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/status"
)

// LeftWindow is how far back children who left the list are counted.
const LeftWindow = 30 * 24 * time.Hour

// An Overview is what is known of the schools at one moment. It holds counts,
// never anything about one child.
type Overview struct {
	At      time.Time
	Session status.Session // the session that At is about
	Schools []School       // those that need somebody first, then by name
}

// Received counts the schools whose register of the session is in.
func (o Overview) Received() int {
	n := 0
	for _, s := range o.Schools {
		if s.Now(o.Session).Word == status.Received {
			n++
		}
	}
	return n
}

// A School is one line of the overview.
type School struct {
	ID, Name, Phone string
	AM, PM          status.Verdict
	// LastHeard is when its agent last spoke, RegisterAsAt when the newest
	// register that was applied was true, ListAsAt the same of the list of
	// children. Zero is never.
	LastHeard, RegisterAsAt, ListAsAt time.Time
	Children                          int // on the list now
	Left                              int // left the list in the last LeftWindow
	Waiting                           int // batches that have arrived and are not applied
	Refused                           int // records set aside because they are not right
	Holds                             []Hold
	Problems                          []protocol.Problem // as the agent reported them when last heard
	// Unconfirmed says that an agent waits for the operator to compare its phrase.
	Unconfirmed bool
}

// A Hold is a set of removals that waits for a person.
type Hold struct {
	protocol.Hold
	Since time.Time
}

// Now is the verdict on one of the day's sessions.
func (s School) Now(session status.Session) status.Verdict {
	if session == status.AM {
		return s.AM
	}
	return s.PM
}

// Read finds what is known of every school at now. With an authority it finds
// only the schools that this authority asks, and counts only its children.
func Read(ctx context.Context, db *database.DB, authority string, now time.Time) (Overview, error) {
	var found map[string]*facts
	err := db.Read(ctx, func(tx *database.Tx) error {
		q := query{ctx: ctx, tx: tx, authority: authority, now: now, schools: map[string]*facts{}}
		for _, step := range []func() error{q.list, q.agents, q.heard, q.registers, q.lists, q.children, q.waiting, q.refused, q.holds} {
			if err := step(); err != nil {
				return err
			}
		}
		found = q.schools
		return nil
	})
	if err != nil {
		return Overview{}, fmt.Errorf("read what is known of the schools: %w", err)
	}
	o := Overview{At: now, Session: status.CurrentSession(now, status.DefaultClocks())}
	for _, f := range found {
		o.Schools = append(o.Schools, f.school(now))
	}
	slices.SortFunc(o.Schools, func(a, b School) int {
		return cmp.Or(cmp.Compare(urgency(a.Now(o.Session).Word), urgency(b.Now(o.Session).Word)), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return o, nil
}

// The order in which schools need somebody, whoever that is.
var byUrgency = []status.Word{
	status.NotReceived, status.Stopped, status.ByPhone, status.Held, status.Late, status.NotSetUp,
	status.Paused, status.Due, status.Received, status.NotInSession,
}

func urgency(w status.Word) int { return slices.Index(byUrgency, w) }

// facts is one school as the tables tell it.
type facts struct {
	School
	current    agent // the confirmed agent, zero if there is none
	everSetUp  bool
	revoked    bool
	revokedAt  time.Time
	attendance bool // some authority asks for marks
	checkin    *protocol.Checkin
}

type agent struct {
	id         envelope.AgentID
	generation int64
	signKey    []byte
}

func (f *facts) school(now time.Time) School {
	s := f.School
	if !f.attendance {
		// Nobody asked for marks: the list is all there is to wait for.
		s.RegisterAsAt = s.ListAsAt
	}
	s.AM, s.PM = f.verdict(status.AM, now, s.RegisterAsAt), f.verdict(status.PM, now, s.RegisterAsAt)
	return s
}

func (f *facts) verdict(session status.Session, now, asAt time.Time) status.Verdict {
	day := now.In(status.London())
	in := status.Facts{
		Now: now, Day: day, Session: session, InSession: status.DefaultInSession(day),
		LastHeard: f.LastHeard, DataAsAt: asAt, SetUp: f.everSetUp,
		Stopped: f.revoked && f.current.generation == 0, StoppedAt: f.revokedAt,
	}
	if !in.InSession {
		in.Calendar = "A weekend"
	}
	if f.checkin != nil && f.checkin.Paused {
		in.Paused, in.PausedUntil = true, f.checkin.PausedUntil
	}
	if len(f.Holds) > 0 {
		in.Held, in.HeldSince, in.HeldWhy = true, f.Holds[0].Since, f.Holds[0].describe(len(f.Holds)-1)
	}
	return status.Decide(in)
}

// describe says what is held in words, without a full stop.
func (h Hold) describe(more int) string {
	text := fmt.Sprintf("%d of %d %s missing from the school's data", h.Gone, h.Of, datasetWords(h.Dataset))
	if more > 0 {
		text += fmt.Sprintf(", and %d more like it", more)
	}
	return text
}
