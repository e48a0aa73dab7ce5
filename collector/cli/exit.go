package cli

import (
	"errors"

	"rollbridge/collector/database"
	"rollbridge/collector/keys"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/release"
	"rollbridge/collector/store"
)

// How a command ends. Scripts may rely on these.
const (
	ExitDone     = 0 // it is done
	ExitFailed   = 1 // something did not work; the message says what
	ExitUsage    = 2 // the command line is not understood
	ExitRefused  = 3 // not as things stand; nothing was changed, the message says what to do
	ExitSettings = 4 // the settings cannot be used
	ExitFaults   = 5 // fsck found faults, or status an alarm
)

// exitError gives an error its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error    { return &exitError{ExitUsage, err} }
func refused(err error) error  { return &exitError{ExitRefused, err} }
func settled(err error) error  { return &exitError{ExitSettings, err} }
func refuse(text string) error { return refused(errors.New(text)) }

// refusals are the errors of other packages that changed nothing and say what
// to do.
var refusals = []error{
	store.ErrNotFound, store.ErrExists, store.ErrInvalid, store.ErrStopped,
	account.ErrExists, account.ErrNoUser, account.ErrName, account.ErrAuthority, account.ErrSchool, account.ErrRole, account.ErrPlace,
	account.ErrEmail, account.ErrUntil, account.ErrLast,
	database.ErrSchemaOld, database.ErrSchemaNew,
	keys.ErrExists, keys.ErrMissing, keys.ErrReadable,
}

func exitCode(err error) int {
	var e *exitError
	var r *release.Refusal
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &r):
		return ExitRefused
	}
	for _, r := range refusals {
		if errors.Is(err, r) {
			return ExitRefused
		}
	}
	return ExitFailed
}
