package portal

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// A query gathers the facts of all schools, one table at a time, inside one
// transaction: all figures of a page are true at the same moment.
type query struct {
	ctx       context.Context
	tx        *database.Tx
	authority string // empty is all
	now       time.Time
	schools   map[string]*facts
}

// each runs a query whose first column is the school and calls row with its
// facts; rows of schools that are not asked about are passed over.
func (q query) each(what, text string, args []any, dest []any, row func(*facts) error) error {
	rows, err := q.tx.Query(q.ctx, text, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var school string
		if err := rows.Scan(append([]any{&school}, dest...)...); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if f, ok := q.schools[school]; ok {
			if err := row(f); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (q query) list() error {
	text := "SELECT school, name, phone, revoked_at FROM schools"
	var args []any
	if q.authority != "" {
		text += " WHERE school IN (SELECT school FROM provisions WHERE authority = ?)"
		args = append(args, q.authority)
	}
	rows, err := q.tx.Query(q.ctx, text, args...)
	if err != nil {
		return fmt.Errorf("schools: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var f facts
		var revoked sql.NullInt64
		if err := rows.Scan(&f.ID, &f.Name, &f.Phone, &revoked); err != nil {
			return fmt.Errorf("schools: %w", err)
		}
		f.revoked, f.revokedAt = revoked.Valid, database.FromNullMicros(revoked)
		q.schools[f.ID] = &f
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("schools: %w", err)
	}
	return q.provisions()
}

func (q query) provisions() error {
	var datasets string
	return q.each("provisions", "SELECT school, datasets FROM provisions", nil, []any{&datasets}, func(f *facts) error {
		f.attendance = f.attendance || strings.Contains(datasets, `"`+string(record.DatasetAttendance)+`"`)
		return nil
	})
}

// agents finds which agent speaks for each school now.
func (q query) agents() error {
	var id, key []byte
	var generation int64
	var state string
	var confirmed sql.NullInt64
	return q.each("agents", "SELECT school, agent, generation, sign_key, state, confirmed_at FROM agents ORDER BY school, generation", nil,
		[]any{&id, &generation, &key, &state, &confirmed}, func(f *facts) error {
			f.everSetUp = f.everSetUp || confirmed.Valid
			f.Unconfirmed = f.Unconfirmed || state == "pending"
			f.revoked = f.revoked || state == "revoked"
			if state == "confirmed" && len(id) == len(f.current.id) {
				copy(f.current.id[:], id)
				f.current.generation, f.current.signKey = generation, append([]byte(nil), key...)
			}
			return nil
		})
}

// heard finds when each agent last spoke and what it said of itself. What
// intake keeps is believed only if the agent signed it.
func (q query) heard() error {
	var id, frame []byte
	var at int64
	return q.each("what agents said", "SELECT school, agent, heard_at, checkin FROM attempts", nil,
		[]any{&id, &at, &frame}, func(f *facts) error {
			if at > 0 {
				f.LastHeard = later(f.LastHeard, database.FromMicros(at))
			}
			if f.current.generation > 0 && string(id) == string(f.current.id[:]) {
				if c, ok := readCheckin(frame, f.current.signKey); ok {
					f.checkin, f.Problems = &c, c.Problems
				}
			}
			return nil
		})
}

func readCheckin(frame, key []byte) (c protocol.Checkin, ok bool) {
	f, err := protocol.ParseFrame(frame, protocol.MessageCheckin)
	if err != nil || f.Verify(ed25519.PublicKey(key)) != nil {
		return c, false
	}
	var posted protocol.Posted
	if json.Unmarshal(f.Body, &posted) != nil {
		return c, false
	}
	return c, protocol.Verify(posted.Request, protocol.DomainCheckin, [][]byte{key}, &c) == nil
}

// registers finds for what time the newest register is true: never later than
// it arrived, or a school's fast clock would turn an early reading into one.
func (q query) registers() error {
	var at sql.NullInt64
	return q.each("registers", `SELECT school, MAX(CASE WHEN attendance_as_at < received_at THEN attendance_as_at ELSE received_at END)
		FROM deliveries WHERE attendance_as_at IS NOT NULL GROUP BY school`, nil,
		[]any{&at}, func(f *facts) error {
			f.RegisterAsAt = database.FromNullMicros(at)
			return nil
		})
}

func (q query) lists() error {
	var at sql.NullInt64
	var applied int64
	return q.each("lists of children", "SELECT school, pupils_as_at, applied_at FROM positions", nil,
		[]any{&at, &applied}, func(f *facts) error {
			if at.Valid {
				f.ListAsAt = database.FromMicros(min(at.Int64, applied))
			}
			return nil
		})
}

func (q query) children() error {
	text := "SELECT school, SUM(CASE WHEN left_at IS NULL THEN 1 ELSE 0 END), SUM(CASE WHEN left_at > ? THEN 1 ELSE 0 END) FROM pupils"
	args := []any{database.Micros(q.now.Add(-LeftWindow))}
	if q.authority != "" {
		text += " WHERE authority = ?"
		args = append(args, q.authority)
	}
	var here, left int
	return q.each("children", text+" GROUP BY school", args, []any{&here, &left}, func(f *facts) error {
		f.Children, f.Left = here, left
		return nil
	})
}

func (q query) waiting() error {
	var n int
	return q.each("waiting batches", "SELECT school, COUNT(*) FROM inbox WHERE state = 'waiting' GROUP BY school", nil,
		[]any{&n}, func(f *facts) error {
			f.Waiting = n
			return nil
		})
}

func (q query) refused() error {
	text := "SELECT school, COUNT(*) FROM quarantine GROUP BY school"
	var args []any
	if q.authority != "" {
		text = `SELECT q.school, COUNT(*) FROM quarantine q
			JOIN records r ON r.school = q.school AND r.dataset = q.dataset AND r.key = q.key
			JOIN pupils p ON p.school = r.school AND p.pupil = r.pupil
			WHERE p.authority = ? GROUP BY q.school`
		args = append(args, q.authority)
	}
	var n int
	return q.each("refused records", text, args, []any{&n}, func(f *facts) error {
		f.Refused = n
		return nil
	})
}

// holds of pupils are an authority's own; those of other datasets are the
// school's.
func (q query) holds() error {
	text := "SELECT school, code, dataset, authority, gone, of_, since FROM holds WHERE released_at IS NULL"
	var args []any
	if q.authority != "" {
		text += " AND authority IN ('', ?)"
		args = append(args, q.authority)
	}
	var h Hold
	var since int64
	return q.each("holds", text+" ORDER BY school, since, code", args,
		[]any{&h.Code, &h.Dataset, &h.Authority, &h.Gone, &h.Of, &since}, func(f *facts) error {
			h.Since = database.FromMicros(since)
			f.Holds = append(f.Holds, h)
			return nil
		})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
