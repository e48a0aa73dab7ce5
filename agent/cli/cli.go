package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/school"
	"rollbridge/agent/settings"
)

// A Terminal is what a command talks to.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string
}

// The exit codes.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRefused     = 3
	ExitUnreachable = 4
	ExitMIS         = 5
)

const exitCodes = `
Exit codes: 0 done; 1 failed; 2 wrong usage or settings; 3 refused, or a person must act
(held removals, nothing allowed, not enrolled); 4 the collector was not reached (what is
sealed waits in the queue); 5 the MIS could not be read. Take any other code as failed.`

// usageError is a mistake in how a command was called or set up.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// program is one invocation.
type program struct {
	Terminal
	in    *bufio.Reader
	given settings.Given
}

// Run runs one command and returns its exit code. Cancel ctx to end it.
func Run(ctx context.Context, args []string, t Terminal) int {
	p := &program{Terminal: t, in: bufio.NewReader(t.In)}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	fmt.Fprintf(t.Err, "rollbridge-agent: %s\n", oneText(err))
	return exitCode(err)
}

// oneText joins what errors.Join put on lines of their own.
func oneText(err error) string {
	return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n  ")
}

func exitCode(err error) int {
	var usage usageError
	if errors.As(err, &usage) {
		return ExitUsage
	}
	switch school.KindOf(err) {
	case school.Refused:
		return ExitRefused
	case school.Unreachable:
		return ExitUnreachable
	case school.MIS:
		return ExitMIS
	}
	return ExitFailed
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollbridge-agent",
		Short: "Carries the records of looked-after pupils from the school's MIS to their authority",
		Long: `rollbridge-agent reads the looked-after pupils of the authorities that this school agreed
to, seals what changed and sends it to the collector. The school stays in control:
preview shows what would leave, log what left, pause and revoke stop it.
` + exitCodes,
		Example: `  rollbridge-agent enrol RB1-…    paste the code that the operator sent
  rollbridge-agent preview        exactly what the next sync would send
  rollbridge-agent run            the service, in the foreground`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; `rollbridge-agent --help` lists the commands", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVar(&p.given.File, "config", "", "settings `file` (default agent.yaml in the data directory)")
	root.PersistentFlags().StringVar(&p.given.DataDir, "data-dir", "", "data `directory` of this school (also ROLLBRIDGE_DATA_DIR)")
	root.AddCommand(p.check())
	root.AddCommand(p.forInstaller()...)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	root.AddCommand(p.enrol(), p.preview(), p.sync(), p.run(), p.status(), p.scope(), p.roster(), p.log(), p.pause(), p.resume(), p.service(), p.supervise(),
		p.revoke(), p.forget(), p.certificate(), p.move(), p.fsck(), p.profile(), p.config(), p.update(), p.version())
	return root
}

// settings loads what is in force; mistakes in it are usage errors.
func (p *program) settings() (settings.Settings, error) {
	set, _, err := settings.Load(p.given, p.Environ)
	if err != nil {
		return set, usageError{err}
	}
	return set, nil
}

// arguments refuses a wrong number of them.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return usageError{fmt.Errorf("%s; see `%s --help`", what, c.CommandPath())}
		}
		return nil
	}
}

var noArguments = arguments(0, 0, "this command takes no arguments")

func (p *program) printf(format string, args ...any) { fmt.Fprintf(p.Out, format, args...) }

// note tells the person something that is no result.
func (p *program) note(format string, args ...any) { fmt.Fprintf(p.Err, format+"\n", args...) }

// printJSON writes one indented JSON value.
func (p *program) printJSON(v any) error { return writeJSON(p.Out, v) }

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// yes asks a question; only y or yes is a yes, and no answer is a no.
func (p *program) yes(question string) bool {
	fmt.Fprintf(p.Err, "%s [y/N] ", question)
	line, _ := p.in.ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}

// logger writes the log to standard error in the form that the settings say.
func (p *program) logger(l settings.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // the settings are checked
	options := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.Err, options))
	}
	return slog.New(slog.NewTextHandler(p.Err, options))
}
