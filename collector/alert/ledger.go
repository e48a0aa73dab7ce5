package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/store"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// keep is for how many days it is known what was sent.
const keep = 7

// lease is how long a process that tries to send an e-mail has it for itself; more
// than one try takes.
const lease = 2 * whole

// A parcel is what is to be sent about one authority and session.
type parcel struct {
	authority string
	day       record.Date
	session   status.Session
}

// A task is one e-mail that is due.
type task struct {
	parcel
	user     string
	attempts int
	next     time.Time
}

// A ledger knows what was sent to whom, for all processes.
type ledger struct{ store *store.Store }

// open notes to whom an e-mail is to be sent, once.
func (l ledger) open(ctx context.Context, p parcel, users []string, now time.Time) error {
	if len(users) == 0 {
		return nil
	}
	missing, err := l.missing(ctx, p, users)
	if err != nil || len(missing) == 0 {
		return err
	}
	return l.store.Write(ctx, func(tx *store.Tx) error {
		for _, id := range missing {
			if _, err := tx.Exec(ctx, "INSERT INTO alerts (authority, day, session, user_id, next_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
				p.authority, string(p.day), string(p.session), id, database.Micros(now)); err != nil {
				return fmt.Errorf("note the e-mails of authority %s: %w", p.authority, err)
			}
		}
		return nil
	})
}

func (l ledger) missing(ctx context.Context, p parcel, users []string) (list []string, err error) {
	tasks, err := l.read(ctx, p, "")
	known := map[string]bool{}
	for _, t := range tasks {
		known[t.user] = true
	}
	for _, id := range users {
		if !known[id] {
			list = append(list, id)
		}
	}
	return list, err
}

// unsent lists the e-mails that were not sent yet.
func (l ledger) unsent(ctx context.Context, p parcel) ([]task, error) {
	return l.read(ctx, p, " AND sent_at IS NULL")
}

func (l ledger) read(ctx context.Context, p parcel, where string) (list []task, err error) {
	err = l.store.Read(ctx, func(tx *store.Tx) error {
		list = nil
		return tx.Each(ctx, "SELECT user_id, attempts, next_at FROM alerts WHERE authority = ? AND day = ? AND session = ?"+where+" ORDER BY user_id",
			[]any{p.authority, string(p.day), string(p.session)}, func(rows *sql.Rows) error {
				t := task{parcel: p}
				var next int64
				if err := rows.Scan(&t.user, &t.attempts, &next); err != nil {
					return err
				}
				t.next = database.FromMicros(next)
				list = append(list, t)
				return nil
			})
	})
	if err != nil {
		return nil, fmt.Errorf("read the e-mails of authority %s: %w", p.authority, err)
	}
	return list, nil
}

// take has an e-mail for this process until the lease ends; false if another
// process was faster.
func (l ledger) take(ctx context.Context, t task, now time.Time) (taken bool, err error) {
	err = l.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE alerts SET attempts = attempts + 1, next_at = ? WHERE authority = ? AND day = ? AND session = ? AND user_id = ?
			AND sent_at IS NULL AND attempts = ? AND next_at = ?`,
			database.Micros(now.Add(lease)), t.authority, string(t.day), string(t.session), t.user, t.attempts, database.Micros(t.next))
		taken = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take an e-mail of authority %s: %w", t.authority, err)
	}
	return taken, nil
}

// sent notes that the mail server has taken an e-mail, and does what belongs to it
// in the same transaction.
func (l ledger) sent(ctx context.Context, t task, now time.Time, then func(*database.Tx) error) error {
	err := l.store.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE alerts SET sent_at = ? WHERE authority = ? AND day = ? AND session = ? AND user_id = ? AND sent_at IS NULL",
			database.Micros(now), t.authority, string(t.day), string(t.session), t.user)
		if err != nil || n == 0 {
			return err
		}
		return then(tx.Tx)
	})
	if err != nil {
		return fmt.Errorf("note an e-mail of authority %s: %w", t.authority, err)
	}
	return nil
}

// again says when to try an e-mail again that was not sent.
func (l ledger) again(ctx context.Context, t task, next time.Time) error {
	err := l.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE alerts SET next_at = ? WHERE authority = ? AND day = ? AND session = ? AND user_id = ? AND sent_at IS NULL",
			database.Micros(next), t.authority, string(t.day), string(t.session), t.user)
		return err
	})
	if err != nil {
		return fmt.Errorf("put off an e-mail of authority %s: %w", t.authority, err)
	}
	return nil
}

// forget forgets what was sent long ago.
func (l ledger) forget(ctx context.Context, today record.Date) error {
	var old bool
	before := string(today.AddDays(-keep))
	err := l.store.Read(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, "SELECT TRUE FROM alerts WHERE day < ? LIMIT 1", before).Scan(&old)
		if errors.Is(err, sql.ErrNoRows) {
			old = false
			return nil
		}
		return err
	})
	if err == nil && old {
		err = l.store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "DELETE FROM alerts WHERE day < ?", before)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("forget old e-mails: %w", err)
	}
	return nil
}
