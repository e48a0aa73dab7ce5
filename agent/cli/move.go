package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/agent/move"
	"rollbridge/agent/settings"
)

func (p *program) move() *cobra.Command {
	c := &cobra.Command{
		Use:   "move",
		Short: "Move the agent to a new computer in one file",
		Long: `Carries keys, state, queue, what the school allows and the logbook to a new computer, which
goes on where the old one was: no new code, no full batch. The old one stops for good.

  1. on the new computer   move import                       shows the key of that computer
  2. on the old computer   move export --to FILE < key.txt   seals to that key, and stops
  3. on the new computer   move import FILE                  goes on

Only the new computer can open the file. Settings are not in it, since they may hold
passwords: both commands list those that were set.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.moveImport(), p.moveExport())
	return c
}

func (p *program) moveImport() *cobra.Command {
	return &cobra.Command{
		Use:     "import [FILE]",
		Short:   "Show this computer's key, or take over the agent in FILE",
		Example: "  rollbridge-agent move import > key.txt\n  rollbridge-agent move import /media/usb/oakmere.move",
		Args:    arguments(0, 1, "give one file at most"),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := p.settings()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				key, err := move.ShowKey(c.Context(), set)
				if err != nil {
					return readable(err)
				}
				p.printf("%s\n", key)
				p.note("This is the key of this computer, %s; it is no secret. Give it to `rollbridge-agent move export` on the old one within 7 days.", key.ID())
				return nil
			}
			about, err := move.Import(c.Context(), set, args[0])
			if err != nil {
				return readable(err)
			}
			p.printf("Agent %s is here now, with its queue and its logbook.\n", about.Agent)
			p.showSettingsToTake(about.Settings)
			p.note("Try the MIS with `rollbridge-agent profile test`. When all is well, delete %s.", args[0])
			return nil
		},
	}
}

func (p *program) moveExport() *cobra.Command {
	var to, keyFile string
	c := &cobra.Command{
		Use:     "export [KEY]",
		Short:   "Seal the agent to the key of the new computer and stop it here for good",
		Long:    "The key that the new computer showed is read from standard input, from --key-file, or given as\nan argument in quotes. If the command is cut off, the same one finishes it.",
		Example: "  rollbridge-agent move export --to /media/usb/oakmere.move --key-file key.txt",
		Args:    arguments(0, 1, "give the key in quotes, as one argument"),
		RunE: func(c *cobra.Command, args []string) error {
			if to == "" {
				return usageError{errors.New("say with --to which file to make")}
			}
			key, err := p.moveKey(args, keyFile)
			if err != nil {
				return err
			}
			set, explained, err := settings.Load(p.given, p.Environ)
			if err != nil {
				return usageError{err}
			}
			var names []string
			for _, s := range explained {
				if s.Origin != "default" && s.Key != "data_dir" {
					names = append(names, s.Key)
				}
			}
			return p.exportTo(c.Context(), set, key, to, names)
		},
	}
	c.Flags().StringVar(&to, "to", "", "the new `file` to make")
	c.Flags().StringVar(&keyFile, "key-file", "", "read the key from a `file`")
	return c
}

func (p *program) moveKey(args []string, file string) (move.Key, error) {
	const most = 16 << 10
	var text string
	switch {
	case len(args) == 1 && file != "":
		return move.Key{}, usageError{errors.New("give the key once")}
	case len(args) == 1 && args[0] != "-":
		text = args[0]
	default:
		var in io.Reader = p.in
		if file != "" {
			f, err := os.Open(file)
			if err != nil {
				return move.Key{}, fmt.Errorf("read the key: %w", err)
			}
			defer f.Close()
			in = f
		}
		data, err := io.ReadAll(io.LimitReader(in, most))
		if err != nil {
			return move.Key{}, fmt.Errorf("read the key: %w", err)
		}
		text = string(data)
	}
	key, err := move.ParseKey(text)
	if err != nil {
		return key, usageError{err}
	}
	return key, nil
}

func (p *program) exportTo(ctx context.Context, set settings.Settings, key move.Key, to string, names []string) error {
	// A running service gives the state up; if the move fails it takes it again.
	if _, err := byService(ctx, set.DataDir, askLetGo, nil, nil); err != nil {
		return err
	}
	if err := move.Export(ctx, set, key, to, names); err != nil {
		return readable(notEnrolled(set.DataDir, err))
	}
	p.printf("The agent has stopped here for good. All of it is in %s, sealed to the key %s.\n", to, key.ID())
	p.printf("On the new computer: rollbridge-agent move import FILE\n")
	p.showSettingsToTake(names)
	return nil
}

func (p *program) showSettingsToTake(names []string) {
	if len(names) > 0 {
		p.printf("Settings are not in the file. These were set, and belong into agent.yaml of the new computer:\n  %s\n", strings.Join(names, "\n  "))
	}
}
