package calendar

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// Read reads the calendar of one school.
func Read(ctx context.Context, tx *database.Tx, school string) (Calendar, error) {
	found, err := read(ctx, tx, school)
	return found[school], err
}

// All reads the calendars of every school of which anything was said.
func All(ctx context.Context, tx *database.Tx) (map[string]Calendar, error) {
	return read(ctx, tx, "")
}

func read(ctx context.Context, tx *database.Tx, school string) (map[string]Calendar, error) {
	found := map[string]Calendar{}
	for _, part := range []func(context.Context, *database.Tx, string, map[string]Calendar) error{readTimes, readEntries, readPhone} {
		if err := part(ctx, tx, school, found); err != nil {
			return nil, fmt.Errorf("read the calendar of schools: %w", err)
		}
	}
	return found, nil
}

const ofSchool = " WHERE ? = '' OR school = ? "

func readTimes(ctx context.Context, tx *database.Tx, school string, found map[string]Calendar) error {
	return tx.Each(ctx, "SELECT school, from_day, session, register_at, late_at, not_received_at, authority, changed_by, changed_at FROM session_times"+
		ofSchool+"ORDER BY school, from_day, session", []any{school, school}, func(r *sql.Rows) error {
		var id string
		var from record.Date
		var session status.Session
		var register, late, not, at int64
		var by Author
		if err := r.Scan(&id, (*string)(&from), (*string)(&session), &register, &late, &not, &by.Authority, &by.User, &at); err != nil {
			return err
		}
		c := found[id]
		if n := len(c.Times); n == 0 || c.Times[n-1].From != from {
			c.Times = append(c.Times, Times{From: from, Clocks: map[status.Session]status.Clock{}})
		}
		last := &c.Times[len(c.Times)-1]
		last.Clocks[session] = status.Clock{Register: seconds(register), Late: seconds(late), NotReceived: seconds(not)}
		last.Changed = Change{by, database.FromMicros(at)}
		found[id] = c
		return nil
	})
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func readEntries(ctx context.Context, tx *database.Tx, school string, found map[string]Calendar) error {
	return tx.Each(ctx, "SELECT school, kind, first_day, last_day, session, authority, changed_by, changed_at FROM calendar_entries"+
		ofSchool+"ORDER BY school, first_day, last_day, session, kind", []any{school, school}, func(r *sql.Rows) error {
		var id string
		var e Entry
		var at int64
		err := r.Scan(&id, (*string)(&e.Kind), (*string)(&e.First), (*string)(&e.Last), (*string)(&e.Session),
			&e.Changed.Authority, &e.Changed.User, &at)
		e.Changed.At = database.FromMicros(at)
		c := found[id]
		c.Entries = append(c.Entries, e)
		found[id] = c
		return err
	})
}

func readPhone(ctx context.Context, tx *database.Tx, school string, found map[string]Calendar) error {
	return tx.Each(ctx, "SELECT school, reason, authority, changed_by, changed_at FROM by_phone"+ofSchool, []any{school, school}, func(r *sql.Rows) error {
		var id string
		var p ByPhone
		var at int64
		err := r.Scan(&id, (*string)(&p.Reason), &p.Changed.Authority, &p.Changed.User, &at)
		p.Changed.At = database.FromMicros(at)
		c := found[id]
		c.Phone = &p
		found[id] = c
		return err
	})
}

// sorted is a calendar's entries in the order of Calendar.Entries.
func sorted(entries []Entry) []Entry {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, compareEntries)
	return entries
}
