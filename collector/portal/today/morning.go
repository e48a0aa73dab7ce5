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
	// phone are the items that stand in the table: what is open or waits to be called
	// again. A planned pause and what is settled are told apart from them.
	phone []call.Item
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
	if m.overview, err = overview.ReadUncounted(ctx, t.site.Store, v.Authority.Code, v.Now); err != nil {
		return m, err
	}
	m.day = record.DateOf(v.Now.In(status.London()))
	session := sessionOf(v, m.overview.Session)
	d, err := t.book.Day(ctx, t.registers, sight, v.Authority, m.overview, session)
	if err != nil {
		return m, err
	}
	m.Morning, m.items = d.Current, call.List(d)
	m.phone = call.Pending(m.items)
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

// settled counts the schools that were phoned, and need no more.
func (m *morning) settled() (n int) {
	for _, i := range m.items {
		if i.Standing == call.Settled {
			n++
		}
	}
	return n
}

// expected says whether any school is in session.
func (m *morning) expected() bool {
	return slices.ContainsFunc(m.Schools, func(s register.School) bool { return s.Facts(m.Session).InSession })
}

// received counts the schools whose register is in, of those that are in session.
func (m *morning) received() (in, of int) {
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
func (m *morning) notKnown() bool {
	in, of := m.received()
	return in == 0 && of > 0
}

func (m *morning) total() (n int) {
	for _, c := range m.Counts {
		n += c
	}
	return n
}
