package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollbridge/agent/service"
	"rollbridge/agent/settings"
	"rollbridge/agent/slot"
	"rollbridge/agent/supervise"
	"rollbridge/shared/version"
)

// supervise is what the service manager starts.
func (p *program) supervise() *cobra.Command {
	var schools string
	c := &cobra.Command{
		Use:    "supervise",
		Short:  "Keep `run` running: what the service manager starts",
		Hidden: true,
		Args:   noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			args, err := p.workerArguments(schools)
			if err != nil {
				return err
			}
			path, err := workerProgram()
			if err != nil {
				return err
			}
			// The settings are the worker's: with wrong ones this must run all the same.
			s := supervise.Supervisor{
				Own: path, Version: version.Version, Dir: slot.Beside(path), Args: args,
				Log: p.serviceLog(settings.Defaults().Log),
			}
			if f, is := p.Err.(*os.File); is {
				s.Stderr = f
			}
			return service.Run(c.Context(), s.Run)
		},
	}
	c.Flags().StringVar(&schools, "schools", "", "run every school that has a data directory in this `directory`")
	return c
}

// workerArguments are those of the worker, with full paths.
func (p *program) workerArguments(schools string) ([]string, error) {
	if schools != "" {
		if err := p.noSchoolGiven(); err != nil {
			return nil, err
		}
	}
	args := []string{"run", "--until-stdin-closes"}
	for _, given := range []struct{ flag, path string }{
		{"--schools", schools}, {"--config", p.given.File}, {"--data-dir", p.given.DataDir},
	} {
		if given.path == "" {
			continue
		}
		path, err := filepath.Abs(given.path)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", given.flag, err)
		}
		args = append(args, given.flag, path)
	}
	return args, nil
}

// workerProgram is this program: what supervises, and works as long as nothing
// newer does.
func workerProgram() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's own file: %w", err)
	}
	return path, nil
}
