package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// ErrNotFound: there is no such entry any more.
var ErrNotFound = errors.New("no such entry in the calendar")

// MaxDays bounds the days of an entry, maxEntries the entries of a school.
const (
	maxEntries = 500
	MaxDays    = 200
)

// A Fault is one thing wrong with what was given. Field names the value and Kind
// what is wrong with it, so that a page says it in its own language; Text says it
// to a terminal.
type Fault struct {
	Line  int    // of a list, or which entry of several, from 1; 0 elsewhere
	Field string // kind, first, last, session, reason, or the name of a time such as am_late
	Kind  string // the end of the message key calendar.fault.<kind>
	With  *Entry // the entry that an overlap is with
	Text  string
}

func (f *Fault) Error() string { return f.Text }

// Check says what is wrong with an entry beside those of the calendar; nil if
// nothing is.
func (c Calendar) Check(e Entry, now time.Time) *Fault {
	today := record.DateOf(now.In(status.London()))
	switch {
	case !slices.Contains(Kinds(), e.Kind):
		return &Fault{Field: "kind", Kind: "kind", Text: "say what these days are: term, inset, holiday, weather, building, strike, polling, closed or open"}
	case e.First.Time().IsZero():
		return &Fault{Field: "first", Kind: "first", Text: "give the first day, as CCYY-MM-DD"}
	case e.Last.Time().IsZero():
		return &Fault{Field: "last", Kind: "last", Text: "give the last day, as CCYY-MM-DD"}
	case e.Last < e.First:
		return &Fault{Field: "last", Kind: "order", Text: fmt.Sprintf("the last day, %s, is before the first, %s: swap or correct them", e.Last, e.First)}
	case e.First < today.AddDays(-2*366) || e.Last > today.AddDays(3*366):
		return &Fault{Field: "first", Kind: "far", Text: fmt.Sprintf("%s to %s is not within two years back and three ahead: correct the year", e.First, e.Last)}
	case e.Last > e.First.AddDays(MaxDays-1):
		return &Fault{Field: "last", Kind: "long", Text: fmt.Sprintf("%s to %s is more than %d days: correct the year, or enter each term by itself", e.First, e.Last, MaxDays)}
	case e.Session != "" && e.Session != status.AM && e.Session != status.PM:
		return &Fault{Field: "session", Kind: "session", Text: "the session is AM or PM, or neither for the whole day"}
	case e.Session != "" && (e.Kind == Term || e.First != e.Last):
		return &Fault{Field: "session", Kind: "one_session", Text: "a single session is closed or open on one day only: give the same first and last day, or the whole day"}
	case len(c.Entries) >= maxEntries:
		return &Fault{Field: "first", Kind: "many", Text: fmt.Sprintf("a school's calendar holds at most %d entries: remove old ones first", maxEntries)}
	}
	for _, o := range c.Entries {
		if e.overlaps(o) {
			return &Fault{Field: "first", Kind: "overlap", With: &o,
				Text: fmt.Sprintf("%s to %s overlaps with %s, %s to %s: change the days, or remove that entry first", e.First, e.Last, o.Kind, o.First, o.Last)}
		}
	}
	return nil
}

// overlaps says that two entries contradict or repeat each other: two terms, or
// a closure or open day and another.
func (e Entry) overlaps(o Entry) bool {
	return (e.Kind == Term) == (o.Kind == Term) && e.First <= o.Last && o.First <= e.Last &&
		(e.Session == "" || o.Session == "" || e.Session == o.Session)
}

// With is the calendar with an entry more.
func (c Calendar) With(e Entry) Calendar {
	c.Entries = sorted(append(slices.Clone(c.Entries), e))
	return c
}

// Add adds entries to a school's calendar, all or none; a *Fault says what is
// wrong with the first that cannot be added, at the time of the change.
func Add(ctx context.Context, tx *database.Tx, school string, entries []Entry, by Change) error {
	c, err := Read(ctx, tx, school)
	if err != nil {
		return err
	}
	for i, e := range entries {
		if f := c.Check(e, by.At); f != nil {
			f.Line = i + 1
			return f
		}
		c = c.With(e)
		// Somebody who enters the same at the same moment has done it already.
		if _, err := tx.Exec(ctx, `INSERT INTO calendar_entries (school, first_day, session, kind, last_day, authority, changed_by, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`, school, string(e.First), string(e.Session), string(e.Kind), string(e.Last),
			by.Authority, by.User, database.Micros(by.At)); err != nil {
			return fmt.Errorf("add to the calendar of %s: %w", school, err)
		}
	}
	return nil
}

