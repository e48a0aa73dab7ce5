package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollbridge/collector/database"
)

// ErrNoAccess: the authority's own service says who it is, and that person was
// not invited here.
var ErrNoAccess = errors.New("nobody was invited here under this identity: ask an administrator of your authority for an invitation")

// An Identity is what an authority's own sign-in service says of somebody.
type Identity struct {
	// Authority is whose service it is: it speaks of people of this one only.
	Authority string
	// Subject names the person at that service for good: issuer and subject.
	Subject string
	// Email is empty unless the service vouches that it is the person's.
	Email string
}

// EnterOpenID finds the person of an identity. The first time it must be an
// invited person of the same e-mail address, who then has no password here; first
// says so. It never makes a person, and an authority's service never lets in anybody who
// belongs to another authority too, for it could then read that one's children.
func (a *Accounts) EnterOpenID(ctx context.Context, who Identity) (u User, first bool, err error) {
	if who.Subject == "" {
		return User{}, false, ErrNoAccess
	}
	err = a.db.Write(ctx, func(tx *database.Tx) error {
		var found bool
		u, found, err = findIn(ctx, tx, "subject", who.Subject)
		if err == nil && !found {
			u, err = a.invited(ctx, tx, who)
		}
		if err != nil {
			return err
		}
		first = !found
		if !who.speaksOf(u) || !u.Works(a.now()) {
			return ErrNoAccess
		}
		if found {
			_, err = tx.Exec(ctx, "UPDATE users SET signed_in_at = ? WHERE id = ?", database.Micros(a.now()), u.ID)
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE users SET subject = ?, password = '', password_new = '', must_change = ?, one_time_until = NULL,
			totp = NULL, totp_new = NULL, ended = ended + 1, signed_in_at = ? WHERE id = ?`, who.Subject, false, database.Micros(a.now()), u.ID)
		return err
	})
	if err != nil {
		return User{}, false, fmt.Errorf("sign in at the authority's own service: %w", err)
	}
	u, _, err = a.find(ctx, "id", u.ID)
	return u, first, err
}

func (w Identity) speaksOf(u User) bool {
	return u.Role.OfAuthority() && len(u.Authorities) == 1 && u.Authorities[0] == w.Authority
}

// invited finds the one person who waits under the e-mail address of an identity.
func (a *Accounts) invited(ctx context.Context, tx *database.Tx, who Identity) (User, error) {
	if who.Email == "" {
		return User{}, ErrNoAccess
	}
	list, err := read(ctx, tx, " WHERE u.email = ?", strings.ToLower(who.Email))
	if err != nil {
		return User{}, err
	}
	var found []User
	for _, u := range list {
		if u.MustChange && a.now().Before(u.OneTimeUntil) && who.speaksOf(u) {
			found = append(found, u)
		}
	}
	if len(found) != 1 {
		return User{}, ErrNoAccess
	}
	return found[0], nil
}
