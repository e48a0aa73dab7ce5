package register

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/overview"
	"rollbridge/collector/store"
	"rollbridge/shared/codes"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

func (r *Registers) read(ctx context.Context, sight store.Sight, o overview.Overview, sessions []status.Session) ([]Morning, error) {
	day := record.DateOf(o.At.In(status.London()))
	r.cache.sweep(stopped(o), o.At)
	list, found, err := r.marks(ctx, sight, day.Monday(), o.At)
	if err != nil {
		return nil, fmt.Errorf("read the registers: %w", err)
	}
	all := reading{day: day, nation: NationOf(sight.Authority), marks: found, also: alsoAt(list)}
	mornings := make([]Morning, len(sessions))
	for i, session := range sessions {
		all.session = session
		mornings[i] = all.morning(o, list)
		mornings[i].narrow(sight)
	}
	return mornings, nil
}

// morning is one session of all children of the authority.
func (r reading) morning(o overview.Overview, list []store.Registered) Morning {
	schools := make(map[string]overview.School, len(o.Schools))
	for _, s := range o.Schools {
		schools[s.School.ID] = s
	}
	children := map[string][]Child{}
	for _, l := range list {
		if s, known := schools[l.School]; known {
			children[l.School] = append(children[l.School], r.child(s.Facts(r.session), l))
		}
	}
	m := Morning{At: o.At, Session: r.session, Counts: map[State]int{}}
	for _, s := range o.Schools {
		m.add(schoolOf(s, r.session, children[s.School.ID]))
	}
	return m
}

func stopped(o overview.Overview) map[string]bool {
	list := map[string]bool{}
	for _, s := range o.Schools {
		if !s.School.Stopped.IsZero() {
			list[s.School.ID] = true
		}
	}
	return list
}

// marks lists the children of the whole authority, because whether a register was
// taken is seen by all of them, and opens what is not in memory: both from one
// state of the database.
func (r *Registers) marks(ctx context.Context, sight store.Sight, week record.Date, now time.Time) (list []store.Registered, found map[store.Child]marks, err error) {
	var opened map[store.Child]store.Week
	err = r.store.Read(ctx, func(tx *store.Tx) error {
		var missing []store.Child
		if list, err = tx.OnList(ctx, store.Sight{Authority: sight.Authority}, week); err != nil {
			return err
		}
		found, missing = r.cache.take(list, week, now)
		opened, err = tx.Weeks(ctx, r.vault, missing, week)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	r.cache.put(opened, week, now)
	for child, w := range opened {
		found[child] = marksOf(w.Marks)
	}
	return list, found, nil
}

// NationOf is the nation of an authority: what a code means hangs on the nation
// of the school, which is mostly that of the authority, and nothing says better.
func NationOf(authority string) string {
	if a, ok := codes.LookupAuthority(authority); ok && a.Nation == codes.NationWales {
		return codes.NationWales
	}
	return codes.NationEngland
}

// alsoAt finds the schools of children who are on more than one list.
func alsoAt(list []store.Registered) map[string][]string {
	at := map[string][]string{}
	for _, l := range list {
		if l.Same != "" && !slices.Contains(at[l.Same], l.School) {
			at[l.Same] = append(at[l.Same], l.School)
		}
	}
	return at
}

// A reading is what a child's state is made of, beside the school's facts.
type reading struct {
	session status.Session
	day     record.Date
	nation  string
	marks   map[store.Child]marks
	also    map[string][]string
}

// child says what the register says of one child. The calendar only explains why
// there is no mark: a child whom a school marks as absent on what is said to be
// its holiday is absent.
func (r reading) child(f status.Facts, l store.Registered) Child {
	c := Child{Child: l.Child}
	for _, other := range r.also[l.Same] {
		if other != l.School {
			c.Also = append(c.Also, other)
		}
	}
	received := f.HasRegister()
	old := l.Refused || l.Held
	if received && !old {
		c.mark(r, r.marks[l.Child])
	}
	switch {
	case c.State != "" && c.State != NoMark:
	case !f.InSession && c.Code == "" && c.Why != WhyUnknown:
		c.State, c.Why = NotInSession, WhyCalendar
	case !received:
		c.State, c.Why = NotReceived, WhySchool
	case l.Refused:
		c.State, c.Why = NotReceived, WhyRefused
	case l.Held:
		c.State, c.Why = NotReceived, WhyHeld
	}
	return c
}

// mark fills what the session's mark says.
func (c *Child) mark(r reading, m marks) {
	c.State, c.Why = NoMark, WhyEmpty
	list := m.pm
	if r.session == status.AM {
		list = m.am
	}
	weekday := (int(r.day.Time().Weekday()) + 6) % 7
	if weekday >= len(list) {
		return
	}
	h := list[weekday]
	if h.code == "" && !h.unread {
		return
	}
	meaning := MeaningOf(r.nation, r.day.Time(), h.code)
	c.State, c.Why, c.Code, c.Label, c.Late = meaning.State, WhyMark, h.code, meaning.Mark.Label, h.late
	c.Unauthorised = meaning.Mark.Category == codes.CategoryUnauthorised
	if !meaning.Known {
		c.Why = WhyUnknown
	}
}

func schoolOf(s overview.School, session status.Session, children []Child) School {
	f := s.Facts(session)
	line := School{School: s, Verdict: s.Now(session), Received: f.HasRegister() && s.School.Stopped.IsZero(), Children: children}
	if line.Received {
		line.AsAt = s.AttendanceAsAt
	}
	line.count()
	line.NotTaken = line.Received && line.Counts[NoMark] > 0 && line.Counts[NoMark] == len(children)-line.Counts[NotInSession]-line.Counts[NotReceived]
	for _, c := range children {
		if c.Why == WhyUnknown {
			line.NotTaken = false // somebody took it
		}
	}
	return line
}

func (s *School) count() {
	s.Counts = map[State]int{}
	for _, c := range s.Children {
		s.Counts[c.State]++
	}
}

func (m *Morning) add(s School) {
	if s.Received && (m.Oldest.IsZero() || s.AsAt.Before(m.Oldest)) && len(s.Children) > 0 {
		m.Oldest = s.AsAt
	}
	for state, n := range s.Counts {
		m.Counts[state] += n
	}
	for _, c := range s.Children {
		// Once for each child: at the first of its schools.
		if len(c.Also) > 0 && c.School < slices.Min(c.Also) {
			m.Twice++
		}
	}
	m.Schools = append(m.Schools, s)
}

// narrow leaves what a person with a caseload may see: these children, and the
// schools that have some of them.
func (m *Morning) narrow(sight store.Sight) {
	if sight.Only == nil {
		return
	}
	only := make(map[store.Child]bool, len(sight.Only))
	at := map[string]bool{}
	for _, c := range sight.Only {
		only[c], at[c.School] = true, true
	}
	all := m.Schools
	*m = Morning{At: m.At, Session: m.Session, Counts: map[State]int{}}
	for _, s := range all {
		if !at[s.School.School.ID] {
			continue
		}
		s.Children = slices.DeleteFunc(s.Children, func(c Child) bool { return !only[c.Child] })
		s.count()
		s.School = s.WithoutFigures()
		s.Verdict = s.Now(m.Session)
		for i := range s.Children {
			// That a child is at a school which is not of the caseload is not theirs to
			// know.
			s.Children[i].Also = slices.DeleteFunc(s.Children[i].Also, func(id string) bool { return !at[id] })
		}
		m.add(s)
	}
}
