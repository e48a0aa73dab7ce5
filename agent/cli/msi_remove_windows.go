package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/host"
	"rollbridge/agent/installation"
	"rollbridge/agent/school"
	"rollbridge/agent/service"
	"rollbridge/agent/settings"
	"rollbridge/agent/slot"
)

func (p *program) msiRemove() *cobra.Command {
	var keep string
	c := &cobra.Command{
		Use:  "remove",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.removeAll(c.Context(), strings.EqualFold(property(keep), "keep"))
		},
	}
	c.Flags().StringVar(&keep, "logbook", "", "")
	return c
}

// removeAll takes out the service and deletes everything but the installed files,
// which Windows Installer deletes.
func (p *program) removeAll(ctx context.Context, keepLogbook bool) error {
	s, there, err := service.Entered()
	if err != nil {
		return err
	}
	if _, err := service.Uninstall(ctx); err != nil {
		return err
	}
	own, err := workerProgram()
	if err != nil {
		return err
	}
	errs := []error{os.RemoveAll(slot.Beside(own).Path), forgetFile(filepath.Join(filepath.Dir(own), revocationFile)), begun()}
	usual := settings.Defaults().DataDir
	switch {
	case !there || s.Dir == "":
		errs = append(errs, installation.Remove(usual, false, keepLogbook))
	case !s.Schools:
		errs = append(errs, installation.Remove(s.Dir, !strings.EqualFold(s.Dir, usual), keepLogbook))
	default:
		names, err := host.Schools(s.Dir)
		errs = append(errs, err)
		for _, name := range names {
			errs = append(errs, installation.Remove(filepath.Join(s.Dir, name), true, keepLogbook))
		}
		_ = os.Remove(s.Dir) // where nothing else is in it
		_ = os.Remove(usual)
	}
	return errors.Join(errs...)
}

func forgetFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (p *program) msiUndo() *cobra.Command {
	return &cobra.Command{
		Use:  "undo",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.undo(c.Context()) },
	}
}

// beginning is there from when an installation enters the service until it has
// started it: what it says tells undo what is new. It is empty, or says that the
// data directory is new.
const beginning = "installing.txt"

func beginningPath() (string, error) {
	own, err := workerProgram()
	return filepath.Join(filepath.Dir(own), beginning), err
}

func begin(s service.Setup) error {
	path, err := beginningPath()
	if err != nil {
		return err
	}
	text := ""
	if _, err := os.Lstat(s.Dir); errors.Is(err, fs.ErrNotExist) {
		text = s.Dir
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

func begun() error {
	path, err := beginningPath()
	if err != nil {
		return err
	}
	return forgetFile(path)
}

// undo takes back what a broken-off installation made. A service that was there
// before is only stopped: Windows Installer puts its program back, then starts it by
// `msi start --again`.
func (p *program) undo(ctx context.Context) error {
	path, err := beginningPath()
	if err != nil {
		return err
	}
	made, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return stopEntered(ctx)
	}
	if err != nil {
		return err
	}
	_, err = service.Uninstall(ctx)
	errs := []error{err, os.RemoveAll(slot.Beside(path).Path), begun()}
	if dir := string(made); dir != "" && !school.HasState(dir) {
		errs = append(errs, installation.Remove(dir, true, false))
	}
	return errors.Join(errs...)
}
