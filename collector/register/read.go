package register

import (
	"context"
	"fmt"
	"maps"
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
	all := reading{day: day, nation: NationOf(sight.Authority), marks: found, also: alsoAt(list), meanings: map[string]Meaning{}}
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
	listed := make(map[string][]store.Registered, len(o.Schools))
	for from, i := 0, 0; i < len(list); i++ {
		if id := list[i].School; i+1 == len(list) || list[i+1].School != id {
			listed[id] = list[from : i+1]
			from = i + 1
		}
	}
	m := Morning{At: o.At, Session: r.session, Counts: map[State]int{}, Schools: make([]School, 0, len(o.Schools))}
	for i := range o.Schools {
		m.add(r.school(&o.Schools[i], listed[o.Schools[i].School.ID]))
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
		if list, err = r.list(ctx, tx, sight.Authority, week, now); err != nil {
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

// list is store.Tx.OnList, of which only the schools are read where something was
// applied since the last look.
func (r *Registers) list(ctx context.Context, tx *store.Tx, authority string, week record.Date, now time.Time) ([]store.Registered, error) {
	at, err := tx.ListMarks(ctx, authority)
	if err != nil {
		return nil, err
	}
	found, missing := r.cache.takeLists(authority, at, week, now)
	if len(missing) > 0 {
		read, err := tx.OnListAt(ctx, authority, missing, week)
		if err != nil {
			return nil, err
		}
		for _, l := range read {
			found[l.School] = append(found[l.School], l)
		}
		// The transaction only reads: what it has seen is true of these marks for ever.
		r.cache.putLists(authority, at, found, missing, week, now)
	}
	var list []store.Registered
	for _, school := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[school]...)
	}
	return list, nil
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
	// meanings are those of the codes met so far.
	meanings map[string]Meaning
}

// child says what the register says of one child of a school that is in session or
// not, whose register is in or not. The calendar only explains why
// there is no mark: a child whom a school marks as absent on what is said to be
// its holiday is absent.
func (r reading) child(l store.Registered, inSession, received bool) Child {
	c := Child{Child: l.Child}
	for _, other := range r.also[l.Same] {
		if other != l.School {
			c.Also = append(c.Also, other)
		}
	}
	old := l.Refused || l.Held
	if received && !old {
		c.mark(r, r.marks[l.Child])
	}
	switch {
	case c.State != "" && c.State != NoMark:
	case !inSession && c.Code == "" && c.Why != WhyUnknown:
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
	meaning, met := r.meanings[h.code]
	if !met {
		meaning = MeaningOf(r.nation, r.day.Time(), h.code)
		r.meanings[h.code] = meaning
	}
	c.State, c.Why, c.Code, c.Label, c.Late = meaning.State, WhyMark, h.code, meaning.Mark.Label, h.late
	c.Unauthorised = meaning.Mark.Category == codes.CategoryUnauthorised
	if !meaning.Known {
		c.Why = WhyUnknown
	}
}

func (r reading) school(s *overview.School, listed []store.Registered) School {
	f := s.Facts(r.session)
	received := f.HasRegister()
	children := make([]Child, len(listed))
	for i, l := range listed {
		children[i] = r.child(l, f.InSession, received)
	}
	line := School{School: *s, Verdict: s.Now(r.session), Received: received && s.School.Stopped.IsZero(), Children: children}
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
