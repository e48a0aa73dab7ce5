package web

import (
	"fmt"
	"time"

	"rollbridge/collector/portal/account"
)

// Between the password and the second factor somebody is neither signed in nor a
// stranger. The session then holds who it is under keys of its own, so that no page
// with a right can take it for a sign-in.
const (
	beginnerKey = "beginner"
	beginStamp  = "beginner-stamp"
	begunKey    = "begun"
	// BeginLife is how long somebody may take from the password to the last step.
	BeginLife = 20 * time.Minute
)

// Begin notes that a person has given the password and has steps left. The token of
// the session is a fresh one.
func (v *Visit) Begin(u account.User) error {
	m, ctx := v.site.sessions, v.Context()
	if err := m.RenewToken(ctx); err != nil {
		return fmt.Errorf("begin to sign in: %w", err)
	}
	m.Remove(ctx, userKey)
	v.Put(beginnerKey, u.ID)
	v.Put(beginStamp, u.Stamp())
	v.Put(begunKey, stamp(v.Now))
	return nil
}

// Beginner is who has given the password and has steps left; found is false for
// nobody, and after BeginLife, a change of the password or the end of the access.
func (v *Visit) Beginner() (u account.User, found bool, err error) {
	id := v.Get(beginnerKey)
	if id == "" || !v.Now.Before(moment(v.Get(begunKey)).Add(BeginLife)) {
		return account.User{}, false, nil
	}
	u, found, err = v.site.Accounts.ByID(v.Context(), id)
	if err != nil || !found || u.Stamp() != v.Get(beginStamp) {
		return account.User{}, false, err
	}
	return u, true, nil
}

// Stay keeps this session through a change that ends every other one of the person.
func (v *Visit) Stay(u account.User) error {
	if err := v.site.sessions.RenewToken(v.Context()); err != nil {
		return fmt.Errorf("keep a session: %w", err)
	}
	v.Put(stampKey, u.Stamp())
	v.User = u
	return nil
}
