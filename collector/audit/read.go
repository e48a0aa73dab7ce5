package audit

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

// A Query chooses entries of one chain. Empty fields choose all.
type Query struct {
	Chain    Chain
	User     string
	School   string
	Action   Action
	From, To time.Time // From and later, before To
	// Before is the number that the entries come before, for the next page of Read; 0 is
	// the newest. After is the number that they come after.
	Before, After int64
	// Limit is the most that are returned; 0 is 50 of Read, and all of Each.
	Limit int
}

const defaultLimit = 50

// Read returns entries, the newest first, and whether there are more.
func (l *Log) Read(ctx context.Context, q Query) (list []Record, more bool, err error) {
	if q.Limit <= 0 {
		q.Limit = defaultLimit
	}
	err = l.db.Read(ctx, func(tx *database.Tx) error {
		query, args := q.sql("DESC", q.Limit+1)
		rows, err := readRows(ctx, tx, query, args...)
		if err != nil {
			return err
		}
		if more = len(rows) > q.Limit; more {
			rows = rows[:q.Limit]
		}
		list, err = l.open(ctx, tx, rows)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the audit log: %w", err)
	}
	return list, more, nil
}

// Each calls f for every entry that is chosen, the oldest first.
func (l *Log) Each(ctx context.Context, q Query, f func(Record) error) error {
	for n := 0; ; {
		want := piece
		if q.Limit > 0 {
			want = min(piece, q.Limit-n)
		}
		var list []Record
		err := l.db.Read(ctx, func(tx *database.Tx) error {
			query, args := q.sql("ASC", want)
			rows, err := readRows(ctx, tx, query, args...)
			if err == nil {
				list, err = l.open(ctx, tx, rows)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read the audit log: %w", err)
		}
		for _, r := range list {
			if err := f(r); err != nil {
				return err
			}
			q.After = r.Seq
		}
		if n += len(list); len(list) < want || n == q.Limit {
			return nil
		}
	}
}

const rowColumns = "SELECT chain, seq, id, at, user_id, action, authority, school, children, about, reason, hash FROM audit "

func (q Query) sql(order string, limit int) (string, []any) {
	where, args := []string{"chain = ?"}, []any{string(q.Chain)}
	add := func(condition string, arg any) { where, args = append(where, condition), append(args, arg) }
	if q.User != "" {
		add("user_id = ?", q.User)
	}
	if q.School != "" {
		add("school = ?", q.School)
	}
	if q.Action != "" {
		add("action = ?", string(q.Action))
	}
	if !q.From.IsZero() {
		add("at >= ?", database.Micros(q.From))
	}
	if !q.To.IsZero() {
		add("at < ?", database.Micros(q.To))
	}
	if q.Before > 0 {
		add("seq < ?", q.Before)
	}
	if q.After > 0 {
		add("seq > ?", q.After)
	}
	return rowColumns + "WHERE " + strings.Join(where, " AND ") + " ORDER BY seq " + order + " LIMIT ?", append(args, limit)
}

func readRows(ctx context.Context, tx *database.Tx, query string, args ...any) (list []row, err error) {
	err = eachRow(ctx, tx, func(r row) error {
		list = append(list, r)
		return nil
	}, query, args...)
	return list, err
}

func eachRow(ctx context.Context, tx *database.Tx, f func(row) error, query string, args ...any) error {
	return tx.Each(ctx, query, args, func(rows *sql.Rows) error {
		r, err := scanRow(rows)
		if err != nil {
			return err
		}
		return f(r)
	})
}

func scanRow(s *sql.Rows) (r row, err error) {
	err = s.Scan((*string)(&r.chain), &r.seq, &r.id, &r.at, &r.user, &r.action, &r.authority, &r.school, &r.children, &r.about, &r.reason, &r.hash)
	return r, err
}

// open turns rows into records, with their reasons where those can still be read.
func (l *Log) open(ctx context.Context, tx *database.Tx, rows []row) ([]Record, error) {
	type owner struct{ authority, school string }
	type found struct {
		key vault.Key
		ok  bool
	}
	keys := map[owner]found{}
	list := make([]Record, 0, len(rows))
	for _, r := range rows {
		rec := r.record()
		if len(r.reason) > 0 {
			o := owner{r.authority, r.school}
			k, known := keys[o]
			if !known && l.vault != nil {
				var err error
				if k.key, k.ok, err = (&store.Tx{Tx: tx}).FindKey(ctx, l.vault, r.authority, r.school); err != nil {
					return nil, err
				}
				keys[o] = k
			}
			rec.Reason, rec.ReasonGone = openReason(k.key, k.ok, r)
		}
		list = append(list, rec)
	}
	return list, nil
}

// openReason opens the reason of a row. One that does not open was sealed by a key that is
// hidden or destroyed: a school that has stopped gets another.
func openReason(key vault.Key, ok bool, r row) (text string, gone bool) {
	if !ok {
		return "", true
	}
	plain, err := key.Open(reasonName(r.authority, r.school, r.id), r.reason)
	return string(plain), err != nil
}

func (r row) record() Record {
	return Record{
		Entry: Entry{Authority: r.authority, User: r.user, Action: Action(r.action), Subject: Subject{
			School: r.school, Children: parseChildren(r.children), About: r.about,
		}},
		Chain: r.chain, Seq: r.seq, ID: fmt.Sprintf("%x", r.id), At: database.FromMicros(r.at), Hash: r.hash,
	}
}
