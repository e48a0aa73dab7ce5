package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollbridge/collector/database"
)

// ErrPassword is the answer to a wrong present password of somebody who is
// signed in.
var ErrPassword = errors.New("this is not your present password: enter it again")

// ChooseOwn keeps the own password that u, who has just signed in with a one-time
// one, will have, and makes the key of the second factor: FinishSecond puts both
// in force together. Errors beside the collector's own faults are the reasons of
// the rules, which say what to do, and ErrChanged where the one-time password is
// not the one that u signed in with any more.
func (a *Accounts) ChooseOwn(ctx context.Context, u User, password string) (User, error) {
	hash, err := a.newPassword(ctx, u, password)
	if err != nil {
		return User{}, err
	}
	if !u.MustChange {
		return User{}, ErrChanged
	}
	err = a.update(ctx, u, "UPDATE users SET password_new = ? WHERE id = ? AND password = ? AND must_change = ?", hash, u.ID, u.password, true)
	if err == nil {
		err = a.BeginSecond(ctx, u)
	}
	if err != nil {
		return User{}, err
	}
	u, _, err = a.find(ctx, "id", u.ID)
	return u, err
}

// ChangePassword replaces the own password of somebody who is signed in. Every
// other session ends.
func (a *Accounts) ChangePassword(ctx context.Context, u User, present, password string) (User, error) {
	if err := a.CheckPassword(ctx, u, present); err != nil {
		return User{}, err
	}
	hash, err := a.newPassword(ctx, u, password)
	if err != nil {
		return User{}, err
	}
	err = a.update(ctx, u, "UPDATE users SET password = ?, ended = ended + 1 WHERE id = ? AND password = ? AND must_change = ?", hash, u.ID, u.password, false)
	if err != nil {
		return User{}, err
	}
	u, _, err = a.find(ctx, "id", u.ID)
	return u, err
}

// newPassword checks a new password of u and hashes it.
func (a *Accounts) newPassword(ctx context.Context, u User, password string) (string, error) {
	if err := checkOwn(u.Name, password); err != nil {
		return "", err
	}
	same, err := checkPassword(ctx, u.password, password)
	if err != nil {
		return "", err
	}
	if same {
		return "", ErrSamePassword
	}
	return hashPassword(ctx, password)
}

// CheckPassword asks somebody who is signed in for the password once more, before
// something that a stranger at an open screen must not do: ErrPassword, or a
// *WaitError after too many wrong ones.
func (a *Accounts) CheckPassword(ctx context.Context, u User, password string) error {
	if wait := a.names.try(u.Name, time.Now()); wait > 0 {
		return &WaitError{wait}
	}
	right, err := false, error(nil)
	if u.password != "" {
		right, err = checkPassword(ctx, u.password, password)
	}
	switch {
	case err != nil:
		a.names.takeBack(u.Name)
		return err
	case !right:
		return ErrPassword
	}
	a.names.succeeded(u.Name)
	return nil
}

// EndOthers ends every session of a person; the caller gives the one that asked
// the new stamp.
func (a *Accounts) EndOthers(ctx context.Context, u User) (User, error) {
	if err := a.update(ctx, u, "UPDATE users SET ended = ended + 1 WHERE id = ?", u.ID); err != nil {
		return User{}, err
	}
	u, _, err := a.find(ctx, "id", u.ID)
	return u, err
}

// SetLanguage keeps in which language a person reads the pages.
func (a *Accounts) SetLanguage(ctx context.Context, u User, language string) error {
	return a.update(ctx, u, "UPDATE users SET language = ? WHERE id = ?", language, u.ID)
}

// SetAlerts keeps whether a person wants an e-mail when a session is over.
func (a *Accounts) SetAlerts(ctx context.Context, u User, wants bool) error {
	return a.update(ctx, u, "UPDATE users SET alerts = ? WHERE id = ?", wants, u.ID)
}

// update changes the row of a person: ErrChanged where it is not as the
// statement says.
func (a *Accounts) update(ctx context.Context, u User, statement string, args ...any) error {
	return a.db.Write(ctx, func(tx *database.Tx) error {
		n, err := tx.Exec(ctx, statement, args...)
		if err != nil {
			return fmt.Errorf("change the account %s: %w", u.ID, err)
		}
		if n == 0 {
			return ErrChanged
		}
		return nil
	})
}
