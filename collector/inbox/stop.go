package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/envelope"
)

// A StopRequest is a revocation code that somebody gave to the public page. Its
// Code is a secret until it is decided.
type StopRequest struct {
	School   string
	Agent    envelope.AgentID
	Code     string
	Received time.Time
}

// KeepStop stores a request for apply to decide; the first of an agent stays.
// When it returns nil, one is durable.
func (i *Inbox) KeepStop(ctx context.Context, q StopRequest) error {
	return i.keep(ctx, &job{
		order: q.School + "/" + q.Agent.String(),
		bytes: len(q.Code),
		done:  make(chan error, 1),
		do: func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.Exec(ctx, "INSERT INTO stop_requests (school, agent, code, received_at) VALUES (?, ?, ?, ?) ON CONFLICT (school, agent) DO NOTHING",
				q.School, q.Agent[:], q.Code, database.Micros(q.Received))
			if err != nil {
				return fmt.Errorf("keep a revocation code: %w", err)
			}
			return nil
		},
	})
}

// WaitingStops lists the codes that are not decided, the oldest first, at most
// limit.
func WaitingStops(ctx context.Context, tx *database.Tx, limit int) ([]StopRequest, error) {
	rows, err := tx.Query(ctx, "SELECT school, agent, code, received_at FROM stop_requests WHERE code <> '' ORDER BY received_at "+atMost, limit)
	if err != nil {
		return nil, fmt.Errorf("list revocation codes: %w", err)
	}
	defer rows.Close()
	var found []StopRequest
	for rows.Next() {
		q, err := scanStop(rows)
		if err != nil {
			return nil, fmt.Errorf("list revocation codes: %w", err)
		}
		found = append(found, q)
	}
	return found, rows.Err()
}

func scanStop(r *sql.Rows) (q StopRequest, err error) {
	var agent []byte
	var received int64
	err = r.Scan(&q.School, &agent, &q.Code, &received)
	copy(q.Agent[:], agent)
	q.Received = database.FromMicros(received)
	return q, err
}

// TakeStop empties the code of a request whose word is carried out, inside the
// caller's transaction. ErrDecided when it was decided already.
func TakeStop(ctx context.Context, tx *database.Tx, q StopRequest) error {
	return decideStop(ctx, tx, q, "UPDATE stop_requests SET code = ''")
}

// DropStop takes a request away whose code is not the agent's, so that the right
// one can still come.
func DropStop(ctx context.Context, tx *database.Tx, q StopRequest) error {
	return decideStop(ctx, tx, q, "DELETE FROM stop_requests")
}

func decideStop(ctx context.Context, tx *database.Tx, q StopRequest, do string) error {
	n, err := tx.Exec(ctx, do+" WHERE school = ? AND agent = ? AND code <> ''", q.School, q.Agent[:])
	if err != nil {
		return fmt.Errorf("decide a revocation code: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("decide a revocation code: %w", ErrDecided)
	}
	return nil
}
