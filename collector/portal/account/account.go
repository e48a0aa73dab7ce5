package account

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// OneTimeLife is how long a one-time password may wait to be used.
const OneTimeLife = 72 * time.Hour

// What callers branch on; each text says what to do.
var (
	ErrExists    = errors.New("there is already a user of this name: choose another name, or give this one a new password with `user reset`")
	ErrNoUser    = errors.New("there is no user of this name: see `user list`")
	ErrName      = errors.New("a user name is 2 to 64 characters, letters and digits and . _ - @, such as jo.lee or jo@council.example: choose another")
	ErrAuthority = errors.New("there is no authority with this code: see `authority list`")
	ErrSchool    = errors.New("there is no school with this id: see `school list`")
	ErrRole      = errors.New("the role is not one that there is, or not one that you may give: choose another")
	// ErrPlace: a role and whom it is for do not fit.
	ErrPlace = errors.New("an operator has no authority and no school, a school's person has one school, and everybody else has one or more authorities: correct it")
	ErrEmail = errors.New("the e-mail address is not one: write it like jo@council.example, or leave it out")
	ErrUntil = errors.New("the access would end in the past: give a later date")
	ErrChild = errors.New("a child of the caseload is not one of the person's authorities: choose among their children")
	// ErrSelf: people cannot take their own access away, or give themselves more.
	ErrSelf = errors.New("you cannot do this to your own access: ask another administrator")
	// ErrLast: nobody could let others in any more.
	ErrLast = errors.New("this is the last administrator of an authority, or the last operator: invite another first, and wait until that person has signed in")
	// ErrChanged: somebody else changed the account in the meantime.
	ErrChanged = errors.New("the account was changed in the meantime: sign in again")
)

// Accounts are the people in one database. It may be used concurrently.
type Accounts struct {
	db        *database.DB
	vault     *vault.Vault
	audit     *audit.Log
	names     *throttle
	addresses *throttle
	codes     *throttle
	now       func() time.Time
	nobody    string // a hash that no password fits, checked where there is no user
}

// Open prepares the accounts in db. The vault seals second factors; it may be
// nil where nobody signs in.
func Open(db *database.DB, v *vault.Vault) *Accounts {
	return &Accounts{
		db:    db,
		vault: v,
		audit: audit.New(db, v),
		names: newThrottle(3, 5*time.Minute),
		// An authority's whole office may share one address.
		addresses: newThrottle(20, 15*time.Minute),
		// Three codes of a million are good at any time: with one try in a quarter of
		// an hour a guesser who has the password needs years.
		codes:  newThrottle(5, 15*time.Minute),
		now:    clock.Now,
		nobody: inForce.encode(make([]byte, saltLen), make([]byte, hashLen)),
	}
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{1,63}$`)

// normalName is how names are kept: people do not remember capitals.
func normalName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
