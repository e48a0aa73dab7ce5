package account

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/clock"
)

// OneTimeLife is how long a one-time password may wait to be used.
const OneTimeLife = 72 * time.Hour

// What callers branch on.
var (
	ErrExists    = errors.New("there is already a user of this name: choose another name, or give this one a new password with `user reset`")
	ErrNoUser    = errors.New("there is no user of this name: see `user list`")
	ErrName      = errors.New("a user name is 2 to 64 characters, letters and digits and . _ - @, such as jo.lee or jo@council.example: choose another")
	ErrAuthority = errors.New("there is no authority with this code: see `authority list`")
	// ErrChanged: the password was changed by somebody else in the meantime.
	ErrChanged = errors.New("the password was changed in the meantime: sign in again")
)

// Accounts are the people in one database. It may be used concurrently.
type Accounts struct {
	db        *database.DB
	names     *throttle
	addresses *throttle
	nobody    string // a hash that no password fits, checked where there is no user
}

// Open prepares the accounts in db.
func Open(db *database.DB) *Accounts {
	return &Accounts{
		db:    db,
		names: newThrottle(3, 5*time.Minute),
		// An authority's whole office may share one address.
		addresses: newThrottle(20, 15*time.Minute),
		nobody:    inForce.encode(make([]byte, saltLen), make([]byte, hashLen)),
	}
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{1,63}$`)

// normalName is how names are kept: people do not remember capitals.
func normalName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// Add makes a user inside a transaction of the caller and returns the one-time
// password, which cannot be shown again. An empty authority sees all.
func Add(ctx context.Context, tx *database.Tx, name, authority string) (oneTime string, err error) {
	name = normalName(name)
	if !namePattern.MatchString(name) {
		return "", ErrName
	}
	if err := free(ctx, tx, name, authority); err != nil {
		return "", err
	}
	oneTime = newOneTime()
	hash, err := hashPassword(ctx, oneTime)
	if err != nil {
		return "", err
	}
	now := clock.Now()
	id, role := newID(), Operator
	if authority != "" {
		role = Administrator
	}
	_, err = tx.Exec(ctx, `INSERT INTO users (id, name, password, must_change, one_time_until, role, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, id, name, hash, true, database.Micros(now.Add(OneTimeLife)), string(role), database.Micros(now))
	if err == nil && authority != "" {
		_, err = tx.Exec(ctx, "INSERT INTO user_authorities (user_id, authority) VALUES (?, ?)", id, authority)
	}
	if err != nil {
		return "", fmt.Errorf("add user: %w", err)
	}
	return oneTime, nil
}

func free(ctx context.Context, tx *database.Tx, name, authority string) error {
	var n int
	if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM users WHERE name = ?", name).Scan(&n); err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	if n > 0 {
		return ErrExists
	}
	if authority == "" {
		return nil
	}
	if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM authorities WHERE code = ?", authority).Scan(&n); err != nil {
		return fmt.Errorf("add user: %w", err)
	}
	if n == 0 {
		return ErrAuthority
	}
	return nil
}

func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
	return hex.EncodeToString(b[:])
}

// Add is the function Add in a transaction of its own.
func (a *Accounts) Add(ctx context.Context, name, authority string) (oneTime string, err error) {
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		oneTime, err = Add(ctx, tx, name, authority)
		return err
	})
	return oneTime, err
}

// Reset gives a user a new one-time password and lets a disabled one in again.
// Every session of the user ends.
func (a *Accounts) Reset(ctx context.Context, name string) (oneTime string, err error) {
	oneTime = newOneTime()
	hash, err := hashPassword(ctx, oneTime)
	if err != nil {
		return "", err
	}
	until := clock.Now().Add(OneTimeLife)
	err = a.change(ctx, name, `UPDATE users SET password = ?, must_change = ?, one_time_until = ?, disabled_at = NULL WHERE name = ?`,
		hash, true, database.Micros(until), normalName(name))
	return oneTime, err
}

// Disable ends a user's access, and every session at its next page.
func (a *Accounts) Disable(ctx context.Context, name string) error {
	return a.change(ctx, name, "UPDATE users SET disabled_at = ? WHERE name = ?", database.Micros(clock.Now()), normalName(name))
}

func (a *Accounts) change(ctx context.Context, name, query string, args ...any) error {
	err := a.db.Write(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("change user: %w", err)
		}
		if n == 0 {
			return ErrNoUser
		}
		return nil
	})
	if err == nil {
		a.names.succeeded(normalName(name))
	}
	return err
}
