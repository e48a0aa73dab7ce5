package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
	"rollbridge/shared/clock"
)

// ErrSignIn is the one answer to everything that is not right, so that nobody
// learns which names exist.
var ErrSignIn = errors.New("the user name or password is not right")

// A WaitError says that a name or an address has been wrong too often.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many wrong tries: wait %s and try again", e.Wait.Round(time.Second))
}

// SignIn returns the user whose name and password these are. address is the
// peer's, without port. The error is ErrSignIn, a *WaitError (nothing was
// checked), or a fault of the collector's own.
func (a *Accounts) SignIn(ctx context.Context, name, password, address string) (User, error) {
	name = normalName(name)
	now := time.Now()
	if wait := a.addresses.try(address, now); wait > 0 {
		return User{}, &WaitError{wait}
	}
	if wait := a.names.try(name, now); wait > 0 {
		return User{}, &WaitError{wait}
	}
	u, err := a.check(ctx, name, password)
	if errors.Is(err, ErrSignIn) {
		return User{}, err
	}
	// A fault of ours is no guess of theirs.
	a.addresses.takeBack(address)
	if err != nil {
		a.names.takeBack(name)
		return User{}, err
	}
	a.names.succeeded(name)
	return u, nil
}

func (a *Accounts) check(ctx context.Context, name, password string) (User, error) {
	u, found, err := a.find(ctx, "name", name)
	if err != nil {
		return User{}, err
	}
	hash := u.password
	if !found {
		hash = a.nobody
	}
	right, err := checkPassword(ctx, hash, password)
	switch {
	case err != nil:
		return User{}, err
	case !found, !right, !u.Disabled.IsZero(), u.MustChange && !clock.Now().Before(u.OneTimeUntil):
		return User{}, ErrSignIn
	}
	return u, nil
}

// ChooseOwn replaces the one-time password of u, who has just signed in with
// it, by an own one, and returns the user as it is then. Errors beside the
// collector's own faults are the reasons of the rules, which say what to do,
// and ErrChanged where the password is no longer the one that u signed in with.
func (a *Accounts) ChooseOwn(ctx context.Context, u User, password string) (User, error) {
	if err := checkOwn(u.Name, password); err != nil {
		return User{}, err
	}
	same, err := checkPassword(ctx, u.password, password)
	if err != nil {
		return User{}, err
	}
	if same {
		return User{}, ErrSamePassword
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return User{}, err
	}
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE users SET password = ?, must_change = ?, one_time_until = NULL
			WHERE id = ? AND password = ? AND must_change = ?`, hash, false, u.ID, u.password, true)
		if err != nil {
			return fmt.Errorf("choose a password: %w", err)
		}
		if n == 0 {
			return ErrChanged
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	u.password, u.MustChange, u.OneTimeUntil = hash, false, time.Time{}
	return u, nil
}
