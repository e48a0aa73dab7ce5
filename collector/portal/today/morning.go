package today

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rollbridge/collector/call"
	"rollbridge/collector/overview"
	"rollbridge/collector/portal/web"
	"rollbridge/collector/register"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A morning is all that the pages of one session show, read at one moment.
type morning struct {
	register.Morning
	overview overview.Overview
	// day is the date in London.
	day   record.Date
	items []call.Item
	// rostered counts the children on the authority's roster by school; nil for a
	// caseload, which is no roster.
	rostered map[string]int
	backlog  store.Backlog
	// excluded are the new suspensions and exclusions, since when.
	excluded []store.NewExclusion
	since    time.Time
}

// sessionOf is the session that a visit asks for: the present one where it asks
// for none.
func sessionOf(v *web.Visit, now status.Session) status.Session {
	switch s := status.Session(strings.ToUpper(v.R.URL.Query().Get("session"))); s {
	case status.AM, status.PM:
		return s
	}
	return now
}

func (t *section) read(v *web.Visit) (m morning, err error) {
	ctx, sight := v.Context(), v.Sight()
	if m.overview, err = overview.Read(ctx, t.site.Store, v.Authority.Code, v.Now); err != nil {
		return m, err
	}
	m.day = record.DateOf(v.Now.In(status.London()))
	session := sessionOf(v, m.overview.Session)
	if m.Morning, err = t.registers.Read(ctx, sight, m.overview, session); err != nil {
		return m, err
	}
	if err = t.list(v, &m); err != nil {
		return m, err
	}
	if sight.Only == nil {
		if m.rostered, err = t.site.Store.RosterSizes(ctx, sight.Authority); err != nil {
			return m, err
		}
	}
	if m.backlog, err = t.site.Store.Backlog(ctx, sight.Authority); err != nil {
		return m, err
	}
	m.since = schoolDayBefore(v.Now)
	if m.excluded, err = t.site.Store.NewExclusions(ctx, t.site.Vault, sight, m.since); err != nil {
		return m, fmt.Errorf("look for new exclusions: %w", err)
	}
	return m, nil
}

// list makes the list of schools to phone: that of the present session with what
// the morning left open, or of the other one as it stands.
func (t *section) list(v *web.Visit, m *morning) (err error) {
	ctx, sight := v.Context(), v.Sight()
	d := call.Day{Authority: v.Authority, Now: v.Now, Current: m.Morning}
	if m.Session == m.overview.Session && m.Session == status.PM {
		earlier, err := t.registers.Read(ctx, sight, m.overview, status.AM)
		if err != nil {
			return err
		}
		d.Earlier = &earlier
	}
	if d.Calls, err = t.book.OfDay(ctx, sight, m.day); err != nil {
		return err
	}
	if m.Session == m.overview.Session {
		if d.FollowUps, err = t.book.FollowUps(ctx, sight, endOf(v.Now)); err != nil {
			return err
		}
	}
	if d.Claims, err = t.book.Claims(ctx, sight, m.day, m.Session, v.Now); err != nil {
		return err
	}
	m.items = call.List(d)
	return nil
}

// endOf is the midnight that ends a moment's day in London.
func endOf(now time.Time) time.Time {
	y, mo, d := now.In(status.London()).Date()
	return time.Date(y, mo, d+1, 0, 0, 0, 0, status.London())
}

// schoolDayBefore is the beginning of the last working day before now: what came
// since is new today.
func schoolDayBefore(now time.Time) time.Time {
	y, mo, d := now.In(status.London()).Date()
	for day := time.Date(y, mo, d-1, 0, 0, 0, 0, status.London()); ; day = day.AddDate(0, 0, -1) {
		if status.DefaultInSession(day) {
			return day
		}
	}
}

// phone are the items that stand in the table: what is open or waits to be called
// again. A planned pause and what is settled are told apart from them.
func (m morning) phone() []call.Item {
	return slices.DeleteFunc(slices.Clone(m.items), func(i call.Item) bool { return i.Why == call.WhyPaused || i.Standing == call.Settled })
}

// settled counts the schools that were phoned, and need no more.
func (m morning) settled() (n int) {
	for _, i := range m.items {
		if i.Standing == call.Settled {
			n++
		}
	}
	return n
}

// expected says whether any school is in session.
func (m morning) expected() bool {
	return slices.ContainsFunc(m.Schools, func(s register.School) bool { return s.Facts(m.Session).InSession })
}

// received counts the schools whose register is in, of those that are in session.
func (m morning) received() (in, of int) {
	for _, s := range m.Schools {
		if !s.Facts(m.Session).InSession {
			continue
		}
		of++
		if s.Received {
			in++
		}
	}
	return in, of
}

// notKnown says that no child's mark is known, so that a count of marks is not
// nought but unknown.
func (m morning) notKnown() bool {
	in, of := m.received()
	return in == 0 && of > 0
}

func (m morning) total() (n int) {
	for _, c := range m.Counts {
		n += c
	}
	return n
}
