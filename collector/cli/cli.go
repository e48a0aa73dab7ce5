package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/collector/settings"
	"rollbridge/shared/version"
)

// program is what every command works with.
type program struct {
	out, err io.Writer
	environ  []string
	given    settings.Given
	log      *slog.Logger
}

// Run runs one command and returns its exit code. environ is as os.Environ
// gives it; args does not hold the program's name. When ctx ends, serve stops
// in an orderly way and other commands give up.
func Run(ctx context.Context, args, environ []string, in io.Reader, out, err io.Writer) int {
	p := &program{out: out, err: err, environ: environ, log: slog.New(slog.NewTextHandler(err, nil))}
	root := p.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(err)
	fault := root.ExecuteContext(ctx)
	if fault != nil {
		fmt.Fprintln(err, "rollbridge-collector:", fault)
	}
	return exitCode(fault)
}

const rootLong = `The collector takes sealed records of looked-after children from schools, keeps
them encrypted, and shows each authority what has arrived and what has not.

Begin with "rollbridge-collector init". Exit codes: 0 done, 1 failed, 2 command
line not understood, 3 refused and nothing changed, 4 settings cannot be used,
5 fsck or audit verify found faults, or status an alarm.`

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "rollbridge-collector", Short: "Run the Rollbridge collector", Long: rootLong,
		SilenceErrors: true, SilenceUsage: true, Args: cobra.ArbitraryArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              group("rollbridge-collector"),
	}
	root.PersistentFlags().StringVar(&p.given.File, "config", "", "settings `file` (default: collector.yaml in the data directory)")
	root.PersistentFlags().StringVar(&p.given.DataDir, "data-dir", "", "data `directory` (default: "+settings.Defaults().DataDir+")")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see `%s --help`", err, c.CommandPath()))
	})
	root.AddCommand(
		p.initCommand(), p.serveCommand(), p.migrateCommand(), p.authorityCommand(), p.schoolCommand(), p.rosterCommand(), p.codeCommand(),
		p.agentCommand(), p.keyCommand(), p.userCommand(), p.statusCommand(), p.compareCommand(), p.fsckCommand(), p.retentionCommand(),
		p.releaseCommand(), p.auditCommand(),
		p.configCommand(), p.versionCommand(),
	)
	return root
}

// group is the body of a command that only has commands below it.
func group(path string) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(fmt.Errorf("say which command: %s; see `%s --help`", strings.Join(names(c), ", "), path))
		}
		text := fmt.Sprintf("%q is not a command of %s%s; there are %s", args[0], path, nearest(args[0], names(c)), strings.Join(names(c), ", "))
		return usage(errors.New(text))
	}
}

func names(c *cobra.Command) (list []string) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			list = append(list, sub.Name())
		}
	}
	return list
}

// parent makes a command that only has others below it.
func parent(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: group("rollbridge-collector " + use)}
	c.AddCommand(subs...)
	return c
}

// exactly asks for the arguments that a command names in its Use line.
func exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usage(fmt.Errorf("the command is `%s`, and %s given here; see `%s --help`", c.UseLine(), arguments(len(args)), c.CommandPath()))
	}
}

func arguments(n int) string {
	switch n {
	case 0:
		return "no argument was"
	case 1:
		return "1 argument was"
	}
	return fmt.Sprintf("%d arguments were", n)
}

// between asks for a number of arguments.
func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		return usage(fmt.Errorf("the command is `%s`, and %s given here; see `%s --help`", c.UseLine(), arguments(len(args)), c.CommandPath()))
	}
}

// printf writes a result. An error of the terminal or pipe is the command's own.
func (p *program) printf(format string, args ...any) error {
	if _, err := fmt.Fprintf(p.out, format, args...); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

// notef writes what is not the result: what to do next.
func (p *program) notef(format string, args ...any) { fmt.Fprintf(p.err, format, args...) }

// said prints a result, and then what comes next.
func (p *program) said(result, next string) error {
	err := p.printf("%s\n", result)
	p.notef("%s\n", next)
	return err
}

// printJSON writes a result for scripts.
func (p *program) printJSON(v any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error { return p.printf("rollbridge-collector %s\n", version.String()) },
	}
}

func (p *program) configCommand() *cobra.Command {
	var asJSON bool
	explain := &cobra.Command{
		Use: "explain", Short: "Show every setting in force and where it came from", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, explained, err := settings.Load(p.given, p.environ)
			if explained != nil {
				var printed error
				if asJSON {
					printed = p.printJSON(explained)
				} else {
					printed = explained.WriteTable(p.out)
				}
				if printed != nil {
					return printed
				}
			}
			if err != nil {
				return settled(err)
			}
			return nil
		},
	}
	explain.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return parent("config", "Look at the settings", explain)
}
