package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	kardianos "github.com/kardianos/service"

	"rollbridge/agent/slot"
)

// A Refusal is why nothing was done, and what to do next.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// A Setup says how the service is to run. All paths are full ones.
type Setup struct {
	// Program is the file of the agent.
	Program string
	// Dir is the data directory, or with Schools the directory of many.
	Dir     string
	Schools bool
	// Config is a settings file outside Dir, empty for none.
	Config string
	// Account runs it, empty for the default; it must exist. Password is Windows's
	// for an account that has one.
	Account  string
	Password string
}

// arguments are those of Program.
func (s Setup) arguments() []string {
	args := []string{"supervise"}
	if s.Schools {
		args = append(args, "--schools", s.Dir)
	} else {
		args = append(args, "--data-dir", s.Dir)
	}
	if s.Config != "" {
		args = append(args, "--config", s.Config)
	}
	return args
}

// dirIn is the data directory, or the directory of schools, in the arguments of
// a service; "" if there is none.
func dirIn(args []string) string {
	for i, a := range args[:max(0, len(args)-1)] {
		if a == "--data-dir" || a == "--schools" {
			return args[i+1]
		}
	}
	return ""
}

// A State is how the service stands. Its JSON is a contract with scripts.
type State struct {
	Installed bool `json:"installed"`
	Running   bool `json:"running"`
	// State is the word of the system's own: active, activating, failed …
	State   string `json:"state,omitempty"`
	Account string `json:"account,omitempty"`
	// Dir is the data directory, or the directory of schools.
	Dir string `json:"directory,omitempty"`
	// Says is what the supervisor last told systemd.
	Says string `json:"says,omitempty"`

	// program is the file that is entered.
	program string
}

// program is what kardianos wants to have; it starts nothing, see Run.
type program struct{}

func (program) Start(kardianos.Service) error { return nil }
func (program) Stop(kardianos.Service) error  { return nil }

const (
	displayName = "Rollbridge agent"
	description = "Carries the records of looked-after pupils from the school's MIS to their authority"
)

// manager is the system's service manager, for one service.
func manager(s Setup, options kardianos.KeyValue) (kardianos.Service, error) {
	m, err := kardianos.New(program{}, &kardianos.Config{
		Name: Name, DisplayName: displayName, Description: description,
		UserName: s.Account, Executable: s.Program, Arguments: s.arguments(), Option: options,
	})
	if err != nil {
		return nil, fmt.Errorf("find this system's service manager: %w", err)
	}
	return m, nil
}

// Install enters the service; it does not start it. already says that it was
// there in just this way. One that is there in another way is refused, with the
// differences, unless replace is set: it is stopped and entered anew then. It
// takes an administrator.
func Install(ctx context.Context, s Setup, replace bool) (already bool, err error) {
	if err := ready(&s); err != nil {
		return false, err
	}
	differences, there, err := compare(s)
	if err != nil {
		return false, err
	}
	switch {
	case there && len(differences) == 0:
		return true, prepare(s)
	case there && !replace:
		return false, Refusal("the service is installed already, in another way; to put it in place of that one, add --replace:\n" + strings.Join(differences, "\n"))
	case there:
		// The one that works stays until it is certain that nothing of the new one
		// is refused. Nothing is prepared yet: the old one may still need its rights.
		if err := acceptable(s); err != nil {
			return false, fmt.Errorf("replace the service, which stays as it was: %w", err)
		}
		if _, err := Uninstall(ctx); err != nil {
			return false, fmt.Errorf("replace the service: %w", err)
		}
	}
	// What is refused is not entered. What an earlier installation had begun to try
	// is not tried by this one.
	if err = prepare(s); err == nil {
		err = slot.Beside(s.Program).EndProbation()
	}
	if err == nil {
		err = enter(s)
	}
	if err != nil {
		return false, fmt.Errorf("install the service: %w", err)
	}
	return false, nil
}

// Uninstall stops the service, within a limit, and takes it out. State is what
// was there. Data directory, versions and account stay.
func Uninstall(ctx context.Context) (State, error) {
	st, err := Look(ctx)
	if err != nil || !st.Installed {
		return st, err
	}
	if err := allowed(); err != nil {
		return st, err
	}
	if err := Stop(ctx); err != nil {
		return st, err
	}
	// A version on probation is left as soon as nobody watches it any more. That a
	// full disk may keep from being written is no reason to leave the service.
	var left error
	if st.program != "" {
		left = slot.Beside(st.program).EndProbation()
	}
	if err := errors.Join(takeOut(), left); err != nil {
		return st, fmt.Errorf("uninstall the service: %w", err)
	}
	return st, nil
}

const notInstalled = Refusal("the service is not installed: `rollbridge-agent service install` does it")

// Start starts the service, and says so if it does not come to work.
func Start(ctx context.Context) error {
	st, err := Look(ctx)
	switch {
	case err != nil:
		return err
	case !st.Installed:
		return notInstalled
	case st.Running:
		return nil
	}
	if err := allowed(); err != nil {
		return err
	}
	return start(ctx)
}

// Stop stops the service, and returns when it has ended; one that does not run
// is no error.
func Stop(ctx context.Context) error {
	st, err := Look(ctx)
	switch {
	case err != nil:
		return err
	case !st.Installed:
		return notInstalled
	}
	if err := allowed(); err != nil {
		return err
	}
	return stop(ctx)
}

// differing lists what only one of two texts has, line by line.
func differing(now, wanted []string) (found []string) {
	for _, l := range now {
		if !slices.Contains(wanted, l) {
			found = append(found, "  now:    "+l)
		}
	}
	for _, l := range wanted {
		if !slices.Contains(now, l) {
			found = append(found, "  wanted: "+l)
		}
	}
	return found
}
