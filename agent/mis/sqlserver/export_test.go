package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"
)

// Conn is the session's connection, for tests that try to get round the guard.
func (s *Session) Conn() *sql.Conn { return s.conn }

// DB is the session's pool of one.
func (s *Session) DB() *sql.DB { return s.db }

// Ask is ask with the statement that tells whether snapshots are allowed.
func (s *Session) Ask(ctx context.Context) error {
	return s.ask(ctx, askSnapshot, nil, func([]Cell) error { return nil })
}

// FixedTexts are the package's own statements.
func FixedTexts() []string { return slices.Sorted(maps.Keys(fixedTexts)) }

// OpenWithin is Open with another limit for reaching the server and signing on.
func OpenWithin(ctx context.Context, s Settings, limit time.Duration) (*Session, error) {
	t, err := newTrust(s)
	if err != nil {
		return nil, err
	}
	session := newSession(s, t)
	session.wire.limit = limit
	if err := session.open(ctx); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

// Fill makes the session believe that it has read as much as it may.
func (s *Session) Fill() { s.wire.read.Store(maxBytes) }