// Remove takes an entry out of a school's calendar; ErrNotFound if it is not
// there any more. Only Kind, First and Session of e count.
func Remove(ctx context.Context, tx *database.Tx, school string, e Entry) error {
	n, err := tx.Exec(ctx, "DELETE FROM calendar_entries WHERE school = ? AND first_day = ? AND session = ? AND kind = ?",
		school, string(e.First), string(e.Session), string(e.Kind))
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove from the calendar of %s: %w", school, err)
	}
	return nil
}

// CheckClocks says what is wrong with the times of a day.
func CheckClocks(clocks map[status.Session]status.Clock) *Fault {
	for _, s := range []status.Session{status.AM, status.PM} {
		field := map[status.Session]string{status.AM: "am_", status.PM: "pm_"}[s]
		switch c := clocks[s]; {
		case c.Register < 0 || c.Register >= 24*time.Hour:
			return &Fault{Field: field + "register", Kind: "time", Text: fmt.Sprintf("the %s register time must lie between 00:00 and 23:59", s)}
		case c.NotReceived < 0 || c.NotReceived >= 24*time.Hour:
			return &Fault{Field: field + "not_received", Kind: "time", Text: fmt.Sprintf("the %s time of not received must lie between 00:00 and 23:59", s)}
		case c.Late < c.Register:
			return &Fault{Field: field + "late", Kind: "late_order", Text: fmt.Sprintf("the %s late time is before the register time: make it the same or later", s)}
		case c.NotReceived < c.Late:
			return &Fault{Field: field + "not_received", Kind: "not_received_order", Text: fmt.Sprintf("the %s time of not received is before the late time: make it the same or later", s)}
		}
	}
	if clocks[status.PM].Register <= clocks[status.AM].Register {
		return &Fault{Field: "pm_register", Kind: "pm_order", Text: "the afternoon register is not after the morning's: correct one of them"}
	}
	return nil
}

// SetTimes sets the times of both sessions from a day on. Times of later days go
// with it; those of earlier days stay.
func SetTimes(ctx context.Context, tx *database.Tx, school string, from record.Date, clocks map[status.Session]status.Clock, by Change) error {
	if f := CheckClocks(clocks); f != nil {
		return f
	}
	_, err := tx.Exec(ctx, "DELETE FROM session_times WHERE school = ? AND from_day >= ?", school, string(from))
	for _, s := range []status.Session{status.AM, status.PM} {
		if err != nil {
			break
		}
		c := clocks[s]
		_, err = tx.Exec(ctx, `INSERT INTO session_times (school, from_day, session, register_at, late_at, not_received_at, authority, changed_by, changed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, school, string(from), string(s), int64(c.Register/time.Second), int64(c.Late/time.Second),
			int64(c.NotReceived/time.Second), by.Authority, by.User, database.Micros(by.At))
	}
	if err != nil {
		return fmt.Errorf("set the session times of %s: %w", school, err)
	}
	return nil
}

// SetByPhone says that a school reports by phone, and why.
func SetByPhone(ctx context.Context, tx *database.Tx, school string, why Reason, by Change) error {
	if !slices.Contains(Reasons(), why) {
		return &Fault{Field: "reason", Kind: "reason", Text: "say why the school reports by phone: no_agent, no_mis, moving, repair or other"}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO by_phone (school, reason, authority, changed_by, changed_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (school) DO UPDATE SET reason = excluded.reason, authority = excluded.authority, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
		school, string(why), by.Authority, by.User, database.Micros(by.At)); err != nil {
		return fmt.Errorf("note that %s reports by phone: %w", school, err)
	}
	return nil
}

// EndByPhone says that a school's registers come by agent again; it changes
// nothing where they do.
func EndByPhone(ctx context.Context, tx *database.Tx, school string) error {
	if _, err := tx.Exec(ctx, "DELETE FROM by_phone WHERE school = ?", school); err != nil {
		return fmt.Errorf("note that %s does not report by phone: %w", school, err)
	}
	return nil
}
