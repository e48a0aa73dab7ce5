// Package accounttest makes people for tests: invited, with an own password and a
// second factor, as if they had signed in for the first time. It belongs to no
// program. Start reading at Join.
package accounttest

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"rollbridge/collector/portal/account"
	"rollbridge/shared/clock"
)

// Password is the own password of everybody whom Join makes.
const Password = "three random words"

// A Member is a person with what only the person knows.
type Member struct {
	account.User
	// Key is the second factor's, for Code.
	Key string
	// Recovery are the recovery codes.
	Recovery []string
}

// Join invites a person and takes every step of the first sign-in. The accounts
// need a vault. To show a page to the person, give Member.User to webtest.
func Join(t testing.TB, a *account.Accounts, p account.Person) Member {
	t.Helper()
	ctx := t.Context()
	oneTime, err := a.Invite(ctx, account.User{}, p)
	must(t, err)
	u, err := a.SignIn(ctx, p.Name, oneTime, "192.0.2.1")
	must(t, err)
	u, err = a.ChooseOwn(ctx, u, Password)
	must(t, err)
	setup, err := a.Setup(u)
	must(t, err)
	m := Member{Key: strings.ReplaceAll(setup.Key, " ", "")}
	m.User, m.Recovery, err = a.FinishSecond(ctx, u, Code(t, m.Key, clock.Now()))
	must(t, err)
	return m
}

// Code is what the app of a second factor shows at a time. Each is good once: for
// the next one, ask half a minute later.
func Code(t testing.TB, key string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(key, at)
	must(t, err)
	return code
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
