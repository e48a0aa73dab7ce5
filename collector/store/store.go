package store

import (
	"context"
	"errors"

	"rollbridge/collector/database"
)

// What callers branch on.
var (
	// ErrNotFound: there is no such authority, school, code or agent.
	ErrNotFound = errors.New("not found")
	// ErrExists: it is there already; nothing was changed.
	ErrExists = errors.New("it exists already")
	// ErrInvalid: what was given cannot be stored; the text says why.
	ErrInvalid = errors.New("not valid")
	// ErrStopped: the school has stopped, so its data are hidden.
	ErrStopped = errors.New("stopped by the school: its data are hidden until they are destroyed")
)

// A Store is the collector's data in one database. It may be used
// concurrently, and by several processes.
type Store struct {
	db   *database.DB
	said *checkins
}

// New uses an open database of the present schema; the caller closes it.
func New(db *database.DB) *Store { return &Store{db: db, said: new(checkins)} }

// Write runs f in one transaction; see database.DB.Write for repeats.
func (s *Store) Write(ctx context.Context, f func(*Tx) error) error {
	return s.db.Write(ctx, func(tx *database.Tx) error { return f(&Tx{tx, s.said}) })
}

// Read runs f on one state of the database.
func (s *Store) Read(ctx context.Context, f func(*Tx) error) error {
	return s.db.Read(ctx, func(tx *database.Tx) error { return f(&Tx{tx, s.said}) })
}

// A Tx is a transaction in which apply and enrolment change several things
// together. It is good only inside the function that got it.
type Tx struct {
	*database.Tx
	// said is the store's; nil where a transaction was not begun by one.
	said *checkins
}
