package account

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrSignIn is the one answer to everything that is not right, so that nobody
// learns which names exist.
var ErrSignIn = errors.New("the user name or password is not right")

// A WaitError says that a name or an address has been wrong too often.
type WaitError struct{ Wait time.Duration }

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many wrong tries: wait %s and try again", e.Wait.Round(time.Second))
}

// SignIn returns the user whose name and password these are: the first of two
// steps. Next says which is the second. address is the
// peer's, without port. The error is ErrSignIn, a *WaitError (nothing was
// checked), or a fault of the collector's own.
func (a *Accounts) SignIn(ctx context.Context, name, password, address string) (User, error) {
	name, address = normalName(name), network(address)
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
	if !found || hash == "" { // who signs in at the authority's own service has none
		hash, found = a.nobody, false
	}
	right, err := checkPassword(ctx, hash, password)
	switch {
	case err != nil:
		return User{}, err
	case !found, !right, !u.Works(a.now()), u.MustChange && !a.now().Before(u.OneTimeUntil):
		return User{}, ErrSignIn
	}
	return a.begin(ctx, u)
}

// begin prepares the second step. Who was invited starts from the beginning: the
// password that somebody else may have chosen with the same one-time password is
// forgotten.
func (a *Accounts) begin(ctx context.Context, u User) (User, error) {
	switch {
	case u.MustChange:
		err := a.update(ctx, u, "UPDATE users SET password_new = '', totp_new = NULL WHERE id = ? AND password = ?", u.ID, u.password)
		if err != nil {
			return User{}, err
		}
	case u.totp == nil: // of before there were second factors
		if err := a.BeginSecond(ctx, u); err != nil {
			return User{}, err
		}
	default:
		return u, nil
	}
	u, _, err := a.find(ctx, "id", u.ID)
	return u, err
}

// A Step is what somebody must still do to be signed in.
type Step string

// The steps after the password.
const (
	ChoosePassword Step = "choose" // ChooseOwn
	SetUpSecond    Step = "set up" // FinishSecond
	EnterCode      Step = "code"   // Code or Recover
)

// Next is the step that follows the password, or the own password.
func (u User) Next() Step {
	switch {
	case u.MustChange && u.newOne == "":
		return ChoosePassword
	case u.MustChange || u.totp == nil:
		return SetUpSecond
	}
	return EnterCode
}
