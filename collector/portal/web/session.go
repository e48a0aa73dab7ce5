package web

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"

	"rollbridge/collector/database"
	"rollbridge/collector/portal/account"
)

// How long a session lasts: a working day, or an hour without a page.
const (
	SessionLife = 12 * time.Hour
	SessionIdle = time.Hour
	// SessionWarning is how long before its end a page says so.
	SessionWarning = 5 * time.Minute
	// sessionGrace is how long an ended session is still known, so that who sends a form
	// then is told what happened and finds it again: also after a weekend.
	sessionGrace = 72 * time.Hour
	// seenEvery is how exactly the last page is known. Writing it at each page would have
	// every page wait for the database's one writer.
	seenEvery = time.Minute
)

const sessionCookie = "rollbridge"

// cookie is the whole name of a cookie. The __Host- prefix makes browsers refuse it unless
// it is secure, for this host only and for every path.
func (s *Site) cookie(name string) string {
	if s.Plain {
		return name + "-plain"
	}
	return "__Host-" + name
}

// What a session holds.
const (
	userKey      = "user"
	stampKey     = "stamp"
	startedKey   = "started"
	seenKey      = "seen"
	authorityKey = "authority"
)

// SignIn begins a session of a person with a fresh token, so that one from before the
// sign-in is worth nothing. What was kept of a form stays.
func (v *Visit) SignIn(u account.User) error {
	m, ctx := v.site.sessions, v.Context()
	kept := m.GetString(ctx, keptKey)
	if err := m.Clear(ctx); err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	if err := m.RenewToken(ctx); err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	if kept != "" {
		m.Put(ctx, keptKey, kept)
	}
	m.Put(ctx, userKey, u.ID)
	m.Put(ctx, stampKey, u.Stamp())
	m.Put(ctx, startedKey, stamp(v.Now))
	m.Put(ctx, seenKey, stamp(v.Now))
	v.User = u
	return nil
}

// SignOut ends the session.
func (v *Visit) SignOut() error {
	if err := v.site.sessions.Destroy(v.Context()); err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	v.User = account.User{}
	return nil
}

// Ends is when the session ends if no other page is opened.
func (v *Visit) Ends() time.Time {
	idle, last := v.Now.Add(SessionIdle), moment(v.Get(startedKey)).Add(SessionLife)
	if last.Before(idle) {
		return last
	}
	return idle
}

func stamp(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }

func moment(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(n)
}

// recognise fills in who is asking. ended says that the browser came with a session that
// lets nobody in any more; v.former is then whose it was, where that is known.
func (s *Site) recognise(v *Visit) (ended bool, err error) {
	id := v.Get(userKey)
	if id == "" {
		_, err := v.R.Cookie(s.cookie(sessionCookie))
		return err == nil, nil
	}
	u, found, err := s.Accounts.ByID(v.Context(), id)
	if err != nil {
		return false, err
	}
	started, seen := moment(v.Get(startedKey)), moment(v.Get(seenKey))
	if !found || u.Stamp() != v.Get(stampKey) || !v.Now.Before(started.Add(SessionLife)) || !v.Now.Before(seen.Add(SessionIdle)) {
		return true, nil
	}
	if v.Now.Sub(seen) >= seenEvery {
		v.Put(seenKey, stamp(v.Now))
	}
	v.User = u
	v.Printer = s.chosen(v.R, u)
	return false, v.choose()
}

// sessionTable keeps sessions in the table sessions. scs gives it hashes of
// tokens, so a copy of the database lets nobody in.
type sessionTable struct{ db *database.DB }

var _ scs.CtxStore = sessionTable{}

func (s *Site) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = sessionTable{s.DB}
	m.HashTokenInStore = true
	m.Lifetime = SessionLife + sessionGrace
	m.Cookie.Name = s.cookie(sessionCookie)
	m.Cookie.Path = "/"
	m.Cookie.Secure = !s.Plain
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Persist = false
	m.ErrorFunc = s.lost
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
