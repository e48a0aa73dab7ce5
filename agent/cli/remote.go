package cli

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"rollbridge/agent/control"
	"rollbridge/agent/identity"
	"rollbridge/agent/school"
	"rollbridge/agent/settings"
)

// The commands of the control socket.
const (
	askStatus  = "status"
	askScope   = "scope"
	askPreview = "preview"
	askSync    = "sync"
	askFsck    = "fsck"
	askPaused  = "paused"
	askRevoke  = "revoke"
	askLetGo   = "let-go"
	askTrace   = "trace"

	askScopeDecide    = "scope-decide"
	askRoster         = "roster"
	askRosterList     = "roster-list"
	askRosterAccept   = "roster-accept"
	askRosterWithdraw = "roster-withdraw"
)

// idle is the code of a service that has no school open: the command may act
// by itself.
const idle = "idle"

// patience is how long a command waits for another that holds the state.
const patience = 10 * time.Second

// byService hands a command to the running service. It says false where none
// runs, or none that has the school open.
func byService(ctx context.Context, dir, command string, in, out any) (bool, error) {
	err := control.NewClient(dir).Call(ctx, command, 0, in, out)
	var no *control.Refusal
	switch {
	case errors.Is(err, control.ErrNoService):
		return false, nil
	case errors.As(err, &no) && no.Code == idle:
		return false, nil
	case errors.As(err, &no):
		return true, &school.Fault{Kind: school.Kind(no.Code), Text: no.Text}
	case errors.Is(err, fs.ErrPermission):
		return true, &school.Fault{Kind: school.Refused, Text: "you may not speak to the service: run the command as an administrator or as the service's own user"}
	}
	return true, err
}

// direct opens the school for a command where no service has it.
func direct(ctx context.Context, set settings.Settings, act func(*school.School) error) error {
	s, err := school.Open(ctx, set, school.Options{Patience: patience})
	if err != nil {
		return notEnrolled(set.DataDir, err)
	}
	return errors.Join(act(s), s.Close())
}

// notEnrolled words a missing identity by what the directory shows.
func notEnrolled(dir string, err error) error {
	if errors.Is(err, identity.ErrMissing) {
		return &school.Fault{Kind: school.Refused, Text: school.StatusWithout(dir).Next}
	}
	return err
}

// either runs a command by the service, or by itself.
func either[T any](ctx context.Context, set settings.Settings, command string, in any, act func(*school.School) (T, error)) (T, error) {
	var out T
	done, err := byService(ctx, set.DataDir, command, in, &out)
	if done {
		return out, err
	}
	err = direct(ctx, set, func(s *school.School) (err error) {
		out, err = act(s)
		return err
	})
	return out, err
}
