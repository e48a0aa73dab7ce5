package overview

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/store"
	"rollbridge/shared/status"
)

// An Overview is what is known of the schools at one moment, with the verdict
// on each. It holds counts, never anything about one child.
type Overview struct {
	At      time.Time
	Session status.Session // the session that At is about
	Schools []School       // those that need somebody first, then by name
}

// A School is one line of the overview.
type School struct {
	store.SchoolStatus
	AM, PM status.Verdict
	// Children are on the list now, Left were on it.
	Children, Left int

	am, pm status.Facts
}

// Facts are what the verdict on one of the day's sessions is made of.
func (s School) Facts(session status.Session) status.Facts {
	if session == status.AM {
		return s.am
	}
	return s.pm
}

// Now is the verdict on one of the day's sessions.
func (s School) Now(session status.Session) status.Verdict {
	if session == status.AM {
		return s.AM
	}
	return s.PM
}

// WithoutFigures is the school for somebody who sees only some of its children: how many
// there are that a safety stop was counted over is not said.
func (s School) WithoutFigures() School {
	s.Holds = slices.Clone(s.Holds)
	for i, h := range s.Holds {
		if h.Disappeared() {
			s.Holds[i].Gone, s.Holds[i].Of = 0, 0
		}
	}
	now := s.am.Now
	s.am, s.pm = facts(s.SchoolStatus, now, status.AM), facts(s.SchoolStatus, now, status.PM)
	s.AM, s.PM = status.Decide(s.am), status.Decide(s.pm)
	return s
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

// Summary says in one sentence, without its full stop, how many registers of the
// session are in. A school that is not in session owes none.
func (o Overview) Summary() string {
	away := 0
	for _, s := range o.Schools {
		if s.Now(o.Session).Word == status.NotInSession {
			away++
		}
	}
	owed := len(o.Schools) - away
	switch {
	case away > 0 && owed == 0:
		return "No register is expected today: no school is in session"
	case away > 0:
		return fmt.Sprintf("%d of %s received, %d not in session", o.Received(), count(owed, "school"), away)
	}
	return fmt.Sprintf("%d of %s received", o.Received(), count(owed, "school"))
}

// Read finds what is known of every school at now. With an authority it finds
// only the schools that this authority asks, and counts only its children.
func Read(ctx context.Context, s *store.Store, authority string, now time.Time) (Overview, error) {
	return read(ctx, s.Schools, authority, now)
}

// ReadUncounted is Read without what is counted, for a page that is opened often and
// shows none of it: Children and Left are 0, and so are the counts of
// store.Store.SchoolsUncounted.
func ReadUncounted(ctx context.Context, s *store.Store, authority string, now time.Time) (Overview, error) {
	return read(ctx, s.SchoolsUncounted, authority, now)
}

func read(ctx context.Context, schools func(context.Context, string) ([]store.SchoolStatus, error), authority string, now time.Time) (Overview, error) {
	known, err := schools(ctx, authority)
	if err != nil {
		return Overview{}, fmt.Errorf("read what is known of the schools: %w", err)
	}
	o := Overview{At: now, Session: status.CurrentSession(now, status.DefaultClocks()), Schools: make([]School, 0, len(known))}
	for _, k := range known {
		if authority != "" {
			// How many children of another authority are held is its own affair.
			k.Holds = slices.DeleteFunc(k.Holds, func(h store.Hold) bool { return h.Authority != "" && h.Authority != authority })
		}
		school := School{SchoolStatus: k, am: facts(k, now, status.AM), pm: facts(k, now, status.PM)}
		school.AM, school.PM = status.Decide(school.am), status.Decide(school.pm)
		for _, c := range k.Counts {
			school.Children += c.Pupils
			school.Left += c.Left
		}
		o.Schools = append(o.Schools, school)
	}
	o.sort()
	return o, nil
}

// sort puts those that need somebody first, then by name. A School is large, so that
// its place is sorted, and it is moved once.
func (o *Overview) sort() {
	type place struct {
		urgency  int
		name, id string
		at       int
	}
	places := make([]place, len(o.Schools))
	for i := range o.Schools {
		s := &o.Schools[i]
		places[i] = place{urgency(s.Now(o.Session).Word), s.School.Name, s.School.ID, i}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.urgency, b.urgency), cmp.Compare(a.name, b.name), cmp.Compare(a.id, b.id))
	})
	sorted := make([]School, len(places))
	for i, p := range places {
		sorted[i] = o.Schools[p.at]
	}
	o.Schools = sorted
}

// facts are a school's, with the calendar and what is held in words.
func facts(c store.SchoolStatus, now time.Time, session status.Session) status.Facts {
	f := c.Facts(now, session)
	f.Calendar = CalendarWords(c.Calendar.On(f.Day, session))
	if h, held := c.Held(); held {
		w := HoldWords(h.Hold)
		f.HeldWhy, f.HeldNext, f.HeldOwner = w.Why, []status.Part{w.Means, w.Next}, w.Owner
	}
	return f
}

// The order in which schools need somebody, whoever that is.
var byUrgency = []status.Word{
	status.NotReceived, status.Stopped, status.ByPhone, status.Held, status.Late, status.NotSetUp,
	status.Paused, status.Due, status.Received, status.NotInSession,
}

func urgency(w status.Word) int { return slices.Index(byUrgency, w) }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
