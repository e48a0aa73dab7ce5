package portal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"rollbridge/collector/database"
)

// How long a session lasts: a working day, or an hour without a page. Both by
// the system's own clock, as scs counts.
const (
	sessionLife = 12 * time.Hour
	sessionIdle = time.Hour
)

// The __Host- prefix makes browsers refuse the cookie unless it is secure, for
// this host only and for every path.
const cookieName = "__Host-rollbridge"

// What a session holds.
const (
	keyUser  = "user"
	keyStamp = "stamp"
)

// sessionTable keeps sessions in the table sessions. scs gives it hashes of
// tokens, so a copy of the database lets nobody in.
type sessionTable struct{ db *database.DB }

var _ scs.CtxStore = sessionTable{}

func newSessions(db *database.DB, fail func(http.ResponseWriter, *http.Request, error)) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionTable{db}
	m.HashTokenInStore = true
	m.Lifetime, m.IdleTimeout = sessionLife, sessionIdle
	m.Cookie.Name = cookieName
	m.Cookie.Path = "/"
	m.Cookie.Secure = true
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Persist = false
	m.ErrorFunc = fail
	return m
}

// SweepSessions deletes the sessions that have ended.
func SweepSessions(ctx context.Context, db *database.DB) error {
	err := db.Write(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM sessions WHERE expiry < ?", database.Micros(time.Now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("delete ended sessions: %w", err)
	}
	return nil
}

// DeleteCtx is scs.CtxStore's.
func (s sessionTable) DeleteCtx(ctx context.Context, token string) error {
	err := s.db.Write(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, "DELETE FROM sessions WHERE token = ?", token)
		return err
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// FindCtx is scs.CtxStore's.
func (s sessionTable) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	err = s.db.Read(ctx, func(tx *database.Tx) error {
		return tx.QueryRow(ctx, "SELECT data FROM sessions WHERE token = ? AND expiry > ?", token, database.Micros(time.Now())).Scan(&data)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find session: %w", err)
	}
	return data, true, nil
}

// CommitCtx is scs.CtxStore's.
func (s sessionTable) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	err := s.db.Write(ctx, func(tx *database.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO sessions (token, data, expiry) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expiry = excluded.expiry`, token, data, database.Micros(expiry))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// Delete is scs.Store's; scs calls the Ctx form.
func (s sessionTable) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// Find is scs.Store's; scs calls the Ctx form.
func (s sessionTable) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is scs.Store's; scs calls the Ctx form.
func (s sessionTable) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}
